/// What secrets may be called: as in Azure Key Vault, and with underscores.
package enum SecretName {
    package static let longest = 127
    package static let rule = "a name has 1 to 127 ASCII letters, digits, `-` and `_`"

    package static func isValid(_ name: String) -> Bool {
        (1...longest).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }
}

/// What a reference to a secret means: where its value is kept.
package enum SecretPlace: Sendable, Hashable {
    /// In the vault of the home: the latest version, or the one that is named.
    case vault(name: String, version: String?)
    /// A variable of the environment of the command that gave the spec.
    case environment(String)
    /// A file that others may not read, by its absolute path.
    case file(String)

    package static let forms =
        "`NAME`, `NAME/VERSION`, `https://VAULT.vault.azure.net/secrets/NAME`, `env:VARIABLE` or `file:/PATH`"

    /// Nil for what names nothing. Of an Azure URL the vault does not matter: there is one, the home's.
    package init?(_ text: String) {
        if text.hasPrefix("env:") {
            let name = String(text.dropFirst(4))
            guard !name.isEmpty, !name.utf8.contains(UInt8(ascii: "=")), !name.utf8.contains(0) else { return nil }
            self = .environment(name)
        } else if text.hasPrefix("file:") {
            let path = String(text.dropFirst(5))
            guard path.hasPrefix("/"), !path.utf8.contains(0) else { return nil }
            self = .file(path)
        } else {
            var name = text[...]
            if text.hasPrefix("https://") {
                let parts = text.dropFirst(8).split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
                guard parts.count == 3, !parts[0].isEmpty, parts[1] == "secrets" else { return nil }
                name = parts[2]
            }
            let parts = name.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
            guard (1...2).contains(parts.count), parts.allSatisfy(SecretName.isValid) else { return nil }
            self = .vault(name: parts[0], version: parts.count == 2 ? parts[1] : nil)
        }
    }
}

/// Why there is no value. Shown to users, as the end of a sentence.
package struct SecretFailure: Error, Sendable {
    package let reason: String

    package init(_ reason: String) { self.reason = reason }
}

/// Finds the value of a secret.
package typealias SecretLookup = @Sendable (SecretReference) throws(SecretFailure) -> Secret
