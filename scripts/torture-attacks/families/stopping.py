"""`service stop` while others submit and ask, and several services at once."""

import signal
import time

import processes
from promise import Violation
from round import Family


class Stopping(Family):
    name = "stopping"
    owns_round = True

    def run(self):
        round, load = self.round, self.round.load
        self.home.ensure_service()
        round.add_pool()
        load.submit(load.bag(self.rng, "j0", 200))
        for number in range(self.rng.randint(6, 12)):
            if self.rng.random() < 0.7:
                self._stop_during_submissions(number)
            else:
                self._many_services()
        load.wait()
        load.check()

    def _stop_during_submissions(self, number):
        round, load = self.round, self.round.load
        generations = [load.bag(self.rng, f"s{number}-{n}", self.rng.randint(1, 60), long=0) for n in range(3)]
        paths = [load.write(generation) for generation in generations]
        commands = [
            self.home.start("jobs", "add", "--jobs", path, "--pool", round.pool_file) for path in paths]
        asking = self.home.start("jobs", "list")
        time.sleep(self.rng.uniform(0, 0.15))
        stopped = self.home.run("service", "stop")
        round.counts.attack("stops of the service by command")
        round.counts.attack("submissions during a stop", len(commands))
        if stopped.code not in (0, 1, 4):
            raise Violation("the service can be stopped", "exit code 0", stopped)
        outcomes = [command.outcome() for command in commands]
        asked = asking.outcome()
        round.counts.check("commands that outlived a stop", len(outcomes) + 1)
        round.note(f"stop during {[g.job for g in generations]} → {[o.code for o in outcomes]}")
        for outcome in outcomes + [asked]:
            if outcome.code != 0:
                raise Violation("a command outlives a stop of the service", "exit code 0", outcome)
        for generation in generations:
            if not load.holds(generation):
                raise Violation(
                    "a submission that was answered is there", f"job {generation.job}",
                    self.home.get_surely(f"/jobs/{generation.job}"))
            load.accepted(generation)

    def _many_services(self):
        """Only one of them serves; the others leave without harm. Then that one is killed, or stopped."""
        started = [self.home.start_service() for _ in range(self.rng.randint(2, 5))]
        self.round.counts.attack("services started at once", len(started))
        self.home.ensure_service()
        self.round.eventually(
            lambda: len(self.home.services()) == 1, 90, "a home has one service", "one",
            lambda: processes.describe(self.home.services()))
        self.round.counts.check("homes with one service")
        codes = [process.poll() for process in started]
        if any(code not in (None, 0) for code in codes):
            raise Violation("a second service leaves with 0", "exit codes 0", f"{codes}; {self.home.service_log()[-600:]}")
        if self.rng.random() < 0.5:
            self.home.signal(self.home.services(), signal.SIGKILL)
            self.round.counts.attack("kills of the service")
        self.home.ensure_service()
