import Foundation
import ShipyardModel
import Testing

@testable import ShipyardNode

/// What is a node's and what only looks like it.
struct BelongingTests {
    /// A home that was copied has the journals of the original, and they name its groups.
    @Test func aCopiedJournalTakesNothingOfTheOriginal() async throws {
        let agent = try await TestAgent()
        guard case .made(let group) = try #require(try agent.journal.boot).group else { return }
        agent.context()
        let marker = Marker()
        agent.start(1, "exec sleep \(marker.text)")
        try await agent.wait("the task") { marker.count == 1 ? () : nil }
        let copy = "\(agent.directory)/copy/node"
        try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: true)
        try FileManager.default.copyItem(
            atPath: "\(agent.root)/\(NodeLayout.journalName)", toPath: "\(copy)/\(NodeLayout.journalName)")
        let journal = try JournalReader.read(root: copy)
        #expect(journal.boot?.group == .made(path: group))
        #expect(NodeTeardown.endProcesses(root: copy, journal: journal) == 0)
        let report = try #require(NodeTeardown.run(roots: [copy], grace: .zero).first)
        #expect(report.found.isEmpty && report.isComplete)
        #expect(marker.count == 1)
        #expect(ControlGroup(path: group)?.processIDs().contains(agent.processID) == true)
        // The original's own journal is believed.
        #expect(NodeTeardown.run(roots: [agent.root], grace: .zero).first?.isComplete == true)
        #expect(marker.count == 0)
    }
}
