import Glibc

/// A directory that goes when the test ends, with a few words for what stands in it.
final class TemporaryTree {
    let path: String

    init() {
        var template = Array("/tmp/shipyard-staging-XXXXXX".utf8CString)
        path = String(cString: mkdtemp(&template)!)
    }

    deinit { _ = Self.run(["rm", "-rf", path]) }

    func write(_ name: String, _ text: String) {
        let file = fopen("\(path)/\(name)", "w")!
        fputs(text, file)
        fclose(file)
    }

    func read(_ name: String) -> String? {
        guard let file = fopen("\(path)/\(name)", "r") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        return String(decoding: bytes[..<fread(&bytes, 1, bytes.count, file)], as: UTF8.self)
    }

    /// Permission bits and those of set-uid and its like; nil where nothing is.
    func mode(_ name: String) -> UInt32? {
        var status = stat()
        return lstat("\(path)/\(name)", &status) == 0 ? status.st_mode & 0o7777 : nil
    }

    func exists(_ name: String) -> Bool { mode(name) != nil }

    /// Names in a directory, hidden ones too.
    func names(_ name: String) -> [String] {
        guard let stream = opendir("\(path)/\(name)") else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Paths of all that is below a directory, in order.
    func everything(_ name: String) -> [String] {
        names(name).flatMap { ["\(name)/\($0)"] + everything("\(name)/\($0)") }
    }

    /// Runs a program in the directory; its exit code.
    func run(_ words: String...) -> Int32 { Self.run(["env", "-C", path] + words) }

    /// Runs a Python program in the directory that has `tarfile`, `zipfile`, `io`, `os` at hand.
    func python(_ script: String) -> Int32 {
        let imports = """
            import tarfile, zipfile, io, os
            def file(archive, name, data=b"x", mode=0o644):
                info = tarfile.TarInfo(name); info.size = len(data); info.mode = mode
                archive.addfile(info, io.BytesIO(data))
            def link(archive, name, target, type=tarfile.SYMTYPE):
                info = tarfile.TarInfo(name); info.type = type; info.linkname = target
                archive.addfile(info)
            a = None
            def tar(): return tarfile.open("a.tar", "w")

            """
        return run("python3", "-c", imports + script)
    }

    static func has(_ program: String) -> Bool { run(["sh", "-c", "command -v \(program) >/dev/null"]) == 0 }

    private static func run(_ words: [String]) -> Int32 {
        var arguments = words.map { strdup($0) } + [nil]
        defer { for word in arguments { free(word) } }
        var child: pid_t = 0
        guard posix_spawnp(&child, words[0], nil, nil, &arguments, environ) == 0 else { return -1 }
        var status: Int32 = 0
        waitpid(child, &status, 0)
        return status
    }
}
