import ShipyardModel

/// A path that stays below where it starts: no slash in front, no `..`, at least one name.
struct RelativePath: Hashable {
    /// Of a path within a package. With the directory in front of it, it is still one that the kernel takes.
    static let maximumBytes = 3000

    let components: [BytePath]

    /// Nil for a path that would leave, and for one that names nothing.
    init?(_ path: BytePath) {
        guard let components = Self.components(of: path), !components.isEmpty else { return nil }
        self.components = components
    }

    init?(_ text: String) { self.init(BytePath(text)) }

    /// The names; empty for `.` and the like. Nil for a path that would leave.
    static func components(of path: BytePath) -> [BytePath]? {
        guard path.bytes.first != slash, !path.bytes.contains(0) else { return nil }
        let parts = path.components.filter { $0 != here }
        return parts.contains(above) ? nil : parts
    }

    var name: BytePath { components[components.count - 1] }
    var parents: ArraySlice<BytePath> { components.dropLast() }
    var path: BytePath { components.reduce(BytePath("")) { $0 / $1 } }

    /// Whether a symbolic link of this path may point to `target` without leading out.
    ///
    /// Only leading `..` are allowed, and only as many as the link has parents. One that follows a name could
    /// climb out through another link: with `s -> .`, the target `s/../x` names the directory above.
    func mayLink(to target: BytePath) -> Bool {
        guard !target.isEmpty, target.bytes.first != Self.slash, !target.bytes.contains(0) else {
            return false
        }
        let parts = target.components.filter { $0 != Self.here }
        let climbs = parts.prefix { $0 == Self.above }.count
        return climbs <= parents.count && !parts.dropFirst(climbs).contains(Self.above)
    }

    private static let slash = UInt8(ascii: "/")
    private static let here = BytePath(".")
    private static let above = BytePath("..")
}
