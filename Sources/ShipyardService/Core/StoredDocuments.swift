import ShipyardEngine
import ShipyardModel
import ShipyardPlanner
import ShipyardStore

/// A value that the database keeps, or why it cannot be read. That is the trouble of one job or pool, and no reason
/// to end the service.
enum Stored<Value> {
    case value(Value)
    case problem(String)

    init(_ problem: DocumentProblem) {
        self = .problem("what the state file has of it cannot be read: \(problem)")
    }
}

extension Stored where Value: Document {
    init(_ record: DocumentRecord?, named name: String) {
        do throws(DocumentProblem) {
            self = .value(try Value(record, named: name))
        } catch {
            self.init(error)
        }
    }
}

/// What the engine must know of the templates in the database. One that many jobs share is read once.
struct StoredTemplates {
    private var known: [Int64: Result<TaskRules, DocumentProblem>] = [:]

    /// Of all templates of a job, by position.
    mutating func rules(of job: UInt32, in store: StoreReader) throws(StoreError) -> Stored<[TaskRules]> {
        var rules: [TaskRules] = []
        for row in try store.templateNumbers(of: job) {
            let name = "its template \(rules.count)"
            guard row.position == rules.count else { return Stored(DocumentProblem("\(name) is not there")) }
            switch try self.rules(ofTemplate: row.number, in: store) {
            case .success(let template): rules.append(template)
            case .failure(let problem): return Stored(DocumentProblem(name + problem.description))
            }
        }
        return .value(rules)
    }

    private mutating func rules(
        ofTemplate number: Int64, in store: StoreReader
    ) throws(StoreError) -> Result<TaskRules, DocumentProblem> {
        if let known = known[number] { return known }
        let record = try store.template(number: number)
        let read: Result<TaskRules, DocumentProblem>
        do throws(DocumentProblem) {
            // Each job has another name for it.
            read = .success(TaskRules(try TaskTemplate(record, named: "")))
        } catch {
            read = .failure(error)
        }
        known[number] = read
        return read
    }
}
