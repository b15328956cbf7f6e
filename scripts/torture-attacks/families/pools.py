"""Pools that shrink and grow under load, and pools that go and come again under the same id."""

import time

from promise import Violation
from round import Family


class Resizes(Family):
    name = "resizes"

    def events(self, duration):
        for moment in self.moments(duration, 6.0):
            yield moment, lambda nodes=self.rng.randint(1, 4): self.resize(nodes)
        yield duration, lambda: self.resize(self.round.nodes)

    def resize(self, nodes):
        self.round.files_may_go = True
        self.round.lose()  # A node that leaves while its agent is stopped or dead takes what it had with it.
        path = self.round.write_pool(nodes, "resize")
        outcome = self.home.run("pool", "resize", "--pool", path)
        self.round.counts.attack("resizes")
        self.round.note(f"resize to {nodes} → {outcome.code}")


class Pools(Family):
    """`pool del` with work on the nodes, then `pool add` of the same id: the jobs go on there."""

    name = "pools"
    owns_round = True

    def run(self):
        round, load = self.round, self.round.load
        round.files_may_go = True
        self.home.ensure_service()
        round.add_pool()
        load.submit(load.bag(self.rng, "j0", self.rng.randint(200, 500)))
        load.submit(load.layers(self.rng, "j1", 8, 10))
        for _ in range(self.rng.randint(1, 4)):
            time.sleep(self.rng.uniform(0.2, 4))
            round.lose()
            options = ["--wait"] if self.rng.random() < 0.5 else []
            outcome = self.home.run("pool", "del", "--poolid", "p", "-y", *options)
            round.counts.attack("pool deletions")
            round.note(f"pool del {options} → {outcome.code}")
            if outcome.code != 0:
                raise Violation("a pool is removed whole", "exit code 0", outcome)
            if options:
                round.check_nothing_left(f"{self.home.nodes}/p", outcome)
            end = time.monotonic() + 180
            while (outcome := self.home.run("pool", "add", "--pool", round.pool_file)).code != 0:
                if time.monotonic() > end:
                    raise Violation("a removed pool can be added again", "exit code 0 within 180 s", outcome)
                time.sleep(0.2)
            round.counts.attack("pool re-additions")
        load.wait()
        load.check()
