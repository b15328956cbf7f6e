import ShipyardModel

/// Files on nodes, wherever these are. Used by threads that answer requests: it may block.
package protocol FilesOfNodes: Sendable {
    func files(of node: NodeID, in pool: PoolID) -> any NodeFiles
    /// How many files of the pool's nodes are gone since their removal began; for whoever waits for it.
    func removedFiles(of pool: PoolID) -> Int
}

/// The files of one node; of a job or a task there, or with no owner of the node itself.
package protocol NodeFiles: Sendable {
    /// For people.
    func location(of owner: FilesOwner?) -> String
    /// What the locations of a job's tasks begin with: a slash and the task's id follow.
    func tasksLocation(of job: JobID) -> String
    /// Everything, directories before what they hold, in the order of names.
    func list(_ owner: FilesOwner?) -> NodeFileListing
    func open(_ path: BytePath, of owner: FilesOwner?) throws(FileFailure) -> any OpenFile
}

/// A file that is open.
package protocol OpenFile: Sendable {
    /// When it was opened.
    var size: Int64 { get }
    /// Never empty before `size`: a file that was cut short since is a failure.
    func read(at offset: Int64, atMost count: Int) throws(FileFailure) -> [UInt8]
}

package struct NodeFileListing: Sendable {
    package var entries: [FileEntry] = []
    /// What is not listed, and why.
    package var leftOut: [String] = []
    package init() {}
}

package struct FileEntry: Sendable {
    package enum Kind: Sendable { case file, directory, link, special }

    /// Relative to what was listed.
    package var path: BytePath
    package var kind: Kind
    package var size: Int64
    package var modified: Instant
    package var linkTarget: BytePath?
}

/// Why a file cannot be read.
package enum FileFailure: Error, Sendable {
    case missing
    /// It is there, and cannot be read or is no file.
    case refused(String)
}
