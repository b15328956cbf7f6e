import ShipyardModel

/// A checked `pool_specification`, with its defaults filled in. Stored as it is, so it holds no locations.
package struct PoolSpec: Sendable, Codable, Hashable {
    package var id: PoolID
    package var vmSize: String?
    package var dedicatedNodes = 0
    package var lowPriorityNodes = 0
    /// `task_slots_per_node`, or its other name `max_tasks_per_node`.
    package var taskSlotsPerNode = 1
    package var nodeFillType = NodeFillType.spread
    package var interNodeCommunication = false
    package var rebootOnStartTaskFailed = false
    package var resizeTimeout: TimeSpan?
    /// Nil unless `autoscale` has a formula or a scenario.
    package var hasAutoscale = false
    /// `additional_node_prep`: run before and after what the start task does itself.
    package var nodePrepPre: [String] = []
    package var nodePrepPost: [String] = []
    package var nodePrepEnvironment: [EnvironmentVariable] = []
    package var nodePrepEnvironmentSecret: SecretReference?
    package var resourceFiles: [ResourceFileSpec] = []
    package var startTask: StartTaskSpec?
    package var applicationPackages: [ApplicationPackageSpec] = []
    package var inputData: InputDataSpec?
    /// What the aliases in it, and in resource files, stand for; filled in when the pool is made.
    package var storageAccounts: [StorageAccount]?
    /// What the databases of its data are.
    package var connections: [SQLConnection]?

    package init(id: PoolID) { self.id = id }
}

extension PoolSpec: Document {
    package static var newestVersion: Int { 1 }

    package static func read(_ tree: JSONValue, version: Int) throws(JSONError) -> PoolSpec {
        try JSONCoding.decode(PoolSpec.self, from: tree)
    }
}

package struct StartTaskSpec: Sendable, Codable, Hashable {
    package var command: String
    package var environmentVariables: [EnvironmentVariable] = []
    package var resourceFiles: [ResourceFileSpec] = []
    package var maxTaskRetries = 0
    package var waitForSuccess = true
    package init(command: String) { self.command = command }
}

package struct ApplicationPackageSpec: Sendable, Codable, Hashable {
    package var id: String
    package var version: String
    /// A zip, tar.gz, tar.xz or tar.zst file, or a directory; relative to the spec file's directory.
    package var path: String
    package init(id: String, version: String, path: String) {
        self.id = id
        self.version = version
        self.path = path
    }
}
