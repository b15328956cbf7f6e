"""rclone's S3, which keeps files in a directory and checks signatures by itself: `s3_rclone.py RCLONE DIRECTORY ID:KEY`.

Listens on a free port of the loopback interface, writes it as the first line, and ends when its standard input does.
"""
import ctypes
import os
import re
import subprocess
import sys
import threading

rclone, directory, key = sys.argv[1:]
server = subprocess.Popen(
    [rclone, "serve", "s3", directory, "--addr", "127.0.0.1:0", "--auth-key", key.replace(":", ","), "--config", "/nonexistent"],
    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    preexec_fn=lambda: ctypes.CDLL(None).prctl(1, 9))  # PR_SET_PDEATHSIG: it ends with this process


def end():
    sys.stdin.read()
    server.kill()
    os._exit(0)


threading.Thread(target=end, daemon=True).start()
for line in server.stderr:
    if found := re.search(r"Starting s3 server on \[http://127\.0\.0\.1:(\d+)/\]", line):
        print(found.group(1), flush=True)
