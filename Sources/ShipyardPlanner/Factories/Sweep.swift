import ShipyardSpecs

/// A factory whose tuples depend on nothing but its spec: counted without being walked, walked in constant
/// memory.
struct Sweep {
    private enum Order {
        /// Cartesian product, the last axis fastest.
        case product
        case zip
        case combinations(replacement: Bool)
        case permutations
    }

    /// One position of the tuple, or for combinations and permutations the one list they choose from.
    private enum Axis {
        case range(RangeSpec, count: Int)
        case items([PythonValue])

        var count: Int {
            switch self {
            case .range(_, let count): count
            case .items(let items): items.count
            }
        }

        var isRange: Bool { if case .range = self { true } else { false } }

        func value(_ index: Int) -> PythonValue {
            switch self {
            case .range(let range, _): .int(range.start &+ index &* range.step)
            case .items(let items): items[index]
            }
        }
    }

    private let order: Order
    private let axes: [Axis]
    private let length: Int

    /// The current choice on each axis; for permutations the whole arrangement.
    private var indices: [Int] = []
    private var hasStarted = false

    /// How many tuples there are; nil where that is more than a machine word holds.
    let count: Int?

    init?(_ factory: TaskFactorySpec) throws(PythonError) {
        switch factory {
        case .product(let ranges):
            order = .product
            axes = try ranges.map(Self.axis)
            length = ranges.count
        case .productIterables(let iterables):
            order = .product
            axes = try iterables.map(Self.axis)
            length = iterables.count
        case .zip(let iterables):
            order = .zip
            axes = try iterables.map(Self.axis)
            length = iterables.count
        case .combinations(let iterable, let length, let replacement):
            order = .combinations(replacement: replacement)
            axes = [try Self.axis(iterable)]
            self.length = try Self.checked(length)
        case .permutations(let iterable, let length):
            order = .permutations
            axes = [try Self.axis(iterable)]
            self.length = try Self.checked(length)
        case .repeated, .random, .file, .custom, .empty, .unknown: return nil
        }
        count = Self.count(order, axes, length)
    }

    private static func checked(_ length: Int?) throws(PythonError) -> Int {
        guard let length else { throw PythonError(.keyError, "'length'") }
        guard length >= 0 else { throw PythonError(.valueError, "r must be non-negative") }
        guard length <= PlanLimits.valuesPerTask else {
            throw PythonError(.valueError, "a task cannot have more than \(PlanLimits.valuesPerTask) values")
        }
        return length
    }

    private static func axis(_ range: RangeSpec) throws(PythonError) -> Axis {
        guard range.step != 0 else { throw PythonError(.valueError, "range() arg 3 must not be zero") }
        let isEmpty = range.step > 0 ? range.start >= range.stop : range.start <= range.stop
        guard !isEmpty else { return .range(range, count: 0) }
        let width = UInt(bitPattern: range.step > 0 ? range.stop &- range.start : range.start &- range.stop)
        let steps = (width - 1) / range.step.magnitude
        return .range(range, count: Int(clamping: steps) == .max ? .max : Int(steps) + 1)
    }

    private static func axis(_ iterable: IterableSpec) throws(PythonError) -> Axis {
        switch iterable {
        case .items(let items): .items(items.map { $0.map(PythonValue.str) ?? .none })
        case .characters(let text): .items(text.unicodeScalars.map { .str(String($0)) })
        case .null: throw PythonError(.typeError, "'NoneType' object is not iterable")
        }
    }

    private static func count(_ order: Order, _ axes: [Axis], _ length: Int) -> Int? {
        switch order {
        case .product:
            if axes.contains(where: { $0.count == 0 }) { return 0 }
            return product(axes.map(\.count))
        case .zip: return axes.map(\.count).min() ?? 0
        case .permutations:
            let items = axes[0].count
            return length > items ? 0 : product((0..<length).map { items - $0 })
        case .combinations(let replacement):
            let items = axes[0].count
            if length == 0 { return 1 }
            if items == 0 || (!replacement && length > items) { return 0 }
            return binomial(replacement ? items + length - 1 : items, length)
        }
    }

    private static func product(_ factors: [Int]) -> Int? {
        var result = 1
        for factor in factors {
            let (product, overflow) = result.multipliedReportingOverflow(by: factor)
            if overflow { return nil }
            result = product
        }
        return result
    }

