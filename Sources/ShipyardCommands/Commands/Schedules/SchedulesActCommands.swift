import Glibc
import ShipyardAPI
import ShipyardSystem

/// `schedules enable`, `disable`, `del`.
enum SchedulesActCommands {
    private static let ids = Argument("ID", "the schedules", repeats: true, values: .id(.schedule))

    static let enable = Command("enable", "let schedules be due again")
        .details("What was due meanwhile is not made up for: `schedules backfill` does that.")
        .takes(ids)
        .example("schedules enable nightly", "is due again from now on")
        .runs { invocation throws(CommandFailure) in try act("enable", "enabled", invocation) }

    static let disable = Command("disable", "let nothing of schedules be due; what runs goes on")
        .details(
            "`schedules add` does not change that, as long as the file says the same about `enabled` as before."
        )
        .takes(ids)
        .example("schedules disable nightly", "starts no more runs")
        .runs { invocation throws(CommandFailure) in try act("disable", "disabled", invocation) }

    static let delete = Command("del", "delete schedules with the jobs of their runs")
        .takes(ids)
        .options(SharedOptions.wait)
        .example("schedules del nightly -y --wait", "deletes it and waits until it is gone")
        .runs(delete)

    private static func act(
        _ word: String, _ done: String, _ invocation: Invocation
    ) throws(CommandFailure) -> ExitCode {
        let service = try invocation.service()
        for id in invocation.arguments.words {
            try service.post(ServiceClient.schedule(id) / word)
            invocation.console.say("schedule \(id) is \(done)")
        }
        return .done
    }

    @Sendable private static func delete(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let (service, console) = (try invocation.service(), invocation.console)
        var deleted: [String] = []
        for id in invocation.arguments.words {
            let question = "deleting schedule \(id) with its history and the jobs of its runs"
            guard try console.confirm(question, yes: invocation.has("yes")) else { continue }
            try service.delete(ServiceClient.schedule(id))
            console.say("schedule \(id) is being deleted")
            deleted.append(id)
        }
        guard invocation.has("wait") else { return .done }
        for id in deleted {
            try ScheduleWaiter(service).waitForDeletion(of: id)
            console.say("schedule \(id) is deleted")
        }
        return .done
    }
}

/// Waits for schedules to be ended or gone.
struct ScheduleWaiter {
    private static let pause: UInt32 = 100_000
    private let service: ServiceClient

    init(_ service: ServiceClient) { self.service = service }

    func waitForDeletion(of id: String) throws(CommandFailure) {
        while let schedule = try find(id), schedule.state == "deleting" { usleep(Self.pause) }
    }

    func waitForEnd(of id: String) throws(CommandFailure) {
        while let schedule = try find(id), schedule.state == "terminating" { usleep(Self.pause) }
    }

    private func find(_ id: String) throws(CommandFailure) -> ScheduleResponse? {
        try service.find(ServiceClient.schedule(id))
    }
}
