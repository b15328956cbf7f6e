import ShipyardFileStore
import ShipyardModel
import ShipyardPlanner
import ShipyardSpecs

/// What the lifecycle rules of a config file come to for the files that are stored now.
struct LifecyclePlan {
    enum Act: Hashable {
        case keep(StorageTier)
        case delete

        var verb: String {
            switch self {
            case .keep(let tier): tier.rawValue
            case .delete: "delete"
            }
        }
    }

    struct Change: Sendable {
        /// Of `rules`.
        var rule: Int
        var file: StoredFile
        var act: Act
        var days: Int
    }

    /// A rule with what it needs to be carried out.
    struct Rule: Sendable {
        let spec: LifecycleRule
        let access: StoreAccess
        let selection: StoredSelection

        /// What becomes of a file of this age; nil where it stays as it is. Only ever onward: who rehydrates a file has it hot until it is
        /// old again.
        func act(on tier: StorageTier, days: Int) -> Act? {
            if let limit = spec.deleteAfterDays, days >= limit { return .delete }
            var wanted = StorageTier.hot
            if let limit = spec.coolAfterDays, days >= limit { wanted = .cool }
            if let limit = spec.archiveAfterDays, days >= limit { wanted = .archive }
            return wanted.coldness > tier.coldness ? .keep(wanted) : nil
        }
    }

    let rules: [Rule]
    private let now: Instant

    init(_ invocation: Invocation, now: Instant) throws(CommandFailure) {
        self.now = now
        let config = try DataConfig(invocation, toFind: "lifecycle rules")
        let stores = try DataStores(invocation)
        rules = try config.spec.lifecycle.map { spec throws(CommandFailure) in
            let place = try DataPlace("\(spec.alias)/\(spec.remotePath)")
            let filter = NameFilter(include: spec.include, exclude: spec.exclude)
            return Rule(
                spec: spec, access: try stores.access(spec.alias),
                selection: try StoredSelection(listing: place, filter))
        }
        guard !rules.isEmpty else {
            throw CommandFailure(
                .failed, "\(config.path) has no lifecycle rules",
                help: "docs/spec/config.md tells how they are written")
        }
    }

    /// Every change that is due, rule by rule. Of several rules for one file the first holds.
    ///
    /// - Parameter failed: hears of a rule whose files cannot be listed; the others go on.
    func forEachChange(
        failed: (String, FileStoreError) -> Void, _ body: (Change) throws(FileStoreError) -> Void
    ) {
        for (index, rule) in rules.enumerated() {
            do throws(FileStoreError) {
                try forEachChange(of: rule, index, body)
            } catch {
                failed("the rule of \(rule.selection.place.description)", error)
            }
        }
    }

    private func forEachChange(
        of rule: Rule, _ index: Int, _ body: (Change) throws(FileStoreError) -> Void
    ) throws(FileStoreError) {
        let earlier = rules[..<index].filter {
            $0.access.account == rule.access.account && $0.selection.container == rule.selection.container
        }
        try rule.access.forEachFile(of: rule.selection) { file throws(FileStoreError) in
            guard !earlier.contains(where: { $0.selection.holds(file.name) }), !file.isDirectoryMarker
            else {
                return true
            }
            let days = age(of: file)
            if let act = rule.act(on: file.tier, days: days) {
                try body(Change(rule: index, file: file, act: act, days: days))
            }
            return true
        }
    }

    /// In whole days. A time that is still to come, as after a clock that was wrong, is no age.
    private func age(of file: StoredFile) -> Int {
        Int(max(0, (now - file.modified).milliseconds) / 86_400_000)
    }

    func text(_ change: Change) -> String {
        rules[change.rule].selection.place.named(change.file.name).description
    }
}

extension StorageTier {
    /// Files go in one direction.
    fileprivate var coldness: Int {
        switch self {
        case .hot: 0
        case .cool: 1
        case .archive: 2
        }
    }
}
