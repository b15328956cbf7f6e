"""What a round counts, and how it says that a promise was broken."""

import collections
import json
import threading


class Violation(Exception):
    """A promise that does not hold: what was expected and what was found instead."""

    def __init__(self, promise, expected, found):
        super().__init__(f"{promise}: expected {expected}; found {found}")
        self.promise, self.expected, self.found = promise, expected, str(found)


class Counts:
    """How often each thing was done or checked, over all rounds. Attacks count from threads of their own."""

    def __init__(self):
        self._lock = threading.Lock()
        self.attacks = collections.Counter()
        self.checks = collections.Counter()

    def attack(self, name, times=1):
        with self._lock:
            self.attacks[name] += times

    def check(self, name, times=1):
        with self._lock:
            self.checks[name] += times

    def json(self):
        return {"attacks": dict(sorted(self.attacks.items())), "checks": dict(sorted(self.checks.items()))}

    def text(self):
        lines = []
        for title, table in self.json().items():
            lines.append(f"{title}:")
            lines += [f"  {name:<44} {count:>9,}" for name, count in table.items()]
        return "\n".join(lines)


def write_report(path, report):
    with open(path, "w") as file:
        json.dump(report, file, indent=2)
        file.write("\n")
