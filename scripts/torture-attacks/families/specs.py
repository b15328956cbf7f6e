"""Specs that ask for too much. Each is answered, and neither service nor node is the worse for it."""

import json
import os
import time

from promise import Violation
from round import Family

ANSWER_SECONDS = 90


def task(**more):
    return {"id": "t", "command": "true"} | more


def factory(**more):
    return {"command": "echo {0}", "task_factory": more}


def gamma(**more):
    return factory(random={"generate": 3, "distribution": {"gamma": more}})


HOSTILE = {
    "endless wall time of a task": {"tasks": [task(max_wall_time="200000000.00:00:00")]},
    "endless wall time of a job": {"max_wall_time": "999999999.23:59:59", "tasks": [task()]},
    "endless retention": {"tasks": [task(retention_time="200000000.00:00:00")]},
    "retries without end": {"tasks": [task(max_task_retries=9223372036854775807)]},
    "gamma of infinity": {"tasks": [gamma(alpha=float("inf"), beta=1.0)]},
    "gamma of 1e308": {"tasks": [gamma(alpha=1e308, beta=1.0)]},
    "gamma of a tiny number": {"tasks": [gamma(alpha=5e-324, beta=1e308)]},
    "a factory of billions": {"tasks": [factory(repeat=4_000_000_000)]},
    "a product of billions": {"tasks": [factory(parametric_sweep={"product": [
        {"start": 0, "stop": 100000, "step": 1}, {"start": 0, "stop": 100000, "step": 1}]})]},
    "priority out of range": {"priority": 2_000_000_000, "tasks": [task()]},
    "a zero byte": {"tasks": [task(command="echo a\0b")]},
    "a command of megabytes": {"tasks": [task(command="echo " + "x" * 5_000_000)]},
    "variables of megabytes": {"environment_variables": {"A": "x" * 3_000_000}, "tasks": [task()]},
}

ENDLESS = {"a factory of billions", "a product of billions"}


class Specs(Family):
    name = "specs"
    owns_round = True

    def run(self):
        round, load = self.round, self.round.load
        self.home.ensure_service()
        round.add_pool()
        load.submit(load.bag(self.rng, "j0", 100, long=0))
        services, agents = self.home.services(), self.home.agents()
        for number, name in enumerate(self.rng.sample(sorted(HOSTILE), 5)):
            self._try(f"h{number}", name)
        load.wait()
        load.check()
        round.counts.check("services and agents that outlived specs", len(services + agents))
        if self.home.services() != services or self.home.agents() != agents:
            raise Violation(
                "no spec ends the service or an agent", f"{services} and {agents}",
                f"{self.home.services()} and {self.home.agents()}; {self.home.service_log()[-800:]}")

    def _try(self, job, name):
        round = self.round
        path = f"{round.directory}/{job}.json"
        with open(path, "w") as file:
            # YAML has infinity, JSON has not; what json writes as Infinity is `.inf` there.
            text = json.dumps({"job_specifications": [{"id": job, "auto_complete": True} | HOSTILE[name]]})
            if "Infinity" in text:
                path = path.removesuffix("json") + "yaml"
            file.write(text)
        if path.endswith("yaml"):
            with open(path, "w") as file:
                file.write(text.replace("Infinity", ".inf"))
        for words in (("validate", "jobs", path), ("jobs", "add", "--jobs", path, "--pool", round.pool_file)):
            command = self.home.start(*words)
            round.counts.attack("hostile specs")
            # A client that gives up takes its planning with it. Of billions of tasks nobody waits for the end.
            if name in ENDLESS or self.rng.random() < 0.3:
                time.sleep(self.rng.uniform(0, 3))
                if command.is_running():
                    command.kill()
                    round.counts.attack("clients that left")
                code = command.outcome().code
                round.note(f"{name}: {' '.join(words[:2])}, which was left → {code}")
                self._check_rest(name)
                continue
            outcome = command.outcome(ANSWER_SECONDS)
            round.note(f"{name}: {' '.join(words[:2])} → {outcome.code}")
            if outcome.code not in (0, 1, 2, 3):
                raise Violation("a hostile spec is answered", f"0 or a refusal for {name}", outcome)
        status, _ = self.home.get(f"/jobs/{job}", ANSWER_SECONDS)
        self.round.counts.check("hostile specs that were borne")
        if status == 200:
            # Endless retries and billions of tasks may run; they are ended as any job is.
            self.home.run("jobs", "del", "--jobid", job, "-y")

    def _check_rest(self, name):
        """The service does not plan on for nobody: it comes to rest."""
        def share():
            before, start = self._processor_seconds(), time.monotonic()
            time.sleep(2)
            return (self._processor_seconds() - before) / (time.monotonic() - start)
        self.round.eventually(
            lambda: share() < 0.3, ANSWER_SECONDS, "planning ends with its client", f"rest after {name}",
            lambda: f"{share():.2f} of a processor")
        self.round.counts.check("services at rest after a client left")

    def _processor_seconds(self):
        ticks = 0
        for process in self.home.services():
            with open(f"/proc/{process}/stat") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")
