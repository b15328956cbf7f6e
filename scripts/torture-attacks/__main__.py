"""Attacks on the release build, in rounds, until the time is over or a promise is broken.

    python3 scripts/torture-attacks --seconds 3600 --seed 7
    python3 scripts/torture-attacks --seed 7 --round 12           that round again
    python3 scripts/torture-attacks --only kills,stops --rounds 5
"""

import argparse
import json
import os
import random
import shutil
import signal
import sys
import time
import traceback

from families import ALL, ALONE, MIXED
from promise import Counts, Violation, write_report
from round import Round
from tools import Tools


def arguments():
    parser = argparse.ArgumentParser(prog="torture-attacks", description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=3600, help="for how long rounds are begun (default 3600)")
    parser.add_argument("--rounds", type=int, help="how many rounds at most")
    parser.add_argument("--seed", type=int, help="all that is random follows from it (default: drawn and shown)")
    parser.add_argument("--round", type=int, help="only the round of this number")
    parser.add_argument("--only", default="", help=f"only these families, by commas: {', '.join(ALL)}")
    parser.add_argument("--skip", default="", help="all but these families")
    parser.add_argument("--keep-going", action="store_true", help="go on after a broken promise")
    parser.add_argument("--report", help="write the counts to this file, as JSON")
    parser.add_argument("--program", default=os.environ.get("SHIPYARD_PROGRAM"),
                        help="the program under attack [$SHIPYARD_PROGRAM]")
    options = parser.parse_args()
    names = [name for text in (options.only, options.skip) for name in text.split(",") if name]
    for name in names:
        if name not in ALL:
            parser.error(f"no family {name}; there are {', '.join(ALL)}")
    if not options.program or not os.access(options.program, os.X_OK):
        parser.error("--program or SHIPYARD_PROGRAM must name the built program")
    options.program = os.path.realpath(options.program)
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(1 << 31)
    return options


class Suite:
    def __init__(self, options):
        self.options, self.counts = options, Counts()
        self.directory = f"/tmp/torture-{os.getpid()}"
        os.makedirs(self.directory)
        self.tools = Tools(f"{self.directory}/tools")
        self.violations = []
        self.rounds = 0
        self.mixed, self.alone = self._possible(MIXED), self._possible(ALONE)

    def _possible(self, families):
        only, skip = self.options.only, self.options.skip.split(",")
        chosen = [f for f in families if f.name not in skip and (not only or f.name in only.split(","))]
        possible = []
        for family in chosen:
            reason = family.is_possible(self.tools)
            if reason is None:
                possible.append(family)
            else:
                say(f"{family.name} is left out: {reason}")
        return possible

    def families(self, rng):
        """About half of the rounds are mixed; a family that plays alone has the others."""
        if self.alone and (not self.mixed or rng.random() < 0.5):
            return [rng.choice(self.alone)]
        count = min(len(self.mixed), rng.choice([1, 2, 2, 3, 3, 4]))
        chosen = rng.sample(self.mixed, count)
        return [family for family in self.mixed if family in chosen]

    def play(self, number):
        seed = f"{self.options.seed} {number}"
        families = self.families(random.Random(f"families {seed}"))
        names = "+".join(family.name for family in families)
        start = time.monotonic()
        round = Round(number, seed, families, self.tools, self.options.program, self.counts, say)
        self.rounds += 1
        violation = None
        try:
            round.run()
        except Violation as found:
            violation = found
        except Exception as error:  # A fault of ours, or a world that no check expected: not to be passed over.
            violation = Violation("the suite itself", "no surprise", traceback.format_exc())
        except KeyboardInterrupt:
            round.clear(keep=False)
            raise
        round.clear(keep=violation is not None)
        seconds = time.monotonic() - start
        if violation is None:
            say(f"round {number:4} {names:<40} {seconds:6.1f} s  ok")
            return True
        say(f"round {number:4} {names:<40} {seconds:6.1f} s  BROKEN")
        say(f"  promise:  {violation.promise}\n  expected: {violation.expected}\n  found:    {violation.found}")
        say(f"  seed:     --seed {self.options.seed} --round {number}\n  kept:     {round.directory}")
        self.violations.append({
            "seed": self.options.seed, "round": number, "families": names, "promise": violation.promise,
            "expected": violation.expected, "found": violation.found, "kept": round.directory})
        return False

    def run(self):
        options = self.options
        say(f"seed {options.seed}, {options.seconds:.0f} s, program {options.program}")
        start = time.monotonic()
        try:
            self.play_all(start)
        except KeyboardInterrupt:
            say("interrupted")
        self.report(time.monotonic() - start)
        if not self.violations:
            shutil.rmtree(self.directory, ignore_errors=True)
        return 1 if self.violations else 0

    def play_all(self, start):
        options, number = self.options, self.options.round or 1
        while self.mixed or self.alone:
            if not self.play(number) and not options.keep_going:
                return
            number += 1
            if options.round or (options.rounds and self.rounds >= options.rounds):
                return
            if time.monotonic() - start >= options.seconds:
                return

    def report(self, seconds):
        report = {"seed": self.options.seed, "seconds": round(seconds), "rounds": self.rounds,
                  "violations": self.violations} | self.counts.json()
        say(f"{self.rounds} rounds in {seconds:.0f} s, {len(self.violations)} broken")
        say(self.counts.text())
        if self.options.report:
            write_report(self.options.report, report)
        else:
            say(json.dumps(report))


def say(text):
    print(text, flush=True)


def interrupt(number, frame):
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, interrupt)
    # Names of files and words of processes are bytes.
    sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(Suite(arguments()).run())
