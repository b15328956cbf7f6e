import CLinux
import Glibc
import ShipyardModel

/// Starts processes: each in a session and process group of its own, with no signal blocked, and with no
/// descriptor but the three it is given.
///
/// The child runs on the parent's memory until it execs, which costs the same however large the parent has
/// grown, and no Swift code runs in between.
package struct ProcessSpawner: ~Copyable {
    private let nothing: FileDescriptor

    package init() throws(SystemError) { nothing = try FileDescriptor.open("/dev/null", O_RDWR) }

    /// Where a process starts and what its three descriptors are.
    package struct Place {
        /// `directory` is relative to this open directory.
        let parent: Int32
        let directory: String
        let input: Int32
        let output: Int32
        let errors: Int32

        /// - Parameter input: -1 is `/dev/null`.
        package init(parent: Int32, directory: String, input: Int32 = -1, output: Int32, errors: Int32) {
            self.parent = parent
            self.directory = directory
            self.input = input
            self.output = output
            self.errors = errors
        }
    }

    package typealias Strings = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>

    /// Returns the process, or the errno of the first step that failed: also one that failed in the child.
    package func spawn(
        _ path: String, arguments: Strings, environment: Strings, at place: Place, mask: mode_t
    ) -> (processID: pid_t, errno: Int32, isFork: Bool) {
        place.directory.withCString { directory in
            var inner = shipyard_place(
                input: place.input < 0 ? nothing.number : place.input, output: place.output,
                errors: place.errors, parent: place.parent, directory: directory, mask: mask)
            var processID: pid_t = 0
            var isFork: Int32 = 0
            let error = shipyard_spawn(&processID, path, arguments, environment, &inner, &isFork)
            return (processID, error, isFork != 0)
        }
    }
}

/// A null-terminated array of C strings in memory that is used again for the next task.
package struct StringBlock: ~Copyable {
    private var bytes: UnsafeMutablePointer<CChar>
    private var byteCapacity: Int
    package private(set) var pointers: ProcessSpawner.Strings
    private var pointerCapacity: Int

    package init() {
        (byteCapacity, pointerCapacity) = (4096, 64)
        bytes = .allocate(capacity: byteCapacity)
        pointers = .allocate(capacity: pointerCapacity)
        pointers[0] = nil
    }

    deinit {
        bytes.deallocate()
        pointers.deallocate()
    }

    /// Replaces the content. `tail` is appended without copying: it must outlive the use.
    package mutating func fill(_ words: [String], tail: [UnsafeMutablePointer<CChar>] = []) {
        fill(words, exposing: [], tail: tail)
    }

    /// As `fill`, with secrets that are wiped when `body` has used them.
    package mutating func withFilled<Result>(
        _ words: [String], exposing secrets: [SecretVariable], tail: [UnsafeMutablePointer<CChar>],
        _ body: (ProcessSpawner.Strings) -> Result
    ) -> Result {
        fill(words, exposing: secrets, tail: tail)
        defer {
            if !secrets.isEmpty {
                explicit_bzero(bytes, byteCapacity)
                pointers[0] = nil
            }
        }
        return body(pointers)
    }

    private mutating func fill(
        _ words: [String], exposing secrets: [SecretVariable], tail: [UnsafeMutablePointer<CChar>]
    ) {
        var needed = words.reduce(0) { $0 + $1.utf8.count + 1 }
        for secret in secrets {
            needed += secret.name.utf8.count + secret.value.withExposedBytes(\.count) + 2
        }
        if needed > byteCapacity {
            bytes.deallocate()
            byteCapacity = needed * 2
            bytes = .allocate(capacity: byteCapacity)
        }
        let count = words.count + secrets.count + tail.count
        if count + 1 > pointerCapacity {
            pointers.deallocate()
            pointerCapacity = (count + 1) * 2
            pointers = .allocate(capacity: pointerCapacity)
        }
        var offset = 0
        for (index, word) in words.enumerated() {
            pointers[index] = bytes + offset
            var word = word
            word.withUTF8 { source in
                UnsafeMutableRawPointer(bytes + offset).copyMemory(
                    from: source.baseAddress ?? UnsafeRawPointer(bytes).assumingMemoryBound(to: UInt8.self),
                    byteCount: source.count)
                offset += source.count
            }
            bytes[offset] = 0
            offset += 1
        }
        for (index, secret) in secrets.enumerated() {
            pointers[words.count + index] = bytes + offset
            let target = UnsafeMutableRawBufferPointer(start: bytes + offset, count: byteCapacity - offset)
            let prefix = secret.name + "="
            target.copyBytes(from: prefix.utf8)
            offset += prefix.utf8.count
            offset += secret.value.withExposedBytes { value in
                UnsafeMutableRawBufferPointer(rebasing: target[prefix.utf8.count...]).copyMemory(from: value)
                return value.count
            }
            bytes[offset] = 0
            offset += 1
        }
        for (index, pointer) in tail.enumerated() {
            pointers[words.count + secrets.count + index] = pointer
        }
        pointers[count] = nil
    }
}
