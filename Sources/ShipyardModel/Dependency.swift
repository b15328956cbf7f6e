/// What one stored task waits for, with ids resolved to ordinals of its job.
package enum Dependency: Hashable, Sendable {
    case task(UInt32)
    /// Every task from the lower to the upper ordinal: a merge task waits for its whole submission this way.
    case tasks(ClosedRange<UInt32>)
    /// Every number of the range must be satisfied by some task whose id is that number in decimal, leading
    /// zeros ignored; the first such task to succeed satisfies it (`depends_on_range`).
    case numbers(ClosedRange<Int>)
}

extension Dependency {
    /// The stored form of a list, such as `5,7,0-99,n1-10`. Short, because a million tasks may have one each.
    package static func text(of list: [Dependency]) -> String {
        list.map { dependency in
            switch dependency {
            case .task(let ordinal): "\(ordinal)"
            case .tasks(let range): "\(range.lowerBound)-\(range.upperBound)"
            case .numbers(let range): "n\(range.lowerBound)~\(range.upperBound)"
            }
        }.joined(separator: ",")
    }

    /// Nil when `text` is not what `text(of:)` makes.
    package static func list(from text: String) -> [Dependency]? {
        var list: [Dependency] = []
        for part in text.split(separator: ",") {
            guard let dependency = Dependency(part) else { return nil }
            list.append(dependency)
        }
        return list
    }

    private init?(_ part: Substring) {
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
