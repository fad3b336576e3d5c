"""What one source has still open outweighs what another tells as ended, whichever is collected first.

Data under an open dispute stays, also where another register calls the same dispute settled.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date

import pytest
from django.core.management import call_command
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from retention.connectors.contract import LedgerMapping, LedgerRow
from retention.crowd_reader import Pattern, Survey
from retention.domain.decisions import State, decide
from retention.domain.events import asked
from retention.domain.items import Item, Occurrence, Reading, things
from retention.domain.predicates import TRUE
from retention.domain.rules import RuleSet
from retention.domain.written import parse_ground
from retention.ledger import UNTOLD, EventRow, ledger_items, upsert
from retention.ledger_reader import LedgerReader
from retention.models import DatasetNight, LedgerEvent, LedgerOpen
from retention.runs import succeeded
from retention.staging import Staged
from ropa.models import Organisation
from tests.own_database import OwnDatabase
from tests.retention.shape_house import LEDGER, House, dataset, ground, house  # noqa: F401
from tests.retention.test_alike import dataset_of

EVENTS = {"dispute_opened": "avattu", "dispute_resolved": "ratkaistu"}
MAPPING = LedgerMapping(place="riita", subject="nro", contract="sopimus", thing="riitanro", events=EVENTS)
PEOPLE = ("1001", "1002")
TODAY = date(2025, 7, 1)
DISPUTE = ground("riita", kind="claim", trigger="dispute_resolved", period="P1Y")
ENDING = ground("velka", kind="claim", trigger="dispute_opened", period="P30Y", ends_on=["dispute_resolved"])

days = st.sampled_from([date(2020, 1, 1), date(2022, 3, 1), date(2024, 6, 1), date(2025, 6, 30)])
rows = st.lists(
    st.builds(
        lambda subject, contract, thing, opened, resolved: LedgerRow(
            subject,
            contract,
            events={"dispute_opened": opened, "dispute_resolved": resolved},
            thing=thing,
        ),
        st.sampled_from(PEOPLE),
        st.sampled_from(["", "A"]),
        st.sampled_from(["", "R1", "R2"]),
        days,
        st.none() | days,
    ),
    max_size=4,
)
answers = st.lists(st.tuples(rows, st.sampled_from([None, *PEOPLE])), max_size=2)
"""What a source says one time after the other: all of it, or of one person when it is asked again."""


def tell(organisation, source, told, whom=None):
    staged = Staged(MAPPING, of_some=whom is not None)
    mine = (organisation.pk, "customer", source)
    try:
        if whom is None:
            staged.fill(told)
            staged.store(*mine)
        elif staged.fill(row for row in told if row.subject == whom):
            staged.take_in(*mine)
    finally:
        staged.close()


@pytest.fixture
def organisation(db, data_dir):
    return Organisation.objects.create(slug="o", name="O")


def in_the_ledger():
    about = ("subject", "contract", "name", "thing", "source", "revision")
    return set(LedgerEvent.objects.values_list(*about, "date")), set(LedgerOpen.objects.values_list(*about))


def states(organisation):
    """How each person's items stand, over all contracts and of one."""
    rules = [RuleSet((parse_ground(document, "g"),)) for document in (DISPUTE, ENDING)]
    return {
        (subject, scope, n): decide(replace(item, scope=scope), one, (), TODAY).state
        for subject, item in ledger_items(organisation, "customer")
        for scope in (None, "A")
        for n, one in enumerate(rules)
    }


def standing(organisation):
    """How it stands with the end of each of 1001's disputes."""
    item = dict(ledger_items(organisation, "customer"))["1001"]
    readings = [Reading(item, TODAY, date(1950, 1, 1), "", thing) for thing in things(item, EVENTS)]
    starts = [reading.start("dispute_resolved") for reading in readings]
    return {start.day or start.standing.value for start in starts}


def about(item):
    told = {name: Counter(found) for name, found in item.events.items()}
    return told, {name: Counter(found) for name, found in item.still_open.items()}


