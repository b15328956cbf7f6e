import Glibc
import ShipyardAPI
import ShipyardModel
import ShipyardSystem

/// A place on a node, and what a command there is started with.
struct ReachedNode {
    var response: ReachResponse
    var environment: Secret

    /// With what a terminal wants to be known by, where nothing says it yet.
    func withTerminal(of caller: Environment) -> Secret {
        let additions = ["TERM", "COLORTERM"].compactMap { name -> String? in
            guard let value = caller[name], !has(name) else { return nil }
            return "\(name)=\(value)\0"
        }
        return environment.withExposedBytes { Secret(copying: Array($0) + additions.joined().utf8) }
    }

    private func has(_ name: String) -> Bool {
        environment.withExposedBytes { bytes in
            bytes.split(separator: 0).contains { $0.starts(with: (name + "=").utf8) }
        }
    }

    /// Becomes the command; a shell where there is none.
    func become(_ words: [String], _ invocation: Invocation) throws(CommandFailure) -> Never {
        let isShell = words.isEmpty
        let shell = invocation.environment["SHELL"].flatMap { $0.isEmpty ? nil : $0 } ?? "/bin/sh"
        invocation.console.flush()
        let failed = Foreground.become(
            response.prefix + (isShell ? [shell] : words), in: response.prefix.isEmpty ? response.directory : "/",
            environment: isShell ? withTerminal(of: invocation.environment) : environment)
        invocation.console.report(CommandFailure(.failed, "\(failed.error)"))
        exit(failed.code)
    }

    /// Runs the command; answers its exit code.
    func run(_ words: [String]) throws(CommandFailure) -> Int32 {
        do throws(SystemError) {
            return try Foreground.run(
                response.prefix + words, in: response.prefix.isEmpty ? response.directory : "/",
                environment: environment)
        } catch {
            throw CommandFailure(.failed, "\(error)")
        }
    }
}

extension ServiceClient {
    func reach(_ path: ServicePath) throws(CommandFailure) -> ReachedNode {
        let bytes = try postForBytes(path)
        guard let end = bytes.firstIndex(of: 0x0A) else {
            throw CommandFailure(.internalError, "cannot read the service's answer: it has no first line")
        }
        do throws(JSONError) {
            let response = try JSONCoding.decode(ReachResponse.self, from: Array(bytes[..<end]))
            return ReachedNode(response: response, environment: Secret(copying: bytes[(end + 1)...]))
        } catch {
            throw CommandFailure(.internalError, "cannot read the service's answer: \(error)")
        }
    }
}
