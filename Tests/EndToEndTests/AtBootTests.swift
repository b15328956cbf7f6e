import Foundation
import TestSupport
import Testing

/// A service that something keeps running, such as systemd.
@Suite(.blocking) struct AtBootTests {
    /// What systemd does of which this program makes use, and no more: it starts what the unit says, with an
    /// environment of its own, and stops it.
    private static let systemctl = #"""
        #!/bin/bash
        directory=$(dirname "$0")
        orders=$(printf '%s\n' "$@" | grep -v -e --no-pager -e --no-ask-password -e --user | tr '\n' ' ')
        set -- $orders
        case "$orders" in
        "show --property=Version "*) echo Version=252 ;;
        "show --property=MainPID "*) cat "$directory/pid" 2>/dev/null || echo 0 ;;
        "show --property=ActiveState "*) test -e "$directory/pid" && echo active || echo inactive ;;
        "stop "*)
            kill "$(cat "$directory/pid")"
            while kill -0 "$(cat "$directory/pid")" 2>/dev/null; do sleep 0.02; done
            rm "$directory/pid" ;;
        "restart "*|"start "*)
            test "$1" = start -a -e "$directory/pid" && exit 0
            unit="$XDG_CONFIG_HOME/systemd/user/$2"
            export INVOCATION_ID=1
            eval "exec setsid $(sed -n 's/^ExecStart=//p' "$unit")" >"$directory/log" 2>&1 </dev/null &
            echo $! >"$directory/pid" ;;
        esac
        """#

    @Test func systemdTakesOverAndGivesBackWhileATaskRuns() throws {
        let program = try BuiltProgram()
        let systemctl = URL(filePath: try program.write(Self.systemctl, to: "systemctl"))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: systemctl.path)
        let environment = [
            "PATH": "\(program.directory.path):/usr/bin:/bin",
            "XDG_CONFIG_HOME": program.directory.appending(path: "config").path,
        ]
        try program.addPool()
        try program.addJobs("  - {id: j, tasks: [{id: a, command: 'sleep 5; echo \"$PATH\"'}]}")
        let background = try program.serviceProcess()
        #expect(program.eventually { (try? program.task("a")["state"] as? String) == "running" })

        let installed = try program.run("service", "install", environment: environment)
        #expect(installed.code == 0 && installed.messages.contains("service stopped\n"), "\(installed)")
        let unit = try program.serviceProcess()
        #expect(unit != background)
        let line = try #require(FileManager.default.contents(atPath: "/proc/\(unit)/cmdline"))
        #expect(String(decoding: line, as: UTF8.self).contains("--stay"), "also behind its clean environment")
        #expect(!variables(of: unit).contains("INVOCATION_ID=1"))

        // The unit's own service is not replaced, and one that waits behind another takes over from it.
        #expect(try program.run("service", "install", environment: environment).code == 0)
        #expect(try program.serviceProcess() == unit)
        let waiting = try program.start(["service", "run", "--stay"])
        #expect(program.eventually { (try? text(of: waiting.messages))?.contains("takes over when") == true })
        let removed = try program.run("service", "uninstall", environment: environment)
        #expect(removed.code == 0 && removed.messages.hasPrefix("stopped shipyard-swift-home-"), "\(removed)")
        #expect(
            program.eventually { (try? text(of: waiting.messages))?.contains(" begins, process") == true })
        #expect(waiting.isRunning)
        #expect(program.eventually { (try? program.task("a")["state"] as? String) == "completed" })
        let executions = try program.task("a")["executionInfo"] as? [String: Any]
        #expect(executions?["retryCount"] as? Int == 0 && executions?["requeueCount"] as? Int == 0)
        #expect(try program.output(of: "a").hasPrefix("/usr/bin:/bin"), "of whoever has made its node")
        #expect(try program.run("service", "stop").code == 0)
        #expect(try waiting.outcome().code == 0)
    }

    /// TERM is blocked in a service, and something has to take it while nothing is served yet.
    @Test func aServiceThatWaitsForAnotherCanBeStopped() throws {
        let program = try BuiltProgram()
        let first = try program.serviceProcess()
        let waiting = try program.start(["service", "run", "--stay"])
        #expect(program.eventually { (try? text(of: waiting.messages))?.contains("takes over when") == true })
        waiting.interrupt()
        #expect(try waiting.outcome().code == 0)
        #expect(try program.serviceProcess() == first)
    }

    private func text(of file: URL) throws -> String { try String(contentsOf: file, encoding: .utf8) }

    private func variables(of process: Int32) -> [Substring] {
        let bytes = FileManager.default.contents(atPath: "/proc/\(process)/environ") ?? Data()
        return String(decoding: bytes, as: UTF8.self).split(separator: "\0")
    }
}
