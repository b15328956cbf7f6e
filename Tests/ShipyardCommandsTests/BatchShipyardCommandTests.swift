import Testing

@testable import ShipyardCommands

struct BatchShipyardCommandTests {
    @Test func whoKnowsBatchShipyardHearsWhyACommandIsMissing() {
        let azure = run("monitor", "add")
        #expect(azure.code == .usage)
        #expect(
            azure.messages.hasPrefix(
                "error: Batch Shipyard's `monitor` has nothing to work on without Azure\n"))
        #expect(
            run("jobs", "migrate").messages.hasPrefix(
                "error: Batch Shipyard's `jobs migrate` is not in this version\n"))
        // `del` and `reboot` are near to nothing here; `fs` must not be taken for a misspelt other word.
        #expect(run("pool", "nodes", "del").messages.contains("help: known: list, count"))
    }
}
