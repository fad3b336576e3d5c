"""What is kept of one person: held to the night, which takes exactly what is said to go."""

from __future__ import annotations

import pytest

from retention.domain.decisions import State
from retention.models import LedgerContract, RegisterEvent
from retention.night import run_night
from retention.person import kept_of
from tests.retention.company import NOW, TODAY, found_company

NUMBERS = [str(number) for number in range(1001, 1011)]


@pytest.fixture
def company(db, data_dir):
    """After its collection: a night that only watched."""
    observe = {"mode": "observe", "approval": "automatic", "grace": "P0D", "waves": False}
    organisation = found_company(data_dir, observe)
    run_night(organisation, TODAY, NOW)
    organisation.refresh_from_db()
    return organisation


def states(organisation, number):
    answer = kept_of(organisation, organisation.versions.get(), "customer", number, TODAY)
    assert not answer.unknown
    return {(one.dataset.code, one.decision.state): one.items for one in answer.kept}


def test_everybody_s_answers_together_are_what_the_night_saw(company, data_dir):
    found: dict[tuple[str, State], int] = {}
    for number in NUMBERS:
        for key, items in states(company, number).items():
            found[key] = found.get(key, 0) + items
    seen = {
        (row.dataset, State(name.removeprefix("left_"))): count
        for row in company.runs.get().datasets.all()
        for name, count in row.counts.items()
        if name.startswith("left_") and count
    }
    assert found == seen


def test_a_hold_is_the_reason_where_one_stands(company):
    kept = states(company, "1005")
    assert ("asiakastiedot", State.HELD) in kept


def test_of_a_stranger_every_dataset_says_nothing(company):
    answer = kept_of(company, company.versions.get(), "customer", "999999", TODAY)
    assert not answer.kept
    assert {one.code for one in answer.nothing} == {"asiakastiedot", "tiketit"}


def test_what_does_not_answer_is_unknown_and_not_nothing(company, data_dir):
    (data_dir / "registers" / "crm.sqlite3").unlink()
    answer = kept_of(company, company.versions.get(), "customer", "1005", TODAY)
    assert not answer.kept
    assert not answer.nothing
    assert {dataset.code for dataset, why in answer.unknown if why} == {"asiakastiedot", "tiketit"}


def test_more_than_is_looked_at_is_unknown(company, monkeypatch):
    monkeypatch.setattr("retention.person.MOST", 0)
    answer = kept_of(company, company.versions.get(), "customer", "1005", TODAY)
    assert not answer.kept
    assert any("more than" in why for _, why in answer.unknown)


def test_a_closed_register_is_unknown_and_not_nothing(company):
    RegisterEvent.objects.create(
        organisation=company, register="crm", what="closed", day=TODAY, by="controller:alice", at=NOW, certificate="{}"
    )
    answer = kept_of(company, company.versions.get(), "customer", "1005", TODAY)
    assert not answer.kept
    assert not answer.nothing
    assert {why for _, why in answer.unknown} == {"its register is closed; its certificate says what was left"}


def test_before_the_first_night_the_contracts_are_asked_for(db, data_dir):
    organisation = found_company(data_dir)
    answer = kept_of(organisation, organisation.versions.get(), "customer", "1005", TODAY)
    assert ("asiakastiedot", State.HELD) in {(one.dataset.code, one.decision.state) for one in answer.kept}
    assert not LedgerContract.objects.exists()
