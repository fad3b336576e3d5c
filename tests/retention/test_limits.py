"""A register is written to at its hours, at its speed and by so many workers; the rest of the night goes on."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime

import pytest

from retention import night_context, night_lots, parts
from retention.domain.errors import DocumentError
from retention.inventory_document import export_document, import_document
from retention.inventory_document.yaml_text import parse
from retention.models import Connection, DatasetNight, EvidenceEntry, Lot, NightStep
from retention.models.step import StepState
from retention.night import run_night
from retention.runs import succeeded
from tests.retention.company import DUE_TICKETS, NOW, SURVIVORS, TICKETS, TODAY, customers, tickets
from tests.retention.shape_house import dataset, ground, house


def bears(**limits):
    Connection.objects.update(limits=limits)


class TestHours:
    def test_outside_them_it_is_asked_and_nothing_goes(self, company, data_dir):
        bears(**{"from": "09:00", "until": "10:00"})
        run = run_night(company, TODAY, NOW)  # at four in the morning in Helsinki
        assert not succeeded(run)
        assert len(customers(data_dir)) == 8
        assert tickets(data_dir)[0] == len(TICKETS)
        row = DatasetNight.objects.get(run=run, dataset="asiakastiedot")
        assert row.problem.startswith("crm takes items only at 09:00–10:00")
        assert row.counts["due"] == 3
        assert not EvidenceEntry.objects.filter(kind="intent").exists()

    def test_within_them_everything_goes(self, company, data_dir):
        bears(**{"from": "22:00", "until": "05:30"})
        assert succeeded(run_night(company, TODAY, NOW))
        assert customers(data_dir) == SURVIVORS

    def test_when_they_end_in_the_middle_it_stops_within_a_chunk_and_the_next_night_goes_on(
        self, company, data_dir, monkeypatch
    ):
        bears(**{"from": "22:00", "until": "05:30"})
        late = [0.0]
        real = time.monotonic
        monkeypatch.setattr(time, "monotonic", lambda: real() + late[0])

        def at(point):
            if point == "outcome committed":
                late[0] = 5400.0  # half past five

        run = run_night(company, TODAY, NOW, chunk=1, at=at)
        assert not succeeded(run)
        assert Lot.objects.get(dataset="tiketit").next_position == 1
        assert tickets(data_dir)[0] == len(TICKETS) - 1
        late[0] = 0.0
        tomorrow = datetime(2026, 7, 1, 1, tzinfo=UTC)
        assert succeeded(run_night(company, date(2026, 7, 1), tomorrow, chunk=1))
        assert tickets(data_dir)[0] == len(TICKETS) - DUE_TICKETS

    @pytest.mark.parametrize(("until", "blocked"), [("10:00", 0), ("23:00", 0), ("05:00", 1)])
    def test_nothing_is_blocked_outside_them_either(self, house, monkeypatch, until, blocked):
        house.put("sopimus", (1, "1001", "S1", "2020-01-01", "2024-06-30"))
        house.tiedot((1, "1001", None, "2024-01-01"))
        policy = {"mode": "flag", "approval": "one", "grace": "P0D", "waves": False}
        house.publish(dataset(policy=policy, grounds=[ground("sopimus", period="P0D")]))
        bears(**{"from": "09:00", "until": until})
        asked: list[Lot] = []
        monkeypatch.setattr(night_lots, "block", lambda lot, *how: asked.append(lot))
        house.night("2025-07-01")
        assert len(asked) == blocked
        assert Lot.objects.get().state == "flagged"


def test_a_speed_is_kept_by_waiting_and_by_small_chunks(company, data_dir, monkeypatch):
    bears(items_per_second=1)
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    monkeypatch.setattr(time, "monotonic", lambda: 0.0)  # so that nothing takes any time
    run = run_night(company, TODAY, NOW)
    assert succeeded(run)
    assert sorted(waited) == [3.0, 3.0]  # three tickets, three customers: what was sent in no time


def test_so_many_workers_at_once(company, data_dir, monkeypatch):
    monkeypatch.setattr(night_context, "PEOPLE", 1)
    bears(workers=2)
    most = []

    def at(point):
        open_ = NightStep.objects.filter(kind=parts.PART).exclude(state=StepState.DONE)
        left = {part.position for part in open_}
        most.append(sum(left.isdisjoint(part.after) for part in open_))

    assert succeeded(run_night(company, TODAY, NOW, at=at))
    assert max(most) == 2
    assert customers(data_dir) == SURVIVORS


class TestDocument:
    WRITTEN = """
seloste: 1
organisation: {slug: raja, name: Raja Oy}
connections:
  crm: {kind: sql, config: {url: "sqlite:///{data}/crm.sqlite3"}, limits: LIMITS}
"""

    def imported(self, limits):
        return import_document(parse(self.WRITTEN.replace("LIMITS", limits)), by="test")

    @pytest.mark.parametrize(
        "limits", ['{from: "22:00", until: "05:30", items_per_second: 200, workers: 2}', "{workers: 1}", "{}"]
    )
    def test_in_and_out_again(self, db, limits):
        organisation = self.imported(limits)
        again = parse(export_document(organisation))
        assert again["connections"]["crm"].get("limits", {}) == parse(f"l: {limits}")["l"]
        assert import_document(again, by="test") == organisation
        assert Connection.history.count() == 1

    @pytest.mark.parametrize(
        ("limits", "said"),
        [
            ('{from: "22:00"}', "hours need both"),
            ('{from: "22:00", until: "22:00"}', "are the same"),
            ('{from: "25:00", until: "05:00"}', "22:00"),
            ("{workers: 0}", "limits.workers"),
            ("{items_per_second: many}", "limits.items_per_second"),
            ("{speed: 5}", "speed"),
        ],
    )
    def test_refused(self, db, limits, said):
        with pytest.raises(DocumentError) as refused:
            self.imported(limits)
        assert said in str(refused.value)


__all__ = ["house"]
