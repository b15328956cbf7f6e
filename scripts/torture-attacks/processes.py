"""Processes and mounts of this machine, as the kernel shows them."""

import collections
import os
import re
import signal
import time

Process = collections.namedtuple("Process", "id start state parent")


def _read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def stat(process):
    """The process of that number, or None. `start` tells it from a later one of the same number."""
    text = _read(f"/proc/{process}/stat")
    if not text:
        return None
    fields = text[text.rindex(b")") + 2 :].split()
    return Process(int(process), int(fields[19]), fields[0].decode(), int(fields[1]))


def is_alive(process, start=None):
    found = stat(process)
    return found is not None and found.state not in "ZX" and start in (None, found.start)


def words(process):
    return [word.decode(errors="surrogateescape") for word in _read(f"/proc/{process}/cmdline").split(b"\0")[:-1]]


def is_itself(process, its_words):
    """False for what a process has begun to start: until it becomes another program it has its parent's words."""
    found = stat(process)
    return found is not None and words(found.parent) != its_words


def all_ids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def marked(mark, sparing=()):
    """Living processes that have the text in their words, environment or working directory."""
    text, own, found = mark.encode(), os.getpid(), []
    for process in all_ids():
        if process == own or process in sparing:
            continue
        try:
            directory = os.readlink(f"/proc/{process}/cwd".encode())
        except OSError:
            directory = b""
        if (
            text in _read(f"/proc/{process}/cmdline")
            or text in directory
            or text in _read(f"/proc/{process}/environ")
        ) and is_alive(process):
            found.append(process)
    return found


def with_word(word):
    """Living processes with this very word in their command line, whatever else they have stripped."""
    text = word.encode()
    return [p for p in all_ids() if text in _read(f"/proc/{p}/cmdline").split(b"\0") and is_alive(p)]


def describe(processes):
    return "; ".join(f"{p}: {' '.join(words(p))[:160]}" for p in processes)


def send(process, number, start=None):
    """Signals that process and no later one of its number. False when it is not there any more."""
    try:
        handle = os.pidfd_open(process)
    except OSError:
        return False
    try:
        if not is_alive(process, start):
            return False
        signal.pidfd_send_signal(handle, number)
        return True
    except OSError:
        return False
    finally:
        os.close(handle)


def end_all(mark, patience=20.0):
    """Our own cleaning up: ends what is marked, stopped or not."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        found = marked(mark)
        if not found:
            return True
        for process in found:
            send(process, signal.SIGKILL)
        time.sleep(0.05)
    return False


def mounts(below):
    """Mount points at or below a directory, deepest first."""
    points = []
    for line in _read("/proc/self/mountinfo").splitlines():
        # Blanks and backslashes are written as three octal digits; names are bytes, whatever they mean.
        point = re.sub(rb"\\([0-7]{3})", lambda digits: bytes([int(digits[1], 8)]), line.split(b" ")[4])
        point = os.fsdecode(point)
        if point == below or point.startswith(below + "/"):
            points.append(point)
    return sorted(points, key=len, reverse=True)
