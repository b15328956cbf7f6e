import ShipyardAPI
import ShipyardModel
import Testing

@testable import ShipyardCommands

struct TriggerCommandTests {
    private func event(_ id: Int, path: String = "2024/a.done", more: String = "") -> String {
        #"{"id":\#(id),"scheduleId":"on-done","account":"store","container":"in","path":"\#(path)","size":0,"#
            + #""lastModified":"2024-05-01T00:00:00Z","time":"2024-05-01T00:00:02Z","state":"started","run":7\#(more)}"#
    }

    @Test func eventsAreListedPageByPageUpToTheLimit() {
        let service = FakeService([
            "GET /triggers?schedule=on-done&limit=3": [
                #"{"value":[\#(event(9)),\#(event(8, path: #"a\\xff\\x0a"#))],"next":8}"#
            ],
            "GET /triggers?schedule=on-done&before=8&limit=1": [#"{"value":[\#(event(7))],"next":7}"#],
        ])
        let list = run("triggers", "list", "--schedule", "on-done", "--limit", "3", service: service)
        #expect(list.code == .done)
        #expect(
            list.output == """
                EVENT  TIME              SCHEDULE  FILE                  STATE    RUN  REASON
                    9  \(local("2024-05-01T00:00:02Z"))  on-done   store/in/2024/a.done  started    7
                    8  \(local("2024-05-01T00:00:02Z"))  on-done   store/in/a\\xff\\x0a    started    7
                    7  \(local("2024-05-01T00:00:02Z"))  on-done   store/in/2024/a.done  started    7

                """)
        #expect(run("triggers", "list", "--limit", "0", service: service).code == .usage)
    }

    /// The request has a name, so that it may be sent again.
    @Test func aReplayIsOneHoweverOftenItIsSent() throws {
        let service = FakeService(["POST /triggers/42/replay": [#"{"scheduleId":"on-done","run":8}"#]])
        let replay = run("triggers", "replay", "42", service: service)
        #expect(replay.code == .done && replay.messages == "event 42: run 8 of schedule on-done\n")
        _ = run("triggers", "replay", "42", "--key", "mine", service: service)
        let bodies = service.bodies.map { String(decoding: $0, as: UTF8.self) }
        #expect(bodies.count == 2 && bodies[1] == #"{"submissionId":"mine"}"#)
        let first = try JSONCoding.decode(TriggerReplayRequest.self, from: Array(bodies[0].utf8))
        #expect(first.submissionId != nil && first.submissionId != "mine")
        #expect(run("triggers", "replay", "x", service: service).code == .usage)
    }

    @Test func anExplanationSaysWhatEachScheduleMakesOfTheFile() {
        let schedule =
            #"{"scheduleId":"on-done","scheduleState":"active","account":"store","container":"in","pathBeginsWith":"","#
            + #""pathEndsWith":".done","matchesContainer":true,"matchesBegin":true,"matchesEnd":true,"verdict":"why","#
            + #""events":[\#(event(3))]}"#
        let service = FakeService([
            "GET /triggers/explain?account=store&container=in&path=2024%2Fa.done": [
                #"{"account":"store","container":"in","path":"2024/a.done","schedules":[\#(schedule)]}"#
            ]
        ])
        for name in ["store/in/2024/a.done", "/h/storage/store/in/./x/../2024/a.done"] {
            let explain = run("triggers", "explain", name, "--home", "/h", service: service)
            #expect(explain.code == .done)
            #expect(
                explain.output == """
                    store/in/2024/a.done
                      on-done (active) watches store/in for what ends with `.done`
                        why
                    EVENT  TIME              SCHEDULE  FILE                  STATE    RUN  REASON
                        3  \(local("2024-05-01T00:00:02Z"))  on-done   store/in/2024/a.done  started    7

                    """)
        }
        for name in ["store/in", "/elsewhere/store/in/a", "/h/storage/in"] {
            #expect(run("triggers", "explain", name, "--home", "/h", service: service).code == .usage)
        }
    }
}
