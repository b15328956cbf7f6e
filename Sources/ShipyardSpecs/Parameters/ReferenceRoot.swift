import ShipyardDiagnostics

/// What stands before the dot of a reference.
enum ReferenceRoot: String, CaseIterable {
    case parameters, schedule, run, trigger
    /// What other tasks leave: known only when they are done (`LateReference`).
    case tasks

    /// What may stand behind the dot; the members of `parameters` are the job's own.
    var members: [String] {
        switch self {
        case .parameters, .tasks: []
        case .schedule: ["id", "time"]
        case .run: ["id", "attempt"]
        case .trigger:
            [
                "container", "event_id", "file_name", "file_name_no_extension", "file_path",
                "file_path_with_container", "time",
            ]
        }
    }
}

/// The root that was probably meant.
func closestRoot(to word: String) -> String? {
    closestMatch(to: word, in: ReferenceRoot.allCases.map(\.rawValue))
}
