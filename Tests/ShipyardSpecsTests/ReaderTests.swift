import Foundation
import ShipyardDiagnostics
import Testing

@testable import ShipyardSpecs

@Suite struct ReaderTests {
    private func readJSON(_ text: String) -> SyntaxNode? {
        var diagnostics = Diagnostics()
        return SpecReader.read(SourceText(name: "s.json", text: text), &diagnostics)
    }

    @Test func validJSONIsRead() {
        let node = readJSON(
            "\u{FEFF}{\t\"a\\/b\":\r\n\t[\"\\uD83D\\uDE00\\u00e9\\n\", -0, 1.5E+3, 1e2, true, false, null, {}, []], \"\\u0041\":\"\\ud800x\"}\n"
        )
        #expect(node?["a/b"]?.elements?.count == 9)
        #expect(node?["a/b"]?.elements?[0].string == "😀é\n")
        #expect(node?["a/b"]?.elements?[1].integer == 0)
        #expect(node?["A"]?.string == "\u{FFFD}x")
        #expect(readJSON("[\"\u{7F}\"]") != nil)
    }

    @Test(arguments: [
        "{", "[1,]", "{\"a\":1,}", "{a:1}", "['a']", "[01]", "[1.]", "[.5]", "[+1]", "[tru]", "[\"\\x\"]",
        "[\"\\u12\"]", "[1] 2", "\"a", "[NaN]", "[\"a\nb\"]", "// c\n{}",
    ])
    func otherTextIsNotJSON(_ text: String) { #expect(readJSON(text) == nil) }

    @Test func rangesAreBytesAndColumnsAreCharacters() throws {
        for (name, text) in [
            ("s.yaml", "é: {日本: 🎬🎬, b: x}\n"), ("s.json", "{\"é\": {\"日本\": \"🎬🎬\", \"b\": \"x\"}}"),
        ] {
            var diagnostics = Diagnostics()
            let root = try #require(SpecReader.read(SourceText(name: name, text: text), &diagnostics))
            let film = try #require(root["é"]?["日本"])
            #expect(film.range.text.contains("🎬🎬"))
            let last = try #require(root["é"]?["b"])
            #expect(last.range.text.contains("x"))
            #expect(last.range.start.column == (name == "s.yaml" ? 16 : 25), "\(name)")
        }
    }

    @Test func marksOfALongNonASCIIFileStayRight() throws {
        let text = (0..<2000).map { "ключ\($0): значение\($0)\n" }.joined()
        let root = try #require(yaml(text).root)
        for entry in root.entries ?? [] {
            #expect(entry.value.range.text == entry.value.string)
        }
    }

    @Test func byteOrderMarkIsSkippedAndNotCounted() throws {
        let (root, diagnostics) = yaml("\u{FEFF}a: 1\nb: 2\n")
        #expect(!diagnostics.hasErrors)
        #expect(root?.entries?[0].key.range.start == SourcePosition(line: 1, column: 1))
        #expect(root?["b"]?.range.text == "2")
    }

    @Test func aliasesAndMergeKeysWork() throws {
        let (root, _) = yaml("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: {<<: [{z: 1, x: 0}, *a]}\nd: *a\n")
        #expect(root?["b"]?["x"]?.integer == 1)
        #expect(root?["b"]?["y"]?.integer == 3)
        #expect(root?["c"]?["x"]?.integer == 0)
        #expect(root?["c"]?["y"]?.integer == 2)
        #expect(root?["d"] === root?["a"])
    }

    @Test(arguments: [
        ("a: 1\u{0}", "SY0003"), ("a: \u{8}", "SY0003"), ("", "SY0004"), ("null\n", "SY0004"),
        ("--- \n", "SY0004"),
        ("a: 1\n--- \nb: 1\n", "SY0006"), ("a: {<<: *b}", "SY0008"), ("a: {<<: {}, <<: {}}", "SY0005"),
        ("a: !!int x", "SY0010"), ("a: !!map [x]", "SY0010"), ("a: 'x", "SY0001"), ("a: \"\\q\"", "SY0001"),
        ("a: x\u{FEFF}y", "SY0003"), ("a: \"x\u{FEFF}y\"", "SY0003"), ("a: \"x\nb: 1\n", "SY0001"),
        ("a: @x", "SY0001"), ("%YAML 3.0\n---\na: 1", "SY0001"),
    ]) func brokenFilesHaveTheirCode(_ text: String, _ code: String) {
        #expect(Set(errorCodes(yaml(text).diagnostics)) == [code], "\(text)")
    }

    /// docs/spec/differences.md
    @Test func charactersThatNobodySeesAreWhatTheyAre() throws {
        let root = try #require(yaml("a: \"x\\u2028y\\uFEFFz\"\nb: one\u{2028}c: two\n").root)
        #expect(root["a"]?.string == "x\u{2028}y\u{FEFF}z")
        #expect(root["b"]?.string == "one" && root["c"]?.string == "two")
        var diagnostics = Diagnostics()
        let json = SpecReader.read(SourceText(name: "s.json", text: "{\"a\": \"x\u{2028}y\u{FEFF}z\"}"), &diagnostics)
        #expect(!diagnostics.hasErrors && json?["a"]?.string == "x\u{2028}y\u{FEFF}z")
    }

    /// Wherever text goes to a process; the golden cases have it in values.
    @Test func noElementOfAListHoldsNUL() {
        let text = "job_specifications:\n- id: a\n  tasks:\n  - {command: x, input_data: {azure_batch: [{job_id: a, task_id: b, include: [\"a\\0b\"]}]}}\n"
        #expect(errorCodes(load(.jobs, text).diagnostics) == ["SY3010"])
    }

    @Test func aQuoteThatNothingClosesIsShownWhereItWasOpened() throws {
        let found = yaml("a: 1\nb: \"x\nc: 1\nd: 2\n").diagnostics
        let shown = TextRenderer().render(found)
        #expect(shown.contains("the text in quotes is never closed") && shown.contains("2 | b: \"x\n  |    - opened here"), "\(shown)")
    }

    @Test func filesThatAreNotUTF8AreRefused() {
        for bytes: [UInt8] in [
            [0xFF, 0xFE, 0x61, 0], [0x61, 0x3A, 0x20, 0xE9, 0x0A], [0xC0, 0x80], [0xED, 0xA0, 0x80],
            [0xF4, 0x90, 0x80, 0x80], [0xE3, 0x81],
        ] {
            for name in ["s.yaml", "s.json"] {
                var diagnostics = Diagnostics()
                #expect(SpecReader.read(SourceText(name: name, bytes: bytes), &diagnostics) == nil)
                #expect(errorCodes(diagnostics) == ["SY0002"])
            }
        }
    }

    @Test(arguments: ["jobs.txt", "jobs", "jobs.YAML", "jobs.yaml.bak", ""])
    func otherEndingsAreRefused(_ name: String) {
        #expect(errorCodes(load(.jobs, "job_specifications: []", name: name).diagnostics) == ["SY0007"])
    }
}
