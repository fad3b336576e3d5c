"""Lots of a register whose mapping names nobody: what is asked again of them is asked by their keys (D3)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from retention.approvals import approve
from retention.evidence_check import verify
from retention.models import Connection, Lot
from retention.night import run_night
from retention.runs import succeeded
from ropa.models import Version
from tests.retention.company import NOW, TODAY, controller, document, found_company, ground, publish

DAY = timedelta(days=1)


@pytest.fixture
def archive(db, data_dir):
    """Two letters that are due and one that is not; nothing says whose they are, and one person approves."""
    company = found_company(data_dir)
    letters = data_dir / "palvelin" / "kirjeet"
    letters.mkdir(parents=True)
    for name in ("2019-01-01", "2019-01-02", "2026-06-01"):
        (letters / f"{name}.txt").write_text("x")
    root = {"root": str(letters.parent)}
    Connection.objects.create(organisation=company, code="palvelin", kind="files", config=root)
    content = document({"mode": "purge", "approval": "one", "grace": "P0D", "waves": False})
    content["registers"].append(
        {"id": "palvelin", "name": {"fi": "Palvelin"}, "medium": "files", "connection": "palvelin", "ledger": []}
    )
    content["datasets"] = [
        {
            **content["datasets"][1],
            "id": "kirjeet",
            "register": "palvelin",
            "subject_kind": "customer",
            "mapping": {
                "place": "kirjeet",
                "key": "path",
                "events": {"recorded": "pvm"},
                "options": {"pattern": "{pvm:date}.txt"},
            },
            "grounds": [ground("kirje", trigger="recorded", period="P1Y")],
        }
    ]
    Version.objects.all().delete()
    publish(company, content)
    return company, letters


def night(company, day, at=lambda point: None):
    return run_night(company, day, NOW + (day - TODAY), at=at)


def test_what_was_approved_goes(archive):
    company, letters = archive
    night(company, TODAY)
    lot = Lot.objects.get()
    approve(lot, controller(company, "alice"), lot.digest)
    (letters / "2019-01-02.txt").rename(letters / "2019-03-02.txt")
    assert succeeded(night(company, TODAY + DAY))
    assert sorted(path.name for path in letters.iterdir()) == ["2019-03-02.txt", "2026-06-01.txt"]
    lot.refresh_from_db()
    assert lot.tally == {"already_absent": 1, "destroyed": 1}
    verify(company.slug)


class Killed(BaseException):
    """A process that is killed writes nothing more."""


def test_what_was_in_flight_when_the_night_was_killed_goes(archive):
    company, letters = archive
    night(company, TODAY)
    lot = Lot.objects.get()
    approve(lot, controller(company, "alice"), lot.digest)

    def kill(point):
        if point == "intent journalled":
            raise Killed

    with pytest.raises(Killed):
        night(company, TODAY + DAY, kill)
    assert succeeded(night(company, TODAY + 2 * DAY))
    assert [path.name for path in letters.iterdir()] == ["2026-06-01.txt"]
    verify(company.slug)
