import Glibc
import ShipyardAPI

/// Waits until nodes have removed the files of what was deleted, and names what they could not remove.
struct FileRemovalWaiter {
    private static let pauseMicroseconds: UInt32 = 50_000

    private let service: ServiceClient
    private let console: Console

    init(_ service: ServiceClient, _ console: Console) {
        self.service = service
        self.console = console
    }

    /// True when everything is gone.
    func wait(for removal: DeletionResponse, of job: String) throws(CommandFailure) -> Bool {
        var answer = try service.removals(removal, of: job)
        while answer.isPending {
            usleep(Self.pauseMicroseconds)
            answer = try service.removals(removal, of: job)
        }
        for item in answer.value {
            console.say(
                "could not be removed on \(item.nodeId) of pool \(item.poolId): \(item.failedPath ?? item.path):"
                    + " \(item.failure ?? "unknown")")
        }
        return answer.value.isEmpty
    }
}
