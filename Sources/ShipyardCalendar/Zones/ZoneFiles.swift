import Glibc
import ShipyardDiagnostics
import ShipyardModel

/// The system's time zones: a directory with a file for each.
package struct ZoneFiles: Sendable {
    package let directory: String
    /// What `TZ` says, which is what `local` means.
    private let localName: String?
    private let localFile: String

    /// The largest file of today has 4 KB; nothing reads a disk image into memory because of a wrong link.
    private static let largestFile = 1 << 18

    /// `directory` is `TZDIR` and `local` is `TZ`, as the environment has them.
    package init(directory: String? = nil, local: String? = nil, localFile: String = "/etc/localtime") {
        self.directory = directory.flatMap { $0.isEmpty ? nil : $0 } ?? "/usr/share/zoneinfo"
        localName = local
        self.localFile = localFile
    }

    /// `Europe/Berlin` in exactly these letters, `UTC`, which needs no file, or `local`.
    package func zone(named name: String) throws(ZoneError) -> Zone {
        if name == "UTC" { return .utc }
        if name == "local" { return try localZone() }
        guard Self.isName(name) else { throw .notAName(name) }
        guard let bytes = try contents(of: directory + "/" + name) else { throw missing(name) }
        return try zone(name, bytes, path: directory + "/" + name)
    }

    /// As the C library finds it: `TZ`, which may also be a path or a rule, then /etc/localtime, then UTC.
    private func localZone() throws(ZoneError) -> Zone {
        guard var name = localName else { return try linkedZone() }
        if name.hasPrefix(":") { name.removeFirst() }
        if name.isEmpty || name == "UTC" { return .utc }
        if name.hasPrefix("/") {
            guard let bytes = try contents(of: name) else { throw missing(name) }
            return try zone(Self.name(inPath: name) ?? name, bytes, path: name)
        }
        if Self.isName(name), let bytes = try contents(of: directory + "/" + name) {
            return try zone(name, bytes, path: directory + "/" + name)
        }
        guard let rule = ZoneRule(name.utf8) else { throw missing(name) }
        return Zone(name: name, table: ZoneTable(kinds: rule.kinds, rule: rule))
    }

    private func linkedZone() throws(ZoneError) -> Zone {
        guard let bytes = try contents(of: localFile) else { return .utc }
        var target = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = readlink(localFile, &target, Int(PATH_MAX))
        let path = String(decoding: target.prefix(max(0, length)).map(UInt8.init(bitPattern:)), as: UTF8.self)
        return try zone(Self.name(inPath: path) ?? "local", bytes, path: localFile)
    }

    private func zone(_ name: String, _ bytes: [UInt8], path: String) throws(ZoneError) -> Zone {
        do {
            return Zone(name: name, table: try TZifReader.table(of: bytes))
        } catch {
            throw .malformed(path: path, reason: error.reason)
        }
    }

    /// `Europe/Berlin` in `/usr/share/zoneinfo/Europe/Berlin`.
    private static func name(inPath path: String) -> String? {
        let parts = path.split(separator: "/")
        guard let place = parts.lastIndex(of: "zoneinfo") else { return nil }
        let name = parts[(place + 1)...].joined(separator: "/")
        return isName(name) ? name : nil
    }

    /// Letters, digits, `_`, `-` and `+` between single slashes. No zone has a dot in its name, and so no name leads
    /// out of the directory or to one of its lists.
    private static func isName(_ text: String) -> Bool {
        guard (1...100).contains(text.utf8.count) else { return false }
        return text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).allSatisfy {
            !$0.isEmpty && $0.allSatisfy(isNameByte)
        }
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "+"):
            true
        default: false
        }
    }
}

extension ZoneFiles {
    /// Nil where there is no such file, or what is there is a directory.
    private func contents(of path: String) throws(ZoneError) -> [UInt8]? {
        // A FIFO must not keep us waiting.
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard file >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw .unreadable(SystemError("open", path: path, errno: errno))
        }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else {
            throw .unreadable(SystemError("fstat", path: path, errno: errno))
        }
        if status.st_mode & S_IFMT == S_IFDIR { return nil }
        guard status.st_mode & S_IFMT == S_IFREG, status.st_size <= Self.largestFile else {
            throw .malformed(path: path, reason: "it is no file of a possible size")
        }
        return try readAll(file, path, count: Int(status.st_size))
    }

    private func readAll(_ file: Int32, _ path: String, count: Int) throws(ZoneError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let got = bytes.withUnsafeMutableBytes {
                read(file, $0.baseAddress.map { $0 + filled }, count - filled)
            }
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw .unreadable(SystemError("read", path: path, errno: errno)) }
            if got == 0 { break }
            filled += got
        }
        bytes.removeLast(count - filled)
        return bytes
    }

    private func missing(_ name: String) -> ZoneError {
        let known = names()
        return known.isEmpty
            ? .noFiles(directory: directory) : .unknown(name, nearest: Self.nearest(to: name, in: known))
    }

    /// Every zone there is, in order. Looks at each file, so it is for messages and completions.
    package func names() -> [String] {
        var names: [String] = []
        collectNames(below: "", depth: 0, into: &names)
        return names.sorted()
    }

    private func collectNames(below prefix: String, depth: Int, into names: inout [String]) {
        guard depth < 3, let listing = opendir(directory + "/" + prefix) else { return }
        defer { closedir(listing) }
        while let entry = readdir(listing), names.count < 5000 {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            // The same zones once more, with and without leap seconds.
            let isRepeated = depth == 0 && ["posix", "right", "posixrules", "localtime"].contains(name)
            guard Self.isName(name), !isRepeated else { continue }
            switch entryKind(prefix + name) {
            case .directory: collectNames(below: prefix + name + "/", depth: depth + 1, into: &names)
            case .zone: names.append(prefix + name)
            case .other: break
            }
        }
    }

    private enum EntryKind { case directory, zone, other }

    private func entryKind(_ name: String) -> EntryKind {
        let file = open(directory + "/" + name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard file >= 0 else { return .other }
        defer { close(file) }
        var start = [UInt8](repeating: 0, count: 4)
        let got = read(file, &start, 4)
        if got < 0, errno == EISDIR { return .directory }
        return got == 4 && start.elementsEqual("TZif".utf8) ? .zone : .other
    }
}

extension ZoneFiles {
    /// What was probably meant: the same letters in other cases, the city alone (`Berlin`), a slip of a letter.
    static func nearest(to name: String, in known: [String]) -> [String] {
        let lastWord = lastWord(of: name)
        let cities = Dictionary(grouping: known, by: Self.lastWord(of:))
        let nearCity =
            cities[lastWord] == nil ? closestMatch(to: lastWord, in: cities.keys.sorted()) : lastWord
        var found: [String] = []
        for candidate in [closestMatch(to: name, in: known)].compactMap(\.self)
            + (nearCity.flatMap { cities[$0] } ?? [])
        where !found.contains(candidate) && found.count < 3 {
            found.append(candidate)
        }
        return found
    }

    private static func lastWord(of name: String) -> String {
        name.split(separator: "/").last.map(String.init) ?? name
    }
}
