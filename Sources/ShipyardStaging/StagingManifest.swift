import ShipyardModel
import ShipyardSpecs

/// What must be in place before a command and what is to be stored after it, as the service sends it to a node: in several lines,
/// each with a part, which `add` puts together. No key is in it (`StorageKeyLine`).
package struct StagingManifest: Codable, Sendable, Hashable {
    package struct ApplicationPackage: Codable, Sendable, Hashable {
        package var id: String
        package var version: String
        /// Absolute path of a zip or tar file, or of a directory.
        package var archive: String
        /// Where it goes, below `applications/` of the node's root: `blender/2.8`.
        package var directory: String

        package init(id: String, version: String, archive: String, directory: String) {
            self.id = id
            self.version = version
            self.archive = archive
            self.directory = directory
        }
    }

    package struct ResourceFile: Codable, Sendable, Hashable {
        /// An absolute path, an `http:`, `https:` or `file:` URL, or `store:ALIAS/CONTAINER/PATH`.
        package var source: BlobSource
        /// Relative to the working directory, which it never leaves.
        package var path: String
        /// Permission bits.
        package var mode: UInt16
        /// Of the content, in lower-case digits; nil where any will do.
        package var sha256: String?

        package init(source: BlobSource, path: String, mode: UInt16 = 0o770, sha256: String? = nil) {
            self.source = source
            self.path = path
            self.mode = mode
            self.sha256 = sha256
        }
    }

    package var applicationPackages: [ApplicationPackage] = []
    package var resourceFiles: [ResourceFile] = []
    /// What aliases in the rest stand for.
    package var accounts: [StorageAccount] = []
    /// `storage/` of the home.
    package var embeddedRoot: String?
    package var taskFiles: [InputDataSpec.TaskFiles] = []
    /// Where those are, in the same order.
    package var taskFilePlaces: [TaskFilesPlace] = []
    package var inputs: [StorageTransferSpec] = []
    package var layouts: [InputDataSpec.Layout] = []
    /// `azure_storage` stands before `azure_batch`.
    package var storageIsFirst = false
    package var outputs: [StorageTransferSpec] = []
    package var queries: [TableQuerySpec] = []
    package var tables: [TableLoadSpec] = []
    /// What aliases in those two stand for.
    package var connections: [SQLConnection] = []
    /// `databases/` of the home.
    package var databaseRoot: String?
    /// What tells the loads of the job from all others.
    package var loadScope: String?
    /// `deleting/` of the home, where `DeletionRecord` is.
    package var deletions: String?
    /// For each of `inputs` that are deleted in the end: of the list of what was fetched. `node-stage` makes them, and `node-upload` is
    /// given them by the agent.
    package var fetchedDigests: [String] = []
    /// For `outputs`: how the command ended.
    package var hasSucceeded = false

    package init(applicationPackages: [ApplicationPackage] = [], resourceFiles: [ResourceFile] = []) {
        self.applicationPackages = applicationPackages
        self.resourceFiles = resourceFiles
    }

    /// Any part may be missing, so that a manifest can be written by hand.
    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        applicationPackages =
            try fields.decodeIfPresent([ApplicationPackage].self, forKey: .applicationPackages) ?? []
        resourceFiles = try fields.decodeIfPresent([ResourceFile].self, forKey: .resourceFiles) ?? []
        accounts = try fields.decodeIfPresent([StorageAccount].self, forKey: .accounts) ?? []
        embeddedRoot = try fields.decodeIfPresent(String.self, forKey: .embeddedRoot)
        taskFiles = try fields.decodeIfPresent([InputDataSpec.TaskFiles].self, forKey: .taskFiles) ?? []
        taskFilePlaces = try fields.decodeIfPresent([TaskFilesPlace].self, forKey: .taskFilePlaces) ?? []
        inputs = try fields.decodeIfPresent([StorageTransferSpec].self, forKey: .inputs) ?? []
        layouts = try fields.decodeIfPresent([InputDataSpec.Layout].self, forKey: .layouts) ?? []
        storageIsFirst = try fields.decodeIfPresent(Bool.self, forKey: .storageIsFirst) ?? false
        outputs = try fields.decodeIfPresent([StorageTransferSpec].self, forKey: .outputs) ?? []
        queries = try fields.decodeIfPresent([TableQuerySpec].self, forKey: .queries) ?? []
        tables = try fields.decodeIfPresent([TableLoadSpec].self, forKey: .tables) ?? []
        connections = try fields.decodeIfPresent([SQLConnection].self, forKey: .connections) ?? []
        databaseRoot = try fields.decodeIfPresent(String.self, forKey: .databaseRoot)
        loadScope = try fields.decodeIfPresent(String.self, forKey: .loadScope)
        deletions = try fields.decodeIfPresent(String.self, forKey: .deletions)
        fetchedDigests = try fields.decodeIfPresent([String].self, forKey: .fetchedDigests) ?? []
        hasSucceeded = try fields.decodeIfPresent(Bool.self, forKey: .hasSucceeded) ?? false
    }

    /// What is empty is left out: one line for each task of a factory is stored.
    package func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: CodingKeys.self)
        func encode<Element: Encodable>(_ list: [Element], _ key: CodingKeys) throws {
            if !list.isEmpty { try fields.encode(list, forKey: key) }
        }
        try encode(applicationPackages, .applicationPackages)
        try encode(resourceFiles, .resourceFiles)
        try encode(accounts, .accounts)
        try fields.encodeIfPresent(embeddedRoot, forKey: .embeddedRoot)
        try encode(taskFiles, .taskFiles)
        try encode(taskFilePlaces, .taskFilePlaces)
        try encode(inputs, .inputs)
        try encode(layouts, .layouts)
        if storageIsFirst { try fields.encode(true, forKey: .storageIsFirst) }
        try encode(outputs, .outputs)
        try encode(queries, .queries)
        try encode(tables, .tables)
        try encode(connections, .connections)
        try fields.encodeIfPresent(databaseRoot, forKey: .databaseRoot)
        try fields.encodeIfPresent(loadScope, forKey: .loadScope)
        try fields.encodeIfPresent(deletions, forKey: .deletions)
        try encode(fetchedDigests, .fetchedDigests)
        if hasSucceeded { try fields.encode(true, forKey: .hasSucceeded) }
    }

    private enum CodingKeys: String, CodingKey {
        case applicationPackages, resourceFiles, accounts, embeddedRoot, taskFiles, taskFilePlaces, inputs
        case layouts, storageIsFirst, outputs, queries, tables, connections, databaseRoot, loadScope, hasSucceeded
        case deletions, fetchedDigests
    }

    /// What a template has, and then what one task has of its own.
    mutating func add(_ other: StagingManifest) {
        applicationPackages += other.applicationPackages
        resourceFiles += other.resourceFiles
        accounts += other.accounts
        embeddedRoot = other.embeddedRoot ?? embeddedRoot
        taskFiles += other.taskFiles
        taskFilePlaces += other.taskFilePlaces
        inputs += other.inputs
        layouts += other.layouts
        storageIsFirst = storageIsFirst || other.storageIsFirst
        outputs += other.outputs
        queries += other.queries
        tables += other.tables
        connections += other.connections
        databaseRoot = other.databaseRoot ?? databaseRoot
        loadScope = other.loadScope ?? loadScope
        deletions = other.deletions ?? deletions
        fetchedDigests += other.fetchedDigests
        hasSucceeded = hasSucceeded || other.hasSucceeded
    }

    package var deletesInputs: Bool { inputs.contains { $0.deletesFilesAfterCompletion == true } }

    /// Nothing to put in place.
    package var isEmpty: Bool {
        applicationPackages.isEmpty && resourceFiles.isEmpty && taskFiles.isEmpty && inputs.isEmpty
            && layouts.isEmpty && queries.isEmpty
    }
}

/// The variables that tell a command where its application packages are.
package enum ApplicationPackageVariable {
    /// `AZ_BATCH_APP_PACKAGE_<id>_<version>`, or without the version for the default one. On Linux `.`, `-`
    /// and `#` become `_` and the case of letters is kept, as in Azure Batch.
    package static func name(id: String, version: String? = nil) -> String {
        let text = version.map { "\(id)_\($0)" } ?? id
        return "AZ_BATCH_APP_PACKAGE_" + String(text.map { ".-#".contains($0) ? "_" : $0 })
    }
}
