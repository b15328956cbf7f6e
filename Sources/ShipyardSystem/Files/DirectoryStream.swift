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
