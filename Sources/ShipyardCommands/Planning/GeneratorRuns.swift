import ShipyardAPI
import ShipyardPlanner
import ShipyardSpecs
import ShipyardSubmission
import ShipyardSystem

/// Runs the generators of a submission's jobs file, here and as this user's shell would, so that what they give
/// can travel with it.
struct GeneratorRuns {
    /// Of all rows as JSON has them. The rest of the largest request is for the texts of the files.
    static let limitBytes = HTTPServer.maximumBodyBytes / 4 * 3

    private let python: PythonGenerator
    private let limitBytes: Int
    private var bytes = 0

    /// Every call that the planner will make, in its order. What a generator fails with is the planner's to tell.
    static func made(
        for request: SubmissionRequest, in context: RunContext? = nil, by caller: GeneratorCaller = .own
    ) throws(CommandFailure) -> [GeneratorRun] {
        guard request.mayName("custom"), let calls = request.specs(in: context)?.jobs?.generatorCalls,
            !calls.isEmpty
        else { return [] }
        var runs = GeneratorRuns(searchPath: request.directory(of: "jobs"), caller: caller)
        return try OwnProcess.whileAdoptingOrphans { () throws(CommandFailure) in
            try runs.made(calls)
        }
    }

    init(searchPath: String, caller: GeneratorCaller, limitBytes: Int = Self.limitBytes) {
        python = PythonGenerator(searchPath: searchPath, caller: caller)
        self.limitBytes = limitBytes
    }

    mutating func made(
        _ calls: [(call: GeneratorCall, generator: CustomFactorySpec)]
    ) throws(CommandFailure) -> [GeneratorRun] {
        var runs: [GeneratorRun] = []
        for (call, generator) in calls {
            var check = call
            check.pass = .check
            if runs.contains(where: { $0.call == check && $0.failure != nil }) { continue }
            runs.append(try run(generator, call))
        }
        return runs
    }

    private mutating func run(
        _ generator: CustomFactorySpec, _ call: GeneratorCall
    ) throws(CommandFailure) -> GeneratorRun {
        var run = GeneratorRun(call)
        var rows: [UInt8] = []
        do throws(PlannerWorldError) {
            try python.forEachLine(of: generator) { line in
                run.count += 1
                guard call.pass == .build else { return true }
                bytes += Self.encodedBytes(line)
                rows.append(contentsOf: line)
                rows.append(UInt8(ascii: "\n"))
                return bytes <= limitBytes
            }
        } catch {
            run.failure = GeneratorRun.Failure(message: error.message, help: error.help)
        }
        guard bytes <= limitBytes else {
            throw .usage(
                "the generators give more than \(limitBytes >> 20) MiB of values, and one submission takes no more",
                help:
                    "give a job its tasks in several submissions, or name files in which tasks find their values"
            )
        }
        run.rows = String(decoding: rows, as: UTF8.self)
        return run
    }

    private static func encodedBytes(_ line: ArraySlice<UInt8>) -> Int {
        line.reduce(2) { sum, byte in
            switch byte {
            case UInt8(ascii: "\t"), UInt8(ascii: "\\"), UInt8(ascii: "\""): sum + 2
            case 0..<0x20, 0x7F: sum + 6
            default: sum + 1
            }
        }
    }
}
