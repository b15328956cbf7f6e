/// What a file's name says of what is in it.
enum SpecFileNames {
    static func isSpec(_ path: String) -> Bool {
        [".yaml", ".yml", ".json"].contains { path.hasSuffix($0) }
    }

    /// `pool.yaml`, `jobs-of-monday.json`: the kind that the name begins with.
    static func kind(of path: String) -> String? {
        guard isSpec(path), let name = path.split(separator: "/").last else { return nil }
        return SpecFiles.kinds.first { name.hasPrefix($0) }
    }
}
