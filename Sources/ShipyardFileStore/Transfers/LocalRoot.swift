import Glibc
import ShipyardModel
import ShipyardSystem

/// A file of this machine.
package struct LocalFile: Sendable, Hashable {
    /// Relative to its root.
    package var name: BytePath
    package var size: Int64
    /// Nanoseconds since 1970.
    package var modified: Int64
}

/// A directory of this machine, held open. Nothing below it is written through a link, and nothing is read that a link to outside of it
/// leads to: tasks may put links anywhere.
package final class LocalRoot: Sendable {
    private let tree: TreeOpener
    /// For messages.
    package let path: BytePath
    /// What the directory may be reached by, as links in it name it.
    private let resolved: BytePath?

    /// Links in the path itself are followed.
    package init(_ path: BytePath) throws(FileStoreError) {
        guard let opened = FileDescriptor(opening: path, O_RDONLY | O_DIRECTORY) else {
            throw FileStoreError(.localFile, "\(path) cannot be opened: \(String(cString: strerror(errno)))")
        }
        self.path = path
        resolved = realpath("/proc/self/fd/\(opened.number)", nil).map { text in
            defer { free(text) }
            return BytePath(bytes: UnsafeRawBufferPointer(start: text, count: strlen(text)))
        }
        tree = TreeOpener(opened)
    }

    /// Nil where there is no regular file, or no link to one inside.
    package func stat(_ name: BytePath) -> LocalFile? {
        guard let opened = try? open(name), let status = FileStatus(of: BytePath(""), in: opened.number)
        else {
            return nil
        }
        return LocalFile(name: name, size: status.version.size, modified: status.version.modified)
    }

    /// A regular file for reading.
    func open(_ name: BytePath) throws(FileStoreError) -> FileDescriptor {
        let last = name.components.last ?? BytePath(".")
        let number: Int32
        do throws(SystemError) {
            let parent = try tree.directory(name.parent)
            number = last.withCString { openat(parent.number, $0, O_RDONLY | O_NONBLOCK | O_CLOEXEC) }
        } catch {
            throw FileStoreError(.localFile, "\(path)/\(name) cannot be read: \(error.reason)")
        }
        guard number >= 0 else {
            throw FileStoreError(
                .localFile, "\(path)/\(name) cannot be read: \(String(cString: strerror(errno)))")
        }
        let opened = FileDescriptor(owning: number)
        guard let status = FileStatus(of: BytePath(""), in: opened.number), status.isRegular else {
            throw FileStoreError(.localFile, "\(path)/\(name) is no file")
        }
        guard isInside(opened.number) else {
            throw FileStoreError(.localFile, "\(path)/\(name) is a link that leads out of \(path)")
        }
        return opened
    }

    /// What was opened has its path below the root's.
    private func isInside(_ file: Int32) -> Bool {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let count = readlink("/proc/self/fd/\(file)", &buffer, Int(PATH_MAX))
        guard count > 0, let resolved else { return false }
        let found = BytePath(bytes: buffer[..<count].map { UInt8(bitPattern: $0) })
        return resolved.bytes == [UInt8(ascii: "/")] || found.isBelow(resolved)
    }

    /// The directory of a file that is to be written, made where it is missing.
    func makeParent(of name: BytePath) throws(FileStoreError) -> FileDescriptor {
        guard !name.isEmpty, name.bytes.first != UInt8(ascii: "/"), !name.bytes.contains(0),
            !name.components.contains(where: \.isSpecial), name.bytes.last != UInt8(ascii: "/")
        else {
            throw FileStoreError(.localFile, "`\(name)` cannot be a file below \(path)")
        }
        do throws(SystemError) {
            return try tree.makeDirectory(name.parent)
        } catch {
            let reason =
                error.errno == ELOOP || error.errno == ENOTDIR
                ? "on the way to it is a link or a file" : error.reason
            throw FileStoreError(.localFile, "\(path)/\(name) cannot be written: \(reason)")
        }
    }

    /// Every regular file below `start`, and every link to one inside, directory by directory in the order of names.
    ///
    /// - Parameter leftOut: hears what is no file and no directory, or cannot be read: a sentence.
    package func forEachFile(
        below start: BytePath = BytePath(""), leftOut: (String) -> Void,
        _ body: (LocalFile) throws(FileStoreError) -> Bool
    ) throws(FileStoreError) {
        var directories = [start]
        while let directory = directories.popLast() {
            guard let names = names(in: directory, leftOut) else { continue }
            var below: [BytePath] = []
            for (name, isDirectory) in names {
                let path = directory / name
                if isDirectory {
                    below.append(path)
                } else if let file = stat(path) {
                    guard try body(file) else { return }
                } else if status(path) != nil {
                    leftOut("\(self.path / path) is no file, or a link that leads nowhere or outside")
                }
            }
            directories += below.reversed()
        }
    }

    private func status(_ name: BytePath) -> FileStatus? { tree.status(name) }

    private func names(
        in directory: BytePath, _ leftOut: (String) -> Void
    ) -> [(name: BytePath, isDirectory: Bool)]? {
        do throws(SystemError) {
            let opened = try tree.directory(directory)
            var stream = try DirectoryStream(of: opened.number)
            var found: [(name: BytePath, isDirectory: Bool)] = []
            while let entry = stream.next() {
                guard !entry.name.bytes.starts(with: PartialDownload.prefix.utf8) else { continue }
                var isDirectory = entry.isDirectory
                if entry.isOfUnknownType {
                    isDirectory = FileStatus(of: entry.name, in: opened.number)?.isDirectory == true
                }
                found.append((entry.name, isDirectory))
            }
            return found.sorted { $0.name < $1.name }
        } catch {
            leftOut("\(path / directory) cannot be listed: \(error.reason)")
            return nil
        }
    }
}
