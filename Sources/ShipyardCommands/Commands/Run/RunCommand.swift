import ShipyardAPI

/// `run`: a pool for the purpose, the jobs, their outcome, and nothing left.
enum RunCommand {
    static let command = Command("run", "run the jobs of a directory on a pool of their own")
        .details(
            "Makes a pool, submits the jobs, follows them to their end and removes the pool again. The exit code is the "
                + "outcome: 0 when every task succeeded, 1 when not.",
            "Ctrl-C ends the jobs, copies what --output asks for, takes down what was made, and the exit code is 130; with --keep jobs and pool stay and "
                + "go on. A second ctrl-C leaves everything as it is at that moment.",
            "DIR holds jobs.yaml and, if need be, pool.yaml, config.yaml and credentials.yaml; FILE is a jobs file "
                + "beside them. Without a pool file the pool is one node with a task slot for each CPU. The pool gets "
                + "an id of its own, so a pool of that name that is already there is left alone.",
            "At the end the standard output of each job's merge task, or of its only task, is printed. The other "
                + "files of tasks live on the nodes and go with the pool: --output copies them out first, --keep "
                + "leaves pool and jobs. Where not everything could be copied the run fails, and pool and jobs stay too.",
            "Where --output begins with an alias of the credentials, or with `store:`, it is a place in a store: each task's files "
                + "go there from its node when it ends, and its standard output too when it has failed.",
            "The jobs are this run's own: it is refused where a job of one of their ids is there already, and it "
                + "removes no job but those that it has made."
        )
        .takes(Argument("DIR|FILE", "a directory of specs, or a jobs file", values: .file))
        .options(
            .flag("keep", "leave pool and jobs; remove them later with `pool del` and `jobs del`"),
            .value(
                "output", "DIR|ALIAS/CONTAINER/PATH", values: .directory,
                "copy every task's files to DIR/JOB/TASK before the pool goes, or store them as they are made"
            ),
            .value(
                "jobs-at-once", short: "j", "N", values: .number,
                "so many tasks at a time: the pool has N task slots, shared out among its nodes"),
            SharedOptions.parameter, SharedOptions.strict
        )
        .shows { invocation throws(CommandFailure) in try RunFiles.shown(invocation) }
        .example("run jobs/hello -j 4", "runs four tasks at a time")
        .example("run jobs/hello", "runs the jobs of a directory")
        .example(
            "run jobs/sweep/jobs.yaml --output results", "runs one jobs file and keeps what its tasks wrote"
        )
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let files = try RunFiles(invocation)
        let interruption = Interruption.begin()
        defer { interruption.end() }
        interruption.say("left as it is: shipyard-swift status shows what there is, and these remove it: \(files.removal)")
        var run = PurposeRun(try invocation.service(), invocation, files)
        // Whatever happens, what was made is taken down; the first failure is the one that is told.
        let outcome: Result<ExitCode, CommandFailure>
        do throws(CommandFailure) {
            outcome = .success(try run.work())
        } catch {
            if Interruption.hasCome {
                // It may have been in the midst of something: what that says is worth a line, and not the exit code.
                invocation.console.report(error)
                outcome = .success(.interrupted)
            } else {
                outcome = .failure(error)
            }
        }
        let isClean: Bool
        do throws(CommandFailure) {
            isClean = try run.tearDown()
        } catch {
            if case .failure(let first) = outcome { throw first }
            guard case .success(.interrupted) = outcome else { throw error }
            invocation.console.report(error)
            return .interrupted
        }
        let code = try outcome.get()
        return isClean ? code : max(code, .failed)
    }

    private static func max(_ left: ExitCode, _ right: ExitCode) -> ExitCode {
        left.rawValue >= right.rawValue ? left : right
    }
}
