"""The families of inputs."""

import glob
import json
import os
import warnings

import factories
import mutate
import sizes
from run import Limits, Violation

warnings.filterwarnings("ignore")
ROOT = os.path.realpath(f"{os.path.dirname(__file__)}/../..")
KINDS = ["jobs", "pool", "config", "credentials", "schedules", "fs"]


def corpus():
    """(kind, name, bytes) of all files to begin from."""
    files = []
    for pattern in ("Tests/ShipyardSpecsTests/Cases/*/*", "scripts/torture-fuzz/corpus/*", "docs/guide/**/*.yaml",
                    "examples/**/*.yaml", "examples/**/*.json"):
        for path in sorted(glob.glob(f"{ROOT}/{pattern}", recursive=True)):
            name = os.path.basename(path)
            kind = next((kind for kind in KINDS if name.startswith(kind)), None)
            if kind and name.endswith((".yaml", ".yml", ".json")) and os.path.getsize(path) < 200_000:
                with open(path, "rb") as file:
                    files.append((kind, name, file.read()))
    return files


CORPUS = corpus()


def validate(program, place, kind, name, data, rng):
    path = f"{kind}{os.path.splitext(name)[1]}"
    with open(f"{place}/{path}", "wb") as file:
        file.write(data)
    form = rng.choice(["text", "json"])
    words = ["validate", kind, path, "--format", form] + (["--strict"] if rng.random() < 0.1 else [])
    result = program.run(place, words, len(data))
    if form == "json":
        try:
            result.findings = json.loads(result.output)
        except ValueError as error:
            raise Violation("`--format json` prints JSON", f"{error}: {result.output[:300]!r}")
    else:
        result.findings = None
        if b"\x1b" in result.output:
            raise Violation("no escape sequence reaches the terminal", repr(result.output[:300]))
    return result


class Bytes:
    """Files of the corpus with bytes, lines and stretches changed, some of them grown to megabytes."""
    weight = 40

    @staticmethod
    def play(rng, program, place):
        kind, name, data = rng.choice(CORPUS)
        data = mutate.changed_bytes(rng, data, [other for _, _, other in CORPUS], Limits.FILE_BYTES)
        yield validate(program, place, kind, name, data, rng)


class Structure:
    """Files of the corpus whose tree is changed; the JSON Schemas judge them too."""
    weight = 35

    @staticmethod
    def play(rng, program, place):
        kind, name, data = rng.choice(CORPUS)
        tree = mutate.parsed(name, data)
        if tree is None:
            kind, name, tree = "jobs", "jobs.yaml", {"job_specifications": [{"id": "a", "tasks": [{"command": "x"}]}]}
        tree = mutate.changed_tree(rng, tree)
        data, name = mutate.written(rng, tree)
        result = validate(program, place, kind, name, data, rng)
        yield result
        schema_agrees(kind, tree, result)


SCHEMAS = {}


def schema_agrees(kind, tree, result):
    """What the schema refuses is refused. The schema cannot say more than shape, so the other way is not asked."""
    path = f"{ROOT}/docs/schema/{kind}.json"
    if result.findings is None or not os.path.exists(path):
        return
    try:
        import jsonschema
    except ImportError:
        return
    if kind not in SCHEMAS:
        with open(path) as file:
            SCHEMAS[kind] = jsonschema.Draft202012Validator(json.load(file))
    if not mutate.is_json(tree) or "@{" in json.dumps(tree):
        return
    error = next(SCHEMAS[kind].iter_errors(tree), None)
    refused = any(finding["severity"] == "error" for finding in result.findings)
    if error is not None and not refused:
        raise Violation("the JSON Schema refuses nothing that is taken",
                        f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}")


class Sizes:
    """Files of up to 10 MB, each with a lot of one thing."""
    weight = 3

    @staticmethod
    def play(rng, program, place):
        kind, name, data = sizes.file(rng, Limits.FILE_BYTES)
        yield validate(program, place, kind, name, data, rng)


class Factories:
    """Task factories, against Python's itertools; those of great counts are only counted."""
    weight = 12

    @staticmethod
    def play(rng, program, place):
        yield from factories.play(rng, program, place)


class Formats:
    """Formulas of formats in commands, against Python's str.format."""
    weight = 10

    @staticmethod
    def play(rng, program, place):
        yield from factories.play_formats(rng, program, place)


ALL = {"bytes": Bytes, "structure": Structure, "sizes": Sizes, "factories": Factories, "formats": Formats}


def fixed(program, directory, failed):
    """Batch Shipyard's own verdicts, where they are."""
    for base in (f"{ROOT}/Tests/ShipyardSpecsTests/Cases/validate", "/work/shared/vectors/validate"):
        if not os.path.exists(f"{base}/expected.json"):
            continue
        with open(f"{base}/expected.json") as file:
            expected = json.load(file)
        for entry in expected:
            path = f"{base}/{entry['file']}"
            place = f"{directory}/vector"
            os.makedirs(place, exist_ok=True)
            try:
                result = program.run(place, ["validate", entry["kind"], path, "--format", "json"],
                                     os.path.getsize(path))
                shape = any(finding["severity"] == "error" and finding["code"][:3] in ("SY0", "SY1")
                            for finding in json.loads(result.output))
                # Named in docs/spec/differences.md.
                if shape == entry["ok"] and entry["file"] != "jobs-output-on-job.yaml":
                    raise Violation("Batch Shipyard's verdict on syntax and shape is ours", f"ours: {not shape}")
                yield result
            except Violation as violation:
                failed(path, violation)
