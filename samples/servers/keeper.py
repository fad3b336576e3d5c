"""keeper.py THROW_AWAY DIRECTORY COMMAND…: run the command until standard input ends, then end all that came of it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path


def family(root: int) -> set[int]:
    """The process and all that descend from it."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError, ValueError):
            parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
    found = {root}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def end(pids: set[int], how: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, how)


def main(throw_away: str, directory: str, *command: str) -> int:
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    told_to_end = threading.Event()

    def wait_for_the_end_of_input() -> None:
        while os.read(0, 4096):
            continue
        told_to_end.set()
        members = family(child.pid)
        end(members, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            child.wait(1.5)
        end(members | family(child.pid), signal.SIGKILL)

    watcher = threading.Thread(target=wait_for_the_end_of_input)
    watcher.start()
    code = child.wait()
    if not told_to_end.is_set():  # it ended by itself: the caller sees the keeper gone
        os._exit(code if code > 0 else 1)
    watcher.join()
    if throw_away == "yes":
        shutil.rmtree(directory, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
