"""Draft, opinion, decision over the API; differences, decision logs, snapshots of any day, and the reviews."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
import time_machine
from django.contrib.auth.models import User

from ropa.models import Ground, Membership, Organisation, Register, Version
from ropa.reviews import ask
from tests.ropa.reviewed import ANNA, sink
from tests.ropa.two_persons import publish_by_two

__all__ = ["sink"]
IN = "/api/v1/organisations/testi/"
NOW = datetime(2030, 1, 15, 9, 0, tzinfo=UTC)


def advise(house, **over):
    client = house.client("bob")
    said = {"digest": client.get(IN + "draft/").json()["digest"], "stance": "supports", "text": "hyvä", **over}
    return client.post(IN + "opinions/", said)


def decide(house, **over):
    client = house.client("alice")
    said = {"digest": client.get(IN + "draft/").json()["digest"], "in_force_from": "2099-01-01", **over}
    return client.post(IN + "versions/", said)


def test_from_draft_to_decision(house):
    assert house.client("alice").get(IN + "draft/").json()["opinion"] is None
    answer = advise(house)
    assert answer.status_code == 201
    assert answer.json()["giver"] == "dpo:bob"
    assert house.client("alice").get(IN + "draft/").json()["opinion"]["stance"] == "supports"
    version = decide(house).json()
    assert version["opinion"]["by"] == "dpo:bob"
    assert version["digest"] == answer.json()["digest"]
    assert version["opinion_reason"] == ""


def test_who_does_not_wait_says_why(house):
    answer = decide(house)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "opinion_reason"
    assert decide(house, opinion_reason="kiire").json()["opinion_reason"] == "kiire"


def test_the_effect_is_shown_before_it_is_published_and_the_version_names_it(house):
    client = house.client("alice")
    assert client.get(IN + "draft/impact/").status_code == 404
    ground = Ground.objects.get(dataset__code="crm-0")
    Ground.objects.filter(pk=ground.pk).update(period="P4Y")
    answer = client.post(IN + "draft/impact/", {"in_force_from": "2099-01-01"})
    assert answer.status_code == 201
    shown = answer.json()
    assert shown == client.get(IN + "draft/impact/").json()
    # nobody answers at crm.sqlite3: unknown, never nothing
    assert (shown["counted"]["complete"], shown["counted"]["gained"]) == (False, None)
    assert shown["counted"]["datasets"][0]["problem"]
    assert (shown["counted"]["version"], shown["counted"]["from"]) == (1, "2099-01-01")
    assert decide(house, opinion_reason="kiire", impact="0" * 64).status_code == 422
    version = decide(house, opinion_reason="kiire", impact=shown["digest"]).json()
    assert version["impact"]["digest"] == shown["digest"]
    assert version["impact"]["shown_to"] == "controller:alice"


def test_two_controllers_shorten_and_one_does_not(house):
    Ground.objects.filter(dataset__code="crm-0").update(period="P2Y")
    alice, ada, bob = (house.client(name) for name in ("alice", "ada", "bob"))
    told = alice.get(IN + "draft/approvals/?language=en").json()
    assert [(one["path"], one["in_words"]) for one in told["shortens"]] == [
        ("datasets[crm-0].grounds[sopimus]", "the period is shorter: 3\xa0years → 2\xa0years")
    ]
    shown = alice.post(IN + "draft/impact/", {"in_force_from": "2099-01-01"}).json()
    yes = {"digest": shown["counted"]["draft"], "impact": shown["digest"]}
    assert bob.post(IN + "draft/approvals/", yes).status_code == 403
    assert alice.post(IN + "draft/approvals/", yes).status_code == 201
    alone = decide(house, opinion_reason="kiire", impact=shown["digest"])
    assert alone.status_code == 422
    assert [error["path"] for error in alone.json()["errors"]] == ["datasets[crm-0].grounds[sopimus]", "approval"]
    assert Version.objects.count() == 1
    assert ada.post(IN + "draft/approvals/", yes).json()["by"] == "controller:ada"
    assert len(alice.get(IN + "draft/approvals/").json()["approvals"]) == 2
    version = decide(house, opinion_reason="kiire", impact=shown["digest"]).json()
    assert (version["publisher"], version["approval"]["by"]) == ("controller:alice", "controller:ada")
    assert version["approval"]["account"] == User.objects.get(username="ada").pk
    assert version["shortened"][0]["before"] == "P3Y"


def test_who_edited_a_dataset_and_who_published_it_are_its_hands(house):
    policy = {"mode": "observe", "approval": "two", "grace": "P1D", "waves": False}
    edit = {"changes": {"policy": policy}, "reason": "harkinta-aika"}
    assert house.client("olga").patch(IN + "datasets/crm-0/", edit).status_code == 200
    number = decide(house, opinion_reason="kiire").json()["number"]
    olga, alice = (User.objects.get(username=name).pk for name in ("olga", "alice"))
    assert Version.objects.get(number=number).hands["crm-0"] == [[olga, "owner:olga"], [alice, "controller:alice"]]


def test_a_draft_that_was_edited_in_another_tab_is_not_published_unseen(house):
    digest = house.client("alice").get(IN + "draft/").json()["digest"]
    house.client("olga").patch(IN + "registers/crm/", {"changes": {"name": {"fi": "Toinen"}}, "reason": "nimi"})
    assert decide(house, digest=digest, opinion_reason="kiire").status_code == 409
    assert Version.objects.count() == 1


def test_a_version_is_withdrawn_before_its_day(house):
    client = house.client("alice")
    assert decide(house, opinion_reason="kiire").json()["withdrawal"] is None
    withdrawn = client.post(IN + "versions/2/withdraw/", {"reason": "väärä päivä"})
    assert withdrawn.status_code == 200
    assert withdrawn.json()["withdrawal"]["withdrawer"] == "controller:alice"
    assert client.get(IN + "snapshot/?as_of=2099-01-01").json()["number"] == 1
    assert [one["withdrawal"] is None for one in client.get(IN + "versions/").json()["results"]] == [True, False]
    assert client.post(IN + "versions/1/withdraw/", {"reason": "katumus"}).status_code == 409
    assert client.post(IN + "versions/7/withdraw/", {"reason": "katumus"}).status_code == 404


def test_an_opinion_on_another_draft_is_stale(house):
    digest = advise(house).json()["digest"]
    house.client("olga").patch(IN + "registers/crm/", {"changes": {"name": {"fi": "Toinen"}}, "reason": "nimi"})
    draft = house.client("alice").get(IN + "draft/").json()
    assert draft["opinion"] is None
    assert draft["stale_opinion"]["digest"] == digest != draft["digest"]
    assert house.client("alice").get(IN + "opinions/").json()["count"] == 1
    assert "on muuttunut tietosuojavastaavan lausunnon" in decide(house).json()["errors"][0]["message"]
    late = advise(house, digest=digest)
    assert late.status_code == 409
    assert advise(house).status_code == 201


def test_the_dpo_publishes_nothing_and_the_controller_gives_no_opinion(house):
    assert house.client("bob").post(IN + "versions/", {"in_force_from": "2099-01-01", "digest": "0"}).status_code == 403
    digest = house.client("alice").get(IN + "draft/").json()["digest"]
    said = {"digest": digest, "stance": "supports"}
    assert house.client("alice").post(IN + "opinions/", said).status_code == 403


def test_advice_against_says_why_and_so_does_who_goes_against_it(house):
    assert advise(house, stance="advises_against", text="").status_code == 422
    assert advise(house, stance="advises_against", text="liian pitkä").status_code == 201
    assert decide(house).status_code == 422
    assert decide(house, opinion_reason="hallitus päätti").json()["opinion"]["text"] == "liian pitkä"


@pytest.fixture
def changed(house):
    Ground.objects.update(period="P2Y")
    Register.objects.update(place=None)
    publish_by_two(house.testi, date(2099, 1, 1), NOW, opinion_reason="testi")
    return house


def test_what_differs_as_data_and_in_words(changed):
    client = changed.client("aino")
    answer = client.get(IN + "changes/", {"from": "1", "to": "2", "language": "sv"}).json()
    assert answer["count"] == len(answer["results"])
    rows = {row["path"]: row for row in answer["results"]}
    period = rows["datasets[crm-0].grounds[sopimus].period"]
    assert (period["kind"], period["before"], period["after"]) == ("changed", "P3Y", "P2Y")
    assert period["in_words"].startswith("Ändrat: Datamängder › Perustiedot › ")
    assert rows["registers[crm].place"]["kind"] == "removed"
    assert client.get(IN + "changes/", {"from": "2", "to": "draft"}).json()["count"] == 0
    assert len(client.get(IN + "changes/", {"from": "1", "to": "2", "page_size": 1}).json()["results"]) == 1


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 400),
        ({"from": "1"}, 400),
        ({"from": "x", "to": "1"}, 400),
        ({"from": "1", "to": "9"}, 404),
        ({"from": "1", "to": "1", "a": "b"}, 400),
    ],
)
def test_versions_that_are_not_there(changed, query, status):
    assert changed.client("aino").get(IN + "changes/", query).status_code == status


def test_the_decision_log_of_a_rule(changed):
    log = changed.client("bob").get(IN + "datasets/crm-0/grounds/sopimus/decisions/").json()["results"]
    assert [(row["version"], row["what"], row["publisher"]) for row in log] == [
        (1, "appeared", log[0]["publisher"]),
        (2, "changed", "controller:alice"),
    ]
    assert log[1]["opinion_reason"] == "testi"
    assert log[1]["changes"][0]["in_words"] == "Muutettu: Säilytysaika: 3\xa0vuotta → 2\xa0vuotta"
    assert changed.client("bob").get(IN + "datasets/crm-0/grounds/other/decisions/").status_code == 404


def test_the_snapshot_of_any_day(changed):
    client = changed.client("aino")
    first = Version.objects.get(organisation=changed.testi, number=1).in_force_from

    def period(day):
        return client.get(IN + "snapshot/", {"as_of": day}).json()["document"]["datasets"][0]["grounds"][0]["period"]

    assert period(first.isoformat()) == "P3Y"
    assert period("2098-12-31") == "P3Y"
    assert period("2099-01-01") == "P2Y"
    before = client.get(IN + "snapshot/", {"as_of": "1999-12-31"})
    assert before.status_code == 404
    assert before.json()["type"] == "urn:seloste:problem:no-version"
    assert first.isoformat() in before.json()["detail"]
    assert client.get(IN + "snapshot/", {"as_of": "soon"}).status_code == 400


def test_reviews_as_they_go(house, sink):
    review = {"every": "P1Y", "last": "2029-01-01"}
    owner = {"role": {"fi": "Päällikkö"}, "email": ANNA}
    Register.objects.filter(organisation=house.testi).update(review=review, owner=owner)
    Ground.objects.update(review_by=date(2030, 2, 1))
    publish_by_two(house.testi, date(2030, 1, 1), NOW.replace(year=2029), opinion_reason="testi")
    client = house.client("aino")
    with time_machine.travel(NOW, tick=False):
        (due,) = client.get(IN + "reviews/due/").json()["results"]
        assert (due["path"], due["state"], due["due_on"]) == ("registers[crm]", "due", "2030-01-01")
        assert ask(house.testi, NOW).asked == 1
        (due,) = client.get(IN + "reviews/due/").json()["results"]
        assert due["state"] == "asked"
        (row,) = client.get(IN + "reviews/", {"kind": "registers"}).json()["results"]
        assert [event["what"] for event in row["events"]] == ["asked"]
        assert ANNA not in client.get(IN + "reviews/").content.decode()
        dates = client.get(IN + "reviews/dates/").json()["results"]
        assert dates[0] == {
            "path": "datasets[crm-0].grounds[sopimus].review_by",
            "what": "review_by",
            "on": "2030-02-01",
            "passed": False,
        }


@pytest.mark.parametrize(
    ("place", "most"),
    [
        ("reviews/", 8),
        ("reviews/due/", 8),
        ("opinions/", 8),
        ("changes/?from=1&to=1", 8),
        ("changes/?from=1&to=draft", 25),
    ],
)
def test_a_list_asks_the_database_a_handful_of_questions(house, place, most, django_assert_max_num_queries):
    with django_assert_max_num_queries(most):  # a draft takes a query for each table
        assert house.client("aino").get(IN + place).status_code == 200


def test_another_organisations_dpo_is_not_waited_for(house):
    Membership.objects.filter(organisation=house.testi, role="dpo").delete()
    other = User.objects.create(username="else")
    Membership.objects.create(user=other, organisation=Organisation.objects.get(slug="toinen"), role="dpo")
    assert decide(house).status_code == 201
