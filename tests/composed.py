"""What compose.yaml says, as this machine can run it: its services' own commands, without their containers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = Path(sys.executable).parent


def services() -> dict[str, dict[str, Any]]:
    """The services by name, with what they share merged in."""
    found: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    return found


def command(service: str) -> list[str]:
    """The command of a service, as its process gets it."""
    return [str(word).replace("$$", "$") for word in services()[service]["command"]]


def environment(data: Path, **more: str) -> dict[str, str]:
    """Of a process that works on this data directory: nothing of the test's own settings."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("SELOSTE_", "DJANGO_"))}
    clean["PATH"] = f"{PROGRAMS}{os.pathsep}{clean.get('PATH', '')}"
    return {**clean, "SELOSTE_DATA": str(data), "SELOSTE_SECRET_KEY": "a key for tests only", **more}


@contextmanager
def running(words: list[str], settings: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a session of its own, ended with all its children at the end of the block."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            words,
            cwd=ROOT,
            env=dict(settings),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a process of `running` and its children, without a word."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def until(condition: Callable[[], Any], what: str, seconds: float = 90, logs: tuple[Path, ...] = ()) -> Any:
    """What the condition says once it says something; fails with the ends of the logs if it does not in time."""
    deadline = time.monotonic() + seconds
    looked = threading.Event()
    while not (found := condition()):
        if time.monotonic() > deadline:
            tails = "\n".join(f"--- {log.name}\n{log.read_text(errors='replace')[-3000:]}" for log in logs)
            raise AssertionError(f"{what}: not in {seconds:.0f} seconds\n{tails}")
        looked.wait(0.02)
    return found
