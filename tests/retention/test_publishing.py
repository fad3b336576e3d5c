"""No version takes the register or dataset away that a hold names."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from retention.domain.errors import DocumentError
from retention.holds import place, release
from retention.inventory_document import import_document
from retention.models import Hold
from retention.publishing import publish
from ropa.models import Dataset, Organisation, Register
from tests.own_database import OwnDatabase, wait
from tests.ropa.test_services import document

pytestmark = pytest.mark.usefixtures("english")

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 6, 30, 9, tzinfo=UTC)
DAY, NEXT = date(2026, 7, 1), date(2026, 8, 1)
REVIEW = date(2027, 1, 1)


def held(organisation, **scope):
    return place(organisation, [], "dispute", "", "lakiasiat", DAY, REVIEW, by="dpo", **scope).hold


def published(organisation, day=NEXT):
    return publish(organisation, day, NOW, "controller:alice")


@pytest.fixture
def company(db, data_dir):
    organisation = import_document(document(), "controller", "alku")
    published(organisation, DAY)
    return organisation


def refused(organisation):
    with pytest.raises(DocumentError) as caught:
        published(organisation)
    assert organisation.versions.count() == 1
    return str(caught.value)


def test_a_register_that_got_another_code(company):
    hold = held(company, register="crm")
    Register.objects.update(code="asiakkuudet")
    assert refused(company) == (
        f"registers: hold {hold.pk} is on the register 'crm', which this draft does not have: release the hold first"
    )


def test_a_dataset_that_got_another_code(company):
    held(company, dataset="asiakkaat", register="crm")
    Dataset.objects.update(code="henkilot")
    assert "on the dataset 'asiakkaat', which this draft does not have there" in refused(company)


def test_a_dataset_that_lies_elsewhere_now(company):
    held(company, dataset="asiakkaat", register="crm")
    Dataset.objects.update(register=Register.objects.create(organisation=company, code="uusi", name={"fi": "Uusi"}))
    assert "on the dataset 'asiakkaat', which this draft does not have there" in refused(company)


def test_a_hold_that_names_no_place_goes_along(company):
    held(company)
    Register.objects.update(code="asiakkuudet")
    assert published(company).number == 2


def test_one_that_is_released_by_that_day_keeps_nothing(company):
    hold = held(company, register="crm")
    Register.objects.update(code="asiakkuudet")
    release(hold, date(2026, 8, 2), "controller")
    refused(company)
    Hold.objects.update(released=NEXT)
    assert published(company).number == 2


def test_every_door_publishes_through_it():
    doors = [path for door in ("api", "web", "worker") for path in (ROOT / door).rglob("*.py")]
    assert len(doors) > 100
    past = [path.name for path in doors if re.search(r"from ropa\.services import [^\n]*\bpublish\b", path.read_text())]
    assert past == []


def hold_it() -> None:
    try:
        held(Organisation.objects.get(), register="crm")
    except DocumentError:
        return


def rename_it() -> None:
    Register.objects.update(code="asiakkuudet")
    try:
        publish(Organisation.objects.get(), date(2026, 7, 2), NOW, "controller:alice")
    except DocumentError:
        return


def test_of_both_at_once_one_sees_the_other(own_database: OwnDatabase):
    def found() -> None:
        published(import_document(document(), "controller", "alku"), DAY)

    assert own_database.in_process(found) == 0
    pids = [own_database.start(act) for act in (hold_it, rename_it)]
    assert [wait(pid) for pid in pids] == [0, 0]
    rows = own_database.rows("select (select count(*) from retention_hold), (select count(*) from ropa_version)")
    assert rows in ([(1, 1)], [(0, 2)])
