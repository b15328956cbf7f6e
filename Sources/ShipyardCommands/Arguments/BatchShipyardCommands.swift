/// Commands of Batch Shipyard that this program does not have. Who types one hears why, instead of that it is unknown.
enum BatchShipyardCommands {
    /// They manage things that only Azure has.
    private static let ofAzure: Set = [
        "account", "cert", "diag", "fed", "fs", "misc", "monitor", "slurm", "storage", "jobs cmi",
        "pool images", "pool rdp", "pool ssh", "pool user", "pool nodes grls", "pool nodes prune",
        "pool nodes ps",
        "pool nodes zap",
    ]
    private static let notYet: Set = ["pool autoscale"]

    static func fact(about command: String) -> String? {
        if ofAzure.contains(command) {
            return "Batch Shipyard's `\(command)` has nothing to work on without Azure"
        }
        return notYet.contains(command) ? "Batch Shipyard's `\(command)` is not in this version" : nil
    }
}
