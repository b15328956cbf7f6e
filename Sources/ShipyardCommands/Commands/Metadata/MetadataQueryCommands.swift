import ShipyardAPI
import ShipyardMetadata
import ShipyardModel
import ShipyardSystem

/// `metadata list|query|history`: many documents, and one as it was.
enum MetadataQueryCommands {
    static let list = Command("list", "list the collections")
        .example("metadata list", "shows every collection and how many documents it has")
        .runs { invocation throws(CommandFailure) in
            let found = try invocation.service().get(
                "/metadata", as: ListResponse<MetadataCollectionResponse>.self
            ).value
            if invocation.isRaw {
                let values = found.map { collection -> JSONValue in
                    [
                        "name": .string(collection.name), "documents": .count(collection.documents),
                        "lastModified": .string(collection.lastModified),
                    ]
                }
                invocation.console.printRaw(RawShape.pages("metadata", values))
                return .done
            }
            guard !found.isEmpty else {
                invocation.console.say("no collections found")
                return .done
            }
            var table = Table()
            table.column("collection")
            table.column("documents", .right)
            table.column("last modified")
            for collection in found {
                table.row(collection.name, String(collection.documents), LocalTime.text(collection.lastModified, at: SystemClock.now()))
            }
            invocation.console.print(table)
            return .done
        }

    static let query = Command("query", "find documents of a collection")
        .details(
            "A condition is PATH OP VALUE, such as $.state = \"failed\"; several stand with `and` between them or under "
                + "--where again. OP is one of = != < <= > >=, VALUE a number, true, false, null or a text in quotes. A path "
                + "leads into the document: $.steps[0].state. `id` stands for the document's id."
        )
        .takes(MetadataArguments.collection)
        .options(
            .value(
                "where", "CONDITION", repeats: true, "only documents that meet it"
            ),
            .value("order", "PATH[:desc]", "by a path, by `id` (default) or by `updated`"),
            .value("top", "N", "so many at most; 100 unless given, 0 for all"),
            .value(
                "format", "FORMAT", values: .choice(["table", "json", "lines"]),
                "table (default), json: one list, lines: a document on each line")
        )
        .example(
            #"metadata query runs --where '$.state = "failed"' --order '$.started:desc' --top 10"#,
            "the last ten that have failed"
        )
        .runs(runQuery)

    @Sendable private static func runQuery(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        guard let collection = invocation.arguments.words.first else { throw .usage("which collection?") }
        let top = try invocation.arguments.number("top") ?? 100
        let conditions = invocation.arguments.all("where")
        do throws(MetadataQueryError) {
            _ = try MetadataQuery(collection, where: conditions, order: invocation.arguments["order"])
        } catch {
            throw .usage(error.description)
        }
        let format = invocation.arguments["format"] ?? (invocation.isRaw ? "raw" : "table")
        var items: [ExactJSON] = []
        let service = try invocation.service()
        var after: String?
        repeat {
            var path = ServiceClient.documents(of: collection)
            for condition in conditions { path = path.query("where", condition) }
            let left =
                top == 0 ? MetadataLimits.pageDocuments : min(top - items.count, MetadataLimits.pageDocuments)
            path = path.query("order", invocation.arguments["order"]).query("top", String(left))
                .query("after", after)
            let page = try service.exactly(path).value
            let found = page["value"]?.items ?? []
            for id in page["unreadable"]?.items ?? [] {
                invocation.console.warn("what is stored of `\(id.text)` cannot be read")
            }
            after = page["next"]?.text
            if format == "lines" {
                for item in found { invocation.console.print(item.document.compactText) }
                // Only their number is needed, however many there are.
                items += found.map { _ in .null }
            } else {
                items += found
            }
        } while after != nil && (top == 0 || items.count < top)
        show(items, format, in: invocation.console)
        return .done
    }

    private static func show(_ items: [ExactJSON], _ format: String, in console: Console) {
        switch format {
        case "lines": break
        case "json": console.print(ExactJSON.array(items.map(\.document)).prettyText)
        case "raw": console.print(ExactJSON.array([.object([.init("value", .array(items))])]).prettyText)
        default:
            guard !items.isEmpty else { return console.say("no documents found") }
            var table = Table()
            for title in ["id", "last modified", "etag", "by", "document"] { table.column(title) }
            for item in items {
                table.row(
                    item["id"]?.text ?? "", LocalTime.text(item["lastModified"]?.text, at: SystemClock.now()), item["eTag"]?.text ?? "",
                    item.writer, item.document.compactText)
            }
            console.print(table)
        }
    }

    static let history = Command("history", "show what became of a document")
        .details(
            "The newest first: the last \(MetadataLimits.keptChanges) changes, with the job that made them and the run of its "
                + "schedule. A document of more than \(MetadataLimits.keptBytes >> 10) KiB is not kept in the history, only its size."
        )
        .takes(MetadataArguments.collection, MetadataArguments.id)
        .example("metadata history runs 4711", "shows who has written what")
        .runs { invocation throws(CommandFailure) in
            let key = try MetadataArguments.key(invocation)
            let page = try invocation.service().exactly(ServiceClient.document(key) / "history").value
            let changes = page["value"]?.items ?? []
            if invocation.isRaw {
                invocation.console.print(
                    ExactJSON.array([.object([.init("value", .array(changes))])]).prettyText)
                return .done
            }
            var table = Table()
            for title in ["time", "change", "etag", "by", "document"] { table.column(title) }
            for change in changes {
                let content =
                    change["document"].map(\.compactText)
                    ?? (change["change"]?.text == "delete"
                        ? "" : "(\(change["bytes"]?.text ?? "?") bytes, not kept)")
                table.row(
                    change["time"]?.text ?? "", change["change"]?.text ?? "", change["eTag"]?.text ?? "",
                    change.writer, content)
            }
            invocation.console.print(table)
            return .done
        }
}

extension ExactJSON {
    fileprivate var items: [ExactJSON] {
        if case .array(let items) = self { items } else { [] }
    }

    /// A text, or a number as it is written.
    fileprivate var text: String {
        switch self {
        case .string(let text), .number(let text): text
        case .null, .bool, .array, .object: ""
        }
    }

    fileprivate var document: ExactJSON { self["document"] ?? .null }

    /// `nightly#42 film/convert`: the run, the job and the task.
    fileprivate var writer: String {
        guard let writer = self["writer"], let job = writer["jobId"]?.text else { return "user" }
        let task = writer["taskId"]?.text ?? writer["kind"]?.text ?? ""
        guard let schedule = writer["scheduleId"]?.text, let run = writer["run"]?.text else {
            return "\(job)/\(task)"
        }
        return "\(schedule)#\(run) \(job)/\(task)"
    }
}
