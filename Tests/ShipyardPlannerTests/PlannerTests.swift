import Foundation
import ShipyardDiagnostics
import ShipyardModel
import ShipyardSpecs
import Testing

@testable import ShipyardPlanner

struct PlannerTests {
    /// A member that the document of a plan forgets would be lost with the next restart.
    @Test func aPlanIsStoredWithoutItsTemplatesAndNothingElseIsLeftOut() throws {
        let plan = JobPlan(id: try #require(JobID("j")))
        let members = Set(Mirror(reflecting: plan).children.compactMap(\.label))
        #expect(
            members.subtracting(JobPlan.CodingKeys.allCases.map(\.rawValue)) == ["templates", "taskCount"])
    }

    // MARK: - Merging

    @Test func aTasksSettingsWinOverItsJobs() throws {
        let planned = Planned(
            """
            job_specifications:
            - id: j
              environment_variables: {A: job, B: job}
              max_task_retries: 2
              retention_time: 01:00:00
              exit_conditions: {default: {exit_options: {job_action: terminate}}}
              tasks:
              - command: x
              - command: y
                environment_variables: {B: task, C: 7}
                max_task_retries: -1
                retention_time: 00:00:05
                exit_conditions: {default: {exit_options: {dependency_action: satisfy}}}
            """)
        let templates = try #require(planned.sink.jobs.first).templates
        #expect(templates[0].environment.map(\.value) == ["job", "job"])
        #expect(templates[0].maxTaskRetries == 2)
        #expect(templates[0].retentionTime == .seconds(3600))
        #expect(templates[0].dependencyAction == .block)
        #expect(templates[1].environment.map { "\($0.name)=\($0.value)" } == ["A=job", "B=task", "C=7"])
        #expect(templates[1].maxTaskRetries == -1)
        #expect(templates[1].retentionTime == .seconds(5))
        #expect(templates[1].jobAction == .terminate)
        #expect(templates[1].dependencyAction == .satisfy)
        #expect(planned.sink.jobs[0].performsExitOptionsJobAction)
        #expect(!planned.sink.jobs[0].usesTaskDependencies)
    }

    /// A secret wins over the plain variables of its level, and all of a task over all of its job.
    @Test func templateHasTheReferencesOfItsSecretsWeakestFirst() throws {
        let (specs, _) = SpecLoader.load([
            SpecSource(
                .jobs,
                SourceText(
                    name: "jobs.yaml",
                    text: """
                        job_specifications:
                        - id: j
                          environment_variables: {A: job}
                          tasks:
                          - command: x
                          - {command: y, environment_variables: {B: task}}
                        """))
        ])
        let written = try #require(specs.jobs)
        func templates(job: String?, task: String?) -> [TaskTemplate] {
            var jobs = written
            jobs.jobs[0].environmentSecret = job.flatMap { SecretReference($0) }
            jobs.jobs[0].tasks[1].environmentSecret = task.flatMap { SecretReference($0) }
            var sink = CollectingPlanSink()
            var diagnostics = Diagnostics()
            var planner = Planner(jobs, setting: PlanSetting(), world: VectorWorld())
            #expect(planner.planAll(into: &sink, &diagnostics))
            #expect(sink.jobs[0].environmentSecret?.text == job)
            return sink.jobs[0].templates
        }
        let both = templates(job: "of-job", task: "of-task")
        #expect(both[0].environmentSecrets == [EnvironmentSecret(SecretReference("of-job")!)])
        let yielding = EnvironmentSecret(
            SecretReference("of-job")!, yieldsTo: [EnvironmentVariable(name: "B", value: "task")])
        #expect(both[1].environmentSecrets == [yielding, EnvironmentSecret(SecretReference("of-task")!)])
        #expect(both[1].environment.map(\.name) == ["A", "B"])
        #expect(templates(job: nil, task: nil).allSatisfy { $0.environmentSecrets == nil })
        // A template of before there were any has the same bytes.
        let text = try JSONCoding.encodeText(templates(job: nil, task: nil)[1])
        #expect(!text.contains("ecret"))
        #expect(try JSONCoding.decode(TaskTemplate.self, from: try JSONCoding.encodeText(both[1])) == both[1])
    }

    private let volumes = """
        batch_shipyard: {storage_account_settings: s}
        global_resources: {volumes: {data_volumes: {one: {container_path: /1}, two: {container_path: /2}}}}
        """

    @Test(arguments: [
        ("[one]", "[two]", [DiagnosticCode]()), ("[one]", "[one]", [.repeatedVolume]),
        ("[]", "[two, two]", [.repeatedVolume]), ("[]", "[twoo]", [.unknownVolume]),
    ])
    func volumesOfJobAndTaskComeTogether(_ job: String, _ task: String, _ errors: [DiagnosticCode]) {
        let planned = Planned(
            """
            job_specifications:
            - id: j
              data_volumes: \(job)
              tasks:
              - {command: x, data_volumes: \(task)}
              - {command: x}
            """, config: volumes)
        #expect(planned.errors == errors)
    }

    // MARK: - What must be refused

    private static let pool = """
        pool_specification:
          id: farm
          vm_configuration: {platform_image: {publisher: a, offer: b, sku: c}}
          vm_size: STANDARD_D2_V2
          vm_count: {dedicated: 2}
          max_tasks_per_node: 4
        """

