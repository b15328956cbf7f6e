import ShipyardModel
import ShipyardPlanner
import ShipyardSpecs

/// Runs the Python modules of `custom` factories in one `python3` process, started when it is first needed
/// and kept until all is planned: a module with state is loaded once and called twice.
///
/// Not for use from several threads.
final class PythonGenerator {
    /// One row. Longer than any command line can be, and bounded so that a module cannot fill the memory.
    private static let longestRowBytes = 16 << 20

    private let searchPath: String
    private let caller: GeneratorCaller
    private var process: PythonProcess?

    init(searchPath: String, caller: GeneratorCaller) {
        self.searchPath = searchPath
        self.caller = caller
    }

    func forEachRow(
        of generator: CustomFactorySpec, _ body: ([PythonValue]) -> Bool
    ) throws(PlannerWorldError) {
        try forEachLine(of: generator) { line throws(PlannerWorldError) in
            guard let row = GeneratorRow.values(line) else {
                throw PlannerWorldError("python3 gave an answer that cannot be understood")
            }
            return body(row)
        }
    }

    /// The rows as `GeneratorRow` reads them.
    func forEachLine(
        of generator: CustomFactorySpec, _ body: (ArraySlice<UInt8>) throws(PlannerWorldError) -> Bool
    ) throws(PlannerWorldError) {
        let python = try running()
        // What the module itself writes can be no end by chance.
        let end = String(UInt64.random(in: 0...UInt64.max), radix: 16)
        do throws(PythonProcess.End) {
            try python.send(Self.request(generator, end: end), patience: Patience(seconds: caller.patienceSeconds))
        } catch {
            throw ended(generator, error)
        }
        var rows = 0
        while true {
            let line = try nextLine(python, generator)
            switch line.first {
            case UInt8(ascii: "r"):
                rows += 1
                guard !(try body(line.dropFirst())) else { continue }
                // The generator may have more to say, and nobody listens: it starts anew if asked again.
                process = nil
                return
            case UInt8(ascii: "e"): throw Self.failure(line.dropFirst(), generator)
            case _ where line.elementsEqual(".\(end) \(rows)".utf8): return
            default:
                process = nil
                throw PlannerWorldError(
                    "generator `\(generator.module)` wrote into the stream of its answers",
                    help: "a generator yields its rows, and writes to no descriptor that it has not opened itself")
            }
        }
    }

    private func running() throws(PlannerWorldError) -> PythonProcess {
        if let process { return process }
        let started = try PythonProcess(script: Self.script, searchPath: searchPath, caller: caller)
        process = started
        return started
    }

    private func nextLine(
        _ python: PythonProcess, _ generator: CustomFactorySpec
    ) throws(PlannerWorldError) -> ArraySlice<UInt8> {
        do throws(PythonProcess.End) {
            let patience = Patience(seconds: caller.patienceSeconds)
            if let line = try python.line(atMost: Self.longestRowBytes, patience: patience) { return line }
        } catch {
            throw ended(generator, error)
        }
        process = nil
        throw PlannerWorldError("a generator gave more than \(Self.longestRowBytes) bytes for one task")
    }

    /// The process is of no more use, and goes with all that it has started.
    private func ended(_ generator: CustomFactorySpec, _ end: PythonProcess.End) -> PlannerWorldError {
        process = nil
        switch end {
        case .gone:
            return PlannerWorldError("python3 ended while it ran the generator `\(generator.module)`")
        case .late:
            return PlannerWorldError(
                "generator `\(generator.module)` gave no row for \(caller.patienceSeconds) seconds, and was ended",
                help: "set \(GeneratorCaller.patienceVariable) to the seconds that a row may take")
        }
    }

    /// One line of JSON.
    private static func request(_ generator: CustomFactorySpec, end: String) -> [UInt8] {
        var bytes: [UInt8] = []
        func append(_ text: String?) {
            if let text { JSONText.append(text, to: &bytes) } else { bytes += Array("null".utf8) }
        }
        bytes += Array(#"{"end": "\#(end)", "module": "#.utf8)
        append(generator.module)
        bytes += Array(#", "package": "#.utf8)
        append(generator.package)
        bytes += Array(#", "args": ["#.utf8)
        for (position, argument) in generator.inputArgs.enumerated() {
            if position > 0 { bytes.append(UInt8(ascii: ",")) }
            append(argument)
        }
        bytes += Array(#"], "kwargs": {"#.utf8)
        for (position, argument) in generator.inputKwargs.enumerated() {
            if position > 0 { bytes.append(UInt8(ascii: ",")) }
            append(argument.name)
            bytes.append(UInt8(ascii: ":"))
            append(argument.value)
        }
        return bytes + Array("}}\n".utf8)
    }

    private static func failure(
        _ line: ArraySlice<UInt8>, _ generator: CustomFactorySpec
    ) -> PlannerWorldError {
        let parts = line.split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false).map(
            GeneratorRow.unescaped)
        let place = parts.count > 2 && !parts[2].isEmpty ? " (\(parts[2]))" : ""
        let what = parts.prefix(2).filter { !$0.isEmpty }.joined(separator: ": ")
        let isMissing = parts.first == "ModuleNotFoundError"
        return PlannerWorldError(
            "generator `\(generator.module)` failed: \(what)\(place)",
            help: isMissing
                ? "put the module beside the jobs file, or add its directory to PYTHONPATH" : nil)
    }
}
