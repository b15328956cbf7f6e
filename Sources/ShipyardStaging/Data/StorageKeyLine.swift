import ShipyardModel

/// The keys of storage accounts on their way to a process that moves files: one line of JSON, a secret as a whole.
package enum StorageKeyLine {
    private struct Line: Codable {
        struct Keys: Codable {
            var accessKeyID: String?
            var key: String?
            var sessionToken: String?
            var sas: String?
        }
        var storageKeys: [String: Keys]
    }

    /// Nil where no account needs any.
    package static func secret(of keys: [String: StorageKeys]) -> Secret? {
        let known = keys.filter { !$0.value.isEmpty }
        guard !known.isEmpty else { return nil }
        let line = Line(
            storageKeys: known.mapValues { keys in
                Line.Keys(
                    accessKeyID: keys.accessKeyID, key: keys.key.map(text),
                    sessionToken: keys.sessionToken.map(text),
                    sas: keys.sas.map(text))
            })
        guard let bytes = try? JSONCoding.encode(line) else { return nil }
        return Secret(copying: bytes + [0x0A])
    }

    /// Nil where it is another line.
    static func keys(in line: [UInt8]) -> [String: StorageKeys]? {
        guard line.starts(with: #"{"storageKeys":"#.utf8),
            let read = try? JSONCoding.decode(Line.self, from: line)
        else { return nil }
        return read.storageKeys.mapValues { keys in
            StorageKeys(
                accessKeyID: keys.accessKeyID, key: keys.key.map { Secret($0) },
                sessionToken: keys.sessionToken.map { Secret($0) }, sas: keys.sas.map { Secret($0) })
        }
    }

    private static func text(_ secret: Secret) -> String {
        secret.withExposedBytes { String(decoding: $0, as: UTF8.self) }
    }
}

extension StorageKeys {
    package var isEmpty: Bool { accessKeyID == nil && key == nil && sessionToken == nil && sas == nil }
}
