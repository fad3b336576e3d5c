"""What every page costs a large organisation, against its budget: `./run bench pages`.

2,000 activities, 10,000 registers with a dataset each, 30 nights of 1,000 of them, 2,000 lots and 200 holds that wait
and a million rows of the ledger in a database of their own; with `--demo` KaseNet as `manage.py demo` leaves it.
Printed are each page's queries, its median time in this process (template and all, no network) and its size, not
compressed. Exit code 1 where a budget is not kept. `--database postgresql` starts a server of its own.
"""

from __future__ import annotations

import argparse
import gc
import io
import os
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

MOST_MILLISECONDS = 500.0
MOST_MILLISECONDS_OF_THE_DEMO = 300.0
MOST_QUERIES = 45
MOST_BYTES = 100_000
TIMES = 5
NIGHTS = 30


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--activities", type=int, default=2_000)
    parser.add_argument("--registers", type=int, default=10_000)
    parser.add_argument("--reached", type=int, default=1_000, help="datasets that nights ask")
    parser.add_argument("--ledger", type=int, default=1_000_000)
    parser.add_argument("--demo", action="store_true", help="the demo's data instead")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        os.environ["SELOSTE_DATA"] = folder
        os.environ.pop("SELOSTE_DATABASE_URL", None)
        if asked.database == "postgresql":
            from samples.servers import server

            running = stack.enter_context(server("postgres"))
            os.environ["SELOSTE_DATABASE_URL"] = f"postgresql://postgres@127.0.0.1:{running.port}/postgres"
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        import django

        from config.keys import make_keys

        make_keys(Path(folder) / "keys")
        django.setup()
        prepare()
        if asked.demo:
            kept = _pages(_demo(), MOST_MILLISECONDS_OF_THE_DEMO)
        else:
            organisation = _large(asked.activities, asked.registers, min(asked.reached, asked.registers), asked.ledger)
            kept = _pages(organisation, MOST_MILLISECONDS)
        from django.db import connections

        connections.close_all()
        return 0 if kept else 1


def prepare() -> None:
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)


def _demo() -> Any:
    from django.core.management import call_command

    from ropa.models import Organisation

    call_command("demo", stdout=io.StringIO())
    sys.stdout.write(f"the demo's data; {_machine()}\n\n")
    return Organisation.objects.get(slug="kasenet")


def _large(activities: int, registers: int, reached: int, ledger: int) -> Any:
    size = f"{activities} activities, {registers} registers ({reached} asked by nights), {ledger} ledger rows"
    sys.stdout.write(f"{size}; {_machine()}\n")
    began = time.perf_counter()
    organisation = _inventory(activities, registers)
    sys.stdout.write(f"the inventory stands after {time.perf_counter() - began:.0f} s\n")
    _ledger(organisation, ledger)
    _nights(organisation, reached)
    sys.stdout.write(f"nights and ledger stand after {time.perf_counter() - began:.0f} s\n\n")
    return organisation


def _machine() -> str:
    from django.db import connection

    return f"Python {sys.version.split()[0]}, {connection.vendor}, {os.cpu_count()} cores"


def _inventory(activities: int, registers: int) -> Any:
    from benchmarks.inventory_size import document
    from retention.inventory_document import import_document
    from ropa.services import publish

    big = {
        **document(activities, registers, registers),
        "connections": {"tietokanta": {"kind": "sql", "config": {"url": "sqlite:///nowhere.sqlite3"}}},
    }
    for dataset in big["datasets"]:
        dataset["mapping"]["subject"] = "asiakasnro"
        dataset["policy"]["approval"] = "two"
    told = ["contract_ended", "invoice_dated", "case_closed"]
    big["registers"][0]["ledger"] = [{"id": "api", "subject_kind": "customer", "via": "api", "tells": told}]
    organisation = import_document(big, "bench")
    publish(organisation, date(2026, 1, 1), datetime.now(UTC), "controller:bench")
    return organisation


def _ledger(organisation: Any, rows: int) -> None:
    """Half contracts, half events, of a customer each."""
    from retention.models import LedgerContract, LedgerEvent

    half = rows // 2
    for start in range(0, half, 20_000):
        numbers = range(start, min(start + 20_000, half))
        common = {"organisation": organisation, "subject_kind": "customer"}
        LedgerContract.objects.bulk_create(
            LedgerContract(subject=f"{n:07}", ref=f"S{n}", started=date(2015, 1, 1), source="r0:api", **common)
            for n in numbers
        )
        LedgerEvent.objects.bulk_create(
            LedgerEvent(
                subject=f"{n:07}", name="invoice_dated", thing=f"L{n}", date=date(2024, 1, 1), source="r0:api", **common
            )
            for n in numbers
        )


def _nights(organisation: Any, reached: int) -> None:
    """Nights that came to their end, lots that wait, holds that stand."""
    from retention.models import DatasetNight, Hold, HoldSubject, Run
    from retention.models.run import RunState
    from retention.runs import summary_row

    version = organisation.versions.get()
    today = organisation.day_of(datetime.now(UTC))
    for back in range(NIGHTS):
        day = today - timedelta(days=back)
        at = datetime(day.year, day.month, day.day, 0, 30, tzinfo=UTC)
        run = Run.objects.create(
            organisation=organisation,
            business_date=day,
            version=version,
            state=RunState.FINISHED,
            started_at=at,
            finished_at=at,
        )
        rows = [
            DatasetNight(
                run=run,
                register=f"r{n}",
                dataset=f"d{n}",
                counts={"left_keep": 40, "left_held": 1, "due": 3, "outcomes": {"destroyed": 2, "held": 1}},
                overdue_left=0,
                unexplained=0,
                people_overdue=0,
            )
            for n in range(reached)
        ]
        DatasetNight.objects.bulk_create(rows, batch_size=2_000)
        told = [summary_row(row) for row in rows]
        run.summary = {
            "purged": 2 * reached,
            "unexplained": 0,
            "problems": {},
            "unheard": {},
            "datasets": told,
        }
        run.save()
    _waiting(organisation, version, run, 2_000)
    for _ in range(200):
        hold = Hold.objects.create(
            organisation=organisation, reason="dispute", owner="lakiasiat", start=today, review_by=today
        )
        HoldSubject.objects.create(hold=hold, subject_kind="customer", subject="0000001")


