"""Inputs made at random, for the part of the program that reads: bytes, structure, sizes, factories, formats.

    scripts/torture fuzz --minutes 60 --seed 7
    scripts/torture fuzz --seed 7 --input 1234            that input again, and its file is kept
    scripts/torture fuzz --only factories,formats --minutes 5

Each input must end with an exit code that is promised, within two seconds of processor time and 500 MB for files up
to 10 MB, and with a bounded output. Where somebody else knows the answer too (Python for factories and formats, the
JSON Schemas, Batch Shipyard's vectors), both must agree.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import random
import shutil
import sys
import threading
import time

import families
from run import Limits, Program, Violation


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/torture fuzz", description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=60, help="for how long inputs are made (default 60)")
    parser.add_argument("--inputs", type=int, help="how many inputs at most")
    parser.add_argument("--seed", type=int, help="all inputs follow from it (default: drawn and shown)")
    parser.add_argument("--input", type=int, help="only the input of this number")
    parser.add_argument("--only", default="", help=f"only these families, by commas: {', '.join(families.ALL)}")
    parser.add_argument("--at-once", type=int, default=os.cpu_count(), help="inputs tried at the same time")
    parser.add_argument("--keep-going", action="store_true", help="go on after a broken promise")
    parser.add_argument("--report", help="write the counts to this file, as JSON")
    parser.add_argument("--program", default=os.environ.get("SHIPYARD_PROGRAM"),
                        help="the program under test [$SHIPYARD_PROGRAM]")
    options = parser.parse_args()
    for name in filter(None, options.only.split(",")):
        if name not in families.ALL:
            parser.error(f"no family {name}; there are {', '.join(families.ALL)}")
    if not options.program or not os.access(options.program, os.X_OK):
        parser.error("--program or SHIPYARD_PROGRAM must name the built program")
    options.program = os.path.realpath(options.program)
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(1 << 31)
    return options


class Fuzz:
    def __init__(self, options):
        self.options = options
        self.directory = f"/tmp/torture-fuzz-{os.getpid()}"
        os.makedirs(self.directory)
        self.program = Program(options.program, self.directory)
        self.lock = threading.Lock()
        self.counts = collections.Counter()
        self.codes = collections.Counter()
        self.worst = {}
        self.violations = []
        self.shown = 0

    def families(self):
        only = [name for name in self.options.only.split(",") if name]
        return {name: family for name, family in families.ALL.items() if not only or name in only}

    def input(self, number):
        """Makes and tries one input; all that is random in it follows from the seed and its number."""
        rng = random.Random(f"{self.options.seed} {number}")
        chosen = self.families()
        name = rng.choices(list(chosen), [chosen[name].weight for name in chosen])[0]
        place = f"{self.directory}/{number}"
        os.makedirs(place)
        violation, results = None, []
        try:
            for result in chosen[name].play(rng, self.program, place):
                results.append(result)
        except Violation as found:
            violation = found
        except Exception as error:  # A fault of ours: not to be passed over.
            violation = Violation("the fuzzer itself", f"{type(error).__name__}: {error}")
        self.record(number, name, place, results, violation)

    def record(self, number, name, place, results, violation):
        with self.lock:
            self.counts[name] += 1
            for result in results:
                self.codes[result.code] += 1
                for what, value in (("seconds", result.seconds), ("megabytes", result.megabytes),
                                    ("output bytes", result.output_bytes)):
                    if value > self.worst.get(what, (0,))[0]:
                        self.worst[what] = (value, f"input {number}, {name}, file of {result.file_bytes} bytes")
            if violation is None:
                if self.options.input is None:
                    shutil.rmtree(place)
                else:
                    say(f"input {number}, {name}: good; kept in {place}")
                return
            self.violations.append({"seed": self.options.seed, "input": number, "family": name,
                                    "promise": violation.promise, "found": violation.found, "kept": place})
            say(f"BROKEN input {number}, {name}: {violation.promise}\n  found:  {violation.found[:2000]}\n"
                f"  again:  --seed {self.options.seed} --input {number}\n  kept:   {place}")

    def run(self):
        say(f"seed {self.options.seed}, {self.options.minutes} min, program {self.options.program}")
        start = time.monotonic()
        try:
            if self.options.input is None:
                # What needs no chance: once, and before all others.
                for result in families.fixed(self.program, self.directory, self.fixed_violation):
                    self.codes[result.code] += 1
                    self.counts["vectors"] += 1
                self.play_all(start)
            else:
                self.input(self.options.input)
        except KeyboardInterrupt:
            say("interrupted")
        self.report(time.monotonic() - start)
        if not self.violations and self.options.input is None:
            shutil.rmtree(self.directory, ignore_errors=True)
        return 1 if self.violations else 0

    def fixed_violation(self, name, violation):
        self.violations.append({"family": "vectors", "input": name, "promise": violation.promise,
                                "found": violation.found})
        say(f"BROKEN vector {name}: {violation.promise}\n  found:  {violation.found[:2000]}")

    def play_all(self, start):
        options, number = self.options, 0
        with concurrent.futures.ThreadPoolExecutor(options.at_once) as pool:
            running = set()
            while True:
                if self.violations and not options.keep_going:
                    break
                if time.monotonic() - start >= options.minutes * 60 or (options.inputs and number >= options.inputs):
                    break
                while len(running) < 2 * options.at_once:
                    number += 1
                    running.add(pool.submit(self.input, number))
                running = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED).not_done
                self.progress(start)

    def progress(self, start):
        minutes = int((time.monotonic() - start) / 60)
        if minutes > self.shown:
            self.shown = minutes
            say(f"{minutes} min: {sum(self.counts.values())} inputs, {len(self.violations)} broken")

    def report(self, seconds):
        say(f"{sum(self.counts.values())} inputs in {seconds:.0f} s, {len(self.violations)} broken")
        say("  families:   " + ", ".join(f"{name} {count}" for name, count in sorted(self.counts.items())))
        say("  exit codes: " + ", ".join(f"{code}: {count}" for code, count in sorted(self.codes.items())))
        for what, (value, where) in sorted(self.worst.items()):
            say(f"  most {what}: {value:.2f} ({where})")
        if self.options.report:
            with open(self.options.report, "w") as file:
                json.dump({"seed": self.options.seed, "seconds": round(seconds), "counts": self.counts,
                           "codes": {str(code): count for code, count in self.codes.items()}, "worst": self.worst,
                           "violations": self.violations}, file, indent=1)


def say(text):
    print(text, flush=True)


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(Fuzz(arguments()).run())
