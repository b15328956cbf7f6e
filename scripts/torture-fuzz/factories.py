"""Task factories and formulas of formats, with Python to say what comes out."""

import itertools
import json
import os

from run import Limits, Violation

WORDS = ["a", "b", "ccc", "", " ", "é", "e\u0301", "\U0001f600", "0", "-1", "x" * 30, "ABC", "z z"]
EXTREMES = [-2**63, -2**31, -100, -3, -1, 0, 1, 2, 3, 5, 7, 100, 2**31, 2**32, 2**62, 2**63 - 1]
# As many tasks are compared one by one.
COMPARED = 3000


def write(place, jobs):
    data = json.dumps(jobs).encode()
    with open(f"{place}/jobs.json", "wb") as file:
        file.write(data)
    return len(data)


def one_job(factory, command):
    return {"job_specifications": [{"id": "a", "tasks": [{"command": command, "task_factory": factory}]}]}


def number(rng):
    return rng.choice(EXTREMES) if rng.random() < 0.4 else rng.randrange(-20, 21)


def a_range(rng):
    if rng.random() < 0.6:
        return {"start": rng.randrange(-5, 6), "stop": rng.randrange(-5, 9), "step": rng.choice([1, 1, 1, 2, 3, -1, -2])}
    return {"start": number(rng), "stop": number(rng), "step": number(rng)}


def words(rng, most=5):
    return [rng.choice(WORDS) for _ in range(rng.randrange(most + 1))]


def lists(rng):
    return [rng.choice([words(rng), rng.choice(["", "AB", "é\u0301x"])]) for _ in range(rng.randrange(4))]


def factory(rng):
    """A factory, and an iterator over its tuples; None for one that Python refuses."""
    match rng.choice(["product", "product_iterables", "combinations", "permutations", "zip", "repeat", "random"]):
        case "product":
            ranges = [a_range(rng) for _ in range(rng.randrange(4))]
            value = {"parametric_sweep": {"product": ranges}}
            if any(one["step"] == 0 for one in ranges):
                return value, None
            spans = [range(one["start"], one["stop"], one["step"]) for one in ranges]
            total = 1
            for span in spans:
                total *= span_length(span)
            # itertools.product would lay out every range first, also beside one that is empty.
            if total == 0:
                return value, iter(())
            return value, (itertools.product(*spans) if total <= COMPARED else total)
        case "product_iterables":
            axes = lists(rng)
            return {"parametric_sweep": {"product_iterables": axes}}, itertools.product(*axes)
        case "zip":
            axes = lists(rng)
            return {"parametric_sweep": {"zip": axes}}, zip(*axes)
        case "combinations":
            items, length, again = words(rng, 8), rng.choice([0, 1, 2, 3, 4, 9]), rng.random() < 0.5
            choose = itertools.combinations_with_replacement if again else itertools.combinations
            return {"parametric_sweep": {"combinations": {"iterable": items, "length": length, "replacement": again}}}, \
                choose(items, length)
        case "permutations":
            items, length = words(rng, 7), rng.choice([0, 1, 2, 3, 4, 9])
            return {"parametric_sweep": {"permutations": {"iterable": items, "length": length}}}, \
                itertools.permutations(items, length)
        case "repeat":
            count = number(rng)
            return {"repeat": count}, (count if count > COMPARED else [()] * max(0, count))
        case "random":
            value = {"random": {"generate": number(rng), "integer": a_range(rng)}}
            if rng.random() < 0.6:
                value["random"]["seed"] = number(rng)
            return value, 0


