import ShipyardModel

/// Where things are in a node's directory tree, laid out as on an Azure Batch node.
package enum NodeLayout {
    package static let socketName = "agent.sock"
    package static let journalName = "agent.journal"
    /// Locked with `flock` for as long as the agent lives. Of its own, because the journal gets replaced.
    package static let lockName = "agent.lock"
    package static let logName = "volatile/agent.log"

    package static let workItems = "workitems"
    /// What is being deleted, and what was deleted at the service's order until that knows it.
    package static let removed = "removed"

    package static let directories = [
        "applications", "shared", "startup", "volatile", workItems, removed, "fsmounts", "mounts",
    ]

    /// `workitems/<job>`. A job of a schedule's run has a colon in its id, which would end a directory in PATH and the
    /// like, and gets a dot instead, which no other id has.
    package static func jobRoot(_ job: String) -> String {
        workItems + "/" + String(decoding: job.utf8.map { $0 == 0x3a ? 0x2e : $0 }, as: UTF8.self)
    }

    /// `workitems/<job>/job-1`, the parent directory of a job's work.
    package static func jobDirectory(_ job: String) -> String { jobRoot(job) + "/job-1" }

    /// The job of a directory below `workItems`.
    package static func job(ofDirectory name: String) -> String? {
        let id = String(decoding: name.utf8.map { $0 == 0x2e ? 0x3a : $0 }, as: UTF8.self)
        return jobRoot(id) == workItems + "/" + name ? id : nil
    }

    /// Secrets of running work, in files.
    package static let secrets = "secrets"

    /// Whether a name in the node's root is the agent's own, and shown to nobody: its journal has what tasks left word for word, and
    /// what is being removed has no owner any more whose secrets could be looked for.
    package static func isPrivate(_ name: BytePath) -> Bool {
        name == BytePath(secrets) || name == BytePath(removed) || name.bytes.starts(with: "agent.".utf8)
    }

    /// Names of the directories of work that is no task.
    package static let startTaskName = "startup"
    package static let jobPreparationName = "jobpreparation"
    package static let jobReleaseName = "jobrelease"
}
