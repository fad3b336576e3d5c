"""One company on real systems, one night: what was due is gone from each of them, and nobody else was touched.

PostgreSQL, MariaDB, PostGIS, OpenLDAP, Active Directory, Dovecot, files and paper, looked at without our connectors.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from samples.kasenet.story import Customer, Situation
from samples.servers import server
from tests.e2e.real_kasenet import TODAY, RealKaseNet, real_kasenet
from tests.servers.fixtures import need

pytestmark = pytest.mark.xdist_group("test_real_systems")  # one world for all of them

ROOT = Path(__file__).resolve().parents[2]
KINDS = ("postgres", "mariadb", "slapd", "samba-ad", "dovecot")


def manage(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "SELOSTE_DATA": str(data),
        "SELOSTE_SECRET_KEY": "a key for tests only",
        "PYTHONIOENCODING": "utf-8",
    }
    environment.pop("SELOSTE_DATABASE_URL", None)
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


class After:
    """What stood before the night, and what the night said."""

    def __init__(self, world: RealKaseNet) -> None:
        self.world = world
        self.gone = self._fullest(Situation.ENDED_LONG_AGO)
        self.running = self._fullest(Situation.RUNNING)
        self.on_hold = next(c for c in world.story.customers if c.situation is Situation.ON_HOLD_DISPUTE)
        self.where_before = world.of(self.gone)
        self.kept_before = world.snapshot(self.running)
        self.held_before = world.of(self.on_hold)
        self.night = self._night()
        (self.summary,) = json.loads(self.night.stdout)

    def _fullest(self, situation: Situation) -> Customer:
        """Of these, who stands in most systems."""
        there = [c for c in self.world.story.customers if c.situation is situation and _rich(c)]
        if situation is Situation.RUNNING:
            there = [c for c in there if not c.consents and not c.marketing and _all_young(c)]
        return max(there, key=lambda customer: len(self.world.of(customer)))

    def _night(self) -> subprocess.CompletedProcess[str]:
        data = self.world.data
        document = data / "kasenet.yaml"
        document.write_text(yaml.safe_dump(self.world.document(), allow_unicode=True, sort_keys=False))
        since = (TODAY - timedelta(days=30)).isoformat()
        for command in (
            ("-m", "config.keys", str(data / "keys")),
            ("manage.py", "migrate", "--verbosity", "0"),
            ("manage.py", "import_inventory", str(document), "--by", "test", "--reason", "real systems"),
            ("manage.py", "confirm_additions", "kasenet", "--by", "controller", "--reason", "test"),
        ):
            done = manage(data, *command)
            assert done.returncode == 0, done.stdout + done.stderr
        shown = ("--organisation", "kasenet", "--by", "controller", "--in-force-from", since, "--json")
        done = manage(data, "manage.py", "rule_impact", *shown)
        assert done.returncode == 0, done.stdout + done.stderr
        published = (
            "--in-force-from",
            since,
            "--publisher",
            "controller",
            "--impact",
            json.loads(done.stdout)["digest"],
        )
        done = manage(data, "manage.py", "publish_inventory", "kasenet", *published)
        assert done.returncode == 0, done.stdout + done.stderr
        return manage(data, "manage.py", "nightly", "--organisation", "kasenet", "--on", TODAY.isoformat(), "--json")


def _rich(customer: Customer) -> bool:
    return bool(customer.mailbox and customer.tickets and customer.contracts)


def _all_young(customer: Customer) -> bool:
    """Nothing of theirs is due for an own date."""
    two_years = TODAY - timedelta(days=700)
    tickets = all(ticket.opened > two_years and not ticket.attachment for ticket in customer.tickets)
    return tickets and all(invoice.dated.year >= TODAY.year - 6 for invoice in customer.invoices)


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> Iterator[After]:
    for kind in KINDS:
        need(kind)
    data = tmp_path_factory.mktemp("real")
    with (
        server("postgres") as postgres,
        server("mariadb") as mariadb,
        server("slapd") as slapd,
        server("samba-ad", environment={"RECYCLE_BIN": "1"}) as ad,
        server("dovecot") as dovecot,
    ):
        servers = {"postgres": postgres, "mariadb": mariadb, "slapd": slapd, "ad": ad, "dovecot": dovecot}
        with real_kasenet(data, servers) as world:
            yield After(world)


def datasets(after: After) -> dict[str, dict[str, Any]]:
    return {row["dataset"]: row for row in after.summary["datasets"]}


def test_every_system_held_something_of_them_before(after):
    systems = {"PostgreSQL crm", "PostgreSQL kartta", "MariaDB", "OpenLDAP", "Active Directory", "Dovecot"}
    systems |= {"documents"}
    assert systems <= set(after.where_before)


def test_every_register_answered(after):
    assert {code: row["problem"] for code, row in datasets(after).items() if row["problem"]} == {}, after.night.stderr
    assert len(after.summary["registers"]) == 10
    assert not any(row["failed"] or row["refused"] for row in datasets(after).values())


def test_nothing_is_left_but_what_a_ground_keeps(after):
    """Vouchers of six years are; the paper is ordered from the archive keeper and waits for the certificate."""
    left = after.world.of(after.gone)
    assert set(left) <= {"PostgreSQL crm"}
    kept = [
        row for system, place, row in after.world.rows() if place == "lasku" and row["asiakasnro"] == after.gone.number
    ]
    assert all(row["laskupvm"].year >= TODAY.year - 6 for row in kept)
    assert set(left.get("PostgreSQL crm", ())) == ({"lasku"} if kept else set())
    assert datasets(after)["paperi-sopimukset"]["pending"] > 0


def test_what_is_left_is_explained(after):
    """A second look by the independent reader: nothing overdue but what was ordered."""
    done = manage(
        after.world.data,
        "manage.py",
        "verify_overdue",
        "--organisation",
        "kasenet",
        "--on",
        TODAY.isoformat(),
        "--json",
    )
    (report,) = json.loads(done.stdout)
    overdue = {row["dataset"]: row["overdue"] for row in report["datasets"] if row.get("overdue")}
    assert set(overdue) <= {"paperi-sopimukset"}
    assert not any(row["unexplained"] for row in report["datasets"])


def test_another_customers_data_is_byte_identical(after):
    assert after.kept_before
    assert after.world.snapshot(after.running) == after.kept_before


def test_tombstones_hold_no_person(after):
    """Recycle bin on: a deleted account would keep everything, had it not been stripped first."""
    deleted = [row for system, _, row in after.world.rows() if system == "Active Directory" and row.get("isDeleted")]
    assert deleted
    assert not any("employeeNumber" in row or "displayName" in row or "mail" in row for row in deleted)


def test_the_history_table_forgets_too(after):
    tables = [(place, row) for system, place, row in after.world.rows() if system == "PostgreSQL crm"]
    remembered = {row["asiakasnro"] for place, row in tables if place == "asiakas_historia"}
    assert remembered
    assert remembered <= {row["asiakasnro"] for place, row in tables if place == "asiakas"}


def test_the_evidence_holds_together(after):
    done = manage(after.world.data, "manage.py", "evidence", "verify", "--organisation", "kasenet", "--json")
    assert done.returncode == 0, done.stderr
