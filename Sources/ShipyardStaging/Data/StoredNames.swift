import ShipyardFileStore
import ShipyardModel
import Synchronization

/// The first failure of a transfer, told from its threads.
final class FirstFailure: Sendable {
    private let found = Mutex<FileStoreError?>(nil)
    func note(_ error: FileStoreError) { found.withLock { if $0 == nil { $0 = error } } }
    var first: FileStoreError? { found.withLock { $0 } }
}

/// Whether some of what was to be moved was left out.
final class LeftOut: Sendable {
    private let found = Mutex(false)
    func note() { found.withLock { $0 = true } }
    var isAny: Bool { found.withLock { $0 } }
}

extension FileStoreError {
    /// It has nothing to do with the file that met it.
    var isOfStore: Bool {
        switch code {
        case .containerNotFound, .authenticationFailed, .authorizationFailure, .insufficientSpace,
            .unreachable,
            .requestTimeTooSkewed, .libraryMissing, .unsupported, .serverBusy, .operationTimedOut:
            true
        default: false
        }
    }
}

/// The files of a container that a rule takes, page by page. One thread at a time asks for the next.
final class StoredNames: @unchecked Sendable {
    private let store: any FileStore
    private let rule: DownloadRule
    private var page: ArraySlice<StoredFile> = []
    private var after: BytePath?
    private var isAtEnd = false

    private static let pageFiles = 1000

    init(_ store: any FileStore, _ rule: DownloadRule) {
        self.store = store
        self.rule = rule
    }

    func next() throws(FileStoreError) -> TransferItem? {
        guard let (file, target) = try nextFile() else { return nil }
        return TransferItem(source: file.name, target: target, size: file.size, identity: file.identity)
    }

    private func nextFile() throws(FileStoreError) -> (StoredFile, BytePath)? {
        while true {
            if let file = page.popFirst() {
                if let target = rule.target(of: file.name) { return (file, target) }
                continue
            }
            guard !isAtEnd else { return nil }
            let found = try store.list(
                rule.remote.container, prefix: rule.prefix, after: after, limit: Self.pageFiles)
            (page, after, isAtEnd) = (found.files[...], found.next, found.next == nil)
        }
    }

    /// For `--rename`: the file of just this name, else the only one whose name begins with it.
    func single() throws(FileStoreError) -> StoredFile {
        let path = StorePath(rule.remote.container, rule.prefix)
        if !rule.prefix.isEmpty, let file = try store.stat(path), rule.target(of: file.name) != nil {
            return file
        }
        guard let (file, _) = try nextFile() else {
            throw FileStoreError(.blobNotFound, "there is no file \(path) in \(store.account.place)")
        }
        guard try nextFile() == nil else {
            throw FileStoreError(
                .invalidInput, "`--rename` is for one file, and the names of several begin with \(path)")
        }
        return file
    }
}
