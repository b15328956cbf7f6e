import Foundation
import ShipyardModel
import ShipyardSpecs

@testable import ShipyardPlanner

/// The world of the reference results: a directory of containers, jobs with known task ids, and Python for
/// `custom` generators, asked once for each call.
struct VectorWorld: PlannerWorld {
    var storage: URL?
    var modules: URL?
    var existing: [String: [String]] = [:]
    var rows: [[PythonValue]] = []

    func jobExists(_ job: JobID) -> Bool { existing[job.text] != nil }
    func hasTask(_ id: String, in job: JobID) -> Bool { existing[job.text]?.contains(id) == true }

    func forEachTaskID(in job: JobID, prefix: String, _ body: (String) -> Void) {
        for id in existing[job.text] ?? [] where id.hasPrefix(prefix) { body(id) }
    }

    func forEachFile(in listing: FileListing, _ body: (String) -> Bool) throws(PlannerWorldError) {
        guard let storage else { throw PlannerWorldError("no storage") }
        let root = storage.appendingPathComponent("\(listing.account.name)/\(listing.container)")
        guard let walk = FileManager.default.enumerator(atPath: root.path) else {
            throw PlannerWorldError("container `\(listing.container)` does not exist")
        }
        var names: [String] = []
        while let name = walk.nextObject() as? String {
            var isDirectory: ObjCBool = false
            let path = root.appendingPathComponent(name).path
            guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory),
                !isDirectory.boolValue
            else { continue }
            if name.hasPrefix(listing.prefix) { names.append(name) }
        }
        for name in names.sorted() where !body(name) { return }
    }

    func forEachRow(
        of generator: CustomFactorySpec, in call: GeneratorCall, _ body: ([PythonValue]) -> Bool
    ) throws(PlannerWorldError) {
        for row in rows where !body(row) { return }
    }

    func entropy() -> [UInt32] { [1, 2, 3] }
}