@pytest.mark.usefixtures("data_dir")
class WhicheverComesFirst(TestCase):
    @settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
    @given(answers, answers, rows, rows, st.randoms(use_true_random=False))
    def test_the_ledger_is_the_same(self, before, beside, last, last_beside, draw):
        told = {"a:riidat": [*before, (last, None)], "b:riidat": [*beside, (last_beside, None)]}
        found = []
        for slug in ("yksi", "kaksi"):
            organisation = Organisation.objects.create(slug=slug, name=slug)
            turns = [source for source, all_of_it in told.items() for _ in all_of_it]
            draw.shuffle(turns)
            waiting = {source: iter(all_of_it) for source, all_of_it in told.items()}
            for source in turns:
                tell(organisation, source, *next(waiting[source]))
            found.append((in_the_ledger(), states(organisation)))
            self.both_read_the_same(organisation)
            organisation.delete()
        assert found[0] == found[1]

    @settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
    @given(rows, rows)
    def test_two_sources_say_what_one_would(self, mine, theirs):
        together, apart = (Organisation.objects.create(slug=slug, name=slug) for slug in ("yksi", "kaksi"))
        tell(together, "a:riidat", [*mine, *theirs])
        tell(apart, "a:riidat", mine)
        tell(apart, "b:riidat", theirs)
        assert states(apart) == states(together)

    @staticmethod
    def both_read_the_same(organisation):
        reader = LedgerReader(organisation.pk, "customer", asked({"dispute_resolved"}), frozenset(), True)
        theirs = reader.people(PEOPLE)
        ours = dict(ledger_items(organisation, "customer", PEOPLE))
        assert {subject: about(item) for subject, item in theirs.items()} == {
            subject: about(item) for subject, item in ours.items()
        }


class TestLedger:
    def test_an_end_that_is_told_later_is_the_later_one(self, organisation):
        ended, opened = date(2021, 1, 1), date(2020, 1, 1)
        tell(organisation, "b:riidat", [row(opened, ended)])
        tell(organisation, "a:riidat", [row(opened, None)])
        assert standing(organisation) == {"awaited"}
        tell(organisation, "a:riidat", [row(opened, date(2024, 1, 1))], "1001")
        assert not LedgerOpen.objects.exists()
        assert standing(organisation) == {date(2024, 1, 1)}

    def test_what_its_persons_rows_say_no_more_is_not_open(self, organisation):
        tell(organisation, "b:riidat", [row(date(2020, 1, 1), date(2021, 1, 1))])
        tell(organisation, "a:riidat", [row(date(2020, 1, 1), None), row(date(2020, 1, 1), None, "R2")])
        tell(organisation, "a:riidat", [row(date(2020, 1, 1), None, "R2")])
        assert set(LedgerOpen.objects.values_list("thing", "revision")) == {("R2", 0)}

    def test_of_whom_its_source_tells_nothing_any_more_nobody_knows_whether_it_has_ended(self, organisation):
        tell(organisation, "b:riidat", [row(date(2020, 1, 1), date(2021, 1, 1))])
        tell(organisation, "a:riidat", [row(date(2020, 1, 1), None)])
        tell(organisation, "a:riidat", [])
        assert set(LedgerOpen.objects.values_list("source", "revision")) == {("a:riidat", UNTOLD)}
        assert standing(organisation) == {"missing"}
        assert states(organisation)["1001", None, 1] is State.KEEP  # and it ends nothing
        tell(organisation, "a:riidat", [row(date(2020, 1, 1), date(2022, 1, 1))])
        assert not LedgerOpen.objects.exists()
        assert standing(organisation) == {date(2022, 1, 1)}

    def test_asked_again_of_some_nothing_follows_of_what_has_gone(self, organisation):
        tell(organisation, "a:riidat", [row(date(2020, 1, 1), None), row(date(2020, 1, 1), None, "R2")])
        tell(organisation, "a:riidat", [row(date(2020, 1, 1), None, "R2")], "1001")
        assert set(LedgerOpen.objects.values_list("thing", flat=True)) == {"R1", "R2"}

    def test_what_a_program_tells_as_ended_is_outweighed_too(self, organisation):
        ended = EventRow("customer", "1001", "dispute_resolved", date(2021, 1, 1), thing="R1")
        tell(organisation, "a:riidat", [row(date(2020, 1, 1), None)])
        upsert(organisation, events=[ended], source="api:ohjelma")
        assert standing(organisation) == {"awaited"}

    def test_alone_it_makes_nobody_known(self, organisation):
        mapping = LedgerMapping(place="x", subject="nro", events={"dispute_resolved": "ratkaistu"})
        staged = Staged(mapping)
        staged.fill([LedgerRow("1001", events={"dispute_resolved": None})])
        staged.store(organisation.pk, "customer", "a:riidat")
        staged.close()
        assert LedgerOpen.objects.count() == 1
        assert dict(ledger_items(organisation, "customer")) == {}

    def test_a_consent_is_withdrawn_whoever_has_not_heard_of_it(self, organisation):
        mapping = LedgerMapping(
            place="x", subject="nro", events={"consent_given": "annettu", "consent_withdrawn": "peruttu"}
        )
        for source, withdrawn in (("a:luvat", None), ("b:luvat", date(2021, 1, 1))):
            staged = Staged(mapping)
            told = {"consent_given": date(2020, 1, 1), "consent_withdrawn": withdrawn}
            staged.fill([LedgerRow("1001", events=told)])
            staged.store(organisation.pk, "customer", source)
            staged.close()
        assert not LedgerOpen.objects.exists()


