import CLinux
import Glibc
import ShipyardModel
import ShipyardSystem

/// Directories that have to go: moved aside at once to a name that is never used again, deleted in slices.
///
/// The directory `removed` is its own journal. An order is obeyed by one rename, which either happened or did not;
/// what it has moved stays there under the order's name, empty in the end, until the service has stored the answer.
/// So an order that comes again, after whatever crash, is known by its name and touches nothing that has come to
/// its path since, and a new agent goes on with what it finds.
final class Removals {
    enum Answer: Hashable {
        case removed
        case failed(path: String, reason: String)
    }

    private struct Item {
        /// In `removed`.
        var name: String
        /// Nil for what nobody has asked for.
        var id: RemovalID?
        var work: DirectoryRemoval?
    }

    private let root: String
    private let state: StateID
    private let directory: FileDescriptor
    private let folder: FileDescriptor
    private let opener: BeneathOpener
    private var items: [Item] = []
    private var answers: [RemovalID: Answer] = [:]
    /// There was nothing to remove, and no room to note that. Answered when it is noted.
    private var unnoted: [RemovalID] = []
    private var nextNote: Int64 = 0
    /// Whose name in `removed` this agent has made, or has found there.
    private var noted: Set<RemovalID> = []

    private static let discarded = "discarded-"
    private static let notePauseMicroseconds: Int64 = 1_000_000

    init(root: String, state: StateID) throws(SystemError) {
        (self.root, self.state) = (root, state)
        // Where the agent is, whatever has come to its path since.
        directory = try FileDescriptor.openDirectory(".")
        opener = BeneathOpener(top: directory.number)
        // All that is in it gets deleted: so a node where it is a link or a mount does not start.
        let (number, error) = opener.open(BytePath(NodeLayout.removed), in: directory.number)
        guard number >= 0 else {
            throw SystemError(
                error == EXDEV ? "enter mount point" : "open", path: "\(root)/\(NodeLayout.removed)",
                errno: error)
        }
        folder = FileDescriptor(owning: number)
        for entry in BytePath.entries(of: folder.number) {
            guard let name = String(validating: entry.bytes, as: UTF8.self), Self.isOurs(name) else {
                continue
            }
            // Of another state, or moved aside by the agent itself: nobody will ask for it.
            let id = id(of: name)
            items.append(Item(name: name, id: id))
            if let id { noted.insert(id) }
        }
    }

    /// The service is answered now, or by `step` later on. Nil for later.
    func begin(_ id: RemovalID, _ path: String) -> Answer? {
        if isNoted(id), !noted.contains(id) || isStillThere(path, of: id) {
            // A task has written down that it is done. That takes nothing from being done.
            disown(id)
        }
        if answers[id] == .removed { return .removed }
        guard !items.contains(where: { $0.id == id }), !unnoted.contains(id) else { return nil }
        if isNoted(id) {
            // It was moved, and not all of it could be deleted: asking again is trying again.
            items.append(Item(name: name(of: id), id: id))
            return nil
        }
        do throws(SystemError) {
            guard try move(path, of: id) else { return note(id) }
            noted.insert(id)
            items.append(Item(name: name(of: id), id: id))
            return nil
        } catch {
            let answer = Answer.failed(path: "\(root)/\(path)", reason: error.description)
            answers[id] = answer
            return answer
        }
    }

    /// The service has stored the answer.
    func forget(_ id: RemovalID) {
        guard answers.removeValue(forKey: id) != nil else { return }
        let name = name(of: id)
        if unlinkat(folder.number, name, AT_REMOVEDIR) != 0, errno == ENOTDIR {
            unlinkat(folder.number, name, 0)
        }
        if !isNoted(id) { noted.remove(id) }
    }

    /// All that the service has not told us to forget.
    var kept: [(id: RemovalID, answer: Answer)] { answers.map { ($0.key, $0.value) } }

    /// Moves what is called `name` in the open directory `place` away, to be deleted by and by.
    func discard(_ name: String, in place: Int32) throws(SystemError) {
        let aside = Self.discarded + randomSuffix()
        guard shipyard_rename_new(place, name, folder.number, aside) == 0 else {
            throw SystemError("move aside", path: name, errno: errno)
        }
        items.append(Item(name: aside))
    }

    // MARK: work

    var isWorking: Bool { !items.isEmpty }
    /// When there is something to do without any news; monotonic microseconds.
    var nextTime: Int64? { unnoted.isEmpty ? nil : nextNote }

    /// One slice of the oldest. Returns an order that has been answered by it.
    func step() -> (id: RemovalID, answer: Answer)? {
        if !unnoted.isEmpty, SystemClock.monotonicMicroseconds() >= nextNote {
            let id = unnoted.removeFirst()
            if let answer = note(id) { return (id, answer) }
        }
        guard let item = items.first else { return nil }
        let work = item.work ?? removal(of: item)
        items[0].work = work
        guard let work, work.step() else { return work == nil ? dropFirst() : nil }
        items.removeFirst()
        if let failure = work.failure { NodeAgent.complain("removal: \(failure)") }
        guard let id = item.id else { return nil }
        let answer =
            work.failure.map { Answer.failed(path: $0.path, reason: "\($0.operation): \($0.reason)") }
            ?? .removed
        answers[id] = answer
        return (id, answer)
    }

