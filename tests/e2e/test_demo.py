"""The demo, as somebody runs it: real processes, a data directory of its own, three nights of one company."""

from __future__ import annotations

import csv
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest

from samples.kasenet.story import Customer, Situation, Story, tell
from samples.kasenet.systems import CUSTOMERS, SEED, build

pytestmark = pytest.mark.xdist_group("test_demo")  # one world for all of them

ROOT = Path(__file__).resolve().parents[2]
TODAY = date(2026, 6, 1)


class Demo:
    """One data directory, and the commands that are run on it."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.systems = data / "demo" / "kasenet"
        self.out = data / "raportit"
        self.first = ""

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "SELOSTE_DATA": str(self.data),
            "SELOSTE_SECRET_KEY": "a key for tests only",
            "PYTHONIOENCODING": "utf-8",
        }
        environment.pop("SELOSTE_DATABASE_URL", None)
        return subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )

    def night(self, day: date, *more: str) -> subprocess.CompletedProcess[str]:
        return self.run("manage.py", "demo", "--today", day.isoformat(), "--out", str(self.out), *more)

    def rows(self, database: str, question: str, *values: object) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.systems / database)) as connection:
            return connection.execute(question, values).fetchall()

    def customers(self) -> set[str]:
        return {str(number) for (number,) in self.rows("crm.sqlite3", "SELECT asiakasnro FROM asiakas")}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """After its first night."""
    demo = Demo(tmp_path_factory.mktemp("data"))
    assert demo.run("-m", "config.keys", str(demo.data / "keys")).returncode == 0
    assert demo.run("manage.py", "migrate", "--verbosity", "0").returncode == 0
    first = demo.night(TODAY)
    assert first.returncode == 0, first.stdout + first.stderr
    demo.first = first.stdout
    return demo


@pytest.fixture(scope="module")
def story() -> Story:
    return tell(TODAY, SEED, CUSTOMERS)


def of(story: Story, *situations: Situation) -> set[str]:
    return {customer.number for customer in story.customers if customer.situation in situations}


def contents(directory: Path) -> dict[str, bytes]:
    return {str(p.relative_to(directory)): p.read_bytes() for p in sorted(directory.rglob("*")) if p.is_file()}


def test_the_first_night_shows_every_register_and_writes_the_report(demo):
    for name in (
        "Asiakashallinta/",  # long names go on below
        "Tikettijärjestelmä",
        "Sähköinen kuitu-/",
        "Manuaalinen paperiaineisto",
        "Kuitukysely/työmääräin",
        "Dokumentaatiopalvelin",
        "KaseNet AD / VPN",
        "Sähköpostipalvelimet",
    ):
        assert f"\n{name} " in demo.first
    assert {path.suffix for path in demo.out.glob("*/*")} >= {".html", ".json", ".pdf", ".xlsx"}


def test_the_notice_is_the_first_version_and_what_was_confirmed_the_third(demo):
    for number in ("1", "2", "3"):
        told = demo.run("manage.py", "passages", "--version", number)
        assert f"kasenet, version {number}: 61 of 61 held" in told.stdout, told.stderr
    assert "no version 4 is published" in demo.run("manage.py", "passages", "--version", "4").stderr


def test_the_backlog_went_and_nobody_else(demo, story):
    left = demo.customers()
    gone = of(story, Situation.ENDED_LONG_AGO, Situation.DUE_TODAY, Situation.PAID_LATE, Situation.DEBT_SOLD)
    old_leads = {
        customer.number
        for customer in story.customers
        if customer.situation is Situation.LEAD and customer.recorded < TODAY.replace(year=TODAY.year - 1)
    }
    assert gone and old_leads
    assert left == {customer.number for customer in story.customers} - gone - old_leads


def test_holds_debts_missing_dates_and_unknown_facts_keep_their_customers(demo, story):
    assert demo.customers() >= of(
        story,
        Situation.ON_HOLD_DISPUTE,
        Situation.ON_HOLD_REQUEST,
        Situation.UNPAID,
        Situation.CLOSED_WITHOUT_DATE,
        Situation.UNKNOWN,
        Situation.REOPENED,
    )


def test_the_identity_code_leaves_before_the_record(demo, story):
    rows = dict(demo.rows("crm.sqlite3", "SELECT asiakasnro, hetu FROM asiakas"))
    owing = {c.number for c in story.customers if any(i.paid is None or i.paid >= TODAY for i in c.invoices)}
    lately = of(story, Situation.ENDED_LATELY, Situation.LAST_DAY) - owing
    assert lately
    assert {number for number in lately if rows[number] is not None} == set()
    entitled = of(story, Situation.RUNNING, Situation.UNPAID)
    assert {number for number in entitled if rows[number] is None} == set()


def test_the_person_leaves_the_map_and_the_cable_stays(demo, story):
    backlog = of(story, Situation.ENDED_LONG_AGO)
    connected = [customer for customer in story.customers if customer.contracts]
    rows = demo.rows("kuitukartta.gpkg", "SELECT asiakasnro, asiakas_nimi, geom FROM liittyma ORDER BY fid")
    assert len(rows) == len(connected) == demo.rows("kuitukartta.gpkg", "SELECT count(*) FROM kaapeli")[0][0]
    for customer, (number, name, geometry) in zip(connected, rows, strict=True):
        assert geometry is not None
        if customer.number in backlog:
            assert (number, name) == (None, None)
        elif customer.situation is Situation.RUNNING:
            assert (number, name) == (customer.number, customer.person.name)


def test_another_customers_data_is_unchanged_byte_for_byte(demo, story, tmp_path):
    before = Demo(tmp_path)
    build(before.systems, TODAY)
    running = [customer for customer in story.customers if customer.situation is Situation.RUNNING]
    assert len(running) > 200
    assert list(_kept(demo, running)) == list(_kept(before, running))


def _kept(demo: Demo, customers: list[Customer]) -> Iterator[object]:
    """Everything of a running customer that no rule of its own has brought to its end."""
    for number in (customer.number for customer in customers):
        yield demo.rows("crm.sqlite3", "SELECT * FROM asiakas WHERE asiakasnro = ?", number)
        yield demo.rows(
            "crm.sqlite3",
            "SELECT osoite.* FROM osoite JOIN asiakas ON asiakas.id = asiakas_id WHERE asiakasnro = ?",
            number,
        )
        yield demo.rows("crm.sqlite3", "SELECT * FROM sopimus WHERE asiakasnro = ? AND tila = 'voimassa'", number)
        yield demo.rows(
            "crm.sqlite3", "SELECT * FROM lasku WHERE asiakasnro = ? AND laskupvm > '2020-01-01' ORDER BY id", number
        )
        yield demo.rows("tiketit.sqlite3", "SELECT * FROM tiketti WHERE asiakasnro = ? AND tila = 'avoin'", number)
        yield demo.rows("kuitukartta.gpkg", "SELECT * FROM liittyma WHERE asiakasnro = ?", number)
        yield contents(demo.systems / "posti" / "asiakkaat" / number)
        running = demo.rows(
            "crm.sqlite3", "SELECT alkupvm FROM sopimus WHERE asiakasnro = ? AND tila = 'voimassa'", number
        )
        for (started,) in running:
            path = demo.systems / "dokumentit" / "sopimukset" / number / f"sopimus_{number}_{started}.pdf"
            yield path.name, path.read_bytes() if path.exists() else None


def test_files_that_name_nobody_are_left_and_told_of(demo):
    left = {path.name for path in (demo.systems / "dokumentit" / "sopimukset").iterdir() if path.is_file()}
    assert left == {"skannaus0001.pdf", "sopimus uusi (2).pdf", "asiakas 10xxx vanha.pdf"}


def test_paper_is_ordered_and_a_box_with_a_held_paper_stays(demo, story):
    orders = [json.loads(path.read_text()) for path in (demo.systems / "arkisto/havitystilaukset").glob("*.order.json")]
    whole = {order["box"] for order in orders if order["kind"] == "destruction_order"}
    ordered = {paper for order in orders for paper in order["papers"]}
    with (demo.systems / "arkisto/sisalto.csv").open(encoding="utf-8", newline="") as file:
        papers = list(csv.DictReader(file, delimiter=";"))
    assert whole == {"LTK-001", "LTK-002"}
    kept = of(story, Situation.RUNNING, Situation.ON_HOLD_DISPUTE, Situation.ON_HOLD_REQUEST, Situation.LAST_DAY)
    assert not ordered & {paper["numero"] for paper in papers if paper["asiakasnro"] in kept}
    assert any(paper["laatikko"] == "LTK-003" and paper["asiakasnro"] in kept for paper in papers)


def test_mailboxes_go_whole_at_the_end_of_service_or_employment(demo, story):
    left = {path.name for path in (demo.systems / "posti" / "asiakkaat").iterdir()}
    with_box = {customer.number for customer in story.customers if customer.mailbox}
    assert left == with_box & of(story, Situation.RUNNING, Situation.REOPENED, Situation.CLOSED_WITHOUT_DATE) | {
        customer.number
        for customer in story.customers
        if customer.mailbox
        and customer.last_end is not None
        and (TODAY - customer.last_end <= timedelta(days=30) or customer.number in story.holds[0].subjects)
    }
    staff = {path.name for path in (demo.systems / "posti" / "henkilosto").iterdir()}
    gone = {employee.number for employee in story.staff if employee.ended and employee.ended < date(2026, 5, 1)}
    assert gone and staff == {employee.number for employee in story.staff} - gone


def test_a_second_run_the_same_day_deletes_nothing_and_says_so(demo):
    before = contents(demo.systems)
    second = demo.night(TODAY, "--language", "en")
    assert second.returncode == 0, second.stdout + second.stderr
    assert "nothing was done again: 0 deleted" in second.stdout
    assert "nothing was built" in second.stdout
    assert "nothing was imported" in second.stdout
    assert contents(demo.systems) == before


def test_the_next_day_has_its_own_night(demo, story, tmp_path):
    shutil.copytree(demo.data, tmp_path / "data")
    later = Demo(tmp_path / "data")
    (last_day,) = of(story, Situation.LAST_DAY)
    assert last_day in later.customers()
    tomorrow = later.night(TODAY + timedelta(days=1))
    assert tomorrow.returncode == 0, tomorrow.stdout + tomorrow.stderr
    assert last_day not in later.customers()
