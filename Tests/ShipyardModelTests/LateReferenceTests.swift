import ShipyardModel
import Testing

struct LateReferenceTests {
    @Test(
        arguments: [
            ("tasks.a.output", "a", []),
            ("tasks.a-1_B.output.files[0].name", "a-1_B", [.member("files"), .item(0), .member("name")]),
            ("tasks.a.output[12][3]", "a", [.item(12), .item(3)]),
            ("tasks.output.output.output", "output", [.member("output")]),
            ("tasks.a.output.0", "a", [.member("0")]),
        ] as [(String, String, [LateReference.Step])])
    func namesAreRead(_ text: String, _ task: String, _ path: [LateReference.Step]) throws {
        let reference = try #require(LateReference(text))
        #expect(reference.task == task && reference.path == path && "\(reference)" == text)
    }

    @Test(arguments: [
        "tasks", "tasks.a", "tasks..output", "task.a.output", "tasks.a.outputs", "tasks.a.output.",
        "tasks.a.output.b.", "tasks.a.output[", "tasks.a.output[]", "tasks.a.output[-1]", "tasks.a.output[a]",
        "tasks.a.output]", "tasks.a.output[99999999999999999999]", "tasks.ä.output", "tasks.a.output.ä",
    ])
    func otherNamesAreNone(_ text: String) { #expect(LateReference(text) == nil) }

    static let document =
        #" {"files": ["a", {"b c": 1, "x": null}], "n": 12345678901234567890.10, "n2": 7, "t": true, "n2": 8, "s": "é\n\"", "e": [], "o": {}} "#

    @Test(
        arguments: [
            ("output.files[0]", "a", "\"a\"", false), ("output.files[1].x", "null", "null", false),
            ("output.n", "12345678901234567890.10", "12345678901234567890.10", true),
            // The last of one name counts, as in Python.
            ("output.n2", "8", "8", true), ("output.t", "true", "true", true),
            ("output.s", "é\n\"", #""é\n\"""#, false), ("output.e", "[]", "[]", false),
        ] as [(String, String, String, Bool)])
    func valuesKeepTheirDigitsAndTypes(
        _ path: String, _ text: String, _ json: String, _ isPlain: Bool
    ) throws {
        let value = try #require(LateReference("tasks.t.\(path)")).value(in: Self.document)
        #expect(value.text == text && value.json == json && value.isPlain == isPlain)
    }

    @Test func theWholeOutputIsWithoutTheSpaceAroundIt() throws {
        let whole = try #require(LateReference("tasks.t.output"))
        let value = try whole.value(in: " \n{\"a\": 1}\n")
        #expect(value.json == "{\"a\": 1}" && value.text == value.json)
        #expect(try whole.value(in: "3").text == "3")
    }

    @Test(arguments: [
        ("file", "no `file`: it has `files`, `n`, `n2`, `t`, `n2`, `s`, `e`, `o`."),
        ("files[2]", "no `files[2]`: `files` is a list of 2 items."),
        ("files.a", "no `files.a`: `files` is a list of 2 items."),
        ("t.x", "no `t.x`: `t` is `true`."), ("t[0]", "no `t[0]`: `t` is `true`."),
        ("o.x", "no `o.x`: `o` is an empty object."), ("e[0]", "no `e[0]`: `e` is a list of 0 items."),
        ("files[1].y.z", "no `files[1].y`: `files[1]` has `b c`, `x`."),
    ])
    func whatIsMissingIsSaidWithWhatIsThere(_ path: String, _ end: String) throws {
        let reference = try #require(LateReference("tasks.t.output.\(path)"))
        let failure = #expect(throws: LateFailure.self) { try reference.value(in: Self.document) }
        #expect(failure?.sentence == "The output of task `t` has \(end)")
    }

    @Test func onlyMarkedTextsHoldReferences() throws {
        let reference = try #require(LateReference("tasks.a.output.b"))
        let marked = "x " + LateText.marked(reference) + "@{tasks.c.output}"
        #expect(LateText.pieces(marked) == [.text("x "), .reference(reference), .text("@{tasks.c.output}")])
        #expect(LateText.references(in: marked) == [reference])
        #expect(LateText.shown(marked) == "x @{tasks.a.output.b}@{tasks.c.output}")
        // As it is before a factory fills in the braces.
        #expect(LateText.references(in: "\0@{{tasks.a.output.b}}\0") == [reference])
        #expect(!LateText.isLate("@{tasks.a.output}") && LateText.references(in: "@{tasks.a.output}").isEmpty)
        // Damaged.
        for text in ["a\0b", "\0@{tasks.a}\0", "\0\0", "\0@{tasks.a.output}\0 \0"] {
            #expect(LateText.pieces(text) == nil)
        }
    }
}
