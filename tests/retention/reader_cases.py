"""Small worlds for the independent reader: a register, a ledger, holds and rules whose days lie on the edge.

Most dates are drawn at the last start that is due on the day, or one day beside it, of one of the rules' own periods:
where `<` and `<=` differ. The world is made for real (a database file, ledger rows) and read on three days in a row.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import contextmanager
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import strategies as st

from retention import replay, verification
from retention.connectors.contract import ClosedWhen, DatasetMapping, LedgerMapping
from retention.connectors.registry import connect
from retention.domain.evidence import canonical
from retention.domain.periods import FinancialYears, Period
from retention.domain.rules import Grain, RuleSet
from retention.domain.written import parse_ceiling, parse_ground
from retention.evidence_log import subject_digest
from retention.ledger import UNTOLD
from retention.lot_keys import LotKey
from retention.models import Doubted, FirstSeen, Hold, LedgerContract, LedgerEvent, LedgerFact, LedgerOpen
from retention.plan import DatasetPlan, LedgerSource, OrganisationPlan, Plan, Policy, RegisterPlan
from ropa.models import Organisation
from tests.retention import reader_oracle as oracle

DAY = timedelta(days=1)
TODAYS = [date(2026, 6, 30), date(2025, 2, 28), date(2025, 3, 1), date(2024, 2, 29), date(2027, 1, 1), date(2026, 5, 1)]
PERIODS = ["P0D", "P1D", "P14D", "P1M", "P3M", "P1Y", "P2Y6M", "P6Y"]
ROUNDINGS = ["none", "none", "none", "end_of_month", "end_of_calendar_year", "end_of_financial_year", "next 02-29"]
PEOPLE = tuple("12345678")
LEDGER_EVENTS = oracle.EVENTS_TOLD
OWN = {"recorded": "luotu", "case_opened": "avattu", "case_closed": "suljettu"}
CONTRACTS = ("A", "B", "C")
ROWS = 30


@lru_cache(maxsize=4096)
def edge(today, period, rounding):
    """The last start that is due on that day, counted back day by day; by the naive oracle, not by ours."""
    start = oracle.last_day(today, period, "none")
    start = today - (start - today) + 5 * DAY  # at least as late as the edge
    while oracle.last_day(start, period, rounding) >= today:
        start -= DAY
    return start


OWN_STARTS = ("recorded", "case_opened", "case_closed")
STARTS = ("recorded", "case_closed", "contract_ended", "contract_ended", "last_contact")
ROLLING = (
    {"latest_of": ["recorded", "last_contact"]},
    {"latest_of": ["case_closed", "contract_ended"]},
    {"earliest_of": ["contract_ended", "case_closed"]},
    "last_contact",
)
YIELDS = (None, ["obligation"], ["need", "claim"], "any_basis")


class Rules:
    """Rules of each shape that a notice may have, as documents."""

    def __init__(self, chance):
        self.chance = chance
        self.shapes: tuple[Callable[[], tuple[list[Any], list[Any]]], ...] = (  # each: grounds, ceilings
            lambda: ([self.ground(OWN_STARTS)], []),
            lambda: ([self.ground(["contract_ended"])], []),
            lambda: ([self.ground(["contract_ended"])], []),
            lambda: ([self.ground(ROLLING)], []),
            lambda: ([self.ground(STARTS)], [self.ceiling(OWN_STARTS)]),
            lambda: ([self.ground(STARTS), self.ground(STARTS, "claim")], [self.ceiling(STARTS)]),
            lambda: ([self.ground(STARTS, "obligation")], [self.ceiling(OWN_STARTS, (None, ["claim"]))]),
            lambda: ([self.ground(STARTS, "obligation"), self.ground(STARTS)], [self.ceiling(OWN_STARTS)]),
            lambda: (self.branches(), []),
            lambda: (self.branches(), []),
            lambda: (self.branches(), [self.ceiling(OWN_STARTS)]),
            lambda: ([self.ground(STARTS), self.debt()], []),
            lambda: ([self.debt()], []),
            lambda: ([self.ground(STARTS, ends_on=[chance.choice(["objection", "contract_ended"])])], []),
            lambda: ([self.ground(["consent_given"], "consent", purpose=chance.choice(["", "markkinointi"]))], []),
            lambda: ([self.ground(OWN_STARTS, condition=self.condition())], []),
            lambda: ([self.ground(OWN_STARTS), self.ground(OWN_STARTS, "claim")], []),
            lambda: ([self.ground(OWN_STARTS, ends_on=["case_closed"])], []),
            lambda: ([], [self.ceiling(OWN_STARTS)]),
        )

    def draw(self):
        found = self.chance.choice(self.shapes)()
        for number, rule in enumerate([*found[0], *found[1]]):
            rule["id"] = f"r{number}"
        return found

    def ground(self, triggers, kind="need", **more):
        return {
            "kind": kind,
            "trigger": self.chance.choice(triggers),
            "period": self.chance.choice(PERIODS),
            "rounding": self.chance.choice(ROUNDINGS),
            "action": "delete",
            "status": "proposed" if self.chance.random() < 0.06 else "confirmed",
            **more,
        }

    def debt(self):
        return self.ground(["debt_due"], "claim", ends_on=["debt_settled"])

    def ceiling(self, triggers, yields=YIELDS):
        document = self.ground(triggers)
        del document["kind"]
        yields_to = self.chance.choice(yields)
        return document if yields_to is None else {**document, "yields_to": yields_to}

    def condition(self):
        return [{"fact": self.chance.choice(["own", "known", "house"]), "is": self.chance.random() < 0.5}]

    def branches(self):
        fact = self.chance.choice(["own", "known", "house"])
        return [self.ground(STARTS, condition=[{"fact": fact, "is": value}]) for value in (True, False)]


class Days:
    """Days on the edges of some rules, and odd ones."""

    def __init__(self, chance, today, rules):
        self.chance, self.today = chance, today
        self.edges = [edge(today, rule["period"], rule["rounding"]) for rule in rules]

    def near(self):
        return self.chance.choice(self.edges) + self.chance.choice([0, 0, -1, 1]) * DAY

    def odd(self):
        today = self.today
        return self.chance.choice([None, date(1900, 1, 1), date(9999, 12, 31), today, today - DAY, today + DAY])

    def any(self):
        by = self.chance.random()
        return self.near() if by < 0.85 else self.odd() if by < 0.93 else self.chance.choice(LEAP)


LEAP = [date(2024, 2, 29), date(2024, 2, 28), date(2020, 2, 29), date(2015, 7, 1)]


def person(chance, days):
    """What the ledger knows of one."""
    contracts = []
    for ref in chance.sample(CONTRACTS, chance.choice([0, 1, 1, 1, 2, 3])):
        started = days.odd() if chance.random() < 0.15 else date(2010, 1, 1)
        ended = days.any() if chance.random() < 0.7 else chance.choice([None, None, date(9999, 12, 31)])
        contracts.append((ref, started, ended, chance.random() < 0.2))
    events = {}
    for name in LEDGER_EVENTS:
        if chance.random() < 0.5:
            continue
        thingly = name.startswith("debt") or name == "payment_reversed"
        things = chance.sample(["L1", "L2"], chance.choice([1, 2]))
        purposes = ("", "markkinointi", "muu") if name.startswith("consent") else ("",)
        events[name] = [
            {
                "day": days.any(),
                "thing": thing,
                "purpose": chance.choice(purposes),
                "contract": chance.choice(["", "", "", "A"]),
            }
            for thing in (things if thingly else [""] * chance.choice([1, 2, 3]))
        ]
    return {"contracts": contracts, "events": events, "fact": chance.choice([None, True, True, False, False])}


def still_open(chance):
    """What some source has open of one person; `gone`: it tells nothing of them any more."""
    return [
        {
            "name": name,
            "thing": chance.choice(["", "L1", "L2", "L3"]) if name == "debt_settled" else "",
            "purpose": chance.choice(["", "", "muu"]),
            "contract": chance.choice(["", "", "", "A"]),
            "gone": chance.random() < 0.2,
        }
        for name in oracle.OUTWEIGHING
        if chance.random() < 0.35
    ]


def on_request(chance, documents, people, days):
    """One ground ends on a granted request for erasure, which some people have made."""
    able = [one for one in documents if one["kind"] != "obligation"]
    if not able or chance.random() < 0.7:
        return
    ending = chance.choice(able)
    ending["ends_on"] = [*ending.get("ends_on", []), "erasure_requested"]
    for one in people.values():
        if chance.random() < 0.6:
            asked = [days.any() for _ in range(chance.choice([1, 1, 2]))]
            one["events"]["erasure_requested"] = [
                {"day": day, "thing": "", "purpose": "", "contract": chance.choice(["", "", "A"])} for day in asked
            ]


def row(chance, days):
    """One row of the register, and what is known of it beside it."""
    today = days.today
    return {
        "nro": chance.choice([*PEOPLE * 2, "stranger", "other", None]),
        "sopimus": chance.choice(CONTRACTS),
        "luotu": days.any(),
        "avattu": days.any(),
        "suljettu": days.any() if chance.random() < 0.7 else None,
        "own": chance.choice([None, *[True, False] * 3]),
        "tila": chance.choice(["auki", "auki", "suljettu"]),
        "first_seen": chance.choice([None, None, today - DAY, today - 9 * DAY]),
        "doubted": chance.random() < 0.1,
        "went": chance.choice(["", "", "same rules", "same rules", "other rules"]),
    }


def holds(chance, today):
    """(start, released, whether it names the register: then it holds what tells no person too) by person."""
    found = {}
    for whom, likely in (("1", 0.5), ("2", 0.5), ("stranger", 0.3), ("", 0.08)):
        if chance.random() < likely:
            found[whom] = [
                (start, released, chance.random() < 0.5)
                for start in [chance.choice([date(2020, 1, 1), today - DAY, today, today + DAY])]
                for released in [chance.choice([None, None, today, today + DAY, today + 2 * DAY])]
                if released is None or released >= start
            ]
    return found


def case_of(seed, size):
    """One world, as plain dictionaries. A smaller one of the same seed has fewer rows and is the same otherwise."""
    chance = Random(seed)
    today = chance.choice(TODAYS)
    ground_documents, ceiling_documents = Rules(chance).draw()
    days = Days(chance, today, [*ground_documents, *ceiling_documents])
    beside = Random(f"{seed} still open")
    people = {number: {**person(chance, days), "open": still_open(beside)} for number in PEOPLE}
    requests = Random(f"{seed} on request")
    on_request(requests, ground_documents, people, Days(requests, today, [*ground_documents, *ceiling_documents]))
    return {
        "today": today,
        "grounds": ground_documents,
        "ceilings": ceiling_documents,
        "people": people,
        "holds": holds(chance, today),
        "house": chance.choice([None, True, True, False, False]),
        "grain": chance.choice(["record", "record", "contract"]),
        "told": frozenset([*LEDGER_EVENTS, *oracle.ASKED])
        - set(chance.sample(LEDGER_EVENTS, chance.choice([0, 0, 4]))),
        "own": tuple(chance.choice([OWN, OWN, OWN, ("recorded", "case_closed"), ("case_closed",), ()])),
        "batch": chance.choice([3, 5, 2_000]),
        "rows": [row(chance, days) for _ in range(size)],
    }


cases = st.builds(case_of, st.integers(0, 2**64 - 1), st.integers(1, ROWS))
"""Evenly drawn by the seed: an engine that leans to simple values would seldom stand on an edge."""


RULES = "r" * 64


def plan_of_case(case):
    """The plan of a world's one dataset."""
    rules = RuleSet(
        tuple(parse_ground(doc, "g") for doc in case["grounds"]),
        tuple(parse_ceiling(doc, "c") for doc in case["ceilings"]),
        financial_years=FinancialYears(oracle.FINANCIAL_YEAR_END),
    )
    own = {name: OWN[name] for name in case["own"]}
    mapping = DatasetMapping(
        place="rivi", key="id", subject="nro", contract="sopimus", events=own, facts={"own": "own"},
        closed=ClosedWhen("tila", ("suljettu",)),
    )  # fmt: skip
    dataset = DatasetPlan(
        code="d", name={"fi": "d"}, register="r", activity="a", grain=Grain(case["grain"]), subject_kind="customer",
        enforced_by="us", mapping=mapping, rules=rules,
        policy=Policy("purge", "automatic", Period(0, 0), False), rules_digest=RULES,
    )  # fmt: skip
    source = LedgerMapping(
        place="x", subject="nro", contract="s", started="a", ended="l", events=dict.fromkeys(sorted(case["told"]), "d")
    )
    register = RegisterPlan(
        code="lahde", name={"fi": "l"}, medium="database", connection="",
        ledger=(LedgerSource("l", "customer", source),),
    )  # fmt: skip
    house = OrganisationPlan(
        slug="o", name="O", time_zone="Europe/Helsinki",
        facts={} if case["house"] is None else {"house": case["house"]},
        financial_years=FinancialYears(oracle.FINANCIAL_YEAR_END),
    )  # fmt: skip
    return Plan(house, (register,), (dataset,), ""), dataset


