"""Real servers, broken on purpose, in mid-night: after each D3's identity holds, the evidence verifies, and the reader
says 0 or names what is left. docs/explanation/faults.md tells what is tried and what is not.
"""

from __future__ import annotations

import pytest

from tests.e2e.fault_house import TOMORROW, Proxy, wait_for
from tests.retention.company import SURVIVORS, TODAY

pytestmark = pytest.mark.xdist_group("test_faults")  # one source that is stopped and started for all of them
on_postgresql = pytest.mark.parametrize("own_database", ["postgresql"], indirect=True)
on_sqlite = pytest.mark.parametrize("own_database", ["sqlite"], indirect=True)


class TestSource:
    def test_its_backend_is_terminated_in_mid_transaction(self, house, crm):
        with house.standing_at("before disposal") as night, crm.kept_busy():
            night.go_on()
            (pid,) = wait_for(crm.waiting, "the deletion waits for a lock")
            crm.rows(f"select pg_terminate_backend({pid})")
            assert night.end() == 0
        assert "ended the connection" in house.problems()["tiketit"]
        assert house.open_intents() == 1
        house.named()
        assert house.nightly(TOMORROW) == 0
        house.whole()

    @pytest.mark.parametrize("point", ["collected crm", "evaluated tiketit", "before disposal", "disposed", "sent"])
    @on_postgresql
    def test_it_goes_in_mid_night_and_comes_back_for_the_next(self, house, source, point):
        with house.standing_at(point) as night:
            source.stop()
            assert night.end() == 0
        source.start()
        house.named()
        assert set(house.problems()) == {"tiketit", "asiakastiedot"}
        assert house.nightly(TOMORROW) == 0
        house.whole()

    def test_it_is_not_there_at_all(self, house, source):
        source.stop()
        assert house.night() == 0
        source.start()
        assert house.crm.customers() > SURVIVORS
        assert set(house.problems()) == {"tiketit", "asiakastiedot"}
        house.named()
        assert house.nightly(TOMORROW) == 0
        house.whole()

    def test_it_comes_back_in_the_same_night(self, house, source):
        """The reader asks again by itself, and so does each register's work."""
        with house.standing_at("collected crm") as night:
            source.stop()
            source.start()
            assert night.end() == 0
        house.whole(TODAY)

    def test_somebody_holds_its_rows_for_longer_than_we_wait(self, house, crm):
        house.connect(timeout="1")
        with crm.kept_busy():
            assert house.night() == 0
        assert "locked by another program" in house.problems()["tiketit"]
        house.named()
        assert house.nightly(TOMORROW) == 0
        house.whole()

    def test_it_takes_longer_than_a_statement_may(self, house, crm):
        house.connect(statement_timeout="1")
        crm.run(
            "create function slow() returns trigger language plpgsql as"
            " $$ begin perform pg_sleep(30); return old; end $$",
            "create trigger slow before delete on asiakas for each row execute function slow()",
        )
        assert house.night() == 0
        assert "longer than the statement timeout" in house.problems()["asiakastiedot"]
        house.named()
        assert house.left() == {"asiakastiedot"}
        crm.run("drop trigger slow on asiakas")
        assert house.nightly(TOMORROW) == 0
        house.whole()


class TestAnswers:
    """What a source answers is lost, comes half, or comes twice."""

    @pytest.fixture
    def behind(self, house, crm):
        """A proxy in front of the register; from the next night on it is reached through it."""
        made = []

        def of(what: str, text: bytes = b"", **config: str) -> Proxy:
            made.append(Proxy(crm.port, what, text))
            house.connect(**{"url": crm.through(made[-1].port), **config})
            return made[-1]

        yield of
        for one in made:
            one.close()

    @pytest.mark.parametrize("receipts", [False, True])
    def test_it_committed_and_nobody_was_told(self, house, crm, behind, receipts):
        config: dict[str, str] = {}
        if receipts:
            crm.run("create table kuitti(token varchar(64) primary key, action varchar(20) not null, at timestamptz)")
            config = {"receipts": "kuitti", "receipt_key": "k" * 32}
        proxy = behind("answer lost", **config)
        assert house.night() == 0
        assert proxy.cut.is_set()
        assert "the connection broke" in house.problems()["tiketit"]
        assert house.open_intents() == 1
        ((tickets,),) = crm.rows("select count(*) from tiketti")
        assert tickets == 4  # two went, and we do not know it yet
        house.named()
        assert house.nightly(TOMORROW) == 0
        house.whole()
        assert house.tallies()["recovered"] == 2

    def test_its_commit_never_arrived(self, house, crm, behind):
        proxy = behind("commit lost")
        assert house.night() == 0
        assert proxy.cut.is_set()
        ((tickets,),) = crm.rows("select count(*) from tiketti")
        assert tickets == 6
        house.named()
        assert house.nightly(TOMORROW) == 0
        house.whole()
        assert "recovered" not in house.tallies()

    def test_what_it_tells_of_contracts_breaks_off(self, house, behind):
        proxy = behind("half", b"2020-12-31")
        assert house.night() == 0
        assert proxy.cut.is_set()
        assert "is not complete tonight" in house.problems()["asiakastiedot"]
        house.named()
        assert "asiakastiedot" in house.left()
        assert house.nightly(TOMORROW) == 0
        house.whole()

    def test_it_tells_every_contract_twice(self, house, crm):
        crm.run(
            "alter table sopimus rename to sopimukset",
            "create view sopimus as select * from sopimukset union all select * from sopimukset",
        )
        assert house.night() == 0
        house.named()
        crm.run("drop view sopimus", "alter table sopimukset rename to sopimus")
        assert house.nightly(TOMORROW) == 0
        house.whole()

    def test_it_tells_a_contract_twice_and_otherwise(self, house, crm):
        crm.run(
            "alter table sopimus rename to sopimukset",
            "create view sopimus as select * from sopimukset union all"
            " select id, sopimusnro, asiakasnro, alku, null, 'voimassa' from sopimukset where asiakasnro = '1001'",
        )
        assert house.night() == 0
        assert "1001" in crm.customers()
        house.named()
        crm.run("drop view sopimus", "alter table sopimukset rename to sopimus")
        assert house.nightly(TOMORROW) == 0
        house.whole()
