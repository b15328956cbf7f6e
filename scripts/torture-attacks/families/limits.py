"""A service with little: few descriptors, small files. It says so, or goes on; it loses nothing."""

import resource
import signal
import time

from promise import Violation
from round import Family


class Limits(Family):
    name = "limits"
    owns_round = True

    def run(self):
        round, load = self.round, self.round.load
        round.only_we_start = True
        kind, value = self.rng.choice([
            ("files", (resource.RLIMIT_NOFILE, self.rng.randint(24, 64))),
            ("size", (resource.RLIMIT_FSIZE, self.rng.randint(64, 700) << 10)),
        ])
        self.home.ensure_service()
        round.add_pool()
        load.submit(load.bag(self.rng, "j0", 200))
        self.home.signal(self.home.services(), signal.SIGKILL)
        round.eventually(lambda: not self.home.services(), 60, "KILL kills", "no service")
        process = self.home.start_service(limits=[value])
        round.counts.attack(f"services with low limits ({kind})")
        round.note(f"service with {kind} {value[1]}")
        # Idle connections take what is left of its descriptors; commands press it.
        generation = load.bag(self.rng, "j1", 1500, long=0)
        path = load.write(generation)
        commands = [self.home.start("jobs", "add", "--jobs", path, "--pool", round.pool_file)]
        commands += [self.home.start("jobs", "list") for _ in range(10)]
        time.sleep(self.rng.uniform(5, 15))
        status = process.poll()
        if status is not None and status < 0:
            raise Violation(
                "limits do not kill the service without a line", "life, or an exit with a word",
                f"signal {signal.Signals(-status).name}; log: {self.home.service_log()[-800:]}")
        round.counts.check("services that lived with low limits")
        self.home.signal([process.pid], signal.SIGKILL)
        process.wait()
        self.home.signal(self.home.services(), signal.SIGKILL)
        self.home.ensure_service()
        for command in commands:
            command.outcome()
        if load.holds(generation):
            load.accepted(generation)
        else:
            load.submit(generation)
        # What it could not reach with so little may have been given up, and run again.
        round.lose(20)
        load.wait()
        load.check()