def survey_of(rules: RuleSet) -> Survey:
    """The independent reader's, where all of an item is what the ledger knows."""
    return Survey(
        dataset_of(rules),
        TODAY,
        (Pattern(TRUE, {}),),
        known=lambda numbers: {},
        join=lambda made_up, known: known or Item(),
        decide=lambda item: decide(item, rules, (), TODAY),
        batch=1,
    )


def test_the_independent_reader_takes_nobody_with_something_open_for_one_without():
    """It decides once for all of whom the rules see the same."""
    rules = RuleSet((parse_ground(DISPUTE, "g"),))
    survey = survey_of(rules)
    events = {name: (Occurrence(date(2020, 1, 1)),) for name in EVENTS}
    ended, still_open = Item(events=events), Item(events=events, still_open={"dispute_resolved": (Occurrence(None),)})
    assert survey._decided("1001", None, ended) == (State.DUE,)
    assert survey._decided("1002", None, still_open) == (State.OPEN,)


def test_on_either_database(own_database: OwnDatabase):
    def act() -> None:
        organisation = Organisation.objects.create(slug="o", name="O")
        opened, ended = date(2020, 1, 1), date(2021, 1, 1)
        tell(organisation, "b:riidat", [row(opened, ended)])
        tell(organisation, "a:riidat", [row(opened, None), row(opened, None, "R2")])
        assert standing(organisation) == {"awaited"}
        WhicheverComesFirst.both_read_the_same(organisation)
        tell(organisation, "a:riidat", [row(opened, ended, "R2")], "1001")
        assert set(LedgerOpen.objects.values_list("thing", flat=True)) == {"R1"}
        assert standing(organisation) == {"awaited", ended}
        tell(organisation, "a:riidat", [])
        assert standing(organisation) == {"missing", ended}
        WhicheverComesFirst.both_read_the_same(organisation)
        tell(organisation, "a:riidat", [row(opened, None, "R3")])
        assert standing(organisation) == {"awaited", ended}
        assert set(LedgerOpen.objects.values_list("thing", "revision")) == {("R3", 0)}

    assert own_database.in_process(act) == 0


def row(opened, resolved, thing="R1"):
    events = {"dispute_opened": opened, "dispute_resolved": resolved}
    return LedgerRow("1001", None, events=events, thing=thing)


