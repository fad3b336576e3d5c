"""Our purge against the floor: a DELETE in batches, written by hand for this one table. `./run bench`.

Both delete the same rows of two copies of one SQLite file: closed tickets older than two years, and their messages. The
floor knows the rule, keeps no evidence, reads nothing back, and can't be interrupted without losing count. Ours is
`run_night` as it runs in production: `purge` is the time from the first intent to the last outcome, `night` is all
of it, the independent reader over every row included. Rounds take turns, and who begins alternates.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import shutil
import sqlite3
import statistics
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

TODAY = date(2026, 6, 30)
NOW = datetime(2026, 6, 30, 1, 0, tzinfo=UTC)
LAST_CLOSED = date(2024, 6, 29)
"""The last day on which a ticket may have been closed to be due on TODAY: two years, and a day."""

SCHEMA = """
create table tiketti(id integer primary key, asiakasnro text not null, aihe text, avattu date not null, suljettu date);
create table viesti(id integer primary key, tiketti_id integer not null references tiketti(id), teksti text);
"""
INDEXES = """
create index tiketti_suljettu on tiketti(suljettu);
create index tiketti_asiakas on tiketti(asiakasnro);
create index viesti_tiketti on viesti(tiketti_id);
"""


def fill(path: Path, due: int, kept: int) -> None:
    """Tickets in no order of age, two messages each; `due` of them closed on or before LAST_CLOSED."""
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript(SCHEMA)
        tickets, messages = [], []
        for number in range(due + kept):
            old = number * due // (due + kept) < (number + 1) * due // (due + kept)
            closed = LAST_CLOSED - timedelta(days=number % 700) if old else TODAY - timedelta(days=number % 700)
            opened = closed - timedelta(days=10)
            tickets.append((number, f"A{number % 5000}", "vika", opened.isoformat(), closed.isoformat()))
            messages += [(number, "viesti asiakkaalta"), (number, "vastaus")]
        db.executemany("insert into tiketti values (?, ?, ?, ?, ?)", tickets)
        db.executemany("insert into viesti(tiketti_id, teksti) values (?, ?)", messages)
        db.executescript(INDEXES)


def left(path: Path) -> tuple[int, int]:
    with closing(sqlite3.connect(path)) as db:
        counts = [db.execute(f"select count(*) from {table}").fetchone()[0] for table in ("tiketti", "viesti")]  # noqa: S608
    return counts[0], counts[1]


def floor(path: Path, batch: int) -> float:
    """Seconds that the hand-written DELETE takes, as durable as ours (a commit that is synced, per batch)."""
    begun = perf_counter()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("pragma foreign_keys = on")
        db.execute("pragma synchronous = full")
        cutoff = LAST_CLOSED.isoformat()
        keys = [key for (key,) in db.execute("select id from tiketti where suljettu <= ? order by id", (cutoff,))]
        for start in range(0, len(keys), batch):
            chosen = json.dumps(keys[start : start + batch])
            db.execute("begin immediate")
            db.execute("delete from viesti where tiketti_id in (select value from json_each(?))", (chosen,))
            db.execute(
                "delete from tiketti where id in (select value from json_each(?)) and suljettu <= ?", (chosen, cutoff)
            )
            db.execute("commit")
    return perf_counter() - begun


def inventory(slug: str, path: Path) -> dict[str, Any]:
    """One organisation with one register and one dataset."""
    return {
        "seloste": 1,
        "organisation": {"slug": slug, "name": slug, "language": "fi", "time_zone": "Europe/Helsinki"},
        "registers": [{"id": "tiketit", "name": {"fi": "Tiketit"}, "medium": "database", "connection": "tiketit"}],
        "activities": [
            {
                "id": "tuki",
                "name": {"fi": "Asiakastuki"},
                "role": "controller",
                "purposes": [{"id": "tuki", "name": {"fi": "Asiakastuki"}}],
            }
        ],
        "datasets": [
            {
                "id": "tiketit",
                "name": {"fi": "Tiketit"},
                "register": "tiketit",
                "activity": "tuki",
                "grain": "record",
                "subject_kind": "customer",
                "enforced_by": "us",
                "mapping": {
                    "place": "tiketti",
                    "key": "id",
                    "subject": "asiakasnro",
                    "events": {"case_opened": "avattu", "case_closed": "suljettu"},
                    "children": ["viesti"],
                },
                "policy": {"mode": "purge", "approval": "automatic", "grace": "P0D", "waves": False},
                "grounds": [
                    {
                        "id": "tuki",
                        "kind": "need",
                        "purpose": "tuki",
                        "trigger": "case_closed",
                        "period": "P2Y",
                        "action": "delete",
                        "status": "confirmed",
                        "reason": {"fi": "Jälkihoito"},
                    }
                ],
            }
        ],
        "connections": {"tiketit": {"kind": "sql", "config": {"url": f"sqlite:///{path}"}}},
    }


@dataclass
class Points:
    """When a night's purge began and ended."""

    first: float | None = None
    last: float = 0.0

    def __call__(self, point: str) -> None:
        if point == "intent committed" and self.first is None:
            self.first = perf_counter()
        if point == "outcome committed":
            self.last = perf_counter()