    private static func binomial(_ items: Int, _ chosen: Int) -> Int? {
        let chosen = min(chosen, items - chosen)
        var result = 1
        for step in 0..<chosen {
            // Exact at every step: this is a smaller binomial times the next factor.
            let (product, overflow) = result.multipliedReportingOverflow(by: items - step)
            if overflow { return nil }
            result = product / (step + 1)
        }
        return result
    }

    // MARK: - Looking

    /// Tuples with the first and last number of each range, and with each word in each place, while nothing else changes:
    /// a command that can be filled in for these can be for all, since each field takes one value. Words may stand side by
    /// side here that no tuple has.
    func corners(_ body: ([PythonValue]) -> Bool) {
        var values: [PythonValue]
        switch order {
        case .product, .zip: values = axes.map { $0.value(0) }
        case .combinations, .permutations: values = [PythonValue](repeating: axes[0].value(0), count: length)
        }
        for position in values.indices {
            let axis = axes.count > 1 ? axes[position] : axes[0]
            let first = values[position]
            let candidates = axis.isRange ? [0, axis.count - 1] : Array(0..<min(axis.count, Self.wordsLookedAt / values.count + 1))
            for index in candidates {
                values[position] = axis.value(index)
                guard body(values) else { return }
            }
            values[position] = first
        }
    }

    /// In all places together.
    private static let wordsLookedAt = 10_000

    // MARK: - Walking

    /// Puts the next tuple into `values`, which must come back as it was left; false after the last.
    ///
    /// The caller owns the tuple, because two owners of one array would copy it for every task.
    mutating func advance(_ values: inout [PythonValue]) -> Bool {
        guard hasStarted else {
            hasStarted = true
            return start(&values)
        }
        switch order {
        case .product: return advanceProduct(&values)
        case .zip: return advanceZip(&values)
        case .combinations(let replacement): return advanceCombination(&values, replacement: replacement)
        case .permutations: return advancePermutation(&values)
        }
    }

    private mutating func start(_ values: inout [PythonValue]) -> Bool {
        guard count != 0 else { return false }
        switch order {
        case .product, .zip:
            indices = [Int](repeating: 0, count: axes.count)
            values = axes.map { $0.value(0) }
        case .combinations(let replacement):
            indices = replacement ? [Int](repeating: 0, count: length) : Array(0..<length)
            values = indices.map { axes[0].value($0) }
        case .permutations:
            indices = Array(0..<axes[0].count)
            cycles = (0..<length).map { axes[0].count - $0 }
            values = indices.prefix(length).map { axes[0].value($0) }
        }
        return true
    }

    private mutating func advanceProduct(_ values: inout [PythonValue]) -> Bool {
        var position = axes.count - 1
        while position >= 0 {
            indices[position] += 1
            if indices[position] < axes[position].count {
                values[position] = axes[position].value(indices[position])
                return true
            }
            indices[position] = 0
            values[position] = axes[position].value(0)
            position -= 1
        }
        return false
    }

    private mutating func advanceZip(_ values: inout [PythonValue]) -> Bool {
        let next = indices[0] + 1
        guard next < (count ?? .max) else { return false }
        indices[0] = next
        for position in axes.indices { values[position] = axes[position].value(next) }
        return true
    }

    private mutating func advanceCombination(_ values: inout [PythonValue], replacement: Bool) -> Bool {
        let items = axes[0].count
        var position = length - 1
        while position >= 0, indices[position] == (replacement ? items - 1 : items - length + position) {
            position -= 1
        }
        guard position >= 0 else { return false }
        let first = indices[position] + 1
        for later in position..<length {
            indices[later] = replacement ? first : first + later - position
            values[later] = axes[0].value(indices[later])
        }
        return true
    }

    /// For each position how many choices are left there: the order of Python's `itertools.permutations`,
    /// lexicographic by position in the list.
    private var cycles: [Int] = []

    private mutating func advancePermutation(_ values: inout [PythonValue]) -> Bool {
        let items = axes[0].count
        var position = length - 1
        while position >= 0 {
            cycles[position] -= 1
            if cycles[position] == 0 {
                indices.append(indices.remove(at: position))
                cycles[position] = items - position
            } else {
                indices.swapAt(position, items - cycles[position])
                for later in position..<length { values[later] = axes[0].value(indices[later]) }
                return true
            }
            position -= 1
        }
        return false
    }
}
