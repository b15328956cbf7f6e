import Foundation
import ShipyardHTTPClient
import Testing

@testable import ShipyardCommands

struct MetadataCommandTests {
    private let entry =
        #"{"collection":"runs","id":"x","eTag":"7","lastModified":"2024-05-01T00:00:00Z","writer":{}}"#

    private func body(_ service: FakeService) -> String? {
        service.bodies.last.map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func membersMakeADocument() throws {
        let service = FakeService(["PUT /metadata/runs/x": [entry], "PATCH /metadata/runs/x": [entry]])
        let words = [
            "--set", "a.b=1.10", "--set", "a.c=x=y", "--set", "n=null", "--set", "l=[1,{}]", "--set",
            "t=\"7\"",
            "--set", "a.b=2", "--set", "e=",
        ]
        let put = runWords(["metadata", "put", "runs", "x"] + words, service: service)
        #expect(put.code == .done)
        #expect(body(service) == #"{"a":{"b":2,"c":"x=y"},"n":null,"l":[1,{}],"t":"7","e":""}"#)
        #expect(
            runWords(["metadata", "patch", "runs", "x", "--set", "a=null"], service: service).code == .done)
        #expect(body(service) == #"{"a":null}"#)
        #expect(service.sent.last?.contentType == "application/merge-patch+json")
        for wrong in [["--set", "a"], ["--set", "=1"], ["--set", "a..b=1"], ["--set", "a=1", "-"], []] {
            #expect(runWords(["metadata", "put", "runs", "x"] + wrong, service: service).code == .usage)
        }
        #expect(service.requests.count == 2)
    }

    @Test func conditionsTravelAsHeaders() throws {
        let service = FakeService(["PUT /metadata/runs/x": [entry], "DELETE /metadata/runs/x": [""]])
        let write = ["metadata", "put", "runs", "x", "--set", "a=1"]
        for (words, header) in [
            (["--if-match", "7"], HTTPHeader("If-Match", "\"7\"")),
            (["--if-match", "\"7\""], HTTPHeader("If-Match", "\"7\"")),
            (["--if-match", "*"], HTTPHeader("If-Match", "*")),
            (["--if-none-match"], HTTPHeader("If-None-Match", "*")),
        ] {
            #expect(runWords(write + words, service: service).code == .done)
            #expect(service.sent.last?.headers == [header])
            // A second time it would not be met.
            #expect(service.sent.last?.isRepeatable == false)
        }
        #expect(runWords(write, service: service).code == .done)
        #expect(service.sent.last?.headers == [] && service.sent.last?.isRepeatable == true)
        #expect(runWords(write + ["--if-match", "7", "--if-none-match"], service: service).code == .usage)
        #expect(runWords(["metadata", "del", "runs", "x"], service: service).code == .usage)
        let deletion = runWords(["metadata", "del", "runs", "x", "-y", "--if-match", "7"], service: service)
        #expect(deletion.code == .done && service.sent.last?.headers == [HTTPHeader("If-Match", "\"7\"")])
        for name in ["..", "a/b", "a b", ""] {
            #expect(runWords(["metadata", "get", "runs", name], service: service).code == .usage)
        }
    }

    @Test func documentsAreShownAsTheyAreStored() throws {
        let service = FakeService([
            "GET /metadata/runs/x": [#"{"b":1.10,"a":[123456789012345678901234567890]}"#]
        ])
        #expect(
            run("metadata", "get", "runs", "x", service: service).output == """
                {
                  "b": 1.10,
                  "a": [
                    123456789012345678901234567890
                  ]
                }

                """)
        #expect(
            run("metadata", "get", "runs", "x", "--raw", service: service).output
                == "{\"b\":1.10,\"a\":[123456789012345678901234567890]}\n")
        #expect(run("metadata", "get", "runs", "none", service: service).code == .failed)
    }

    @Test func queriesAreAskedPageByPage() throws {
        func item(_ id: Int, _ writer: String = "") -> String {
            #"{"collection":"c","id":"d\#(id)","eTag":"\#(id)","lastModified":"2024-05-01T00:00:00Z","writer":{\#(writer)},"#
                + #""document":{"n":1.10}}"#
        }
        let words =
            #""jobId":"nightly:film-3","taskId":"t","kind":"task","attempt":1,"scheduleId":"nightly","run":3"#
        let condition = "where=%24.n%20%3D%201&where=id%20%3E%20%27a%27&order=%24.n"
        let service = FakeService([
            "GET /metadata/c?\(condition)&top=3": [
                #"{"value":[\#(item(1)),\#(item(2, words))],"next":"aa","unreadable":["bad"]}"#
            ],
            "GET /metadata/c?\(condition)&top=1&after=aa": [#"{"value":[\#(item(3))],"next":"bb"}"#],
            "GET /metadata/c?top=1000": [#"{"value":[\#(item(1))],"next":"aa"}"#],
            "GET /metadata/c?top=1000&after=aa": [#"{"value":[]}"#],
        ])
        let query = ["metadata", "query", "c", "--where", "$.n = 1", "--where", "id > 'a'", "--order", "$.n"]
        let table = runWords(query + ["--top", "3"], service: service)
        #expect(table.messages.contains("what is stored of `bad` cannot be read"))
        #expect(
            table.output == """
                ID  LAST MODIFIED     ETAG  BY                          DOCUMENT
                d1  \(local("2024-05-01T00:00:00Z"))  1     user                        {"n":1.10}
                d2  \(local("2024-05-01T00:00:00Z"))  2     nightly#3 nightly:film-3/t  {"n":1.10}
                d3  \(local("2024-05-01T00:00:00Z"))  3     user                        {"n":1.10}

                """)
        let lines = runWords(["metadata", "query", "c", "--top", "0", "--format", "lines"], service: service)
        #expect(lines.output == "{\"n\":1.10}\n")
        let json = runWords(["metadata", "query", "c", "--top", "0", "--format", "json"], service: service)
        #expect(json.output == "[\n  {\n    \"n\": 1.10\n  }\n]\n")
        let wrong = runWords(["metadata", "query", "c", "--where", "n = 1"], service: service)
        #expect(wrong.code == .usage && wrong.messages.contains("character 1: a path begins with `$`"))
        #expect(runWords(["metadata", "query", "c", "--format", "xml"], service: service).code == .usage)
    }
}
