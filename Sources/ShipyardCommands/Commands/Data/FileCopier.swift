import Glibc
import ShipyardAPI
import ShipyardModel

/// Copies files out of a task's or node's directory into the current one.
struct FileCopier {
    private let service: ServiceClient
    private let invocation: Invocation

    init(_ service: ServiceClient, _ invocation: Invocation) {
        self.service = service
        self.invocation = invocation
    }

    /// One file to `./<basename>`, asking before another is overwritten.
    func copyOne(_ name: String, below path: ServicePath) throws(CommandFailure) {
        let target = String(name.split(separator: "/").last ?? "file")
        if LocalFile.exists(target) {
            let isYes = invocation.has("yes")
            guard try invocation.console.confirm("overwriting \(target)", yes: isYes) else { return }
        }
        guard try copy(name, below: path, to: target) else {
            throw CommandFailure(.failed, "there is no file \(name)")
        }
        invocation.console.say("copied \(name) to ./\(target)")
    }

    /// Every file whose relative name matches `pattern`, to `<directory>/<name>`.
    func copyMatching(
        _ pattern: String, below path: ServicePath, to directory: String
    ) throws(CommandFailure) -> Int {
        var count = 0
        for file in try service.files(below: path) where !file.isDirectory {
            guard fnmatch(pattern, file.name, 0) == 0 else { continue }
            // A task may remove a file between the listing and the copy.
            if try copy(file.name, below: path, to: "\(directory)/\(file.name)") { count += 1 }
        }
        return count
    }

    private func copy(
        _ name: String, below path: ServicePath, to target: String
    ) throws(CommandFailure) -> Bool {
        var file: LocalFile.Target?
        var failure: CommandFailure?
        let isThere = try service.read((path / "files").file(name)) { piece in
            do throws(CommandFailure) {
                if file == nil { file = try LocalFile.Target(target) }
            } catch {
                failure = error
            }
            return file?.append(piece) ?? false
        }
        if let failure { throw failure }
        // An empty file has no piece.
        if isThere, file == nil { file = try LocalFile.Target(target) }
        try file?.check()
        return isThere
    }
}
