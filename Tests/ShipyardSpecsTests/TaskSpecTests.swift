import ShipyardDiagnostics
import ShipyardModel
import Testing

@testable import ShipyardSpecs

/// Tasks share what they have in common, and are values for all that.
@Suite struct TaskSpecTests {
    private func tasks(_ text: String) throws -> [TaskSpec] {
        let (specs, diagnostics) = SpecLoader.load([SpecSource(.jobs, SourceText(name: "j.yaml", text: text))])
        #expect(!diagnostics.hasErrors)
        return try #require(specs.jobs?.jobs.first?.tasks)
    }

    @Test func aFileOfManyTasksNeedsLittleForEach() {
        #expect(MemoryLayout<TaskSpec>.size <= 24)
        #expect(MemoryLayout<SyntaxNode.Content>.size <= 17)
    }

    @Test func tasksThatTakeOverDefaultsShareThem() throws {
        let made = try tasks(
            """
            job_specifications:
            - id: a
              tasks:
              - &d {max_task_retries: 1, required_slots: 2}
              - {<<: *d, command: a}
              - {command: b, <<: *d, id: b, depends_on: [c]}
              - {command: c, id: c}
              - {}
            """
        ).dropFirst().map { $0 }
        #expect(made.map(\.isPlain) == [false, false, true, true])
        #expect(made[0].sharesSettings(with: made[1]))
        #expect(!made[1].sharesSettings(with: made[2]))
        #expect(made.map(\.requiredSlots) == [2, 2, 1, 1])
        #expect(made.map(\.maxTaskRetries) == [1, 1, nil, nil])
        #expect(made.map { $0.command?.value } == ["a", "b", "c", nil])
        #expect(made[1].dependsOn.map(\.value) == ["c"])
    }

    /// One value under two keys says two things.
    @Test func likeValuesUnderOtherKeysAreNotShared() throws {
        let made = try tasks(
            """
            job_specifications:
            - id: a
              tasks:
              - {command: a, max_wall_time: &v "00:02:00"}
              - {command: a, retention_time: *v}
              - {command: a, retention_time: *v, max_task_retries: 1}
            """)
        #expect(made.map { $0.maxWallTime != nil } == [true, false, false])
        #expect(made.map { $0.retentionTime != nil } == [false, true, true])
        #expect(made.map(\.maxTaskRetries) == [nil, nil, 1])
    }

    @Test func aChangedCopyLeavesTheOther() throws {
        let one = try tasks("job_specifications: [{id: a, tasks: [{command: a, required_slots: 3}]}]")[0]
        var other = one
        other.requiredSlots = 4
        other.id = Located("x", at: one.range)
        #expect(one.requiredSlots == 3 && one.id == nil)
        #expect(other.requiredSlots == 4 && other.command?.value == "a" && other.range.lower == one.range.lower)
    }
}
