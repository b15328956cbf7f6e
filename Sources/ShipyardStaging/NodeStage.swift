import Glibc
import ShipyardFileStore
import ShipyardModel
import ShipyardSystem
import ShipyardTables

/// The body of `shipyard-swift node-stage`, which a node agent runs before a command that needs files.
///
/// A process of its own, because a download may take long or hang, and the agent must go on watching its
/// tasks; and because it is killed like any task. Reads manifests, one line of JSON each, from standard
/// input. The working directory is that of the command to come.
package enum NodeStage {
    /// 0, perhaps after one line of JSON on standard output (`Result.line`), or 1 after such a line:
    /// `{"code":"BlobNotFound","message":"…"}`.
    package static func run() -> Int32 {
        // Keys come to it: neither a task nor a core file shall have them.
        OwnProcess.hide()
        let report = ProgressReport()
        do {
            let input = try readStandardInput()
            let root = getenv("AZ_BATCH_NODE_ROOT_DIR").map { String(cString: $0) }
            let result = try stage(input, nodeRoot: root, workingDirectory: ".", report)
            report.end()
            if let line = result.line { say(line) }
            return 0
        } catch {
            report.end()
            var line: [JSONValue.Member] = [
                .init("code", .string(error.fault.code)), .init("message", .string(error.message)),
            ]
            if error.isInput { line.append(.init("isInput", .bool(true))) }
            say(.object(line))
            return 1
        }
    }

    /// What there is to say though all went well.
    struct Result: Hashable {
        /// The command has run before, and what it has made is stored: what it had fetched is deleted now, too.
        var isDone = false
        var fetchedDigests: [String] = []

        var line: JSONValue? {
            if isDone { return .object([.init("isDone", .bool(true))]) }
            return fetchedDigests.isEmpty
                ? nil : .object([.init("fetchedDigests", .array(fetchedDigests.map { .string($0) }))])
        }
    }

    package static func stage(
        _ input: [UInt8], nodeRoot: String?, workingDirectory: String
    ) throws(StagingFailure) {
        _ = try stage(input, nodeRoot: nodeRoot, workingDirectory: workingDirectory, ProgressReport(output: -1))
    }

    /// Packages first: they are what a node keeps; a resource file belongs to one command. Then data, as Batch Shipyard's own
    /// runner fetches it: in the order of the keys.
    static func stage(
        _ input: [UInt8], nodeRoot: String?, workingDirectory: String, _ report: ProgressReport,
        variable: @escaping (String) -> [UInt8]? = DataMover.environment
    ) throws(StagingFailure) -> Result {
        let (manifest, keys) = try manifest(in: input)
        let mover = DataMover(manifest, keys, in: workingDirectory, report, variable: variable)
        if try finishDeletion(manifest, mover) { return Result(isDone: true) }
        let packages = manifest.applicationPackages
        if !packages.isEmpty {
            guard let nodeRoot else {
                throw StagingFailure(.applicationPackageError, "AZ_BATCH_NODE_ROOT_DIR is not set")
            }
            try unpack(packages, nodeRoot: nodeRoot)
        }
        if !manifest.resourceFiles.isEmpty {
            var stager = try ResourceFileStager(workingDirectory: workingDirectory, mover)
            for file in manifest.resourceFiles { try stager.place(file) }
        }
        guard !manifest.inputs.isEmpty || !manifest.taskFiles.isEmpty || !manifest.layouts.isEmpty
            || !manifest.queries.isEmpty
        else { return Result() }
        report.begin()
        var result = Result()
        do throws(FileStoreError) {
            for layout in manifest.layouts { try mover.makeFolders(layout) }
            if manifest.storageIsFirst { result.fetchedDigests = try fetchStored(manifest, mover) }
            for (index, files) in manifest.taskFiles.enumerated() { try mover.download(files, at: index) }
            if !manifest.storageIsFirst { result.fetchedDigests = try fetchStored(manifest, mover) }
        } catch {
            throw StagingFailure(input: error)
        }
        let tables = TableMover(manifest, ConnectionURLLine.urls(in: input), mover, report)
        do throws(TableError) {
            for query in manifest.queries { try tables.fetch(query) }
        } catch {
            throw StagingFailure(input: error)
        }
        return result
    }

    private static func fetchStored(
        _ manifest: StagingManifest, _ mover: DataMover
    ) throws(FileStoreError) -> [String] {
        var digests: [String] = []
        for (index, transfer) in manifest.inputs.enumerated() {
            if let digest = try mover.download(transfer, at: index) { digests.append(digest) }
        }
        return digests
    }

    /// Whether an earlier attempt has done the work and was cut off while it deleted what it had fetched.
    private static func finishDeletion(
        _ manifest: StagingManifest, _ mover: DataMover
    ) throws(StagingFailure) -> Bool {
        do throws(FileStoreError) {
            guard let record = DeletionRecord(manifest, task: mover.task), let parts = try record.read() else { return false }
            for part in parts { try mover.delete(part) }
            try record.remove()
        } catch {
            let sentence = "an earlier attempt has stored what the task makes, and what it had fetched for that could not all be deleted"
            throw StagingFailure(input: FileStoreError(error.code, "\(sentence): \(error.description)"))
        }
        mover.say("an earlier attempt has stored what the task makes; what it had fetched is deleted now", as: "not run again")
        return true
    }

    private static func unpack(
        _ packages: [StagingManifest.ApplicationPackage], nodeRoot: String
    ) throws(StagingFailure) {
        let applications = try HeldDirectory(top: nodeRoot).directory(BytePath("applications"))
        // One at a time on a node: else each slot would unpack the same package at its first task. The lock
        // goes with the process. Where there is none to be had, unpacking twice does no harm.
        let lock = FileDescriptor(
            owning: openat(
                applications.descriptor.number, ".staging.lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
                0o600
            ))
        if lock.number >= 0 { _ = flock(lock.number, LOCK_EX) }
        for package in packages {
            guard let directory = RelativePath(package.directory) else {
                throw StagingFailure(
                    .applicationPackageError, "`\(package.directory)` is no directory below applications/")
            }
            do {
                try unpack(package.archive, directory, in: applications)
            } catch {
                let name = "application package `\(package.id)` \(package.version)"
                throw StagingFailure(error.fault, "\(name): \(error.message)")
            }
        }
    }

    /// Leaves alone what it has unpacked before, and nothing else of the name.
    private static func unpack(
        _ archive: String, _ directory: RelativePath, in applications: borrowing HeldDirectory
    ) throws(StagingFailure) {
        let folder = try applications.directory(directory.parents)
        if let known = PackageRecord(of: directory, readIn: applications),
            let present = PackageRecord(of: archive, directory.name, in: folder),
            known.vouches(for: present)
        {
            return
        }
        try setAside(directory.name, in: folder, below: applications)
        try PackageUnpacker().unpack(archive, as: directory.name, in: folder)
        PackageRecord(of: archive, directory.name, in: folder)?.write(of: directory, in: applications)
    }

    /// By a rename first: a process that is killed here must leave nothing half under the package's name.
    private static func setAside(
        _ name: BytePath, in folder: borrowing HeldDirectory, below applications: borrowing HeldDirectory
    ) throws(StagingFailure) {
        guard folder.status(of: name) != nil else { return }
        let aside = temporaryName(for: BytePath("old"))
        let target = applications.descriptor.number
        guard renameat(folder.descriptor.number, name.cString, target, aside.cString) == 0 else {
            throw StagingFailure(.applicationPackageError, "replace \(folder.path)/\(name)", errno: errno)
        }
        applications.remove(aside)
    }

    static func manifest(
        in input: [UInt8]
    ) throws(StagingFailure) -> (StagingManifest, [String: StorageKeys]) {
        var manifest = StagingManifest()
        var keys: [String: StorageKeys] = [:]
        for line in input.split(separator: 0x0A) {
            if let found = StorageKeyLine.keys(in: Array(line)) {
                keys.merge(found) { $1 }
                continue
            }
            if ConnectionURLLine.isOne(line) { continue }
            do {
                manifest.add(try JSONCoding.decode(StagingManifest.self, from: Array(line)))
            } catch {
                throw StagingFailure(.blobDownloadMiscError, "the staging manifest cannot be read: \(error)")
            }
        }
        return (manifest, keys)
    }

    static func readStandardInput() throws(StagingFailure) -> [UInt8] {
        // Of its own, so that closing it leaves the process's standard input alone.
        let input = FileDescriptor(owning: dup(0))
        var bytes: [UInt8] = []
        try withCopyBuffer { buffer throws(StagingFailure) in
            while true {
                guard let count = input.read(into: buffer) else {
                    throw StagingFailure(.blobDownloadMiscError, "read standard input", errno: errno)
                }
                guard count > 0 else { return }
                bytes.append(contentsOf: buffer[..<count])
            }
        }
        return bytes
    }

    static func say(_ line: JSONValue) {
        let output = FileDescriptor(owning: dup(1))
        (line.compactBytes + [0x0A]).withUnsafeBytes { _ = output.write(all: $0) }
    }
}
