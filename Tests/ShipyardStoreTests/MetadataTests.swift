import ShipyardMetadata
import ShipyardModel
import Testing

@testable import ShipyardStore

/// Documents, their history, and what queries find.
struct MetadataTests {
    let store: StoreWriter

    init() throws { store = try StoreWriter(path: ":memory:") }

    private func key(_ id: String, in collection: String = "c") -> MetadataKey {
        MetadataKey(collection: collection, id: id)!
    }

    private func change(
        _ number: Int64, _ id: String, _ text: String?, in collection: String = "c",
        writer: MetadataWriter = .user
    ) -> StoreWrite {
        .changeDocument(
            MetadataChange(
                number: number, key: key(id, in: collection), kind: text == nil ? .delete : .put, text: text,
                time: Instant(milliseconds: 1000 + number), writer: writer))
    }

    private func put(_ documents: [(String, String)]) throws {
        var number = try store.lastDocumentChange()
        try store.commit(
            documents.map { id, text in
                number += 1
                return change(number, id, text)
            })
    }

    private func find(
        _ conditions: String..., order: String? = nil, after: MetadataCursor? = nil, limit: Int = 1000
    ) throws -> [String] {
        try store.documents(MetadataQuery("c", where: conditions, order: order), after: after, limit: limit)
            .documents.map(\.key.id)
    }

