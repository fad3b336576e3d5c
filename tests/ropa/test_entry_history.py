"""The history of an entry: what it says is what the draft said, change by change, whatever tables a save wrote."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
import time_machine

from retention.inventory_document import edit_entry, import_document, normalised, yaml_text
from ropa.entry_history import history_of, history_of_head
from ropa.kinds import KINDS, kind_of
from ropa.services import draft_of
from samples.companies import companies
from samples.documents import whole
from tests.retention import company as small

CONNECTIONS = {"crm": {"kind": "sql", "config": {"url": "sqlite:///crm.sqlite3"}}}
BEGAN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def clock():
    with time_machine.travel(BEGAN, tick=True) as moved:
        yield moved


def document() -> dict[str, Any]:
    return {**small.document(), "connections": CONNECTIONS}


def entries_of(whole: Any) -> dict[tuple[str, str], Any]:
    return {(kind.name, one["id"]): one for kind in KINDS for one in whole.get(kind.name) or ()}


def with_all_lists(kind: str, entry: Any) -> Any:
    return {**{child.name: [] for child in kind_of(kind).children}, **entry}


@pytest.mark.django_db
@pytest.mark.parametrize("company", companies(), ids=lambda one: one.slug)
def test_the_newest_of_every_entry_is_the_draft_and_an_import_is_one_change(company):
    organisation = import_document(whole(company, yaml_text.parse), "controller:alice", "Alku")
    tried = 0
    for (kind, code), entry in entries_of(draft_of(organisation)).items():
        pasts = history_of(kind_of(kind), organisation, code)
        assert [(one.before, one.after) for one in pasts] == [(None, with_all_lists(kind, entry))], (kind, code)
        assert (pasts[0].who, pasts[0].why, pasts[0].known) == ("controller:alice", "Alku", True)
        tried += 1
    assert tried > 20
    head = history_of_head(organisation)
    assert [one.after for one in head] == [normalised(draft_of(organisation))["organisation"]]


@pytest.mark.django_db
def test_each_change_follows_the_one_before_and_none_is_lost(clock):
    organisation = import_document(document(), "controller:alice", "Alku")
    said = [draft_of(organisation)["datasets"][0]]

    def save(change, reason="Sama syy"):
        clock.shift(timedelta(seconds=5))
        edit_entry(organisation, "datasets", "tiketit", change, "owner:olga", reason)
        said.append(draft_of(organisation)["datasets"][0])

    save(lambda now: {**now, "name": {"fi": "Vikailmoitukset"}})
    save(lambda now: {**now, "grounds": [{**now["grounds"][0], "period": "P3Y"}]})
    save(lambda now: {**now, "grounds": [{**now["grounds"][0], "period": "P4Y"}]})
    save(lambda now: {**now, "grounds": [{**now["grounds"][0], "id": "toinen"}, *now["grounds"]]}, "Lisää")
    save(lambda now: {**now, "grounds": now["grounds"][::-1]}, "Järjestys")
    save(lambda now: {**now, "grounds": now["grounds"][:1]}, "Pois")
    pasts = history_of(kind_of("datasets"), organisation, "tiketit")
    for newer, older in pairwise(pasts):
        assert newer.before == older.after
        assert newer.when > older.when
    assert pasts[0].after == said[-1]
    assert pasts[-1].before is None
    # the name and the first period were written for one reason within a minute: that is one change
    assert [one.after for one in pasts] == [said[6], said[5], said[4], said[3], said[2], said[0]]
    assert {one.who for one in pasts[:-1]} == {"owner:olga"}


@pytest.mark.django_db
def test_an_entry_that_was_taken_out_and_made_again_has_one_history(clock):
    organisation = import_document(document(), "controller:alice", "Alku")
    first = draft_of(organisation)["datasets"][0]
    for reason, change in (("Turha", lambda now: None), ("Tarpeen sittenkin", lambda now: first)):
        clock.shift(timedelta(hours=1))
        edit_entry(organisation, "datasets", "tiketit", change, "owner:olga", reason)
    pasts = history_of(kind_of("datasets"), organisation, "tiketit")
    assert [(one.why, one.before is None, one.after is None) for one in pasts] == [
        ("Tarpeen sittenkin", True, False),
        ("Turha", False, True),
        ("Alku", True, False),
    ]
    assert pasts[0].after == first
    assert history_of(kind_of("datasets"), organisation, "olematon") == []


@pytest.mark.django_db
def test_what_only_moves_in_its_list_is_no_change_of_an_entry(clock):
    organisation = import_document(document(), "controller:alice", "Alku")
    turned = copy.deepcopy(document())
    turned["datasets"].reverse()
    clock.shift(timedelta(hours=1))
    import_document(turned, "controller:alice", "Toinen järjestys")
    assert [one["id"] for one in draft_of(organisation)["datasets"]][-1] == "tiketit"
    assert [one.why for one in history_of(kind_of("datasets"), organisation, "tiketit")] == ["Alku"]


@pytest.mark.django_db
def test_a_purpose_that_moves_to_another_activity_is_told_at_both(clock):
    organisation = import_document(document(), "controller:alice", "Alku")
    moved = copy.deepcopy(document())
    moved["activities"].append({**moved["activities"][0], "id": "toinen", "name": {"fi": "Toinen"}})
    moved["activities"][0] = {**moved["activities"][0], "purposes": []}
    clock.shift(timedelta(hours=1))
    for dataset in moved["datasets"]:
        dataset["activity"] = "toinen"
    import_document(moved, "controller:alice", "Siirto")
    here, there = (history_of(kind_of("activities"), organisation, code)[0] for code in ("asiakkaat", "toinen"))
    assert ([len(one["purposes"]) for one in (here.before or {}, here.after or {})]) == [1, 0]
    assert there.before is None
    assert [one["id"] for one in (there.after or {})["purposes"]] == ["sopimus"]


@pytest.mark.django_db
def test_rows_that_are_older_than_their_history_began_before_anybody_knows(clock):
    organisation = import_document(document(), "controller:alice", "Alku")
    organisation.registers.get().history.all().delete()
    edit_entry(organisation, "registers", "crm", lambda now: {**(now or {}), "medium": "files"}, "owner:olga", "Nyt")
    (only,) = history_of(kind_of("registers"), organisation, "crm")
    assert (only.before, only.known) == (None, False)
