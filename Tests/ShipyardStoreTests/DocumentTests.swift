import CSQLite
import ShipyardModel
import Testing

@testable import ShipyardStore

/// Plans, templates and specifications: rows of their own, which nothing else rewrites.
@Suite struct DocumentTests {
    private let store: StoreWriter

    init() throws { store = try StoreWriter(path: ":memory:") }

    private func document(_ text: String, version: Int = 1) -> DocumentRecord {
        DocumentRecord(version: version, text: text)
    }

    private func add(_ texts: [String], to job: UInt32, from first: Int = 0) throws {
        try store.commit(
            texts.enumerated().map { .addTemplate(job: job, position: first + $0, document($1)) })
    }

    private var templateTexts: [String] {
        get throws {
            try store.rows(SQL("SELECT document FROM templates ORDER BY number")) { $0.text(0) }
        }
    }

    @Test func recordsAreChangedBesideTheirDocuments() throws {
        try store.commit([
            .putPool(samplePool()), .putPoolSpec(somePool, document("spec", version: 3)),
            .putJob(sampleJob()),
            .putPlan(job: 1, document("plan", version: 2)),
        ])
        var (pool, job) = (samplePool(), sampleJob())
        pool.targetDedicatedNodes = 7
        job.state = .disabled
        try store.commit([.putPool(pool), .putJob(job)])
        #expect(try store.pool(somePool) == pool && store.job(number: 1) == job)
        #expect(try store.poolSpec(of: somePool) == document("spec", version: 3))
        #expect(try store.poolSpecs() == [somePool: document("spec", version: 3)])
        #expect(try store.plan(of: 1) == document("plan", version: 2))
        try store.commit([.deletePool(somePool, removal: "", at: at(1)), .deleteJob(1)])
        #expect(try store.poolSpec(of: somePool) == nil && store.poolSpecs().isEmpty)
        #expect(try store.plan(of: 1) == nil)
    }

    @Test func templatesOfOneContentAreOneRow() throws {
        try add(["a", "b", "a"], to: 1)
        try add(["b"], to: 2)
        try store.commit([.addTemplate(job: 2, position: 1, document("b", version: 2))])
        try add(["c"], to: 1, from: 3)
        #expect(try templateTexts == ["a", "b", "b", "c"])
        #expect(try store.templates(of: 1, from: 0).map { $0.document?.text } == ["a", "b", "a", "c"])
        #expect(try store.templates(of: 1, from: 2).map(\.position) == [2, 3])
        #expect(try store.template(1, of: 2) == document("b", version: 2))
        #expect(try store.template(2, of: 2) == nil)
        let numbers = try store.templateNumbers(of: 1)
        #expect(numbers.map(\.position) == [0, 1, 2, 3] && numbers[0].number == numbers[2].number)
        #expect(try store.template(number: numbers[3].number) == document("c"))
    }

    /// The text decides, whatever the hash says.
    @Test func textsOfOneHashAreKeptApart() throws {
        try add(["a"], to: 1)
        try store.database.execute(script: "UPDATE templates SET hash = content_hash('b')")
        try add(["b", "b"], to: 2)
        #expect(try templateTexts == ["a", "b"])
        #expect(try store.templates(of: 2, from: 0).map { $0.document?.text } == ["b", "b"])
    }

    @Test(arguments: [1, 2, 100])
    func templatesGoWithTheLastJobThatNamesThem(_ limit: Int) throws {
        try store.commit([.putJob(sampleJob(1, id: "one")), .putJob(sampleJob(2, id: "two"))])
        try add(["a", "shared", "a", "shared", "b"], to: 1)
        try add(["c", "shared"], to: 2)
        try store.commit([.deleteJob(1)])
        try purge(store, limit: limit)
        #expect(try Set(templateTexts) == ["c", "shared"])
        #expect(try store.templates(of: 1, from: 0).isEmpty)
        #expect(try store.templates(of: 2, from: 0).map { $0.document?.text } == ["c", "shared"])
        // Of a submission that was refused only tasks go.
        try store.commit([.openSubmission(job: 2), .discardSubmission(job: 2)])
        try purge(store, limit: limit)
        #expect(try store.templates(of: 2, from: 0).count == 2)
        try store.commit([.deleteJob(2)])
        try purge(store, limit: limit)
        #expect(try templateTexts.isEmpty)
    }

