"""Jobs that go and come again under the same id while they run; tasks that several clients delete at once."""

import time

from round import Family


class Removals(Family):
    name = "removals"

    def events(self, duration):
        actions = [self.again, self.again, self.recreate, self.delete_task, self.delete_task, self.end_task]
        for moment in self.moments(duration, 3.0):
            action, draw, count = self.rng.choice(actions), self.rng.random(), self.rng.randint(2, 4)
            seed = self.rng.random()
            yield moment, lambda action=action, draw=draw, count=count, seed=seed: action(draw, count, seed)

    def again(self, draw, count, seed):
        """`jobs del`, and at once `jobs add` of the same id."""
        load, rng = self.round.load, type(self.rng)(seed)
        job = self._job(draw)
        if rng.random() < 0.6:
            self._wait_for_most(load.living[job])
        options = ["--wait"] if rng.random() < 0.3 else []
        outcome = self.home.run("jobs", "del", "--jobid", job, "-y", *options)
        self.round.counts.attack("removals of jobs")
        self.round.note(f"jobs del {job} {options} → {outcome.code}")
        generation = load.layers(rng, job, rng.randint(2, 6), 12) if rng.random() < 0.3 else \
            load.bag(
                rng, job, rng.randint(20, 30 * self.round.capacity), files=rng.choice([20, 200, 400]))
        # While the old one is going the new one is refused; a service that died may not have taken the removal.
        self._add_when_gone(generation)

    def _wait_for_most(self, generation):
        """Until there is much to remove, or for some seconds."""
        end = time.monotonic() + 8
        while time.monotonic() < end:
            ended = {line.task for line in self.round.ledger.lines() if line.word == "end"
                     and (line.job, line.generation) == (generation.job, generation.number)}
            if len(ended) > 0.8 * len(generation.tasks):
                return
            time.sleep(0.1)

    def _add_when_gone(self, generation):
        end = time.monotonic() + 240
        while time.monotonic() < end:
            status, job = self.home.get_surely(f"/jobs/{generation.job}")
            if status == 404:
                break
            if job["state"] != "deleting":
                self.home.run("jobs", "del", "--jobid", generation.job, "-y")
            time.sleep(0.02)
        # Before all others, so that it runs while the old one's files are on their way out.
        self.round.load.submit(generation, more=self.round.job_options | {"priority": 100})
        self.round.counts.attack("re-additions of jobs")
        self.round.note(f"jobs add {generation.job} generation {generation.number}")

    def recreate(self, draw, count, seed):
        """`jobs add --recreate` of a job that was terminated."""
        load, rng = self.round.load, type(self.rng)(seed)
        job = self._job(draw)
        self.home.run("jobs", "term", "--jobid", job, "-y")
        load.living[job].was_terminated = True
        end = time.monotonic() + 240
        while self.home.get_surely(f"/jobs/{job}")[1].get("state") not in ("completed", None):
            if time.monotonic() > end:
                return
            if rng.random() < 0.1:
                self.home.run("jobs", "term", "--jobid", job, "-y")
            time.sleep(0.02)
        generation = load.bag(rng, job, rng.randint(10, 20 * self.round.capacity))
        load.submit(generation, "--recreate", more=self.round.job_options | {"priority": 100})
        self.round.counts.attack("re-creations of jobs")
        self.round.note(f"jobs add --recreate {job} generation {generation.number}")

    def delete_task(self, draw, count, seed):
        """Several clients delete one task: it is counted down once."""
        rng = type(self.rng)(seed)
        generation = self._bag(draw)
        if generation is None:
            return
        # What runs now, sometimes; what has ended or waits, otherwise.
        running = [line.task for line in self.round.ledger.running()
                   if (line.job, line.generation) == (generation.job, generation.number)]
        name = rng.choice(running) if running and rng.random() < 0.6 else rng.choice(sorted(generation.tasks))
        codes = generation.deletions.setdefault(name, [])
        codes.append(-1)
        commands = [self.home.start("jobs", "tasks", "del", "--jobid", generation.job, "--taskid", name, "-y")
                    for _ in range(count)]
        codes += [command.outcome().code for command in commands]
        self.round.counts.attack("concurrent deletions of a task")
        self.round.note(f"tasks del {generation.job} {name} × {count} → {codes[-count:]}")

    def end_task(self, draw, count, seed):
        rng = type(self.rng)(seed)
        generation = self._bag(draw)
        if generation is None:
            return
        name = rng.choice(sorted(generation.tasks))
        generation.terminations.add(name)
        self.home.run("jobs", "tasks", "term", "--jobid", generation.job, "--taskid", name, "-y")
        self.round.counts.attack("terminations of a task")
        self.round.note(f"tasks term {generation.job} {name}")

    def _job(self, draw):
        jobs = sorted(self.round.load.living)
        return jobs[int(draw * len(jobs))]

    def _bag(self, draw):
        """A job whose tasks nobody waits for."""
        bags = [g for _, g in sorted(self.round.load.living.items()) if g.shape == "bag"]
        return bags[int(draw * len(bags))] if bags else None
