import ShipyardModel

/// Which names the Blob service has, and what it would silently make of others.
enum AzureNames {
    static func check(_ file: StorePath, of account: StorageAccount) throws(FileStoreError) {
        try check(container: file.container, of: account)
        if let fault = fault(in: file.name.bytes) {
            throw FileStoreError(
                .invalidResourceName, "\(account.place), \(file): Azure Blob cannot have this name: \(fault)")
        }
    }

    static func check(container: String, of account: StorageAccount) throws(FileStoreError) {
        if !isContainer(container) {
            throw FileStoreError(
                .invalidResourceName,
                "\(account.place): `\(BytePath(container))` cannot be the name of a container",
                help: "Azure Blob wants 3 to 63 lower-case letters, digits and single hyphens")
        }
    }

    static func isContainer(_ name: String) -> Bool {
        if ["$root", "$web", "$logs"].contains(name) { return true }
        let bytes = Array(name.utf8)
        let isPlain = bytes.allSatisfy {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                || $0 == UInt8(ascii: "-")
        }
        return (3...63).contains(bytes.count) && isPlain && bytes.first != UInt8(ascii: "-")
            && bytes.last != UInt8(ascii: "-")
            && !zip(bytes, bytes.dropFirst()).contains { $0 == 45 && $1 == 45 }
    }

    /// Why a file cannot have the name. The service answers for names with a backslash, a `..` or a dot at the end as well,
    /// also where they come percent-encoded, but means another file by them: two of ours would be one.
    static func fault(in name: [UInt8]) -> String? {
        guard let text = String(validating: name, as: UTF8.self) else { return "it is no UTF-8" }
        if !(1...1024).contains(text.utf16.count) {
            return "it has \(text.utf16.count) characters, not 1 to 1024"
        }
        if name.contains(where: { $0 < 0x20 || $0 == 0x7F }) { return "it has a control character" }
        if name.contains(UInt8(ascii: "\\")) { return "the service takes a backslash for a slash" }
        let segments = name.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        if segments.count > 254 { return "it has \(segments.count) parts between slashes, more than 254" }
        if segments.contains(where: { $0.last == UInt8(ascii: ".") }) {
            return "the service drops a dot at the end of a part"
        }
        return nil
    }

    /// - Returns: the headers that keep it.
    static func headers(metadata: [String: String], of place: String) throws(FileStoreError) -> [(
        String, String
    )] {
        var headers: [(String, String)] = []
        for (name, value) in metadata.sorted(by: { $0.key < $1.key }) {
            guard isIdentifier(name) else {
                throw FileStoreError(
                    .invalidInput, "\(place): `\(BytePath(name))` cannot be the name of metadata",
                    help: "it takes letters, digits and underscores, and begins with none of the digits")
            }
            guard value.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else {
                throw FileStoreError(
                    .invalidInput, "\(place): the metadata `\(name)` has a character beside printable ASCII")
            }
            // Spaces around a value are lost in a header, and a signature that has them would be wrong.
            let start = value.drop { $0 == " " }
            let end = start.lastIndex { $0 != " " }
            headers.append(("x-ms-meta-\(name)", end.map { String(start[...$0]) } ?? ""))
        }
        return headers
    }

    private static func isIdentifier(_ name: String) -> Bool {
        guard let first = name.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else {
            return false
        }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
    }
}
