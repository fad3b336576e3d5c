"""The same rule twice, proven equal: the set-based evaluation against `decide()`, item by item.

Random rules over random customers: the register is a real SQLite file read by the real connector, the
ledger is the real ledger. The items that `decide` is asked about are put together here, by other code.
"""

from __future__ import annotations

import sqlite3
import tempfile
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from retention.connectors.contract import ClosedWhen, DatasetMapping, LedgerMapping
from retention.connectors.registry import connect
from retention.domain.decisions import Item, State, decide, with_own
from retention.domain.events import asked
from retention.domain.periods import FinancialYears, Period
from retention.domain.rules import Grain, RuleSet
from retention.domain.written import parse_ceiling, parse_ground
from retention.evaluation import evaluate, examine
from retention.models import LedgerContract, LedgerEvent, LedgerFact, LedgerOpen
from retention.plan import DatasetPlan, LedgerSource, OrganisationPlan, Plan, Policy, RegisterPlan
from retention.question import Question
from ropa.models import Organisation
from tests.domain import strategies as some
from tests.domain.strategies import SUBJECTS, TODAY

OWN = {
    "recorded": "luotu",
    "case_opened": "avattu",
    "case_closed": "suljettu",
    "last_contact": "yhteys",
    "erasure_requested": "pyydetty",
}

rows = st.fixed_dictionaries(
    {
        "nro": st.sampled_from([*SUBJECTS, "stranger"]) | st.none(),
        "sopimus": st.sampled_from(["A", "B"]),
        "luotu": some.maybe_day,
        "avattu": some.maybe_day,
        "suljettu": some.maybe_day,
        "yhteys": some.maybe_day,
        "pyydetty": some.maybe_day,
        "own": st.sampled_from([None, 0, 1]),
        "tila": st.sampled_from(["auki", "suljettu"]),
    }
)
known = st.fixed_dictionaries(
    {
        "contracts": some.contracts,
        "events": some.ledger_events,
        "still_open": some.still_open,
        "fact": st.sampled_from([None, True, False]),
    }
)


@pytest.mark.usefixtures("data_dir")
class SameRuleTwice(TestCase):
    @settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        grounds=some.some(some.ground_documents, 3, "g"),
        ceilings=some.some(some.ceiling_documents, 2, "c"),
        items=st.lists(rows, min_size=1, max_size=6),
        people=st.fixed_dictionaries(dict.fromkeys(SUBJECTS, known)),
        holds=st.fixed_dictionaries(dict.fromkeys(SUBJECTS, some.hold_lists)),
        house=st.sampled_from([None, True, False]),
        grain=st.sampled_from([Grain.RECORD, Grain.CONTRACT]),
        own_events=st.sets(st.sampled_from(sorted(OWN)), max_size=4),
        told=st.sets(st.sampled_from([*some.LEDGER_EVENTS, *OWN])),
        is_step=st.booleans(),
    )
    def test_set_based_equals_item_by_item(
        self, grounds, ceilings, items, people, holds, house, grain, own_events, told, is_step
    ):
        rules = RuleSet(
            tuple(parse_ground(doc, "g") for doc in grounds[: 1 if is_step else None]),
            () if is_step else tuple(parse_ceiling(doc, "c") for doc in ceilings),
            financial_years=FinancialYears((4, 30)),
            is_step=is_step and bool(grounds),
        )
        organisation = Organisation.objects.create(slug="o", name="O")
        facts = {} if house is None else {"house": house}
        mapping = DatasetMapping(
            place="rivi",
            key="id",
            subject="nro",
            contract="sopimus",
            events={event: OWN[event] for event in sorted(own_events)},
            facts={"own": "own"},
            closed=ClosedWhen("tila", ("suljettu",)),
        )
        dataset = DatasetPlan(
            code="d", name={"fi": "d"}, register="r", activity="a", grain=grain, subject_kind="customer",
            enforced_by="us", mapping=mapping, rules=rules,
            policy=Policy("purge", "automatic", Period(0, 0), False), rules_digest="",
        )  # fmt: skip
        plan = Plan(_organisation_plan(facts), (_source(told),), (dataset,), "")
        self._fill_ledger(organisation, people)
        with tempfile.TemporaryDirectory() as directory:
            path = _fill_register(Path(directory), items)
            question = Question(organisation, plan, dataset, TODAY)
            with connect("sql", {"url": f"sqlite:///{path}"}) as connector:
                told = [(c.ref.key, d.state) for c, d in examine(question, connector, holds)]
                gone = [item.key for item in evaluate(question, connector, holds).due]
        found, due = dict(told), set(gone)
        assert (len(found), len(due)) == (len(told), len(gone))  # nothing twice
        expected = _item_by_item(question, items, people, holds, facts)
        asked_by_reader = {  # strangers that miss their start are counted by the reader, not asked for at night
            str(n) for n, row in enumerate(items, 1) if question.asks_ledger and not _is_known(row, people, grain)
        }
        attention = {key: state for key, state in expected.items() if state not in {State.OPEN, State.KEEP}}
        assert {k: s for k, s in found.items() if k not in asked_by_reader} == {
            k: s for k, s in attention.items() if k not in asked_by_reader
        }
        assert due == {key for key, state in expected.items() if state is State.DUE}

    def _fill_ledger(self, organisation, people):
        whose = {"organisation": organisation, "subject_kind": "customer", "source": "test"}
        for subject, knows in people.items():
            for contract in knows["contracts"]:
                LedgerContract.objects.create(
                    **whose, subject=subject, ref=contract.ref, started=contract.started,
                    ended=contract.ended, closed=contract.closed,
                )  # fmt: skip
            for name, happened in knows["events"].items():
                for one in happened:
                    LedgerEvent.objects.create(
                        **whose, subject=subject, name=name, date=one.day, thing=one.thing, purpose=one.purpose,
                        contract=one.contract,
                    )  # fmt: skip
            for name, told in knows["still_open"].items():
                for one in told:
                    about = {"thing": one.thing, "purpose": one.purpose, "contract": one.contract}
                    LedgerOpen.objects.create(**whose, subject=subject, name=name, **about)
            if knows["fact"] is not None:
                LedgerFact.objects.create(**whose, subject=subject, name="known", value=knows["fact"])


