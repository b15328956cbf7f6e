import CLinux
import Glibc
import ShipyardHTTPClient
import ShipyardModel
import ShipyardSystem

/// Copies a stretch of one open file, within the kernel where it can.
struct ByteCopy {
    /// Small enough that progress and an end are seen soon.
    private static let sliceBytes: Int64 = 8 << 20
    /// After so much the disk begins to write, so that little is left when all must be on it. Less at a time costs more than it saves.
    private static let startBytes: Int64 = 64 << 20

    private let gauge: TransferGauge
    /// For messages.
    private let name: String

    init(_ gauge: TransferGauge, _ name: String) {
        self.gauge = gauge
        self.name = name
    }

    func copy(_ stretch: FileStretch, to target: ByteTarget) throws(FileStoreError) {
        switch target {
        case .file(let file, let position): try copy(stretch, to: file, at: position)
        case .receiver(let receive): try hand(stretch, to: receive)
        }
    }

    private func copy(_ stretch: FileStretch, to file: Int32, at position: Int64) throws(FileStoreError) {
        var (done, started): (Int64, Int64) = (0, 0)
        while done < stretch.count {
            let wanted = gauge.slice(of: min(stretch.count - done, Self.sliceBytes))
            let count = shipyard_copy_range(
                stretch.file, stretch.offset + done, file, position + done, Int(wanted))
            guard count > 0 else {
                if count < 0, errno == EINTR { continue }
                // Not between these two file systems, or not on this one; the end is found by reading.
                guard count == 0 || [EXDEV, EINVAL, EOPNOTSUPP, ENOSYS, EPERM].contains(errno) else {
                    throw failure(errno)
                }
                let rest = FileStretch(
                    file: stretch.file, offset: stretch.offset + done, count: stretch.count - done)
                return try copyByHand(rest, to: file, at: position + done)
            }
            done += Int64(count)
            if done - started >= Self.startBytes {
                _ = shipyard_start_writing(file, position + started, done - started)
                started = done
            }
            guard gauge.move(Int64(count)) else { throw FileStoreError.cancelled }
        }
    }

    private func copyByHand(_ stretch: FileStretch, to file: Int32, at position: Int64) throws(FileStoreError)
    {
        var position = position
        var failed: Int32 = 0
        do throws(FileStoreError) {
            try hand(stretch) { bytes in
                if let number = writeAll(bytes, to: file, at: position) {
                    failed = number
                    return false
                }
                position += Int64(bytes.count)
                return true
            }
        } catch {
            throw failed == 0 ? error : failure(failed)
        }
    }

    private func hand(
        _ stretch: FileStretch, to receive: (UnsafeRawBufferPointer) -> Bool
    ) throws(FileStoreError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
        defer { buffer.deallocate() }
        var done: Int64 = 0
        while done < stretch.count {
            let wanted = gauge.slice(of: min(stretch.count - done, Int64(buffer.count)))
            let count = pread(stretch.file, buffer.baseAddress, Int(wanted), off_t(stretch.offset + done))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                guard count < 0 else {
                    throw FileStoreError(.localFile, "\(name) has become shorter while it was read")
                }
                throw FileStoreError(
                    .localFile, "\(name) cannot be read: \(String(cString: strerror(errno)))")
            }
            done += Int64(count)
            guard gauge.move(Int64(count)), receive(UnsafeRawBufferPointer(rebasing: buffer[..<count])) else {
                throw FileStoreError.cancelled
            }
        }
    }

    private func failure(_ number: Int32) -> FileStoreError {
        FileStoreError(SystemError("copy", path: name, errno: number), "\(name) cannot be written")
    }
}
