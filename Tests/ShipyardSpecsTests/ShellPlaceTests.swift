import Foundation
import ShipyardDiagnostics
import TestSupport
import Testing

@testable import ShipyardSpecs

/// A value in a command stays a part of one word: judged by real shells.
@Suite struct ShellPlaceTests {
    private static let shells = ["/bin/sh", "/bin/bash"].filter(FileManager.default.isExecutableFile)

    /// The command with its references replaced; nil where one is refused.
    private func replaced(_ command: String, _ value: String, factory: String? = nil) throws -> String? {
        var task: [String: Any] = ["command": command]
        if let factory { task["task_factory"] = try JSONSerialization.jsonObject(with: Data(factory.utf8)) }
        let job: [String: Any] = ["id": "j", "parameters": ["x": [String: String]()], "tasks": [task]]
        let bytes = [UInt8](try JSONSerialization.data(withJSONObject: ["job_specifications": [job]]))
        let (specs, diagnostics) = SpecLoader.load(
            [SpecSource(.jobs, SourceText(name: "jobs.json", bytes: bytes))],
            .of(RunContext(parameters: ["x": value])))
        guard let jobs = specs.jobs, !diagnostics.hasErrors else { return nil }
        return try #require(jobs.jobs[0].tasks[0].command).value
    }

