import Foundation
import ShipyardModel
import Testing

@testable import ShipyardNode

/// A pool's directory is ours as much as a node's: where something else has come to its name, nothing behind it is.
struct NodePathTests {
    private let place = "/tmp/shipyard-node-\(UInt32.random(in: 0...UInt32.max))"

    @Test(arguments: [false, true]) func nothingBehindAPoolThatIsALinkOrAMountIsTouched(_ isMount: Bool)
        throws
    {
        let (outside, pool) = ("\(place)/outside", "\(place)/home/nodes/p")
        for directory in ["\(outside)/node-1/docs", isMount ? pool : "\(place)/home/nodes"] {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        }
        defer { try? FileManager.default.removeItem(atPath: place) }
        try Data().write(to: URL(filePath: "\(outside)/node-1/docs/file"))
        if isMount {
            guard mount(outside, pool, nil, UInt(MS_BIND), nil) == 0 else { return }
        } else {
            #expect(symlink(outside, pool) == 0)
        }
        defer { umount2(pool, Int32(MNT_DETACH)) }
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sleep")
        process.arguments = ["600"]
        process.currentDirectoryURL = URL(filePath: "\(outside)/node-1")
        // Not by TERM, which may be blocked here and so there; and whoever reads our output must not wait for it.
        (process.standardOutput, process.standardError) = (FileHandle.nullDevice, FileHandle.nullDevice)
        try process.run()
        defer { kill(process.processIdentifier, SIGKILL) }

        #expect(NodeTeardown.endProcesses(root: "\(pool)/node-1", journal: JournalState()) == 0)
        let report = try #require(NodeTeardown.run(roots: ["\(pool)/node-1"], grace: .zero).first)
        #expect(!report.isComplete)
        #expect(report.failure?.path == pool)
        #expect(process.isRunning)
        #expect(access("\(outside)/node-1/docs/file", F_OK) == 0)
        #expect(try FileManager.default.contentsOfDirectory(atPath: outside) == ["node-1"])
        let options = NodeAgentOptions(
            root: "\(pool)/node-2", pool: "p", node: "node-2", boot: 1, slots: 1, isDedicated: true,
            state: TestAgent.state, life: TestAgent.life, umask: 0o022)
        let error = #expect(throws: SystemError.self) {
            // A program that ends at once, should it be started.
            _ = try AgentLauncher.launch(executable: "/bin/true", options: options)
        }
        #expect(error?.path == pool)
        #expect(access("\(outside)/node-2", F_OK) != 0)
    }
}
