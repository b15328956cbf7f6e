import ShipyardModel

/// Where a service of S3 is, and what URL a file has there.
package struct S3Address: Sendable, Hashable {
    package let scheme: String
    /// With the port where it is not the scheme's own, as the `Host` header has it.
    package let host: String
    /// Of the endpoint itself: empty, or a slash and more.
    package let path: String
    package let region: String
    private let usesPathStyle: Bool?

    var isEncrypted: Bool { scheme == "https" }
    var isAmazon: Bool {
        host == "amazonaws.com" || host.hasSuffix(".amazonaws.com") || host.hasSuffix(".amazonaws.com.cn")
    }

    package init(_ account: StorageAccount) throws(FileStoreError) {
        region = account.region ?? "us-east-1"
        usesPathStyle = account.usesPathStyle
        guard let endpoint = account.endpoint else {
            scheme = "https"
            host = "s3.\(region).amazonaws.com" + (region.hasPrefix("cn-") ? ".cn" : "")
            path = ""
            return
        }
        let wrong = FileStoreError(
            .invalidInput, "S3 account \(account.alias): the endpoint is no URL of a service",
            help: "write it as https://host or http://host:port")
        guard let separator = endpoint.firstRange(of: "://") else { throw wrong }
        let scheme = endpoint[..<separator.lowerBound].lowercased()
        let rest = endpoint[separator.upperBound...]
        let authority = rest.prefix { $0 != "/" }.lowercased()
        // A user, a query and a fragment have no meaning here, and the first two may hold keys.
        let forbidden = rest.contains { "@?# ".contains($0) || !$0.isASCII }
        guard scheme == "http" || scheme == "https", !authority.isEmpty, !forbidden else { throw wrong }
        self.scheme = scheme
        let own = scheme == "https" ? ":443" : ":80"
        host = authority.hasSuffix(own) ? String(authority.dropLast(own.utf8.count)) : authority
        var path = String(rest.dropFirst(authority.count))
        while path.hasSuffix("/") { path.removeLast() }
        self.path = path
    }

    /// Host and path, encoded, of a file, a container or, without one, of the service.
    package func target(_ container: String?, _ name: BytePath?) -> (host: String, path: String) {
        let file = name.map { "/" + S3Text.encoded($0.bytes, keepsSlashes: true) } ?? ""
        guard let container else { return (host, path + "/") }
        guard isBeforeHost(container) else {
            return (host, "\(path)/\(S3Text.encoded(container.utf8))\(file)")
        }
        return ("\(container).\(host)", "\(path)\(file.isEmpty ? "/" : file)")
    }

    /// Whether the container is a part of the host.
    private func isBeforeHost(_ container: String) -> Bool {
        if let usesPathStyle { return !usesPathStyle }
        // No certificate covers a host with another dot in it, and hosts know neither capitals nor underscores, which old names have.
        return isAmazon
            && container.utf8.allSatisfy {
                $0 >= 0x61 && $0 <= 0x7A || $0 >= 0x30 && $0 <= 0x39 || $0 == 0x2D
            }
    }

    /// Of Amazon's rules only what keeps a name from being something else in a URL. The rest is the service's.
    static func isContainerName(_ name: String) -> Bool {
        let allowed = name.utf8.allSatisfy {
            $0 >= 0x30 && $0 <= 0x39 || $0 >= 0x41 && $0 <= 0x5A || $0 >= 0x61 && $0 <= 0x7A || $0 == 0x2D
                || $0 == 0x2E
                || $0 == 0x5F
        }
        return allowed && !name.isEmpty && name.utf8.count <= 255 && name != "." && name != ".."
    }

    /// UTF-8 of 1 to 1024 bytes: "Object key names", Amazon S3 User Guide.
    static func isFileName(_ name: BytePath) -> Bool {
        (1...1024).contains(name.bytes.count) && !name.bytes.contains(0)
            && S3Text.whole(name.bytes) == name.bytes
    }
}
