"""K-Systems: "all contact data and the content linked to it", while one of its registers is in trouble (D6).

Two companies with the same systems: one has two quiet nights, of the other the hosting is away and the domain registry
refuses one row in the first night. What does not depend on these goes the same night; after the second both are alike.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings

from config.keys import make_keys
from retention.evidence_check import verify
from retention.models import Lot, Run
from samples.k_systems import COMPANY
from samples.k_systems.story import Situation, Story, tell
from samples.k_systems.systems import CUSTOMERS, SEED
from tests.samples.nights import TODAY, State, _kept, _run, contents, two_nights, without_servers

pytestmark = pytest.mark.django_db
DATABASES = ("asiakkaat", "verkkotunnukset", "markkinointi", "laskutus")
HOSTING = ("webhotellien-yhteystiedot", "webhotellien-sisallot")


class Disturbed:
    """What the registers held after each of the two nights, and what the nights said."""

    def __init__(self, data: Path) -> None:
        make_keys(data / "keys")
        directory = data / "demo" / COMPANY.slug
        with override_settings(DATA_DIR=data), transaction.atomic():
            systems = COMPANY.build(directory, TODAY)
            (self.refused,) = self._refuse(directory)
            hosting = directory / "webhotellit"
            hosting.rename(directory / "away")
            runs = _run(COMPANY, without_servers(COMPANY), systems)
            self.first = self._told(next(runs))
            (directory / "away").rename(hosting)
            self.after = _kept(directory, data / "after")
            self._registry(directory, "DROP TRIGGER ei_poisteta")
            self.second = self._told(next(runs))
            self.tallies: dict[str, int] = {}
            for lot in Lot.objects.all():
                assert sum(lot.tally.values()) == lot.next_position
                for name, number in lot.tally.items():
                    self.tallies[name] = self.tallies.get(name, 0) + number
            verify(COMPANY.slug)
            self.tomorrow = State(directory)
            transaction.set_rollback(True)

    def _refuse(self, directory: Path) -> list[str]:
        """The registry loses everything but the row of a customer whose domain was transferred."""
        found = [c.number for c in story().customers if c.situation is Situation.TRANSFERRED]
        self._registry(
            directory,
            f"CREATE TRIGGER ei_poisteta BEFORE DELETE ON verkkotunnus WHEN old.asiakasnro = '{found[0]}'"
            " BEGIN SELECT raise(abort, 'FOREIGN KEY constraint failed'); END",
        )
        return found[:1]

    @staticmethod
    def _registry(directory: Path, statement: str) -> None:
        with closing(sqlite3.connect(directory / "verkkotunnukset.sqlite3")) as registry, registry:
            registry.execute(statement)

    @staticmethod
    def _told(run: Run) -> dict[str, Any]:
        return dict(run.summary)


def story() -> Story:
    return tell(TODAY, SEED, CUSTOMERS)


@pytest.fixture(scope="module")
def quiet(tmp_path_factory, django_db_setup, django_db_blocker) -> Iterator[Any]:
    with django_db_blocker.unblock():
        yield two_nights(COMPANY, tmp_path_factory.mktemp("quiet"))


@pytest.fixture(scope="module")
def disturbed(tmp_path_factory, django_db_setup, django_db_blocker) -> Iterator[Disturbed]:
    with django_db_blocker.unblock():
        yield Disturbed(tmp_path_factory.mktemp("disturbed"))


def rows(state: State, name: str) -> dict[str, list[tuple[Any, ...]]]:
    tables = state.column(f"{name}.sqlite3", "SELECT name FROM sqlite_master WHERE type = 'table'")
    return {table: state.rows(f"{name}.sqlite3", f"SELECT * FROM {table} ORDER BY 1") for table in sorted(tables)}


def test_what_depends_on_neither_goes_the_same_night(quiet, disturbed):
    for name in ("asiakkaat", "markkinointi", "laskutus"):
        assert rows(disturbed.after, name) == rows(quiet.after, name)
    left = disturbed.after.rows("verkkotunnukset.sqlite3", "SELECT * FROM verkkotunnus ORDER BY id")
    usual = quiet.after.rows("verkkotunnukset.sqlite3", "SELECT * FROM verkkotunnus ORDER BY id")
    assert [row for row in left if row[2] != disturbed.refused] == [row for row in usual if row[2] != disturbed.refused]


def test_the_register_that_is_away_loses_nothing_and_is_named(quiet, disturbed):
    assert contents(disturbed.after.directory / "webhotellit") == quiet.before.files("webhotellit")
    assert set(HOSTING) <= set(disturbed.first["problems"])
    (row,) = [row for row in disturbed.first["datasets"] if row["dataset"] == "verkkotunnusten-kayttajat"]
    assert (row["refused"] + row["failed"], row["unexplained"]) == (1, 1)
    assert disturbed.after.column(
        "verkkotunnukset.sqlite3", "SELECT asiakasnro FROM verkkotunnus WHERE asiakasnro = ?", disturbed.refused
    )


def test_the_next_night_finishes_both_and_all_is_as_without_trouble(quiet, disturbed):
    """The contracts whose end makes the content due are gone from the customer register by then."""
    for name in DATABASES:
        assert rows(disturbed.tomorrow, name) == rows(quiet.tomorrow, name)
    assert disturbed.tomorrow.files("webhotellit") == quiet.tomorrow.files("webhotellit")
    assert disturbed.second["problems"] == {}
    assert disturbed.second["unexplained"] == 0
    assert set(disturbed.tallies) == {"destroyed"}


@pytest.mark.parametrize(
    "unpaid", [c for c in story().customers if c.situation is Situation.UNPAID], ids=lambda c: c.number
)
def test_an_unpaid_invoice_stops_only_what_depends_on_it(quiet, unpaid):
    for database, table, stays in (
        ("asiakkaat", "yritys", True),
        ("asiakkaat", "palvelusopimus", True),
        ("asiakkaat", "yhteyshenkilo", False),
        ("verkkotunnukset", "verkkotunnus", False),
        ("markkinointi", "postituslista", False),
    ):
        question = f"SELECT * FROM {table} WHERE asiakasnro = ?"
        before = quiet.before.rows(f"{database}.sqlite3", question, unpaid.number)
        left = quiet.after.rows(f"{database}.sqlite3", question, unpaid.number)
        assert left == (before if stays else []), table
        assert before, table
    assert unpaid.invoices[-1].number in quiet.after.column("laskutus.sqlite3", "SELECT laskunro FROM lasku")
    assert quiet.before.files(f"webhotellit/sisallot/{unpaid.number}")
    assert not (quiet.after.directory / "webhotellit" / "sisallot" / unpaid.number).exists()
