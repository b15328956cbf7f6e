/// What one stored task waits for, with ids resolved to ordinals of its job.
package struct Dependency: Hashable, Sendable {
    package enum Upstream: Hashable, Sendable {
        case task(UInt32)
        /// Every task from the lower to the upper ordinal: a merge task waits for its whole submission this way.
        case tasks(ClosedRange<UInt32>)
        /// Every number of the range must be met by some task whose id is that number in decimal, leading zeros
        /// ignored; the first such task to meet it counts (`depends_on_range`).
        case numbers(ClosedRange<Int>)
    }

    /// What is asked of the way in which an upstream task ends. With one case it takes no room in an edge.
    package enum Condition: Hashable, Sendable {
        /// It succeeds, or fails in a way that satisfies (`dependency_action`).
        case satisfied
    }

    package var upstream: Upstream
    package var condition: Condition

    package init(_ upstream: Upstream, _ condition: Condition = .satisfied) {
        self.upstream = upstream
        self.condition = condition
    }

    package static func task(_ ordinal: UInt32) -> Dependency { Dependency(.task(ordinal)) }
    package static func tasks(_ range: ClosedRange<UInt32>) -> Dependency { Dependency(.tasks(range)) }
    package static func numbers(_ range: ClosedRange<Int>) -> Dependency { Dependency(.numbers(range)) }
}

extension Dependency {
    /// The stored form of a list, such as `5,7,0-99,n1~10`. Short, because a million tasks may have one each.
    package static func text(of list: [Dependency]) -> String {
        list.map { $0.upstream.text + $0.condition.text }.joined(separator: ",")
    }

    /// Nil when `text` is not what `text(of:)` makes.
    package static func list(from text: String) -> [Dependency]? {
        var list: [Dependency] = []
        for part in text.split(separator: ",") {
            guard let upstream = Upstream(part) else { return nil }
            list.append(Dependency(upstream))
        }
        return list
    }
}

extension Dependency.Condition {
    fileprivate var text: String {
        switch self {
        case .satisfied: ""
        }
    }
}

extension Dependency.Upstream {
    fileprivate var text: String {
        switch self {
        case .task(let ordinal): "\(ordinal)"
        case .tasks(let range): "\(range.lowerBound)-\(range.upperBound)"
        case .numbers(let range): "n\(range.lowerBound)~\(range.upperBound)"
        }
    }

    fileprivate init?(_ part: Substring) {
        if let ordinal = UInt32(part) {
            self = .task(ordinal)
        } else if part.first == "n" {
            let bounds = part.dropFirst().split(separator: "~").compactMap { Int($0) }
            guard bounds.count == 2, bounds[0] <= bounds[1] else { return nil }
            self = .numbers(bounds[0]...bounds[1])
        } else {
            let bounds = part.split(separator: "-").compactMap { UInt32($0) }
            guard bounds.count == 2, bounds[0] <= bounds[1] else { return nil }
            self = .tasks(bounds[0]...bounds[1])
        }
    }
}