def ours(path: Path, slug: str) -> tuple[float, float]:
    """Seconds of the purge, and of the whole night. The inventory is published before the clock starts."""
    from retention.inventory_document import import_document
    from retention.night import run_night
    from retention.runs import succeeded
    from ropa.services import publish

    organisation = import_document(inventory(slug, path), by="bench", reason="bench")
    publish(organisation, TODAY - timedelta(days=30), NOW, publisher="bench", reason="bench")
    points = Points()
    begun = perf_counter()
    run = run_night(organisation, TODAY, NOW, by="bench", at=points)
    night = perf_counter() - begun
    if not succeeded(run) or points.first is None:
        raise SystemExit(f"the night did not succeed: {run.state} {run.summary}")
    return points.last - points.first, night


def start(directory: Path) -> None:
    """An installation of the bench's own, with keys and tables."""
    os.environ["SELOSTE_DATA"] = str(directory)
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    os.environ.pop("SELOSTE_DATABASE_URL", None)
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    import django
    from django.core.management import call_command

    from config.keys import make_keys

    make_keys(directory / "keys")
    django.setup()
    call_command("migrate", verbosity=0)


def machine() -> str:
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("Django", "SQLAlchemy"))
    cores = os.cpu_count() or 1
    return (
        f"{platform.system()} {platform.machine()}, {cores} cores, Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}, {versions}"
    )


def table(rows: dict[str, list[float]], due: int) -> str:
    """Median, least and greatest of each, and the median of the ratios to the floor of the same round."""
    lines = [f"{'':<8}{'median s':>10}{'least':>8}{'greatest':>10}{'rows/s':>10}{'to floor':>10}"]
    for name, seconds in rows.items():
        middle = statistics.median(seconds)
        ratio = statistics.median(s / f for s, f in zip(seconds, rows["floor"], strict=True))
        lines.append(
            f"{name:<8}{middle:>10.3f}{min(seconds):>8.3f}{max(seconds):>10.3f}{due / middle:>10.0f}{ratio:>10.2f}"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Our purge against a hand-written DELETE.")
    parser.add_argument("--due", type=int, default=20_000, help="tickets that are due")
    parser.add_argument("--kept", type=int, default=20_000, help="tickets that are not")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=5_000, help="keys in one DELETE of the floor")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="seloste-bench-") as folder:
        directory = Path(folder)
        start(directory / "data")
        pristine = directory / "pristine.sqlite3"
        fill(pristine, chosen.due, chosen.kept)
        rows: dict[str, list[float]] = {"floor": [], "purge": [], "night": []}
        for number in range(chosen.rounds):
            copies = {who: directory / f"{who}-{number}.sqlite3" for who in ("floor", "ours")}
            for copy in copies.values():
                shutil.copy(pristine, copy)
            for who in ("floor", "ours") if number % 2 == 0 else ("ours", "floor"):
                if who == "floor":
                    rows["floor"].append(floor(copies["floor"], chosen.batch))
                else:
                    purge, night = ours(copies["ours"], f"bench-{number}")
                    rows["purge"].append(purge)
                    rows["night"].append(night)
            wanted = (chosen.kept, 2 * chosen.kept)
            for who, copy in copies.items():
                if left(copy) != wanted:
                    raise SystemExit(f"{who} left {left(copy)} tickets and messages, not {wanted}")
                copy.unlink()
    sys.stdout.write(
        f"{chosen.due} of {chosen.due + chosen.kept} tickets are due, two messages each; "
        f"{chosen.rounds} rounds in turns; the floor takes {chosen.batch} keys at once\n"
        f"{machine()}\n\n{table(rows, chosen.due)}\n"
    )


if __name__ == "__main__":
    main()