def _waiting(organisation: Any, version: Any, run: Any, lots: int) -> None:
    from retention.lot_keys import LotKey, lot_digest, pack
    from retention.models import Lot

    keys = [LotKey(str(n), f"{n:07}", date(2025, 1, 1), None) for n in range(20)]
    Lot.objects.bulk_create(
        Lot(
            organisation=organisation,
            run=run,
            version=version,
            register=f"r{n}",
            dataset=f"d{n}",
            action="delete",
            why="GROUNDS_ENDED",
            due_from_first=date(2025, 1, 1),
            due_from_last=date(2025, 1, 1),
            size=len(keys),
            keys=pack(keys),
            rules_digest="0" * 64,
            digest=lot_digest(keys, f"d{n}", "delete", "0" * 64),
            approvals_needed=2,
        )
        for n in range(lots)
    )


PAGES = (
    *("", "lots/", "alarms/", "nights/", "nights/{day}/", "ahead/"),
    *("registers/", "registers/?q=rekisteri+77", "registers/{register}/", "rules/", "rules/?q=sopimus"),
    *("datasets/{dataset}/grounds/{ground}/", "draft/", "library/", "begin/", "begin/record/", "begin/notice/"),
    *("record/", "record/organisation/", "record/organisation/history/", "record/activities/", "record/registers/"),
    *("record/registers/{register}/", "record/registers/{register}/?edit=reach", "record/registers/new/"),
    *("record/registers/{register}/history/", "record/datasets/{dataset}/", "record/datasets/{dataset}/?edit=where"),
    *("record/activities/{activity}/", "record/activities/{activity}/?edit=what", "flows/", "paper/", "holds/"),
    *("person/", "estimates/", "reports/", "reports/management/"),
    *("evidence/", "connections/", "connections/add/sql/", "connections/{connection}/", "roles/", "law/", "status/"),
)
"""Under the organisation's own address."""
DECIDING = frozenset({"lots", "draft", "estimates", "connections", "roles", "status"})
"""Opened by who decides or administers; the others by the DPO."""


def _pages(organisation: Any, milliseconds: float) -> bool:
    from django.contrib.auth.models import User
    from django.test import Client

    from ropa.models import Membership, Role
    from tests.factors import give_factor, sign_in

    clients = {}
    for name, roles in (("tiina", [Role.DPO]), ("kaija", [Role.CONTROLLER, Role.ADMINISTRATOR])):
        user = User.objects.create(username=name)
        for role in roles:
            Membership.objects.create(user=user, organisation=organisation, role=role)
        give_factor(user)
        clients[name] = sign_in(Client(SERVER_NAME="localhost", headers={"Accept-Language": "fi"}), user)
    top, names, kept = f"/o/{organisation.slug}/", _names(organisation), True
    sys.stdout.write(f"{'page':<52}{'queries':>8}{'median ms':>11}{'kB':>8}\n")
    for page in ("/", "/account/", *(top + one.format(**names) for one in PAGES)):
        deciding = page.removeprefix(top).partition("/")[0] in DECIDING
        kept = _told(clients["kaija" if deciding else "tiina"], page, milliseconds) and kept
    return kept


def _names(organisation: Any) -> dict[str, str]:
    """What stands in the addresses: entries of the draft from its middle, so that none is favoured."""
    from ropa.draft import document_of

    draft = document_of(organisation)
    register = draft["registers"][len(draft["registers"]) // 2]["id"]
    dataset = next(one for one in draft["datasets"] if one["register"] == register and one.get("grounds"))
    return {
        "day": organisation.day_of(datetime.now(UTC)).isoformat(),
        "register": register,
        "dataset": dataset["id"],
        "ground": dataset["grounds"][0]["id"],
        "activity": dataset["activity"],
        "connection": next(iter(organisation.connections.values_list("code", flat=True))),
    }


def _told(client: Any, page: str, milliseconds: float) -> bool:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client.get(page, follow=True)  # a process's first answer reads the version's plan; the next ones have it
    gc.collect()
    times = []
    for _ in range(TIMES):
        with CaptureQueriesContext(connection) as queries:
            began = time.perf_counter()
            answer = client.get(page, follow=True)
            times.append((time.perf_counter() - began) * 1_000)
    if answer.status_code != 200:
        raise SystemExit(f"{page}: {answer.status_code}")
    took, size = statistics.median(times), len(answer.content)
    measured = (
        ("queries", len(queries) > MOST_QUERIES),
        ("time", took >= milliseconds),
        ("size", size >= MOST_BYTES),
    )
    over = [name for name, broken in measured if broken]
    said = f"  NOT KEPT: {', '.join(over)}" if over else ""
    sys.stdout.write(f"{page:<52}{len(queries):>8}{took:>11.0f}{size / 1_000:>8.1f}{said}\n")
    sys.stdout.flush()
    return not over


if __name__ == "__main__":
    sys.exit(main())
