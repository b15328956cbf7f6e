"""Nobody asks: no client is connected, and what happens is seen in the ledger and the file system alone."""

import os
import signal
import time

import processes
from promise import Violation
from round import Family

# A service that goes on only when its long sleep is over takes a minute for a step, and a chain has many.
SECONDS = 150


class Quiet(Family):
    name = "quiet"
    owns_round = True

    def run(self):
        round, load = self.round, self.round.load
        self.home.ensure_service()
        round.add_pool()
        for number in range(self.rng.randint(1, 2)):
            load.submit(load.chain(f"c{number}", self.rng.randint(6, 20)))
        load.submit(load.ladder("r", self.rng.randint(10, 20), min(4, round.nodes * round.slots)))
        load.submit(load.layers(self.rng, "j1", 6, 8))
        self._kill_idle = self.rng.random() < 0.5
        self._finish("dependent tasks start by themselves")
        for _ in range(self.rng.randint(1, 2)):
            self._agent_dies()
        load.wait()
        load.check()
        self._pool_goes()

    def _ended(self):
        ends = {(l.job, l.task) for l in self.round.ledger.lines() if l.word == "end"}
        return sum((job, task) in ends for job, g in self.round.load.living.items() for task in g.tasks)

    def _finish(self, promise):
        total = sum(len(generation.tasks) for generation in self.round.load.living.values())
        self.round.counts.attack("phases without a client")
        self.round.eventually(
            lambda: self._ended() == total, SECONDS, promise, f"{total} tasks done with nobody asking",
            lambda: f"{self._ended()} tasks done")
        self.round.counts.check("progress without a client", total)

    def _agent_dies(self):
        """An idle agent dies; it is replaced though nobody asks."""
        agents = self.home.agents()
        agent = agents[int(self.rng.random() * len(agents))]
        self.round.lose()
        processes.send(agent, signal.SIGKILL)
        self.round.counts.attack("kills of an agent")
        self.round.counts.attack("phases without a client")
        self.round.eventually(
            lambda: len(self.home.agents()) == len(agents), SECONDS, "a dead agent is replaced by itself",
            f"{len(agents)} agents", lambda: processes.describe(self.home.agents()))
        self.round.counts.check("agents replaced without a client")

    def _pool_goes(self):
        outcome = self.home.run("pool", "del", "--poolid", "p", "-y")
        if outcome.code != 0:
            raise Violation("a pool can be deleted", "exit code 0", outcome)
        self.round.counts.attack("phases without a client")
        self.round.counts.attack("pool deletions")
        root = f"{self.home.nodes}/p"
        self.round.eventually(
            lambda: not os.path.exists(root), SECONDS, "a pool goes by itself", f"no {root}",
            lambda: f"{os.listdir(root)}; {processes.describe(self.home.agents())}")
        self.round.counts.check("pools that went without a client")
