import ShipyardStore

/// Why the service does not do what it was asked: a word for programs and a sentence for people.
package struct Refusal: Error, Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        case notFound, conflict, invalid, unavailable
    }
    package var kind: Kind
    /// As Azure Batch names it where it does: `PoolNotFound`, `JobExists`, `JobCompleted`, …
    package var code: String
    package var message: String

    package init(_ kind: Kind, code: String, _ message: String) {
        self.kind = kind
        self.code = code
        self.message = message
    }

    package static func poolNotFound(_ id: String) -> Refusal {
        Refusal(
            .notFound, code: "PoolNotFound",
            "there is no pool `\(id)`; `shipyard-swift pool list` shows those there are")
    }

    static func jobHasEnded(_ id: String) -> Refusal {
        Refusal(.conflict, code: "JobCompleted", "job `\(id)` has ended already")
    }

    package static func jobNotFound(_ id: String) -> Refusal {
        Refusal(
            .notFound, code: "JobNotFound",
            "there is no job `\(id)`; `shipyard-swift jobs list` shows those there are")
    }

    package static func unreadable(_ what: String, _ problem: String) -> Refusal {
        Refusal(
            .conflict, code: "StateUnreadable",
            "nothing can be done with \(what) but to delete it: \(problem)")
    }

    package static func taskNotFound(_ id: String, job: String) -> Refusal {
        Refusal(.notFound, code: "TaskNotFound", "job `\(job)` has no task `\(id)`")
    }

    private static let storeFailed = "StoreFailed"
    /// Whether it may be gone when the state is restored.
    package var isOfStore: Bool { code == Self.storeFailed }

    package init(_ error: StoreError) {
        self.init(
            .unavailable, code: Self.storeFailed,
            "nothing was changed, because the state file could not be written: \(error)")
    }
}
