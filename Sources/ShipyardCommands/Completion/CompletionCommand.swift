import Glibc
import ShipyardModel
import ShipyardService
import ShipyardSystem

/// `completion`: a script that completes command lines in a shell.
enum CompletionCommand {
    private static let shells = ["bash", "zsh", "fish"]

    static let command = Command("completion", "print a completion script for a shell")
        .details(
            "The script asks the program at each tab, so it stays right when the program changes. Ids come from the service "
                + "of the home where one runs; none is started for that.",
            "The directory that the script goes to must be there: `mkdir -p ~/.local/share/bash-completion/completions`, and so on."
        )
        .takes(Argument("SHELL", "bash, zsh or fish", values: .choice(shells)))
        .example("completion bash > ~/.local/share/bash-completion/completions/shipyard-swift", "for bash")
        .example("completion zsh > ~/.zfunc/_shipyard-swift", "for zsh, with ~/.zfunc in $fpath")
        .example("completion fish > ~/.config/fish/completions/shipyard-swift.fish", "for fish")
        .runs { invocation throws(CommandFailure) in
            let shell = invocation.arguments.words[0]
            guard let script = CompletionScripts.script(for: shell) else {
                throw .usage("there is no completion for `\(shell)`", help: "known: " + shells.joined(separator: ", "))
            }
            invocation.console.output.write(script)
            return .done
        }
}

/// `complete`: what the scripts ask. Silent, and never for long: somebody has pressed a key.
enum CompleteCommand {
    /// Together with the start of the program, which takes some milliseconds, this is below what anybody notices.
    private static let milliseconds = 40

    static let command: Command = {
        var command = Command("complete", "say what may stand at the end of a command line")
        command.isHidden = true
        command.takesAllWords = true
        return command.runs { invocation throws(CommandFailure) in
            var words = invocation.arguments.words
            if words.first == "--" { words.removeFirst() }
            let answer = Completer.answer(words) { kind, context, prefix in
                names(kind, context, prefix, invocation)
            }
            if answer.paths != .none { invocation.console.print(answer.paths.rawValue) }
            for candidate in answer.candidates {
                invocation.console.print(
                    candidate.meaning.isEmpty ? candidate.word : "\(candidate.word)\t\(candidate.meaning)")
            }
            return .done
        }
    }()

    private static func names(
        _ kind: NamedKind, _ context: Completer.Context, _ prefix: String, _ invocation: Invocation
    ) -> [String] {
        guard let home = try? HomeDirectory(invocation, named: context.home), HomeTrust.objection(to: home.path) == nil
        else { return [] }
        return withinTime { ServiceNames(socket: home.socket).names(of: kind, context, prefix) }
    }

    /// Ends the program where the time is over, wherever it then is: a socket may take its time at any step.
    private static func withinTime(_ body: () -> [String]) -> [String] {
        signal(SIGALRM) { _ in _exit(0) }
        // Some parents start their children with it blocked.
        var wanted = sigset_t()
        sigemptyset(&wanted)
        sigaddset(&wanted, SIGALRM)
        pthread_sigmask(SIG_UNBLOCK, &wanted, nil)
        var limit = itimerval()
        limit.it_value.tv_usec = suseconds_t(milliseconds * 1000)
        setitimer(Int32(ITIMER_REAL.rawValue), &limit, nil)
        defer {
            limit.it_value.tv_usec = 0
            setitimer(Int32(ITIMER_REAL.rawValue), &limit, nil)
        }
        return body()
    }
}

/// Asks a running service for names, without the HTTP library, whose loading takes longer than all else here.
struct ServiceNames {
    private static let longestAnswer = 1 << 20
    let socket: String

    func names(of kind: NamedKind, _ context: Completer.Context, _ prefix: String) -> [String] {
        let path = ("/names" as ServicePath).query("kind", kind.rawValue).query("prefix", prefix)
            .query("job", context.job).query("pool", context.pool)
        guard let body = answer(to: path.text), let list = try? JSONCoding.decode(ListResponse<String>.self, from: body)
        else { return [] }
        // A line each; a shell would take anything else for more than a word.
        return list.value.filter { word in word.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F } }
    }

    private func answer(to path: String) -> [UInt8]? {
        guard let slash = socket.lastIndex(of: "/"),
            let connection = try? LocalSocket.connect(
                name: String(socket[socket.index(after: slash)...]), in: String(socket[..<slash]))
        else { return nil }
        let request = "GET \(path) HTTP/1.1\r\nHost: shipyard\r\nConnection: close\r\n\r\n"
        let sent = Array(request.utf8).withUnsafeBytes { write(connection.number, $0.baseAddress, $0.count) }
        guard sent == request.utf8.count else { return nil }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while bytes.count < Self.longestAnswer {
            let count = chunk.withUnsafeMutableBytes { read(connection.number, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR || errno == EAGAIN {
                var waiting = pollfd(fd: connection.number, events: Int16(POLLIN), revents: 0)
                _ = poll(&waiting, 1, -1)
                continue
            }
            guard count > 0 else { break }
            bytes += chunk[..<count]
        }
        let end: [UInt8] = [13, 10, 13, 10]
        guard bytes.starts(with: "HTTP/1.1 200".utf8),
            let head = bytes.indices.dropLast(3).first(where: { bytes[$0..<$0 + 4].elementsEqual(end) })
        else { return nil }
        return Array(bytes[(head + 4)...])
    }
}
