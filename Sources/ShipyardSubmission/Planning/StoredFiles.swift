import Glibc
import ShipyardFileStore
import ShipyardModel
import ShipyardPlanner
import ShipyardService
import ShipyardSystem

/// Lists what is stored, in whatever store.
package struct StoredFiles {
    /// As many names as every store gives in one answer.
    private static let page = 1000

    private let root: String
    private let keys: (StorageAccount) throws(SecretFailure) -> StorageKeys
    private let isAbandoned: () -> Bool

    /// - Parameters:
    ///   - keys: of accounts that need any.
    ///   - isAbandoned: whether nobody waits for the listing any more.
    package init(
        home: String, keys: @escaping (StorageAccount) throws(SecretFailure) -> StorageKeys,
        isAbandoned: @escaping () -> Bool = { false }
    ) {
        root = HomeLayout(home).storage
        self.keys = keys
        self.isAbandoned = isAbandoned
    }

    package func forEachFile(in listing: FileListing, _ body: (String) -> Bool) throws(PlannerWorldError) {
        if listing.isFileShare, listing.account.kind == .embedded { return try walkShare(listing, body) }
        do throws(FileStoreError) {
            try ask(listing, body)
        } catch {
            throw PlannerWorldError(error)
        }
    }

    /// In byte order, as a store lists by itself.
    private func ask(_ listing: FileListing, _ body: (String) -> Bool) throws(FileStoreError) {
        let account = listing.account
        guard !listing.isFileShare else {
            throw FileStoreError(
                .unsupported, "\(account.place) has no file shares", help: "leave out `is_file_share`")
        }
        let keys: StorageKeys
        do throws(SecretFailure) {
            keys = account.kind == .embedded ? StorageKeys() : try self.keys(account)
        } catch {
            throw FileStoreError(
                .authenticationFailed,
                "the keys of storage account `\(account.alias)` cannot be had: \(error.reason)")
        }
        let store = try FileStores(embeddedRoot: root).open(account, keys)
        var after: BytePath?
        repeat {
            if isAbandoned() { throw FileStoreError(.operationCancelled, "") }
            let page = try store.list(
                listing.container, prefix: BytePath(listing.prefix), after: after, limit: Self.page)
            for file in page.files {
                // A command is text, and so is nothing that it could be told of such a file; an empty folder is none.
                guard let name = file.name.text, !name.hasSuffix("/") else { continue }
                guard body(name) else { return }
            }
            after = page.next
        } while after != nil
    }

    /// A share is walked: the files of a directory, then its subdirectories from the last to the first.
    private func walkShare(
        _ listing: FileListing, _ body: (String) -> Bool
    ) throws(PlannerWorldError) {
        let account = listing.account.name
        for name in [account, listing.container] where !Self.isName(name) {
            throw PlannerWorldError("`\(name)` cannot be the name of an account or a container")
        }
        let container = "\(root)/\(account)/\(listing.container)"
        guard Self.isDirectory(container) else {
            throw PlannerWorldError(
                "there is no container `\(listing.container)` of account `\(account)`",
                help: "create the directory \(container)")
        }
        let parts = listing.prefix.split(separator: "/").map(String.init)
        guard parts.allSatisfy(Self.isName) else {
            throw PlannerWorldError("`\(listing.prefix)` cannot be a directory of a file share")
        }
        var directories = [parts.joined(separator: "/")]
        while let directory = directories.popLast() {
            for entry in try entries(of: container, directory) {
                if entry.isDirectory {
                    directories.append(entry.name)
                } else if !body(entry.name) {
                    return
                }
            }
        }
    }

    private static func isName(_ name: String) -> Bool {
        !name.isEmpty && name != "." && name != ".." && !name.utf8.contains(UInt8(ascii: "/"))
            && !name.utf8.contains(0)
    }

    private static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// Files and directories, by name. Links are neither: one to a directory above would never end.
    private func entries(
        of container: String, _ directory: String
    ) throws(PlannerWorldError) -> [(name: String, isDirectory: Bool)] {
        let path = directory.isEmpty ? container : "\(container)/\(directory)"
        var entries: [(name: String, isDirectory: Bool)] = []
        for (index, found) in try Self.names(in: path).enumerated() {
            if index & 255 == 0, isAbandoned() { throw .planningStopped }
            guard let name = found.text, !name.hasPrefix(".shipyard-") else { continue }
            var status = stat()
            guard lstat("\(path)/\(name)", &status) == 0 else { continue }
            let kind = status.st_mode & S_IFMT
            guard kind == S_IFDIR || kind == S_IFREG else { continue }
            entries.append((directory.isEmpty ? name : "\(directory)/\(name)", kind == S_IFDIR))
        }
        return entries.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }

    private static func names(in path: String) throws(PlannerWorldError) -> [BytePath] {
        do throws(SystemError) {
            var stream = try DirectoryStream(at: BytePath(path))
            var names: [BytePath] = []
            while let entry = stream.next() { names.append(entry.name) }
            return names
        } catch {
            throw PlannerWorldError("cannot list \(path): \(String(cString: strerror(error.errno)))")
        }
    }
}

extension PlannerWorldError {
    fileprivate init(_ error: FileStoreError) {
        switch error.code {
        case .operationCancelled: self = .planningStopped
        case .authenticationFailed, .authorizationFailure, .requestTimeTooSkewed:
            self.init(error.message, help: error.help, kind: .denied)
        default: self.init(error.message, help: error.help, kind: error.isPassing ? .passing : .fact)
        }
    }
}
