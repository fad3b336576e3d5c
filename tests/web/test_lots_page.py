"""Lots that wait: as many as the menu says, and what an approval of them comes to."""

from __future__ import annotations

import json

import pytest

from retention.models import Lot
from tests.api.conftest import make_lot
from tests.retention.company import publish
from tests.web.forms import sent_back
from tests.web.test_log_in import found
from tests.web.test_pages import client, text

LOTS = "/o/testi/lots/"


def in_mode(house, mode: str) -> None:
    last = house.testi.versions.latest("number")
    document = json.loads(last.snapshot)
    for dataset in document["datasets"]:
        if dataset["id"] == "crm-0":
            dataset["policy"] = {"mode": mode, "approval": "two"}
    publish(house.testi, document, last.number + 1)


def test_what_is_purged_goes_when_it_is_approved(house):
    in_mode(house, "purge")
    shown = text(client("alice", "en").get(LOTS))
    assert "One lot waits: 3 records go only when it is approved." in shown
    assert "only flagged" not in shown
    assert "Lots to be deleted 1 lot, 3 records." in text(client("alice", "en").get("/o/testi/"))


def test_what_is_only_flagged_stays_also_when_it_is_approved(house):
    in_mode(house, "flag")
    shown = text(client("alice", "en").get(LOTS))
    assert "One lot is only flagged: its 3 records stay, also when it is approved." in shown
    assert "only flagged: stays also when approved" in shown
    assert "go only when" not in shown
    morning = text(client("alice", "en").get("/o/testi/"))
    assert "Lots that are only flagged 1 lot, 3 records." in morning
    assert "Lots to be deleted" not in morning


def test_both_are_told_apart(house):
    in_mode(house, "flag")
    other = make_lot(house.run, number=2)
    Lot.objects.filter(pk=other.pk).update(dataset="crm-1")  # of a policy that is not flag
    shown = text(client("alice", "en").get(LOTS))
    assert "One lot waits: 3 records go only when it is approved. One lot is only flagged" in shown


@pytest.mark.parametrize("more", [0, 60])
def test_the_menu_says_as_many_as_the_page_lists(house, more):
    for n in range(more):
        make_lot(house.run, number=100 + n)
    make_lot(house.run, number=99, approvals=0)  # waits for nobody
    alice = client("alice", "en")
    page = alice.get(LOTS)
    menu = found(r'href="/o/testi/lots/"[^>]*>Lots to be decided<span class="cnt">(\d+)<', page)
    assert menu == str(more + 1)
    assert page.context["pages"].every == more + 1
    in_menu_of_the_morning = text(alice.get("/o/testi/"))
    assert f"Lots to be decided {more + 1} " in in_menu_of_the_morning


def test_chosen_lots_stay_chosen_where_the_reason_was_forgotten(house):
    other = make_lot(house.run, number=2)
    alice = client("alice", "en")
    seen = [f"{house.lot.pk}:{house.lot.digest}", f"{other.pk}:{other.digest}"]
    refused = alice.post(LOTS, {"lot": [seen[0], f"{other.pk}:of-before"], "decision": "reject", "reason": " "})
    assert refused.status_code == 422
    assert "Say why the lots are turned down: nothing was decided." in text(refused)
    assert sent_back(refused, "lot") == {"lot": seen[0], "reason": ""}
    unchosen = alice.post(LOTS, {"decision": "reject", "reason": "a quarrel"})
    assert sent_back(unchosen, "lot") == {"reason": "a quarrel"}
    assert Lot.objects.filter(state="flagged").count() == 2
