import Glibc
import ShipyardModel

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

    /// These and all that descends from them, as far as `table` shows it.
    package static func withDescendants(_ tops: Set<Int32>, in table: [ProcessStat]) -> Set<Int32> {
        var found = tops
        var hasGrown = !found.isEmpty
        while hasGrown {
            hasGrown = false
            for process in table
            where found.contains(process.parent) && found.insert(process.processID).inserted {
                hasGrown = true
            }
        }
        return found
    }

    /// The value of a variable in the environment that a process was started with. Nil also when it may not
    /// be read: then the process is another user's, or an agent's.
    package static func environmentValue(_ name: String, of processID: Int32) -> BytePath? {
        guard let bytes = read("\(processID)/environ") else { return nil }
        let prefix = Array("\(name)=".utf8)
        for entry in bytes.split(separator: 0) where entry.starts(with: prefix) {
            return BytePath(bytes: entry.dropFirst(prefix.count))
        }
        return nil
    }

    package static func workingDirectory(of processID: Int32) -> BytePath? { link("\(processID)/cwd") }

    /// Where a link below `/proc` leads: `42/cwd`, `42/fd/1`.
    package static func link(_ path: String) -> BytePath? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX)) { buffer in
            guard let start = buffer.baseAddress else { return nil }
            let length = readlink("/proc/\(path)", start, buffer.count)
            guard length > 0 else { return nil }
            return BytePath(bytes: UnsafeRawBufferPointer(buffer)[..<length])
        }
    }

    /// The root of the node whose agent this process is, by how it was started: unlike its environment that can
    /// be read of an agent, too.
    package static func agentRoot(of processID: Int32) -> BytePath? {
        let words = (read("\(processID)/cmdline") ?? []).split(separator: 0)
        guard words.count > 3, words[1].elementsEqual("node-agent".utf8),
            let option = words.firstIndex(where: { $0.elementsEqual("--root".utf8) }),
            option + 1 < words.count
        else { return nil }
        return BytePath(bytes: words[option + 1])
    }

    /// Its arguments joined by blanks; empty for a zombie.
    package static func commandLine(of processID: Int32) -> String {
        let words = (read("\(processID)/cmdline") ?? []).split(separator: 0)
        return words.map { BytePath(bytes: $0).description }.joined(separator: " ")
    }

    /// A whole file below `/proc`. Nil when the process has gone or is not ours.
    package static func read(_ path: String) -> [UInt8]? {
        let number = open("/proc/\(path)", O_RDONLY | O_CLOEXEC)
        guard number >= 0 else { return nil }
        let descriptor = FileDescriptor(owning: number)
        return contents(of: descriptor.number)
    }

    package static func contents(of file: Int32) -> [UInt8]? {
        var bytes: [UInt8] = []
        let isWhole = withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { chunk in
            while true {
                let count = Glibc.read(file, chunk.baseAddress, chunk.count)
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
