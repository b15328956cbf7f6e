import ShipyardHTTPClient
import ShipyardModel

/// A request of the Blob service before it is signed.
struct AzureRequest: Sendable {
    var method: HTTPMethod
    /// Empty for the account itself.
    var container: String
    /// Nil for the container itself.
    var name: BytePath?
    /// As it is meant, not as it is written in a URL.
    var query: [(name: String, value: String)] = []
    var headers: [HTTPHeader] = []

    init(_ method: HTTPMethod, _ container: String = "", _ name: BytePath? = nil) {
        self.method = method
        self.container = container
        self.name = name
    }

    init(_ method: HTTPMethod, _ file: StorePath) { self.init(method, file.container, file.name) }

    /// What it is about, for messages.
    var subject: String {
        guard let name else { return container }
        return StorePath(container, name).description
    }

    func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }
}

/// Where an account is.
struct AzureEndpoint: Sendable, Hashable {
    /// `https://warehouse.blob.core.windows.net`
    let origin: String
    /// Of the account's URL: empty, or `/devstoreaccount1`.
    let path: String

    /// - Parameter account: with a name that can be a part of a host.
    init(_ account: StorageAccount) throws(FileStoreError) {
        let endpoint = account.endpoint ?? "core.windows.net"
        guard let scheme = ["https://", "http://"].first(where: endpoint.hasPrefix) else {
            guard !account.name.isEmpty, account.name.utf8.allSatisfy(isPlainByte),
                endpoint.utf8.allSatisfy({ isPlainByte($0) || $0 == UInt8(ascii: ":") })
            else {
                throw FileStoreError(
                    .invalidInput,
                    "\(account.place) has an endpoint or a name that make no host: `\(endpoint)`")
            }
            origin = "https://\(account.name).blob.\(endpoint)"
            path = ""
            return
        }
        let rest = endpoint.dropFirst(scheme.count)
        let host = rest.prefix { $0 != "/" }
        guard !host.isEmpty, !rest.contains("?"), !rest.contains("#"), !rest.contains("@") else {
            throw FileStoreError(
                .invalidInput, "the endpoint of \(account.place) is not the URL of an account")
        }
        var path = rest.dropFirst(host.count)
        while path.last == "/" { path = path.dropLast() }
        origin = scheme + host
        self.path = String(path)
    }

    /// Path of the URL, in the letters in which it is sent and signed.
    func path(of request: AzureRequest) -> String {
        var path = self.path + "/" + azurePercentEncoded(request.container.utf8)
        if let name = request.name { path += "/" + azurePercentEncoded(name.bytes, keepsSlashes: true) }
        return path
    }

    func url(of request: AzureRequest) -> String {
        let query = request.query.map { "\($0.name)=\(azurePercentEncoded($0.value.utf8))" }
        return origin + path(of: request) + (query.isEmpty ? "" : "?" + query.joined(separator: "&"))
    }
}

private func isPlainByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
        true
    default: false
    }
}

/// All but the unreserved characters of RFC 3986 as `%HH`.
func azurePercentEncoded(_ bytes: some Sequence<UInt8>, keepsSlashes: Bool = false) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var text: [UInt8] = []
    for byte in bytes {
        if isPlainByte(byte) || byte == UInt8(ascii: "~") || keepsSlashes && byte == UInt8(ascii: "/") {
            text.append(byte)
        } else {
            text += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
    }
    return String(decoding: text, as: UTF8.self)
}
