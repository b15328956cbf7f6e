/// How far the files of an attempt have come, on their way in or out.
package struct TransferProgress: Hashable, Sendable {
    package enum Direction: UInt8, Sendable { case download = 0, upload = 1 }

    package var direction: Direction
    package var files: Int64
    package var bytes: Int64
    /// As far as they are known: they grow while names are still being read.
    package var totalFiles: Int64
    package var totalBytes: Int64

    package init(
        _ direction: Direction, files: Int64 = 0, bytes: Int64 = 0, totalFiles: Int64 = 0,
        totalBytes: Int64 = 0
    ) {
        self.direction = direction
        self.files = files
        self.bytes = bytes
        self.totalFiles = totalFiles
        self.totalBytes = totalBytes
    }
}

/// How a process that moves files writes its progress where its agent reads it: at the beginning of its answer, always of one
/// length, so that a reader never sees half of it.
extension TransferProgress {
    package static let recordBytes = 40
    private static let magic: UInt64 = 0x3130_5246_534E_5254

    package var record: [UInt8] {
        var record: [UInt8] = []
        for number in [Self.magic] + [files, bytes, totalFiles, totalBytes].map(UInt64.init(bitPattern:)) {
            withUnsafeBytes(of: number.littleEndian) { record.append(contentsOf: $0) }
        }
        return record
    }

    /// Nil where it is none: then it is an answer, or nothing yet.
    package init?(_ direction: Direction, record: some Collection<UInt8>) {
        let bytes = Array(record.prefix(Self.recordBytes))
        guard bytes.count == Self.recordBytes else { return nil }
        let numbers = bytes.withUnsafeBytes { raw in
            (0..<5).map { UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: 8 * $0, as: UInt64.self)) }
        }
        guard numbers[0] == Self.magic else { return nil }
        self.init(
            direction, files: Int64(bitPattern: numbers[1]), bytes: Int64(bitPattern: numbers[2]),
            totalFiles: Int64(bitPattern: numbers[3]), totalBytes: Int64(bitPattern: numbers[4]))
    }
}
