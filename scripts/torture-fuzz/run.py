"""One run of the program, and what is promised of each."""

import os
import resource
import signal
import subprocess
import threading
import time


class Violation(Exception):
    def __init__(self, promise, found):
        super().__init__(promise)
        self.promise, self.found = promise, found


class Limits:
    """What a run may take. The time is the processor's, so that who else runs counts little."""
    SECONDS = 2
    # But where every core is taken, so are their caches and memory: twice the time then, seen of the same input.
    LOADED = 2
    MEGABYTES = 500
    FILE_BYTES = 10 << 20
    # 500 findings of a few lines each, and the summary.
    OUTPUT_BYTES = 2 << 20
    # Nobody waits longer, whoever has the processor.
    PATIENCE = 120

    @staticmethod
    def seconds():
        load = max(os.getloadavg()[0], 0) / (os.cpu_count() or 1)
        return Limits.SECONDS * min(Limits.LOADED, max(1, load))


class Result:
    def __init__(self, code, seconds, megabytes, output, errors, output_bytes, file_bytes):
        self.code, self.seconds, self.megabytes = code, seconds, megabytes
        self.output, self.errors = output, errors
        self.output_bytes, self.file_bytes = output_bytes, file_bytes


class Program:
    CODES = {0, 2, 3}

    def __init__(self, path, directory):
        self.path = path
        self.environment = {"PATH": os.environ["PATH"], "HOME": directory, "SHIPYARD_HOME": f"{directory}/home",
                            "LANG": "C.UTF-8"}

    def run(self, place, words, file_bytes=0, codes=CODES, output_limit=Limits.OUTPUT_BYTES):
        """Runs the program in `place` and answers what it did; raises where that is not what is promised."""
        before = Limits.seconds()
        with open(f"{place}/output", "wb+") as output, open(f"{place}/errors", "wb+") as errors:
            process = subprocess.Popen([self.path, *words], cwd=place, env=self.environment, stdin=subprocess.DEVNULL,
                                       stdout=output, stderr=errors, preexec_fn=bound)
            timer = threading.Timer(Limits.PATIENCE, process.kill)
            timer.start()
            _, status, usage = os.wait4(process.pid, 0)
            timer.cancel()
            process.returncode = os.waitstatus_to_exitcode(status)
            size = max(os.fstat(output.fileno()).st_size, os.fstat(errors.fileno()).st_size)
            for stream in output, errors:
                stream.seek(0)
            result = Result(process.returncode, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024,
                            output.read(64 << 20), errors.read(1 << 20), size, file_bytes)
        shown = f"{' '.join(words)}\n{result.errors[-1000:].decode(errors='replace')}"
        if result.code < 0:
            raise Violation("no input ends the program by a signal", f"{signal.Signals(-result.code).name}: {shown}")
        if result.code not in codes:
            raise Violation("the exit code is one that is promised", f"{result.code}: {shown}")
        if file_bytes <= Limits.FILE_BYTES:
            if result.seconds > (limit := max(before, Limits.seconds())):
                raise Violation(f"at most {Limits.SECONDS} s", f"{result.seconds:.2f} s, with {limit:.1f} s for the load: {shown}")
            if result.megabytes > Limits.MEGABYTES:
                raise Violation(f"at most {Limits.MEGABYTES} MB", f"{result.megabytes:.0f} MB: {shown}")
        if output_limit and size > output_limit:
            raise Violation("the output is bounded", f"{size} bytes: {shown}")
        return result


def bound():
    # Ends what would take the machine with it, long after the promise is broken.
    resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
    resource.setrlimit(resource.RLIMIT_FSIZE, (512 << 20, 512 << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
