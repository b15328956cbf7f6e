import ShipyardDiagnostics
import ShipyardModel

// The words of SY3xxx: values of the right type that nothing can be done with.
extension Diagnostic {
    /// SY3001.
    static func invalidID(_ node: SyntaxNode, key: String, _ reason: String, rule: ValueCheck) -> Diagnostic {
        var diagnostic = Diagnostic(
            code: .invalidID, message: "\(Quoted(node)) cannot be an id: \(reason)",
            primary: Label(at: node.range, "not a valid `\(key)`"))
        diagnostic.help = "allowed are \(rule.words)"
        return diagnostic
    }

    /// SY3002.
    static func outsideLimits(_ node: SyntaxNode, key: String, _ limits: ClosedRange<Int>) -> Diagnostic {
        // An upper limit of that size helps nobody who is below.
        let isOpen = limits.upperBound >= Int32.max && (node.integer ?? 0) < limits.lowerBound
        let side = isOpen ? "at least \(limits.lowerBound)" : "\(limits.lowerBound) to \(limits.upperBound)"
        return Diagnostic(
            code: .numberOutsideLimits, message: "`\(key)` cannot be \(Quoted(node))",
            primary: Label(at: node.range, "allowed: \(side)"))
    }

    /// SY3003.
    static func numberTooLarge(_ node: SyntaxNode, key: String) -> Diagnostic {
        Diagnostic(
            code: .numberTooLarge, message: "`\(key)` is larger than any number that is calculated with",
            primary: Label(at: node.range, "does not fit 64 bits"))
    }

    /// SY3004.
    static func invalidDuration(_ node: SyntaxNode, key: String, _ reason: String) -> Diagnostic {
        var diagnostic = Diagnostic(
            code: .invalidDuration, message: "\(Quoted(node)) is not a length of time for `\(key)`",
            primary: Label(at: node.range, reason))
        diagnostic.help =
            "write hours, minutes and seconds such as 02:30:00, with days in front as in 1.12:00:00"
        return diagnostic
    }

    /// SY3005.
    static func invalidDate(_ node: SyntaxNode, key: String) -> Diagnostic {
        var diagnostic = Diagnostic(
            code: .invalidDate, message: "\(Quoted(node)) is not a moment for `\(key)`",
            primary: Label(at: node.range, "not a date of ISO 8601, or not in the calendar"))
        diagnostic.help = "write \(SpecDate.forms), in quotes"
        return diagnostic
    }

    /// SY3006.
    static func invalidFileMode(_ node: SyntaxNode) -> Diagnostic {
        var diagnostic = Diagnostic(
            code: .invalidFileMode, message: "\(Quoted(node)) is not a file mode",
            primary: Label(at: node.range, "not octal, or more than four digits"))
        diagnostic.help = "write the permission bits in octal and in quotes, such as \"0750\""
        return diagnostic
    }

    /// SY3025. What is wrong with it and not what it is.
    static func invalidDatabaseURL(_ node: SyntaxNode, _ problem: SQLConnection.Problem) -> Diagnostic {
        var diagnostic = Diagnostic(
            code: .invalidDatabaseURL, message: "this is not the URL of a database: it \(problem.sentence)",
            primary: Label(at: node.range, "no such URL"))
        diagnostic.help = "write `sqlite:NAME.db` or `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`"
        return diagnostic
    }

    /// SY3020.
    static func invalidDigest(_ node: SyntaxNode) -> Diagnostic {
        var diagnostic = Diagnostic(
            code: .invalidDigest, message: "\(Quoted(node)) is not a SHA-256",
            primary: Label(at: node.range, "not 64 hexadecimal digits"))
        diagnostic.help = "write what `sha256sum FILE` prints, in quotes"
        return diagnostic
    }

    /// SY3007.
    static func pathLeavesDirectory(_ node: SyntaxNode, key: String) -> Diagnostic {
        var diagnostic = Diagnostic(
            code: .pathLeavesDirectory, message: "\(Quoted(node)) does not stay below the working directory",
            primary: Label(at: node.range, "leaves the directory, or names none of its files"))
        diagnostic.help = "`\(key)` is a relative path without more `..` than directories"
        return diagnostic
    }

    /// SY3008.
    static func invalidEnvironmentName(_ key: SyntaxNode, _ reason: String) -> Diagnostic {
        Diagnostic(
            code: .invalidEnvironmentName,
            message: "\(Quoted(keyName: key)) cannot name an environment variable",
            primary: Label(at: key.range, reason))
    }

