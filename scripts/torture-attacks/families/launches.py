"""Agents that cannot be started, and tasks that kill theirs."""

import os
import shutil
import signal
import time

import processes
from load import RECOVERY_SECONDS, Task
from promise import Violation
from round import Family


class Binary(Family):
    """The program is not to be had for a while, as in the middle of an update; agents die meanwhile."""

    name = "binary"

    def prepare(self):
        self.program = f"{self.round.directory}/shipyard-swift"
        shutil.copy2(self.home.program, self.program)
        self.away = self.program + ".away"
        self.home.program = self.program
        # A command cannot be started either while the program is away.
        self.round.only_we_start = True

    def events(self, duration):
        moment = self.rng.uniform(2, 6)
        for _ in range(2):
            if moment > duration - 6:
                return
            length, draw, asks = self.rng.uniform(0.5, 4.0), self.rng.random(), self.rng.random() < 0.7
            yield moment, lambda length=length, draw=draw, asks=asks: self.take(length, draw, asks)
            moment += length + self.rng.uniform(6, 12)

    def take(self, length, draw, asks):
        """In one action, so that nothing else needs the program meanwhile. Somebody may ask the service all the
        time, so that it has many turns in which to lose its patience."""
        os.rename(self.program, self.away)
        agents = self.home.agents()
        agents = agents[int(draw * len(agents)):]
        self.round.lose(len(agents))
        killed = self.home.signal(agents, signal.SIGKILL)
        self.round.counts.attack("kills of an agent", killed)
        self.round.counts.attack("program unreachable")
        self.round.note(f"program away for {length:.2f} s, KILL agents {agents}")
        end = time.monotonic() + length
        while time.monotonic() < end:
            if asks:
                self.home.get("/service", 1)
            time.sleep(0.02)
        os.rename(self.away, self.program)

    def settle(self):
        if os.path.exists(self.away):
            os.rename(self.away, self.program)

    def check(self):
        self.round.eventually(
            lambda: not self._unusable(), RECOVERY_SECONDS, "a node comes back in time", "no unusable node",
            lambda: self._unusable())
        self.round.counts.check("nodes that came back")

    def _unusable(self):
        nodes = self.home.get_surely("/pools/p/nodes")[1].get("value", [])
        return [node for node in nodes if node["state"] in ("unusable", "unknown")]

    def clear(self):
        if hasattr(self, "away") and os.path.exists(self.away):
            os.rename(self.away, self.program)


class Poison(Family):
    """A task that kills its agent whenever it runs. It ends; the nodes and the other tasks live."""

    name = "poison"
    owns_round = True

    def run(self):
        round, load = self.round, self.round.load
        self.home.ensure_service()
        round.add_pool()
        load.submit(load.bag(self.rng, "j0", self.rng.randint(50, 150), long=0))
        poison = load.generation("poison", [Task(f"x{n}", "poison") for n in range(self.rng.randint(1, 2))], "bag")
        round.lose(1000)  # As often as it takes.
        load.submit(poison)
        round.counts.attack("tasks that kill their agent", len(poison.tasks))
        load.living.pop("poison")
        round.eventually(
            lambda: self.home.get_surely("/jobs/poison")[1].get("state") == "completed", 600,
            "a task that kills its agent ends", "job poison completed",
            lambda: (self.home.get_surely("/jobs/poison")[1], self.home.get_surely("/pools/p/nodes")[1]))
        for task in self.home.tasks("poison"):
            round.counts.check("tasks that failed with their nodes")
            if task["executionInfo"].get("failureInfo", {}).get("code") != "NodeLost":
                raise Violation("a task that kills its agent fails with NodeLost", "NodeLost", task)
        load.wait(600)
        load.check()
        round.eventually(
            lambda: all(n["state"] in ("idle", "running") for n in
                        self.home.get_surely("/pools/p/nodes")[1]["value"]),
            RECOVERY_SECONDS, "nodes outlive a task", "idle nodes", lambda: self.home.get_surely("/pools/p/nodes"))
        round.counts.check("nodes that came back")
