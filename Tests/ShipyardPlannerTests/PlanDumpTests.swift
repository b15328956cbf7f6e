import Testing

@testable import ShipyardPlanner

struct PlanDumpTests {
    private let yaml = """
        job_specifications:
        - id: film
          auto_complete: true
          tasks:
          - {id: split, command: "cut \\"x\\"\\t\\\\"}
          - {command: 'render {}', depends_on: [split], task_factory: {parametric_sweep: {product: [{start: 0, stop: 3, step: 1}]}}}
          - {id: '7', command: é, depends_on: [task-00001], depends_on_range: [3, 3]}
          - {id: '3', max_task_retries: 2}
          merge_task: {id: join, command: cat}
        """

    private func dump<Sink: PlanSink>(_ sink: inout Sink) where Sink.Failure == Never {
        let planned = Planned(yaml)
        for (position, job) in planned.sink.jobs.enumerated() {
            sink.jobBegan(job)
            for task in planned.sink.tasks[position] { sink.task(task) }
            sink.jobEnded(job, planned.sink.graphs[position])
        }
    }

    @Test func jsonLinesHaveOneObjectForEachTask() {
        var bytes: [UInt8] = []
        var sink = JSONLinesPlanSink<Never> { bytes += $0 }
        dump(&sink)
        #expect(
            String(decoding: bytes, as: UTF8.self) == #"""
                {"job": "film", "index": 0, "id": "split", "command": "cut \"x\"\t\\"}
                {"job": "film", "index": 1, "id": "task-00000", "command": "render 0", "depends_on": ["split"]}
                {"job": "film", "index": 2, "id": "task-00001", "command": "render 1", "depends_on": ["split"]}
                {"job": "film", "index": 3, "id": "task-00002", "command": "render 2", "depends_on": ["split"]}
                {"job": "film", "index": 4, "id": "7", "command": "é", "depends_on": ["task-00001"], "depends_on_range": [3, 3]}
                {"job": "film", "index": 5, "id": "3", "command": null}
                {"job": "film", "index": 6, "id": "join", "command": "cat", "merge_task": true, "depends_on": ["split", "task-00000", "task-00001", "task-00002", "7", "3"]}

                """#)
    }

    @Test func dotDrawsFactoriesAsOneNode() {
        var bytes: [UInt8] = []
        var sink = GraphPlanSink<Never>(.dot) { bytes += $0 }
        dump(&sink)
        sink.finish()
        #expect(
            String(decoding: bytes, as: UTF8.self) == #"""
                digraph plan {
                  rankdir=LR;
                  node [shape=box];
                  subgraph cluster_0 {
                    label="film";
                    j0_0 [label="split"];
                    j0_1 [label="task-00000 … task-00002\n3 tasks", peripheries=2];
                    j0_2 [label="7"];
                    j0_3 [label="3"];
                    j0_4 [label="join", shape=hexagon];
                  }
                  j0_0 -> j0_1;
                  j0_1 -> j0_2;
                  j0_3 -> j0_2;
                  j0_0 -> j0_4;
                  j0_1 -> j0_4;
                  j0_2 -> j0_4;
                  j0_3 -> j0_4;
                }

                """#)
    }

    @Test func mermaidDrawsTheSameGraph() {
        var bytes: [UInt8] = []
        var sink = GraphPlanSink<Never>(.mermaid) { bytes += $0 }
        dump(&sink)
        sink.finish()
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(text.hasPrefix("flowchart LR\n  subgraph j0[\"film\"]\n    j0_0[\"split\"]\n"))
        #expect(text.contains("    j0_1[[\"task-00000 … task-00002<br>3 tasks\"]]\n"))
        #expect(text.hasSuffix("  j0_3 --> j0_4\n"))
    }

    @Test func theSummarySaysWhatWillHappen() {
        var bytes: [UInt8] = []
        var sink = SummaryPlanSink<Never>(pool: nil) { bytes += $0 }
        dump(&sink)
        #expect(
            String(decoding: bytes, as: UTF8.self) == """
                job film: 7 tasks
                  split: 1 task
                  task-00000 … task-00002: 3 tasks, factory, waits for split
                  7: 1 task, waits for task-00000 … task-00002, 3
                  3: 1 task, 2 retries
                  join: merge task, waits for all others
                  longest chain 4 tasks, at most 3 side by side
                  completes by itself

                """)
    }
}
