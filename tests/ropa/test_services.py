"""Draft and published: what is frozen, from when it may be in force, and the controller's explicit step."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime

import pytest
from django.contrib.auth import get_user_model

from retention.domain.errors import DocumentError
from retention.domain.evidence import canonical
from ropa.draft import normalised
from ropa.models import Dataset, Ground, Organisation, Version
from ropa.selectors import version_in_force
from ropa.services import confirm_additions, draft_of, publish, save_draft

NOW = datetime(2026, 6, 30, 12, 0, tzinfo=UTC)
TODAY = date(2026, 6, 30)


def rule(code, **over):
    return {"id": code, "trigger": "recorded", "period": "P3Y", "action": "delete", **over}


def document(**over):
    dataset = {
        "id": "asiakkaat",
        "name": {"fi": "Asiakkaat"},
        "register": "crm",
        "activity": "suhde",
        "grain": "record",
        "mapping": {"place": "asiakas", "key": "id", "events": {"recorded": "luotu"}},
        "grounds": [rule("a", kind="need", status="proposed", addition=True)],
        **over,
    }
    return {
        "seloste": 1,
        "organisation": {"slug": "testi", "name": "Testi Oy"},
        "registers": [{"id": "crm", "name": {"fi": "CRM"}, "medium": "database", "connection": "crm"}],
        "activities": [{"id": "suhde", "name": {"fi": "Suhde"}, "purposes": [{"id": "p", "name": {"fi": "P"}}]}],
        "datasets": [dataset],
        "connections": {"crm": {"kind": "sql", "config": {"url": {"secret": "env:CRM"}}}},
    }


@pytest.fixture
def organisation(db):
    return save_draft(document(), "dpo", "alku")


def edit(**over):
    return save_draft(document(**over), "dpo", "muutos")


def out_of(day, organisation, now=NOW):
    with pytest.raises(DocumentError) as error:
        publish(organisation, day, now, "controller")
    return str(error.value)


class TestDraft:
    def test_it_is_the_document_without_connections(self, organisation):
        content = document()
        del content["connections"]
        assert draft_of(organisation) == normalised(content)
        assert draft_of(organisation)["datasets"][0]["policy"]["mode"] == "observe"

    def test_what_decides_is_written_out(self, organisation):
        ground = draft_of(organisation)["datasets"][0]["grounds"][0]
        assert ground["rounding"] == "none"
        edit(grounds=[rule("a", kind="need")])
        assert draft_of(organisation)["datasets"][0]["grounds"][0]["status"] == "unconfirmed"

    def test_the_order_is_the_documents(self, organisation):
        edit(grounds=[rule("b", kind="need"), rule("a", kind="need"), rule("c", kind="claim")])
        assert [g["id"] for g in draft_of(organisation)["datasets"][0]["grounds"]] == ["b", "a", "c"]


@pytest.mark.usefixtures("english")
class TestPublishing:
    def test_a_version_is_the_canonical_draft_with_its_hash(self, organisation):
        user = get_user_model().objects.create_user("omistaja")
        version = publish(organisation, TODAY, NOW, "owner omistaja", user, "ensimmäinen")
        assert version.number == 1
        assert version.snapshot.encode() == canonical(draft_of(organisation))
        assert version.digest == hashlib.sha256(version.snapshot.encode()).hexdigest()
        assert "connections" not in json.loads(version.snapshot)
        assert (version.published_by, version.publisher, version.reason) == (user, "owner omistaja", "ensimmäinen")

    def test_a_draft_changes_no_version(self, organisation):
        before = publish(organisation, TODAY, NOW, "controller").snapshot
        edit(grounds=[])
        assert Version.objects.get().snapshot == before

    def test_the_same_again_is_the_same_version(self, organisation):
        first = publish(organisation, date(2020, 1, 1), NOW, "controller")
        assert publish(organisation, date(2020, 1, 1), NOW, "controller").pk == first.pk
        assert Version.objects.count() == 1

    def test_the_first_may_write_down_a_practice_that_exists(self, organisation):
        assert publish(organisation, date(2018, 5, 25), NOW, "controller").number == 1

    def test_a_later_one_may_not_reach_into_nights_that_have_run(self, organisation):
        publish(organisation, date(2018, 5, 25), NOW, "controller")
        edit(grounds=[])
        assert "past" in out_of(date(2026, 6, 29), organisation)
        assert publish(organisation, TODAY, NOW, "controller").number == 2

    def test_today_is_the_organisations(self, organisation):
        publish(organisation, date(2018, 5, 25), NOW, "controller")
        edit(grounds=[])
        after_midnight_there = datetime(2026, 6, 30, 21, 30, tzinfo=UTC)
        assert "past" in out_of(TODAY, organisation, after_midnight_there)
        assert publish(organisation, date(2026, 7, 1), after_midnight_there, "controller").number == 2

    def test_none_comes_before_the_one_it_follows(self, organisation):
        publish(organisation, date(2027, 1, 1), NOW, "controller")
        edit(grounds=[])
        assert "before version 1" in out_of(date(2026, 12, 31), organisation)
        assert publish(organisation, date(2027, 1, 1), NOW, "controller").number == 2

    def test_what_could_not_be_executed_is_not_published(self, organisation):
        Ground.objects.update(trigger="ended")
        Dataset.objects.update(policy={"mode": "purge", "approval": "one", "grace": "soon", "waves": False})
        Organisation.objects.update(financial_year_end="13-01")
        said = out_of(TODAY, organisation)
        assert "datasets[asiakkaat].grounds[a].trigger: unknown event 'ended'" in said
        assert "datasets[asiakkaat].policy.grace" in said
        assert "organisation.financial_years" in said
        assert Version.objects.count() == 0

    def test_an_instant_without_a_zone_is_refused(self, organisation):
        with pytest.raises(ValueError, match="aware"):
            publish(organisation, TODAY, datetime(2026, 6, 30, 12, 0), "controller")  # noqa: DTZ001


def test_the_version_in_force_is_the_last_published_whose_day_has_come(organisation):
    assert version_in_force(organisation, TODAY) is None
    publish(organisation, date(2026, 1, 1), NOW, "controller")
    for day, period in ((date(2026, 9, 1), "P2Y"), (date(2026, 9, 1), "P1Y"), (date(2026, 10, 1), "P4Y")):
        edit(grounds=[rule("a", kind="need", period=period)])
        publish(organisation, day, NOW, "controller")
    found = [
        version_in_force(organisation, day)
        for day in (date(2025, 12, 31), date(2026, 1, 1), date(2026, 8, 31), date(2026, 9, 1), date(2026, 10, 1))
    ]
    assert [version and version.number for version in found] == [None, 1, 1, 3, 4]


class TestConfirming:
    def test_proposed_additions_are_confirmed_and_may_be_purged(self, organisation):
        edit(ceilings=[rule("z", addition=True, status="proposed")], policy={"waves": True, "grace": "P2W"})
        assert confirm_additions(organisation, "controller", "hallituksen päätös") == 2
        dataset = Dataset.objects.get()
        assert dataset.policy == {"mode": "purge", "approval": "automatic", "grace": "P2W", "waves": False}
        assert {r.status for r in (*dataset.grounds.all(), *dataset.ceilings.all())} == {"confirmed"}
        assert Ground.history.first().history_change_reason == "controller: hallituksen päätös"
        assert Version.objects.count() == 0

    @pytest.mark.parametrize(
        "over",
        [{"addition": False}, {"status": "unconfirmed"}, {"status": "confirmed"}],
        ids=["notice", "open", "done"],
    )
    def test_nothing_else_is(self, organisation, over):
        edit(grounds=[rule("a", kind="need", **{"addition": True, "status": "proposed", **over})])
        before = draft_of(organisation)
        assert confirm_additions(organisation, "controller", "syy") == 0
        assert draft_of(organisation) == before

    def test_what_nobody_reaches_keeps_its_policy(self, organisation):
        edit(mapping=None)
        assert confirm_additions(organisation, "controller", "syy", mode="flag", approval="two") == 1
        assert Dataset.objects.get().policy["mode"] == "observe"

    def test_a_decision_needs_a_reason_and_known_words(self, organisation):
        with pytest.raises(DocumentError) as error:
            confirm_additions(organisation, "controller", " ", mode="destroy", approval="nobody")
        assert [problem.path for problem in error.value.problems] == ["reason", "mode", "approval"]
        assert Ground.objects.get().status == "proposed"