    private func removal(of item: Item) -> DirectoryRemoval? {
        guard let parent = try? FileDescriptor.openDirectory(".", in: folder.number) else { return nil }
        return DirectoryRemoval(
            BytePath(item.name), in: parent, at: BytePath("\(root)/\(NodeLayout.removed)"),
            keepsTop: item.id != nil)
    }

    /// Without a descriptor nothing can be deleted now; the next agent, or being asked again, does it.
    private func dropFirst() -> (id: RemovalID, answer: Answer)? {
        let item = items.removeFirst()
        guard let id = item.id else { return nil }
        let answer = Answer.failed(
            path: "\(root)/\(NodeLayout.removed)/\(item.name)",
            reason: SystemError("open", errno: errno).description)
        answers[id] = answer
        return (id, answer)
    }

    // MARK: names

    private func name(of id: RemovalID) -> String { "\(state)-\(id.rawValue)" }

    /// What an agent has put there, of whatever state.
    private static func isOurs(_ name: String) -> Bool {
        if name.hasPrefix(discarded) {
            let number = name.dropFirst(discarded.count)
            return UInt64(number, radix: 16).map { String($0, radix: 16) == number } ?? false
        }
        guard let dash = name.firstIndex(of: "-"), StateID(String(name[..<dash])) != nil else { return false }
        let number = name[name.index(after: dash)...]
        return Int64(number).map { String($0) == number } ?? false
    }

    private func id(of name: String) -> RemovalID? {
        let prefix = "\(state)-"
        guard name.hasPrefix(prefix), let number = Int64(name.dropFirst(prefix.count)) else { return nil }
        let id = RemovalID(rawValue: number)
        return self.name(of: id) == name ? id : nil
    }

    private func isNoted(_ id: RemovalID) -> Bool {
        var status = stat()
        return fstatat(folder.number, name(of: id), &status, AT_SYMLINK_NOFOLLOW) == 0
    }

    /// A job's own directory at its path. Nothing else of it can come there once it was moved, as no number is used
    /// twice; of a task's directory that cannot be told.
    private func isStillThere(_ path: String, of id: RemovalID) -> Bool {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, parts[0] == NodeLayout.workItems,
            case let (number, _) = opener.open(BytePath(parts[0]), in: directory.number), number >= 0
        else { return false }
        let jobs = FileDescriptor(owning: number)
        return JobMark(of: parts[1], in: jobs.number) == JobMark(state, id.job)
    }

    /// Takes back what is said of an order: it is obeyed as if it came for the first time.
    private func disown(_ id: RemovalID) {
        let aside = Self.discarded + randomSuffix()
        guard shipyard_rename_new(folder.number, name(of: id), folder.number, aside) == 0 else { return }
        items.removeAll { $0.id == id }
        items.append(Item(name: aside))
        answers[id] = nil
        noted.remove(id)
    }

    /// There is nothing to remove. That, too, has to be known when the order comes again.
    private func note(_ id: RemovalID) -> Answer? {
        guard mkdirat(folder.number, name(of: id), 0o700) == 0 || errno == EEXIST else {
            unnoted.append(id)
            nextNote = SystemClock.monotonicMicroseconds() + Self.notePauseMicroseconds
            return nil
        }
        noted.insert(id)
        answers[id] = .removed
        return .removed
    }

    /// False when there is nothing of this order at `path`. Neither links nor mounts nor `..` lead out.
    private func move(_ path: String, of id: RemovalID) throws(SystemError) -> Bool {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard let last = parts.last, path.utf8.allSatisfy({ $0 != 0 }),
            parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." })
        else { throw SystemError("remove", errno: EINVAL) }
        var place = try FileDescriptor.openDirectory(".", in: directory.number)
        for (depth, part) in parts.enumerated() {
            let isJob = depth == 1 && parts[0] == NodeLayout.workItems
            if isJob, let mark = JobMark(of: part, in: place.number), mark != JobMark(state, id.job) {
                return false
            }
            if depth == parts.count - 1 { break }
            let (number, error) = opener.open(BytePath(part), in: place.number)
            if error == ENOENT { return false }
            guard number >= 0 else { throw SystemError("open", path: part, errno: error) }
            place = FileDescriptor(owning: number)
        }
        guard shipyard_rename_new(place.number, last, folder.number, name(of: id)) != 0 else { return true }
        if errno == ENOENT { return false }
        throw SystemError("move aside", errno: errno)
    }
}

extension RemovalID {
    /// The number of the job.
    fileprivate var job: UInt32 { TaskKey(rawValue: rawValue).job }
}
