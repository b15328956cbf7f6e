import Glibc
import ShipyardModel

/// A control group of a node: every process that the agent starts is born in it, and nothing that a process of
/// it does to its session, its environment, its working directory or its parents takes it out of it. One that may write
/// the list of the group above can go there; the proof of a removal says where that is so.
///
/// Only version 2, and no controller of it: it counts processes and kills them all at once. Where a group cannot
/// be made, what marks can tell must do, and the proof of a removal says so.
package struct ControlGroup: Sendable, Hashable {
    /// As `/proc/<pid>/cgroup` has it: from the root of the hierarchy.
    package let path: String
    /// Where the hierarchy shows it.
    private let directory: String

    // By which a group is known as one of ours, whoever reads the name.
    private static let prefix = "shipyard-node-"

    /// The group that an earlier agent told of. Nil when it is not there any more, or out of sight.
    package init?(path: String) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard let hierarchy = Hierarchy(), parts.last?.hasPrefix(Self.prefix) == true, !parts.contains(".."),
            let directory = hierarchy.directory(of: path), access(directory, F_OK) == 0
        else { return nil }
        (self.path, self.directory) = (path, directory)
    }

    private init(path: String, directory: String) {
        (self.path, self.directory) = (path, directory)
    }

    /// Whether it was made for the node whose root that is, which its name tells. A journal that was copied, or
    /// that somebody has written, may name another's.
    package func isOf(_ root: FileIdentity) -> Bool {
        path.split(separator: "/").last?.hasPrefix("\(Self.prefix)\(root.text)-") == true
    }

    /// Makes a group below the caller's own. The caller does not enter it.
    package static func make(for root: FileIdentity) throws(SystemError) -> ControlGroup {
        guard let hierarchy = Hierarchy() else {
            throw SystemError("find a cgroup2 file system", path: "/proc/self/mountinfo", errno: ENOENT)
        }
        guard let own = own(of: "self"), let directory = hierarchy.directory(of: own) else {
            throw SystemError("find its own control group", path: "/proc/self/cgroup", errno: ENOENT)
        }
        let name = "/\(prefix)\(root.text)-\(randomSuffix())"
        let place = own == "/" ? "" : own
        guard mkdir(directory + name, 0o755) == 0 else {
            throw SystemError("create control group", path: directory + name, errno: errno)
        }
        return ControlGroup(path: place + name, directory: directory + name)
    }

    /// Nil when nodes get groups; else why not.
    package static func obstacle() -> String? {
        do throws(SystemError) {
            guard let root = FileIdentity(ofRoot: BytePath("/")) else {
                throw SystemError("look at", path: "/", errno: errno)
            }
            let group = try make(for: root)
            group.remove()
            return nil
        } catch {
            return error.description
        }
    }

    /// Takes the caller, and all that it starts from now on, into the group.
    package func enter() throws(SystemError) { try Self.write("0", to: "\(directory)/cgroup.procs") }

    /// Back to where the group was made, so that it can be removed.
    package func leave() { try? Self.write("0", to: "\(directory)/../cgroup.procs") }

    /// Whether a process lives in it or in a group below, in the kernel's word: however many groups there are, and
    /// whatever their names.
    package var isPopulated: Bool {
        guard let events = try? FileDescriptor.open("\(directory)/cgroup.events", O_RDONLY),
            let bytes = ProcessTable.contents(of: events.number)
        else { return access(directory, F_OK) == 0 && !processIDs().isEmpty }
        return bytes.split(separator: 0x0A).contains { $0.elementsEqual("populated 1".utf8) }
    }

    /// Whether processes of this user may take themselves out of the groups that are made for nodes: it can write
    /// the list of the group above, which is the caller's own.
    package static var mayBeLeft: Bool {
        guard let own = own(of: "self"), let directory = Hierarchy()?.directory(of: own) else { return false }
        return access("\(directory)/cgroup.procs", W_OK) == 0
    }

    /// Whether the process is in it or in a group below.
    package func holds(_ processID: Int32) -> Bool {
        guard let own = Self.own(of: "\(processID)") else { return false }
        return own == path || own.hasPrefix(path + "/")
    }

    /// Of the group and of every group below: a task may have made some.
    package func processIDs() -> Set<Int32> {
        var found: Set<Int32> = []
        walk(entering: { folder in
            guard let file = try? FileDescriptor.open("cgroup.procs", O_RDONLY, in: folder),
                let bytes = ProcessTable.contents(of: file.number)
            else { return }
            for line in bytes.split(separator: 0x0A) {
                if let number = Int32(String(decoding: line, as: UTF8.self)), number > 0 {
                    found.insert(number)
                }
            }
        })
        return found
    }

    /// Kills all of it at once, forks in flight included. False where the kernel cannot (before 5.14).
    package func kill() -> Bool { (try? Self.write("1", to: "\(directory)/cgroup.kill")) != nil }

    /// Stops all of it, or lets it go on.
    package func freeze(_ isFrozen: Bool) {
        try? Self.write(isFrozen ? "1" : "0", to: "\(directory)/cgroup.freeze")
    }

    /// Removes the group and those below. False while there is a process in one of them.
    @discardableResult package func remove() -> Bool {
        guard !isPopulated else { return false }
        walk(leaving: { parent, name in _ = name.withCString { unlinkat(parent, $0, AT_REMOVEDIR) } })
        return rmdir(directory) == 0 || errno == ENOENT
    }

    /// Goes to every group below, by the bytes of their names and step by step: to one that is deep enough leads no
    /// path, and each level that is held open would cost a descriptor.
    private func walk(
        entering: (Int32) -> Void = { _ in },
        leaving: (_ parent: Int32, _ name: BytePath) -> Void = { _, _ in }
    ) {
        guard var folder = try? FileDescriptor.openDirectory(directory) else { return }
        entering(folder.number)
        var way: [BytePath] = []
        var rest = [BytePath.entries(of: folder.number, type: DT_DIR)]
        while true {
            if let name = rest[rest.count - 1].popLast() {
                let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
                let number = name.withCString { openat(folder.number, $0, flags) }
                guard number >= 0 else { continue }
                folder = FileDescriptor(owning: number)
                entering(number)
                way.append(name)
                rest.append(BytePath.entries(of: number, type: DT_DIR))
            } else {
                rest.removeLast()
                guard let name = way.popLast(),
                    let above = try? FileDescriptor.openDirectory("..", in: folder.number)
                else { return }
                folder = above
                leaving(folder.number, name)
            }
        }
    }

    /// The group of a process: the line of version 2 in `/proc/<pid>/cgroup`.
    private static func own(of process: String) -> String? {
        for line in (ProcessTable.read("\(process)/cgroup") ?? []).split(separator: 0x0A)
        where line.starts(with: Array("0::/".utf8)) {
            return String(decoding: line.dropFirst(3), as: UTF8.self)
        }
        return nil
    }

    /// The group that an agent has made for itself, also where its journal is lost. Nil where it has none: then it
    /// may be in one of another node, under whose task its service was started, and so is its parent.
    package init?(ofAgent agent: ProcessStat) {
        guard let path = Self.own(of: "\(agent.processID)"), path != Self.own(of: "\(agent.parent)") else {
            return nil
        }
        self.init(path: path)
    }

    private static func write(_ text: String, to path: String) throws(SystemError) {
        let file = try FileDescriptor.open(path, O_WRONLY)
        var text = text
        let count = text.withUTF8 { Glibc.write(file.number, $0.baseAddress, $0.count) }
        guard count > 0 else { throw SystemError("write", path: path, errno: errno) }
    }
}

/// Where the hierarchy of version 2 is mounted, and which part of it.
private struct Hierarchy {
    private let root: String
    private let point: String

    package init?() {
        for mount in MountTable.read() where mount.kind == "cgroup2" {
            root = mount.root.description
            point = mount.point.description
            return
        }
        return nil
    }

    package func directory(of path: String) -> String? {
        if root == "/" { return path == "/" ? point : point + path }
        guard path == root || path.hasPrefix(root + "/") else { return nil }
        return point + path.dropFirst(root.count)
    }
}
