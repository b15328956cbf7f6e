import Glibc
import ShipyardFileStore
import ShipyardHTTPClient
import ShipyardModel
import ShipyardSystem

/// Puts resource files into a working directory.
package struct ResourceFileStager: ~Copyable {
    private let root: SafeDirectory
    /// Made at the first download: most tasks have none.
    private var client: HTTPClient?
    private let mover: DataMover

    init(workingDirectory: String, _ mover: DataMover) throws(StagingFailure) {
        self.mover = mover
        guard let opened = SafeDirectory(workingDirectory) else {
            throw StagingFailure(.resourceDirectoryCreateFailed, "open \(workingDirectory)", errno: errno)
        }
        root = opened
    }

    /// Replaces what has the name. The file appears whole or not at all.
    package mutating func place(_ file: StagingManifest.ResourceFile) throws(StagingFailure) {
        guard let path = RelativePath(file.path) else {
            throw StagingFailure(
                .resourceFileCreateFailed,
                "`\(file.path)` would leave the working directory; use a path below it")
        }
        let parent: FileDescriptor
        do {
            parent = try root.parent(of: path)
        } catch {
            throw StagingFailure(
                .resourceDirectoryCreateFailed,
                "the directory of `\(file.path)` cannot be made: \(error.reason)")
        }
        let temporary = temporaryName(for: path.name)
        do throws(StagingFailure) {
            try fill(temporary, in: parent, from: file)
            guard renameat(parent.number, temporary.cString, parent.number, path.name.cString) == 0 else {
                throw StagingFailure(.resourceFileCreateFailed, "create `\(file.path)`", errno: errno)
            }
        } catch {
            unlinkat(parent.number, temporary.cString, 0)
            throw error
        }
    }

    private mutating func fill(
        _ name: BytePath, in parent: borrowing FileDescriptor, from file: StagingManifest.ResourceFile
    ) throws(StagingFailure) {
        let opened = openat(
            parent.number, name.cString, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard opened >= 0 else {
            throw StagingFailure(.resourceFileCreateFailed, "create `\(file.path)`", errno: errno)
        }
        let target = FileDescriptor(owning: opened)
        if let stored = file.source.stored {
            try fetch(stored, to: target)
        } else {
            try fetch(file, to: target)
        }
        if let wanted = file.sha256 { try compare(target, with: wanted, of: file) }
        guard fchmod(target.number, UInt32(file.mode) & 0o7777) == 0 else {
            throw StagingFailure(.resourceFileWriteFailed, "set the mode of `\(file.path)`", errno: errno)
        }
    }

    private mutating func fetch(
        _ file: StagingManifest.ResourceFile, to target: borrowing FileDescriptor
    ) throws(StagingFailure) {
        switch file.source.withExposedBytes({ ResourceSource(String(decoding: $0, as: UTF8.self)) }) {
        case .web(let url): try download(url, to: target, as: file.path)
        case .path(let path): try copy(path, to: target, as: file.path)
        case nil:
            throw StagingFailure(
                .blobDownloadMiscError,
                "`\(file.source.place)` is no absolute path and no http, https or file URL")
        }
    }

    private func fetch(
        _ stored: StoreReference, to target: borrowing FileDescriptor
    ) throws(StagingFailure) {
        let number = target.number
        do throws(FileStoreError) {
            let store = try mover.access(stored.alias).open()
            let path = StorePath(stored.container, BytePath(stored.name))
            guard try store.stat(path) != nil else {
                throw FileStoreError(.blobNotFound, "there is no file \(path) in \(store.account.place)")
            }
            try store.read(path, range: nil, identity: nil, to: .file(number, at: 0))
        } catch {
            var failure = StagingFailure(input: error)
            failure.isInput = false
            throw failure
        }
    }

    /// What has arrived is read again: that is what the task will see.
    private func compare(
        _ target: borrowing FileDescriptor, with wanted: String, of file: StagingManifest.ResourceFile
    ) throws(StagingFailure) {
        var hash = SHA256()
        guard lseek(target.number, 0, SEEK_SET) == 0 else {
            throw StagingFailure(.resourceFileWriteFailed, "read `\(file.path)`", errno: errno)
        }
        try withCopyBuffer { buffer throws(StagingFailure) in
            while true {
                guard let count = target.read(into: buffer) else {
                    throw StagingFailure(.resourceFileWriteFailed, "read `\(file.path)`", errno: errno)
                }
                guard count > 0 else { return }
                hash.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            }
        }
        let found = hash.hexDigest()
        guard found != wanted.lowercased() else { return }
        throw StagingFailure(
            .resourceFileChecksumMismatch,
            "`\(file.path)` has another content than its `sha256` says: \(found), not \(wanted)")
    }

    private func copy(
        _ path: String, to target: borrowing FileDescriptor, as name: String
    ) throws(StagingFailure) {
        // Not blocking: a pipe would wait for a writer that may never come.
        guard let source = FileDescriptor(opening: path, O_RDONLY | O_NONBLOCK) else {
            let code = StagingFault(openErrno: errno)
            throw StagingFailure(code, "\(path) cannot be read", errno: errno)
        }
        var status = stat()
        guard fstat(source.number, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw StagingFailure(.blobDownloadMiscError, "\(path) is not a file")
        }
        try withCopyBuffer { buffer throws(StagingFailure) in
            while true {
                guard let count = source.read(into: buffer) else {
                    throw StagingFailure(.blobDownloadMiscError, "read \(path)", errno: errno)
                }
                guard count > 0 else { return }
                if let number = target.write(all: UnsafeRawBufferPointer(rebasing: buffer[..<count])) {
                    throw StagingFailure(.resourceFileWriteFailed, "write `\(name)`", errno: number)
                }
            }
        }
    }

    private mutating func download(
        _ url: String, to target: borrowing FileDescriptor, as name: String
    ) throws(StagingFailure) {
        let place = OutgoingRequest(.get, url).place
        let response: HTTPResponse
        do throws(HTTPError) {
            let client = if let client { client } else { try HTTPClient() }
            self.client = client
            response = try client.download(url, toFile: target.number)
        } catch {
            throw StagingFailure(error, as: name)
        }
        guard response.isSuccess else {
            let code = StagingFault(status: response.status)
            throw StagingFailure(code, "\(place) answered with status \(response.status)")
        }
    }
}

/// Where a resource file comes from.
enum ResourceSource: Hashable {
    case web(String)
    case path(String)

    init?(_ text: String) {
        let lower = text.prefix(8).lowercased()
        if lower.hasPrefix("http://") || lower.hasPrefix("https://") {
            self = .web(text)
        } else if lower.hasPrefix("file:") {
            // `file:/a`, `file:///a` and `file://localhost/a` (RFC 8089).
            var rest = text.dropFirst("file:".count)
            if rest.hasPrefix("//localhost/") { rest = rest.dropFirst("//localhost".count) }
            if rest.hasPrefix("///") { rest = rest.dropFirst(2) }
            guard rest.hasPrefix("/"), !rest.hasPrefix("//"), let path = percentDecoded(rest) else {
                return nil
            }
            self = .path(path)
        } else if text.hasPrefix("/") {
            self = .path(text)
        } else {
            return nil
        }
    }
}

extension StagingFault {
    init(openErrno number: Int32) {
        switch number {
        case ENOENT, ENOTDIR: self = .blobNotFound
        case EACCES, EPERM: self = .blobAccessDenied
        default: self = .blobDownloadMiscError
        }
    }

    init(status: Int) {
        switch status {
        case 404, 410: self = .blobNotFound
        case 401, 403: self = .blobAccessDenied
        case 408, 504: self = .blobDownloadTimedOut
        default: self = .blobDownloadMiscError
        }
    }
}

extension StagingFailure {
    init(_ error: HTTPError, as name: String) {
        switch error.kind {
        case .timedOut: self.init(.blobDownloadTimedOut, error.description)
        case .writeFailed(let number): self.init(.resourceFileWriteFailed, "write `\(name)`", errno: number)
        case .unreachable, .unknownHost, .interrupted, .certificate, .cancelled, .tooLarge, .invalidURL,
            .readFailed, .libraryMissing, .other:
            self.init(.blobDownloadMiscError, error.description)
        }
    }
}

/// Nil for a percent sign without two hexadecimal digits.
private func percentDecoded(_ text: Substring) -> String? {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
        guard byte == UInt8(ascii: "%") else {
            bytes.append(byte)
            continue
        }
        guard rest.count >= 2, let decoded = UInt8(String(rest.prefix(2)) ?? "", radix: 16) else {
            return nil
        }
        bytes.append(decoded)
        rest = rest.dropFirst(2)
    }
    return String(decoding: bytes, as: UTF8.self)
}
