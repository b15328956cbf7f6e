"""The home under the service's feet: deleted, replaced, its database or its socket taken away."""

import os
import shutil
import signal
import time

import processes
from load import Load
from promise import Violation
from round import Family

SECONDS = 180


class Homes(Family):
    name = "homes"
    owns_round = True

    def run(self):
        round = self.round
        self.home.ensure_service()
        round.add_pool()
        load = round.load
        load.submit(load.bag(self.rng, "j0", self.rng.randint(50, 150)))
        time.sleep(self.rng.uniform(0, 3))
        attack = self.rng.choice([self._deleted, self._replaced, self._database_away, self._database_away, self._socket])
        round.note(attack.__name__)
        attack()

    def _old(self):
        return [(p, processes.stat(p).start) for p in self.home.services() + self.home.agents() if processes.stat(p)]

    def _begin_anew(self):
        """The home is empty now: what was there is forgotten, and a new pool and job of the same ids work."""
        round = self.round
        self.home.ensure_service(SECONDS)
        round.load = load = Load(round)
        load.numbers = {"j0": 1}  # Generation 2: what the first one left must not be taken for its own.
        round.eventually(
            lambda: self.home.run("pool", "add", "--pool", round.pool_file).code == 0
            or self.home.run("pool", "exists", "--poolid", "p").code == 0,
            SECONDS, "a new home takes a pool", "exit code 0", lambda: self.home.run("pool", "list"))
        load.submit(load.bag(self.rng, "j0", self.rng.randint(50, 150)))
        # What the old agents had is ended, not requeued; the new state has lost nothing of its own by that, but
        # each of its nodes may have been launched over a stranger.
        round.lose(3)
        load.wait()
        load.check()

    def _leave(self, old, what):
        def living():
            return [p for p, start in old if processes.is_alive(p, start)]
        self.round.eventually(
            lambda: not living(), SECONDS, "who lost the home leaves", what, lambda: processes.describe(living()))
        self.round.counts.check("services and agents that left", len(old))

    def _deleted(self):
        old = self._old()
        # Agents write while it goes, so more than once.
        while os.path.exists(self.home.path):
            shutil.rmtree(self.home.path, ignore_errors=True)
        self.round.counts.attack("homes deleted")
        if self.rng.random() < 0.5:
            self._leave(old, "services and agents of the deleted home gone")
            self._begin_anew()
        else:
            self._begin_anew()
            self._leave(old, "services and agents of the deleted home gone")
        self._successor_lives()

    def _replaced(self):
        old = self._old()
        os.rename(self.home.path, f"{self.round.directory}/before")
        os.mkdir(self.home.path, 0o700)
        self.round.counts.attack("homes replaced")
        self._begin_anew()
        self._leave(old, "services and agents of the home that was moved gone")
        self._successor_lives()

    def _successor_lives(self):
        """An old service that goes must not take its successor's socket along."""
        time.sleep(5)
        services = self.home.services()
        self.round.counts.check("successors that kept their socket")
        if not os.path.exists(f"{self.home.path}/service.sock") or not self.home.answers():
            raise Violation(
                "a successor keeps its socket", "an answer", f"services {processes.describe(services)}; "
                f"{os.listdir(self.home.path)}")

    def _database_away(self):
        """As our own message about a damaged state file tells: it is moved away while agents live."""
        alive = self.rng.random() < 0.3
        services, agents = self.home.services(), self.home.agents()
        old = [(p, processes.stat(p).start) for p in agents if processes.stat(p)]
        if not alive:
            self.home.signal(services, signal.SIGKILL)
            self.round.eventually(lambda: not self.home.services(), 60, "KILL kills", "no service")
        else:
            old += [(p, processes.stat(p).start) for p in services if processes.stat(p)]
        os.mkdir(f"{self.round.directory}/state")
        for name in os.listdir(self.home.path):
            if name.startswith("shipyard.db"):
                os.rename(f"{self.home.path}/{name}", f"{self.round.directory}/state/{name}")
        self.round.counts.attack(f"databases moved away ({'living' if alive else 'dead'} service)")
        if alive:
            self._leave([pair for pair in old if pair[0] in services], "the service without its database gone")
        self._begin_anew()
        self._leave([pair for pair in old if pair[0] in agents], "agents of the old state gone")

    def _socket(self):
        os.unlink(f"{self.home.path}/service.sock")
        self.round.counts.attack("sockets removed")
        self.round.eventually(
            lambda: self.home.run("jobs", "list").code == 0, SECONDS, "a service without its socket is found again",
            "exit code 0", lambda: self.home.run("jobs", "list"))
        self.round.counts.check("services found again")
        self.round.load.wait()
        self.round.load.check()