def fill_ledger(organisation, people):
    """What the ledger knows; several occurrences of one event come from several sources."""
    whose = {"organisation": organisation, "subject_kind": "customer"}
    contracts, events, facts, still = [], [], [], []
    for subject, knows in people.items():
        for n, one in enumerate(knows["open"]):
            about = {name: one[name] for name in ("name", "thing", "purpose", "contract")}
            still.append(
                LedgerOpen(**whose, source=f"o{n}", subject=subject, revision=UNTOLD if one["gone"] else 0, **about)
            )
        for ref, started, ended, closed in knows["contracts"]:
            contracts.append(
                LedgerContract(
                    **whose, source="s", subject=subject, ref=ref, started=started, ended=ended, closed=bool(closed)
                )
            )
        for name, found in knows["events"].items():
            events += [
                LedgerEvent(
                    **whose, source=f"s{n}", subject=subject, name=name, date=one["day"], thing=one["thing"],
                    purpose=one["purpose"], contract=one["contract"],
                )
                for n, one in enumerate(found)
            ]  # fmt: skip
        if knows["fact"] is not None:
            facts.append(LedgerFact(**whose, source="s", subject=subject, name="known", value=knows["fact"]))
    LedgerContract.objects.bulk_create(contracts)
    LedgerEvent.objects.bulk_create(events)
    LedgerFact.objects.bulk_create(facts)
    LedgerOpen.objects.bulk_create(still)


