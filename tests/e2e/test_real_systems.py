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
        self.gone = next(c for c in world.story.customers if c.situation is Situation.ENDED_LONG_AGO and _rich(c))
        self.running = next(c for c in world.story.customers if c.situation is Situation.RUNNING and _rich(c))
        self.on_hold = next(c for c in world.story.customers if c.situation is Situation.ON_HOLD_DISPUTE)
        self.where_before = world.of(self.gone)
        self.kept_before = world.snapshot(self.running)
        self.held_before = world.of(self.on_hold)
        self.night = self._night()
        self.summary = json.loads(self.night.stdout)

    def _night(self) -> subprocess.CompletedProcess[str]:
        data = self.world.data
        document = data / "kasenet.yaml"
        document.write_text(yaml.safe_dump(self.world.document(), allow_unicode=True, sort_keys=False))
        for command in (
            ("-m", "config.keys", str(data / "keys")),
            ("manage.py", "migrate", "--verbosity", "0"),
            ("manage.py", "import_inventory", str(document), "--by", "test", "--reason", "real systems"),
            ("manage.py", "confirm_additions", "kasenet", "--by", "controller", "--reason", "test")
            + ("--publish", "--in-force-from", (TODAY - timedelta(days=30)).isoformat()),
        ):
            done = manage(data, *command)
            assert done.returncode == 0, done.stdout + done.stderr
        return manage(data, "manage.py", "nightly", "--organisation", "kasenet", "--date", TODAY.isoformat(), "--json")


def _rich(customer: Customer) -> bool:
    return bool(customer.mailbox and customer.tickets and customer.contracts)


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
    assert systems <= set(after.where_before)


def test_every_register_answered(after):
    assert {code: row["problem"] for code, row in datasets(after).items() if row["problem"]} == {}, after.night.stderr


def test_nothing_is_left_but_what_a_ground_keeps(after):
    left = after.world.of(after.gone)
    assert set(left) <= {"PostgreSQL crm"}
    assert set(left.get("PostgreSQL crm", ())) <= {"lasku", "laskurivi", "maksu"}


def test_another_customers_data_is_byte_identical(after):
    assert after.world.snapshot(after.running) == after.kept_before
