"""Processes that leave their task: daemons without a mark, and chains that fork and exit without end."""

import re
import secrets
import signal
import time

import processes
from load import Task
from promise import Violation
from round import Family

# They end by themselves, so that a proof that fails does not leave them for ever.
SECONDS = 240
ADMITS = re.compile(r"could not|cannot (see|be seen)|not seen|unseen|may (be|have)", re.IGNORECASE)


class Orphans(Family):
    name = "orphans"

    def __init__(self, round, rng):
        super().__init__(round, rng)
        self.secrets = []

    @staticmethod
    def is_possible(tools):
        return None if tools.orphan else "no C compiler"

    def events(self, duration):
        for number, moment in enumerate(self.moments(duration, 8.0)):
            kinds = [self.rng.choice(["daemon", "daemon", "chain"]) for _ in range(self.rng.randint(1, 3))]
            kill, draw = self.rng.random() < 0.5, self.rng.random()
            yield moment, lambda n=number, kinds=kinds, kill=kill, draw=draw: self.daemonise(n, kinds, kill, draw)

    def daemonise(self, number, kinds, kill, draw):
        """A job whose tasks leave daemons behind; then, on some occasions, the agent that could have known dies."""
        load, tasks, words = self.round.load, [], []
        for index, kind in enumerate(kinds):
            word = f"orphan-{secrets.token_hex(8)}"
            script = f"orphan-{number}-{index}"
            with open(f"{self.round.directory}/{script}", "w") as file:
                file.write(f"{self.round.tools.orphan} {word} {kind} {SECONDS}\nsleep 0.3\n")
            tasks.append(Task(f"o{index}", "shell", script))
            words.append(word)
            self.secrets.append((word, kind))
        generation = load.generation(f"orphans-{number}", tasks, "bag")
        load.submit(generation, more=self.round.job_options | {"priority": 100})
        self.round.counts.attack("orphans", len(kinds))
        if not kill:
            return
        end = time.monotonic() + 30
        while time.monotonic() < end and not all(self._is_bare(word) for word, kind in zip(words, kinds)
                                                 if kind == "daemon"):
            time.sleep(0.05)
        agents = self.home.agents()
        if agents:
            agent = agents[int(draw * len(agents))]
            self.round.lose()
            if processes.send(agent, signal.SIGKILL):
                self.round.counts.attack("kills of an agent")
                self.round.note(f"KILL agent {agent} of orphans")

    def check_proof(self, outcome):
        """A process that forks is not always to be seen, so look several times."""
        for word, kind in self.secrets:
            self.round.counts.check("orphans that are gone")
            found = [p for _ in range(20) for p in self._look(word)]
            if found and not ADMITS.search(outcome.output + outcome.messages):
                raise Violation(
                    "the proof says only what it knows", f"no {kind} {word}, or a word that it could not be seen",
                    f"{processes.describe(found[:1])}; {outcome}")

    @staticmethod
    def _is_bare(word):
        """Whether it has shed its marks; before that it is easily found."""
        return any("bare" in processes.words(p) for p in processes.with_word(word))

    @staticmethod
    def _look(word):
        time.sleep(0.005)
        return processes.with_word(word)

    def allows_rest(self, outcome):
        return bool(ADMITS.search(outcome.output + outcome.messages))

    def clear(self):
        end = time.monotonic() + 10
        while time.monotonic() < end:
            found = [p for word, _ in self.secrets for p in processes.with_word(word)]
            for process in found:
                processes.send(process, signal.SIGKILL)
            if not found:
                return
