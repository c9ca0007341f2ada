"""Runs a command in a pseudo terminal, types the text of each step once its pattern appears, and prints the outcome.

Standard input: {"argv", "cwd", "env", "columns", "rows", "steps": [{"expect": regex, "send": text}], "seconds"}.
Standard output: {"output", "code", "remaining"}; code is the exit code, or minus the number of the signal; remaining is
the number of steps that did not happen. "seconds" is the time limit, after which the command is killed.
"""
import fcntl
import json
import os
import pty
import re
import select
import struct
import sys
import termios
import time

spec = json.load(sys.stdin)
pid, terminal = pty.fork()
if pid == 0:
    os.chdir(spec["cwd"])
    os.execvpe(spec["argv"][0], spec["argv"], spec["env"])
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", spec["rows"], spec["columns"], 0, 0))
shown = b""
matched_to = 0
steps = list(spec["steps"])
deadline = time.monotonic() + spec["seconds"]
while True:
    ready, _, _ = select.select([terminal], [], [], max(0, deadline - time.monotonic()))
    if not ready:
        os.kill(pid, 9)
        break
    try:
        chunk = os.read(terminal, 65536)
    except OSError:  # EIO: the terminal was closed
        break
    if not chunk:
        break
    shown += chunk
    while steps:
        match = re.search(steps[0]["expect"], shown[matched_to:].decode("utf-8", "replace"))
        if not match:
            break
        matched_to = len(shown)
        os.write(terminal, steps.pop(0)["send"].encode())
_, status = os.waitpid(pid, 0)
code = os.waitstatus_to_exitcode(status)
json.dump({"output": shown.decode("utf-8", "replace"), "code": code, "remaining": len(steps)}, sys.stdout)
