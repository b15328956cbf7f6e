"""What really ran, told by the tasks themselves."""

import collections

Line = collections.namedtuple("Line", "number word job generation task instance node argument")


class Ledger:
    """The lines of a round's ledger, in the order in which they happened. The runner adds marks of its own."""

    def __init__(self, path):
        self.path = path
        open(path, "a").close()

    def mark(self, word, job, generation):
        with open(self.path, "a") as file:
            file.write(f"{word} {job} {generation} - - - 0\n")

    def size(self):
        with open(self.path, "rb") as file:
            return file.seek(0, 2)

    def lines(self):
        with open(self.path) as file:
            for number, text in enumerate(file):
                fields = text.split()
                if len(fields) == 7:
                    word, job, generation, task, instance, node, argument = fields
                    yield Line(number, word, job, int(generation), task, instance, node, argument)

    def running(self):
        """Instances that began and have not ended, oldest first."""
        begun = {}
        for line in self.lines():
            if line.word == "begin":
                begun[line.instance] = line
            elif line.word in ("end", "homeless"):
                begun.pop(line.instance, None)
        return list(begun.values())

    def by_task(self):
        """(job, generation, task) → its lines."""
        tasks = collections.defaultdict(list)
        for line in self.lines():
            if line.task != "-":
                tasks[line.job, line.generation, line.task].append(line)
        return tasks
