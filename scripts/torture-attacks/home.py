"""A home of the program under test: its commands, its API, its service and its agents."""

import http.client
import json
import os
import resource
import signal
import socket
import subprocess
import time

import processes
from promise import Violation

# Generous: a loaded machine is slow, and a promise is not about its speed.
COMMAND_SECONDS = 240.0
START_SECONDS = 120.0
# After how many seconds of silence a node is unknown, and lost; families stop processes for shorter and for longer.
SILENCE = "3,9"


class Outcome:
    def __init__(self, words, code, output, messages):
        self.words, self.code, self.output, self.messages = words, code, output, messages

    def __str__(self):
        return f"`{' '.join(self.words)}` → {self.code} {self.output[-400:]}{self.messages[-1200:]}".strip()


def popen(words, **more):
    """An attack takes the program away now and then, for some seconds."""
    end = time.monotonic() + 60
    while True:
        try:
            return subprocess.Popen(words, **more)
        except FileNotFoundError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


class Home:
    def __init__(self, directory, program, log):
        self.directory, self.program, self.log = directory, program, log
        self.path = f"{directory}/h"
        self.nodes = f"{self.path}/nodes"
        self.environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "SHIPYARD_HOME": self.path,
            "SHIPYARD_SILENCE_SECONDS": SILENCE,
        }
        self._started = []
        self._commands = 0

    # Commands

    def start(self, *words, environment={}, program=None):
        """Starts a command. Its output goes to files, so that no pipe fills up and no child keeps one open."""
        self._commands += 1
        base = f"{self.directory}/command-{self._commands}"
        with open(base + ".out", "wb") as output, open(base + ".err", "wb") as messages:
            process = popen(
                [program or self.program, *words], cwd=self.directory, env=self.environment | environment,
                stdin=subprocess.DEVNULL, stdout=output, stderr=messages)
        return Command(words, process, base)

    def run(self, *words, seconds=COMMAND_SECONDS, **more):
        return self.start(*words, **more).outcome(seconds)

    def json(self, *words):
        outcome = self.run(*words, "--raw")
        try:
            return json.loads(outcome.output)
        except ValueError:
            raise Violation("commands print what they are asked for", "JSON", outcome)

    # API

    def get(self, path, seconds=60.0):
        """(status, body) of a GET; (0, {}) where nobody answers. The socket may be anything by now."""
        try:
            connection = http.client.HTTPConnection("shipyard", timeout=seconds)
            connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.sock.settimeout(seconds)
            connection.sock.connect(f"{self.path}/service.sock")
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read()
            connection.close()
            return response.status, json.loads(body) if body else {}
        except (OSError, http.client.HTTPException, ValueError):
            return 0, {}

    def post(self, path, body=None, seconds=60.0):
        try:
            connection = http.client.HTTPConnection("shipyard", timeout=seconds)
            connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.sock.settimeout(seconds)
            connection.sock.connect(f"{self.path}/service.sock")
            connection.request("POST", path, json.dumps(body) if body is not None else None)
            response = connection.getresponse()
            text = response.read()
            connection.close()
            return response.status, text.decode(errors="replace")
        except (OSError, http.client.HTTPException):
            return 0, ""

    def get_surely(self, path, seconds=START_SECONDS):
        """As `get`, for a service that should answer: starts it where it is dead."""
        end = time.monotonic() + seconds
        while True:
            self.ensure_service()
            status, body = self.get(path)
            if status in (200, 404):
                return status, body
            if time.monotonic() > end:
                raise Violation("the service answers", f"GET {path} within {seconds:.0f} s", f"{status} {body}")
            time.sleep(0.1)

    def tasks(self, job):
        tasks, after = [], None
        while True:
            query = f"?limit=500{'' if after is None else f'&after={after}'}"
            status, page = self.get_surely(f"/jobs/{job}/tasks{query}")
            if status != 200:
                return tasks
            tasks += page["value"]
            after = page.get("next")
            if after is None:
                return tasks

    # Processes

    def services(self):
        found = [(p, processes.words(p)) for p in processes.marked(self.path)]
        return [p for p, words in found
                if words[1:3] == ["service", "run"] and self.path in words and processes.is_itself(p, words)]

    def agents(self, node=None):
        found = []
        for process in processes.marked(self.path):
            words = processes.words(process)
            if "node-agent" in words[:2] and (node is None or node in words) and processes.is_itself(process, words):
                found.append(process)
        return sorted(found, key=lambda p: processes.words(p))

    def start_service(self, limits=(), environment={}):
        """`service run` as a child of ours, so that what it is started with is known. Never waits."""
        os.makedirs(self.path, mode=0o700, exist_ok=True)

        def limit():
            for kind, value in limits:
                resource.setrlimit(kind, (value, value))

        with open(f"{self.directory}/service.log", "ab") as log:
            process = popen(
                [self.program, "service", "run", "--home", self.path], cwd="/", stdin=subprocess.DEVNULL,
                env=self.environment | environment, stdout=log, stderr=log, start_new_session=True,
                preexec_fn=limit if limits else None)
        self._started.append(process)
        return process

    def answers(self):
        return self.get("/service")[0] == 200

    def ensure_service(self, seconds=START_SECONDS):
        """A service answers after this; whoever started it."""
        end = time.monotonic() + seconds
        started = None
        while not self.answers():
            self.reap()
            if started is None or (started.poll() is not None and not self.services()):
                started = self.start_service()
            if time.monotonic() > end:
                raise Violation(
                    "a service can be started", f"an answer within {seconds:.0f} s",
                    f"services {self.services()}; log: {self.service_log()[-1500:]}")
            time.sleep(0.05)

    def reap(self):
        self._started = [process for process in self._started if process.poll() is None]

    def service_log(self):
        text = ""
        for path in (f"{self.directory}/service.log", f"{self.path}/service.log"):
            try:
                with open(path, errors="replace") as file:
                    text += file.read()
            except OSError:
                pass
        return text

    def signal(self, found, number):
        return sum(processes.send(process, number) for process in found)


class Command:
    def __init__(self, words, process, base):
        self.words, self._process, self._base = words, process, base

    def is_running(self):
        return self._process.poll() is None

    def interrupt(self):
        self._process.send_signal(signal.SIGINT)

    def kill(self):
        self._process.kill()

    def outcome(self, seconds=COMMAND_SECONDS):
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise Violation(
                "commands end", f"an end within {seconds:.0f} s", f"`{' '.join(self.words)}` hung; {self._texts()}")
        return Outcome(self.words, code, *self._texts())

    def _texts(self):
        texts = []
        for suffix in (".out", ".err"):
            with open(self._base + suffix, errors="surrogateescape") as file:
                texts.append(file.read())
        return texts
