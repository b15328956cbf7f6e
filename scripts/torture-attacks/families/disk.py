"""A disk that fills up, by bytes or by files, and has room again."""

import os
import shutil
import sqlite3
import subprocess
import threading

import processes
from promise import Violation
from round import Family

MEGABYTES = 128
# More than the tasks of the longest round need: what they write themselves must not fill it.
FILES = 60_000


class Disk(Family):
    name = "disk"

    @staticmethod
    def is_possible(tools):
        return None if os.geteuid() == 0 else "not root, so no tmpfs can be mounted"

    def prepare(self):
        os.mkdir(self.home.path, 0o700)
        self.filler = f"{self.home.path}/filler"
        # Held by whoever fills; who wants room says that it is enough.
        self.filling, self.is_enough = threading.Lock(), threading.Event()
        # On tmpfs a directory or an empty file takes no room, so only a real file system is full in every way.
        if self.rng.random() < 0.3 or not self._mount_image():
            options = f"size={MEGABYTES}m,nr_inodes={FILES},mode=700"
            subprocess.run(["mount", "-t", "tmpfs", "-o", options, "torture", self.home.path], check=True)

    def _mount_image(self):
        if not (shutil.which("mkfs.ext4") and os.path.exists("/dev/loop-control")):
            return False
        image = f"{self.round.directory}/disk"
        with open(image, "wb") as file:
            file.truncate(MEGABYTES << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", "-N", str(FILES), image], check=True)
        mounted = subprocess.run(["mount", "-o", "loop", image, self.home.path], stderr=subprocess.DEVNULL)
        if mounted.returncode == 0:
            os.chmod(self.home.path, 0o700)
        return mounted.returncode == 0

    def events(self, duration):
        moment = self.rng.uniform(2, 5)
        while moment < duration - 3:
            length = min(self.rng.uniform(0.3, 8), duration - moment - 1)
            yield moment, lambda by=self.rng.random() < 0.4, length=length: self.fill(by, length)
            moment += length + self.rng.uniform(2, 6)

    def fill(self, by_files, length):
        # A command may wait until there is room, so that comes from another thread.
        self.round.later(length, self.free)
        with self.filling:
            self.is_enough.clear()
            self._fill(by_files)
        self.round.counts.attack("full disks (files)" if by_files else "full disks (bytes)")
        self.round.note(f"disk full by {'files' if by_files else 'bytes'}")

    def _fill(self, by_files):
        try:
            # Tasks may have filled it already.
            os.makedirs(self.filler, exist_ok=True)
            if by_files:
                for number in range(2 * FILES):
                    if self.is_enough.is_set():
                        return
                    os.close(os.open(f"{self.filler}/f{number}", os.O_CREAT | os.O_WRONLY))
            else:
                with open(f"{self.filler}/bytes", "wb", buffering=0) as file:
                    for size in (1 << 20, 4096):
                        try:
                            while not self.is_enough.is_set() and file.write(b"\1" * size):
                                pass
                        except OSError:
                            pass
        except OSError:
            pass

    def free(self):
        self.is_enough.set()
        with self.filling:
            subprocess.run(["rm", "-rf", self.filler])
        self.round.note("disk has room again")

    def settle(self):
        self.free()

    def check(self):
        for job in self.round.load.living:
            for task in self.home.tasks(job):
                failure = task["executionInfo"].get("failureInfo", {})
                self.round.counts.check("tasks not burnt by a full disk")
                if failure.get("code") == "DiskFull":
                    raise Violation("a full disk burns no task", f"task {task['id']} of {job} run", task)

    def check_gone(self):
        self.home.run("service", "stop")
        with sqlite3.connect(f"{self.home.path}/shipyard.db") as database:
            answer = database.execute("PRAGMA integrity_check").fetchall()
        self.round.counts.check("databases after full disks")
        if answer != [("ok",)]:
            raise Violation("the database survives a full disk", "ok", answer)

    def clear(self):
        subprocess.run(["rm", "-rf", f"{self.home.path}/filler"])
