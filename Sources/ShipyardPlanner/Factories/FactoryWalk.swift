import ShipyardModel
import ShipyardSpecs

/// Walks the tuples of one factory once, in Batch Shipyard's order.
struct FactoryWalk {
    var factory: TaskFactorySpec
    var setting: PlanSetting
    var world: any PlannerWorld
    var call: GeneratorCall

    /// What one task gets of its factory.
    struct Item {
        var arguments = FormatTemplate.Arguments()
        /// The file of a `file` factory's task.
        var transfer: StorageTransferSpec?
    }

    /// How many tasks there will be, where that is known without walking.
    func knownCount() throws(PlanFailure) -> Int? {
        switch factory {
        case .repeated(let count): return max(0, count)
        case .random(let spec): return max(0, spec.generate)
        case .empty: return 0
        case .custom: return nil
        case .file(let spec):
            _ = try place(of: spec)
            return nil
        case .unknown(let kind): throw .unknownFactory(kind)
        case .product, .productIterables, .combinations, .permutations, .zip:
            guard let count = try sweep()?.count else { throw .tooManyTasks }
            return count
        }
    }

    /// `repeat` alone takes the command as it is, braces and all.
    var formatsCommand: Bool { if case .repeated = factory { false } else { true } }

    private func sweep() throws(PlanFailure) -> Sweep? {
        do {
            return try Sweep(factory)
        } catch {
            throw .factory(error)
        }
    }

    /// Calls `body` for each task until it answers false.
    func run(_ random: inout PythonRandom, _ body: (inout Item) -> Bool) throws(PlanFailure) {
        var item = Item()
        switch factory {
        case .repeated(let count):
            for _ in 0..<max(0, count) where !body(&item) { return }
        case .random(let spec): try run(spec, &random, &item, body)
        case .file(let spec): try run(spec, body)
        case .custom(let spec): try run(spec, &item, body)
        case .empty: return
        case .unknown(let kind): throw .unknownFactory(kind)
        case .product, .productIterables, .combinations, .permutations, .zip:
            guard var sweep = try sweep() else { return }
            while sweep.advance(&item.arguments.positions) {
                guard body(&item) else { return }
            }
        }
    }

    private func run(
        _ spec: RandomFactorySpec, _ random: inout PythonRandom, _ item: inout Item,
        _ body: (inout Item) -> Bool
    ) throws(PlanFailure) {
        switch spec.seed {
        case .absent: break
        case .null: random.seed(words: world.entropy())
        case .magnitude(let words): random.seed(words: words)
        }
        let distribution = RandomDistribution(spec)
        if spec.generate <= 0, let error = distribution.missing(random) { throw .factory(error) }
        for _ in 0..<max(0, spec.generate) {
            do {
                item.arguments.positions = [try distribution.next(&random)]
            } catch {
                throw .factory(error)
            }
            guard body(&item) else { return }
        }
    }

    private func run(
        _ spec: CustomFactorySpec, _ item: inout Item, _ body: (inout Item) -> Bool
    ) throws(PlanFailure) {
        do {
            try world.forEachRow(of: spec, in: call) { row in
                item.arguments.positions = row
                return body(&item)
            }
        } catch {
            throw .world(error)
        }
    }

    private func run(_ spec: FileFactorySpec, _ body: (inout Item) -> Bool) throws(PlanFailure) {
        let (account, taskFilePath) = try place(of: spec)
        let names = FileFactoryNames(spec, account: account)
        let filter = NameFilter(include: spec.include, exclude: spec.exclude)
        do {
            try world.forEachFile(in: names.listing) { name in
                // A filter that keeps nothing makes no task that would ask.
                guard filter.keeps(name) else { return !world.isStopped }
                var item = names.item(for: name, taskFilePath)
                return body(&item)
            }
        } catch {
            throw .world(error)
        }
    }

    /// What a `file` factory must say before anything is listed.
    private func place(
        of spec: FileFactorySpec
    ) throws(PlanFailure) -> (account: StorageAccount, FileFactorySpec.TaskFilePath) {
        guard let taskFilePath = spec.taskFilePath else { throw .noTaskFilePath }
        guard let account = setting.account(of: spec.storageAccountSettings.value) else {
            throw .unknownAlias(spec.storageAccountSettings)
        }
        return (account, taskFilePath)
    }
}
