import Glibc
import ShipyardFileStore
import ShipyardModel
import ShipyardSpecs
import ShipyardSystem
import ShipyardTables

/// Carries out what one attempt has to do with databases. Files are found as those that go to stores are.
struct TableMover {
    private let manifest: StagingManifest
    private let urls: [String: Secret]
    private let files: DataMover
    private let report: ProgressReport
    private let databases: Databases

    init(
        _ manifest: StagingManifest, _ urls: [String: Secret], _ files: DataMover, _ report: ProgressReport
    ) {
        self.manifest = manifest
        self.urls = urls
        self.files = files
        self.report = report
        databases = Databases(root: manifest.databaseRoot ?? "", waitsForServer: true)
    }

    private func connection(_ alias: String) throws(TableError) -> SQLConnection {
        guard let connection = manifest.connections.first(where: { $0.alias == alias }) else {
            throw TableError(.mismatch, "what the database `\(alias)` is did not come with the task")
        }
        return connection
    }

    private func path(_ text: String) throws(TableError) -> BytePath {
        do throws(FileStoreError) {
            return try files.localPath(text)
        } catch {
            throw TableError(.file, error.message, help: error.help)
        }
    }

    /// The file appears when it is whole, in place of what has its name.
    func fetch(_ rule: TableQuerySpec) throws(TableError) {
        let path = try path(rule.destination)
        let connection = try connection(rule.connection)
        let database = try databases.open(connection, urls[rule.connection], to: .read)
        let gauge = TransferGauge()
        report.follow(gauge)
        report.add(0)
        let file = try NewFile(path, makesFolders: true)
        let writer = CSVWriter { bytes throws(TableError) in
            try file.write(bytes)
            gauge.move(Int64(bytes.count))
        }
        try database.query(rule.query, rule.parameters, into: writer)
        try writer.finish()
        try file.finish()
        report.moved()
    }

    /// - Parameters:
    ///   - index: of the rule among those of the task.
    ///   - task: its id.
    func load(_ rule: TableLoadSpec, at index: Int, task: BytePath) throws(TableError) {
        let path = try path(rule.source)
        let connection = try connection(rule.connection)
        var status = stat()
        report.add(stat(path.cString, &status) == 0 ? Int64(status.st_size) : 0)
        let gauge = TransferGauge()
        report.follow(gauge)
        let file = TableFile(path, shown: rule.source) { gauge.move(Int64($0)) }
        let load = TableLoad(rule.target, identity: "\(manifest.loadScope ?? "")/\(task)/\(index)")
        let result = try databases.load(load, file, into: connection, urls[rule.connection])
        report.moved()
        let table = "table `\(rule.target.table)` of `\(rule.connection)`"
        if result.wasLoadedBefore {
            files.say("\(rule.source) has been loaded into \(table) before, so nothing was done", as: "sql")
        } else if result.followsOtherContent {
            files.say(
                "this task has loaded another \(rule.source) into \(table) before, and those rows are still there",
                as: "sql")
        }
    }
}

extension UploadFault {
    init(_ kind: TableError.Kind) {
        switch kind {
        case .accessDenied: self = .accessDenied
        case .timedOut, .unreachable: self = .timedOut
        case .diskFull: self = .insufficientSpace
        case .badRow, .mismatch, .file, .conflict, .libraryMissing, .refused: self = .miscError
        }
    }
}

extension StagingFailure {
    init(input error: TableError) {
        let fault: StagingFault =
            switch error.kind {
            case .accessDenied: .blobAccessDenied
            case .timedOut, .unreachable: .blobDownloadTimedOut
            case .diskFull: .diskFull
            case .file: .resourceFileWriteFailed
            case .badRow, .mismatch, .conflict, .libraryMissing, .refused: .blobDownloadMiscError
            }
        self.init(fault, error.description)
        isInput = true
    }
}
