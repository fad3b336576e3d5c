"""A draft that shortens needs another person than its publisher, for exactly this draft and what was shown of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model

from retention.domain.errors import DocumentError, LifecycleError
from ropa.agreeing import approve_draft, person, shortens
from ropa.models import DraftApproval
from ropa.services import draft_digest, draft_of, publish, withdraw
from ropa.shortening import draft_shortens
from tests.ropa.test_services import NOW, TODAY, edit, organisation, rule
from tests.ropa.two_persons import FIRST, SECOND, look, publish_by_two

__all__ = ["organisation"]


def period(text):
    edit(grounds=[rule("a", kind="need", period=text, status="confirmed")])


@pytest.fixture
def published(organisation, english):
    """Three years are in force."""
    period("P3Y")
    publish(organisation, TODAY, NOW, "controller")
    return organisation


def refused(published, match, **over):
    with pytest.raises(DocumentError, match=match) as error:
        publish(published, TODAY, NOW, over.pop("publisher", FIRST), **over)
    assert published.versions.count() == 1
    return [(problem.path, problem.message) for problem in error.value.problems]


def test_a_shorter_period_is_refused_and_named(published):
    period("P2Y")
    assert refused(published, "3\xa0years → 2\xa0years") == [
        ("datasets[asiakkaat].grounds[a]", "the period is shorter: 3\xa0years → 2\xa0years"),
        ("approval", "the draft shortens: another person than its publisher must approve exactly this draft"),
    ]


def test_a_longer_one_and_the_first_version_need_nobody_else(published):
    period("P4Y")
    version = publish(published, TODAY, NOW, "controller")
    assert (version.shortened, version.approval) == ([], None)


def test_with_another_persons_approval_it_is_published_and_the_version_says_so(published):
    period("P2Y")
    shown = look(published, TODAY, NOW)
    approve_draft(published, shown.draft, shown.digest, NOW, SECOND)
    version = publish(published, TODAY, NOW, FIRST, impact=shown.digest)
    version.refresh_from_db()
    assert version.approval == {"by": SECOND, "account": None, "approved_at": NOW.isoformat(), "impact": shown.digest}
    assert version.shortened == [
        {"path": "datasets[asiakkaat].grounds[a]", "way": "period", "before": "P3Y", "after": "P2Y"}
    ]
    assert version.impact is not None and version.impact["digest"] == shown.digest


@pytest.mark.parametrize("same", ["controller:alice", "controller:Alice", "owner:alice", "controller: ａｌｉｃｅ "])
def test_the_same_person_is_not_another_however_it_is_written(published, same):
    period("P2Y")
    shown = look(published, TODAY, NOW)
    approve_draft(published, shown.draft, shown.digest, NOW, same)
    refused(published, "another person", impact=shown.digest)


def test_one_account_under_two_names_is_one_person(published):
    user = get_user_model().objects.create_user("alice")
    period("P2Y")
    shown = look(published, TODAY, NOW)
    approve_draft(published, shown.draft, shown.digest, NOW, "controller:renamed", user)
    refused(published, "another person", impact=shown.digest, user=user)
    other = get_user_model().objects.create_user("ada")
    assert publish(published, TODAY, NOW, SECOND, other, impact=shown.digest).number == 2


@pytest.mark.parametrize("nobody", ["controller", "controller:", "controller: ", ""])
def test_a_role_is_nobody(published, nobody):
    period("P2Y")
    shown = look(published, TODAY, NOW)
    with pytest.raises(DocumentError, match="names nobody"):
        approve_draft(published, shown.draft, shown.digest, NOW, nobody)
    approve_draft(published, shown.draft, shown.digest, NOW, SECOND)
    refused(published, "name who publishes", impact=shown.digest, publisher=nobody)


def test_what_was_approved_is_exactly_this_draft(published):
    period("P2Y")
    shown = look(published, TODAY, NOW)
    approve_draft(published, shown.draft, shown.digest, NOW, SECOND)
    period("P1Y")
    refused(published, "another person", impact=look(published, TODAY, NOW).digest)
    with pytest.raises(LifecycleError, match="has changed"):
        approve_draft(published, shown.draft, shown.digest, NOW, SECOND)


def test_and_what_was_shown_of_it(published):
    period("P2Y")
    shown, later = look(published, TODAY, NOW), look(published, TODAY + timedelta(days=9), NOW)
    approve_draft(published, shown.draft, shown.digest, NOW, SECOND)
    refused(published, "names what was shown")
    refused(published, "names what was shown", impact=later.digest)
    with pytest.raises(DocumentError, match="nothing with this digest"):
        approve_draft(published, shown.draft, "0" * 64, NOW, SECOND)
    assert publish(published, TODAY, NOW, FIRST, impact=shown.digest).number == 2


def test_an_approval_does_not_outlive_the_decision_it_was_for(published):
    period("P2Y")
    shown = look(published, TODAY, NOW)
    approve_draft(published, shown.draft, shown.digest, NOW, SECOND)
    period("P5Y")
    publish(published, TODAY, NOW, FIRST)
    period("P2Y")
    again = look(published, TODAY, NOW)
    with pytest.raises(DocumentError, match="another person"):
        publish(published, TODAY, NOW, FIRST, impact=again.digest)


def test_what_is_in_force_is_compared_with_as_well_as_what_is_to_come(published):
    """Neither a shorter version that is still to come, nor a longer one, hides anything."""
    period("P2Y")
    later = publish_by_two(published, TODAY + timedelta(days=300), NOW)
    assert [one.after for one in shortens(published, draft_of(published), TODAY)] == ["P2Y"]
    withdraw(later, NOW, "controller", "ei sittenkään")
    period("P9Y")
    publish(published, TODAY + timedelta(days=300), NOW, "controller")
    period("P4Y")
    assert [one.before for one in shortens(published, draft_of(published), TODAY)] == ["P9Y"]


def test_approvals_are_never_changed(published):
    shown = look(published, TODAY, NOW)
    given = approve_draft(published, draft_digest(published), shown.digest, NOW, SECOND)
    with pytest.raises(TypeError):
        given.save()
    with pytest.raises(TypeError):
        given.delete()
    assert DraftApproval.objects.count() == 1


def test_whom_a_text_names():
    assert person("controller:Maija Meikäläinen ") == "maija meikäläinen"
    assert person("maija") == ""


PURGE = {"mode": "purge", "approval": "two", "grace": "P1M", "waves": True}
HEAD = {"financial_year_end": "12-31", "time_zone": "Europe/Helsinki", "facts": {"house": True}}


def whole(policy=None, head=None, register=None, **dataset):
    one = {
        "id": "d",
        "register": "crm",
        "grain": "record",
        "subject_kind": "customer",
        "enforced_by": "us",
        "mapping": {"place": "t", "key": "id", "subject": "nro"},
        "policy": {**PURGE, **(policy or {})},
        "grounds": [
            rule("a", kind="need", period="P3Y", status="confirmed", condition=[{"fact": "house", "is": True}])
        ],
        **dataset,
    }
    registers = [{"id": "crm", "connection": "crm", "ledger": [{"id": "l", "subject_kind": "customer"}]}]
    registers[0].update(register or {})
    return {"organisation": {**HEAD, **(head or {})}, "registers": registers, "datasets": [one]}


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ({}, {}, []),
        ({"policy": {"mode": "observe"}}, {}, [("datasets[d]", "destroys")]),
        ({"policy": {"mode": "flag"}}, {}, [("datasets[d]", "destroys")]),
        ({}, {"policy": {"mode": "observe"}}, []),
        ({"policy": {"mode": "observe"}}, {"policy": {"mode": "flag"}}, []),
        ({"enforced_by": "register"}, {}, [("datasets[d]", "destroys")]),
        ({"mapping": None}, {}, [("datasets[d]", "destroys"), ("datasets[d]", "reading")]),
        ({}, {"mapping": None}, []),
        ({}, {"policy": {"approval": "one"}}, [("datasets[d].policy.approval", "approval")]),
        ({"policy": {"approval": "one"}}, {}, []),
        ({}, {"policy": {"grace": "P30D"}}, [("datasets[d].policy.grace", "grace")]),
        ({}, {"policy": {"grace": "P31D"}}, []),
        ({}, {"policy": {"grace": "P2M"}}, []),
        ({}, {"policy": {"waves": False}}, [("datasets[d].policy.waves", "waves")]),
        ({}, {"mapping": {"place": "t", "key": "id"}}, [("datasets[d]", "reading")]),
        (
            {"policy": {"mode": "observe"}},
            {"policy": {"mode": "observe"}, "mapping": {"place": "muu", "key": "id"}},
            [],
        ),
        ({}, {"register": {"connection": "muu"}}, [("datasets[d]", "reading"), ("registers[crm].ledger", "reading")]),
        ({}, {"register": {"ledger": []}}, [("registers[crm].ledger", "reading")]),
        ({}, {"head": {"facts": {"house": False}}}, [("organisation.facts.house", "reading")]),
        ({}, {"head": {"facts": {"house": True, "muu": 1}}}, []),
        ({}, {"head": {"time_zone": "Europe/Stockholm"}}, [("organisation.time_zone", "reading")]),
        ({}, {"head": {"financial_year_end": "06-30"}}, []),
        ({"id": "vanha"}, {}, [("datasets[d]", "destroys")]),
    ],
)
def test_what_nights_do_and_read(before, after, found):
    def made(side):
        register = side.get("register")
        rest = {key: value for key, value in side.items() if key != "register"}
        return whole(register=register, **rest)

    assert [(one.path, one.way) for one in draft_shortens([made(before)], made(after))] == found


STEP = {"id": "arkistoon", "trigger": "recorded", "period": "P1Y", "action": "transfer", "status": "confirmed"}
FOLLOW = {"follows": [{"dataset": "muu", "by": "muu_id"}], "grounds": []}
MOVE = {"steps": [{**STEP, "into": "muu", "columns": {"a": "a"}}]}


def beside(fact=True, place="t2", connection="muu", status="confirmed", **dataset):
    """A dataset that nights destroy, and one in another register that they only watch."""
    found = whole(head={"facts": {"house": fact}}, **{"grounds": [], **dataset})
    for step in found["datasets"][0].get("steps", ()):
        found["datasets"][0]["steps"] = [{**step, "status": status}]
    found["registers"].append({"id": "muu", "connection": connection})
    other = whole(policy={"mode": "observe"}, mapping={"place": place, "key": "id"})["datasets"][0]
    found["datasets"].append({**other, "id": "muu", "register": "muu"})
    return found


@pytest.mark.parametrize(
    ("dataset", "change", "path"),
    [
        (FOLLOW, {"connection": "oma"}, "datasets[d].follows[muu]"),
        (FOLLOW, {"place": "t3"}, "datasets[d].follows[muu]"),
        (FOLLOW, {"fact": False}, "organisation.facts.house"),
        (MOVE, {"connection": "oma"}, "datasets[d].steps[arkistoon]"),
        (MOVE, {"place": "t3"}, "datasets[d].steps[arkistoon]"),
        (MOVE, {"connection": "oma", "place": "t3"}, "datasets[d].steps[arkistoon]"),
        ({}, {"connection": "oma", "place": "t3", "fact": False}, None),
    ],
)
def test_where_what_is_only_watched_is_read_from_counts_for_what_ends_with_it_or_moves_there(dataset, change, path):
    before, after = beside(**dataset), beside(**dataset, **change)
    found = [(one.path, one.way) for one in draft_shortens([before], after)]
    assert found == ([(path, "reading")] if path else [])


def test_a_steps_condition_counts_among_what_is_asked():
    step = {**STEP, "action": "clear", "fields": ["nimi"], "condition": [{"fact": "pieni", "is": False}]}
    before, after = (whole(head={"facts": {"pieni": small}}, grounds=[], steps=[step]) for small in (True, False))
    assert [one.path for one in draft_shortens([before], after)] == ["organisation.facts.pieni"]


def test_there_is_a_sentence_for_every_way():
    from retention.domain.shortening import Way
    from ropa.shortening import Shortened
    from ropa.shortening_words import in_words

    for way in (*Way, "destroys", "approval", "grace", "waves"):
        assert in_words(Shortened("p", str(way)))
