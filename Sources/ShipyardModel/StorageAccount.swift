/// Where containers are and how they are reached, without a key: what plans and the state file hold.
package struct StorageAccount: Hashable, Sendable, Codable {
    /// `type` in credentials.
    package enum Kind: String, Sendable, Codable, CaseIterable {
        /// A directory below `storage/` in the home.
        case embedded
        /// Whatever speaks the protocol of Amazon S3.
        case s3
        case azureBlob = "azure_blob"
    }

    package var kind: Kind
    /// What jobs call it. Not a part of what it is: two aliases may lead to one account.
    package var alias: String
    /// Embedded: the directory below `storage/`. Azure: the account's name. S3: no more than a name.
    package var name: String
    /// S3: `https://host[:port]`; nil for Amazon's own of the region. Azure: the part of the host behind account and service, as
    /// `core.windows.net`, or, with a scheme, the whole URL of the account, as
    /// `http://127.0.0.1:10000/devstoreaccount1`.
    package var endpoint: String?
    /// S3 alone; `us-east-1` where nothing is said.
    package var region: String?
    /// S3 alone: `endpoint/container/name`, not `container.endpoint/name`. Nil: where the endpoint is not Amazon's.
    package var usesPathStyle: Bool?
    /// Absolute path of the credentials file whose alias has the keys; nil where none are needed or known.
    package var credentialsFile: String?

    package init(_ kind: Kind, alias: String, name: String) {
        self.kind = kind
        self.alias = alias
        self.name = name
    }

    /// Whether both are one account at one service; how it is spoken to and where its keys are is another matter.
    package func isSamePlace(as other: StorageAccount) -> Bool {
        kind == other.kind && name == other.name && endpoint == other.endpoint && region == other.region
    }

    /// For messages: `s3 account warehouse at http://127.0.0.1:9000`.
    package var place: String {
        switch kind {
        case .embedded: "account \(name)"
        case .s3: "S3 account \(alias) at \(endpoint ?? "Amazon")"
        case .azureBlob: "Azure account \(name)"
        }
    }
}

/// The keys of a storage account, for as long as somebody works with it. What is nil is not used.
package struct StorageKeys: Sendable {
    /// S3's. No secret by itself.
    package var accessKeyID: String?
    /// Azure's `account_key`, in Base64; S3's `secret_access_key`.
    package var key: Secret?
    /// S3 alone.
    package var sessionToken: Secret?
    /// Azure alone: a shared access signature, without the question mark.
    package var sas: Secret?

    package var hasAny: Bool { accessKeyID != nil || key != nil || sessionToken != nil || sas != nil }

    package init(
        accessKeyID: String? = nil, key: Secret? = nil, sessionToken: Secret? = nil, sas: Secret? = nil
    ) {
        self.accessKeyID = accessKeyID
        self.key = key
        self.sessionToken = sessionToken
        self.sas = sas
    }
}
