import Glibc
import ShipyardModel

/// Reads an open directory name by name, without `.` and `..`.
package struct DirectoryStream: ~Copyable {
    private let stream: OpaquePointer

    package struct Entry {
        package let name: BytePath
        /// `DT_DIR` and so on, that of the moment of reading; `DT_UNKNOWN` where the file system does not tell.
        package let type: Int
        package var mayBeDirectory: Bool { type == DT_DIR || type == DT_UNKNOWN }
        package var isDirectory: Bool { type == DT_DIR }
        package var mayBeFile: Bool { type == DT_REG || type == DT_UNKNOWN }
        package var isOfUnknownType: Bool { type == DT_UNKNOWN }
    }

    /// From its beginning, wherever another reader of the same descriptor is.
    package init(of directory: Int32) throws(SystemError) {
        let number = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard number >= 0 else { throw SystemError("open directory", errno: errno) }
        guard let stream = fdopendir(number) else {
            let error = errno
            close(number)
            throw SystemError("open directory", errno: error)
        }
        self.stream = stream
    }

    package init(at path: BytePath) throws(SystemError) {
        guard let stream = opendir(path.cString) else {
            throw SystemError("open directory", path: path.description, errno: errno)
        }
        self.stream = stream
    }

    deinit { closedir(stream) }

    package mutating func next() -> Entry? {
        while let found = readdir(stream) {
            let name = BytePath(found)
            if !name.isSpecial { return Entry(name: name, type: Int(found.pointee.d_type)) }
        }
        return nil
    }
}

// Names that come from a directory stay bytes until they are shown: made into text and back, one may be another name.
extension BytePath {
    /// What `readdir` has found.
    package init(_ entry: UnsafeMutablePointer<dirent>) {
        self.init(
            bytes: withUnsafeBytes(of: &entry.pointee.d_name) { name in Array(name.prefix { $0 != 0 }) })
    }

    /// Of an open directory, without `.` and `..`; of one type only, such as `DT_DIR`, where the file system tells it.
    package static func entries(of directory: Int32, type: Int? = nil) -> [BytePath] {
        guard var stream = try? DirectoryStream(of: directory) else { return [] }
        var found: [BytePath] = []
        while let entry = stream.next() {
            if type.map({ $0 == entry.type }) ?? true { found.append(entry.name) }
        }
        return found
    }

    package var isSpecial: Bool { bytes == [0x2E] || bytes == [0x2E, 0x2E] }

    /// Whether this is a path below `directory`.
    package func isBelow(_ directory: BytePath) -> Bool {
        bytes.count > directory.bytes.count && bytes.starts(with: directory.bytes)
            && bytes[directory.bytes.count] == UInt8(ascii: "/")
    }

    package func withCString<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: bytes.count + 1) { space in
            for (index, byte) in bytes.enumerated() { space[index] = CChar(bitPattern: byte) }
            space[bytes.count] = 0
            guard let start = space.baseAddress else { invariantFailure("room for one byte at least") }
            return body(start)
        }
    }
}

/// The end of a name that nobody else has: 64 bits, at most 16 hexadecimal digits.
package func randomSuffix() -> String { String(UInt64.random(in: 0...UInt64.max), radix: 16) }
