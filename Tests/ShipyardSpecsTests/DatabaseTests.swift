import ShipyardDiagnostics
import ShipyardModel
import Testing

@testable import ShipyardSpecs

@Suite struct DatabaseTests {
    private func credentials(_ text: String) -> CredentialsSpec {
        SpecLoader.load([SpecSource(.credentials, SourceText(name: "credentials.yaml", bytes: Array(text.utf8)))]).specs
            .credentials
    }

    /// What a schedule keeps of credentials leads to the same databases, and opens none of them.
    @Test func whatIsStoredOfDatabasesHasNoPassword() throws {
        var written = credentials(
            """
            credentials:
              sql:
                home: {}
                file: {url: sqlite:/srv/a.db}
                shop: {url: 'postgresql://ada:s3cr3t@db:5433/shop?sslmode=require&options=-csearch_path%3Dx'}
                vault: {url_keyvault_secret_id: 'https://v/secrets/shop-url'}
            """)
        #expect(written.urls.keys.sorted() == ["shop"])
        #expect(written.connections["home"]?.path == "home.db")
        #expect(written.connections["vault"]?.place == nil)
        let stored = written.withoutSecrets
        #expect(!stored.contains("s3cr3t") && !stored.contains("ada") && !stored.contains("sslmode"))
        let read = credentials(stored)
        #expect(read.connections == written.connections)
        written.setFile("/etc/credentials.yaml")
        #expect(written.connections.values.allSatisfy { $0.credentialsFile == "/etc/credentials.yaml" })
    }

    @Test func entriesAreReadAsTheyAreWritten() throws {
        let text = """
            job_specifications:
            - id: j
              output_data: {sql: [{connection: a, table: t, source: x}]}
              tasks:
              - command: c
                input_data: {sql: [{connection: a, query: q, parameters: [1, x], destination: d}]}
                output_data:
                  sql:
                  - {connection: a, table: t, source: s, mode: upsert, keys: [k, l], columns: {z: k, "b c": , a: l}, types: {l: decimal}}
            """
        let jobs = try #require(
            SpecLoader.load([SpecSource(.jobs, SourceText(name: "jobs.yaml", bytes: Array(text.utf8)))]).specs.jobs)
        let job = try #require(jobs.jobs.first)
        #expect(job.outputTables == [TableLoadSpec(connection: "a", source: "x", TableTarget("t"))])
        let task = try #require(job.tasks.first)
        #expect(task.inputData?.queries == [TableQuerySpec(connection: "a", query: "q", parameters: ["1", "x"], destination: "d")])
        #expect(task.inputData?.isEmpty == false)
        var target = TableTarget("t", .upsert)
        target.keys = ["k", "l"]
        target.columns = [ColumnChoice("z", as: "k"), ColumnChoice("b c"), ColumnChoice("a", as: "l")]
        target.types = [TypedColumn("l", .decimal)]
        #expect(task.outputTables == [TableLoadSpec(connection: "a", source: "s", target)])
    }
}
