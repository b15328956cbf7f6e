import Glibc
import ShipyardModel
import ShipyardSystem

/// Makes a directory of an application package: a zip or tar file, or a plain directory.
package struct PackageUnpacker: Sendable {
    package var limits = PackageLimits()

    package init() {}

    /// As `unpack(_:as:in:)`; links in the path of the directory above are followed.
    package func unpack(_ source: String, into destination: String) throws(StagingFailure) {
        let slash = destination.lastIndex(of: "/") ?? destination.startIndex
        let parent = String(destination[..<slash])
        try makeDirectories(parent)
        try unpack(source, as: BytePath(destination[slash...].dropFirst()), in: HeldDirectory(top: parent))
    }

    /// Fills the directory `name` from `source`. It appears by a rename of what is whole, so of two that unpack at
    /// once either may win. One that is there stays; `NodeStage` knows whether it may.
    func unpack(
        _ source: String, as name: BytePath, in folder: borrowing HeldDirectory
    ) throws(StagingFailure) {
        guard folder.status(of: name) == nil else { return }
        var status = stat()
        guard stat(source, &status) == 0 else {
            throw StagingFailure(
                .applicationPackageError, "the package \(source) cannot be read", errno: errno)
        }
        let temporary = temporaryName(for: name)
        guard mkdirat(folder.descriptor.number, temporary.cString, 0o755) == 0 else {
            throw StagingFailure(
                .applicationPackageError, "create \(folder.path)/\(temporary)", errno: errno)
        }
        do {
            // Open from here on: what takes the name's place meanwhile gets nothing of it.
            let directory = try folder.existing(temporary)
            if status.st_mode & S_IFMT == S_IFDIR {
                try copy(directory: source, into: directory)
            } else {
                try extract(archive: source, bytes: Int64(status.st_size), into: directory)
            }
            try publish(temporary, as: name, in: folder)
        } catch {
            folder.remove(temporary)
            throw error
        }
    }

    private func publish(
        _ temporary: BytePath, as name: BytePath, in folder: borrowing HeldDirectory
    ) throws(StagingFailure) {
        let raw = folder.descriptor.number
        guard renameat(raw, temporary.cString, raw, name.cString) != 0 else { return }
        guard errno == EEXIST || errno == ENOTEMPTY else {
            throw StagingFailure(.applicationPackageError, "create \(folder.path)/\(name)", errno: errno)
        }
        folder.remove(temporary)
    }

    private func extract(
        archive: String, bytes: Int64, into directory: borrowing HeldDirectory
    ) throws(StagingFailure) {
        var check = ArchiveCheck(archive, bytes: bytes, limits: limits)
        try check.run()
        var writer = PackageWriter(directory, limits: limits, sourceBytes: bytes)
        var reader = try ArchiveReader.open(archive)
        while let entry = try reader.next() {
            try writer.add(entry) { buffer throws(StagingFailure) in try reader.read(into: buffer) }
        }
    }

    private func copy(
        directory source: String, into destination: borrowing HeldDirectory
    ) throws(StagingFailure) {
        var writer = PackageWriter(destination, limits: limits, sourceBytes: nil)
        let source = BytePath(source)
        var pending = [BytePath("")]
        while let prefix = pending.popLast() {
            for name in try directoryNames(prefix.isEmpty ? source : source / prefix) {
                let path = prefix / name
                let entry = try self.entry(path, at: source / path)
                if entry.item == .directory { pending.append(path) }
                try add(entry, from: source / path, to: &writer)
            }
        }
    }

    private func add(
        _ entry: ArchiveEntry, from path: BytePath, to writer: inout PackageWriter
    ) throws(StagingFailure) {
        guard entry.item == .file else {
            return try writer.add(entry) { _ in 0 }
        }
        guard let file = FileDescriptor(opening: path, O_RDONLY | O_NOFOLLOW) else {
            throw StagingFailure(.applicationPackageError, "read \(path)", errno: errno)
        }
        try writer.add(entry) { buffer throws(StagingFailure) in
            guard let count = file.read(into: buffer) else {
                throw StagingFailure(.applicationPackageError, "read \(path)", errno: errno)
            }
            return count
        }
    }

    private func entry(_ relative: BytePath, at path: BytePath) throws(StagingFailure) -> ArchiveEntry {
        var status = stat()
        guard lstat(path.cString, &status) == 0 else {
            throw StagingFailure(.applicationPackageError, "read \(path)", errno: errno)
        }
        let item: ArchiveItem
        switch status.st_mode & S_IFMT {
        case S_IFREG: item = .file
        case S_IFDIR: item = .directory
        case S_IFLNK:
            var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
            let count = readlink(path.cString, &buffer, buffer.count)
            item = .symbolicLink(
                to: BytePath(bytes: buffer.prefix(max(count, 0)).map { UInt8(bitPattern: $0) }))
        default: item = .special
        }
        return ArchiveEntry(path: relative, item: item, mode: status.st_mode, isEncrypted: false)
    }
}
