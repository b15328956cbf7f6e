import ShipyardModel
import ShipyardService

// Users and accidents of the simulation beyond the plain course of jobs.

extension Simulation {
    func planFaults() {
        for silence in scenario.silences {
            plan(silence.at) {
                self.substrate.stopAnAgent(for: silence.length, isGivenUp: silence.isGivenUp)
            }
        }
        for trouble in scenario.troubles {
            plan(trouble.at) { self.substrate.troubleAnAgent(for: trouble.length) }
        }
        for step in scenario.clockSteps {
            plan(step.at) {
                self.substrate.wallError = TimeSpan(
                    milliseconds: self.substrate.wallError.milliseconds + step.by.milliseconds)
            }
        }
        for at in scenario.reboots {
            plan(at) {
                guard let core = self.core,
                    let node = core.inspect({ $0.nodes(of: self.scenario.pool.id).first })
                else { return }
                try? core.rebootNode(node.record.id.text, of: "pool", at: self.substrate.moment)
            }
        }
        for disabling in scenario.disablings {
            disablings += 1
            plan(disabling.at) { self.disable(disabling.job, for: disabling.length) }
        }
        for recreation in scenario.recreations {
            jobsToRecreate += 1
            plan(recreation.at) { self.recreate(recreation.job) }
        }
    }

    private func plan(_ at: Instant, _ act: @escaping () -> Void) {
        substrate.schedule(.user(addUser(act)), after: at.milliseconds)
    }

    private func disable(_ job: Int, for length: Int64) {
        try? core?.disableJob(scenario.jobs[job].plan.id.text, at: substrate.moment)
        substrate.schedule(.user(addUser { self.enable(job) }), after: length)
    }

    private func enable(_ job: Int) {
        let id = scenario.jobs[job].plan.id
        guard let core, let number = core.inspect({ $0.jobNumber(id) }) else {
            disablings -= 1
            return
        }
        switch core.inspect({ $0.job(number)?.state }) {
        case .disabled, .disabling:
            try? core.enableJob(id.text, at: substrate.moment)
            retry { self.enable(job) }
        default: disablings -= 1
        }
    }

    /// `jobs del` and then `jobs add`, as soon as the id is free.
    private func recreate(_ index: Int) {
        let id = scenario.jobs[index].plan.id
        guard let core, let number = core.inspect({ $0.jobNumber(id) }) else {
            jobsToRecreate -= 1
            return
        }
        submitted.remove(index)
        delete(number, index)
    }

    private func delete(_ number: UInt32, _ index: Int) {
        let id = scenario.jobs[index].plan.id
        guard let core, core.inspect({ $0.jobNumber(id) }) == number else {
            deletedJobs.insert(number)
            jobsToRecreate -= 1
            return submit(index)
        }
        _ = try? core.deleteJob(id.text, at: substrate.moment)
        retry { self.delete(number, index) }
    }
}
