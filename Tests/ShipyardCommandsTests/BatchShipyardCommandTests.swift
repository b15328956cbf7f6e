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
            run("pool", "autoscale").messages.hasPrefix(
                "error: Batch Shipyard's `pool autoscale` is not in this version\n"))
        // `prune` is near to nothing here, and is told what it is.
        #expect(run("pool", "nodes", "prune").messages.contains("nothing to work on without Azure"))
    }
}
