"""One large job that is deleted and added again under its id, over and over, with nothing else in its way: the new
one starts at once, while the files of the old one are still on their way out."""

from round import Family


class Renewals(Family):
    name = "renewals"
    owns_round = True

    def run(self):
        round, load, rng = self.round, self.round.load, self.rng
        self.home.ensure_service()
        round.add_pool()
        count = min(800, 120 * round.capacity)
        load.submit(self._job(count))
        for _ in range(rng.randint(3, 6)):
            load.wait()
            load.check()
            recreate, options = rng.random() < 0.5, ["--wait"] if rng.random() < 0.3 else []
            generation = self._job(count)
            if recreate:
                load.submit(generation, "--recreate")
                round.counts.attack("re-creations of jobs")
            else:
                self.home.run("jobs", "del", "--jobid", "j0", "-y", *options)
                round.counts.attack("removals of jobs")
                load.submit(generation)
                round.counts.attack("re-additions of jobs")
            round.note(f"generation {generation.number} after {'recreate' if recreate else f'del {options}'}")
        load.wait()
        load.check()

    def _job(self, count):
        """Quick tasks, some of which leave much behind."""
        load, rng = self.round.load, self.rng
        generation = load.bag(rng, "j0", count, long=0, retries=False, files=rng.choice([20, 300]))
        for task in generation.tasks.values():
            if task.kind == "sleep":
                task.kind, task.argument = "quick", "0"
        return generation
