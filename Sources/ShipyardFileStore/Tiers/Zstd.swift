import CZstd

/// Compression by libzstd, piece by piece: one frame, with a checksum at its end.
enum Zstd {
    static let pieceBytes = 128 << 10

    static let loadError: String? = shipyard_zstd_load_error().map {
        "\(String(cString: $0)); install the package libzstd1"
    }

    /// Hands on what each input comes to. Answers of `give` whether to go on.
    final class Compressor {
        private let context: OpaquePointer
        private var buffer = [UInt8](repeating: 0, count: pieceBytes)

        init(level: Int32) throws(FileStoreError) {
            if let reason = Zstd.loadError { throw FileStoreError(.libraryMissing, reason) }
            guard let context = shipyard_zstd_compressor(level) else {
                throw FileStoreError(.internalError, "there is no memory to compress")
            }
            self.context = context
        }

        deinit { shipyard_zstd_free_compressor(context) }

        func add(
            _ bytes: UnsafeRawBufferPointer, isEnd: Bool = false, _ give: (UnsafeRawBufferPointer) -> Bool
        ) throws(FileStoreError) {
            var input = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
            var left = 1
            repeat {
                var count = 0
                left = buffer.withUnsafeMutableBytes { space in
                    var output = ZSTD_outBuffer(dst: space.baseAddress, size: space.count, pos: 0)
                    defer { count = output.pos }
                    return shipyard_zstd_compress(context, &output, &input, isEnd ? 1 : 0)
                }
                if let reason = shipyard_zstd_reason(left) {
                    throw FileStoreError(.internalError, "cannot be compressed: \(String(cString: reason))")
                }
                let goesOn = buffer.withUnsafeBytes { give(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
                guard goesOn else { throw FileStoreError.cancelled }
            } while isEnd ? left > 0 : input.pos < input.size
        }
    }

    /// The way back. It has to see the end of the frame, or something is missing.
    final class Expander {
        private let context: OpaquePointer
        private var buffer = [UInt8](repeating: 0, count: pieceBytes)
        private(set) var isAtEnd = false

        init() throws(FileStoreError) {
            if let reason = Zstd.loadError { throw FileStoreError(.libraryMissing, reason) }
            guard let context = shipyard_zstd_expander() else {
                throw FileStoreError(.internalError, "there is no memory to expand a compressed file")
            }
            self.context = context
        }

        deinit { shipyard_zstd_free_expander(context) }

        /// Nil where `give` wants no more; a reason where this is no frame.
        func add(
            _ bytes: UnsafeRawBufferPointer, _ give: (UnsafeRawBufferPointer) -> Bool
        ) -> Result<Void, Problem> {
            var input = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
            var isFull = false
            while input.pos < input.size || isFull {
                guard !isAtEnd else { return .failure(.broken("there is something behind its end")) }
                var count = 0
                let left = buffer.withUnsafeMutableBytes { space in
                    var output = ZSTD_outBuffer(dst: space.baseAddress, size: space.count, pos: 0)
                    defer { count = output.pos }
                    return shipyard_zstd_expand(context, &output, &input)
                }
                if let reason = shipyard_zstd_reason(left) {
                    return .failure(.broken(String(cString: reason)))
                }
                isAtEnd = left == 0
                isFull = count == buffer.count && !isAtEnd
                let goesOn = buffer.withUnsafeBytes { give(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
                guard goesOn else { return .failure(.stopped) }
            }
            return .success(())
        }

        enum Problem: Error { case stopped, broken(String) }
    }
}
