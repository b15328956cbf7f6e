import ShipyardFileStore
import ShipyardModel
import ShipyardPlanner
import ShipyardSpecs

/// `CONTAINER` or `CONTAINER/PATH` of a transfer.
struct RemotePath: Hashable {
    let container: String
    /// Empty for the container alone.
    let name: String

    init(_ text: String) throws(FileStoreError) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let container = parts.first, !container.isEmpty else {
            throw FileStoreError(.invalidInput, "`\(text)` names no container", help: "write CONTAINER/PATH")
        }
        self.container = String(container)
        name = parts.count > 1 ? String(parts[1]) : ""
    }
}

extension StorageTransferSpec {
    func words() throws(FileStoreError) -> TransferWords {
        do throws(TransferWords.Problem) {
            return try TransferWords(blobxferExtraOptions ?? "")
        } catch {
            throw FileStoreError(.invalidInput, "`blobxfer_extra_options`: \(error.message)")
        }
    }
}

/// Which names of a container one `input_data` of a storage account takes, and where they go below its `local_path`.
struct DownloadRule {
    let remote: RemotePath
    let words: TransferWords
    private let filter: NameFilter
    private let isShare: Bool

    init(_ spec: StorageTransferSpec) throws(FileStoreError) {
        remote = try RemotePath(spec.remotePath)
        words = try spec.words()
        filter = NameFilter(include: spec.include, exclude: spec.exclude)
        isShare = spec.isFileShare
    }

    var prefix: BytePath { BytePath(remote.name) }

    /// Nil for a name that is not meant. Patterns are for the whole name in the container, and so is the place below
    /// `local_path`.
    func target(of name: BytePath) -> BytePath? {
        guard isBelow(name), name.bytes.last != UInt8(ascii: "/"),
            filter.keeps(String(decoding: name.bytes, as: UTF8.self))
        else { return nil }
        return words.stripped(name)
    }

    /// A container has names that begin with the path; a share has directories.
    private func isBelow(_ name: BytePath) -> Bool {
        var prefix = prefix.bytes
        while isShare, prefix.last == UInt8(ascii: "/") { prefix.removeLast() }
        guard name.bytes.starts(with: prefix) else { return false }
        let rest = name.bytes.dropFirst(prefix.count)
        if isShare, !prefix.isEmpty, let next = rest.first, next != UInt8(ascii: "/") { return false }
        guard !words.isRecursive else { return true }
        return !rest.drop { $0 == UInt8(ascii: "/") }.contains(UInt8(ascii: "/"))
    }
}

/// What the files of one `output_data` are called in the container.
struct UploadRule {
    let container: String
    let words: TransferWords
    private let base: BytePath
    private let filter: NameFilter

    /// - Parameter task: the id of the task, which a job's rule puts behind its path.
    init(_ spec: StorageTransferSpec, task: BytePath) throws(FileStoreError) {
        let remote = try RemotePath(spec.remotePath)
        container = remote.container
        words = try spec.words()
        filter = NameFilter(include: spec.include, exclude: spec.exclude)
        let path = BytePath(remote.name).components.reduce(BytePath("")) { $0 / $1 }
        base = spec.addsTaskID == true ? path / task : path
        guard !words.renames || !base.isEmpty else {
            throw FileStoreError(
                .invalidInput, "`--rename` needs a name behind the container in `\(spec.remotePath)`")
        }
    }

    /// Nil for a name that is left out. `relative` is below `local_path`, or the name of the one file.
    func name(of relative: BytePath) -> BytePath? {
        guard filter.keeps(String(decoding: relative.bytes, as: UTF8.self)) else { return nil }
        guard words.isRecursive || relative.components.count == 1 else { return nil }
        return words.renames ? base : base / words.stripped(relative)
    }
}
