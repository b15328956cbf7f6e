import Glibc

/// What `/proc` says about the processes of this machine.
package enum ProcessTable {
    package static func processIDs() -> [Int32] {
        guard let directory = opendir("/proc") else { return [] }
        defer { closedir(directory) }
        var found: [Int32] = []
        while let entry = readdir(directory) {
            if let number = decimal(entry) { found.append(number) }
        }
        return found
    }

    /// The value of a variable in the environment that a process was started with. Nil also when it may not
    /// be read: then the process is another user's, and none of ours.
    package static func environmentValue(_ name: String, of processID: Int32) -> String? {
        guard let bytes = read("\(processID)/environ") else { return nil }
        let prefix = Array("\(name)=".utf8)
        for entry in bytes.split(separator: 0) where entry.starts(with: prefix) {
            return String(decoding: entry.dropFirst(prefix.count), as: UTF8.self)
        }
        return nil
    }

    package static func workingDirectory(of processID: Int32) -> String? { target(of: "cwd", of: processID) }

    /// Where a link of its `/proc` directory leads: `cwd`, `fd/1`.
    static func target(of link: String, of processID: Int32) -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX)) { buffer in
            guard let start = buffer.baseAddress else { return nil }
            let length = readlink("/proc/\(processID)/\(link)", start, buffer.count)
            guard length > 0 else { return nil }
            return String(decoding: UnsafeRawBufferPointer(buffer)[..<length], as: UTF8.self)
        }
    }

    /// Its arguments joined by blanks; empty for a zombie.
    package static func commandLine(of processID: Int32) -> String {
        let words = (read("\(processID)/cmdline") ?? []).split(separator: 0)
        return words.map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ")
    }

    /// A whole file below `/proc`. Nil when the process has gone or is not ours.
    static func read(_ path: String) -> [UInt8]? {
        let number = open("/proc/\(path)", O_RDONLY | O_CLOEXEC)
        guard number >= 0 else { return nil }
        let descriptor = FileDescriptor(owning: number)
        var bytes: [UInt8] = []
        let isWhole = withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { chunk in
            while true {
                let count = Glibc.read(descriptor.number, chunk.baseAddress, chunk.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return count == 0 }
                bytes.append(contentsOf: chunk[..<count])
            }
        }
        return isWhole ? bytes : nil
    }

    private static func decimal(_ entry: UnsafeMutablePointer<dirent>) -> Int32? {
        withUnsafeBytes(of: &entry.pointee.d_name) { name in
            var value: Int32 = 0
            for (index, byte) in name.enumerated() {
                if byte == 0 { return index == 0 ? nil : value }
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte), index < 9 else { return nil }
                value = value * 10 + Int32(byte & 15)
            }
            return nil
        }
    }
}