RIIDAT = {"id": "riidat", "place": "riita", "thing": "riitanro", "events": EVENTS}
MUUT = {"id": "muut", "place": "toinen", "thing": "riitanro", "events": EVENTS}
TABLE = "(id integer primary key, nro varchar(20), riitanro varchar(20), avattu date, ratkaistu date)"


def with_disputes(house: House, *sources) -> None:  # noqa: F811
    """One person, of whom one register calls a dispute settled that the other has still open."""
    house.server.run(f"create table riita{TABLE}", f"create table toinen{TABLE}")
    house.ledger = [*LEDGER, *sources]
    house.tiedot((1, "1001", None, "2019-01-01"), (2, "1002", None, "2019-01-01"))
    house.put("riita", (1, "1001", "R1", "2020-01-01", None))
    house.put(
        "toinen",
        (1, "1001", "R1", "2020-01-01", "2021-01-01"),
        (2, "1002", "R2", "2020-01-01", "2021-01-01"),
    )
    house.publish(dataset(grounds=[DISPUTE]))


@pytest.mark.parametrize("sources", [(RIIDAT, MUUT), (MUUT, RIIDAT)], ids=["open first", "ended first"])
class TestNight:
    def test_what_is_under_an_open_dispute_stays(self, house, sources):  # noqa: F811
        with_disputes(house, *sources)
        run = house.night("2025-07-01")
        assert (house.left(), succeeded(run)) == ({1}, True)
        house.server.run("update riita set ratkaistu = '2024-07-02' where id = 1")
        house.goes_on("2025-07-03", {1})  # a year after the later end

    def test_whose_rows_have_gone_from_the_register_that_had_it_open_is_asked_about(self, house, sources):  # noqa: F811
        with_disputes(house, *sources)
        house.night("2025-07-01")
        house.server.run("delete from riita")
        run = house.night("2025-07-02")
        assert house.left() == {1}
        night = DatasetNight.objects.get(run=run)
        assert night.counts["trigger_missing"] == 1, night.counts


class TestLastMoment:
    def test_one_that_was_opened_meanwhile_stays(self, house):  # noqa: F811
        with_disputes(house, RIIDAT, MUUT)
        house.night_in_which("2025-07-01", "insert into riita values (2, '1002', 'R2', '2025-06-30', null)")
        assert house.left() == {1, 2}


class TestForgotten:
    def test_with_its_person(self, house):  # noqa: F811
        house.put("tilinpito", (1, "1001", None))
        house.publish(dataset(grounds=[ground("sopimus", period="P1Y")]))
        house.night("2025-07-01")
        assert LedgerOpen.objects.get().name == "service_ended"
        house.server.run("delete from tilinpito")
        house.night("2025-07-02")
        assert not LedgerOpen.objects.exists()


def test_after_the_migration_every_source_is_read_anew(own_database: OwnDatabase):
    """What stands on its last answer would tell of nothing open for a week."""

    def act() -> None:
        call_command("migrate", "retention", "0008", verbosity=0)
        organisation = Organisation.objects.create(slug="o", name="O").pk
        with connection.cursor() as cursor:
            cursor.execute(
                "insert into retention_run (organisation_id, business_date, state, requested_by, requested_at,"
                " stop_requested, stop_reason, gap_confirmed, falls_confirmed, missed_dates, progress, summary)"
                " values (%s, '2026-01-01', 'finished', '', '2026-01-01', false, '', false, '[]', '[]', '{}', '{}')"
                " returning id",
                [organisation],
            )
            (run,) = cursor.fetchone()
            cursor.execute(
                "insert into retention_collection (run_id, source, register, rows, complete, problem, token)"
                " values (%s, 'a:b', 'a', 1, true, '', 'x')",
                [run],
            )
        call_command("migrate", verbosity=0)
        with connection.cursor() as cursor:
            cursor.execute("select token from retention_collection")
            assert cursor.fetchall() == [("",)]

    assert own_database.in_process(act) == 0
