import ShipyardModel

extension ValueCheck {
    /// The rule in the words of the reference pages.
    package var words: String {
        switch self {
        case .id, .taskID: "1 to \(SpecLimits.idLength) ASCII letters, digits, `-` or `_`"
        case .packageName: "1 to \(SpecLimits.idLength) ASCII letters, digits, `-`, `_` or `.`"
        case .integer(let limits): "\(limits.lowerBound) to \(limits.upperBound)"
        case .retries: "-1 or more"
        case .percentage: "0 to 100"
        case .duration: "`[days.]hours:minutes:seconds`, up to \(SpecLimits.durationDays) days"
        case .positiveDuration:
            "`[days.]hours:minutes:seconds`, more than nothing, up to \(SpecLimits.durationDays) days"
        case .date: "ISO 8601 in quotes; UTC unless it says otherwise"
        case .fileMode: "octal, in quotes"
        case .sha256: "64 hexadecimal digits"
        case .secretID: SecretPlace.forms
        case .relativePath: "stays below the directory"
        case .environmentName: "no `=` in the name"
        case .transferText: "no comma"
        case .transferPath: "no comma; only variables are replaced"
        case .transferOptions: "no comma; options of blobxfer 1.9.4"
        case .notEmpty: "not empty"
        case .poolLifetime: "`job` or `job_schedule`"
        case .databaseURL: "`sqlite:` or `postgresql://`"
        }
    }

    /// The rule as members of a JSON Schema, as far as JSON Schema can say it.
    var jsonSchemaMembers: [(String, String)] {
        switch self {
        case .id: [("pattern", "\"^[A-Za-z0-9_-]{1,\(SpecLimits.idLength)}$\"")]
        case .taskID: [("pattern", "\"^[A-Za-z0-9_-]{0,\(SpecLimits.idLength)}$\"")]
        case .packageName: [("pattern", "\"^[A-Za-z0-9._-]{1,\(SpecLimits.idLength)}$\"")]
        case .integer(let limits): [("minimum", "\(limits.lowerBound)"), ("maximum", "\(limits.upperBound)")]
        case .retries: [("minimum", "-1")]
        case .fileMode: [("pattern", "\"^(0o)?[0-7]{1,4}$\"")]
        case .sha256: [("pattern", "\"^[0-9A-Fa-f]{64}$\"")]
        case .transferText, .transferPath, .transferOptions: [("pattern", "\"^[^,]*$\"")]
        case .notEmpty: [("minLength", "1")]
        case .duration, .positiveDuration: [("pattern", SpecDuration.jsonPattern)]
        case .percentage, .date, .secretID, .relativePath, .environmentName, .poolLifetime,
            .databaseURL:
            []
        }
    }
}

extension LocalEffect {
    /// The effect in the words of the reference pages.
    var words: String {
        switch self {
        case .used: "used"
        case .partly(let part), .differently(let part): "partly: \(part)"
        case .notYet: "checked, not carried out yet"
        case .none: "no local effect"
        }
    }
}
