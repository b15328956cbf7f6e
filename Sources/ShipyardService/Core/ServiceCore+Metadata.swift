import ShipyardEngine
import ShipyardMetadata
import ShipyardModel
import ShipyardStore

/// What somebody wants to do to a document.
package struct MetadataCommand: Sendable {
    package enum Act: Sendable {
        /// JSON on one line.
        case put(String)
        case patch(ExactJSON)
        case delete
    }

    package var key: MetadataKey
    package var act: Act
    package var condition: ETagCondition
    /// Nil for a user.
    package var caller: TaskCaller?

    package init(
        _ key: MetadataKey, _ act: Act, if condition: ETagCondition = ETagCondition(),
        by caller: TaskCaller? = nil
    ) {
        self.key = key
        self.act = act
        self.condition = condition
        self.caller = caller
    }
}

package enum MetadataAnswer: Sendable {
    case written(MetadataDocument, isNew: Bool)
    case deleted
    /// The version that is there; nil where there is none.
    case conditionNotMet(Int64?)
    case absent
    /// What a patch would have made of it.
    case tooLarge(Int)
    /// The task has ended since its token was looked at.
    case callerIsOver
}

/// Documents that this turn has changed: what is committed does not have them yet, and of two writes with one ETag only the
/// first may count.
struct MetadataTurn {
    /// The latest number that was given; nil before the database was asked.
    var lastNumber: Int64?
    /// Nil for one that is gone.
    private var changed: [MetadataKey: MetadataDocument?] = [:]

    func document(_ key: MetadataKey) -> MetadataDocument?? { changed[key] }
    mutating func put(_ document: MetadataDocument?, at key: MetadataKey) {
        changed.updateValue(document, forKey: key)
    }
    mutating func end() { changed = [:] }
}

extension ServiceCore {
    package func changeDocument(_ command: MetadataCommand, at now: Moment) throws(Refusal) -> MetadataAnswer
    {
        if let caller = command.caller, !caller.isVisitor, !isUnderWay(caller.work) { return .callerIsOver }
        let present = try present(command.key)
        guard command.condition.holds(for: present?.version) else {
            return .conditionNotMet(present?.version)
        }
        let text: String?
        let kind: MetadataChange.Kind
        switch command.act {
        case .put(let document): (text, kind) = (document, .put)
        case .patch(let patch): (text, kind) = (try patched(present, patch), .patch)
        case .delete:
            guard present != nil else { return .absent }
            (text, kind) = (nil, .delete)
        }
        if let text, text.utf8.count > MetadataLimits.documentBytes { return .tooLarge(text.utf8.count) }
        if text != nil, present == nil { try checkCollection(command.key.collection) }
        let change = MetadataChange(
            number: try nextChangeNumber(), key: command.key, kind: kind, text: text, time: now.wall,
            writer: try writer(command.caller))
        metadataTurn.lastNumber = change.number
        let document = text.map { text in
            MetadataDocument(
                key: change.key, version: change.number, text: text, updated: change.time,
                writer: change.writer)
        }
        metadataTurn.put(document, at: change.key)
        addWrite(.changeDocument(change))
        return document.map { .written($0, isNew: present == nil) } ?? .deleted
    }

    private func present(_ key: MetadataKey) throws(Refusal) -> MetadataDocument? {
        if let changed = metadataTurn.document(key) { return changed }
        return try read { () throws(StoreError) in try store.document(key) }
    }

    /// A patch of nothing makes a document: a task need not ask first whether another one has begun it.
    private func patched(_ present: MetadataDocument?, _ patch: ExactJSON) throws(Refusal) -> String {
        var value = ExactJSON.object([])
        if let present {
            do throws(JSONError) {
                value = try ExactJSON(parsing: Array(present.text.utf8))
            } catch {
                throw .documentUnreadable(present.key)
            }
        }
        return value.merged(with: patch).compactText
    }

    private func checkCollection(_ name: String) throws(Refusal) {
        let count = try read { () throws(StoreError) in
            try store.hasDocuments(in: name) ? 0 : store.metadataCollectionCount()
        }
        guard count < MetadataLimits.collections else {
            throw Refusal(
                .conflict, code: "TooManyCollections",
                "a home has \(MetadataLimits.collections) collections at most, and `\(name)` would be one more"
            )
        }
    }

    private func nextChangeNumber() throws(Refusal) -> Int64 {
        if let last = metadataTurn.lastNumber { return last + 1 }
        return try read { () throws(StoreError) in try store.lastDocumentChange() } + 1
    }

    private func writer(_ caller: TaskCaller?) throws(Refusal) -> MetadataWriter {
        guard let caller else { return .user }
        var work = MetadataWriter.Work(
            job: caller.job.text, jobNumber: caller.jobNumber, task: nil, kind: caller.work.kind,
            attempt: caller.work.attempt)
        if caller.work.kind == .task {
            let key = TaskKey(rawValue: caller.work.key)
            work.task = try read { () throws(StoreError) in try store.definitions(of: [key]).first?.id }
        }
        if let run = try read({ () throws(StoreError) in try store.run(ofJob: caller.jobNumber) }) {
            work.schedule = engine.schedule(run.schedule)?.id.text
            work.run = run.number
        }
        return .work(work)
    }

    private func read<Answer>(_ body: () throws(StoreError) -> Answer) throws(Refusal) -> Answer {
        do throws(StoreError) {
            return try body()
        } catch {
            throw Refusal(error)
        }
    }
}

extension Refusal {
    package static func documentUnreadable(_ key: MetadataKey) -> Refusal {
        Refusal(
            .conflict, code: "StateUnreadable",
            "what is stored of the document `\(key)` is no JSON any more; nothing can be done with it but to put it anew "
                + "or to delete it")
    }
}
