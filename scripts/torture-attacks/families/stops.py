"""STOP and CONT, for moments and for longer than the silence that is put up with."""

import signal
import time

import processes
from load import JOB_SECONDS
from promise import Violation
from round import Family


class Stops(Family):
    name = "stops"

    def events(self, duration):
        for moment in self.moments(duration, 4.0):
            target, draw = self.rng.choice(["service", "agent", "agent", "both"]), self.rng.random()
            length = self.rng.uniform(0.05, 1.5) if self.rng.random() < 0.6 else self.rng.uniform(3.0, 16.0)
            length = min(length, max(0.05, duration - moment))
            yield moment, lambda target=target, draw=draw, length=length: self.stop(target, draw, length)

    def stop(self, target, draw, length):
        services, agents = self.home.services(), self.home.agents()
        agents = agents[int(draw * len(agents)):][:1]
        found = {"service": services, "agent": agents, "both": services + agents}[target]
        if target != "service":
            # An agent that is silent for long is taken for lost, and what it had is run elsewhere.
            self.round.lose(len(agents))
        stopped = [p for p in found if processes.send(p, signal.SIGSTOP)]
        if not stopped:
            return
        self.round.counts.attack(f"stops of {'both' if target == 'both' else 'the ' + target}")
        self.round.note(f"STOP {target} {stopped} for {length:.2f} s")
        self.round.later(length, lambda: self.go_on(target, stopped))

    def go_on(self, target, stopped):
        for process in stopped:
            processes.send(process, signal.SIGCONT)
        self.round.counts.attack(f"continues of {'both' if target == 'both' else 'the ' + target}")
        self.round.note(f"CONT {target} {stopped}")


class Silent(Family):
    """Agents that stop and are never continued: their work goes on elsewhere, and what is asked of them ends."""

    name = "silent"
    owns_round = True

    def run(self):
        round, load = self.round, self.round.load
        self.home.ensure_service()
        round.add_pool()
        load.submit(load.bag(self.rng, "j0", 30 * round.capacity))
        load.submit(load.layers(self.rng, "j1", 5, 8))
        time.sleep(self.rng.uniform(0.5, 3))
        for _ in range(self.rng.randint(1, 2)):
            self._stop_some()
            time.sleep(self.rng.uniform(0, 12))
        if self.rng.random() < 0.4:
            self._terminate()
        load.wait()
        load.check()
        # Those that come back find that their node is another's by now.
        round.counts.attack("continues of an agent that was lost", self.home.signal(self.stopped, signal.SIGCONT))
        load.submit(load.bag(self.rng, "j2", 30 * round.capacity, long=0))
        load.wait()
        load.check()

    def _stop_some(self):
        agents = self.home.agents()
        chosen = [p for p in agents if self.rng.random() < 0.6] or agents[:1]
        self.stopped = getattr(self, "stopped", []) + chosen
        self.round.lose(len(chosen))
        self.round.counts.attack("stops of the agent for good", self.home.signal(chosen, signal.SIGSTOP))
        self.round.note(f"STOP agents {chosen} for good")

    def _terminate(self):
        """A job that may have work on a silent node is ended, within what a loss takes."""
        job = self.rng.choice(["j0", "j1"])
        outcome = self.home.run("jobs", "term", "--jobid", job, "-y", "--wait", seconds=JOB_SECONDS)
        if "has ended already" in outcome.messages:
            return
        self.round.load.living[job].was_terminated = True
        self.round.counts.attack("terminations with a silent node")
        if outcome.code != 0:
            raise Violation("a job is terminated though a node is silent", "exit code 0", outcome)
