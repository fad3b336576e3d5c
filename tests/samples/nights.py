"""A company's nights for tests: its systems built, its inventory published, two nights in a row, and what each left.

Everything happens in one transaction that is taken back, so that a module's tests can share it: they read files.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import transaction
from django.test import override_settings

from config.keys import make_keys
from retention import holds, offline
from retention.connectors.registry import kinds
from retention.evidence_export import export
from retention.inventory_document import import_document, yaml_text
from retention.models import Run
from retention.night import run_night
from retention.rule_impact import impact_of
from ropa.agreeing import keep_impact
from ropa.services import confirm_additions, publish
from samples import documents
from samples.documents import Document, unreached
from samples.frame import Built, Company

TODAY = date(2026, 6, 1)
NOW = datetime(2026, 6, 1, 1, 0, tzinfo=UTC)
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class State:
    """A company's systems as they stood at one moment."""

    directory: Path

    def rows(self, database: str, question: str, *values: object) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.directory / database)) as connection:
            return connection.execute(question, values).fetchall()

    def column(self, database: str, question: str, *values: object) -> set[Any]:
        return {value for (value,) in self.rows(database, question, *values)}

    def files(self, folder: str) -> dict[str, bytes]:
        return contents(self.directory / folder)

    def listed(self, path: str) -> list[dict[str, str]]:
        with (self.directory / path).open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file, delimiter=";"))

    def orders(self, folder: str) -> list[dict[str, Any]]:
        return [json.loads(path.read_text()) for path in sorted((self.directory / folder).glob("*.order.json"))]


@dataclass(frozen=True)
class Nights:
    """Before, after the night of TODAY, and after the next one; and what the nights said of themselves."""

    before: State
    after: State
    tomorrow: State
    summary: dict[str, Any]
    unexplained: int

    def dataset(self, code: str) -> dict[str, Any]:
        (found,) = [row for row in self.summary["datasets"] if row["dataset"] == code]
        return dict(found)


def contents(directory: Path) -> dict[str, bytes]:
    """Every file below, by its path."""
    return {str(p.relative_to(directory)): p.read_bytes() for p in sorted(directory.rglob("*")) if p.is_file()}


def whole(company: Company) -> Document:
    """The company's document as it is written."""
    return documents.whole(company, yaml_text.parse)


def without_servers(company: Company) -> Document:
    """The document without what lies on a real server or has no connector: it stays in the record, nobody asks it."""
    document = whole(company)
    served = {server.connection for server in company.servers}
    lost = [code for code, one in document["connections"].items() if code in served or one["kind"] not in kinds()]
    return unreached(document, lost)


def two_nights(company: Company, data: Path, document: Document | None = None) -> Nights:
    """Build, publish and run. `document`: another one than the company's own. Needs a database that is unblocked."""
    make_keys(data / "keys")
    directory = data / "demo" / company.slug
    with override_settings(DATA_DIR=data), transaction.atomic():
        systems = company.build(directory, TODAY)
        before = _kept(directory, data / "before")
        runs = _run(company, document or without_servers(company), systems)
        first, after = next(runs), _kept(directory, data / "after")
        next(runs)
        told = (first.summary, first.summary["unexplained"])
        _recompute(company.slug)
        transaction.set_rollback(True)
    return Nights(before, after, State(directory), *told)


def _run(company: Company, document: Document, systems: Built) -> Any:
    organisation = import_document(document, by="test", reason="test")
    confirm_additions(organisation, by="test", reason="test")
    since = TODAY - timedelta(days=30)
    shown = keep_impact(organisation, impact_of(organisation, since).as_data(), NOW, "test")
    publish(organisation, since, NOW, publisher="test", reason="test", impact=shown.digest)
    for hold in systems.holds:
        holds.place(
            organisation,
            [("customer", number) for number in hold.subjects],
            reason=hold.reason,
            note=hold.note,
            owner=hold.owner,
            start=hold.start,
            review_by=hold.review_by,
            by="test",
        )
    run: Run = run_night(organisation, TODAY, NOW)
    yield run
    yield run_night(organisation, TODAY + ONE_DAY, NOW + ONE_DAY)


def _recompute(slug: str) -> None:
    """Whatever a company's rules are: an inspector who has the file alone comes to the same."""
    out = io.BytesIO()
    export(slug, out)
    found = offline.Reader(io.BytesIO(out.getvalue())).read()
    assert found.problems == []
    assert found.counts["recomputed"] + found.counts["stated"] == found.counts["leaves"]


def _kept(directory: Path, copy: Path) -> State:
    shutil.copytree(directory, copy)
    return State(copy)
