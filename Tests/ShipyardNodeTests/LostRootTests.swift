import Foundation
import Testing

/// A root that somebody has deleted under its agent.
struct LostRootTests {
    /// Also one that is asked nothing: it looks every ten seconds. A deletion that met a task which was just starting
    /// leaves the directory.
    @Test(arguments: [true, false], ["", "/agent.lock"])
    func anAgentWithoutARootEndsWithItsTasks(isAsked: Bool, _ what: String) async throws {
        let agent = try await TestAgent()
        let marker = Marker()
        agent.context()
        agent.start(1, "sleep \(marker.text)")
        try await agent.started(1)
        try FileManager.default.removeItem(atPath: agent.root + what)
        // Not the task's failure: no node has run it.
        if isAsked { agent.start(2, "true") }
        try await agent.wait("the agent's end") {
            try String(contentsOfFile: "/proc/\(agent.processID)/stat", encoding: .utf8).contains(") Z ")
                ? () : nil
        }
        #expect(marker.count == 0)
        if what.isEmpty { #expect(agent.exits(of: 2).isEmpty) }
    }
}
