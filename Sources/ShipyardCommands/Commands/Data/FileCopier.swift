import Glibc
import ShipyardAPI
import ShipyardDiagnostics
import ShipyardModel

/// Copies files out of a task's or node's directory into one of the user's.
struct FileCopier {
    private let service: ServiceClient
    private let invocation: Invocation

    init(_ service: ServiceClient, _ invocation: Invocation) {
        self.service = service
        self.invocation = invocation
    }

    /// What became of a copy of many files.
    struct Outcome {
        var copied = 0
        /// A sentence for each thing that is not in the copy.
        var leftOut: [String] = []
        /// Something is only where it was, and would be lost with it. A pipe or a socket holds nothing.
        var isIncomplete = false

        mutating func add(_ other: Outcome) {
            copied += other.copied
            leftOut += other.leftOut
            isIncomplete = isIncomplete || other.isIncomplete
        }

        /// Nothing was there.
        var isEmpty: Bool { copied == 0 && leftOut.isEmpty }

        mutating func leaveOut(_ sentence: String, holdsData: Bool = true) {
            leftOut.append(sentence)
            isIncomplete = isIncomplete || holdsData
        }

        var code: ExitCode { leftOut.isEmpty ? .done : .failed }
    }

    /// So many are named; a tree of sockets would bury the rest.
    private static let namedLimit = 100

    /// Says what was copied and what was not.
    func report(_ outcome: Outcome, to place: String) {
        let console = invocation.console
        for sentence in outcome.leftOut.prefix(Self.namedLimit) {
            console.warn("left out: \(DisplayText.printable(sentence))")
        }
        let more = outcome.leftOut.count - Self.namedLimit
        if more > 0 { console.warn("left out: \(more) more") }
        let rest = outcome.leftOut.isEmpty ? "" : "; \(outcome.leftOut.count) left out"
        console.say("copied \(counted(outcome.copied, "file")) to \(place)\(rest)")
    }

    /// One file to `./<basename>`, asking before another is overwritten.
    func copyOne(_ name: String, below path: ServicePath) throws(CommandFailure) {
        let source = BytePath(shown: name)
        guard let target = source.components.last, target != BytePath(".."), target != BytePath(".") else {
            throw .usage("`\(name)` names no file")
        }
        var status = stat()
        if lstat(target.cString, &status) == 0 {
            let isYes = invocation.has("yes")
            guard try invocation.console.confirm("overwriting \(target)", yes: isYes) else { return }
        }
        let tree = TargetTree(".")
        do throws(Obstacle) {
            if try !copy(source, below: path, to: target, in: tree) {
                try copyLink(source, below: path, to: target, in: tree)
            }
        } catch {
            switch error {
            case .target(let failure): throw CommandFailure(failure)
            case .source(let failure): throw failure
            }
        }
        invocation.console.say(
            "copied \(DisplayText.printable(name)) to ./\(DisplayText.printable(target.shown))")
    }

