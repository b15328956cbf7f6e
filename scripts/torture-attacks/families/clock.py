"""Steps of the wall clock, seen by service, agents and commands alike. Durations are not measured by it."""

import glob
import os
import shutil
import time

from load import Task
from promise import Violation
from round import Family

HOURS = 3600.0


class Clock(Family):
    name = "clock"

    @staticmethod
    def is_possible(tools):
        if tools.clock is None:
            return "no C compiler"
        return None if shutil.which("patchelf") else "no patchelf (apt-get install patchelf)"

    def prepare(self):
        tools = self.round.tools
        tools.step_clock(0)
        self.home.program = tools.with_clock(self.round.program)
        # Long enough for every round, and far shorter than a step.
        self.round.job_options = {"max_wall_time": "00:40:00"}
        self.offset = 0.0
        self.waiting = None

    def events(self, duration):
        yield 0.1, self.begin
        for moment in self.moments(duration, 4.0):
            step = self.rng.choice([-1, 1]) * self.rng.uniform(1.9, 2.1) * HOURS
            yield moment, lambda step=step: self.step(step)

    def begin(self):
        """A job that must outlive every step, somebody who waits for it, and one that must still run out of time."""
        load = self.round.load
        tasks = [Task("long", "sleep", f"{self.round.duration + 5:.0f}")]
        self.patient = load.generation("patient", tasks, "layers")
        load.submit(self.patient, more={"max_wall_time": "00:30:00"})
        # In a state of its own: its end is the point, so it is not among those that must succeed.
        self.short = load.generation("short", [Task("long", "sleep", "3000")], "bag")
        path = load.write(self.short, {"max_wall_time": "00:00:20"})
        self.home.run("jobs", "add", "--jobs", path, "--pool", self.round.pool_file)
        self.kept = load.generation("kept", [Task(f"k{n}", "quick") for n in range(8)], "bag")
        path = load.write(self.kept, {"retention_time": "00:00:10"})
        self.home.run("jobs", "add", "--jobs", path, "--pool", self.round.pool_file)
        self.waiting = self.home.start("jobs", "wait", "--jobid", "patient")

    def step(self, step):
        # Not ever further in one direction: years are another matter.
        if abs(self.offset + step) > 4.5 * HOURS:
            step = -step
        self.offset += step
        self.round.tools.step_clock(self.offset)
        self.round.counts.attack("clock steps")
        self.round.note(f"clock stepped by {step:.0f} s to {self.offset:.0f} s")

    def check(self):
        counts = self.round.counts
        if self.waiting is not None:
            outcome = self.waiting.outcome()
            counts.check("waits across clock steps")
            others = any(family.name in ("kills", "stops", "disk") for family in self.round.families)
            # Where the round has killed the task, or removed the job, the wait says so.
            is_there = self.round.load.living.get("patient") is self.patient
            due = 0 if is_there and not self.patient.killed.get("long") else 1
            if outcome.code not in (0, due) and not (others and outcome.code == 4):
                raise Violation("a wait does not mind the clock", "exit code 0", outcome)
        for job in self.round.load.living:
            status, answer = self.home.get_surely(f"/jobs/{job}")
            counts.check("jobs whose wall time was measured")
            if answer.get("terminateReason") == "MaxWallClockTimeExpiry":
                raise Violation("a wall time is a duration", f"job {job} not expired", answer)
        # And what is due is still done, whichever way the clock went.
        self.round.eventually(
            lambda: self.home.get_surely("/jobs/short")[1].get("state") in ("completed", None), 150,
            "a job ends with its wall time", "job short terminated", lambda: self.home.get_surely("/jobs/short"))
        counts.check("jobs that ended with their wall time")
        pattern = f"{self.home.nodes}/*/*/workitems/kept/*/k*/wd/out-*"
        self.round.eventually(
            lambda: not glob.glob(pattern), 150, "retention goes on", "no files of job kept",
            lambda: glob.glob(pattern))
        counts.check("directories removed after their retention time")

    def clear(self):
        if self.waiting is not None and self.waiting.is_running():
            self.waiting.kill()
        self.round.tools.step_clock(0)
