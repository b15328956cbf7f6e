import Glibc
import ShipyardModel
import ShipyardSystem

/// What an agent has made of a context: the part of the environment that its orders share, ready to be
/// handed to `posix_spawn`, and where its programs are.
final class ContextState {
    let context: WorkContext
    private let node: NodeEnvironment
    private var shared: [UnsafeMutablePointer<CChar>] = []
    private var sharedNames: Set<CodePointText> = []
    /// The user's own PATH; nil where the node's holds.
    private let ownSearchPath: String?
    private let setsHome: Bool
    private let setsWorkingDirectory: Bool
    private let setsTaskID: Bool
    private var programs: [String: String] = [:]

    // These mark a process as one of its task, for whoever must find it later. No spec may unmark it.
    private static let reserved: Set<String> = [
        "AZ_BATCH_TASK_DIR", "AZ_BATCH_TASK_WORKING_DIR", "AZ_BATCH_NODE_ROOT_DIR",
        "AZ_BATCH_CERTIFICATES_DIR", secretsVariable,
    ]
    private static let secretsVariable = "SHIPYARD_SECRETS_DIR"

    init(_ context: WorkContext, on node: NodeEnvironment) {
        self.context = context
        self.node = node
        let given = context.environment.filter { !Self.reserved.contains($0.name) && !$0.name.isEmpty }
        ownSearchPath = given.last { $0.name == "PATH" }?.value
        setsHome = given.contains { $0.name == "HOME" }
        setsWorkingDirectory = given.contains { $0.name == "PWD" }
        setsTaskID = given.contains { $0.name == "AZ_BATCH_TASK_ID" }

        var last: [CodePointText: Int] = [:]
        let all = node.variables + given
        for (index, variable) in all.enumerated() { last[CodePointText(variable.name)] = index }
        for (index, variable) in all.enumerated() where last[CodePointText(variable.name)] == index {
            // PATH depends on the working directory unless it is the user's own.
            if variable.name == "PATH", ownSearchPath == nil { continue }
            if let text = strdup("\(variable.name)=\(variable.value)") { shared.append(text) }
            sharedNames.insert(CodePointText(variable.name))
        }
    }

    deinit { for text in shared { free(text) } }

    /// Calls `body` with the whole environment of one order, and of its secrets with those that are given. It lies in
    /// `block`.
    func withEnvironment<Result>(
        of order: WorkOrder, in directory: String, secretFiles: String? = nil, exposing secrets: [SecretVariable],
        _ block: inout StringBlock, _ body: (ProcessSpawner.Strings) -> Result
    ) -> Result {
        let working = "\(directory)/wd"
        var own = [
            "AZ_BATCH_TASK_DIR=\(directory)", "AZ_BATCH_TASK_WORKING_DIR=\(working)",
            "AZ_BATCH_CERTIFICATES_DIR=\(directory)/certs",
        ]
        if let secretFiles {
            own.append("\(Self.secretsVariable)=\(node.root)/\(SecretFiles.place)/\(secretFiles)")
        }
        if order.id.kind == .task, !setsTaskID { own.append("AZ_BATCH_TASK_ID=\(order.name)") }
        if !setsHome { own.append("HOME=\(working)") }
        if !setsWorkingDirectory { own.append("PWD=\(working)") }
        if ownSearchPath == nil { own.append("PATH=\(node.searchPath):\(node.root)/shared:\(working)") }
        guard !secrets.isEmpty else { return block.withFilled(own, exposing: [], tail: shared, body) }
        let secrets = secrets.filter { !Self.reserved.contains($0.name) && !$0.name.isEmpty }
        let names = Set(secrets.map { CodePointText($0.name) })
        func isOpen(_ variable: Substring) -> Bool { !names.contains(CodePointText(String(variable.prefix { $0 != "=" }))) }
        own.removeAll { !isOpen($0[...]) }
        // Every order has the task's token, which takes the place of nothing.
        let tail =
            sharedNames.isDisjoint(with: names)
            ? shared : shared.filter { isOpen(Substring(String(cString: $0))) }
        return block.withFilled(own, exposing: secrets, tail: tail, body)
    }

    func searchPath(workingDirectory: String) -> String {
        ownSearchPath ?? "\(node.searchPath):\(node.root)/shared:\(workingDirectory)"
    }

    /// Where the program of this name is. Found once for all orders of the context; not remembered when it
    /// was found in the working directory or relative to it, which are another's next time.
    func resolve(_ program: String, workingDirectory: String) -> String? {
        if program.utf8.contains(UInt8(ascii: "/")) { return program }
        if let known = programs[program] { return known }
        let directories = searchPath(workingDirectory: workingDirectory).split(
            separator: ":", omittingEmptySubsequences: false)
        for directory in directories {
            let isAbsolute = directory.hasPrefix("/")
            let candidate =
                isAbsolute ? "\(directory)/\(program)" : "\(workingDirectory)/\(directory)/\(program)"
            guard isProgram(candidate) else { continue }
            if isAbsolute, directory != workingDirectory { programs[program] = candidate }
            return candidate
        }
        return nil
    }

    /// A program that was found has gone since.
    func forget(_ program: String) { programs[program] = nil }

    private func isProgram(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && access(path, X_OK) == 0
    }
}
