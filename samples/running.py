"""A company's real servers for as long as a night takes, filled once.

Their directories stay in the company's folder, so the next night finds what the last one left.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from samples.frame import Built, Server
from samples.servers import server

FILLED = "seloste-filled.json"
"""The file in a server's directory that says that it was filled to the end, and as of which day."""


@contextmanager
def serving(servers: Sequence[Server], built: Built) -> Iterator[Mapping[str, str]]:
    """Run each server, fill it if it is not, and tell the environment that the inventory's connections read.

    A directory that was not filled to the end is thrown away and begun anew. Raises ServerError.
    """
    told: dict[str, str] = {}
    with ExitStack() as stack:
        for one in servers:
            directory = built.directory / "servers" / one.name
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
