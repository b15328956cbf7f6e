/// A path that stays below where it starts: no slash in front, no `..`, at least one name.
struct RelativePath: Hashable {
    let components: [String]

    /// Nil for a path that would leave, and for one that names nothing.
    init?(_ text: String) {
        guard let components = Self.components(of: text), !components.isEmpty else { return nil }
        self.components = components
    }

    /// The names; empty for `.` and the like. Nil for a path that would leave.
    static func components(of text: String) -> [String]? {
        guard !text.hasPrefix("/"), !text.utf8.contains(0) else { return nil }
        let parts = text.split(separator: "/").filter { $0 != "." }
        guard !parts.contains("..") else { return nil }
        return parts.map(String.init)
    }

    var name: String { components[components.count - 1] }
    var parents: ArraySlice<String> { components.dropLast() }
    var text: String { components.joined(separator: "/") }

    /// Whether a symbolic link of this path may point to `target` without leading out.
    ///
    /// Only leading `..` are allowed, and only as many as the link has parents. One that follows a name could
    /// climb out through another link: with `s -> .`, the target `s/../x` names the directory above.
    func mayLink(to target: String) -> Bool {
        guard !target.isEmpty, !target.hasPrefix("/"), !target.utf8.contains(0) else { return false }
        let parts = target.split(separator: "/").filter { $0 != "." }
        let climbs = parts.prefix { $0 == ".." }.count
        return climbs <= parents.count && !parts.dropFirst(climbs).contains("..")
    }
}
