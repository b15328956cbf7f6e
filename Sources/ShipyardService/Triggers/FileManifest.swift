import ShipyardModel

/// A file that lists, one on a line, those that must be there too before it counts.
///
/// Names are bytes and stand as they are: no quotes, no comments, no wildcards. They are relative to the manifest's own
/// directory, or with a leading slash to the container. `\r` before a line's end and empty lines are nothing.
struct FileManifest: Hashable {
    /// Of a manifest: far more than lists of files that anybody waits for have.
    static let longest = 1 << 20
    static let mostFiles = 10_000

    /// Within the container.
    let files: [BytePath]

    struct Problem: Error, Hashable {
        let reason: String
    }

    init(_ bytes: [UInt8], of path: BytePath) throws(Problem) {
        guard bytes.count <= Self.longest else {
            throw Problem(reason: "it is longer than a manifest may be (\(Self.longest) bytes)")
        }
        var files: [BytePath] = []
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            let line = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
            if line.isEmpty { continue }
            guard files.count < Self.mostFiles else {
                throw Problem(reason: "it lists more files than a manifest may (\(Self.mostFiles))")
            }
            files.append(try Self.file(line, of: path, line: index + 1))
        }
        self.files = files
    }

    private static func file(
        _ line: ArraySlice<UInt8>, of manifest: BytePath, line number: Int
    ) throws(Problem) -> BytePath {
        let isAbsolute = line.first == UInt8(ascii: "/")
        var names = isAbsolute ? [] : manifest.parent.components
        // `find .` writes a dot in front.
        let own = BytePath(bytes: line).components.filter { $0.bytes != [UInt8(ascii: ".")] }
        guard !own.contains(where: \.isSpecial), !line.contains(0) else {
            throw Problem(reason: "line \(number) of it names no file of the container")
        }
        guard !own.isEmpty else { throw Problem(reason: "line \(number) of it names no file") }
        names += own
        return names.reduce(BytePath("")) { $0 / $1 }
    }
}
