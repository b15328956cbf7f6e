import Glibc
import ShipyardFileStore
import ShipyardHTTPClient
import ShipyardModel
import ShipyardSystem

/// `data put - TARGET`: a file of a length that nobody knows before its end.
struct StandardInput {
    /// Held in memory. With it, a store that takes 10,000 parts takes 156 GiB.
    private static let leastPart: Int64 = 16 << 20

    private let invocation: Invocation
    private let stores: DataStores
    private let access: StoreAccess

    init(_ invocation: Invocation, _ stores: DataStores, _ access: StoreAccess) {
        self.invocation = invocation
        self.stores = stores
        self.access = access
    }

    func put(_ target: DataPlace) throws(CommandFailure) -> ExitCode {
        guard !target.isDirectory else {
            throw .usage("`\(target.description)` names no file, and standard input has no name of its own")
        }
        let console = invocation.console
        if invocation.has("dry-run") {
            console.print("would put standard input -> \(target.description)")
            return .done
        }
        let container = try target.needingContainer()
        try stores.makeContainer(container, of: access)
        let interruption = Interruption.begin()
        defer { interruption.end() }
        do throws(FileStoreError) {
            let gauge = TransferGauge(bytesPerSecond: try bandwidth())
            let store = try access.open(gauge)
            let count = try send(StorePath(container, target.name), store)
            try store.settle()
            console.say("stored \(target.description), \(sizeText(count))")
            return .done
        } catch {
            if error.code == .operationCancelled, Interruption.hasCome {
                console.say("interrupted: nothing was stored")
                return .interrupted
            }
            throw CommandFailure(error)
        }
    }

    private func bandwidth() throws(FileStoreError) -> Int64? {
        do throws(CommandFailure) {
            return try invocation.bandwidth()
        } catch {
            throw FileStoreError(.invalidInput, error.message)
        }
    }

    private func send(_ path: StorePath, _ store: any FileStore) throws(FileStoreError) -> Int64 {
        if store.rules.largestWhole == .max { return try sendThroughFile(path, store) }
        let size = max(Self.leastPart, store.rules.partBytes)
        var part = try read(Int(size))
        guard part.count == size || part.count > store.rules.largestWhole else {
            return try store.write(path, from: .bytes(part), FileAttributes()).size
        }
        let file = try store.beginParts(path, FileAttributes())
        do throws(FileStoreError) {
            var parts: [FilePart] = []
            var count: Int64 = 0
            while !part.isEmpty {
                guard parts.count < store.rules.mostParts else {
                    throw FileStoreError(.invalidInput, "standard input is longer than the store takes")
                }
                parts.append(try store.writePart(parts.count + 1, of: file, from: .bytes(part)))
                count += Int64(part.count)
                part = try read(Int(size))
            }
            _ = try store.finish(file, parts, FileAttributes())
            return count
        } catch {
            try? store.abandon(file)
            throw error
        }
    }

    /// To a store that takes files in one piece only.
    private func sendThroughFile(_ path: StorePath, _ store: any FileStore) throws(FileStoreError) -> Int64 {
        let file = try UnnamedFile()
        var count: Int64 = 0
        while true {
            let piece = try read(1 << 20)
            if piece.isEmpty { break }
            try file.append(piece)
            count += Int64(piece.count)
        }
        let stretch = FileStretch(file: file.number, offset: 0, count: count)
        return try store.write(path, from: .file(stretch), FileAttributes()).size
    }

    /// So many bytes, or fewer at the end.
    private func read(_ limit: Int) throws(FileStoreError) -> [UInt8] {
        var failure: Int32?
        var bytes = [UInt8](repeating: 0, count: limit)
        var count = 0
        bytes.withUnsafeMutableBytes { buffer in
            while count < limit {
                let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[count...])
                let got = Glibc.read(0, rest.baseAddress, rest.count)
                if got == 0 { return }
                if got > 0 {
                    count += got
                } else if errno != EINTR || Interruption.hasCome {
                    failure = errno
                    return
                }
            }
        }
        bytes.removeLast(limit - count)
        if Interruption.hasCome {
            throw FileStoreError(.operationCancelled, "standard input was not read to its end")
        }
        if let failure {
            throw FileStoreError(
                .localFile, "standard input cannot be read: \(SystemError("read", errno: failure).reason)")
        }
        return bytes
    }
}

/// A file of this process alone, on disk.
private final class UnnamedFile {
    let number: Int32

    init() throws(FileStoreError) {
        let directory = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        let path = "\(directory)/shipyard-\(randomSuffix())"
        number = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard number >= 0 else {
            throw FileStoreError(.localFile, SystemError("create", path: path, errno: errno).description)
        }
        unlink(path)
    }

    deinit { close(number) }

    func append(_ bytes: [UInt8]) throws(FileStoreError) {
        if let failure = bytes.withUnsafeBytes({ writeAll($0, to: number) }) {
            throw FileStoreError(
                .localFile,
                "a temporary file cannot be written: \(SystemError("write", errno: failure).reason)")
        }
    }
}

/// `data get SOURCE -`: one file to standard output.
struct StandardOutput {
    private let invocation: Invocation
    private let stores: DataStores

    init(_ invocation: Invocation, _ stores: DataStores) {
        self.invocation = invocation
        self.stores = stores
    }

    func get(_ sources: StoredSources) throws(CommandFailure) -> ExitCode {
        guard let source = sources.all.first, !sources.isMany else {
            throw .usage("standard output takes one file, which is named without a pattern")
        }
        let bandwidth = try invocation.bandwidth()
        let output = invocation.console.output
        let place = source.selection.place
        do throws(FileStoreError) {
            var found: StoredFile?
            try source.access.forEachFile(of: source.selection) { file in
                found = file
                return false
            }
            guard let file = found else { throw FileStoreError(.blobNotFound, sources.nothing) }
            if invocation.has("dry-run") {
                invocation.console.print(
                    "would get \(place.description) -> standard output (\(sizeText(file.size)))")
                return .done
            }
            let store = try source.access.open(TransferGauge(bytesPerSecond: bandwidth))
            try store.read(
                StorePath(source.selection.container, file.name), range: nil, identity: file.identity,
                to: .receiver { piece in
                    output.write(bytes: piece)
                    return !output.isClosed
                })
            return .done
        } catch {
            // Who reads no further has what they wanted.
            if output.isClosed, output.failure == nil { return .done }
            throw CommandFailure(error)
        }
    }
}
