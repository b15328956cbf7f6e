import Foundation
import ShipyardModel
import ShipyardPlanner
import ShipyardSpecs
import Testing

@testable import ShipyardCommands

/// The planner's world on this machine: real Python, real directories.
struct LocalPlannerWorldTests {
    private let home: String
    /// A length of sleep that no other test's processes have.
    private let nap = "1000.\(UInt32.random(in: 1_000_000_000...UInt32.max))"

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
        let call = GeneratorCall(job: JobID("j")!, entry: 0, pass: .build)
        try world.forEachRow(of: generator, in: call) { row in
            rows.append(row)
            return rows.count < limit
        }
        return rows
    }

    /// It has inherited the stream, and no number of a descriptor is out of its reach.
    @Test(arguments: ["x\\n", ".\\n", ".0\\n", "rsa\\n"])
    func whatIsWrittenIntoTheStreamOfAnswersIsNoAnswer(_ text: String) throws {
        try write(
            """
            import os
            def generate():
                for number in range(3, 32):
                    try:
                        os.write(number, b'\(text)')
                    except OSError:
                        pass
                yield 'a', 'b'
            """, to: "writes.py")
        #expect { try rows(CustomFactorySpec(module: "writes"), in: world()) } throws: { error in
            "\(error)".contains("wrote into the stream of its answers")
        }
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

    @Test func objectsOfSubclassesHaveWhatIsFormatted() throws {
        try write(
            """
            import enum
            class Colour(enum.IntEnum):
                RED = 1
            class Half(float): pass
            class Name(str): pass
            class Mixed(int, enum.Enum):
                A = 3
            class Odd(int):
                def __format__(self, specification): return 'odd'
            def generate():
                yield Colour.RED, Half(0.5), Name('a\\tb'), Mixed.A, Odd(1)
            """, to: "subclasses.py")
        let row = try #require(try rows(CustomFactorySpec(module: "subclasses"), in: world()).first)
        let bases: [PythonValue?] = row.map { value in
            guard case .object(let object) = value else { return nil }
            return object.base
        }
        #expect(bases == [.int(1), .float(0.5), .str("a\tb"), .str("Mixed.A"), nil])
    }

    /// Its numbers are Python's own or not, by their size; all of them are formatted as if they were.
    @Test func valuesOfNumpyAreNumbers() throws {
        try write(
            """
            class float64(float):
                def item(self): return float(self)
            class int32:
                def __init__(self, value): self.value = value
                def item(self): return self.value
                def __str__(self): return str(self.value)
            """, to: "numpy.py")
        try write(
            "import numpy\ndef generate():\n    yield numpy.float64(0.5), numpy.int32(7)\n", to: "numbers_of_numpy.py")
        let row = try #require(try rows(CustomFactorySpec(module: "numbers_of_numpy"), in: world()).first)
        let bases: [PythonValue?] = row.map { value in
            guard case .object(let object) = value else { return value }
            return object.base
        }
        #expect(bases == [.float(0.5), .int(7)])
    }

    @Test(arguments: ["'a\\0b'", "Name('a\\0b')", "'a\\ud800b'", "Odd()"])
    func whatNoProcessCanBeGivenIsRefused(_ value: String) throws {
        try write(
            """
            class Name(str): pass
            class Odd:
                def __str__(self): return 'a\\0b'
            def generate():
                yield ['good']
                yield [\(value)]
            """, to: "hostile.py")
        #expect {
            try rows(CustomFactorySpec(module: "hostile"), in: world())
        } throws: { error in
            let message = "\(error)"
            return message.hasPrefix("generator `hostile` failed: ValueError: a value holds ")
        }
    }

    @Test func aSyntaxErrorNamesItsOwnPlace() throws {
        try write("import broken\ndef generate():\n    yield 1\n", to: "outer.py")
        try write("x = 1\ndef f(:\n", to: "broken.py")
        #expect {
            try rows(CustomFactorySpec(module: "outer"), in: world())
        } throws: { error in
            "\(error)".hasSuffix("SyntaxError: invalid syntax (broken.py:2)")
        }
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

    // MARK: - The end of generators

    /// A generator that starts what outlives everything but the supervisor, and then hangs.
    private func writeHangingGenerator() throws {
        try write(
            """
            import os, signal, subprocess, sys, time
            def generate(place):
                for number in signal.valid_signals():
                    if number not in (signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD):
                        signal.signal(number, signal.SIG_IGN)
                subprocess.Popen(['sleep', '\(nap)'])
                if os.fork() == 0:
                    os.setsid()
                    if os.fork() == 0:
                        os.execve('/bin/sleep', ['sleep', '\(nap)'], {})
                    os._exit(0)
                os.wait()
                open(place, 'w').write('%d %s' % (os.getpid(), open('/proc/self/status').read()))
                while True:
                    time.sleep(1)
                    if False: yield
            """, to: "hangs.py")
    }

    private var hanging: CustomFactorySpec {
        var generator = CustomFactorySpec(module: "hangs")
        generator.inputArgs = [home + "/started"]
        return generator
    }

    private func started() -> String? {
        let text = try? String(contentsOfFile: home + "/started", encoding: .utf8)
        return text?.contains("SigCgt") == true ? text : nil
    }

    /// Processes that the generator's start has left, whatever their parents.
    private func sleepers() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { name in
            let line = FileManager.default.contents(atPath: "/proc/\(name)/cmdline") ?? Data()
            let text = String(decoding: line, as: UTF8.self)
            return text.contains(nap) || text.contains(home)
        }
    }

    @Test func aGeneratorThatGivesNothingIsEndedWithAllItStartedAndNamed() throws {
        try writeHangingGenerator()
        // What its caller has blocked is not blocked for it.
        var blocked = sigset_t()
        sigemptyset(&blocked)
        sigaddset(&blocked, SIGTERM)
        var before = sigset_t()
        pthread_sigmask(SIG_BLOCK, &blocked, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        var environment = ProcessInfo.processInfo.environment
        environment["SHIPYARD_GENERATOR_SECONDS"] = "1"
        let world = LocalPlannerWorld(
            home: home, specDirectory: home,
            caller: GeneratorCaller(workingDirectory: home, environment: environment))
        let error = #expect(throws: PlannerWorldError.self) { try rows(hanging, in: world) }
        #expect(error?.message == "generator `hangs` gave no row for 1 seconds, and was ended")
        #expect(error?.help == "set SHIPYARD_GENERATOR_SECONDS to the seconds that a row may take")
        let mask = try #require(started()).split(separator: "\n").first { $0.hasPrefix("SigBlk") }
        #expect(mask?.hasSuffix("0000000000000000") == true)
        #expect(try sleepers() == [])
    }

    /// What a generator does to its supervisor does not keep what it has started.
    @Test(arguments: ["SIGKILL", "SIGSTOP"])
    func aGeneratorThatEndsItsSupervisorIsEndedAllTheSame(_ signal: String) throws {
        // One without a mark of ours is found by its ancestors, and by a service also after they have gone.
        let environment = signal == "SIGSTOP" ? "{}" : "os.environ"
        try write(
            """
            import os, signal, time
            def generate():
                supervisor = os.getppid()
                if os.fork() == 0:
                    os.setsid()
                    if os.fork() == 0:
                        os.execve('/bin/sleep', ['sleep', '\(nap)'], \(environment))
                    os.execv('/bin/sleep', ['sleep', '\(nap)'])
                time.sleep(0.3)
                os.kill(supervisor, signal.\(signal))
                while True:
                    time.sleep(1)
                    if False: yield
            """, to: "rebel.py")
        var variables = ProcessInfo.processInfo.environment
        variables["SHIPYARD_GENERATOR_SECONDS"] = "1"
        let world = LocalPlannerWorld(
            home: home, specDirectory: home,
            caller: GeneratorCaller(workingDirectory: home, environment: variables))
        #expect(throws: PlannerWorldError.self) {
            try rows(CustomFactorySpec(module: "rebel"), in: world)
        }
        #expect(try sleepers() == [])
    }

    /// Rows come one by one, each within the time, all of them together beyond it.
    @Test func aSlowGeneratorMayTakeItsTimeForEachRow() throws {
        try write(
            "import time\ndef generate():\n    for n in range(5):\n        time.sleep(0.7)\n        yield n,\n",
            to: "slow.py")
        var environment = ProcessInfo.processInfo.environment
        environment["SHIPYARD_GENERATOR_SECONDS"] = "2"
        let world = LocalPlannerWorld(
            home: home, specDirectory: home,
            caller: GeneratorCaller(workingDirectory: home, environment: environment))
        #expect(try rows(CustomFactorySpec(module: "slow"), in: world).count == 5)
    }

    @Test func aGeneratorRunsInItsCallersShell() throws {
        try write(
            """
            import os, mine
            def generate():
                yield os.getcwd(), os.environ.get('TOKEN'), os.environ.get('HOME'), mine.value
            """, to: "shell.py")
        try write("value = 7\n", to: "elsewhere/mine.py")
        let world = LocalPlannerWorld(
            home: home, specDirectory: home,
            caller: GeneratorCaller(
                workingDirectory: home + "/elsewhere",
                environment: ["PATH": ProcessInfo.processInfo.environment["PATH"] ?? "", "TOKEN": "s3cret"]))
        let row = try #require(try rows(CustomFactorySpec(module: "shell"), in: world).first)
        #expect(row[0].text.hasSuffix("/elsewhere"))
        #expect(row[1...] == [.str("s3cret"), .none, .int(7)])
    }

    @Test func aCallersPythonIsLookedForOnItsPath() throws {
        let world = LocalPlannerWorld(
            home: home, specDirectory: home,
            caller: GeneratorCaller(workingDirectory: home, environment: ["PATH": "/nowhere"]))
        let error = #expect(throws: PlannerWorldError.self) {
            try rows(CustomFactorySpec(module: "any"), in: world)
        }
        #expect(error?.message == "python3 is not installed, and a `custom` factory needs it")
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

    private let acct = StorageAccount(.embedded, alias: "acct", name: "acct")

    @Test func blobsComeInByteOrderByPrefix() throws {
        for name in ["a/b", "a.txt", "a/c/d", "ab/x", "b"] { try write("", to: "storage/acct/box/\(name)") }
        let all = FileListing(account: acct, container: "box")
        #expect(try names(all) == ["a.txt", "a/b", "a/c/d", "ab/x", "b"])
        #expect(
            try names(FileListing(account: acct, container: "box", prefix: "a")) == [
                "a.txt", "a/b", "a/c/d", "ab/x",
            ])
        #expect(try names(FileListing(account: acct, container: "box", prefix: "a/c")) == ["a/c/d"])
    }

    @Test func aShareIsWalkedFilesFirst() throws {
        for name in ["z", "d1/b", "d1/sub/c", "d2/a"] { try write("", to: "storage/acct/share/\(name)") }
        let share = FileListing(account: acct, container: "share", isFileShare: true)
        #expect(try names(share) == ["z", "d2/a", "d1/b", "d1/sub/c"])
        #expect(
            try names(FileListing(account: acct, container: "share", prefix: "d1", isFileShare: true))
                == ["d1/b", "d1/sub/c"])
    }

    @Test(arguments: ["..", ".", "", "a/b"])
    func aListingNeverLeavesTheStore(_ container: String) {
        #expect(throws: PlannerWorldError.self) {
            try names(FileListing(account: acct, container: container))
        }
        #expect(throws: PlannerWorldError.self) {
            try names(FileListing(account: acct, container: "share", prefix: "../..", isFileShare: true))
        }
    }
}
