import ShipyardAPI
import ShipyardHTTPClient
import ShipyardMetadata
import ShipyardModel

/// `metadata put|patch|get|del`: one document.
enum MetadataCommands {
    static let put = Command("put", "write a document")
        .details("Prints the document's ETag, which changes with every write.")
        .takes(MetadataArguments.collection, MetadataArguments.id, MetadataArguments.file)
        .options(
            MetadataArguments.set, MetadataArguments.ifMatch,
            .flag("if-none-match", "only where there is no such document yet")
        )
        .example("metadata put runs 4711 run.json", "writes the document 4711 of the collection runs")
        .example("metadata put runs 4711 --set state=new --set files.count=3", "the same with single members")
        .runs { invocation throws(CommandFailure) in try write(invocation, .put) }

    static let patch = Command("patch", "change members of a document")
        .details(
            "The patch is a JSON Merge Patch (RFC 7396): members are set one by one, null takes one away, lists are "
                + "replaced as a whole. Where there is no such document, it is made."
        )
        .takes(MetadataArguments.collection, MetadataArguments.id, MetadataArguments.file)
        .options(MetadataArguments.set, MetadataArguments.ifMatch)
        .example("metadata patch runs 4711 --set convert.state=done", "sets one member and leaves the others")
        .runs { invocation throws(CommandFailure) in try write(invocation, .patch) }

    static let get = Command("get", "print a document")
        .details("With --raw on one line, as it is stored.")
        .takes(MetadataArguments.collection, MetadataArguments.id)
        .example("metadata get runs 4711", "prints the document")
        .runs { invocation throws(CommandFailure) in
            let key = try MetadataArguments.key(invocation)
            let (document, headers) = try invocation.service().exactly(ServiceClient.document(key))
            invocation.console.print(invocation.isRaw ? document.compactText : document.prettyText)
            if invocation.isVerbose, let tag = headers["etag"] { invocation.console.say("ETag \(tag)") }
            return .done
        }

    static let delete = Command("del", "delete a document")
        .details("Its history stays for a while: `metadata history` shows it.")
        .takes(MetadataArguments.collection, MetadataArguments.id)
        .options(MetadataArguments.ifMatch)
        .example("metadata del runs 4711", "deletes the document")
        .runs { invocation throws(CommandFailure) in
            let key = try MetadataArguments.key(invocation)
            let conditions = try MetadataArguments.conditions(invocation)
            guard try invocation.console.confirm("deleting document \(key)", yes: invocation.has("yes"))
            else {
                return .failed
            }
            _ = try invocation.service().change(.delete, key, nil, conditions)
            invocation.console.say("\(key) is deleted")
            return .done
        }

    private static func write(
        _ invocation: Invocation, _ method: HTTPMethod
    ) throws(CommandFailure) -> ExitCode {
        let key = try MetadataArguments.key(invocation)
        let conditions = try MetadataArguments.conditions(invocation)
        let document = try MetadataArguments.document(invocation)
        guard document.isObject else {
            throw .usage("a document, and a patch of one, is a JSON object: `{…}`")
        }
        let answer = try invocation.service().change(method, key, document, conditions)
        if invocation.isRaw {
            guard let entry = try? JSONValue(parsing: answer.body) else {
                throw CommandFailure(.internalError, "the service's answer is no JSON")
            }
            invocation.console.printRaw(entry)
        } else {
            invocation.console.print(answer.headers["etag"] ?? "")
        }
        return .done
    }
}
