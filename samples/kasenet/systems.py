"""KaseNet's eight registers as systems that fit into one folder, filled with artificial people.

    crm.sqlite3          1. customers and billing         tyomaaraimet.sqlite3  5. fibre survey, work orders
    tiketit.sqlite3      2. tickets                       dokumentit/           6. documentation server
    kuitukartta.gpkg     3. fibre map (GeoPackage)        tunnukset.sqlite3     7. AD and VPN accounting
    arkisto/             4. paper archive (box list)      posti/                8. mail servers (Maildir)

The same arguments give the same content. Nothing is written into a folder that is not the demo's own.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

from samples.kasenet import accounts, crm, documents, fibre_map, mail, paper, tickets, work_orders
from samples.kasenet.story import PlannedHold, tell

MARKER = "seloste-demo.json"
"""The file that says that a folder is the demo's own, and how it was filled."""

SEED = 20180511
CUSTOMERS = 400


class NotOursError(Exception):
    """The folder holds something that this generator did not write; nothing of it was touched."""


@dataclass(frozen=True)
class Built:
    """What was built, and the holds that people would have placed."""

    directory: Path
    today: date
    seed: int
    customers: int
    holds: Sequence[PlannedHold]


def build(directory: Path, today: date, seed: int = SEED, customers: int = CUSTOMERS) -> Built:
    """Fill `directory` anew, as of `today`. A half-built folder is never seen: it is moved into place whole.

    Raises NotOursError for a folder with other content, ValueError for too few customers.
    """
    _refuse_foreign(directory)
    story = tell(today, seed, customers)
    part = directory.with_name(f"{directory.name}.part")
    _refuse_foreign(part)
    if part.exists():
        shutil.rmtree(part)
    part.mkdir(parents=True)
    built = Built(directory, today, seed, customers, story.holds)
    _write_marker(part, built)
    crm.build(part, story)
    tickets.build(part, story)
    fibre_map.build(part, story, _random(seed, "map"))
    paper.build(part, story)
    work_orders.build(part, story, _random(seed, "work orders"))
    documents.build(part, story, _random(seed, "documents"))
    accounts.build(part, story, _random(seed, "accounts"))
    mail.build(part, story, _random(seed, "mail"))
    if directory.exists():
        shutil.rmtree(directory)
    part.rename(directory)
    return built


def built(directory: Path) -> Built | None:
    """What stands in `directory`, if this generator filled it; None where nothing is. Raises NotOursError."""
    _refuse_foreign(directory)
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


def _random(seed: int, register: str) -> Random:
    """Each register its own run of chance, so that a change in one leaves the others as they were."""
    return Random(f"{seed} {register}")  # noqa: S311 - artificial people, no secret


def _refuse_foreign(directory: Path) -> None:
    if directory.exists() and not (directory / MARKER).is_file() and any(directory.iterdir()):
        raise NotOursError(f"{directory} is not empty and not the demo's own ({MARKER} is not there)")


def _write_marker(directory: Path, built: Built) -> None:
    told = {
        "sample": "kasenet",
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