    /// SY3009.
    static func commaInTransfer(_ node: SyntaxNode, key: String) -> Diagnostic {
        Diagnostic(
            code: .commaInTransfer, message: "`\(key)` of a transfer holds a comma",
            primary: Label(at: node.range, "commas separate the fields of a transfer"))
    }

    /// SY3021.
    static func invalidTransferPath(_ node: SyntaxNode, key: String, _ reason: String) -> Diagnostic {
        var diagnostic = Diagnostic(
            code: .invalidTransferPath, message: "`\(key)` of a transfer is no path",
            primary: Label(at: node.range, reason))
        diagnostic.help = "only variables are replaced in it: `$AZ_BATCH_TASK_DIR/out`, `${NAME}`"
        return diagnostic
    }

    /// SY3022.
    static func invalidTransferOptions(_ node: SyntaxNode, key: String, _ reason: String) -> Diagnostic {
        var diagnostic = Diagnostic(
            code: .invalidTransferOptions, message: "`\(key)` asks for what a transfer cannot do",
            primary: Label(at: node.range, reason))
        diagnostic.help =
            "`--strip-components N`, `--rename`, `--no-overwrite`, `--no-recursive` and `--transfer-threads N` have an effect"
        return diagnostic
    }

    /// SY5003.
    static func ignoredTransferOptions(_ node: SyntaxNode, _ names: [String]) -> Diagnostic {
        Diagnostic(
            code: .partOfItsEffect, severity: .note,
            message: "options of a transfer have no effect here: \(names.joined(separator: ", "))",
            primary: Label(at: node.range, "accepted and ignored"))
    }

    /// SY3010.
    static func nulInText(_ node: SyntaxNode, key: String) -> Diagnostic {
        Diagnostic(
            code: .nulInText, message: "`\(key)` holds the character U+0000",
            primary: Label(at: node.range, "no process can be given this text"))
    }

    /// SY3040.
    static func secureStringWritten(_ value: SyntaxNode, key: String) -> Diagnostic {
        var finding = Diagnostic(
            code: .secureStringWritten, message: "`\(key)` has a secret in clear",
            primary: Label(at: value.range, "would be stored with the job"))
        finding.help =
            "give it to the task as a variable of `environment_variables_keyvault_secret_id`, and here the variable's name"
        return finding
    }

    /// SY3011.
    static func emptyText(_ node: SyntaxNode, key: String) -> Diagnostic {
        Diagnostic(code: .emptyText, message: "`\(key)` is empty", primary: Label(at: node.range, "no text"))
    }

    /// SY3012.
    static func contradiction(_ message: String, _ node: SyntaxNode, _ label: String, other: SyntaxNode)
        -> Diagnostic
    {
        var diagnostic = Diagnostic(
            code: .contradictingKeys, message: message, primary: Label(at: node.range, label))
        diagnostic.others = [Label(at: other.range, "contradicts this")]
        return diagnostic
    }

    /// SY3013.
    static func mixedNodeKinds(_ flag: SyntaxNode, lowPriority: SyntaxNode) -> Diagnostic {
        var diagnostic = Diagnostic(
            code: .mixedNodeKinds,
            message: "a pool whose nodes talk to each other cannot have dedicated and low-priority nodes",
            primary: Label(at: flag.range, "switched on here"))
        diagnostic.others = [Label(at: lowPriority.range, "the second kind of node")]
        return diagnostic
    }

    /// SY3014.
    static func unknownPoolLifetime(_ node: SyntaxNode) -> Diagnostic {
        var diagnostic = Diagnostic(
            code: .unknownPoolLifetime, message: "\(Quoted(node)) is not a pool lifetime",
            primary: Label(at: node.range, "neither `job` nor `job_schedule`"))
        diagnostic.suggest(
            node.string.flatMap { closestMatch(to: $0, in: ["job", "job_schedule"]) }, at: node.range)
        return diagnostic
    }
}

extension Diagnostic {
    /// SY3015.
    static func incompleteFactory(_ key: SyntaxNode, needs name: String) -> Diagnostic {
        Diagnostic(
            code: .incompleteFactory, message: "a `\(key.string ?? "task")` factory needs `\(name)`",
            primary: Label(at: key.range, "`\(name)` is missing"))
    }
}
