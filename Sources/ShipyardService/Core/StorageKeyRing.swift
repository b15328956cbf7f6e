import Glibc
import ShipyardDiagnostics
import ShipyardModel
import ShipyardSpecs
import ShipyardStaging
import Synchronization

/// Where the keys of storage accounts are found when work is sent (docs/adr/0040).
///
/// The credentials file that an account came from is read then, and again when it has changed: a new key holds from the next
/// order on, retries included. What a submission brought is kept in memory for the case that the file is gone. Nothing is
/// stored. One for the life of a service; for any thread.
package final class StorageKeyRing: Sendable {
    /// Accounts whose keys are kept; the oldest go first. Each is a few hundred bytes, and few homes have ten.
    private static let limit = 1000
    /// Of a credentials file: more is none.
    private static let largestFile = 16 << 20

    private let state = Mutex(State())

    private struct State {
        var brought: [StorageAccount: StorageKeys] = [:]
        var order: [StorageAccount] = []
        var files: [String: (version: FileVersion, read: Read)] = [:]
    }

    /// What tells that a file is another one, or has been written to.
    private struct FileVersion: Equatable {
        var device, inode: UInt64
        var size: Int64
        var modified, changed: [Int]

        init(_ status: stat) {
            device = UInt64(status.st_dev)
            inode = UInt64(status.st_ino)
            size = Int64(status.st_size)
            modified = [Int(status.st_mtim.tv_sec), Int(status.st_mtim.tv_nsec)]
            changed = [Int(status.st_ctim.tv_sec), Int(status.st_ctim.tv_nsec)]
        }
    }

    private enum Read {
        case credentials(CredentialsSpec)
        case unreadable(String)
    }

    package init() {}

    /// Of a submission that was taken.
    package func remember(_ accounts: [StorageAccount], of credentials: CredentialsSpec) {
        state.withLock { state in
            for account in accounts {
                guard let keys = credentials.keys[account.alias], !keys.isEmpty else { continue }
                if state.brought.updateValue(keys, forKey: account) == nil { state.order.append(account) }
                if state.order.count > Self.limit { state.brought[state.order.removeFirst()] = nil }
            }
        }
    }

    /// Throws a sentence that names the account and says why there is no key.
    package func keys(of account: StorageAccount) throws(SecretFailure) -> StorageKeys {
        // A directory of the home is opened by nothing.
        if account.kind == .embedded { return StorageKeys() }
        let found: Result<StorageKeys, SecretFailure> = state.withLock { state in
            do throws(SecretFailure) {
                return .success(try Self.find(account, &state))
            } catch {
                return .failure(error)
            }
        }
        return try found.get()
    }

    /// All of them as they travel; nil where none needs any.
    func line(of accounts: [StorageAccount]) throws(SecretFailure) -> Secret? {
        var found: [String: StorageKeys] = [:]
        for account in accounts { found[account.alias] = try keys(of: account) }
        return StorageKeyLine.secret(of: found)
    }

    private static func find(
        _ account: StorageAccount, _ state: inout State
    ) throws(SecretFailure) -> StorageKeys {
        let who = "The keys of the \(account.place) cannot be had"
        let brought = state.brought[account]
        guard let path = account.credentialsFile else {
            if let brought { return brought }
            throw SecretFailure("\(who): no credentials file came with it.")
        }
        var status = stat()
        guard stat(path, &status) == 0 else {
            if let brought { return brought }
            throw SecretFailure("\(who): \(path): \(String(cString: strerror(errno))).")
        }
        let version = FileVersion(status)
        if state.files[path]?.version != version {
            state.files[path] = (version, read(path))
            if state.files.count > limit { state.files = [:] }
        }
        switch state.files[path]?.read ?? read(path) {
        case .unreadable(let reason): throw SecretFailure("\(who): \(path): \(reason).")
        case .credentials(let credentials):
            guard var present = credentials.accounts[account.alias] else {
                throw SecretFailure("\(who): \(path) has no storage account `\(account.alias)` any more.")
            }
            // Its key must go nowhere else than it was given for.
            present.credentialsFile = account.credentialsFile
            guard present == account else {
                throw SecretFailure(
                    "\(who): `\(account.alias)` in \(path) is another account by now; submit the jobs again.")
            }
            guard let keys = credentials.keys[account.alias], !keys.isEmpty else {
                throw SecretFailure("\(who): \(path) has no key for `\(account.alias)`.")
            }
            return keys
        }
    }

    private static func wipe(_ bytes: UnsafeMutableRawBufferPointer) {
        if let start = bytes.baseAddress { explicit_bzero(start, bytes.count) }
    }

    private static func read(_ path: String) -> Read {
        guard let file = fopen(path, "re") else { return .unreadable(String(cString: strerror(errno))) }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 65_536)
        var text: [UInt8] = []
        while case let count = fread(&bytes, 1, bytes.count, file), count > 0 {
            text += bytes[..<count]
            guard text.count <= largestFile else { return .unreadable("it is too long") }
        }
        defer { bytes.withUnsafeMutableBytes(Self.wipe) }
        let name = path.split(separator: "/").last.map(String.init) ?? path
        let (specs, diagnostics) = SpecLoader.load([
            SpecSource(.credentials, SourceText(name: name, bytes: text, isSecret: true))
        ])
        text.withUnsafeMutableBytes(Self.wipe)
        return diagnostics.hasErrors
            ? .unreadable("it is no credentials file") : .credentials(specs.credentials)
    }
}
