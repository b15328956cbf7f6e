import ShipyardModel

/// The URLs of databases on their way to a process that moves data: one line of JSON, a secret as a whole.
package enum ConnectionURLLine {
    private struct Line: Codable { var connectionURLs: [String: String] }

    /// Nil where no database needs any.
    package static func secret(of urls: [String: Secret]) -> Secret? {
        guard !urls.isEmpty else { return nil }
        let line = Line(
            connectionURLs: urls.mapValues { url in url.withExposedBytes { String(decoding: $0, as: UTF8.self) } })
        guard let bytes = try? JSONCoding.encode(line) else { return nil }
        return Secret(copying: bytes + [0x0A])
    }

    static func isOne(_ line: some Collection<UInt8>) -> Bool { line.starts(with: #"{"connectionURLs":"#.utf8) }

    static func urls(in input: [UInt8]) -> [String: Secret] {
        var urls: [String: Secret] = [:]
        for line in input.split(separator: 0x0A) where isOne(line) {
            let read = try? JSONCoding.decode(Line.self, from: Array(line))
            for (alias, url) in read?.connectionURLs ?? [:] { urls[alias] = Secret(url) }
        }
        return urls
    }
}

extension Secret {
    /// One behind the other; nil for none.
    package init?(lines: [Secret]) {
        guard !lines.isEmpty else { return nil }
        self.init(copying: lines.flatMap { line in line.withExposedBytes { Array($0) } })
    }
}
