"""Real servers on loopback, for tests and for the demo: started from scripts, gone with whoever started them.

    with server("slapd", directory) as running:
        ... running.port, running.directory

Each `start-NAME DIR PORT` beside this file prepares DIR at its first call and then becomes the server. A
keeper process stands between: it holds the reading end of a pipe, and when the writing end closes, because
the caller is done or was killed, it ends the server and all its children by their pids.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

HERE = Path(__file__).parent
PATIENCE_SECONDS = 120.0

_ASKED = b"\x00\x03\x00\x00user\x00postgres\x00database\x00postgres\x00\x00"
POSTGRES_GREETING = (len(_ASKED) + 4).to_bytes(4, "big") + _ASKED
"""What a client of PostgreSQL says first: version 3.0 of the protocol, user and database."""


class ServerError(Exception):
    """The server did not start; the end of its log is in the message."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a server needs on this machine: programs by name, the Debian packages that bring them.

    `beside`: files without which it starts, and some of what is asked of it fails.
    """

    programs: tuple[str, ...]
    packages: tuple[str, ...]
    beside: tuple[str, ...] = ()
    root: bool = False


KINDS: Mapping[str, Kind] = {
    "postgres": Kind(
        ("/usr/lib/postgresql/*/bin/postgres",),
        ("postgresql-15", "postgresql-15-postgis-3"),
        beside=("/usr/share/postgresql/*/extension/postgis.control",),
    ),
    "mariadb": Kind(("mariadbd", "mariadb-install-db"), ("mariadb-server",)),
    "redis": Kind(("redis-server",), ("redis-server",)),
    "slapd": Kind(("slapd", "slapadd", "ldapadd"), ("slapd", "ldap-utils")),
    "samba-ad": Kind(
        ("samba", "samba-tool", "ldbmodify"),
        ("samba", "samba-ad-provision", "samba-dsdb-modules", "samba-vfs-modules", "winbind", "ldb-tools"),
        root=True,
    ),
    "dovecot": Kind(("dovecot", "doveadm"), ("dovecot-imapd",)),
}
PROGRAMS: Mapping[str, Kind] = {"chromium": Kind(("chromium",), ("chromium",))}
"""What tests need beside servers: the browser in which they open the pages."""


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers. `address` is loopback; a domain controller has a loopback address of its own."""

    name: str
    directory: Path
    port: int
    address: str = "127.0.0.1"
    pid: int = 0


def missing(name: str) -> str:
    """Why this server or program cannot run here; "" if it can."""
    kind = {**KINDS, **PROGRAMS}[name]
    absent = [program for program in kind.programs if not _there(program)]
    if absent:
        return f"{name} is not installed (Debian: {' '.join(kind.packages)})"
    if kind.root and os.geteuid() != 0:
        return f"{name} needs root"
    return ""


def packages() -> list[str]:
    """Every Debian package that the servers of this folder and the programs need and that is not there."""
    return sorted(
        {
            package
            for name, kind in (*KINDS.items(), *PROGRAMS.items())
            if missing(name) or not all(_there(file) for file in kind.beside)
            for package in kind.packages
        }
    )


def _there(program: str) -> bool:
    if "*" in program:
        return any(Path("/").glob(program.lstrip("/")))
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") is not None


def free_port() -> int:
    """A port that nothing listens on, and that has a free one after it."""
    for _ in range(100):
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            with suppress(OSError, OverflowError):
                second.bind(("127.0.0.1", port + 1))
                return port
    raise ServerError("no two free ports in a row")


def answers(running: Running) -> bool:
    """Whether something accepts connections there, and, of PostgreSQL, whether it lets anybody in yet."""
    port = 389 if running.name == "samba-ad" else running.port
    with suppress(OSError), socket.create_connection((running.address, port), 0.5) as connection:
        if running.name != "postgres":
            return True
        connection.sendall(POSTGRES_GREETING)
        return connection.recv(1) == b"R"  # it is still starting up while it answers E, an error
    return False


@contextmanager
def server(
    name: str,
    directory: Path | None = None,
    *,
    port: int | None = None,
    environment: Mapping[str, str] | None = None,
    ready: Callable[[Running], bool] = answers,
) -> Iterator[Running]:
    """Run one server until the block ends. Its data are thrown away with it, unless a directory is named.

    Raises ServerError if it is not installed or does not answer in two minutes.
    """
    if why := missing(name):
        raise ServerError(why)
    top = Path(tempfile.mkdtemp(prefix=f"seloste-{name}-")) if directory is None else directory
    top.mkdir(parents=True, exist_ok=True)
    top.chmod(0o755)  # servers that drop root must enter it
    running = Running(name, top, port or free_port())
    reading, writing = os.pipe()
    log = top / "server.log"
    keeping = [sys.executable, "-I", str(HERE / "keeper.py"), "yes" if directory is None else "no", str(top)]
    with log.open("ab") as out:
        keeper = subprocess.Popen(
            [*keeping, str(HERE / f"start-{name}"), str(top), str(running.port)],
            stdin=reading,
            stdout=out,
            stderr=out,
            start_new_session=True,
            env={**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin", **(environment or {})},
        )
    os.close(reading)
    try:
        yield _wait(running, keeper, log, ready)
    finally:
        os.close(writing)
        keeper.wait()


def _wait(running: Running, keeper: subprocess.Popen[bytes], log: Path, ready: Callable[[Running], bool]) -> Running:
    began = time.monotonic()
    running = replace(running, pid=keeper.pid)
    while True:
        address = running.directory / "address"  # a domain controller writes which one it has
        if running.name != "samba-ad":
            told = running
        elif address.exists() and (text := address.read_text().strip()):
            told = replace(running, address=text)
        else:
            told = None
        if told is not None and ready(told):
            return told
        if keeper.poll() is not None or time.monotonic() - began > PATIENCE_SECONDS:
            tail = log.read_text(errors="replace")[-3000:] if log.exists() else ""
            raise ServerError(f"{running.name} did not start:\n{tail}")
        time.sleep(0.05)