    /// A turn of the service waits for one step, and a step has a limit.
    @Test func aStepOfThePurgeIsBounded() throws {
        try add((0..<10).map(String.init), to: 1)
        try store.commit([.deleteJob(1)])
        for left in [7, 4, 1] {
            try store.purgeJobRows(limit: 3)
            #expect(try templateTexts.count == left)
        }
    }

    // MARK: Files of the first version

    private func firstVersion(_ script: String, _ body: (String) throws -> Void) throws {
        let directory = TemporaryDirectory()
        var connection: OpaquePointer?
        try #require(sqlite3_open(directory.database, &connection) == SQLITE_OK)
        defer { sqlite3_close(connection) }
        let whole = """
            \(Migrations.all[0]);
            PRAGMA user_version = 1; PRAGMA application_id = \(Migrations.applicationID);
            \(script)
            """
        try #require(sqlite3_exec(connection, whole, nil, nil, nil) == SQLITE_OK)
        try body(directory.database)
    }

    private func job(_ number: Int, _ plan: String) -> String {
        "INSERT INTO jobs VALUES (\(number), 'j\(number)', 'p', 'active', 0, \(plan), 2, 1, 10, 20, NULL, NULL);"
    }

    @Test func documentsOfTheFirstVersionAreMoved() throws {
        let plan =
            #"{"id":"j1","templates":[{"é":1.50,"x":"\"\n"},{"b":[]},{"é":1.50,"x":"\"\n"}],"taskCount":2,"z":0}"#
        let odd = #"{"templates":[null,"text",[7],{"b":[]}]}"#
        let script =
            job(1, "'\(plan)'") + job(2, "'{\"templates\":'") + job(3, "'\(odd)'") + job(4, "'5'")
            + job(5, "'{\"templates\":{\"b\":[]}}'") + job(6, "x'ff00'")
            + "INSERT INTO pools VALUES ('p', 'active', 'steady', 1, 0, 2, '{\"q\":', 5, NULL, 1);"
        try firstVersion(script) { path in
            let store = try StoreWriter(path: path)
            #expect(try store.jobs().map(\.taskCount) == Array(repeating: 2, count: 6))
            #expect(try store.plan(of: 1) == document(#"{"id":"j1","z":0}"#))
            #expect(
                try store.templates(of: 1, from: 0).map(\.document) == [
                    document(#"{"é":1.50,"x":"\"\n"}"#), document(#"{"b":[]}"#),
                    document(#"{"é":1.50,"x":"\"\n"}"#),
                ])
            #expect(try store.plan(of: 2) == document(#"{"templates":"#))
            let texts = try store.templates(of: 3, from: 0).map { $0.document?.text }
            #expect(texts == ["null", #""text""#, "[7]", #"{"b":[]}"#])
            for number: UInt32 in 4...6 { #expect(try store.templates(of: number, from: 0).isEmpty) }
            #expect(try store.plan(of: 4) == document("5"))
            #expect(try store.poolSpec(of: somePool) == document(#"{"q":"#))
            #expect(try store.pool(somePool)?.lastNodeNumber == 1)
            #expect(try store.rows(SQL("SELECT 1 FROM templates")) { _ in true }.count == 5)
            // Moved rows and new ones are shared.
            try store.commit([.addTemplate(job: 1, position: 3, document(#"{"b":[]}"#))])
            let numbers = try store.templateNumbers(of: 1).map(\.number)
            #expect(numbers[1] == numbers[3] && numbers[0] == numbers[2])
            #expect(try store.templateNumbers(of: 3).last?.number == numbers[1])
        }
    }

    /// In one transaction: what cannot be moved leaves the file as it was.
    @Test func aMigrationThatFailsChangesNothing() throws {
        try firstVersion(job(1, "'{}'") + "CREATE TABLE job_templates (a);") { path in
            #expect(throws: StoreError.self) { try StoreWriter(path: path) }
            let database = try Database(path: path, .readWrite)
            #expect(try database.number("PRAGMA user_version") == 1)
            #expect(try database.text("SELECT plan FROM jobs") == "{}")
            try database.execute(script: "DROP TABLE job_templates")
            #expect(try StoreWriter(path: path).plan(of: 1) == document("{}"))
        }
    }
}
