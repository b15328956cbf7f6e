import Foundation
import ShipyardAPI
import ShipyardModel
import ShipyardPlanner
import ShipyardSpecs
import Testing

/// The planner's world on this machine: real Python, real directories.
struct LocalPlannerWorldTests {
    private let home: String

    init() throws {
        var template = Array((NSTemporaryDirectory() + "/planner-world-XXXXXX").utf8CString)
        home = String(cString: try #require(mkdtemp(&template)))
    }

    private func write(_ text: String, to path: String) throws {
        let url = URL(fileURLWithPath: home).appendingPathComponent(path)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
    }

    private func world() -> LocalPlannerWorld { LocalPlannerWorld(home: home, specDirectory: home) }

    private func rows(
        _ generator: CustomFactorySpec, in world: LocalPlannerWorld, atMost limit: Int = .max
    ) throws(PlannerWorldError) -> [[PythonValue]] {
        var rows: [[PythonValue]] = []
        try world.forEachRow(of: generator) { row in
            rows.append(row)
            return rows.count < limit
        }
        return rows
    }

    @Test func aGeneratorsValuesKeepTheirTypes() throws {
        try write(
            """
            class Odd:
                def __str__(self): return 'odd\\tone'
                def __repr__(self): return '<odd>'
            def generate(*args, **kwargs):
                yield 1, 2.5, 'a\\tb\\n\\\\c', True, None, 10**30, '', 'é漢😀'
                yield args[0], kwargs['tag']
                yield 'xy'
                yield ()
                yield [Odd()]
            """, to: "values.py")
        var generator = CustomFactorySpec(module: "values")
        generator.inputArgs = ["7"]
        generator.inputKwargs = [("tag", "q\"t")]
        let rows = try rows(generator, in: world())
        #expect(rows.count == 5)
        #expect(
            rows[0] == [
                .int(1), .float(2.5), .str("a\tb\n\\c"), .bool(true), .none,
                .bigInt(try #require(BigInteger(decimal: "1000000000000000000000000000000"))), .str(""),
                .str("é漢😀"),
            ])
        #expect(rows[1] == [.str("7"), .str("q\"t")])
        #expect(rows[2] == [.str("x"), .str("y")])
        #expect(rows[3].isEmpty)
        #expect(rows[4].first?.text == "odd\tone")
        #expect(rows[4].first?.representation == "<odd>")
    }

    @Test func aModuleStaysLoadedBetweenThePasses() throws {
        try write(
            "count = iter(range(10))\ndef generate():\n    yield next(count), next(count)\n", to: "state.py")
        let world = world()
        let generator = CustomFactorySpec(module: "state")
        #expect(try rows(generator, in: world) == [[.int(0), .int(1)]])
        #expect(try rows(generator, in: world) == [[.int(2), .int(3)]])
    }

    @Test func printingInAGeneratorDoesNotDisturb() throws {
        try write(
            "import os\ndef generate():\n    os.system('true')\n    print('', end='')\n    yield 1,\n",
            to: "noisy.py")
        #expect(try rows(CustomFactorySpec(module: "noisy"), in: world()) == [[.int(1)]])
    }

    @Test func anExceptionIsReportedWithItsPlace() throws {
        try write("def generate(*args):\n    for a in args:\n        yield (range(0, a),)\n", to: "bad.py")
        var generator = CustomFactorySpec(module: "bad")
        generator.inputArgs = ["1"]
        #expect {
            try rows(generator, in: world())
        } throws: {
            "\($0)".contains("TypeError: 'str' object cannot be interpreted as an integer (bad.py:3)")
        }
    }

    @Test func aMissingModuleIsReported() {
        #expect {
            try rows(CustomFactorySpec(module: "no_such_module"), in: world())
        } throws: {
            "\($0)".contains("ModuleNotFoundError: No module named 'no_such_module'")
        }
    }

    @Test func anEndlessGeneratorCanBeLeft() throws {
        try write(
            "def generate():\n    n = 0\n    while True:\n        yield n,\n        n += 1\n",
            to: "endless.py")
        let world = world()
        #expect(try rows(CustomFactorySpec(module: "endless"), in: world, atMost: 3).count == 3)
        #expect(
            try rows(CustomFactorySpec(module: "endless"), in: world, atMost: 2) == [[.int(0)], [.int(1)]])
    }

    @Test func aGeneratorThatEndsPythonIsReported() throws {
        try write("import os\ndef generate():\n    os._exit(3)\n    yield 1\n", to: "gone.py")
        #expect {
            try rows(CustomFactorySpec(module: "gone"), in: world())
        } throws: {
            "\($0)".contains("python3 ended")
        }
    }

    // MARK: - Files

    private func names(_ listing: FileListing) throws -> [String] {
        var names: [String] = []
        try world().forEachFile(in: listing) {
            names.append($0)
            return true
        }
        return names
    }

    @Test func blobsComeInByteOrderByPrefix() throws {
        for name in ["a/b", "a.txt", "a/c/d", "ab/x", "b"] { try write("", to: "storage/acct/box/\(name)") }
        let all = FileListing(account: "acct", container: "box")
        #expect(try names(all) == ["a.txt", "a/b", "a/c/d", "ab/x", "b"])
        #expect(
            try names(FileListing(account: "acct", container: "box", prefix: "a")) == [
                "a.txt", "a/b", "a/c/d", "ab/x",
            ])
        #expect(try names(FileListing(account: "acct", container: "box", prefix: "a/c")) == ["a/c/d"])
    }

    @Test func aShareIsWalkedFilesFirst() throws {
        for name in ["z", "d1/b", "d1/sub/c", "d2/a"] { try write("", to: "storage/acct/share/\(name)") }
        let share = FileListing(account: "acct", container: "share", isFileShare: true)
        #expect(try names(share) == ["z", "d2/a", "d1/b", "d1/sub/c"])
        #expect(
            try names(FileListing(account: "acct", container: "share", prefix: "d1", isFileShare: true))
                == ["d1/b", "d1/sub/c"])
    }

    @Test(arguments: ["..", ".", "", "a/b"])
    func aListingNeverLeavesTheStore(_ container: String) {
        #expect(throws: PlannerWorldError.self) {
            try names(FileListing(account: "acct", container: container))
        }
        #expect(throws: PlannerWorldError.self) {
            try names(FileListing(account: "acct", container: "share", prefix: "../..", isFileShare: true))
        }
    }
}