    /// Everything whose relative name matches `pattern`, to `<place>/<name>` in a directory. Links are copied as links.
    ///
    /// Goes on past what cannot be copied and names it; a disk that is full ends it.
    func copyMatching(
        _ pattern: String, below path: ServicePath, to place: [String], in directory: String = "."
    ) throws(CommandFailure) -> Outcome {
        let tree = TargetTree(directory)
        let place = place.reduce(BytePath("")) { $0 / BytePath($1) }
        let listing = try service.files(below: path)
        var outcome = Outcome()
        for sentence in listing.leftOut ?? [] { outcome.leaveOut(sentence) }
        for file in listing.value {
            let name = BytePath(shown: file.name)
            guard fnmatch(pattern, name.cString, 0) == 0 else { continue }
            let target = place / name
            do throws(Obstacle) {
                switch file.fileType ?? (file.isDirectory ? .directory : .file) {
                case .directory:
                    try onTarget { () throws(TargetTree.Failure) in try tree.makeDirectory(target) }
                case .link:
                    let end = BytePath(shown: file.linkTarget ?? "")
                    try onTarget { () throws(TargetTree.Failure) in try tree.makeLink(target, to: end) }
                    outcome.copied += 1
                case .special:
                    outcome.leaveOut(
                        "\(tree.shown(target)) is a pipe, a socket or a device", holdsData: false)
                case .file:
                    if try copy(name, below: path, to: target, in: tree) {
                        outcome.copied += 1
                    } else {
                        outcome.leaveOut(
                            "\(tree.shown(target)) was gone before it was copied", holdsData: false)
                    }
                }
            } catch {
                switch error {
                case .target(let failure) where failure.isFinal: throw CommandFailure(failure)
                case .target(let failure): outcome.leaveOut(failure.reason)
                case .source(let failure) where failure.code == .failed:
                    outcome.leaveOut("\(tree.shown(target)): \(failure.message)")
                case .source(let failure): throw failure
                }
            }
        }
        return outcome
    }

    // MARK: Parts

    private enum Obstacle: Error {
        case source(CommandFailure)
        case target(TargetTree.Failure)
    }

    private func onTarget<Result>(_ body: () throws(TargetTree.Failure) -> Result) throws(Obstacle) -> Result
    {
        do throws(TargetTree.Failure) { return try body() } catch { throw .target(error) }
    }

    private func onSource<Result>(_ body: () throws(CommandFailure) -> Result) throws(Obstacle) -> Result {
        do throws(CommandFailure) { return try body() } catch { throw .source(error) }
    }

    /// False where there is no such file. Once more where the bytes broke off: the file was cut short under the
    /// copy, or the service was killed and another one answers now.
    private func copy(
        _ name: BytePath, below path: ServicePath, to target: BytePath, in tree: TargetTree
    ) throws(Obstacle) -> Bool {
        for _ in 0..<2 {
            if let isThere = try copyUnlessBroken(name, below: path, to: target, in: tree) { return isThere }
        }
        throw .source(CommandFailure(.failed, "it changes all the time, so no copy of it is whole"))
    }

    /// Nil where the bytes broke off after they had begun.
    private func copyUnlessBroken(
        _ name: BytePath, below path: ServicePath, to target: BytePath, in tree: TargetTree
    ) throws(Obstacle) -> Bool? {
        var file: TargetTree.File?
        var failure: TargetTree.Failure?
        let isThere: Bool
        do throws(CommandFailure) {
            isThere = try service.read((path / "files").file(name)) { piece in
                do throws(TargetTree.Failure) {
                    if file == nil { file = try tree.file(target) }
                } catch {
                    failure = error
                }
                return file?.append(piece) ?? false
            }
        } catch {
            guard error.code == .serviceUnreachable, file != nil else { throw .source(error) }
            return nil
        }
        if let failure { throw .target(failure) }
        guard isThere else { return false }
        try onTarget { () throws(TargetTree.Failure) in
            // An empty file has no piece.
            let whole = if let file { file } else { try tree.file(target) }
            try whole.publish()
        }
        return true
    }

    /// For what is no file: says what it is, unless it is a link, which is copied.
    private func copyLink(
        _ name: BytePath, below path: ServicePath, to target: BytePath, in tree: TargetTree
    ) throws(Obstacle) {
        let listing = try onSource { () throws(CommandFailure) in try service.files(below: path) }
        let found = listing.value.first { BytePath(shown: $0.name) == name }
        if let link = found?.linkTarget {
            try onTarget { () throws(TargetTree.Failure) in
                try tree.makeLink(target, to: BytePath(shown: link))
            }
            return
        }
        throw .source(
            CommandFailure(
                .failed,
                found?.isDirectory == true ? "\(name) is a directory" : "there is no file \(name)",
                help: found?.isDirectory == true ? "copy what it holds with `--all` and `\(name)/*`" : nil))
    }
}
