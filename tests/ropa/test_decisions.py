"""The decision log of a rule, and the snapshot of any day, from versions published at past instants."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest

from ropa.decisions import Place, decisions
from ropa.selectors import NoVersionError, snapshot_on
from ropa.services import document_at, draft_digest, draft_of, give_opinion, publish
from tests.ropa.test_services import edit, organisation, rule

__all__ = ["organisation"]
PLACE = Place.parse("datasets[asiakkaat].grounds[a]")
TEST = {"kind": "balancing_test", "reference": "https://example.invalid/tasapainotesti", "on": "2024-02-01"}


def at(year, month, day):
    return datetime(year, month, day, 9, 0, tzinfo=UTC)


@pytest.fixture
def years(organisation):
    """Four versions, each published in its year: a rule appears, is changed, is left alone, and goes."""
    edit(grounds=[rule("a", kind="need")])
    publish(organisation, date(2023, 1, 1), at(2022, 12, 15), "controller:alice", reason="ensimmäinen")
    edit(grounds=[rule("a", kind="need", period="P2Y", records=[TEST])])
    give_opinion(organisation, draft_digest(organisation), "advises_against", "liian lyhyt", at(2024, 1, 5), "dpo:bob")
    publish(
        organisation,
        date(2024, 2, 1),
        at(2024, 1, 10),
        "controller:alice",
        reason="lyhyemmäksi",
        opinion_reason="riski",
    )
    edit(grounds=[rule("a", kind="need", period="P2Y", records=[TEST])], name={"fi": "Asiakkaat ja liittyjät"})
    publish(organisation, date(2025, 1, 1), at(2024, 12, 1), "controller:ada")
    edit(grounds=[rule("b", kind="claim")])
    publish(organisation, date(2026, 1, 1), at(2025, 12, 1), "controller:ada", reason="korvattu")
    return organisation


def test_each_version_that_decided_about_a_rule(years):
    log = decisions(years.versions.order_by("number"), PLACE)
    assert [(one.version, one.what.value, one.publisher, one.reason) for one in log] == [
        (1, "appeared", "controller:alice", "ensimmäinen"),
        (2, "changed", "controller:alice", "lyhyemmäksi"),
        (4, "went", "controller:ada", "korvattu"),
    ]
    changed = log[1]
    assert changed.published_at == at(2024, 1, 10)
    assert changed.opinion is not None
    assert (changed.opinion["stance"], changed.opinion["by"], changed.opinion_reason) == (
        "advises_against",
        "dpo:bob",
        "riski",
    )
    assert [(one.path, one.before, one.after) for one in changed.changes] == [
        ("period", "P3Y", "P2Y"),
        ("records", None, [TEST]),
    ]
    assert changed.records == log[2].records == [TEST]
    assert log[0].records == []
    assert json.dumps([one.as_data() for one in log])


def test_a_rule_that_comes_back_appears_again(years):
    edit(grounds=[rule("a", kind="need", period="P1Y")])
    publish(years, date(2027, 1, 1), at(2026, 6, 1), "controller:ada")
    assert [one.what.value for one in decisions(years.versions.order_by("number"), PLACE)][-2:] == ["went", "appeared"]


def test_a_rule_that_nobody_decided_about_has_no_log(years):
    assert decisions(years.versions.all(), Place("datasets", "asiakkaat", "ceilings", "a")) == []


@pytest.mark.parametrize("path", ["", "datasets[a]", "datasets[a].grounds", "datasets[a].grounds[b].period", "x"])
def test_what_names_no_rule_is_told_how_to(path):
    with pytest.raises(ValueError, match="names no rule"):
        Place.parse(path)


def test_three_past_days_have_their_snapshots(years):
    with pytest.raises(NoVersionError, match=r"testi: .*2022-12-31.*1.*2023-01-01"):
        snapshot_on(years, date(2022, 12, 31))
    early, late = snapshot_on(years, date(2024, 1, 31)), snapshot_on(years, date(2024, 2, 1))
    assert (early.number, late.number) == (1, 2)
    grounds = [json.loads(version.snapshot)["datasets"][0]["grounds"][0] for version in (early, late)]
    assert [ground["period"] for ground in grounds] == ["P3Y", "P2Y"]
    assert snapshot_on(years, date(2099, 1, 1)).number == 4


def test_before_anything_is_published_that_is_said(organisation):
    with pytest.raises(NoVersionError, match="2026-01-01"):
        snapshot_on(organisation, date(2026, 1, 1))


def test_a_document_by_number_or_the_draft(years):
    assert document_at(years, "draft") == draft_of(years)
    assert document_at(years, "1")["datasets"][0]["grounds"][0]["period"] == "P3Y"
    for which in ("0", "9", "-1", "x", "", "9" * 40, "²"):
        with pytest.raises(LookupError):
            document_at(years, which)
