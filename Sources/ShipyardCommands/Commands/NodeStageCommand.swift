import ShipyardStaging

/// `node-stage`: what a node agent runs to put files in place before a command.
enum NodeStageCommand {
    static let command: Command = {
        var command = Command("node-stage", "put the files of standard input's manifest in place")
        command.isHidden = true
        return command.runs { _ throws(CommandFailure) in NodeStage.run() == 0 ? .done : .failed }
    }()
}
