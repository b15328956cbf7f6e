"""One round: a home, a load, some families of attacks at once, and the promises checked when they are over."""

import json
import os
import random
import shutil
import signal
import subprocess
import threading
import time

import processes
from home import Home
from ledger import Ledger
from load import Load
from promise import Violation

POOL = "p"


class Round:
    """What the families of a round share. Everything random comes from `rng`, and is drawn before it is used."""

    def __init__(self, number, seed, families, tools, program, counts, say):
        self.number, self.rng, self.tools, self.counts, self.say = number, random.Random(seed), tools, counts, say
        self.directory = f"{os.path.dirname(tools.directory)}/r{number}"
        os.makedirs(f"{self.directory}/held")
        self._events = open(f"{self.directory}/events", "a", errors="backslashreplace")
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._threads, self._failed = [], []
        # Set when the round is given up: what was still to come does not come.
        self._over = threading.Event()
        self.program = program
        self.home = Home(self.directory, program, self.note)
        self.ledger = Ledger(f"{self.directory}/ledger")
        self.load = Load(self)
        self.nodes, self.slots = self.rng.randint(1, 3), self.rng.randint(2, 4)
        # What can run at once; jobs are as large as that allows, or a round would take minutes to end.
        self.capacity = self.nodes * self.slots
        self.duration = self.rng.uniform(20, 40)
        self.pool_file = self.write_pool(self.nodes)
        self.job_options = {}
        # How often work may have been lost with its node: no task can have been requeued more often.
        self.losses = 0
        # Nodes have left the pool, and the files of their tasks with them.
        self.files_may_go = False
        # The service may only be started by us, because it needs something that no command gives it.
        self.only_we_start = False
        self.families = [family(self, random.Random(f"{seed} {family.name}")) for family in families]

    # For families

    def note(self, text):
        with self._lock:
            self._events.write(f"{time.monotonic() - self._began:8.3f} {text}\n")
            self._events.flush()

    def lose(self, times=1):
        with self._lock:
            self.losses += times

    def write_pool(self, nodes, name="pool", pool=POOL):
        path = f"{self.directory}/{name}.json"
        spec = {"id": pool, "vm_count": {"dedicated": nodes}, "task_slots_per_node": self.slots}
        with open(path, "w") as file:
            json.dump({"pool_specification": spec}, file)
        return path

    def later(self, seconds, action):
        """Does something in a thread of its own; the round waits for it before it settles."""
        def act():
            if self._over.wait(seconds):
                return
            try:
                action()
            except Violation as violation:
                self._failed.append(violation)

        thread = threading.Thread(target=act, daemon=True)
        thread.start()
        self._threads.append(thread)

    def eventually(self, holds, seconds, promise, expected, found=lambda: "still not so"):
        """No limit below a minute: the machine may be busy with something else."""
        end = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > end:
                raise Violation(promise, f"{expected} within {seconds:.0f} s", found())
            time.sleep(0.2)

    # The round itself

    def run(self):
        owner = next((family for family in self.families if family.owns_round), None)
        if owner is not None:
            owner.run()
        else:
            self._attack()
        self._join()
        self._end()

    def _attack(self):
        for family in self.families:
            family.prepare()
        self.home.ensure_service()
        self.add_pool()
        self._submit_first()
        sources = [family.events(self.duration) for family in self.families] + [self._feed()]
        events = sorted(
            ((moment, index, action) for index, source in enumerate(sources) for moment, action in source),
            key=lambda event: event[:2])
        start = time.monotonic()
        for moment, _, action in events:
            time.sleep(max(0.0, start + moment - time.monotonic()))
            action()
            if self._failed:
                raise self._failed[0]
        time.sleep(max(0.0, start + self.duration - time.monotonic()))
        self._join()
        for family in self.families:
            family.settle()
        self.note("settled")
        self.home.ensure_service()
        self.load.wait()
        self.note("all jobs have ended")
        self.load.check()
        for family in self.families:
            family.check()

    def _join(self):
        for thread in self._threads:
            thread.join()
        self._threads = []
        if self._failed:
            raise self._failed[0]

    def add_pool(self):
        outcome = self.home.run("pool", "add", "--pool", self.pool_file)
        if outcome.code != 0:
            raise Violation("a pool can be added", "exit code 0", outcome)

    def _submit_first(self):
        """About as much as the slots can do in the time, so that whatever happens hits work."""
        rng, load = self.rng, self.load
        enough = int(self.capacity * self.duration * rng.uniform(1.0, 2.0))
        load.submit(load.bag(rng, "j0", min(1500, enough)), more=self.job_options)
        load.submit(load.layers(rng, "j1", rng.randint(6, 20), 12), more=self.job_options)

    def _feed(self):
        """More jobs come while the round goes on."""
        moment, number = self.rng.uniform(1, 5), 0
        while moment < self.duration - 2:
            number += 1
            job, seed = f"n{number}", self.rng.random()
            yield moment, lambda job=job, seed=seed: self._submit_more(job, random.Random(seed))
            moment += self.rng.uniform(3, 9)

    def _submit_more(self, job, rng):
        load = self.load
        generation = load.bag(rng, job, rng.randint(5, 12 * self.capacity)) if rng.random() < 0.6 else \
            load.layers(rng, job, rng.randint(2, 8), 8)
        load.submit(generation, more=self.job_options)
        self.note(f"jobs add {job} of {len(generation.tasks)} tasks")

    def _end(self):
        """The pool goes, the service goes, and nothing is left."""
        home = self.home
        home.ensure_service()
        status, pools = home.get_surely("/pools")
        for pool in pools.get("value", []):
            outcome = home.run("pool", "del", "--poolid", pool["id"], "-y", "--wait")
            if outcome.code != 0 and not any(family.allows_rest(outcome) for family in self.families):
                raise Violation("a pool is removed whole", "exit code 0", outcome)
            self.check_nothing_left(f"{home.nodes}/{pool['id']}", outcome)
        for family in self.families:
            family.check_gone()
        outcome = home.run("service", "stop")
        if outcome.code != 0:
            raise Violation("the service can be stopped", "exit code 0", outcome)
        self.eventually(
            lambda: not processes.marked(self.directory), 90, "nothing is left of a round", "no process",
            lambda: processes.describe(processes.marked(self.directory)))
        self.counts.check("rounds without a process left")
        mounts = [point for point in processes.mounts(self.directory) if point != home.path]
        if mounts:
            raise Violation("nothing is left of a round", "no mounts", mounts)
        self.counts.check("rounds without a mount left")

    def check_nothing_left(self, root, outcome):
        """The proof of a removed pool against what is to be seen from outside."""
        self.counts.check("removed pools")
        if os.path.lexists(root):
            raise Violation("a removed pool has no directory", f"no {root}", f"{os.listdir(root)}; {outcome}")
        tasks = [p for p in processes.marked(self.tools.task) if self.directory in processes.words(p)]
        if tasks:
            raise Violation("a removed pool has no processes", "none", f"{processes.describe(tasks)}; {outcome}")
        for family in self.families:
            family.check_proof(outcome)

    def clear(self, keep):
        """Our own cleaning up, after a round that failed as well. The directory is kept for a look."""
        self._over.set()
        for thread in self._threads:
            thread.join(60)
        for family in self.families:
            family.clear()
        for process in processes.marked(self.directory):
            processes.send(process, signal.SIGCONT)
        if keep:
            self.note("mounts: " + " ".join(processes.mounts(self.directory)))
            processes.end_all(self.directory)
            for point in processes.mounts(self.directory):
                if point == self.home.path:
                    subprocess.run(["cp", "-a", point, f"{self.directory}/kept"], stderr=subprocess.DEVNULL)
        processes.end_all(self.directory)
        for point in processes.mounts(self.directory):
            subprocess.run(["umount", "-l", point], stderr=subprocess.DEVNULL)
        self._events.close()
        if not keep:
            self._remove()

    def _remove(self):
        """Python's own removal stops at directories that are too deep for a path."""
        if subprocess.run(["rm", "-rf", "--one-file-system", self.directory]).returncode != 0:
            raise Violation("a home can be removed", "an empty place", self.directory)


class Family:
    """A kind of attack. Those that own their round play it from beginning to end, alone."""

    name = ""
    owns_round = False
    # Families that cannot be in one round with this one.
    excludes = ()

    def __init__(self, round, rng):
        self.round, self.rng = round, rng

    @property
    def home(self):
        return self.round.home

    @staticmethod
    def is_possible(tools):
        """None, or why this machine cannot do it."""
        return None

    def moments(self, duration, pause):
        """Random moments with about that pause between them, not before the load is there."""
        moment, moments = self.rng.uniform(0.5, pause), []
        while moment < duration:
            moments.append(moment)
            moment += self.rng.uniform(0.3, 2 * pause)
        return moments

    def prepare(self): pass
    def events(self, duration): return []
    def settle(self): pass
    def check(self): pass
    def check_proof(self, outcome): pass
    def check_gone(self): pass
    def allows_rest(self, outcome): return False
    def clear(self): pass
    def run(self): raise NotImplementedError
