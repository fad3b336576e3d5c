"""A disk that is full from a point of a night on, with and without the right to mount a small one."""

from __future__ import annotations

import errno
import resource
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from retention.models import Run
from retention.night import run_night
from ropa.models import Organisation
from tests.e2e.fault_house import CHUNK
from tests.retention.company import NOW, TODAY

MEBIBYTE = 2**20


@contextmanager
def no_room() -> Iterator[None]:
    """This process can write no file any more. Anybody may say so of himself: EFBIG where a full disk says ENOSPC."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:  # what the process says of its end may go into a file
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def night_until(point: str, number: int, happens: Callable[[ExitStack], object]) -> Run:
    """Tonight, and what happens when it comes to this point for the n-th time; "": before it begins."""
    seen = 0
    with ExitStack() as stack:

        def at(told: str) -> None:
            nonlocal seen
            seen += told == point
            if told == point and seen == number:
                happens(stack)

        if not point:
            happens(stack)
        return run_night(Organisation.objects.get(), TODAY, NOW, chunk=CHUNK, at=at)


class SmallDisk:
    """A file system of its own in memory, that can be filled to the last byte."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.ballast = directory / "ballast"

    def fill(self, *_: object) -> None:
        with self.ballast.open("ab", buffering=0) as file:
            for size in (MEBIBYTE, 4096, 1):
                with _until_full():
                    while file.write(b"\0" * size):
                        pass

    def make_room(self) -> None:
        self.ballast.unlink(missing_ok=True)


@contextmanager
def _until_full() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise


@contextmanager
def small_disk(mebibytes: int) -> Iterator[SmallDisk]:
    """Skips the test where this process may mount nothing; what a limit of the process shows is tried there too."""
    directory = Path(tempfile.mkdtemp(prefix="seloste-small-"))  # where PostgreSQL's user can reach it
    directory.chmod(0o755)
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(directory)]
    done = subprocess.run(mounting, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        directory.rmdir()
        pytest.skip(f"no small file system can be mounted here, which takes root ({done.stderr.strip()})")
    try:
        yield SmallDisk(directory)
    finally:
        subprocess.run(["umount", str(directory)], check=True)
        directory.rmdir()
