"""The published snapshot as the night reads it."""

from __future__ import annotations

import copy
import json
from datetime import date

import pytest

from retention.connectors.contract import ClosedWhen
from retention.domain.errors import EvidenceError, RuleError
from retention.domain.evidence import canonical, sha256_hex
from retention.domain.periods import Period
from retention.domain.rules import Grain, Kind
from retention.plan import Plan, plan_of
from ropa.models import Version
from tests.retention.company import document


def planned(content) -> Plan:
    snapshot = canonical(content).decode()
    return plan_of(Version(number=1, snapshot=snapshot, digest=sha256_hex(snapshot.encode())))


def digest_of(content, dataset="asiakastiedot"):
    found = planned(content).find_dataset(dataset)
    assert found is not None
    return found.rules_digest


def changed(path, value):
    content = copy.deepcopy(document())
    place = content
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return content


def test_a_minimal_document_is_read_with_its_defaults():
    plan = planned(document())
    assert (plan.organisation.slug, plan.organisation.time_zone) == ("testi", "Europe/Helsinki")
    assert plan.organisation.first_plausible_day == date(1950, 1, 1)
    tickets = plan.find_dataset("tiketit")
    assert tickets is not None and tickets.mapping is not None
    assert tickets.grain is Grain.RECORD
    assert tickets.mapping.closed == ClosedWhen("tila", ("suljettu",))
    assert tickets.mapping.events == {"case_opened": "avattu", "case_closed": "suljettu"}
    assert (tickets.mapping.fields, tickets.mapping.children) == ((), ("viesti",))
    assert [(g.id, g.kind, g.period) for g in tickets.rules.grounds] == [("tuki", Kind.NEED, Period.parse("P2Y"))]
    assert [d.code for d in plan.datasets_of("crm")] == ["tiketit", "asiakastiedot"]
    assert plan.find_dataset("muu") is None and plan.find_register("muu") is None


def test_what_nothing_was_decided_about_is_only_counted():
    content = document()
    del content["datasets"][0]["policy"]
    policy = planned(content).datasets[0].policy
    assert (policy.mode, policy.approval, policy.waves) == ("observe", "one", False)


def test_what_is_told_of_a_subject_kind_is_told_by_what_is_collected():
    content = document()
    content["registers"][0]["ledger"].append(
        {"id": "luvat", "subject_kind": "customer", "via": "api", "tells": ["consent_given"]}
    )
    plan = planned(content)
    assert plan.told("customer") == {"contract_started", "contract_ended"}
    assert plan.told("staff") == frozenset()
    assert [source.code for source in plan.registers[0].ledger] == ["contracts"]
    assert plan.registers[0].announced == {"customer": frozenset({"consent_given"})}


def test_a_snapshot_that_was_changed_is_refused():
    snapshot = canonical(document()).decode()
    digest = sha256_hex(snapshot.encode())
    plan_of(Version(number=1, snapshot=snapshot, digest=digest))
    with pytest.raises(EvidenceError, match="version 1"):
        plan_of(Version(number=1, snapshot=snapshot.replace("P3Y", "P2Y"), digest=digest))


def test_a_version_is_read_once():
    assert planned(document()) is planned(document())


@pytest.mark.parametrize("content", [[], {}, {"organisation": {}}, {"organisation": {"slug": "x"}, "datasets": [{}]}])
def test_what_is_no_inventory_is_refused(content):
    with pytest.raises(RuleError):
        planned(content)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("datasets", 1, "grounds", 0, "period"), "P1D"),
        (("datasets", 1, "grounds", 0, "status"), "proposed"),
        (("datasets", 1, "grounds", 0, "condition"), [{"fact": "usage_billed", "is": True}]),
        (("datasets", 1, "ceilings"), [{"id": "x", "trigger": "recorded", "period": "P9Y", "action": "delete"}]),
        (("datasets", 1, "no_reason_to_keep"), {"decided_on": "2026-01-01"}),
        (("datasets", 1, "mapping", "place"), "muu"),
        (("datasets", 1, "mapping", "children"), ["osoite"]),
        (("datasets", 1, "enforced_by"), "register"),
        (("datasets", 1, "grain"), "record"),
        (("datasets", 1, "subject_kind"), "staff"),
        (("organisation", "financial_year_end"), "06-30"),
        (("organisation", "financial_years"), [{"start": "2020-01-01", "end": "2021-06-30"}]),
        (("organisation", "first_plausible_day"), "1970-01-01"),
        (("organisation", "time_zone"), "Europe/Stockholm"),
    ],
)
def test_what_decides_changes_the_rules_digest(path, value):
    assert digest_of(changed(path, value)) != digest_of(document())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("datasets", 1, "name"), {"fi": "Muu"}),
        (("datasets", 1, "policy", "mode"), "observe"),
        (("datasets", 1, "grounds", 0, "reason"), {"fi": "Muu syy"}),
        (("datasets", 1, "grounds", 1, "period"), "P36M"),
        (("datasets", 1, "mapping", "closed"), None),
        (("organisation", "name"), "Muu Oy"),
        (("organisation", "facts"), {"usage_billed": True}),
    ],
)
def test_what_does_not_decide_leaves_it(path, value):
    assert digest_of(changed(path, value)) == digest_of(document())


def test_a_fact_of_the_organisation_decides_where_a_condition_asks_it():
    asked = changed(("datasets", 1, "grounds", 0, "condition"), [{"fact": "usage_billed", "is": True}])
    told = json.loads(json.dumps(asked))
    told["organisation"]["facts"] = {"usage_billed": True}
    assert digest_of(asked) != digest_of(told)
    assert digest_of(asked, "tiketit") == digest_of(told, "tiketit")