    @Test(arguments: [
        ("tasks: [{command: x, required_slots: 5}]", DiagnosticCode.neverFitsNode),
        ("tasks: [{command: x, multi_instance: {num_instances: 2}}]", .invalidMultiInstance),
        ("recurrence: {schedule: {start_window: 00:10:00}}, tasks: []", .recurrenceIntervalMissing),
        ("autogenerated_task_id: {prefix: 'a b'}, tasks: [{command: x}]", .invalidTaskID),
        (
            "tasks: [{command: x, task_factory: {parametric_sweep: {product: [{start: 0, stop: 9, step: 0}]}}}]",
            .factoryRefused
        ),
        ("tasks: [{command: '{', task_factory: {parametric_sweep: {zip: [[a]]}}}]", .commandNotFormatted),
        (
            "tasks: [{command: '{:2000000}', task_factory: {parametric_sweep: {zip: [[a]]}}}]",
            .commandNotFormatted
        ),
        (
            "tasks: [{command: x, task_factory: {random: {generate: 1, distribution: {uniform: {a: '1', b: 2}}}}}]",
            .factoryRefused
        ),
        // A parameter is looked up before the first of no values.
        (
            "tasks: [{command: x, task_factory: {random: {generate: 0, distribution: {gauss: {mu: 1}}}}}]",
            .factoryRefused
        ),
        ("tasks: [{command: x, task_factory: {repeat: 5000000000}}]", .tooManyTasks),
    ])
    func aJobThatCannotWorkIsRefused(_ job: String, _ code: DiagnosticCode) {
        let planned = Planned("job_specifications:\n- {id: j, \(job)}\n", pool: Self.pool)
        #expect(!planned.isAccepted)
        #expect(planned.errors == [code])
    }

    @Test func jobsDifferInMoreThanCase() {
        let planned = Planned("job_specifications:\n- {id: j, tasks: []}\n- {id: J, tasks: []}\n")
        #expect(planned.errors == [.duplicateJobID])
    }

    @Test func anUnknownStorageAliasIsRefusedOnceCredentialsAreThere() {
        let yaml = """
            job_specifications:
            - id: j
              tasks:
              - command: x {file_name}
                task_factory: {file: {azure_storage: {storage_account_settings: flims, remote_path: c}, task_filepath: file_name}}
            """
        let planned = Planned(
            yaml, credentials: "credentials: {storage: {films: {account: films, account_key: a}}}\n")
        #expect(planned.errors == [.unknownStorageAlias])
        #expect(planned.diagnostics.all.last?.help == "did you mean `films`?")
    }

    @Test func severalMistakesGiveAsManyMessages() {
        let planned = Planned(
            """
            job_specifications:
            - id: j
              tasks:
              - {id: a, command: x, depends_on: [nobody]}
              - {id: a, command: x}
              - {command: '{1}', task_factory: {parametric_sweep: {zip: [[a]]}}}
            - id: k
              tasks:
              - {id: b, command: x, depends_on: [b]}
            """)
        #expect(planned.errors == [.duplicateTaskID, .commandNotFormatted, .dependencyCycle])
    }

    // MARK: - The random stream

    /// The values are CPython's for the same calls in the same order.
    @Test func anUnseededFactoryContinuesTheStreamOfTheJobBefore() {
        let planned = Planned(
            """
            job_specifications:
            - id: a
              tasks:
              - {command: '{}', task_factory: {random: {generate: 3, seed: 5, distribution: {gauss: {mu: 0, sigma: 1}}}}}
              - {command: '{}', task_factory: {random: {generate: 1, distribution: {gauss: {mu: 10, sigma: 1}}}}}
            - id: b
              tasks:
              - {command: '{}', task_factory: {random: {generate: 2, distribution: {uniform: {a: 0, b: 1}}}}}
              - {command: '{}', task_factory: {random: {generate: 2, integer: {start: 0, stop: 100, step: 1}}}}
              - {command: '{}', task_factory: {random: {generate: 1, distribution: {gauss: {mu: 0, sigma: 1}}}}}
            """)
        #expect(
            planned.commands == [
                "-1.1788417512306717", "-1.1481606807908016", "0.6694689143859696", "7.7060899053680885",
                "0.05185325369909766", "0.15685132230226662", "47", "60", "-0.7468167265100187",
            ])
    }

    // MARK: - Size

    @Test func aHugeSweepIsCountedWithoutBeingWalked() {
        let planned = Planned(
            """
            job_specifications:
            - id: j
              tasks:
              - command: x
                task_factory: {parametric_sweep: {product: [{start: 0, stop: 1000000, step: 1}, {start: 0, stop: 1000000, step: 1}]}}
            """)
        #expect(planned.errors == [.tooManyTasks])
    }

    @Test func sweepsCountWhatTheyWalk() throws {
        let iterable = IterableSpec.items(["a", "b", "c", "d", "e"])
        var factories: [TaskFactorySpec] = [
            .product([RangeSpec(start: 5, stop: -3, step: -3), RangeSpec(start: 0, stop: 7, step: 2)]),
            .product([RangeSpec(start: 0, stop: 0, step: 1)]), .product([]), .zip([]),
            .zip([iterable, .characters("xyz")]), .productIterables([iterable, .characters("xy")]),
        ]
        for length in 0...6 {
            factories.append(.combinations(iterable, length: length, replacement: false))
            factories.append(.combinations(iterable, length: length, replacement: true))
            factories.append(.permutations(iterable, length: length))
        }
        for factory in factories {
            var sweep = try #require(try Sweep(factory))
            var values: [PythonValue] = []
            var seen: Set<[PythonValue]> = []
            var count = 0
            while sweep.advance(&values) {
                count += 1
                seen.insert(values)
            }
            #expect(count == sweep.count, "\(factory)")
            #expect(seen.count == count, "\(factory)")
        }
    }
}
