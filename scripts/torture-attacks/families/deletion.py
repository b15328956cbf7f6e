"""Directories that are hard to delete, and victims outside the home that must not be touched by it."""

import hashlib
import os
import signal
import subprocess
import time

import processes
from load import Task
from promise import Violation
from round import Family

# What a task leaves in its working directory. `$victim` is a directory outside the home.
TRAPS = {
    "bind mount": 'mkdir m && mount --bind "$victim" m',
    "nested bind mount": 'mkdir -p a/b/m && mount --bind "$victim" a/b/m && mount --bind "$victim" a',
    "link to a directory": 'ln -s "$victim" link; ln -s "$victim/inner" .; ln -s / root; ln -s ../../.. up',
    "hard links": 'ln "$victim/kept-1" hard',
    "names that are not UTF-8": "mkdir \"$(printf 'd\\377\\376')\"; echo x >\"$(printf 'd\\377\\376/f\\300\\257')\";"
                                " echo x >\"$(printf 'new\\nline')\"",
    "directories without rights": "mkdir -p r/s/t; echo x >r/s/t/f; chmod 0 r/s/t r/s r",
    "deep tree": 'n=0; while [ $n -lt 300 ]; do mkdir %s && cd %s || break; n=$((n+1)); done; echo x >f'
                 % ("d" * 60, "d" * 60),
    "special files": "mkfifo pipe; mknod null c 1 3; ln -s nowhere dangling; : >'-rf'; : >' '",
    "many files": 'n=0; while [ $n -lt 3000 ]; do : >f$n; n=$((n+1)); done',
    "wd replaced by a link": 'cd ..; mv wd wd-away; ln -s "$victim" wd',
    "task directory replaced by a link": 'cd ../..; me=$AZ_BATCH_TASK_ID; mv $me $me-away; ln -s "$victim" $me',
    "a file that does not go": "echo x >stuck; chattr +i stuck",
}