def remember(organisation, plan, case):
    """What is known of the rows themselves: since when no ground was left, whose they may be, what had gone before."""
    rows = list(enumerate(case["rows"], 1))
    FirstSeen.objects.bulk_create(
        FirstSeen(organisation=organisation, dataset="d", key=subject_digest(str(n)), day=row["first_seen"])
        for n, row in rows
        if row["first_seen"]
    )
    Doubted.objects.bulk_create(
        Doubted(organisation=organisation, dataset="d", key=subject_digest(str(n))) for n, row in rows if row["doubted"]
    )
    replay.begin(organisation, plan, case["today"])
    for word, digest in (("same rules", RULES), ("other rules", "o" * 64)):
        went = [
            LotKey(str(n), row["nro"], case["today"], dates=_settled(row, case["own"]))
            for n, row in rows
            if row["went"] == word and _settled(row, case["own"])
        ]
        replay.remember(organisation, "d", replay.Went("delete", digest), case["today"], went)
    for subject, held in case["holds"].items():
        for start, released, named in held:
            hold = Hold.objects.create(
                organisation=organisation, register="r" if named else "", reason="dispute", owner="o", start=start,
                released=released, review_by=date(2030, 1, 1),
            )  # fmt: skip
            if subject:
                hold.subjects.create(subject_kind="customer", subject=subject)


