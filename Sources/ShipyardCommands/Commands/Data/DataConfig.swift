import ShipyardSpecs

/// The config file of a command that needs one.
struct DataConfig {
    let path: String
    let spec: ConfigSpec

    /// - Parameter toFind: what stands in it, for who has none.
    init(_ invocation: Invocation, toFind: String) throws(CommandFailure) {
        guard let path = SpecFiles(invocation).find("config") else {
            throw .usage(
                "there is no config file, and \(toFind) stand in it",
                help: "name one with --config or --configdir")
        }
        let (specs, diagnostics) = SpecLoader.load([SpecSource(.config, try SpecFiles.source("config", path))]
        )
        guard !diagnostics.hasErrors else {
            invocation.console.show(diagnostics)
            throw CommandFailure(.specRefused, "")
        }
        self.path = path
        spec = specs.config
    }
}
