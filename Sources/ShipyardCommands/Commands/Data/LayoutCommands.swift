import ShipyardFileStore
import ShipyardModel
import ShipyardSpecs

/// `data layout`.
enum LayoutCommands {
    static let apply = Command("apply", "make the folders of a dataset")
        .details(
            "Kinds of datasets stand under `data_layout` in the config file. What is there already is left as it is, "
                + "so the command may be given again."
        )
        .takes(
            Argument("KIND", "a kind of dataset"), Argument("ALIAS/CONTAINER/PATH", "where the dataset is")
        )
        .example("data layout apply recording lake/processing/2026-11-26", "makes the folders of a recording")
        .runs(run)

    static let list = Command("list", "list the kinds of datasets and their folders")
        .example("data layout list --config config.yaml", "lists what a config file declares")
        .runs(show)

    @Sendable private static func show(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let layouts = try layouts(invocation)
        if invocation.isRaw {
            invocation.console.printRaw(
                .object(
                    layouts.sorted { $0.key < $1.key }.map {
                        .init($0.key, .array($0.value.map(JSONValue.string)))
                    }))
            return .done
        }
        var table = Table()
        for title in ["kind", "folders"] { table.column(title) }
        for (kind, folders) in layouts.sorted(by: { $0.key < $1.key }) {
            table.row(kind, folders.joined(separator: " "))
        }
        if table.rowCount > 0 {
            invocation.console.print(table)
        } else {
            invocation.console.say("the config declares no data layouts")
        }
        return .done
    }

    @Sendable private static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let words = invocation.arguments.words
        guard words.count == 2 else {
            throw .usage("`data layout apply` needs a kind and a place", help: DataPlace.form)
        }
        let layouts = try layouts(invocation)
        guard let folders = layouts[words[0]] else {
            let known = layouts.keys.sorted()
            throw .usage(
                "the config declares no data layout `\(words[0])`",
                help: known.isEmpty ? nil : "it has \(known.joined(separator: ", "))")
        }
        let place = try DataPlace(words[1])
        let container = try place.needingContainer()
        let stores = try DataStores(invocation)
        let access = try stores.access(place.alias)
        try stores.makeContainer(container, of: access)
        do throws(FileStoreError) {
            let store = try access.open()
            for folder in folders {
                let name = BytePath(
                    bytes: place.name.asDirectory.bytes + BytePath(folder).withoutEndingSlash.bytes)
                try store.makeFolder(StorePath(container, name))
            }
            try store.settle()
        } catch {
            throw CommandFailure(error)
        }
        invocation.console.say(
            "\(place.description) has \(counted(folders.count, "folder")) of a \(words[0])")
        return .done
    }

    private static func layouts(_ invocation: Invocation) throws(CommandFailure) -> [String: [String]] {
        try DataConfig(invocation, toFind: "data layouts").spec.dataLayouts
    }
}

extension BytePath {
    fileprivate var withoutEndingSlash: BytePath {
        BytePath(bytes: bytes.last == UInt8(ascii: "/") ? bytes.dropLast() : bytes[...])
    }
}
