import ShipyardAPI
import ShipyardDiagnostics
import ShipyardFileStore
import ShipyardModel

/// `data list`.
enum DataListCommand {
    static let command = Command("list", "list what is stored")
        .details(
            "Without a word, the storage accounts; of an account, its containers; of a container, its files, in the byte order "
                + "of their names: all whose name begins with PREFIX, or matches it where it is a pattern. A container that is "
                + "empty is no error, and one that is missing is."
        )
        .takes(Argument("ALIAS/CONTAINER/PREFIX", "what is listed", optional: true))
        .options(DataOptions.include, DataOptions.exclude)
        .example("data list", "lists the storage accounts of the credentials")
        .example("data list lake/raw/2026-11/", "lists files of a container")
        .example("data list 'lake/raw/*.csv' --raw", "lists files that match, as JSON")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let stores = try DataStores(invocation)
        guard let word = invocation.arguments.words.first else { return listAccounts(stores, invocation) }
        let place = try DataPlace(word)
        let access = try stores.source(place.alias)
        guard let container = place.container else { return try listContainers(access, invocation) }
        return try listFiles(place, container, access, invocation)
    }

    private static func listAccounts(_ stores: DataStores, _ invocation: Invocation) -> ExitCode {
        let accounts = stores.accounts
        if invocation.isRaw {
            invocation.console.printRaw(
                .array(
                    accounts.map { account in
                        .present([
                            ("alias", .string(account.alias)), ("type", .string(account.kind.rawValue)),
                            ("account", .string(account.name)),
                            ("endpoint", account.endpoint.map(JSONValue.string)),
                            ("region", account.region.map(JSONValue.string)),
                        ])
                    }))
            return .done
        }
        var table = Table()
        for title in ["alias", "type", "account", "endpoint"] { table.column(title) }
        for account in accounts {
            table.row(account.alias, account.kind.rawValue, account.name, account.endpoint ?? "")
        }
        if accounts.isEmpty {
            invocation.console.say(
                "there are no storage accounts: no credentials file, and nothing is stored here yet")
        } else {
            invocation.console.print(table)
        }
        return .done
    }

    private static func listContainers(
        _ access: StoreAccess, _ invocation: Invocation
    ) throws(CommandFailure) -> ExitCode {
        do throws(FileStoreError) {
            let names = try access.open().containers()
            if invocation.isRaw {
                invocation.console.printRaw(.array(names.map { .present([("name", .string($0))]) }))
                return .done
            }
            for name in names { invocation.console.print(DisplayText.printable(name)) }
            if names.isEmpty { invocation.console.say("\(access.account.place) has no containers") }
            return .done
        } catch {
            throw CommandFailure(error)
        }
    }

    private static func listFiles(
        _ place: DataPlace, _ container: String, _ access: StoreAccess, _ invocation: Invocation
    ) throws(CommandFailure) -> ExitCode {
        let console = invocation.console
        let selection = try StoredSelection(listing: place, invocation.nameFilter())
        var (files, bytes) = (0, Int64(0))
        do throws(FileStoreError) {
            // Line by line: a listing may have millions.
            try access.forEachFile(of: selection) { file in
                if invocation.isRaw {
                    console.output.write(files == 0 ? "[\n  " : ",\n  ")
                    console.output.write(file.raw.compactText)
                } else {
                    console.output.line(line(of: file))
                }
                files += 1
                bytes += file.size
                return !console.output.isClosed
            }
        } catch {
            if invocation.isRaw, files > 0 { console.output.write("\n]\n") }
            throw CommandFailure(error)
        }
        if invocation.isRaw {
            console.output.write(files == 0 ? "[]\n" : "\n]\n")
            return .done
        }
        console.output.flush()
        if files > 0 {
            console.say("\(counted(files, "file")), \(sizeText(bytes))")
        } else if place.name.isEmpty {
            console.say("container `\(DisplayText.printable(container))` of \(access.account.place) is empty")
        } else {
            console.say("no file of container `\(DisplayText.printable(container))` matches `\(place.name)`")
        }
        return .done
    }

    private static func line(of file: StoredFile) -> String {
        let size = String(file.size)
        let padding = String(repeating: " ", count: max(0, 13 - size.count))
        // To the second: the fractions are of different lengths, and say nothing to people.
        let time = Instant(milliseconds: file.modified.milliseconds.flooredDivision(by: 1000).0 * 1000)
            .iso8601
        let tier = file.tier == .hot ? "" : "  (\(file.tier.rawValue))"
        return "\(padding)\(size)  \(time)  \(DisplayText.printable(file.name.description))\(tier)"
    }
}

extension StoredFile {
    /// Names are as `BytePath.shown` has them.
    var raw: JSONValue {
        .present([
            ("name", .string(name.shown)), ("contentLength", .integer(size)),
            ("lastModified", .string(modified.iso8601)), ("etag", .string(identity)),
            ("contentMD5", md5.map(JSONValue.string)),
            ("partsSHA256", partsHash.map { .string($0.description) }), ("accessTier", .string(tier.rawValue)),
            ("keptLength", keptBytes.map { .integer($0) }),
            (
                "metadata",
                metadata.isEmpty
                    ? nil
                    : .present(
                        metadata.sorted { $0.key < $1.key }.map { ($0.key, JSONValue.string($0.value)) })
            ),
        ])
    }
}

/// `data stat`.
enum DataStatCommand {
    static let command = Command("stat", "show what is known of stored files")
        .takes(Argument("FILE", "ALIAS/CONTAINER/PATH", repeats: true))
        .example("data stat lake/models/model.bin", "shows size, time, hash and metadata of a file")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let stores = try DataStores(invocation)
        let console = invocation.console
        var (found, code) = ([JSONValue](), ExitCode.done)
        for (index, word) in invocation.arguments.words.enumerated() {
            let place = try DataPlace(word)
            let container = try place.needingContainer()
            guard !place.name.isEmpty else {
                throw .usage("`\(word)` names no file", help: "`data list \(word)` lists what is in it")
            }
            let access = try stores.source(place.alias)
            do throws(FileStoreError) {
                let store = try access.open()
                guard let file = try store.stat(StorePath(container, place.name)) else {
                    throw FileStoreError(.blobNotFound, "there is no file \(place.description)")
                }
                if invocation.isRaw {
                    found.append(file.raw)
                    continue
                }
                if index > 0 { console.print("") }
                show(file, place, store.account, console)
            } catch {
                console.report(CommandFailure(error))
                code = .failed
            }
        }
        if invocation.isRaw { console.printRaw(.array(found)) }
        return code
    }

    private static func show(
        _ file: StoredFile, _ place: DataPlace, _ account: StorageAccount, _ console: Console
    ) {
        var lines = [
            ("file", place.description), ("store", account.place),
            ("size", file.size < 1024 ? sizeText(file.size) : "\(file.size) bytes (\(sizeText(file.size)))"),
            ("modified", file.modified.iso8601), ("identity", file.identity),
        ]
        if let md5 = file.md5 { lines.append(("md5", md5)) }
        if let hash = file.partsHash {
            lines.append(("sha256 of parts", "\(hash.digits), \(sizeText(hash.partBytes)) each"))
        }
        if file.tier != .hot {
            lines.append(("tier", "\(file.tier.rawValue), kept in \(sizeText(file.keptBytes ?? 0))"))
        }
        lines += file.metadata.sorted { $0.key < $1.key }.map { ("metadata \($0.key)", $0.value) }
        for (name, value) in lines { console.print(DisplayText.printable("\(name): \(value)")) }
    }
}
