"""Jobs under attack, and what must be true of them in the end.

A job's id is a place; each submission to it is a generation, and a generation's tasks name it in all they write.
"""

import glob
import json
import os
import time

from promise import Violation

BAG, LAYERS = "bag", "layers"
JOB_SECONDS = 420.0
# How long a node may take to come back.
RECOVERY_SECONDS = 300.0


class Task:
    def __init__(self, name, kind, argument="0", depends=(), retries=0, is_merge=False):
        self.name, self.kind, self.argument = name, kind, argument
        self.depends, self.retries, self.is_merge = list(depends), retries, is_merge

    @property
    def planned_code(self):
        return int(self.argument) if self.kind == "exit" else 0


class Generation:
    """One submission. What was done to its tasks from outside is remembered, since it changes what is promised."""

    def __init__(self, job, number, tasks, shape):
        self.job, self.number, self.shape = job, number, shape
        self.tasks = {task.name: task for task in tasks}
        self.was_accepted = False
        self.is_gone = False
        self.was_terminated = False
        self.deletions = {}  # task → exit codes of the commands that deleted it
        self.terminations = set()
        self.killed = {}  # task → how often a process of it was killed from outside


class Load:
    def __init__(self, round):
        self.round, self.home, self.ledger = round, round.home, round.ledger
        self.living = {}  # job id → Generation
        self.gone = []
        self.numbers = {}

    # Shapes

    def bag(self, rng, job, count, long=0.02, retries=True, files=20):
        """Tasks that know nothing of each other. May be deleted, terminated and killed one by one."""
        tasks = []
        for index in range(count):
            name, draw = f"t{index:04}", rng.random()
            if draw < 0.6 and rng.random() < (0.7 if files > 100 else 0.1):
                # What takes its time to be deleted.
                task = Task(name, "files", str(rng.randint(1, files)))
            elif draw < 0.6:
                task = Task(name, "quick")
            elif draw < 0.9:
                task = Task(name, "sleep", f"{rng.uniform(0.02, 0.8):.2f}")
            elif draw < 0.9 + long:
                task = Task(name, "sleep", f"{rng.uniform(4, 12):.1f}")
            elif draw < 0.97 and retries:
                times = rng.randint(1, 3)
                task = Task(name, "retry", str(times), retries=times + 1)
            else:
                task = Task(name, "exit", str(rng.randint(1, 120)))
            tasks.append(task)
        return self.generation(job, tasks, BAG)

    def layers(self, rng, job, depth, width):
        """Layers in which each task waits for some of the layer before it, and a merge task that waits for all."""
        tasks, above = [], []
        for layer in range(depth):
            names = []
            for index in range(rng.randint(1, width)):
                name = f"l{layer:02}-{index:03}"
                depends = rng.sample(above, min(len(above), rng.randint(1, 3))) if above else []
                kind, argument = ("quick", "0") if rng.random() < 0.7 else ("sleep", f"{rng.uniform(0.02, 0.6):.2f}")
                tasks.append(Task(name, kind, argument, depends, retries=8))
                names.append(name)
            above = names
        tasks.append(Task("merge", "quick", depends=[task.name for task in tasks], retries=8, is_merge=True))
        return self.generation(job, tasks, LAYERS)

    def chain(self, job, length):
        tasks = [Task(f"c{n:03}", "quick", depends=[f"c{n - 1:03}"] if n else [], retries=8) for n in range(length)]
        return self.generation(job, tasks, LAYERS)

    def ladder(self, job, depth, width):
        """Each layer waits for the whole layer before it, whose tasks end at about the same moment."""
        tasks, above = [], []
        for layer in range(depth):
            tasks += [Task(f"r{layer:02}-{n}", "quick", depends=above, retries=8) for n in range(width)]
            above = [task.name for task in tasks[-width:]]
        return self.generation(job, tasks, LAYERS)

    def generation(self, job, tasks, shape):
        number = self.numbers.get(job, 0) + 1
        self.numbers[job] = number
        return Generation(job, number, tasks, shape)

    # Submissions

    def write(self, generation, more={}):
        """The jobs file of a generation; JSON, so that nothing has to be quoted twice."""
        merge, tasks = None, []
        for task in generation.tasks.values():
            words = [
                "sh", self.round.tools.task, self.round.directory, generation.job, str(generation.number), task.name,
                task.kind, task.argument,
            ]
            spec = {"id": task.name, "command": " ".join(words), "max_task_retries": task.retries}
            if task.is_merge:
                merge = spec
            else:
                tasks.append(spec | ({"depends_on": task.depends} if task.depends else {}))
        job = {"id": generation.job, "auto_complete": True, "tasks": tasks} | more
        if merge:
            job["merge_task"] = merge
        path = f"{self.round.directory}/{generation.job}-{generation.number}.json"
        with open(path, "w") as file:
            json.dump({"job_specifications": [job]}, file)
        return path

    def submit(self, generation, *options, more={}, seconds=JOB_SECONDS):
        """Submits until the service has it: what it answers may be lost with it, what it took may not."""
        path = self.write(generation, more)
        end = time.monotonic() + seconds
        while True:
            outcome = self.home.run("jobs", "add", "--jobs", path, "--pool", self.round.pool_file, *options)
            if outcome.code == 0 or self.holds(generation):
                break
            if time.monotonic() > end:
                raise Violation("a job can be added", f"success within {seconds:.0f} s", outcome)
            if outcome.code in (2, 3, 70):
                raise Violation("a job can be added", "success or a reason of the moment", outcome)
            time.sleep(0.2)
        self.accepted(generation)

    def holds(self, generation):
        """Whether the service has this very generation."""
        self.home.ensure_service()
        first = next(iter(generation.tasks))
        status, task = self.home.get(f"/jobs/{generation.job}/tasks/{first}")
        return status == 200 and f" {generation.job} {generation.number} " in task.get("commandLine", "")

    def accepted(self, generation):
        generation.was_accepted = True
        before = self.living.get(generation.job)
        if before is not None and before is not generation:
            # The new one could only be taken when the old one was gone.
            before.is_gone = True
            self.gone.append(before)
            self.ledger.mark("gone", before.job, before.number)
        self.living[generation.job] = generation
        self.round.counts.attack("submissions")
        self.round.counts.attack("tasks submitted", len(generation.tasks))

    # The end

    def wait(self, seconds=JOB_SECONDS):
        for job in sorted(self.living):
            self._wait(job, seconds)
            self.round.counts.check("jobs that came to their end")

    def _wait(self, job, seconds):
        end = time.monotonic() + RECOVERY_SECONDS
        while True:
            outcome = self.home.run("jobs", "wait", "--jobid", job, seconds=seconds)
            if outcome.code not in (0, 1):
                raise Violation("a wait ends with the job's outcome", "exit code 0 or 1", outcome)
            status, answer = self.home.get_surely(f"/jobs/{job}")
            if status != 200:
                raise Violation("a job that was taken is there", f"job {job}", f"{status} {answer}; {outcome}")
            if answer.get("terminateReason") == "MaxWallClockTimeExpiry":
                raise Violation("a wall time is a duration", f"job {job} not expired", answer)
            if answer["state"] == "completed":
                return
            # Nodes that were given up come back, which may take them minutes; a wait that is told so ends meanwhile.
            if "node" not in answer.get("blockedReason", "") or time.monotonic() > end:
                raise Violation("every job ends", f"job {job} completed", f"{answer}; {outcome}")
            time.sleep(1)

    def check(self):
        counts, by_task = self.round.counts, self.ledger.by_task()
        self._check_gone()
        known = {(g.job, g.number) for g in [*self.living.values(), *self.gone]}
        for key, lines in by_task.items():
            self._check_instances(key, lines, key[:2] in known)
        for generation in self.living.values():
            self._check_counts(generation)
            listed = {task["id"]: task for task in self.home.tasks(generation.job)}
            self._check_deletions(generation, listed)
            for name, answer in listed.items():
                lines = by_task.get((generation.job, generation.number, name), [])
                self._check_task(generation, generation.tasks[name], answer, lines)
            counts.check("tasks compared with the ledger", len(listed))
            self._check_order(generation, listed, by_task)
            self._check_files(generation, listed)

    def _check_counts(self, generation):
        status, job = self.home.get_surely(f"/jobs/{generation.job}")
        if status != 200:
            raise Violation("a job that was taken is there", f"job {generation.job}", f"{status} {job}")
        counts = job["taskCounts"]
        self.round.counts.check("counts of jobs")
        if min(counts.values()) < 0:
            raise Violation("no count is negative", "numbers from 0", counts)
        if counts["completed"] != counts["succeeded"] + counts["failed"]:
            raise Violation("counts add up", "completed = succeeded + failed", counts)
        listed = len(self.home.tasks(generation.job))
        if counts["active"] + counts["running"] + counts["completed"] != listed:
            raise Violation("counts are those of the tasks", f"{listed} tasks of {generation.job}", counts)
        unfinished = counts["active"] + counts["running"]
        if unfinished and not generation.was_terminated:
            raise Violation("a completed job has no task left", "active and running 0", counts)

    def _check_deletions(self, generation, listed):
        for name in generation.tasks:
            codes = generation.deletions.get(name, [])
            if name not in listed and not codes:
                raise Violation(
                    "no task is lost", f"task {name} of job {generation.job} generation {generation.number}", "none")
            if name in listed and 0 in codes:
                raise Violation("a deleted task is gone", f"no task {name} in {generation.job}", listed[name])

    def _check_task(self, generation, task, answer, lines):
        """One task's record against what it says itself."""
        where = f"task {task.name} of job {generation.job} generation {generation.number}"
        info, state = answer["executionInfo"], answer["state"]
        ends = [line for line in lines if line.word == "end"]
        begins = [line for line in lines if line.word == "begin"]
        retries, requeues = info["retryCount"], info["requeueCount"]
        if min(retries, requeues) < 0:
            raise Violation("no count is negative", where, info)
        if requeues > self.round.losses:
            raise Violation(
                "a task is requeued only with its node", f"at most {self.round.losses} requeues of {where}", info)
        # A lost attempt may have ended by itself just before its node did: it is run again all the same.
        if len(begins) > 1 + retries + requeues:
            raise Violation(
                "a task runs once", f"at most {1 + retries + requeues} beginnings of {where}", self._text(lines, info))
        if len([line for line in ends if line.argument == "0"]) > 1 + requeues:
            raise Violation("a task succeeds once", f"at most {1 + requeues} ends of {where}", self._text(lines, info))
        if state != "completed":
            if not generation.was_terminated:
                raise Violation("every task ends", f"{where} completed", answer)
            return
        result, code = info.get("result"), info.get("exitCode")
        failure = info.get("failureInfo", {}).get("code")
        ended = task.name in generation.terminations or generation.was_terminated
        if result == "success":
            if code == 0 and not (ends and ends[-1].argument == "0"):
                raise Violation("what succeeded has run to its end", f"an end of {where}", self._text(lines, info))
            if task.planned_code:
                raise Violation("no exit code is lost", f"{where} failed with {task.planned_code}", info)
            if task.kind == "retry" and not ended:
                least = int(task.argument) - requeues
                if not least <= retries <= int(task.argument) + generation.killed.get(task.name, 0):
                    raise Violation("retries are counted", f"about {task.argument} for {where}", info)
            return
        if ended and failure == "TaskEnded":
            return
        if generation.killed.get(task.name) and failure == "FailureExitCode":
            return
        if failure == "NodeLost" and requeues >= 2:
            return  # A task that was there whenever a node died is not run for ever.
        if task.planned_code and code == task.planned_code:
            return
        raise Violation("a task fails only by itself", f"{where}: {task.kind} {task.argument}", f"{answer}; "
                        + self._text(lines, info))

    @staticmethod
    def _text(lines, info):
        return f"{info}; ledger: " + ", ".join(f"{l.number}:{l.word} {l.instance}@{l.node}={l.argument}" for l in lines)

    def _check_order(self, generation, listed, by_task):
        for task in generation.tasks.values():
            lines = by_task.get((generation.job, generation.number, task.name), [])
            first = next((line.number for line in lines if line.word == "begin"), None)
            if first is None:
                continue
            for name in task.depends:
                last = [line.number for line in by_task.get((generation.job, generation.number, name), [])
                        if line.word == "end" and line.argument == "0"]
                self.round.counts.check("dependencies that held")
                if not last or last[-1] > first:
                    raise Violation(
                        "order holds", f"{name} before {task.name} in {generation.job}",
                        f"first begin on line {first}, ends of {name} on {last}")

    def _check_files(self, generation, listed):
        """Every file of the living generation, and none of an older one."""
        for name, answer in listed.items():
            info = answer["executionInfo"]
            place = answer.get("nodeInfo", {}).get("taskDirectory")
            if place is None or info.get("result") != "success":
                continue
            found = sorted(os.path.basename(path) for path in glob.glob(f"{place}/wd/out-*"))
            own = f"out-{generation.number}-{name}"
            strangers = [file for file in found if file != own]
            if strangers:
                raise Violation("no stale files", f"only {own} in {place}/wd", strangers)
            if self.round.files_may_go and own not in found:
                continue
            self.round.counts.check("files of succeeded tasks")
            try:
                with open(f"{place}/wd/{own}") as file:
                    text = file.read().strip()
            except OSError as error:
                raise Violation(
                    "files of a succeeded task are there", f"{place}/wd/{own}", f"{error}; {self._neighbours(place)}")
            if text != f"{generation.job} {generation.number} {name}":
                raise Violation("files are those of the task", f"{generation.job} {generation.number} {name}", text)
            if not os.path.exists(f"{place}/stdout.txt"):
                raise Violation("files of a succeeded task are there", f"{place}/stdout.txt", os.listdir(place))

    def _neighbours(self, place):
        tasks = os.path.dirname(place)
        empty = [name for name in os.listdir(tasks) if not glob.glob(f"{tasks}/{name}/wd/out-*")] \
            if os.path.isdir(tasks) else []
        return f"{len(empty)} task directories beside it have no file"

    def _check_gone(self):
        """Nothing of a job that was deleted ran on after it was gone."""
        gone = {}
        for line in self.ledger.lines():
            if line.word == "gone":
                gone[line.job] = max(line.generation, gone.get(line.job, 0))
            elif line.task != "-" and line.generation <= gone.get(line.job, 0):
                raise Violation(
                    "nothing of a deleted job runs", f"silence of {line.job} generation {line.generation}", line)
        self.round.counts.check("jobs silent after their removal", len(self.gone))

    def _check_instances(self, key, lines, has_home):
        for line in lines:
            if line.word == "overlap":
                raise Violation("nothing runs twice at the same time", f"one process of {key}", self._text(lines, {}))
            if line.word == "homeless" and has_home:
                raise Violation("a running task keeps its directory", f"{key} in its directory", self._text(lines, {}))
        self.round.counts.check("tasks that never ran beside themselves")
