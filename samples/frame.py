"""What the five companies' samples share: a folder filled whole, its marker, the holds, the servers it needs.

A company's package exposes COMPANY. The same arguments give the same content, and nothing is written into a
folder that is not the demo's own.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from random import Random
from typing import Any, Protocol

from samples.servers import Running

MARKER = "seloste-demo.json"
"""The file that says that a folder is the demo's own, and how it was filled."""


class NotOursError(Exception):
    """The folder holds something that this generator did not write; nothing of it was touched."""


class TooFewError(ValueError):
    """So few customers that not every situation would have its people; nothing was written."""


@dataclass(frozen=True, slots=True)
class PlannedHold:
    """A hold that the demo places: a person's decision, so it is no part of any register."""

    subjects: tuple[str, ...]
    reason: str
    note: str
    owner: str
    start: date
    review_by: date


@dataclass(frozen=True)
class Built:
    """What was built, and the holds that people would have placed."""

    directory: Path
    today: date
    seed: int
    customers: int
    holds: Sequence[PlannedHold]


class Build(Protocol):
    """Fill a folder anew, as of `today`. Raises NotOursError, and TooFewError for too few customers."""

    def __call__(self, directory: Path, today: date, seed: int = ..., customers: int = ...) -> Built: ...


@dataclass(frozen=True)
class Server:
    """A real server (`samples.servers`) that registers of a company lie on.

    connection  the connection in the inventory that reaches it
    fill        put the built company's content on it, once; the server runs
    environment what the connection's config reads from the environment while it runs
    tools       programs that `fill` runs, and the Debian package of each
    """

    name: str
    connection: str
    fill: Callable[[Running, Built], None]
    environment: Callable[[Running], Mapping[str, str]]
    tools: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Company:
    """One company: its notice, its inventory, and the generator of its systems.

    slug         its organisation's, and the name of its folder
    notice_date  of the published notice; None where the notice has none
    inventory    what its inventory says beyond the published notice, as additions to `published`
    further      more additions, which the demo of all companies makes
    """

    slug: str
    name: str
    notice_date: date | None
    inventory: Path
    build: Build
    built: Callable[[Path], Built | None]
    further: tuple[Path, ...] = ()
    servers: tuple[Server, ...] = ()

    @property
    def published(self) -> Path:
        """The document as published, beside the inventory: what the notice says and nothing else."""
        return self.inventory.with_name("published.yaml")


def fill_folder(
    sample: str,
    built: Built,
    write: Callable[[Path], None],
) -> Built:
    """Fill `built.directory` anew by `write`. A half-filled folder is never seen: it is moved into place whole.

    Raises NotOursError for a folder with other content.
    """
    directory = built.directory
    refuse_foreign(directory)
    part = directory.with_name(f"{directory.name}.part")
    refuse_foreign(part)
    if part.exists():
        shutil.rmtree(part)
    part.mkdir(parents=True)
    _write_marker(part, sample, built)
    write(part)
    if directory.exists():
        shutil.rmtree(directory)
    part.rename(directory)
    return built


def built(directory: Path) -> Built | None:
    """What stands in `directory`, if a sample's generator filled it; None where nothing is. Raises NotOursError."""
    refuse_foreign(directory)
    marker = directory / MARKER
    if not marker.exists():
        return None
    told: dict[str, Any] = json.loads(marker.read_text(encoding="utf-8"))
    return Built(
        directory,
        date.fromisoformat(told["today"]),
        told["seed"],
        told["customers"],
        [_hold(hold) for hold in told["holds"]],
    )


def chance(seed: int, register: str) -> Random:
    """Each register its own run of chance, so that a change in one leaves the others as they were."""
    return Random(f"{seed} {register}")  # noqa: S311 - artificial people, no secret


def refuse_foreign(directory: Path) -> None:
    """Raises NotOursError for a folder with content and no marker."""
    if directory.exists() and not (directory / MARKER).is_file() and any(directory.iterdir()):
        raise NotOursError(f"{directory} is not empty and not the demo's own ({MARKER} is not there)")


def _write_marker(directory: Path, sample: str, built: Built) -> None:
    told = {
        "sample": sample,
        "today": built.today.isoformat(),
        "seed": built.seed,
        "customers": built.customers,
        "holds": [asdict(hold) for hold in built.holds],
    }
    text = json.dumps(told, ensure_ascii=False, indent=2, sort_keys=True, default=date.isoformat)
    (directory / MARKER).write_text(text + "\n", encoding="utf-8")


def _hold(told: dict[str, Any]) -> PlannedHold:
    days = {name: date.fromisoformat(told[name]) for name in ("start", "review_by")}
    return PlannedHold(**{**told, **days, "subjects": tuple(told["subjects"])})
