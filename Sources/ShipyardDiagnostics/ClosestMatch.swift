/// The known word that was probably meant, or nil.
///
/// A word that differs only in case, `-`, `_` or camelCase wins at once. Otherwise the nearest by edit
/// distance, up to a third of the word's length: beyond that a guess confuses more than it helps.
package func closestMatch(to word: String, in known: some Sequence<String>) -> String? {
    // A suggestion costs the product of both lengths; nobody misspells a word of 100 letters by one.
    guard word.utf8.count <= 100 else { return nil }
    var letters = Letters()
    let meant = letters.numbers(of: word)
    let limit = max(1, meant.count / 3)
    var best: (word: String, distance: Int)?
    for candidate in known.prefix(mostMeasured) where candidate != word && !candidate.isEmpty {
        if isFoldedAlike(candidate, word) { return candidate }
        let other = letters.numbers(of: candidate)
        guard abs(other.count - meant.count) <= limit else { continue }
        let distance = editDistance(meant, other)
        // One letter replaced in a word of one or two letters is another word, not a misspelling.
        guard distance <= limit, distance < meant.count, meant.count > 2 || distance == 0 else { continue }
        if best.map({ distance < $0.distance }) ?? true { best = (candidate, distance) }
    }
    return best?.word
}

/// Visible characters as numbers, which are compared ten times as fast. Words are mostly ASCII.
private struct Letters {
    private var others: [Character: UInt32] = [:]

    mutating func numbers(of word: String) -> [UInt32] {
        if isASCII(word) { return word.utf8.map { UInt32($0) } }
        return word.map { letter in
            if let byte = letter.asciiValue { return UInt32(byte) }
            let number = others[letter] ?? 0x80 + UInt32(others.count)
            others[letter] = number
            return number
        }
    }
}

private func isASCII(_ word: String) -> Bool { word.utf8.allSatisfy { $0 < 0x80 } }

private func isFoldedAlike(_ left: String, _ right: String) -> Bool {
    guard isASCII(left), isASCII(right) else { return foldedWord(left) == foldedWord(right) }
    func folded(_ word: String) -> some Sequence<UInt8> {
        word.utf8.lazy.filter { $0 != 0x2D && $0 != 0x5F && $0 != 0x20 }.map { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 }
    }
    return folded(left).elementsEqual(folded(right))
}

/// As the other, of very many words in order: only those around the place where the word would stand are measured.
package func closestMatch(to word: String, inSorted known: [String]) -> String? {
    var (low, high) = (0, known.count)
    while low < high {
        let middle = (low + high) / 2
        if known[middle] < word { low = middle + 1 } else { high = middle }
    }
    let reach = mostMeasured / 2
    let near = known[max(0, low - reach)..<min(known.count, low + reach)]
    return closestMatch(to: word, in: known.count <= mostMeasured ? known[...] : near)
}

/// A hundred thousand words are too many to measure for each of five hundred misspellings.
private let mostMeasured = 1000

/// `maxTaskRetries`, `max-task-retries` and `MAX_TASK_RETRIES` all become `maxtaskretries`.
package func foldedWord(_ word: String) -> String {
    String(word.lowercased().filter { $0 != "-" && $0 != "_" && $0 != " " })
}

/// Insertions, deletions, replacements and swaps of neighbours that lead from one word to the other.
private func editDistance(_ left: [UInt32], _ right: [UInt32]) -> Int {
    guard !left.isEmpty, !right.isEmpty else { return max(left.count, right.count) }
    var beforePrevious = [Int](repeating: 0, count: right.count + 1)
    var previous = Array(0...right.count)
    var current = previous
    for row in 1...left.count {
        current[0] = row
        for column in 1...right.count {
            let cost = left[row - 1] == right[column - 1] ? 0 : 1
            current[column] = min(previous[column] + 1, current[column - 1] + 1, previous[column - 1] + cost)
            if row > 1, column > 1, left[row - 1] == right[column - 2], left[row - 2] == right[column - 1] {
                current[column] = min(current[column], beforePrevious[column - 2] + 1)
            }
        }
        (beforePrevious, previous, current) = (previous, current, beforePrevious)
    }
    return previous[right.count]
}

extension Diagnostic {
    /// Proposes `near`, if there is such a word, for what stands at `range`.
    package mutating func suggest(_ near: String?, at range: SourceRange, isSafe: Bool = false) {
        guard let near else { return }
        help = "did you mean `\(near)`?"
        edit = TextEdit(replacing: range, withWord: near, isSafe: isSafe)
    }
}