def span_length(span):
    if span.step > 0:
        return max(0, -(-(span.stop - span.start) // span.step))
    return max(0, -(-(span.start - span.stop) // -span.step))


def plan(program, place, size):
    result = program.run(place, ["plan", "--jobs", "jobs.json", "--format", "jsonl"], size, output_limit=64 << 20)
    lines = [json.loads(line) for line in result.output.splitlines()] if result.code == 0 else None
    return result, lines


def play(rng, program, place):
    value, tuples = factory(rng)
    is_repeat = "repeat" in value
    command = "{n}" if is_repeat else rng.choice(["c", "{0}"] if not isinstance(tuples, int) else ["c"])
    if is_repeat:
        command = "c"
    size = write(place, one_job(value, command))
    result = program.run(place, ["validate", "jobs", "jobs.json", "--format", "json"], size)
    yield result
    if isinstance(tuples, int):
        return
    result, lines = plan(program, place, size)
    yield result
    expected = None
    if tuples is not None:
        try:
            expected = [command.format(*one) if not is_repeat else command
                        for one in itertools.islice(tuples, COMPARED * 10)]
        except (IndexError, KeyError, ValueError):
            expected = None
    compare(expected, lines, result)


def compare(expected, lines, result):
    found = [line["command"] for line in lines] if lines is not None else None
    if found == expected:
        return
    if expected is None or found is None:
        raise Violation("a factory is taken where Python takes it",
                        f"Python: {str(expected)[:300]}, we: {str(found)[:300]} {result.errors[-500:].decode(errors='replace')}")
    place = next((n for n, (left, right) in enumerate(zip(expected, found)) if left != right), min(len(expected), len(found)))
    raise Violation("a factory makes the tasks that Python makes",
                    f"{len(expected)} and {len(found)}; task {place}: {expected[place:place + 1]}, {found[place:place + 1]}")


# MARK: formats

NUMBERS = [0, 1, -1, 7, 10, 255, 12345, -98765, 2**31, 2**63 - 1, -2**63]
TEXTS = ["", "a", "abc", "é", "\U0001f600", "1", "x y", "{}"]


def formula(rng, arguments):
    """One replacement field, mostly of a right form."""
    name = rng.choice(["0", "0", "0", "1", "", "2", "00", "0[0]", "0[-1]", "0.real", "0.__class__", "x"]) if rng.random() < 0.3 else \
        str(rng.randrange(len(arguments)))
    conversion = rng.choice(["", "", "", "", "", "!s", "!r", "!a", "!x"])
    spec = ""
    if rng.random() < 0.8:
        fill = rng.choice(["", "", "", "*", "0", " ", "é", "{0}", "}"]) if rng.random() < 0.3 else ""
        spec = fill + rng.choice(["", "", "<", ">", "^", "="]) + rng.choice(["", "", "", "+", "-", " "]) + rng.choice(["", "", "#"]) \
            + rng.choice(["", "", "0"]) + rng.choice(["", "", "1", "5", "12", "40", "{1}"]) + rng.choice(["", "", "", ",", "_"]) \
            + rng.choice(["", "", "", ".0", ".1", ".5", ".20"]) + rng.choice(["", "", "d", "x", "X", "o", "b", "c", "e", "E", "f", "g", "G",
                                                                         "n", "s", "%", "r", "q"])
    return "{" + name + conversion + (":" + spec if spec else "") + "}"


def play_formats(rng, program, place):
    axes = [[rng.choice(TEXTS)] if rng.random() < 0.4 else [rng.choice(NUMBERS)] for _ in range(rng.choice([1, 2, 2, 3]))]
    if all(isinstance(axis[0], str) for axis in axes):
        value = {"parametric_sweep": {"product_iterables": axes}}
    else:
        axes = [[axis[0] if isinstance(axis[0], int) else 3] for axis in axes]
        axes = [[min(axis[0], 2**63 - 2)] for axis in axes]
        value = {"parametric_sweep": {"product": [{"start": axis[0], "stop": axis[0] + 1, "step": 1} for axis in axes]}}
    arguments = [axis[0] for axis in axes]
    parts = [rng.choice(["a ", "", "{{", "}}", "x"]) + formula(rng, arguments) for _ in range(rng.choice([1, 1, 2, 3]))]
    command = "c " + "".join(parts) + rng.choice(["", "", "", "}", "{"])
    size = write(place, one_job(value, command))
    result, lines = plan(program, place, size)
    yield result
    # A width of gigabytes is refused by a limit of ours; Python would make the text.
    if ("{1}" in command or ":{0}" in command) and any(isinstance(one, int) and one > 100_000 for one in arguments):
        return
    try:
        expected = [command.format(*arguments)]
    except (IndexError, KeyError, ValueError, AttributeError, TypeError, OverflowError):
        expected = None
    # What Python's own objects say of themselves (addresses, bound methods) is nobody's to repeat.
    if expected and (" at 0x" in expected[0] or "\0" in expected[0] or any(0xD800 <= ord(c) < 0xE000 for c in expected[0])):
        return
    compare(expected, lines, result)
