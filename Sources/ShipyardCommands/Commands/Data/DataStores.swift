import ShipyardAPI
import ShipyardDiagnostics
import ShipyardFileStore
import ShipyardModel
import ShipyardService
import ShipyardSpecs
import ShipyardSystem

/// The storage accounts that a command may name, opened by its own process: no service is asked.
struct DataStores {
    /// Nil where no credentials file was found: then an alias is the name of an account of the embedded store.
    let credentials: CredentialsSpec?
    private let home: HomeDirectory
    private let stores: FileStores

    init(_ invocation: Invocation) throws(CommandFailure) {
        // Keys are in memory from here on: neither another process nor a core file shall have them.
        OwnProcess.hide()
        home = try HomeDirectory(invocation)
        stores = FileStores(embeddedRoot: HomeLayout(home.path).storage)
        credentials = try CommandCredentials.read(invocation)
    }

    /// The aliases that may be named, in order; without credentials, the accounts of the embedded store that are there.
    var accounts: [StorageAccount] {
        if let credentials { return credentials.accounts.values.sorted { $0.alias < $1.alias } }
        guard var entries = try? DirectoryStream(at: BytePath(HomeLayout(home.path).storage)) else {
            return []
        }
        var names: [String] = []
        while let entry = entries.next() {
            if let name = entry.name.text, !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted().map { StorageAccount(.embedded, alias: $0, name: $0) }
    }

    func account(_ alias: String) throws(CommandFailure) -> StorageAccount {
        guard let credentials else { return StorageAccount(.embedded, alias: alias, name: alias) }
        guard let account = credentials.accounts[alias] else {
            throw CommandCredentials.unknown("storage account", alias, known: credentials.accounts.keys)
        }
        return account
    }

    /// Of an account that something is read from. Without credentials any name may be one, but then it has something.
    func source(_ alias: String) throws(CommandFailure) -> StoreAccess {
        if credentials == nil, !accounts.contains(where: { $0.alias == alias }) {
            let known = accounts.map(\.alias)
            let near = closestWord(to: alias, among: known).map { "did you mean `\($0)`?" }
            throw CommandFailure(
                .failed, "there is no storage account `\(alias)`: there are no credentials, and nothing is stored here under that name",
                help: near ?? (known.isEmpty ? nil : "there are: " + known.joined(separator: ", ")))
        }
        return try access(alias)
    }

    /// As `access`, of an account that something is written to: it may be new, or misspelt, and so it is named.
    func target(_ alias: String, _ console: Console) throws(CommandFailure) -> StoreAccess {
        if credentials == nil, case let known = accounts.map(\.alias), !known.isEmpty, !known.contains(alias) {
            console.say("account `\(DisplayText.printable(alias))` is new here")
        }
        return try access(alias)
    }

    func access(_ alias: String) throws(CommandFailure) -> StoreAccess {
        let account = try account(alias)
        if account.kind == .embedded { try home.checkTrust() }
        if let failure = credentials?.failure(ofAccount: alias) {
            throw CommandFailure(.failed, failure.reason)
        }
        return StoreAccess(account, credentials?.keys[alias] ?? StorageKeys(), stores)
    }

    /// Makes the container where it is missing. One whose files may not be listed may still be written to.
    func makeContainer(_ container: String, of access: StoreAccess) throws(CommandFailure) {
        if access.account.kind == .embedded {
            do throws(SystemError) {
                try LocalFile.makeDirectories(home.path, mode: 0o700)
            } catch {
                throw CommandFailure(.failed, error.description)
            }
        }
        do throws(FileStoreError) {
            let store = try access.open()
            do throws(FileStoreError) {
                _ = try store.list(container, prefix: BytePath(""), after: nil, limit: 1)
            } catch {
                switch error.code {
                case .containerNotFound: try store.makeContainer(container)
                case .authorizationFailure: break
                default: throw error
                }
            }
        } catch {
            throw CommandFailure(error)
        }
    }
}

extension CommandFailure {
    init(_ error: FileStoreError) { self.init(.failed, error.message, help: error.help) }
}
