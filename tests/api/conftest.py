"""A small cast: alice and ada are controllers, bob is the DPO, olga owns registers, aino audits, ines integrates,
adam runs the machine; charlie is controller of another organisation and must see nothing here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.cache import caches
from django.utils import timezone
from knox.models import AuthToken
from rest_framework.test import APIClient

from entrance.factors import needed_by
from retention.lot_keys import LotKey, lot_digest, pack
from retention.models import Alarm, Canary, Connection, Hold, HoldSubject, Lot, Run
from ropa.models import (
    Activity,
    Ceiling,
    ColumnMapping,
    Dataset,
    Ground,
    Membership,
    Notice,
    Organisation,
    Passage,
    Purpose,
    Register,
    Role,
    SubjectGroup,
)
from ropa.services import publish
from tests.factors import give_factor
from tests.retention.foreign_files import MAPPING

CAST = {
    "alice": Role.CONTROLLER,
    "ada": Role.CONTROLLER,
    "bob": Role.DPO,
    "olga": Role.OWNER,
    "aino": Role.AUDITOR,
    "ines": Role.INTEGRATOR,
    "adam": Role.ADMINISTRATOR,
}
PASSWORD = "a long enough test password"
NIGHT = date(2026, 6, 30)
SECRET_NUMBER = "7700199"
"""A customer number: it may appear in no answer."""


@dataclass
class House:
    """Two organisations with their people; `testi` has an inventory, a night, a lot and a hold."""

    testi: Organisation
    other: Organisation
    run: Run
    lot: Lot
    hold: Hold
    alarm: Alarm
    canary: Canary

    @property
    def rows(self) -> dict[str, Hold | Alarm | Canary]:
        """By a part of their addresses."""
        return {"holds/": self.hold, "alarms/": self.alarm, "canaries/": self.canary}

    def client(self, name: str | None) -> APIClient:
        client = APIClient(raise_request_exception=False)
        if name is not None:
            user = User.objects.get(username=name)
            client.force_authenticate(user, AuthToken(user=user, created=timezone.now()))
        return client


@pytest.fixture(autouse=True)
def _fresh(settings):
    """No try at a password is remembered, and the folder of static files is there."""
    caches["process"].clear()
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)


def make_register(organisation: Organisation, code: str, datasets: int = 1) -> Register:
    register = Register.objects.create(
        organisation=organisation,
        code=code,
        name={"fi": f"Rekisteri {code}"},
        medium="database",
        place={"value": {"fi": "Omat palvelimet"}},
        connection="crm",
        ledger=[
            {
                "id": "contracts",
                "subject_kind": "customer",
                "place": "sopimus",
                "subject": "asiakasnro",
                "contract": "sopimusnro",
                "started": "alku",
                "ended": "loppu",
                "closed": {"column": "tila", "values": ["paattynyt"]},
            }
        ],
    )
    activity = Activity.objects.create(organisation=organisation, code=f"{code}-hoito", name={"fi": "Hoito"})
    Purpose.objects.create(
        organisation=organisation,
        activity=activity,
        code=f"{code}-sopimus",
        name={"fi": "Sopimus"},
        legal_basis={"value": {"article": "6(1)(b)"}},
    )
    for number in range(datasets):
        dataset = Dataset.objects.create(
            organisation=organisation,
            code=f"{code}-{number}",
            name={"fi": "Perustiedot"},
            register=register,
            activity=activity,
            grain="subject",
            subject_kind="customer",
            mapping={"place": "asiakas", "key": "id", "subject": "asiakasnro"},
            policy={"mode": "observe", "approval": "two", "grace": "P0D", "waves": False},
        )
        Ground.objects.create(
            dataset=dataset,
            code="sopimus",
            kind="need",
            purpose=f"{code}-sopimus",
            trigger="contract_ended",
            period="P3Y",
            action="delete",
            status="confirmed",
        )
        Ceiling.objects.create(
            dataset=dataset,
            code="enintaan",
            trigger="contract_started",
            period="P10Y",
            action="delete",
            status="confirmed",
        )
    return register


def make_lot(run: Run, number: int = 1, approvals: int = 2) -> Lot:
    assert run.version is not None
    keys = [LotKey(f"{number}-{n}", SECRET_NUMBER, date(2025, 1, 1), None) for n in range(3)]
    return Lot.objects.create(
        organisation=run.organisation,
        run=run,
        version=run.version,
        register="crm",
        dataset="crm-0",
        action="delete",
        why="GROUNDS_ENDED",
        due_from_first=date(2025, 1, 1),
        due_from_last=date(2025, 1, 1),
        size=3,
        keys=pack(keys),
        rules_digest="0" * 64,
        digest=lot_digest(keys, "crm-0", "delete", "0" * 64),
        approvals_needed=approvals,
    )


@pytest.fixture
def house(db, data_dir) -> House:
    testi = Organisation.objects.create(slug="testi", name="Testi Oy")
    other = Organisation.objects.create(slug="toinen", name="Toinen Oy")
    for name, role in CAST.items():
        person = User.objects.create(username=name)
        Membership.objects.create(user=person, organisation=testi, role=role)
        if needed_by({role}):
            give_factor(person)
    charlie = User.objects.create(username="charlie")
    Membership.objects.create(user=charlie, organisation=other, role=Role.CONTROLLER)
    give_factor(charlie)
    give_factor(User.objects.create(username="stranger", is_superuser=True, is_staff=True))
    Connection.objects.create(organisation=testi, code="crm", kind="sql", config={"url": "sqlite:///crm.sqlite3"})
    make_register(testi, "crm")
    ColumnMapping.objects.create(organisation=testi, name="excel", said=MAPPING)
    SubjectGroup.objects.create(organisation=testi, code="ryhma", name={"fi": "Asiakkaat"})
    notice = Notice.objects.create(organisation=testi, code="seloste", name={"fi": "Seloste"})
    Passage.objects.create(notice=notice, code="0001", text="Asiakkaat")
    version = publish(
        testi, date(2020, 1, 1), datetime(2020, 1, 1, tzinfo=UTC), "controller:alice", opinion_reason="the first"
    )
    run = Run.objects.create(organisation=testi, business_date=NIGHT, version=version, state="running")
    hold = Hold.objects.create(
        organisation=testi, reason="dispute", owner="legal", start=date(2026, 1, 1), review_by=date(2027, 1, 1)
    )
    HoldSubject.objects.create(hold=hold, subject_kind="customer", subject=SECRET_NUMBER)
    alarm = Alarm.objects.create(
        organisation=testi,
        kind="night_stopped",
        facts={"day": NIGHT.isoformat()},
        first_seen=datetime(2026, 6, 30, tzinfo=UTC),
        last_seen=datetime(2026, 6, 30, tzinfo=UTC),
        escalate_at=datetime(2026, 7, 1, tzinfo=UTC),
    )
    canary = Canary.objects.create(
        organisation=testi,
        dataset="crm-0",
        subject_kind="customer",
        subject="999000",
        expects="survive",
        due_on="2026-01-01",
        gone_by="2026-01-01",
        declared_by="dpo",
        declared_at=datetime(2026, 6, 30, tzinfo=UTC),
    )
    return House(testi, other, run, make_lot(run), hold, alarm, canary)
