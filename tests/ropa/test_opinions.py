"""The DPO advises, the controller decides: which opinion counts, and when publishing must say why."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from django.contrib.auth import get_user_model

from retention.domain.errors import DocumentError, LifecycleError
from ropa.models import Membership, Opinion, Role, Version
from ropa.services import draft_digest, give_opinion, publish
from tests.ropa.test_services import NOW, TODAY, edit, organisation, rule

pytestmark = pytest.mark.usefixtures("english")

__all__ = ["organisation"]
LATER = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def dpo(organisation):
    user = get_user_model().objects.create_user("bob")
    Membership.objects.create(user=user, organisation=organisation, role=Role.DPO)
    return user


def say(organisation, stance, text="", now=NOW):
    return give_opinion(organisation, draft_digest(organisation), stance, text, now, "dpo:bob")


def published(organisation, **over):
    """The opinion that the version keeps, and the version."""
    version = publish(organisation, TODAY, NOW, "controller", **over)
    return version.opinion or {}, version


def refused(organisation, why=""):
    with pytest.raises(DocumentError) as error:
        publish(organisation, TODAY, NOW, "controller", opinion_reason=why)
    assert [problem.path for problem in error.value.problems] == ["opinion_reason"]
    assert Version.objects.count() == 0
    return str(error.value)


def test_without_a_dpo_nothing_is_waited_for(organisation):
    version = publish(organisation, TODAY, NOW, "controller", opinion_reason="never asked for")
    assert (version.opinion, version.opinion_reason) == (None, "")


@pytest.mark.parametrize("stance", ["supports", "no_remarks"])
def test_an_opinion_on_exactly_this_draft_is_kept_with_the_version(organisation, dpo, stance):
    say(organisation, stance, "hyvä")
    version = publish(organisation, TODAY, NOW, "controller", opinion_reason="not needed")
    dpo.delete()
    version.refresh_from_db()
    assert version.opinion == {"stance": stance, "by": "dpo:bob", "given_at": NOW.isoformat(), "text": "hyvä"}
    assert version.opinion_reason == ""


def test_not_waiting_needs_a_reason(organisation, dpo):
    assert "no opinion on this draft" in refused(organisation)
    assert "no opinion on this draft" in refused(organisation, "  ")
    version = publish(organisation, TODAY, NOW, "controller", opinion_reason="määräaika")
    assert (version.opinion, version.opinion_reason) == (None, "määräaika")


def test_going_against_an_opinion_needs_a_reason_whoever_is_dpo(organisation):
    say(organisation, "advises_against", "liian pitkä")
    assert "advises against" in refused(organisation)
    opinion, version = published(organisation, opinion_reason="viranomainen vaatii")
    assert opinion["stance"] == "advises_against"
    assert version.opinion_reason == "viranomainen vaatii"


def test_an_opinion_on_another_draft_is_stale(organisation, dpo):
    say(organisation, "supports")
    edit(grounds=[rule("a", kind="need", period="P9Y")])
    assert "has changed since" in refused(organisation)
    edit()
    assert published(organisation)[0]["stance"] == "supports"


def test_an_opinion_before_the_last_version_is_not_called_stale(organisation, dpo):
    say(organisation, "supports")
    publish(organisation, TODAY, NOW, "controller")
    edit(grounds=[rule("a", kind="need", period="P9Y")])
    with pytest.raises(DocumentError) as error:
        publish(organisation, date(2026, 7, 1), LATER, "controller")
    assert "no opinion on this draft" in str(error.value)


def test_of_several_on_one_draft_the_last_counts(organisation, dpo):
    say(organisation, "advises_against", "ei")
    say(organisation, "supports", "korjattu käsitykseni", LATER)
    assert published(organisation)[0]["text"] == "korjattu käsitykseni"


def test_publishing_the_same_again_asks_nothing_again(organisation, dpo):
    first = publish(organisation, TODAY, NOW, "controller", opinion_reason="kiire")
    assert publish(organisation, TODAY, NOW, "controller").pk == first.pk


def test_a_dpo_who_cannot_log_in_is_not_waited_for(organisation, dpo):
    dpo.is_active = False
    dpo.save()
    assert publish(organisation, TODAY, NOW, "controller").number == 1


def test_an_opinion_is_on_the_draft_that_was_looked_at(organisation):
    seen = draft_digest(organisation)
    edit(grounds=[])
    with pytest.raises(LifecycleError, match="changed since it was looked at"):
        give_opinion(organisation, seen, "supports", "", NOW, "dpo:bob")
    assert Opinion.objects.count() == 0


def test_an_opinion_is_whole(organisation):
    for stance, text, path in (("maybe", "", "stance"), ("advises_against", " ", "text")):
        with pytest.raises(DocumentError) as error:
            say(organisation, stance, text)
        assert [problem.path for problem in error.value.problems] == [path]
    with pytest.raises(ValueError, match="aware"):
        say(organisation, "supports", now=datetime(2026, 6, 30))  # noqa: DTZ001


def test_an_opinion_is_never_changed(organisation):
    opinion = say(organisation, "supports")
    with pytest.raises(TypeError):
        opinion.save()
    with pytest.raises(TypeError):
        opinion.delete()
