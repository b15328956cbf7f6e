import Glibc
import ShipyardModel

/// Tells what happens in directories: the owner of one inotify instance. One thread at a time.
///
/// Watches are of inodes: one stays with its directory wherever that is moved, and two paths to one directory have one
/// watch. Numbers of watches are not given again for two billion of them.
package struct DirectoryWatch: ~Copyable {
    package typealias WatchID = Int32

    package struct Kinds: OptionSet, Sendable {
        package let rawValue: UInt32
        package init(rawValue: UInt32) { self.rawValue = rawValue }
        private init(_ mask: Int32) { rawValue = UInt32(bitPattern: mask) }

        package static let created = Kinds(IN_CREATE)
        /// What was open for writing is so no more.
        package static let written = Kinds(IN_CLOSE_WRITE)
        /// Times, mode, owner.
        package static let touched = Kinds(IN_ATTRIB)
        package static let movedIn = Kinds(IN_MOVED_TO)
        package static let movedOut = Kinds(IN_MOVED_FROM)
        package static let deleted = Kinds(IN_DELETE)
        /// The watched directory itself.
        package static let itselfMoved = Kinds(IN_MOVE_SELF)
        package static let itselfDeleted = Kinds(IN_DELETE_SELF)
        // These come unasked.
        /// The watch is gone.
        package static let ended = Kinds(IN_IGNORED)
        package static let unmounted = Kinds(IN_UNMOUNT)
        /// Events are lost.
        package static let overflow = Kinds(IN_Q_OVERFLOW)
        /// It is about a directory.
        package static let ofDirectory = Kinds(IN_ISDIR)
    }

    package struct Event: Sendable {
        /// -1 of an overflow.
        package let watch: WatchID
        package let kinds: Kinds
        /// Within the watched directory; empty where it is about that itself.
        package let name: BytePath

        package init(watch: WatchID, kinds: Kinds, name: BytePath) {
            self.watch = watch
            self.kinds = kinds
            self.name = name
        }
    }

    private let queue: FileDescriptor
    package var fileDescriptor: Int32 { queue.number }

    /// Fails where the user has too many instances (`fs.inotify.max_user_instances`).
    package init() throws(SystemError) {
        let number = inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK))
        guard number >= 0 else { throw SystemError("watch directories", errno: errno) }
        queue = FileDescriptor(owning: number)
    }

    /// Watches an open directory; one that is watched already keeps its number. ENOSPC where the user has as many
    /// watches as he may (`fs.inotify.max_user_watches`).
    package borrowing func add(
        openDirectory directory: Int32, _ kinds: Kinds
    ) throws(SystemError) -> WatchID {
        // By the link of the open directory: the name may be another's by now.
        let path = "/proc/self/fd/\(directory)"
        let watch = inotify_add_watch(queue.number, path, kinds.rawValue | UInt32(bitPattern: IN_ONLYDIR))
        guard watch >= 0 else { throw SystemError("watch a directory", errno: errno) }
        return watch
    }

    /// One that is gone already is no error.
    package borrowing func remove(_ watch: WatchID) { inotify_rm_watch(queue.number, watch) }

    /// What is in the queue now, up to some thousand events; empty when there is nothing.
    package borrowing func read() -> [Event] {
        withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 8) { buffer in
            guard let count = queue.read(into: buffer), count > 0 else { return [] }
            return Self.events(in: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }

    private static func events(in bytes: UnsafeRawBufferPointer) -> [Event] {
        let headLength = MemoryLayout<inotify_event>.size
        var events: [Event] = []
        var offset = 0
        while offset + headLength <= bytes.count {
            let head = bytes.loadUnaligned(fromByteOffset: offset, as: inotify_event.self)
            let end = offset + headLength + Int(head.len)
            // Padded with NULs.
            let name = bytes[offset + headLength..<min(end, bytes.count)].prefix { $0 != 0 }
            events.append(
                Event(watch: head.wd, kinds: Kinds(rawValue: head.mask), name: BytePath(bytes: name)))
            offset = end
        }
        return events
    }
}
