import ShipyardAPI

/// `data files node`: copies files out of a node's root directory.
enum FilesNodeCommand {
    static let command = Command("node", "copy files out of a node's directory")
        .options(
            .flag("all", "copy every file that matches the pattern"),
            .value("filespec", "NODE,FILE", "which file"), SharedOptions.poolID
        )
        .example(
            "data files node --poolid small --filespec NODE,startup/stdout.txt",
            "copies what a node's start task printed"
        )
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let text = try invocation.fileSpec("NODE,FILE")
        let parts = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty }) else {
            throw .usage("`--filespec` takes two parts, `NODE,FILE`, not `\(text)`")
        }
        let path = try ServiceClient.pool(SpecIDs(invocation).pool()) / "nodes" / parts[0]
        let copier = FileCopier(try invocation.service(), invocation)
        guard invocation.has("all") else {
            try copier.copyOne(parts[1], below: path)
            return .done
        }
        let outcome = try copier.copyMatching(parts[1], below: path, to: [parts[0]])
        guard !outcome.isEmpty else {
            throw CommandFailure(.failed, "no file matches `\(parts[1])`")
        }
        copier.report(outcome, to: "./\(parts[0])")
        return outcome.code
    }
}
