"""KILL, at any moment: for the service, for agents, for both, for single tasks."""

import signal

import processes
from round import Family

# A node whose agent died very often is given up for a while, rightly; that is another family's matter.
LOSSES_OF_A_NODE = 3


class Kills(Family):
    name = "kills"

    def __init__(self, round, rng):
        super().__init__(round, rng)
        self.losses = {}

    def events(self, duration):
        actions = [self.service, self.service, self.agent, self.both, self.task, self.task]
        for moment in self.moments(duration, 1.2):
            action, draw = self.rng.choice(actions), self.rng.random()
            pause, by_command = self.rng.uniform(0, 2.0) * self.rng.random(), self.rng.random() < 0.4
            yield moment, lambda action=action, draw=draw, pause=pause, by=by_command: action(draw, pause, by)

    def service(self, draw, pause, by_command):
        found = self.home.services()
        if self.home.signal(found, signal.SIGKILL):
            self.round.counts.attack("kills of the service")
            self.round.note(f"KILL service {found}")
        self.round.later(pause, lambda: self._start(by_command))

    def _start(self, by_command):
        if by_command and not self.round.only_we_start:
            self.home.run("pool", "list")
        else:
            self.home.start_service()

    def agent(self, draw, pause, by_command):
        found = self.home.agents()
        if found:
            self._kill_agent(found[int(draw * len(found))])

    def _kill_agent(self, process):
        words = processes.words(process)
        node = words[words.index("--node") + 1] if "--node" in words else "?"
        if self.losses.get(node, 0) >= LOSSES_OF_A_NODE:
            return
        self.losses[node] = self.losses.get(node, 0) + 1
        self.round.lose()
        if processes.send(process, signal.SIGKILL):
            self.round.counts.attack("kills of an agent")
            self.round.note(f"KILL agent {process} of {node}")

    def both(self, draw, pause, by_command):
        """Service and agents in one moment, and their tasks on some occasions: as when the power goes."""
        agents, services = self.home.agents(), self.home.services()
        agents = agents[: 1 + int(draw * len(agents))]
        if any(self.losses.get(self._node(p), 0) >= LOSSES_OF_A_NODE for p in agents):
            return
        for process in agents:
            node = self._node(process)
            self.losses[node] = self.losses.get(node, 0) + 1
            self.round.lose()
        killed = [p for p in services + agents if processes.send(p, signal.SIGKILL)]
        if killed:
            self.round.counts.attack("kills of both")
            self.round.note(f"KILL service {services} and agents {agents}")
        self.round.later(pause, lambda: self._start(by_command))

    @staticmethod
    def _node(process):
        words = processes.words(process)
        return words[words.index("--node") + 1] if "--node" in words else "?"

    def task(self, draw, pause, by_command):
        """A task's own process. Its exit is the attempt's failure, and nobody else's."""
        running = self.round.ledger.running()
        living = {job: generation for job, generation in self.round.load.living.items()}
        running = [l for l in running if l.job in living and living[l.job].number == l.generation]
        if not running:
            return
        line = running[int(draw * len(running))]
        generation = living[line.job]
        if generation.shape == "layers" and generation.killed.get(line.task, 0) >= 3:
            return
        process, start = line.instance.split(".")
        generation.killed[line.task] = generation.killed.get(line.task, 0) + 1
        if processes.send(int(process), signal.SIGKILL, int(start)):
            self.round.counts.attack("kills of a task")
            self.round.note(f"KILL task {line.task} of {line.job} generation {line.generation}")