def _organisation_plan(facts):
    return OrganisationPlan(
        slug="o", name="O", time_zone="Europe/Helsinki", facts=facts, financial_years=FinancialYears((4, 30))
    )


def _source(told):
    """A register that is said to tell contracts and these events of customers."""
    mapping = LedgerMapping(
        place="x", subject="nro", contract="s", started="a", ended="l", events=dict.fromkeys(sorted(told), "d")
    )
    return RegisterPlan(
        code="lahde",
        name={"fi": "l"},
        medium="database",
        connection="",
        ledger=(LedgerSource("l", "customer", mapping),),
    )


def _fill_register(directory, items):
    path = directory / "r.sqlite3"
    with sqlite3.connect(path) as register:
        register.execute(
            "create table rivi(id integer primary key, nro text, sopimus text, luotu date, avattu date, suljettu date,"
            " yhteys date, pyydetty date, own boolean, tila text)"
        )
        register.executemany(
            "insert into rivi(nro, sopimus, luotu, avattu, suljettu, yhteys, pyydetty, own, tila)"
            " values (:nro, :sopimus, :luotu, :avattu, :suljettu, :yhteys, :pyydetty, :own, :tila)",
            [{k: v.isoformat() if isinstance(v, date) else v for k, v in row.items()} for row in items],
        )
    register.close()
    return path


def _is_known(row, people, grain):
    """Whether the ledger knows the row's subject (and contract, where that is the grain)."""
    knows = people.get(row["nro"])
    if knows is None:
        return False
    if grain is Grain.CONTRACT:
        return any(contract.ref == row["sopimus"] for contract in knows["contracts"])
    return bool(knows["contracts"] or knows["events"] or knows["fact"] is not None)


def _item_by_item(question, items, people, holds, facts):
    rules = question.dataset.rules
    unheard = dict.fromkeys(asked(rules.events) - question.own_events)
    untold = {name: None for name in unheard if name not in question.plan.told("customer")}
    states = {}
    for number, row in enumerate(items, 1):
        if not question.asks_ledger or not _is_known(row, people, question.dataset.grain):
            item = Item(events=unheard, facts=facts)
        else:
            knows = people[row["nro"]]
            item = Item(
                contracts=tuple(sorted(knows["contracts"], key=lambda c: c.ref)),
                scope=row["sopimus"] if question.dataset.grain is Grain.CONTRACT else None,
                events={**untold, **knows["events"]},
                facts={**facts, **({} if knows["fact"] is None else {"known": knows["fact"]})},
                still_open={name: told for name, told in knows["still_open"].items() if name in knows["events"]},
            )
        own = {event: row[OWN[event]] for event in question.own_events}
        fact = {"own": None if row["own"] is None else bool(row["own"])}
        whole = with_own(item, own, fact, row["tila"] == "suljettu")
        states[str(number)] = decide(whole, rules, holds.get(row["nro"], ()), TODAY).state
    return states
