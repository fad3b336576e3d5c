"""The database sorts people as `verdicts` sees them one by one, and nobody is in two sorts or in none."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from retention import alike, ledger
from retention.alike import Sorting
from retention.connectors.contract import DatasetMapping
from retention.domain.decisions import Decision, State
from retention.domain.items import CONTRACT_EVENTS
from retention.domain.periods import Period
from retention.domain.rules import Grain, RuleSet
from retention.domain.written import parse_ceiling, parse_ground
from retention.models import LedgerContract, LedgerEvent, LedgerFact, LedgerOpen
from retention.plan import DatasetPlan, OrganisationPlan, Plan, Policy
from retention.question import Memory, Question
from ropa.models import Organisation
from tests.domain import strategies as some
from tests.domain.strategies import LEDGER_EVENTS, OPEN_EVENTS, TODAY
from tests.own_database import OwnDatabase

SOURCE = "test"
GROUND: dict[str, Any] = {
    "id": "g",
    "kind": "need",
    "trigger": "contract_ended",
    "period": "P1Y",
    "rounding": "none",
    "action": "delete",
    "status": "confirmed",
    "purpose": "p",
}
SPANS = [("", ""), ("", "p3"), ("p3", ""), ("p2", "p5"), ("x", "")]


def dataset_of(rules: RuleSet, grain: Grain = Grain.SUBJECT) -> DatasetPlan:
    mapping = DatasetMapping(place="rivi", key="id", subject="nro", contract="sopimus")
    return DatasetPlan(
        code="d", name={"fi": "d"}, register="r", activity="a", grain=grain, subject_kind="customer",
        enforced_by="us", mapping=mapping, rules=rules,
        policy=Policy("purge", "automatic", Period(0, 0), False), rules_digest="",
    )  # fmt: skip


def question_of(organisation: Organisation, rules: RuleSet, grain: Grain, span: tuple[str, str]) -> Question:
    dataset = dataset_of(rules, grain)
    plan = Plan(OrganisationPlan(slug="o", name="O", time_zone="Europe/Helsinki"), (), (dataset,), "")
    return Question(organisation, plan, dataset, TODAY, span=span)


def people(draw: Random, edges: tuple[date, ...], number: int) -> None:
    """Contracts whose days lie on the edges and beside them, events and facts of some; some have no contract."""
    organisation = Organisation.objects.get()
    around = [None, *(edge + timedelta(days=by) for edge in edges for by in (-1, 0, 1) if edge.year < 9999), edges[-1]]
    whose = {"organisation": organisation, "subject_kind": "customer", "source": SOURCE}
    contracts, events, facts, still_open = [], [], [], []
    for n in range(number):
        subject = f"p{n}"
        contracts += [
            LedgerContract(
                **whose, subject=subject, ref=ref, started=draw.choice(around), ended=draw.choice(around),
                closed=draw.random() < 0.2,
            )
            for ref in "ABC"[: draw.choice([0, 1, 1, 1, 2, 3])]
        ]  # fmt: skip
        if draw.random() < 0.3:
            name = draw.choice([*LEDGER_EVENTS, *sorted(CONTRACT_EVENTS)])
            events.append(LedgerEvent(**whose, subject=subject, name=name, date=draw.choice(around)))
        if draw.random() < 0.2:
            facts.append(LedgerFact(**whose, subject=subject, name="known", value=True))
        if draw.random() < 0.4:
            still_open.append(LedgerOpen(**whose, subject=subject, name=draw.choice(OPEN_EVENTS)))
    LedgerOpen.objects.bulk_create(still_open)
    LedgerContract.objects.bulk_create(contracts)
    LedgerEvent.objects.bulk_create(events)
    LedgerFact.objects.bulk_create(facts)


def hold_to_each(question: Question) -> None:
    """Whoever the ledger knows is in one sort, whose verdicts are his own, or apart."""
    sorting = Sorting.of(question)
    assert sorting is not None
    expected = {scope: question.verdicts_of(scope, known) for scope, known in scopes_in(question)}
    apart = {subject for page in sorting.apart() for subject in page}
    seen: Counter[tuple[str, str | None]] = Counter()
    for looks, verdicts in sorting.sorts():
        for scope in (one for page in sorting.members([looks]) for one in page):
            seen[scope] += 1
            assert scope[0] not in apart
            if scope in expected:
                assert verdicts == expected[scope]
    together = Counter(one for page in sorting.members([s.looks for s in sorting.sorts()]) for one in page)
    assert together == seen
    assert set(seen.values()) <= {1}
    assert {scope for scope in expected if scope[0] not in apart} <= seen.keys()
    # of whom only an event of a contract's name is there the ledger knows nothing: the register tells nobody of them
    assert all(not list(question.scopes([subject])) for subject, _ in seen.keys() - expected.keys())


def scopes_in(question: Question):
    after, until = question.span
    return [
        (scope, known) for scope, known in question.scopes() if scope[0] > after and (not until or scope[0] <= until)
    ]


@pytest.mark.usefixtures("data_dir")
class SortedAsEach(TestCase):
    @settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        grounds=some.some(some.ground_documents, 2, "g"),
        ceilings=some.some(some.ceiling_documents, 1, "c"),
        grain=st.sampled_from([Grain.RECORD, Grain.SUBJECT, Grain.CONTRACT]),
        span=st.sampled_from(SPANS),
        draw=st.randoms(use_true_random=False),
    )
    def test_in_sorts_or_apart(self, grounds, ceilings, grain, span, draw):
        no_facts = [{**one, "condition": []} for one in (*grounds, *ceilings)]
        rules = RuleSet(
            tuple(parse_ground(one, "g") for one in no_facts[: len(grounds)]),
            tuple(parse_ceiling(one, "c") for one in no_facts[len(grounds) :]),
        )
        organisation = Organisation.objects.create(slug="o", name="O")
        question = question_of(organisation, rules, grain, span)
        people(draw, question.sight.edges, 9)
        hold_to_each(question)


def test_page_by_page_on_either_database(own_database: OwnDatabase, monkeypatch):
    """Everybody once, however small the pages, for each grain and span."""
    monkeypatch.setattr(alike, "BATCH", 2)
    monkeypatch.setattr(ledger, "BATCH", 3)
    debt = {**GROUND, "id": "h", "kind": "claim", "trigger": "debt_due", "ends_on": ["debt_settled"]}
    own = {**GROUND, "id": "i", "trigger": "occurred"}

    def act() -> None:
        organisation = Organisation.objects.create(slug="o", name="O")
        first = question_of(organisation, RuleSet((parse_ground(GROUND, "g"),)), Grain.SUBJECT, ("", ""))
        people(Random(7), first.sight.edges, 60)
        for documents in ([GROUND], [GROUND, debt], [own, debt], [own]):
            rules = RuleSet(tuple(parse_ground(one, "g") for one in documents))
            for grain in (Grain.RECORD, Grain.SUBJECT, Grain.CONTRACT):
                for span in SPANS:
                    hold_to_each(question_of(organisation, rules, grain, span))

    assert own_database.in_process(act) == 0


def test_whoever_differs_by_more_than_dates_is_read_one_by_one(db):
    organisation = Organisation.objects.create(slug="o", name="O")

    def sorting(*conditions):
        rules = RuleSet((parse_ground({**GROUND, "condition": list(conditions)}, "g"),))
        return Sorting.of(question_of(organisation, rules, Grain.SUBJECT, ("", "")))

    assert sorting() is not None
    assert sorting({"fact": "billed", "is": True}) is None


def test_parts_of_a_dataset_share_what_was_decided_and_no_other_question_does(db):
    organisation = Organisation.objects.create(slug="o", name="O")
    rules = RuleSet((parse_ground(GROUND, "g"),))
    memory = Memory()

    def memo(**other):
        return memory.of(replace(question_of(organisation, rules, Grain.SUBJECT, ("", "p3")), **other))

    kept = Decision(State.KEEP)
    first = memo()
    assert first.decided("alike", lambda: kept) is kept
    assert memo(span=("p3", "")).decided("alike", lambda: Decision(State.OPEN)) is kept
    for other in ({"today": TODAY + timedelta(days=1)}, {"dataset": replace(dataset_of(rules), rules_digest="2")}):
        assert memo(**other).decided("alike", lambda: Decision(State.OPEN)).state is State.OPEN
    assert first.decided("alike", lambda: Decision(State.OPEN)) is kept  # whoever is at it goes on with it