class Deletion(Family):
    name = "deletion"
    owns_round = True

    @staticmethod
    def is_possible(tools):
        return None if os.geteuid() == 0 else "not root, so nothing can be mounted"

    def run(self):
        round = self.round
        self.victim = f"{round.directory}/victim"
        for place in (self.victim, f"{self.victim}/inner"):
            os.makedirs(place)
            for number in range(20):
                with open(f"{place}/kept-{number}", "w") as file:
                    file.write(f"{place} {number}\n" * 10)
        self.before = self._sums()
        self.told = set()
        self.home.ensure_service()
        round.add_pool()
        for _ in range(self.rng.randint(1, 3)):
            self._job_goes(self.rng.sample(sorted(TRAPS), self.rng.randint(2, 6)))
        if self.rng.random() < 0.5:
            self._pool_goes(self.rng.sample(sorted(TRAPS), 4))
        else:
            self._root_is_replaced()

    def _sums(self):
        sums = {}
        for place, _, names in os.walk(self.victim):
            for name in names:
                with open(f"{place}/{name}", "rb") as file:
                    sums[f"{place}/{name}"] = hashlib.sha256(file.read()).hexdigest()
        return sums

    def _check_victim(self, what):
        self.round.counts.check("checksums of victims", len(self.before))
        after = self._sums()
        if after != self.before:
            lost = sorted(set(self.before.items()) ^ set(after.items()))
            raise Violation("deletion stays in its home", f"the victim untouched by {what}", lost[:4])

    def _trapped(self, traps):
        """A job whose tasks set the traps, at its end."""
        load, tasks = self.round.load, []
        for number, name in enumerate(traps):
            script = f"trap-{len(os.listdir(self.round.directory))}-{number}"
            with open(f"{self.round.directory}/{script}", "w") as file:
                file.write(f"victim={self.victim}\n({TRAPS[name]})\n")
            tasks.append(Task(f"trap{number}", "shell", script))
            self.round.counts.attack(f"trap: {name}")
        tasks += [Task(f"t{number}", "quick") for number in range(10)]
        generation = load.generation("traps", tasks, "bag")
        load.submit(generation)
        load.wait()
        return generation

    def _job_goes(self, traps):
        generation = self._trapped(traps)
        self.round.note(f"traps: {traps}")
        alone = self.rng.random() < 0.4
        if alone:
            outcomes = [self.home.run("jobs", "tasks", "del", "--jobid", "traps", "--taskid", f"trap{n}", "-y", "--wait")
                        for n in range(len(traps))]
            self.round.counts.attack("removals of tasks", len(traps))
            self._check_victim(f"the removal of tasks with {traps}")
            self._check_named(outcomes, traps)
        outcome = self.home.run("jobs", "del", "--jobid", "traps", "-y", "--wait")
        self.round.counts.attack("removals of jobs")
        self._check_victim(f"the removal of a job with {traps}")
        self._check_named([outcome], traps, whole_job=True)
        self._disarm()

        # The same id again: only its own files are there, whatever could not be removed of the old.
        load = self.round.load
        again = load.bag(self.rng, "traps", 30, long=0)
        load.submit(again)
        self.round.counts.attack("re-additions of jobs")
        load.wait()
        load.check()
        outcome = self.home.run("jobs", "del", "--jobid", "traps", "-y", "--wait")
        if outcome.code != 0:
            raise Violation("a harmless job is removed", "exit code 0", outcome)
        load.living.pop("traps")

    def _check_named(self, outcomes, traps, whole_job=False):
        """Either all is gone, or the command says what is not, and fails."""
        failed = [outcome for outcome in outcomes if outcome.code != 0]
        for outcome in failed:
            if self.home.nodes not in outcome.messages + outcome.output:
                raise Violation("what could not be removed is named", f"a path below {self.home.nodes}", outcome)
        if whole_job:
            left = [place for place, names, files in os.walk(self.home.nodes)
                    if os.path.basename(place).startswith("trap") or os.path.basename(place) == "traps"]
        else:
            # By its name: what a task has moved beside itself goes with the job.
            tasks = {f"trap{number}" for number in range(len(traps))}
            left = [place for place, names, files in os.walk(self.home.nodes)
                    if os.path.basename(place) in tasks and "/workitems/traps/" in place]
        self.round.counts.check("removals that said what they left")
        if failed:
            self.told.update(left)
        # What an earlier command has named, and failed for, is not said to be gone by a later one.
        left = [place for place in left if place not in self.told]
        if left and not failed:
            raise Violation("a removal that says it is done is done", f"no directory of {traps}", left[:3])

    def _disarm(self):
        """What even root cannot delete is made deletable again, as the user would who was told its path."""
        # Also where a node's root was moved to; and again, because a directory may be moved aside between a look and a hand.
        for _ in range(5):
            points = [point for point in processes.mounts(self.round.directory) if point != self.home.path]
            if not points:
                break
            for point in points:
                subprocess.run(["umount", "-l", point], stderr=subprocess.DEVNULL)
            time.sleep(0.1)
        if os.path.isdir(self.home.nodes):
            subprocess.run(["chattr", "-R", "-i", self.home.nodes], stderr=subprocess.DEVNULL)

    def _pool_goes(self, traps):
        traps = [name for name in traps if name != "a file that does not go"]
        self._trapped(traps)
        self.round.note(f"pool with traps: {traps}")
        outcome = self.home.run("pool", "del", "--poolid", "p", "-y", "--wait")
        self.round.counts.attack("pool deletions")
        self._check_victim(f"the removal of a pool with {traps}")
        if outcome.code != 0:
            raise Violation("a pool is removed whole", f"exit code 0 with {traps}", outcome)
        self.round.check_nothing_left(f"{self.home.nodes}/p", outcome)

    def _root_is_replaced(self):
        """A node's root becomes a link to the victim, where somebody else's process works."""
        bystander = subprocess.Popen(["sleep", "600"], cwd=self.victim, start_new_session=True)
        try:
            node = sorted(os.listdir(f"{self.home.nodes}/p"))[0]
            root = f"{self.home.nodes}/p/{node}"
            os.rename(root, f"{self.round.directory}/away")
            os.symlink(self.victim, root)
            self.round.counts.attack("node roots replaced by a link")
            self.round.note(f"{root} is a link to {self.victim}")
            outcome = self.home.run("pool", "del", "--poolid", "p", "-y", "--wait")
            self._check_victim("the removal of a node whose root is a link")
            self.round.counts.check("bystanders that live")
            if bystander.poll() is not None:
                raise Violation(
                    "strangers are not killed", "the process that works in the victim alive",
                    f"ended with {bystander.returncode}; {outcome}")
        finally:
            bystander.kill()
            bystander.wait()

    def clear(self):
        self._disarm()
