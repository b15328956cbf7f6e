import Glibc
import ShipyardModel
import ShipyardSystem

// What a task finds in its working directory beside its files, and what it leaves there for others.

extension AgentLoop {
    /// Whatever has come to their places is replaced: files that were fetched, what an earlier attempt has left, links.
    func writeFiles(of attempt: Attempt) throws(AttemptError) {
        let recordsOutput = attempt.context.context.recordsOutput
        guard recordsOutput || !attempt.order.files.isEmpty else { return }
        do throws(SystemError) {
            let directory = try workingDirectory(of: attempt)
            // An earlier attempt's, which is not to be taken for this one's.
            if recordsOutput { unlinkat(directory.number, TaskOutput.fileName, 0) }
            for file in attempt.order.files { try write(file, in: directory.number) }
        } catch {
            throw AttemptError(error, isDirectory: false)
        }
    }

    private func write(_ file: ActivityFile, in directory: Int32) throws(SystemError) {
        guard !file.name.isEmpty, !file.name.utf8.contains(UInt8(ascii: "/")) else {
            throw SystemError("create file", path: file.name, errno: EINVAL)
        }
        unlinkat(directory, file.name, 0)
        // Before its name is there nobody else can open it: the mode is its own from the first moment.
        let made = try FileDescriptor.open(
            file.name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600, in: directory)
        fchmod(made.number, 0o600)
        var content = file.content
        let failure = content.withUTF8 { made.write(all: UnsafeRawBufferPointer($0)) }
        if let failure { throw SystemError("write", path: file.name, errno: failure) }
    }

    /// Through no link: a task can have put one in the place of its directory.
    private func workingDirectory(of attempt: Attempt) throws(SystemError) -> FileDescriptor {
        let task = try FileDescriptor.openDirectory(
            attempt.order.name, in: attempt.parent.descriptor.number)
        return try FileDescriptor.openDirectory("wd", in: task.number)
    }

    /// What its end comes to once its output is looked at, which is kept in the attempt. Only of a success: what a command
    /// has left that failed is half of something. No process of it is left that could still write.
    func withOutput(of attempt: Attempt, _ outcome: Outcome) -> Outcome {
        guard outcome.isSuccess, attempt.context.context.recordsOutput, attempt.order.id.instance == 0 else {
            return outcome
        }
        do throws(OutputRefusal) {
            attempt.output = try output(of: attempt)
            return outcome
        } catch {
            return .outputRefused(
                error.fault, "The task has succeeded, and its \(TaskOutput.fileName) \(error.reason).")
        }
    }

    private struct OutputRefusal: Error {
        var fault: OutputFault
        /// Behind the file's name.
        var reason: String

        init(_ fault: OutputFault, _ reason: String) {
            self.fault = fault
            self.reason = reason
        }
    }

    private func output(of attempt: Attempt) throws(OutputRefusal) -> TaskOutput {
        let bytes: [UInt8]?
        do throws(SystemError) {
            let directory = try workingDirectory(of: attempt)
            bytes = try content(in: directory.number)
        } catch {
            switch error.errno {
            case ENOENT: return .absent
            case ELOOP, ENOTDIR, EISDIR, ENXIO: throw OutputRefusal(.notAFile, "is no regular file")
            case EFBIG:
                throw OutputRefusal(.tooLarge, "is larger than \(TaskOutput.maximumBytes >> 20) MiB")
            default: throw OutputRefusal(.notReadable, "cannot be read: \(error.reason)")
            }
        }
        guard var bytes else { throw OutputRefusal(.notAFile, "is no regular file") }
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
        do throws(JSONError) {
            // Strictly: of a name that is there twice the next task must not take the other value.
            _ = try JSONValue(parsing: bytes, isStrict: true)
        } catch {
            throw OutputRefusal(.notJSON, "is no JSON: \(error)")
        }
        return .document(String(decoding: bytes, as: UTF8.self))
    }

    /// Nil for what is no regular file. Not blocking: a pipe would wait for somebody who writes.
    private func content(in directory: Int32) throws(SystemError) -> [UInt8]? {
        let name = TaskOutput.fileName
        let file = try FileDescriptor.open(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, in: directory)
        var status = stat()
        guard fstat(file.number, &status) == 0 else { throw SystemError("stat", path: name, errno: errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { return nil }
        guard status.st_size <= off_t(TaskOutput.maximumBytes) else {
            throw SystemError("read", path: name, errno: EFBIG)
        }
        // One byte more: a process of somebody else may write while we read.
        guard let bytes = file.read(upTo: TaskOutput.maximumBytes + 1) else {
            throw SystemError("read", path: name, errno: errno)
        }
        guard bytes.count <= TaskOutput.maximumBytes else { throw SystemError("read", path: name, errno: EFBIG) }
        return bytes
    }
}
