import ShipyardFileStore
import ShipyardModel
import Synchronization

/// The moves of one command, done or only told.
struct DataMoves {
    private let invocation: Invocation
    private let verb: String
    private let past: String

    /// - Parameter verb: what the command does, and has done.
    init(_ invocation: Invocation, _ verb: String, _ past: String) {
        self.invocation = invocation
        self.verb = verb
        self.past = past
    }

    /// - Parameters:
    ///   - mustFind: what is to be said where there is no file at all; nil where that is fine.
    ///   - prepare: comes before anything moves, and not in a dry run.
    ///   - then: follows for each file that is at its place.
    func run(
        _ moves: [DataMove], mustFind: String? = nil,
        then: (@Sendable (DataMove, TransferItem) throws(FileStoreError) -> Void)? = nil,
        after: ((DataRun) throws(CommandFailure) -> [String])? = nil,
        prepare: () throws(CommandFailure) -> Void
    ) throws(CommandFailure) -> ExitCode {
        var options = TransferOptions()
        options.connections = try invocation.connections()
        options.stopsAtFirstFailure = false
        let run = try DataRun(invocation)
        // Of one source no two files can have one target.
        let moves = moves.count > 1 ? Self.withoutSharedTargets(moves) : moves
        guard !invocation.has("dry-run") else { return try tell(moves, run, mustFind, after) }
        try prepare()
        for (index, move) in moves.enumerated() {
            let isLast = index == moves.count - 1
            guard let then else {
                try run.move(move, options, isLast: isLast)
                continue
            }
            try run.move(move, options, isLast: isLast) { item throws(FileStoreError) in
                try then(move, item)
            }
        }
        if let mustFind, run.counts.numbers.files == 0, !run.hasTrouble, !run.isInterrupted {
            throw CommandFailure(.failed, mustFind)
        }
        let extra = try after?(run) ?? []
        return run.finish(past, extra: extra)
    }

    /// Two files that would go to one name: the second is left out and named, else the first would be lost.
    private static func withoutSharedTargets(_ moves: [DataMove]) -> [DataMove] {
        let taken = TakenNames()
        return moves.map { move in
            var wary = move
            wary.find = { leftOut, body throws(FileStoreError) in
                try move.find(leftOut) { item in
                    guard taken.take(item.target) else {
                        leftOut(
                            "\(move.sourceText(item.source)): another file goes to \(move.targetText(item.target)) already")
                        return true
                    }
                    return body(item)
                }
            }
            return wary
        }
    }

    /// What would happen, a line for each file, to the results.
    private func tell(
        _ moves: [DataMove], _ run: DataRun, _ mustFind: String?,
        _ after: ((DataRun) throws(CommandFailure) -> [String])?
    ) throws(CommandFailure) -> ExitCode {
        let console = invocation.console
        var (files, bytes, same) = (0, Int64(0), 0)
        for move in moves {
            do throws(FileStoreError) {
                let judge: TransferJudge? = try move.to.map { to throws(FileStoreError) in
                    try Transfer(from: move.from, to: to).judge()
                }
                try move.find({ run.leaveOut($0) }) { item in
                    let (source, target) = (move.sourceText(item.source), move.targetText(item.target))
                    do throws(FileStoreError) {
                        if try judge?.isThere(item) ?? false {
                            same += 1
                            console.print("would leave \(target), which is the same as \(source)")
                        } else {
                            files += 1
                            bytes += item.size
                            console.print("would \(verb) \(source) -> \(target) (\(sizeText(item.size)))")
                        }
                    } catch {
                        run.fail("\(source) -> \(target)", error)
                    }
                    return !run.isOver && !console.output.isClosed
                }
            } catch {
                run.fail(nil, error)
            }
        }
        if let mustFind, files + same == 0, !run.hasTrouble, !run.isInterrupted {
            throw CommandFailure(.failed, mustFind)
        }
        let extra = try after?(run) ?? []
        return run.finish(
            ["would \(verb) \(counted(files, "file")), \(sizeText(bytes))"]
                + (same > 0 ? ["\(counted(same, "file")) there already"] : []) + extra)
    }
}

/// Names that something goes to; asked by several threads.
private final class TakenNames: Sendable {
    private let names = Mutex<Set<BytePath>>([])

    /// False where somebody else has it.
    func take(_ name: BytePath) -> Bool { names.withLock { $0.insert(name).inserted } }
}
