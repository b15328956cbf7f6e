"""What tasks run, and the small C programs that the attacks need. Written and compiled once for a run."""

import os
import shutil
import subprocess

# One line in the ledger for what a task does. Each is one `write` to a file opened with O_APPEND, so the order of
# the lines is the order of the events, whatever the clocks say.
TASK = r"""#!/bin/sh
# task DIRECTORY JOB GENERATION TASK KIND ARGUMENT
dir=$1 job=$2 gen=$3 task=$4 kind=$5 arg=$6
start_of() { read -r x x state x x x x x x x x x x x x x x x x x x start x 2>/dev/null </proc/$1/stat; }
line() { echo "$1 $job $gen $task $me $AZ_BATCH_NODE_ID $2" >>"$dir/ledger"; }

start_of $$
me=$$.$start
held=$dir/held/$job.$gen.$task
if [ -e "$held" ]; then
  read -r other born <"$held"
  start= state=
  start_of "$other"
  if [ "$start" = "$born" ] && [ "$state" != Z ] && [ "$state" != X ]; then line overlap "$other.$born"; fi
fi
echo "$$ ${me#*.}" >"$held"
line begin 0

# A full disk is not the task's fault, a directory that went away is somebody's.
tries=0
until echo "$job $gen $task" 2>/dev/null >"out-$gen-$task"; do
  tries=$((tries + 1))
  if [ $tries -gt 600 ] || ! [ -d "$AZ_BATCH_TASK_WORKING_DIR" ]; then line homeless 97; exit 97; fi
  sleep 0.1
done

code=0
case $kind in
  quick) ;;
  sleep) sleep "$arg" ;;
  exit) code=$arg ;;
  retry)
    # Fails as often as it is told, each time with another code.
    n=0
    [ -e "$held.n" ] && read -r n <"$held.n"
    if [ "$n" -lt "$arg" ]; then echo $((n + 1)) >"$held.n"; code=$((n + 11)); fi ;;
  files) n=0; while [ $n -lt "$arg" ]; do true 2>/dev/null >"more-$n" || break; n=$((n + 1)); done ;;
  poison) kill -9 $PPID; sleep 30 ;;
  shell) . "$dir/$arg" ;;
esac
line end $code
exit $code
"""

# A process that sheds all that a process can shed, and a chain of processes each of which lives a millisecond.
ORPHAN = r"""
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
static double now(void) { struct timespec t; clock_gettime(CLOCK_BOOTTIME, &t); return t.tv_sec + t.tv_nsec / 1e9; }
static void shed(void) {
    if (fork()) _exit(0);
    setsid();
    if (fork()) _exit(0);
    if (chdir("/")) _exit(1);
    for (int i = 0; i < 256; i++) close(i);
    open("/dev/null", O_RDWR);
}
int main(int count, char **words) {
    /* orphan SECRET daemon|chain SECONDS [bare] */
    if (count < 4) return 2;
    if (count == 4) {
        if (fork()) return 0;
        shed();
        char *bare[] = { words[0], words[1], words[2], words[3], "bare", NULL }, *none[] = { NULL };
        execve("/proc/self/exe", bare, none);
        _exit(1);
    }
    double end = now() + atof(words[3]);
    while (now() < end) {
        if (!strcmp(words[2], "daemon")) { sleep(1); continue; }
        usleep(1000);
        if (fork()) _exit(0);
        setsid();
    }
    return 0;
}
"""

# Moves the wall clock, and nothing else, of whatever program needs this library. The offset in nanoseconds is the
# first word of the file, which all of them map.
CLOCK = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static volatile int64_t *offset;
__attribute__((constructor)) static void map(void) {
    int file = open(OFFSET_FILE, O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    void *page = mmap(0, 8, PROT_READ, MAP_SHARED, file, 0);
    if (page != MAP_FAILED) offset = page;
    close(file);
}
int clock_gettime(clockid_t clock, struct timespec *t) {
    int result = syscall(SYS_clock_gettime, clock, t);
    if (!result && offset && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        int64_t all = t->tv_sec * INT64_C(1000000000) + t->tv_nsec + *offset;
        t->tv_sec = all / 1000000000;
        t->tv_nsec = all % 1000000000;
    }
    return result;
}
int gettimeofday(struct timeval *restrict t, void *restrict zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    if (t) { t->tv_sec = now.tv_sec; t->tv_usec = now.tv_nsec / 1000; }
    return 0;
}
time_t time(time_t *t) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (t) *t = now.tv_sec;
    return now.tv_sec;
}
"""


class Tools:
    """Programs in a directory of the run. What the machine cannot make is None, and who needs it says so."""

    def __init__(self, directory):
        self.directory = directory
        os.makedirs(directory)
        self.compiler = shutil.which("clang") or shutil.which("cc") or shutil.which("gcc")
        self.task = self._write("task", TASK)
        self.orphan = self._compile("orphan", ORPHAN, [])
        self.clock_file = f"{directory}/clock"
        self.step_clock(0)
        self.clock = self._compile(
            "clock.so", CLOCK, ["-shared", "-fPIC", f'-DOFFSET_FILE="{self.clock_file}"'])

    def _write(self, name, text):
        path = f"{self.directory}/{name}"
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, 0o755)
        return path

    def _compile(self, name, text, options):
        if self.compiler is None:
            return None
        source = self._write(f"{name}.c", text)
        output = f"{self.directory}/{name}"
        subprocess.run([self.compiler, "-O1", "-w", "-o", output, source, *options], check=True)
        return output

    def step_clock(self, seconds):
        """The file is written in place: who has it mapped sees the step at once."""
        with open(self.clock_file, "r+b" if os.path.exists(self.clock_file) else "w+b", buffering=0) as file:
            file.write(int(seconds * 1_000_000_000).to_bytes(8, "little", signed=True))

    def with_clock(self, program):
        """A copy of the program whose wall clock can be moved: service, agents and commands, as they start each
        other from it."""
        if self.clock is None or shutil.which("patchelf") is None:
            return None
        copy = f"{self.directory}/shipyard-clock"
        if not os.path.exists(copy):
            shutil.copy2(program, copy + ".new")
            subprocess.run(["patchelf", "--add-needed", self.clock, copy + ".new"], check=True)
            os.rename(copy + ".new", copy)
        return copy
