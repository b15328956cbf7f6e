import ShipyardModel

/// A task of a listing, read in place from the JSON of a `TaskResponse`. Valid while the listing hands it over.
struct TaskLine {
    private(set) var id: JSONSlice
    private(set) var state: JSONSlice
    private(set) var commandLine: JSONSlice?
    private(set) var startTime: JSONSlice?
    private(set) var endTime: JSONSlice?
    private(set) var exitCode: JSONSlice?
    private(set) var result: JSONSlice?
    private(set) var failure: Failure?
    private(set) var uploadFailure: Failure?
    private(set) var transfer: TaskTransferLine?
    /// Of a failed one.
    private(set) var lastErrorLine: JSONSlice?
    private(set) var retryCount: JSONSlice?
    private(set) var requeueCount: JSONSlice?
    private(set) var wallTimeMilliseconds: JSONSlice?
    private(set) var userTimeMilliseconds: JSONSlice?
    private(set) var systemTimeMilliseconds: JSONSlice?
    private(set) var node: Node?

    struct Failure {
        var category: JSONSlice?
        var code: JSONSlice?
        var message: JSONSlice?
    }

    struct Node {
        var poolID: JSONSlice?
        var nodeID: JSONSlice?
        var taskDirectory: JSONSlice?
    }

    init(_ item: JSONSlice) throws(JSONError) {
        (id, state) = (item, item)
        var known = 0
        try item.eachMember { name, value throws(JSONError) in
            if name.isText("id") {
                id = value
                known += 1
            } else if name.isText("state") {
                state = value
                known += 1
            } else if name.isText("commandLine") {
                commandLine = value
            } else if name.isText("executionInfo") {
                try read(executionInfo: value)
            } else if name.isText("lastErrorLine") {
                lastErrorLine = value
            } else if name.isText("transferInfo") {
                transfer = try TaskTransferLine(value)
            } else if name.isText("nodeInfo") {
                node = try Self.node(value)
            }
        }
        guard known == 2 else { throw JSONError(place: "", message: "a task has an `id` and a `state`") }
    }

    private mutating func read(executionInfo item: JSONSlice) throws(JSONError) {
        try item.eachMember { name, value throws(JSONError) in
            if name.isText("startTime") {
                startTime = value
            } else if name.isText("endTime") {
                endTime = value
            } else if name.isText("exitCode") {
                exitCode = value
            } else if name.isText("result") {
                result = value
            } else if name.isText("failureInfo") {
                failure = try Self.failure(value)
            } else if name.isText("uploadFailureInfo") {
                uploadFailure = try Self.failure(value)
            } else if name.isText("retryCount") {
                retryCount = value
            } else if name.isText("requeueCount") {
                requeueCount = value
            } else if name.isText("wallTimeMilliseconds") {
                wallTimeMilliseconds = value
            } else if name.isText("userTimeMilliseconds") {
                userTimeMilliseconds = value
            } else if name.isText("systemTimeMilliseconds") {
                systemTimeMilliseconds = value
            }
        }
    }

    private static func failure(_ item: JSONSlice) throws(JSONError) -> Failure {
        var failure = Failure()
        try item.eachMember { name, value in
            if name.isText("category") {
                failure.category = value
            } else if name.isText("code") {
                failure.code = value
            } else if name.isText("message") {
                failure.message = value
            }
        }
        return failure
    }

    private static func node(_ item: JSONSlice) throws(JSONError) -> Node {
        var node = Node()
        try item.eachMember { name, value in
            if name.isText("poolId") {
                node.poolID = value
            } else if name.isText("nodeId") {
                node.nodeID = value
            } else if name.isText("taskDirectory") {
                node.taskDirectory = value
            }
        }
        return node
    }
}
