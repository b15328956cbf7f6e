/// The tasks that a number can stand for in `depends_on_range`, in layers of sorted, disjoint spans. Two ids
/// may be the same number (`4` and `004`), which is why there is more than one layer.
struct NumberLayers {
    struct Span {
        var lower: Int
        var upper: Int
        var entry: Int
    }

    private(set) var layers: [[Span]] = []
    /// For each span the next one that may still be unfinished, after the manner of union-find: a search
    /// steps over each finished span once, however many ranges cover it.
    private var next: [[Int]] = []

    init(_ ids: SubmissionIDs) {
        var explicit: [Int: [Int]] = [:]
        for (id, entry) in ids.explicitIDs where !id.isEmpty && id.allSatisfy(isDigit) {
            if let number = Int(String(decoding: id, as: UTF8.self)) { explicit[number, default: []].append(entry) }
        }
        // The n-th id of the same number goes to the n-th layer.
        for depth in 0..<(explicit.values.map(\.count).max() ?? 0) {
            addLayer(
                explicit.filter { $0.value.count > depth }
                    .map { Span(lower: $0.key, upper: $0.key, entry: $0.value[depth]) })
        }
        for series in ids.series where series.prefix.allSatisfy(isDigit) {
            addLayer(series.spans.all.flatMap { Self.numbers(of: $0, series) })
        }
    }

    private mutating func addLayer(_ spans: [Span]) {
        guard !spans.isEmpty else { return }
        layers.append(spans.sorted { $0.lower < $1.lower })
        next.append(Array(0...spans.count))
    }

    /// A prefix of digits is part of the number, and moves up one place for every digit behind it.
    private static func numbers(of span: NumberSpans.Span, _ series: NumberedIDs) -> [Span] {
        guard let prefix = Int(String(decoding: series.prefix, as: UTF8.self)) else {
            return series.prefix.isEmpty
                ? [Span(lower: span.lower, upper: span.upper, entry: span.entry)] : []
        }
        var result: [Span] = []
        var lower = span.lower
        while lower <= span.upper {
            let digits = max(series.width, String(lower).utf8.count)
            var power = 1
            for _ in 0..<digits {
                let (product, overflow) = power.multipliedReportingOverflow(by: 10)
                if overflow { return result }
                power = product
            }
            let (base, overflow) = prefix.multipliedReportingOverflow(by: power)
            let upper = min(span.upper, power - 1)
            if overflow || base > .max - power { return result }
            result.append(Span(lower: base + lower, upper: base + upper, entry: span.entry))
            lower = upper + 1
        }
        return result
    }

    /// The position of a layer's first span that reaches `number` or more.
    func position(of number: Int, layer: Int) -> Int {
        var (low, high) = (0, layers[layer].count)
        while low < high {
            let middle = (low + high) / 2
            if layers[layer][middle].upper < number { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The first position from `position` on whose span is not known to be finished; the layer's count after
    /// the last.
    mutating func unfinished(from position: Int, layer: Int) -> Int {
        var root = position
        while next[layer][root] != root { root = next[layer][root] }
        var step = position
        while next[layer][step] != root {
            let following = next[layer][step]
            next[layer][step] = root
            step = following
        }
        return root
    }

    mutating func markFinished(_ position: Int, layer: Int) { next[layer][position] = position + 1 }

    /// The numbers that some task has, as disjoint ranges in order.
    func covered() -> [ClosedRange<Int>] {
        var result: [ClosedRange<Int>] = []
        for span in layers.joined().sorted(by: { $0.lower < $1.lower }) {
            // Numbers are not negative, and the highest may be the machine's last.
            if let last = result.last, span.lower - 1 <= last.upperBound {
                result[result.count - 1] = last.lowerBound...max(last.upperBound, span.upper)
            } else {
                result.append(span.lower...span.upper)
            }
        }
        return result
    }
}
