"""What a source of truth says at the last moment counts: written after the collection, before the rows go (D1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pytest

from retention.collection import collect
from retention.connectors.contract import LedgerMapping, LedgerRow
from retention.holds import place
from retention.models import BanEvent, Connection, DatasetNight, LedgerContract, LedgerEvent, LedgerRevision, Lot, Run
from retention.plan import plan_of
from retention.question import Question
from retention.runs import succeeded
from retention.selectors import connector_of
from tests.connectors.sql_servers import Sqlite
from tests.retention.shape_house import SCHEMA, House, dataset, ground, house  # noqa: F401
from tests.retention.test_rule_shapes import LIITTEET, following

DAY = date(2025, 7, 1)
DEBT = ground("velka", kind="claim", trigger="debt_due", period="P3Y", ends_on=["debt_settled"])
CONTRACT = ground("sopimus", period="P0D")


def ended(house: House) -> None:  # noqa: F811
    """Two people whose contracts have ended, with a settled debt each."""
    house.tiedot((1, "1001", None, "2024-01-01"), (2, "1002", None, "2024-01-01"))
    house.put("sopimus", (1, "1001", "S1", "2020-01-01", "2024-06-30"), (2, "1002", "S2", "2020-01-01", "2024-06-30"))
    house.put("lasku", (1, "1001", "L1", "2023-12-01", "2023-12-05"), (2, "1002", "L2", "2023-12-01", "2023-12-05"))


def meanwhile(house: House, *statements: str, when: str = "intent journalled", day: date = DAY):  # noqa: F811
    """A night in which these are written to the source once, just before the rows are asked about again."""
    waiting = list(statements)

    def at(point: str) -> None:
        if point == when and waiting:
            house.server.run(*waiting)
            waiting.clear()

    run = house.night(day, at=at)
    assert not waiting
    return run


class TestWrittenAtTheLastMoment:
    @pytest.mark.parametrize(
        "written",
        [
            "update sopimus set loppu = null where nro = '1001'",
            "update sopimus set loppu = '2025-12-31' where nro = '1001'",
            "insert into sopimus values (3, '1001', 'S3', '2025-06-30', null)",
            "insert into lasku values (3, '1001', 'L3', '2025-06-30', null)",
            "update lasku set maksettu = null where nro = '1001'",
        ],
    )
    def test_what_is_needed_again_stays_and_the_rest_goes(self, house, written):  # noqa: F811
        ended(house)
        house.publish(dataset(grounds=[CONTRACT, DEBT]))
        run = meanwhile(house, written)
        assert house.left() == {1}
        assert succeeded(run)
        (lot,) = Lot.objects.all()
        assert lot.tally == {"destroyed": 1, "superseded": 1}
        house.night("2025-07-02")
        assert house.left() == {1}

    def test_a_consent_whose_withdrawal_was_a_mistake(self, house):  # noqa: F811
        ended(house)
        house.put("suostumus", (1, "1001", "2024-01-01", "2025-06-01"), (2, "1002", "2024-01-01", "2025-06-01"))
        lupa = ground("lupa", kind="consent", purpose="markkinointi", trigger="consent_withdrawn", period="P0D")
        house.publish(dataset(grounds=[lupa]))
        meanwhile(house, "update suostumus set peruttu = null where nro = '1001'")
        assert house.left() == {1}
        assert not LedgerEvent.objects.filter(subject="1001", name="consent_withdrawn").exists()

    def test_an_objection_that_was_entered_by_mistake(self, house):  # noqa: F811
        ended(house)
        house.server.run("update sopimus set loppu = null")
        house.put("kielto", (1, "1001", "2025-06-01", None), (2, "1002", "2025-06-01", None))
        house.publish(dataset(grounds=[ground("markkinointi", period="P1Y", ends_on=["objection"])]))
        meanwhile(house, "update kielto set kielletty = null where nro = '1001'")
        assert house.left() == {1}

    def test_a_ban_is_kept_before_its_person_is_gone(self, house):  # noqa: F811
        ended(house)
        house.publish(dataset(grounds=[CONTRACT]))
        meanwhile(house, "insert into kielto values (1, '1001', '2025-06-30', null)")
        assert house.left() == set()
        assert BanEvent.objects.filter(organisation=house.organisation).exists()

    @pytest.mark.parametrize("value", ["true", "null"])
    def test_a_fact_that_is_another_or_unknown_now(self, house, value):  # noqa: F811
        ended(house)
        house.put("asiakkuus", (1, "1001", False), (2, "1002", False))
        rules = [
            ground("ei", trigger="recorded", period="P6M", condition={"fact": "became_customer", "is": False}),
            ground("kylla", trigger="recorded", period="P5Y", condition={"fact": "became_customer", "is": True}),
        ]
        house.publish(dataset(grounds=rules))
        meanwhile(house, f"update asiakkuus set on_asiakas = {value} where nro = '1001'")
        assert house.left() == {1}

    def test_what_others_follow_is_asked_again_for_them_too(self, house):  # noqa: F811
        ended(house)
        house.server.run(LIITTEET)
        house.put("liite", (10, 1, "1001", "2024-01-01", "a"), (11, 2, "1002", "2024-01-01", "b"))
        house.publish(dataset(grounds=[CONTRACT]), following())
        meanwhile(house, "update sopimus set loppu = null where nro = '1001'")
        assert (house.left(), house.left("liite")) == ({1}, {10})

    def test_the_ledger_says_so_and_of_nobody_else_anything(self, house):  # noqa: F811
        ended(house)
        house.publish(dataset(grounds=[CONTRACT]))
        gone = "delete from sopimus where nro = '1002'"
        meanwhile(house, "update sopimus set loppu = null where nro = '1001'", gone)
        assert dict(LedgerContract.objects.values_list("subject", "ended")) == {
            "1001": None,
            "1002": date(2024, 6, 30),
        }
        assert house.left() == {1}  # what has gone keeps nothing

    def test_a_row_that_nobody_can_read_now_keeps_the_whole_chunk(self, house):  # noqa: F811
        ended(house)
        house.publish(dataset(grounds=[CONTRACT]))
        run = meanwhile(house, "update sopimus set loppu = '2019-01-01' where nro = '1001'")
        assert house.left() == {1, 2}
        assert not succeeded(run)
        assert "1 contracts end before they start" in DatasetNight.objects.get(run=run).problem
        house.server.run("update sopimus set loppu = '2024-06-30' where nro = '1001'")
        assert succeeded(house.night("2025-07-02"))
        assert house.left() == set()


def test_where_nothing_was_written_the_ledger_is_as_it_was(house):  # noqa: F811
    ended(house)
    house.publish(dataset(grounds=[CONTRACT, DEBT]))
    seen = []

    def at(point: str) -> None:
        if point in {"intent journalled", "sent"}:
            seen.append(dict(LedgerRevision.objects.values_list("subject_kind", "number")))

    house.night(DAY, at=at)
    assert house.left() == set()
    before, after = seen
    assert before == after != {}


class TestAnotherRegister:
    """The contracts stand in a billing system of its own."""

    @pytest.fixture
    def billing(self, house, tmp_path):  # noqa: F811
        ended(house)
        other = Sqlite(tmp_path / "laskutus.sqlite3")
        other.run(*SCHEMA)
        other.run("insert into sopimus values (1, '1001', 'S1', '2020-01-01', '2024-06-30')")
        other.run("insert into sopimus values (2, '1002', 'S2', '2020-01-01', '2024-06-30')")
        Connection.objects.create(
            organisation=house.organisation, code="laskutus", kind="sql", config={"url": other.url()}
        )
        contracts = dict(house.ledger[0], subject_kind="customer", subject="nro")
        house.ledger = ()
        register = {
            "id": "laskutus", "name": {"fi": "Laskutus"}, "medium": "database", "connection": "laskutus",
            "ledger": [contracts],
        }  # fmt: skip
        house.publish(dataset(grounds=[CONTRACT]), registers=[register])
        return other

    def test_it_is_asked_again_too(self, house, billing):  # noqa: F811
        run = meanwhile(House(billing, house.organisation), "update sopimus set loppu = null where nro = '1001'")
        assert house.left() == {1}
        assert succeeded(run)

    def test_where_it_cannot_be_asked_nothing_goes_until_it_can(self, house, billing):  # noqa: F811
        run = meanwhile(House(billing, house.organisation), "alter table sopimus rename to piilossa")
        assert house.left() == {1, 2}
        assert not succeeded(run)
        billing.run("alter table piilossa rename to sopimus")
        assert succeeded(house.night("2025-07-02"))
        assert house.left() == set()


def test_a_hold_that_comes_while_the_sources_are_asked_wins(house, monkeypatch):  # noqa: F811
    from retention.connectors.sql import SqlConnector

    ended(house)
    house.publish(dataset(grounds=[CONTRACT]))
    collect_of = SqlConnector.collect_of

    def asked(self, mapping, subjects):
        place(house.organisation, [("customer", "1001")], "dispute", "", "lakiasiat", DAY, date(2025, 9, 1), by="x")
        yield from collect_of(self, mapping, subjects)

    monkeypatch.setattr(SqlConnector, "collect_of", asked)
    house.night(DAY)
    assert house.left() == {1}


@dataclass
class ReadBefore:
    """A register whose sources were read before they were asked again, and that comes to its end only now."""

    told: dict[str, list[LedgerRow]]

    def collect(self, mapping: LedgerMapping) -> list[LedgerRow]:
        return self.told[mapping.place]


def test_a_slow_collection_that_ends_between_asking_again_and_deciding_undoes_nothing(house, monkeypatch):  # noqa: F811
    ended(house)
    house.publish(dataset(grounds=[CONTRACT, DEBT]))
    register = next(one for one in plan_of(house.organisation.versions.get()).registers if one.ledger)
    slow: list[ReadBefore] = []
    asked: list[int] = []
    recollect = Question.recollect

    def read(point: str) -> None:
        if point == "intent journalled" and not slow:
            with connector_of(house.organisation, register) as connector:
                slow.append(ReadBefore({s.mapping.place: list(connector.collect(s.mapping)) for s in register.ledger}))
            house.server.run("update sopimus set loppu = null where nro = '1001'")

    def and_then_the_slow_one_ends(question: Question, subjects) -> None:
        recollect(question, subjects)
        if slow and not asked:
            collect(Run.objects.get(), register, slow[0])  # type: ignore[arg-type]
            assert LedgerContract.objects.get(subject="1001").ended == date(2024, 6, 30)
        asked.append(len(slow))

    monkeypatch.setattr(Question, "recollect", and_then_the_slow_one_ends)
    house.night(DAY, at=read)
    assert house.left() == {1}
    assert LedgerContract.objects.get(subject="1001").ended is None
    assert len(asked) == 2
