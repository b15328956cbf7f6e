import Glibc
import ShipyardDiagnostics
import ShipyardModel
import ShipyardSpecs
import ShipyardSystem
import Synchronization

/// Keys of storage accounts and URLs of databases, for whoever works with them in the service: as the credentials file has them now, so that a key
/// that is changed there counts at once, or else as they came with a submission. No key is stored anywhere.
package final class StorageKeyRing: Sendable {
    /// A credentials file has a few kilobytes.
    static let largestFile = 1 << 20
    /// Accounts that submissions brought along, and files: some hundred bytes each.
    static let mostKnown = 1000

    private struct State {
        var remembered = Bounded<StorageAccount, SentCredentials>()
        var rememberedConnections = Bounded<SQLConnection, SentCredentials>()
        var files = Bounded<String, ReadFile>()
    }

    private struct ReadFile {
        var stamp: FileStamp
        var content: Result<CredentialsSpec, SecretFailure>
    }

    private let state = Mutex(State())
    private let now: @Sendable () -> Instant
    private let secrets: any SecretSource

    package convenience init(_ secrets: any SecretSource = NoSecrets()) {
        self.init(secrets, now: { SystemClock.now() })
    }

    init(_ secrets: any SecretSource = NoSecrets(), now: @escaping @Sendable () -> Instant) {
        self.secrets = secrets
        self.now = now
    }

    /// With the values of the secrets that it names, as they are now.
    package func resolved(_ credentials: CredentialsSpec) -> CredentialsSpec { credentials.resolved(secrets.lookup) }

    /// Kept in memory for as long as the service lives, for files that are gone when the keys are needed.
    ///
    /// - Parameter credentials: as they came, without values of secrets, which are asked for each time.
    package func remember(_ credentials: CredentialsSpec) {
        let known = resolved(credentials)
        let sent = SentCredentials(credentials)
        state.withLock { state in
            for (_, account) in known.accounts where account.kind != .embedded {
                state.remembered.put(sent, for: account)
            }
            for (_, connection) in known.connections where connection.kind != .sqlite {
                state.rememberedConnections.put(sent, for: connection)
            }
        }
    }

    /// Throws why there are none, as the end of a sentence. May read a file, and waits for nobody else.
    package func keys(for account: StorageAccount) throws(SecretFailure) -> StorageKeys {
        var turn = ResolvedCredentials()
        return try keys(for: account, &turn)
    }

    /// - Parameter turn: what was resolved for others just before.
    func keys(
        for account: StorageAccount, _ turn: inout ResolvedCredentials
    ) throws(SecretFailure) -> StorageKeys {
        // The embedded store has no door to open.
        if account.kind == .embedded { return StorageKeys() }
        return try state.withLock { state throws(SecretFailure) in
            do throws(SecretFailure) {
                return try fromFile(account, &state, &turn)
            } catch {
                guard let known = state.remembered[account] else { throw error }
                return try keys(of: account.alias, in: resolved(known, &turn))
            }
        }
    }

    /// What opens a database; nil where its place does. Throws as `keys` does.
    func url(
        for connection: SQLConnection, _ turn: inout ResolvedCredentials
    ) throws(SecretFailure) -> Secret? {
        if connection.kind == .sqlite { return nil }
        return try state.withLock { state throws(SecretFailure) in
            do throws(SecretFailure) {
                return try fromFile(connection, &state, &turn)
            } catch {
                guard let known = state.rememberedConnections[connection] else { throw error }
                return try url(of: connection, in: resolved(known, &turn), connection.shown)
            }
        }
    }

    private func resolved(_ sent: SentCredentials, _ turn: inout ResolvedCredentials) -> CredentialsSpec {
        if let known = turn.sent[ObjectIdentifier(sent)] { return known }
        let credentials = resolved(sent.credentials)
        turn.sent[ObjectIdentifier(sent)] = credentials
        return credentials
    }

    private func resolved(
        fileAt path: String, _ state: inout State, _ turn: inout ResolvedCredentials
    ) throws(SecretFailure) -> CredentialsSpec {
        if let known = turn.files[path] { return try known.get() }
        let result: Result<CredentialsSpec, SecretFailure>
        do throws(SecretFailure) {
            result = .success(resolved(try content(of: path, &state)))
        } catch {
            result = .failure(error)
        }
        turn.files[path] = result
        return try result.get()
    }

    private func fromFile(
        _ connection: SQLConnection, _ state: inout State, _ turn: inout ResolvedCredentials
    ) throws(SecretFailure) -> Secret {
        guard let path = connection.credentialsFile else {
            throw SecretFailure("nobody has said which credentials file has the URL of `\(connection.alias)`")
        }
        return try url(of: connection, in: resolved(fileAt: path, &state, &turn), path)
    }

    private func url(
        of connection: SQLConnection, in resolved: CredentialsSpec, _ place: String
    ) throws(SecretFailure) -> Secret {
        guard let found = resolved.connections[connection.alias] else {
            if let failure = resolved.failure(at: ["credentials"]) { throw failure }
            throw SecretFailure("\(place) has no database `\(connection.alias)` any more")
        }
        if let failure = resolved.failure(at: ["credentials", "sql", connection.alias]) { throw failure }
        // Rows must not come into another database than the one that was meant.
        guard found.isSamePlace(as: connection) else {
            throw SecretFailure("`\(connection.alias)` in \(place) is another database by now")
        }
        guard let url = resolved.urls[connection.alias] else {
            throw SecretFailure("\(place) has no `url` of `\(connection.alias)`")
        }
        return url
    }

    private func fromFile(
        _ account: StorageAccount, _ state: inout State, _ turn: inout ResolvedCredentials
    ) throws(SecretFailure) -> StorageKeys {
        guard let path = account.credentialsFile else {
            throw SecretFailure("nobody has said which credentials file has the keys of `\(account.alias)`")
        }
        let credentials = try resolved(fileAt: path, &state, &turn)
        guard let found = credentials.accounts[account.alias] else {
            if let failure = credentials.failure(at: ["credentials"]) { throw failure }
            throw SecretFailure("\(path) has no storage account `\(account.alias)` any more")
        }
        // A key must not open another account than the one that was meant.
        guard found.isSamePlace(as: account) else {
            throw SecretFailure("`\(account.alias)` in \(path) is another account by now")
        }
        return try keys(of: account.alias, in: credentials)
    }

    private func keys(of alias: String, in resolved: CredentialsSpec) throws(SecretFailure) -> StorageKeys {
        if let failure = resolved.failure(ofAccount: alias) { throw failure }
        return resolved.keys[alias] ?? StorageKeys()
    }

    private func content(of path: String, _ state: inout State) throws(SecretFailure) -> CredentialsSpec {
        if let id = CredentialsSpec.secret(ofPath: path) {
            let text = SourceText(name: "secret.yaml", text: CredentialsSpec.text(ofSecret: id), isSecret: true)
            return SpecLoader.load([SpecSource(.credentials, text)]).specs.credentials
        }
        // Neither a terminal nor a pipe may hold up whoever asks.
        guard let file = FileDescriptor(opening: path, O_RDONLY | O_NONBLOCK | O_NOCTTY) else {
            throw Self.failure(path, errno)
        }
        var status = stat()
        guard fstat(file.number, &status) == 0 else { throw Self.failure(path, errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw SecretFailure("\(path) is no regular file") }
        let stamp = FileStamp(status)
        if let known = state.files[path], known.stamp == stamp { return try known.content.get() }
        state.files[path] = nil
        let content = Self.read(file, path, size: Int(status.st_size))
        // What was changed only just may change again within the same tick of the file system's clock.
        if stamp.isOlder(than: now()) { state.files.put(ReadFile(stamp: stamp, content: content), for: path) }
        return try content.get()
    }

    private static func read(
        _ file: borrowing FileDescriptor, _ path: String, size: Int
    ) -> Result<CredentialsSpec, SecretFailure> {
        guard let bytes = file.read(upTo: min(size, largestFile) + 1) else { return .failure(failure(path, errno)) }
        guard bytes.count <= largestFile, bytes.count <= size else {
            return .failure(
                SecretFailure(
                    size > largestFile
                        ? "\(path) is longer than a credentials file may be (\(largestFile) bytes)"
                        : "\(path) is being written"))
        }
        let text = SourceText(name: path, bytes: bytes, isSecret: true)
        let (specs, diagnostics) = SpecLoader.load([SpecSource(.credentials, text)])
        guard !diagnostics.hasErrors else {
            return .failure(
                SecretFailure("\(path) has errors; `shipyard-swift validate --credentials` shows them"))
        }
        return .success(specs.credentials)
    }

    private static func failure(_ path: String, _ number: Int32) -> SecretFailure {
        SecretFailure("\(path) cannot be read: \(SystemError("open", path: path, errno: number).reason)")
    }
}

/// Credentials with the values of their secrets: once for all orders of a turn, and gone with it.
struct ResolvedCredentials {
    fileprivate var files: [String: Result<CredentialsSpec, SecretFailure>] = [:]
    fileprivate var sent: [ObjectIdentifier: CredentialsSpec] = [:]
}

/// As they came with one submission, for all accounts in them.
private final class SentCredentials: Sendable {
    let credentials: CredentialsSpec
    init(_ credentials: CredentialsSpec) { self.credentials = credentials }
}

/// Tells one writing of a file from another.
private struct FileStamp: Hashable {
    private let numbers: [Int64]
    private let changed: Instant

    init(_ status: stat) {
        numbers = [
            Int64(bitPattern: UInt64(status.st_dev)), Int64(bitPattern: UInt64(status.st_ino)),
            Int64(status.st_size), Int64(status.st_mtim.tv_sec), Int64(status.st_mtim.tv_nsec),
            Int64(status.st_ctim.tv_sec), Int64(status.st_ctim.tv_nsec),
        ]
        changed = Instant(
            milliseconds: Int64(status.st_ctim.tv_sec) * 1000 + Int64(status.st_ctim.tv_nsec) / 1_000_000)
    }

    func isOlder(than now: Instant) -> Bool { now - changed > TimeSpan.seconds(1) }
}

/// The latest so many.
private struct Bounded<Key: Hashable, Value> {
    private var values: [Key: Value] = [:]
    private var order: [Key] = []

    subscript(key: Key) -> Value? {
        get { values[key] }
        set {
            guard let newValue else {
                if values.removeValue(forKey: key) != nil { order.removeAll { $0 == key } }
                return
            }
            put(newValue, for: key)
        }
    }

    mutating func put(_ value: Value, for key: Key) {
        if values.updateValue(value, forKey: key) != nil { order.removeAll { $0 == key } }
        order.append(key)
        if order.count > StorageKeyRing.mostKnown { values[order.removeFirst()] = nil }
    }
}