def _settled(row, own):
    kept = {name: row[OWN[name]].isoformat() for name in oracle.FOR_CERTAIN_DATES if name in own and row[OWN[name]]}
    return canonical(kept).decode() if kept else ""


def fill_register(path, rows):
    """The register itself."""
    register = sqlite3.connect(path)
    with register:
        register.execute("pragma synchronous = off")
        register.execute(
            "create table rivi(id integer primary key, nro text, sopimus text, luotu date, avattu date, suljettu date,"
            " own boolean, tila text)"
        )
        register.executemany(
            "insert into rivi(nro, sopimus, luotu, avattu, suljettu, own, tila)"
            " values (:nro, :sopimus, :luotu, :avattu, :suljettu, :own, :tila)",
            [{k: v.isoformat() if isinstance(v, date) else v for k, v in row.items()} for row in rows],
        )
    register.close()


@contextmanager
def world(case):
    """The world made for real: what is yielded reads it on a day."""
    organisation = Organisation.objects.create(slug="o", name="O")
    plan, dataset = plan_of_case(case)
    fill_ledger(organisation, case["people"])
    remember(organisation, plan, case)
    with TemporaryDirectory() as directory:
        path = Path(directory) / "r.sqlite3"
        fill_register(path, case["rows"])
        with connect("sql", {"url": f"sqlite:///{path}"}) as connector:
            yield lambda today: verification.read(plan, dataset, connector, organisation, today)


def found(reading):
    """What the reader says, in the oracle's words."""
    return {
        "states": {state: n for state, n in reading.by_state.items() if n},
        "overdue": reading.overdue,
        "unexplained": reading.unexplained,
        "people": reading.people_overdue,
        "since": reading.overdue_since,
        "oldest": reading.oldest_kept,
        "returned": sorted((entry.key for entry in reading.returned), key=int),
    }


def differences(case):
    """[(day, expected, found)] where the reader and the oracle are not of one mind. Sets the reader's batch."""
    differing = []
    verification.BATCH = case["batch"]
    with world(case) as read:
        for today in (case["today"] - DAY, case["today"], case["today"] + DAY):
            wanted, got = oracle.expected(case, today), found(read(today))
            wanted["states"] = {state: n for state, n in wanted["states"].items() if n}
            if wanted != got:
                differing.append((today, wanted, got))
    return differing
