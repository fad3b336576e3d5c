"""A company's real servers for as long as a night takes, filled once.

Their directories stay in the company's folder, so the next night finds what the last one left.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from samples.frame import Built, Server
from samples.servers import missing, server

FILLED = "seloste-filled.json"
"""The file in a server's directory that says that it was filled to the end, and as of which day."""

GIVES_UP_ROOT = frozenset({"dovecot"})
"""Servers that, started as root, become another user, who must be able to enter their directory."""
HAS_SOCKETS = frozenset({"dovecot"})
LONGEST_DIRECTORY = 107 - len("/run/token-login/imap-urlauth")
"""So many bytes the path of a server with Unix sockets may have: a socket's own may have 107."""


def directory_of(one: Server, company: Path) -> Path:
    """Where a company's server keeps its data. `company`: the company's folder."""
    return company / "servers" / one.name


def obstacle(one: Server, company: Path) -> str:
    """Why this server cannot run on this machine and in this folder; "" if it can."""
    if why := missing(one.name):
        return why
    for program, package in one.tools.items():
        if shutil.which(program) is None:
            return f"{program} is not installed (Debian: {package})"
    directory = directory_of(one, company).absolute()
    if one.name in HAS_SOCKETS and len(os.fsencode(directory)) > LONGEST_DIRECTORY:
        return f"{one.name} cannot run in a folder with so long a path; move the data directory"
    closed = [parent for parent in directory.parents if parent.exists() and not parent.stat().st_mode & stat.S_IXOTH]
    if one.name in GIVES_UP_ROOT and os.geteuid() == 0 and closed:
        return (
            f"{one.name} gives up root and may not enter the data directory; let it in, or run the demo as another user"
        )
    return ""


@contextmanager
def serving(servers: Sequence[Server], built: Built) -> Iterator[Mapping[str, str]]:
    """Run each server, fill it if it is not, and tell the environment that the inventory's connections read.

    A directory that was not filled to the end is thrown away and begun anew. Raises ServerError.
    """
    told: dict[str, str] = {}
    with ExitStack() as stack:
        for one in servers:
            directory = directory_of(one, built.directory)
            mark = directory / FILLED
            if directory.exists() and not _is_filled(mark, built):
                shutil.rmtree(directory)
            running = stack.enter_context(server(one.name, directory))
            if not mark.exists():
                one.fill(running, built)
                mark.write_text(_mark(built), encoding="utf-8")
            told.update(one.environment(running))
        yield told


def _mark(built: Built) -> str:
    told = {"today": built.today.isoformat(), "seed": built.seed, "customers": built.customers}
    return json.dumps(told, sort_keys=True) + "\n"


def _is_filled(mark: Path, built: Built) -> bool:
    return mark.is_file() and mark.read_text(encoding="utf-8") == _mark(built)