    private func output(_ shell: String, _ script: String, in directory: URL? = nil) throws -> [UInt8] {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: shell)
        process.arguments = ["-c", script]
        process.environment = ["PATH": "/usr/bin:/bin", "V": "vee", "HOME": "/nonexistent"]
        process.currentDirectoryURL = directory ?? FileManager.default.temporaryDirectory
        let pipe = Pipe()
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return [UInt8](data)
    }

    private static let pieces = [
        "'", "\"", "$HOME", "$", "`id`", "$(id)", ";", "\\", "\n", "*", "{0}", "@{parameters.x}", "-n", " ",
        "#",
        "!", "'\u{301}", "&", "|", "~", "%s", "a", "é", "\t", "((", "}", "[", "=", "\\'", "\"\"", "''",
    ]

    private func value(_ random: inout SeededRandom) -> String {
        (0..<Int.random(in: 0...6, using: &random)).map { _ in
            Self.pieces.randomElement(using: &random)!
        }.joined()
    }

    /// Words of known meaning, made of quotes and references in every mixture.
    @Test(arguments: 0..<6)
    func everyShellSeesTheValueAsItIs(seed: Int) throws {
        var random = SeededRandom(seed: UInt64(seed))
        for _ in 0..<40 {
            let value = value(&random)
            var script = ""
            var expected: [String] = []
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let (command, words) = command(value, &random)
                script +=
                    command + [" ;", "\n", " # a 'remark @{parameters.x}\n", " && "].randomElement(
                        using: &random)!
                expected += words
            }
            script += ":"
            let written = try #require(try replaced(script, value), "\(script)")
            let bytes: [UInt8] = expected.flatMap { (word: String) -> [UInt8] in Array(word.utf8) + [0] }
            for shell in Self.shells where try output(shell, written) != bytes {
                Issue.record(
                    "seed \(seed): \(shell) of\n\(script)\nwith \(value.debugDescription) is\n\(written)")
            }
        }
    }

    /// A command that prints its words with NUL behind each, and the words.
    private func command(_ value: String, _ random: inout SeededRandom) -> (String, [String]) {
        var text = ["printf '%s\\0'", "env printf \"%s\\0\"", "V=1 printf '%s\\0'"].randomElement(
            using: &random)!
        var words: [String] = []
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            var word = ""
            text += " "
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let part = Self.parts.randomElement(using: &random)!
                text += part.text
                word += part.meaning.replacingOccurrences(of: "@", with: value)
            }
            words.append(word)
        }
        switch Int.random(in: 0..<8, using: &random) {
        case 0: return (text + " | cat", words)
        case 1: return ("(" + text + " 2>&1)", words)
        case 2 where !text.contains("'") && !text.contains("$"): return ("sh -e -c '" + text + "'", words)
        case 3 where !text.contains("\"") && !text.contains("\\") && !text.contains("$"):
            return ("/bin/bash -euo pipefail -c \"" + text + "\"", words)
        default: return (text, words)
        }
    }

    private static let parts: [(text: String, meaning: String)] = [
        ("@{parameters.x}", "@"), ("'@{parameters.x}'", "@"), ("\"@{parameters.x}\"", "@"),
        ("a", "a"), ("--in=@{parameters.x}.txt", "--in=@.txt"), ("'a\"@{parameters.x}\\'", "a\"@\\"),
        ("\"a'@{parameters.x} b\"", "a'@ b"), ("\"\\\"@{parameters.x}\\\\\"", "\"@\\"), ("\\ ", " "),
        ("\"$V@{parameters.x}\"", "vee@"), ("\"${V}@{parameters.x}\"", "vee@"),
        ("\"$(printf %s 'a@{parameters.x}b')\"", "a@b"),
        ("\"$(printf '%s' \"a@{parameters.x}b\")\"", "a@b"), ("b\\\n", "b"), ("a#@{parameters.x}", "a#@"),
        ("\"#@{parameters.x}\"", "#@"), ("@{parameters.x}@{parameters.x}", "@@"),
        ("'\u{301}@{parameters.x}'", "\u{301}@"),
        ("x\\\\", "x\\"), ("\"$(printf %s \"$(printf %s @{parameters.x}z)\")\"", "@z"),
    ]

    /// Whatever a command is, a value runs nothing. Commands are soup of what shells care about.
    @Test(arguments: 0..<6)
    func noValueBecomesACommand(seed: Int) throws {
        var random = SeededRandom(seed: UInt64(seed + 1000))
        let count = Int(ProcessInfo.processInfo.environment["SHIPYARD_SOUPS"] ?? "") ?? 25
        let directory = FileManager.default.temporaryDirectory
            .appendingPathComponent("shipyard-soup-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let marker = directory.appendingPathComponent("M").path
        var accepted = 0
        while accepted < count {
            let soup = (0..<Int.random(in: 1...7, using: &random)).map { _ in
                Self.soup.randomElement(using: &random)!
            }.joined()
            let value = Self.attacks.randomElement(using: &random)!
            guard soup.contains("@{"), let written = try replaced(soup, value) else { continue }
            accepted += 1
            for shell in Self.shells {
                _ = try output(shell, written, in: directory)
                if FileManager.default.fileExists(atPath: marker) {
                    try FileManager.default.removeItem(atPath: marker)
                    Issue.record(
                        "seed \(seed): \(shell) of\n\(soup)\nruns \(value.debugDescription):\n\(written)")
                }
            }
        }
    }

    private static let soup = [
        "@{parameters.x}", "@{parameters.x}", "@{parameters.x}", "'", "'", "\"", "\"", "\\", "$", "`", "(",
        ")", "$(",
        "${V}", "${V:-", "}", "$((", "))", "<<E ", "\nE\n", "#", " ", " ", "\n", ";", "a", "case a in a) ",
        "esac ",
        "eval ", "sh -c ", "bash -ec ", "$'", "$\"", "[", "]", "{", "=", "> f", "V", "$V", "<<<", "&& ", "| ",
        "in ",
        "do ", "if ", "[[ ", "]] ", "((", "$[", "trap ", "exec ", "env ", "for V in ", "; do ", "; done ",
        ": ", "V=",
        "a[", "\t", "${#V}", "!(", "$@", "\\\n", "python3 -c ", "awk ", "sed ", "\"sh\" ", "'-c' ", "make ",
        "let ", "unset ", "\"$V\" ", "2>&1 ", "&>f ", "EXIT ",
        "-eq 1 ", "command ",
    ]

    private static let attacks = [
        "; touch M;", "$(touch M)", "`touch M`", "'; touch M; '", "\"; touch M; \"", "\ntouch M\n",
        "a[$(touch M)]",
        "\\'; touch M; #", "'\"; touch M; \"'", "})); touch M; ((", "*) touch M;;", "E\ntouch M\n", "touch M",
        "x[$(touch M)]=1", "$(shell touch M)",
        "__import__('os').system('touch M')", "BEGIN{system(\"touch M\")}", "|touch M", "&touch M&",
        "$'\\'; touch M'",
    ]

    @Test func whatCannotBeKeptAWordIsRefused() throws {
        let refused = [
            "echo \\@{parameters.x}", "echo $@{parameters.x}", "echo \"$@{parameters.x}\"",
            "echo \"\\@{parameters.x}\"",
            "echo `cat @{parameters.x}`", "echo ${V:-@{parameters.x}}", "echo $((@{parameters.x} + 1))",
            "cat <<E\n@{parameters.x}\nE", "echo $'@{parameters.x}'", "eval echo @{parameters.x}",
            "ssh host cat @{parameters.x}", "bash -c \"echo $V @{parameters.x}\"", "sh -c @{parameters.x}",
            "env A=1 python3 -c 'print(\"@{parameters.x}\")'", "perl -ne 'print @{parameters.x}' f",
            "bash -c 2>&1 @{parameters.x}", "sh -c $V @{parameters.x}",
            "\"$SHELL\" -c 'cat @{parameters.x}'", "'sh' '-c' \"cat $V @{parameters.x}\"",
            "[[ @{parameters.x} -eq 1 ]]", "let a=@{parameters.x}", "make X=@{parameters.x}",
            "A=1 timeout 5 $V -c '@{parameters.x}'", "bash \"@{parameters.x}\" '@{parameters.x}'",
            "sed -n -e p -e @{parameters.x} f",
            "awk -v a=1 '{print \"@{parameters.x}\"}'", "(( @{parameters.x} > 1 ))",
            "$SHELL -c 'echo @{parameters.x}'",
            "a[@{parameters.x}]=1", "echo $(case a in b) cat;; esac; echo @{parameters.x})",
            "echo $[@{parameters.x}]",
            "trap 'rm @{parameters.x}' EXIT",
        ]
        for command in refused { #expect(try replaced(command, "v") == nil, "\(command)") }
        let taken = [
            "bash run.sh -c @{parameters.x}": "bash run.sh -c 'v'",
            "echo \"$V@{parameters.x}\" \"$V-@{parameters.x}\"": "echo \"$V\"'v'\"\" \"$V-v\"",
            "gcc @{parameters.x} -c @{parameters.x}": "gcc 'v' -c 'v'",
            "bash -c 'ls'>f '@{parameters.x}'": "bash -c 'ls'>f 'v'",
            "grep 'a[@{parameters.x}]' f": "grep 'a[v]' f",
            #"'sh' -c 'echo @{parameters.x}'"#: #"'sh' -c 'echo '\''v'\'''"#,
            "awk -v 'x=@{parameters.x}' p @{parameters.x} 2>@{parameters.x}": "awk -v 'x=v' p 'v' 2>'v'",
            "awk -f p.awk @{parameters.x}": "awk -f p.awk 'v'",
            "python3 main.py '@{parameters.x}'": "python3 main.py 'v'",
            "tar -c @{parameters.x}": "tar -c 'v'",
            "echo @{parameters.x:raw}": "echo v", "sh -c 'echo @{parameters.x}'": "sh -c 'echo '\\''v'\\'''",
            "bash -c \"cat @{parameters.x}\" && ls": "bash -c \"cat 'v'\" && ls",
            "echo @@{parameters.x}": "echo @{parameters.x}",
            "ls # @{parameters.x}": "ls # @{parameters.x}",
            "echo $(( 1 + 2 )) @{parameters.x}": "echo $(( 1 + 2 )) 'v'",
        ]
        for (command, written) in taken { #expect(try replaced(command, "v") == written) }
    }

    /// A factory fills in what was written, not what came with a value.
    @Test func aFactorySeesNoFieldsInValues() throws {
        let sweep = #"{"parametric_sweep": {"zip": [["1"]]}}"#
        #expect(try replaced("echo {0} @{parameters.x}", "{0}}", factory: sweep) == "echo {0} '{{0}}}}'")
        #expect(
            try replaced("echo {0} @{parameters.x}", "{0}", factory: #"{"repeat": 2}"#) == "echo {0} '{0}'")
        #expect(try replaced("echo @{parameters.x:raw}", "{0}", factory: sweep) == "echo {{0}}")
    }
}
