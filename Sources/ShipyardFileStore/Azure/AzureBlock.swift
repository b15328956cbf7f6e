import ShipyardModel

/// The id of a block says what is in it: Azure tells of uncommitted blocks their size and no hash, and whoever goes on with an
/// interrupted write must know what has arrived.
///
/// All ids of a file must have one length: `00012-0016777216-MD5` in Base64.
struct AzureBlock: Hashable {
    let number: Int
    let size: Int64
    /// 32 lower-case digits.
    let md5: String

    init(number: Int, size: Int64, md5: String) {
        self.number = number
        self.size = size
        self.md5 = md5
    }

    var id: String { base64Text(Array("\(padded(number, 5))-\(padded(size, 10))-\(md5)".utf8)) }

    /// Nil for an id that another program made.
    init?(id: String) {
        guard let bytes = base64Bytes(id.utf8), bytes.count == 49 else { return nil }
        let parts = String(decoding: bytes, as: UTF8.self).split(
            separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[2].utf8.count == 32, let number = Int(parts[0]), number > 0,
            let size = Int64(parts[1]), size >= 0
        else { return nil }
        self.init(number: number, size: size, md5: String(parts[2]))
        guard self.id == id else { return nil }
    }
}
