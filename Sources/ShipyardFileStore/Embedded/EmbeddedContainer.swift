import Glibc
import ShipyardModel
import ShipyardSystem

/// An open directory of the embedded store. The container itself may be a link to a directory elsewhere; nothing below it is
/// reached through one.
final class EmbeddedContainer {
    let name: String
    let tree: TreeOpener
    private let path: String
    private let identity: FileIdentity?

    /// - Parameter directory: the account's.
    init(_ name: String, in directory: String, of account: StorageAccount) throws(FileStoreError) {
        guard Self.isName(name) else {
            throw FileStoreError(.invalidResourceName, "`\(name)` cannot be the name of a container")
        }
        path = "\(directory)/\(name)"
        guard let opened = FileDescriptor(opening: path, O_RDONLY | O_DIRECTORY) else {
            let number = errno
            guard number != ENOENT, number != ENOTDIR else {
                throw FileStoreError(
                    .containerNotFound, "there is no container `\(name)` in \(account.place)",
                    help: Self.help(path, Self.names(in: directory)))
            }
            throw FileStoreError(
                SystemError("open", path: path, errno: number), "container `\(name)` of \(account.place)")
        }
        self.name = name
        identity = FileIdentity(of: opened.number)
        tree = TreeOpener(opened)
    }

    private static func help(_ path: String, _ known: [String]) -> String {
        guard !known.isEmpty else { return "create the directory \(path)" }
        let shown = known.prefix(8).map { "`\($0)`" }.joined(separator: ", ")
        return "there are \(shown)\(known.count > 8 ? " and more" : ""); a new one is the directory \(path)"
    }

    /// The containers of an account, in byte order.
    private static func names(in directory: String) -> [String] { (try? containers(in: directory)) ?? [] }

    static func containers(in directory: String) throws(SystemError) -> [String] {
        var names: [String] = []
        var stream = try DirectoryStream(at: BytePath(directory))
        while let entry = stream.next() {
            guard let name = entry.name.text, isName(name), FileIdentity(at: "\(directory)/\(name)/.") != nil else { continue }
            names.append(name)
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// Whether the name still leads to this directory.
    var isInPlace: Bool { identity != nil && FileIdentity(at: path) == identity }

    /// For reading.
    func open(_ name: BytePath) throws(SystemError) -> FileDescriptor {
        let parent = try tree.directory(name.parent)
        let last = name.components.last ?? name
        let number = last.withCString {
            openat(parent.number, $0, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        }
        guard number >= 0 else { throw SystemError("open", path: name.description, errno: errno) }
        return FileDescriptor(owning: number)
    }

    /// Of an account or a container.
    static func isName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 255 && !name.utf8.contains(UInt8(ascii: "/"))
            && isPart(BytePath(name))
    }

    /// Of a file: what a path of directories can be.
    static func isName(_ name: BytePath) -> Bool {
        guard !name.isEmpty, name.bytes.count <= 4000 else { return false }
        return name.bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).allSatisfy {
            isPart(BytePath(bytes: $0))
        }
    }

    private static func isPart(_ name: BytePath) -> Bool {
        !name.isEmpty && name.bytes.count <= 255 && !name.isSpecial && !name.bytes.contains(0)
            && !name.isPartial
    }
}

extension BytePath {
    /// Of a file that is being written.
    var isPartial: Bool { bytes.starts(with: EmbeddedStore.partialPrefix.utf8) }

    /// Nil where it is no UTF-8.
    package var text: String? { String(validating: bytes, as: UTF8.self) }
}

extension FileStoreError {
    /// From what the kernel says.
    init(_ error: SystemError, _ message: String) {
        let code: Code =
            switch error.errno {
            case ENOENT: .blobNotFound
            case EACCES, EPERM, EROFS: .authorizationFailure
            case ENOSPC, EDQUOT, EFBIG: .insufficientSpace
            case ENOTDIR, EISDIR, ELOOP, ENAMETOOLONG, EINVAL: .invalidResourceName
            default: .internalError
            }
        self.init(code, "\(message): \(error.reason)")
    }
}
