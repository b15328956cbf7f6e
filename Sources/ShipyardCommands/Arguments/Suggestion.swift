import ShipyardDiagnostics

/// The word of `candidates` that `word` was probably meant to be; nil when none is near enough.
///
/// Slips are judged as in specs; beyond them, the beginning of a single longer word is taken for it, and
/// what neighbours call the same thing is known.
package func closestWord(to word: String, among candidates: [String]) -> String? {
    if let near = closestMatch(to: word, in: candidates) { return near }
    if let ours = foreignWords[word.lowercased()], candidates.contains(ours) { return ours }
    let longer = candidates.filter { word.count >= 2 && $0.hasPrefix(word) }
    return longer.count == 1 ? longer[0] : nil
}

/// Names that other programs have for our commands.
private let foreignWords = [
    "delete": "del", "remove": "del", "rm": "del", "destroy": "del", "terminate": "term", "cancel": "term",
    "kill": "term", "stop": "term", "ls": "list", "show": "list", "ps": "list", "create": "add",
    "submit": "add",
    "new": "add", "scale": "resize", "follow": "stream", "tail": "stream", "check": "validate",
    "lint": "validate",
    "graph": "plan", "expand": "plan", "daemon": "service", "server": "service", "job": "jobs",
    "pools": "pool",
]
