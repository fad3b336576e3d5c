"""The inventory of a large organisation: what each step costs, against its budget. `./run bench inventory`.

2,000 activities and 20,000 datasets in a database of their own: brought in, read as a snapshot, published, listed
over the API (queries counted), one entry edited, and out and in again as a workbook. The report's formats are
measured each in a process of its own (`benchmarks.inventory_size`). Exit code 1 where a budget is not kept.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

LISTS = 20
"""Queries of a list endpoint at most."""


class Table:
    """Lines as they are measured, and whether every budget was kept."""

    def __init__(self) -> None:
        self.kept = True

    def line(self, what: str, found: float, unit: str, budget: float | None = None) -> None:
        over = budget is not None and found >= budget
        self.kept = self.kept and not over
        said = "" if budget is None else f"  budget {budget:g} {unit}{'  NOT KEPT' if over else ''}"
        sys.stdout.write(f"{what:<48}{found:>9.2f} {unit}{said}\n")
        sys.stdout.flush()

    def timed(self, what: str, act: Callable[[], Any], budget: float | None = None) -> Any:
        began = time.perf_counter()
        result = act()
        self.line(what, time.perf_counter() - began, "s", budget)
        return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--activities", type=int, default=2_000)
    parser.add_argument("--datasets", type=int, default=20_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SELOSTE_DATA"] = folder
        os.environ["SELOSTE_DATABASE"] = f"sqlite:///{folder}/bench.sqlite3"
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        import django

        django.setup()
        return _measure(asked.activities, asked.datasets)


def _measure(activities: int, datasets: int) -> int:
    from django.core.management import call_command

    from benchmarks.inventory_size import document
    from retention.inventory_document import export_document, import_document
    from retention.inventory_document.workbook import read_xlsx, write_xlsx
    from ropa.services import draft_of, publish

    call_command("migrate", verbosity=0)
    table = Table()
    big = {
        **document(activities, datasets),
        "connections": {"tietokanta": {"kind": "sql", "config": {"url": "sqlite:///x"}}},
    }
    for dataset in big["datasets"]:
        dataset["mapping"]["subject"] = "asiakasnro"
    told = ["contract_ended", "invoice_dated", "case_closed"]
    big["registers"][0]["ledger"] = [{"id": "api", "subject_kind": "customer", "via": "api", "tells": told}]
    sys.stdout.write(f"{activities} activities, {datasets} datasets; Python {sys.version.split()[0]}\n")
    organisation = table.timed("brought in (check, rows, history)", lambda: import_document(big, "bench"))
    table.timed("brought in again, unchanged", lambda: import_document(big, "bench"))
    draft = table.timed("a snapshot of the draft", lambda: draft_of(organisation), 5)
    table.timed("published", lambda: publish(organisation, date(2026, 1, 1), datetime.now(UTC), "bench"))
    _lists(table, organisation)
    table.timed("written as YAML", lambda: export_document(organisation))
    workbook = table.timed("written as XLSX", lambda: write_xlsx(draft, []))
    began = time.perf_counter()
    again, _where = table.timed("  XLSX read", lambda: read_xlsx(workbook))
    table.timed("  XLSX brought in", lambda: import_document({**again, "connections": big["connections"]}, "bench"))
    table.line("XLSX import as a whole", time.perf_counter() - began, "s", 60)
    table.line("greatest memory", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MB")
    return 0 if table.kept else 1


def _lists(table: Table, organisation: Any) -> None:
    from django.contrib.auth.models import User
    from django.db import connection
    from django.test.utils import CaptureQueriesContext
    from rest_framework.test import APIClient

    from ropa.kinds import KINDS
    from ropa.models import Membership, Role

    user = User.objects.create(username="bench")
    Membership.objects.create(user=user, organisation=organisation, role=Role.CONTROLLER)
    client = APIClient(SERVER_NAME="localhost")
    client.force_authenticate(user)
    top = f"/api/v1/organisations/{organisation.slug}/"
    places = ["registers/", "datasets/", "versions/", *(f"record/{kind.name}/" for kind in KINDS)]
    worst, slowest, most = "", 0.0, 0
    for place in places:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            began = time.perf_counter()
            answer = client.get(top + place, {"page_size": 200})
            took = time.perf_counter() - began
        if answer.status_code != 200:
            raise SystemExit(f"{place}: {answer.status_code}")
        slowest = max(slowest, took)
        if len(queries) > most:
            worst, most = place, len(queries)
    table.line(f"list endpoints ({len(places)}), most queries: {worst}", most, "queries", LISTS)
    table.line("list endpoints, slowest page of 200", slowest, "s")
    changes = {"changes": {"name": {"en": "edited"}}, "reason": "bench"}
    table.timed("one dataset edited", lambda: client.patch(f"{top}record/datasets/d7/", changes, format="json"))


if __name__ == "__main__":
    sys.exit(main())