    @Test func documentsAndTheirHistoryComeBack() throws {
        var work = MetadataWriter.Work(
            job: "nightly:film-42", jobNumber: .max, task: "t", kind: .task, attempt: 3)
        work.schedule = "nightly"
        work.run = 42
        let release = MetadataWriter.Work(job: "j", jobNumber: 1, task: nil, kind: .jobRelease, attempt: 1)
        try store.commit([change(1, "x", #"{"a":1.10}"#), change(2, "x", "{}", in: "other")])
        try store.commit([change(3, "x", "{}", writer: .work(work))])
        let document = try #require(try store.document(key("x")))
        #expect(
            document
                == MetadataDocument(
                    key: key("x"), version: 3, text: "{}", updated: Instant(milliseconds: 1003),
                    writer: .work(work)))
        #expect(try store.document(key("y")) == nil)
        #expect(try store.lastDocumentChange() == 3)
        try store.commit([change(4, "x", nil, writer: .work(release))])
        #expect(try store.document(key("x")) == nil)
        let history = try store.documentChanges(of: key("x"), limit: 9)
        #expect(history.map(\.number) == [4, 3, 1])
        #expect(history.map(\.text) == [nil, "{}", #"{"a":1.10}"#])
        #expect(history.map(\.writer) == [.work(release), .work(work), .user])
        #expect(try store.documentChanges(of: key("x"), before: 4, limit: 1).map(\.number) == [3])
        #expect(try store.metadataCollections().map(\.name) == ["other"])
    }

    /// Rows of a job go with it; what it has written stays.
    @Test func documentsOutliveTheirJob() throws {
        let work = MetadataWriter.Work(job: "j", jobNumber: 1, task: "t", kind: .task, attempt: 1)
        try store.commit([change(1, "x", "{}", writer: .work(work))])
        try store.commit([.deleteJob(1)])
        while store.hasRowsToPurge { try store.purgeJobRows(limit: 10) }
        #expect(try store.document(key("x"))?.writer == .work(work))
        #expect(try store.documentChanges(of: key("x"), limit: 9).count == 1)
    }

    /// Who was told that it is written may rely on it, power cut or not.
    @Test func writesAreNoMereProgress() {
        #expect(!change(1, "x", "{}").isProgress && !change(2, "x", nil).isProgress)
    }

    @Test func historiesAreBounded() throws {
        let large = "{\"a\":\"\(String(repeating: "x", count: MetadataLimits.keptBytes))\"}"
        try store.commit([change(1, "large", large), change(2, "other", "{}")])
        let kept = try #require(try store.documentChanges(of: key("large"), limit: 1).first)
        #expect(kept.text == nil && kept.bytes == large.utf8.count)
        #expect(try store.document(key("large"))?.text == large)

        try store.commit((3..<203).map { change($0, "x", "{\"n\":\($0)}") })
        let history = try store.documentChanges(of: key("x"), limit: 1000)
        #expect(history.count == MetadataLimits.keptChanges)
        #expect(history.first?.number == 202 && history.last?.number == 103)
        #expect(try store.documentChanges(of: key("other"), limit: 9).count == 1)

        let count = Int64(MetadataLimits.keptDeletions) + 5
        try store.commit(
            (0..<count).flatMap {
                [change(1000 + 2 * $0, "d\($0)", "{}"), change(1001 + 2 * $0, "d\($0)", nil)]
            })
        #expect(try store.documentChanges(of: key("d4"), limit: 9).isEmpty)
        #expect(try store.documentChanges(of: key("d5"), limit: 9).count == 2)
        // One that is there again is no deleted one, however old.
        try store.commit([change(5000, "d5", "{}")])
        try store.commit(
            (0..<2).flatMap { [change(6000 + 2 * $0, "e\($0)", "{}"), change(6001 + 2 * $0, "e\($0)", nil)] })
        #expect(try store.documentChanges(of: key("d5"), limit: 9).count == 3)
        #expect(try store.documentChanges(of: key("d6"), limit: 9).isEmpty)
        #expect(try store.documentChanges(of: key("d7"), limit: 9).count == 2)
        #expect(try store.documentChanges(of: key("other"), limit: 9).count == 1)
    }

    @Test func collectionsAreCounted() throws {
        #expect(try store.metadataCollectionCount() == 0)
        try store.commit((1...7).map { change($0, "x\($0)", "{}", in: "c\($0 % 3)") })
        #expect(try store.metadataCollectionCount() == 3)
        #expect(try store.metadataCollections().map(\.documents) == [2, 3, 2])
        #expect(try store.metadataCollections().map(\.updated.milliseconds) == [1006, 1007, 1005])
        #expect(try store.hasDocuments(in: "c1") && !store.hasDocuments(in: "c3"))
    }

    // MARK: Queries

    @Test func conditionsFindWhatTheySay() throws {
        try put([
            ("int", #"{"v":1}"#), ("real", #"{"v":1.0}"#), ("text", #"{"v":"1"}"#), ("yes", #"{"v":true}"#),
            ("no", #"{"v":false}"#), ("null", #"{"v":null}"#), ("none", "{}"), ("list", #"{"v":[1]}"#),
            ("object", #"{"v":{"v":1}}"#), ("objecttext", #"{"v":"{\"v\":1}"}"#), ("two", #"{"v":2}"#),
            ("big", #"{"v":123456789012345678901234567890}"#), ("max", #"{"v":9223372036854775807}"#),
        ])
        let all = try Set(find())
        let cases: [(String, Set<String>)] = [
            ("$.v = 1", ["int", "real"]), ("$.v = 1.0", ["int", "real"]), (#"$.v = "1""#, ["text"]),
            ("$.v = true", ["yes"]), ("$.v = false", ["no"]), ("$.v = null", ["null", "none"]),
            ("$.v != null", all.subtracting(["null", "none"])),
            ("$.v != 1", all.subtracting(["int", "real"])),
            ("$.v != true", all.subtracting(["yes"])), ("$.v > 1", ["two", "big", "max"]),
            ("$.v >= 1", ["int", "real", "two", "big", "max"]), ("$.v < 2", ["int", "real"]),
            ("$.v <= 1", ["int", "real"]), (#"$.v > """#, ["text", "objecttext"]),
            ("$.v = 9223372036854775807", ["max"]), ("$.v = 9223372036854775806", []),
            ("$.v > 1e29", ["big"]), (#"$.v = '{"v":1}'"#, ["objecttext"]), ("$.v.v = 1", ["object"]),
            ("$.v[0] = 1", ["list"]), ("$.v[1] = null", all), ("$.v = 1 and id = 'int'", ["int"]),
            ("id > 'real' and $.v != null", ["text", "yes", "two"]),
            ("id != 'int'", all.subtracting(["int"])),
        ]
        for (text, expected) in cases { #expect(try Set(find(text)) == expected, "\(text)") }
        #expect(try find("$.v = 1", "id != 'int'") == ["real"])
    }

    /// Whatever stands in a query is a value, and names are names.
    @Test func hostileQueriesAreQueries() throws {
        let names = [
            "a b", "a.b", "a[0]", "$", "a'b", "a\\b", "'; DROP TABLE documents; --", "größe", "名前", "a\u{1}b",
            "?1", "#",
            "a\u{7f}", "e\u{301}",
        ]
        try put(
            names.enumerated().map { index, name in
                let value = ExactJSON.object([.init(name, .object([.init("n", .string(name))]))])
                return ("d\(index)", value.compactText)
            })
        for (index, name) in names.enumerated() {
            let quoted = JSONValue.string(name).compactText
            #expect(try find("$.\(quoted).n = \(quoted)") == ["d\(index)"], "\(name)")
            let single = name.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''")
            #expect(try find("$.\(quoted).n = '\(single)'", order: "$.\(quoted).n:desc") == ["d\(index)"])
        }
        #expect(try find(#"$.x = "\" OR 1=1 --""#).isEmpty)
        #expect(try find(#"$.x = "' OR '1'='1""#).isEmpty)
        #expect(try find("$.x = '?1'", "$.y = '$1'").isEmpty)
        let deep = String(repeating: ".a", count: 32)
        #expect(try find("$\(deep) != null").isEmpty)
        #expect(try find().count == names.count)
    }

    @Test func valuesOfAllKindsHaveAnOrder() throws {
        let ordered = [
            ("n0", "{}"), ("n1", #"{"v":null}"#), ("f", #"{"v":false}"#), ("t", #"{"v":true}"#),
            ("i0", #"{"v":-1.5}"#), ("i1", #"{"v":0}"#), ("i2", #"{"v":0.5}"#),
            ("i3", #"{"v":9223372036854775807}"#),
            ("i4", #"{"v":1e300}"#), ("s0", #"{"v":""}"#), ("s1", #"{"v":"10"}"#), ("s2", #"{"v":"9"}"#),
            ("s3", #"{"v":"é"}"#), ("x0", #"{"v":[0]}"#), ("x1", #"{"v":[]}"#), ("y", #"{"v":{}}"#),
        ]
        try put(ordered.reversed())
        let ids = ordered.map(\.0)
        #expect(try find(order: "$.v") == ids)
        #expect(try find(order: "$.v:desc") == ids.reversed())
        #expect(try find(order: "id:desc") == ids.sorted().reversed())
        #expect(try find(order: "updated") == ids.reversed())
        // Page by page it is the same order, wherever a page ends.
        for size in 1...5 {
            for order in ["$.v", "$.v:desc", "id", "id:desc", "updated:desc", nil] {
                let query = try MetadataQuery("c", order: order)
                var (found, cursor): ([String], MetadataCursor?) = ([], nil)
                repeat {
                    let page = try store.documents(query, after: cursor, limit: size)
                    found += page.documents.map(\.key.id)
                    cursor = try page.next.map { try MetadataCursor(token: $0.token(of: query), of: query) }
                } while cursor != nil
                #expect(try found == find(order: order), "\(order ?? "") by \(size)")
            }
        }
    }

    /// What nobody touches comes once, whatever goes and comes around it.
    @Test func pagesAreStableUnderWrites() throws {
        try put((0..<40).map { (String(100 + $0), "{\"v\":\($0 % 7)}") })
        for order in ["$.v", "$.v:desc", nil] {
            let query = try MetadataQuery("c", where: ["$.v != null"], order: order)
            var (found, cursor, round): ([String], MetadataCursor?, Int64) = ([], nil, 0)
            repeat {
                let page = try store.documents(query, after: cursor, limit: 3)
                found += page.documents.map(\.key.id)
                cursor = page.next
                // One that was seen goes and another comes before it; what is to come grows.
                round += 1
                let number = try store.lastDocumentChange()
                try store.commit([
                    change(number + 1, found.last ?? "", nil),
                    change(number + 2, "0\(round)", "{\"v\":\(round % 9)}"),
                    change(number + 3, "9\(round)", "{\"v\":\(round % 9)}"),
                ])
            } while cursor != nil
            let old = found.filter { $0.hasPrefix("1") }
            #expect(Set(old).count == old.count)
            let left = try find().filter { $0.hasPrefix("1") }
            #expect(Set(left).isSubset(of: old))
            try store.commit(
                found.enumerated().map {
                    change(try! store.lastDocumentChange() + 1 + Int64($0.offset), $0.element, nil)
                })
            try put((0..<40).map { (String(100 + $0), "{\"v\":\($0 % 7)}") })
        }
    }

    /// Texts are told apart by their beginnings only, and none is lost for that.
    @Test func longTextsEndNoPage() throws {
        let begin = String(repeating: "é", count: 300)
        try put((0..<9).map { ("d\($0)", #"{"v":"\#(begin)\#(9 - $0)"}"#) })
        let query = try MetadataQuery("c", order: "$.v")
        let first = try store.documents(query, limit: 4)
        let token = try #require(first.next).token(of: query)
        #expect(token.utf8.count < 2000)
        #expect(try find(order: "$.v", after: first.next) == ["d4", "d5", "d6", "d7", "d8"])
    }

    @Test func aPageHasABoundInBytes() throws {
        let text = "{\"a\":\"\(String(repeating: "x", count: 1 << 20))\"}"
        try put((10..<30).map { ("d\($0)", text) })
        let query = try MetadataQuery("c")
        let page = try store.documents(query, limit: 1000)
        #expect(page.documents.count == 8)
        #expect(try store.documents(query, after: page.next, limit: 1000).documents.first?.key.id == "d18")
    }

    @Test func aRowThatIsNoJSONIsOneDocumentsTrouble() throws {
        try put([("a", #"{"v":1}"#), ("b", #"{"v":2}"#), ("c", #"{"v":1}"#), ("d", #"{"v":1}"#)])
        try store.database.execute(
            script: """
                UPDATE documents SET document = '{"v":1' WHERE id = 'b';
                UPDATE documents SET document = x'ff00' WHERE id = 'c';
                """)
        for order in [nil, "$.v", "$.v:desc"] {
            let page = try store.documents(
                MetadataQuery("c", where: ["$.v = 1"], order: order), limit: 10)
            #expect(page.documents.map(\.key.id).sorted() == ["a", "d"])
            #expect(page.unreadable.sorted() == ["b", "c"])
        }
    }
}
