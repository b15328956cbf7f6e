import Glibc
import ShipyardHTTPClient
import ShipyardModel

/// How an account knows who asks.
enum AzureCredential: Sendable {
    /// The account's key, no longer in Base64.
    case sharedKey(Secret)
    /// A shared access signature: a query, without the question mark.
    case sas(Secret)
    /// Containers that are open to everybody.
    case none

    /// Where both are given the key counts, which may do all that the signature may.
    init(_ keys: StorageKeys, of account: StorageAccount) throws(FileStoreError) {
        if let key = keys.key {
            let bytes = key.withExposedBytes { text in base64Bytes(text.filter { !isSpace($0) }) }
            guard var bytes, !bytes.isEmpty else {
                throw FileStoreError(
                    .authenticationFailed, "the account_key of \(account.place) is no Base64",
                    help: "copy the whole key, to the equals signs at its end")
            }
            self = .sharedKey(Secret(copying: bytes))
            bytes.withUnsafeMutableBytes { if let start = $0.baseAddress { explicit_bzero(start, $0.count) } }
        } else if let sas = keys.sas {
            self = .sas(
                sas.withExposedBytes { bytes in
                    let text = bytes.filter { !isSpace($0) }
                    return Secret(copying: text.first == UInt8(ascii: "?") ? text.dropFirst() : text[...])
                })
        } else {
            self = .none
        }
    }

    /// A part of a shared access signature that is no secret, as `se`, its end.
    func sasPart(_ name: String) -> String? {
        guard case .sas(let sas) = self else { return nil }
        let query = sas.withExposedBytes { String(decoding: $0, as: UTF8.self) }
        for pair in query.split(separator: "&") {
            guard pair.hasPrefix(name + "=") else { continue }
            return String(decoding: percentDecodedLeniently(pair.dropFirst(name.count + 1)), as: UTF8.self)
        }
        return nil
    }
}

private func isSpace(_ byte: UInt8) -> Bool { byte <= 0x20 }

/// "Authorize with Shared Key" of Azure's documentation, for versions from 2015-02-21 on.
enum AzureSharedKey {
    /// - Parameters:
    ///   - request: with all its headers.
    ///   - contentLength: of its body.
    static func stringToSign(
        _ request: AzureRequest, contentLength: Int64, account: String, path: String
    ) -> String {
        let length = contentLength == 0 ? "" : String(contentLength)
        // Date is empty: x-ms-date takes its place. We send no Range, but x-ms-range.
        var lines = [
            request.method.rawValue, header("Content-Encoding", request), header("Content-Language", request),
            length, header("Content-MD5", request), header("Content-Type", request), "",
            header("If-Modified-Since", request), header("If-Match", request),
            header("If-None-Match", request),
            header("If-Unmodified-Since", request), header("Range", request),
        ]
        lines += request.headers.map { (name: $0.name.lowercased(), value: $0.value) }
            .filter { $0.name.hasPrefix("x-ms-") }
            .sorted { headerOrder($0.name).lexicographicallyPrecedes(headerOrder($1.name)) }
            .map { "\($0.name):\($0.value)" }
        lines.append("/" + account + path)
        lines += request.query.map { (name: $0.name.lowercased(), value: $0.value) }
            .sorted { $0.name < $1.name }
            .map { "\($0.name):\($0.value)" }
        return lines.joined(separator: "\n")
    }

    private static func header(_ name: String, _ request: AzureRequest) -> String {
        request.header(name) ?? ""
    }

    /// The documentation says "lexicographically", and the service means the order of words of Windows: an underscore
    /// comes before digits. Hyphens, which would not count, are in no name that this could change.
    private static func headerOrder(_ name: String) -> [UInt8] {
        name.utf8.map { $0 == UInt8(ascii: "_") ? UInt8(ascii: ".") : $0 }
    }

    static func authorization(
        _ text: String, account: String, key: Secret
    ) throws(FileStoreError) -> String {
        let signature = try key.withExposedBytes { (key) throws(FileStoreError) in
            try Digest.authentication(of: Array(text.utf8), key: key)
        }
        return "SharedKey \(account):\(base64Text(signature))"
    }
}

/// RFC 9110, 5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT`.
func httpDateText(_ seconds: Int64) -> String {
    let (days, rest) = seconds.flooredDivision(by: 86_400)
    let date = CivilDate(daysSinceEpoch: days)
    let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    let time = [rest / 3600, rest / 60 % 60, rest % 60].map { padded($0, 2) }.joined(separator: ":")
    return
        "\(weekdays[Int(days.flooredDivision(by: 7).1)]), \(padded(date.day, 2)) \(months[Int(date.month) - 1]) "
        + "\(padded(date.year, 4)) \(time) GMT"
}

/// Times of a shared access signature: `2026-11-26`, `2026-11-26T16:15Z` or `2026-11-26T16:15:33Z`, perhaps with a
/// fraction of a second.
func sasTime(_ text: String) -> Int64? {
    let parts = text.split(omittingEmptySubsequences: false) { "-T:Z.".contains($0) }
    guard parts.count >= 3, text.utf8.count >= 10 else { return nil }
    var numbers: [Int64] = []
    for part in parts.prefix(6) where !part.isEmpty {
        guard let number = Int64(part), number >= 0 else { return nil }
        numbers.append(number)
    }
    guard numbers.count >= 3, let date = CivilDate(year: numbers[0], month: numbers[1], day: numbers[2])
    else {
        return nil
    }
    numbers += [0, 0, 0]
    return date.daysSinceEpoch * 86_400 + numbers[3] * 3600 + numbers[4] * 60 + numbers[5]
}
