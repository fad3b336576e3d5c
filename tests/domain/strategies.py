"""Random rules and random items: every shape the catalogue allows, NULLs, placeholders and unknown facts included."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import strategies as st

from retention.domain.decisions import Contract, Occurrence
from retention.domain.rules import Hold

TODAY = date(2026, 6, 30)
OWN_EVENTS = ("recorded", "case_opened", "case_closed", "last_contact", "contract_ended")
LEDGER_EVENTS = (
    "debt_due",
    "debt_settled",
    "consent_given",
    "consent_withdrawn",
    "objection",
    "erasure_requested",
    "dispute_opened",
    "dispute_resolved",
)
OPEN_EVENTS = ("debt_settled", "dispute_resolved", "case_closed")
SUBJECTS = ("1", "2", "3")

days = st.one_of(
    st.dates(date(2015, 1, 1), date(2027, 1, 1)),
    st.sampled_from([date(1900, 1, 1), date(9999, 12, 31), TODAY, TODAY - timedelta(days=1)]),
)
maybe_day = st.none() | days
periods = st.sampled_from(["P0D", "P14D", "P3M", "P1Y", "P3Y", "P6Y"])
roundings = st.sampled_from(["none", "none", "end_of_month", "end_of_calendar_year_of_financial_year", "next 02-29"])
names = st.sampled_from([*OWN_EVENTS, *LEDGER_EVENTS])
triggers = st.one_of(
    names,
    names,
    st.builds(
        lambda how, members: {how: members},
        st.sampled_from(["latest_of", "earliest_of"]),
        st.lists(names, min_size=2, max_size=3, unique=True),
    ),
)
conditions = st.one_of(
    st.just([]),
    st.just([]),
    st.builds(lambda f, v: [{"fact": f, "is": v}], st.sampled_from(["own", "known", "house"]), st.booleans()),
)
actions = st.sampled_from(["delete", "anonymise"])
statuses = st.sampled_from(["confirmed", "confirmed", "confirmed", "proposed"])
absences = st.sampled_from(["pending", "missing", "not_applicable"])


@st.composite
def ground_documents(draw, code="g"):
    kind = draw(st.sampled_from(["need", "need", "claim", "obligation", "consent", "instruction"]))
    document = {
        "id": code,
        "kind": kind,
        "trigger": draw(st.just("consent_given") | triggers) if kind == "consent" else draw(triggers),
        "period": draw(periods),
        "rounding": draw(roundings),
        "action": draw(actions),
        "condition": draw(conditions),
        "status": draw(statuses),
        "purpose": draw(st.sampled_from(["", "", "markkinointi"])),
    }
    if draw(st.booleans()):
        document["if_absent"] = draw(absences)
    if kind != "obligation":
        ends = ["debt_settled", "dispute_resolved", "objection", "case_closed", "contract_ended", "erasure_requested"]
        ends_on = st.sampled_from([[], [], *([name] for name in ends)])
        document["ends_on"] = draw(ends_on)
    if draw(st.integers(0, 7)) == 0:
        del document["period"]
        document["review_by"] = draw(st.sampled_from(["2026-01-01", "2027-01-01"]))
    return document


@st.composite
def ceiling_documents(draw, code="c"):
    document = {
        "id": code,
        "trigger": draw(triggers),
        "period": draw(periods),
        "rounding": draw(roundings),
        "action": draw(actions),
        "condition": draw(conditions),
        "status": draw(statuses),
    }
    yields = draw(st.sampled_from([None, "any_basis", ["obligation"], ["claim"], ["need", "claim"]]))
    if yields is not None:
        document["yields_to"] = yields
    if draw(st.integers(0, 3)) == 0:
        document["if_absent"] = draw(absences)
    return document


def some(documents, most: int, prefix: str, least: int = 0):
    """Up to `most` documents with ids of their own."""
    return st.integers(least, most).flatmap(lambda n: st.tuples(*(documents(f"{prefix}{i}") for i in range(n))))


contracts = st.lists(
    st.builds(Contract, st.sampled_from(["A", "B"]), st.just(date(2014, 1, 1)) | maybe_day, maybe_day, st.booleans()),
    max_size=2,
    unique_by=lambda contract: contract.ref,
)
occurrences = st.lists(
    st.builds(
        Occurrence,
        maybe_day,
        st.sampled_from(["", "", "L1", "L2"]),
        st.sampled_from(["", "markkinointi", "muu"]),
        st.sampled_from(["", "A"]),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda o: (o.thing, o.purpose, o.contract),
).map(tuple)
ledger_events = st.dictionaries(st.sampled_from(LEDGER_EVENTS), occurrences, max_size=4)
still_open = st.dictionaries(
    st.sampled_from(OPEN_EVENTS),
    occurrences.map(lambda told: tuple(replace(one, day=None) for one in told)),
    max_size=2,
)
hold_lists = st.lists(
    st.builds(Hold, st.dates(date(2020, 1, 1), date(2027, 1, 1)), st.none() | st.just(date(2026, 6, 1))).filter(
        lambda hold: not hold.released or hold.released >= hold.start
    ),
    max_size=1,
)
