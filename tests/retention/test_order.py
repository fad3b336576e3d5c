"""In which order one register is worked on, and whose row waits for a lot that is not verified (D6)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from retention import residue
from retention.models import KeyOutcome, Lot
from retention.order import in_order
from retention.plan import plan_of
from tests.retention.company import TODAY, publish
from tests.retention.test_identity import TOMORROW, company, content, inbox, night  # noqa: F401
from tests.retention.test_night import sql


def test_what_is_found_by_names_of_its_own_register_goes_before_what_tells_them(company):  # noqa: F811
    wanted = content()
    messages = wanted["datasets"].pop()
    wanted["datasets"].append({**messages, "register": "crm"})
    plan = plan_of(publish(company, wanted, 2))
    codes = [one.code for one in in_order(plan.datasets_of("crm"), "crm")]
    assert codes.index("viestit") < codes.index("osoitteet")


class TestNamesWait:
    """Message 1 of 1001 goes, and a history table of the mailbox keeps a copy of it."""

    @pytest.fixture
    def left(self, company, data_dir):  # noqa: F811
        inbox(data_dir, "delete from viesti where id in (6, 8, 9)")
        inbox(data_dir, "create table viesti_history(viesti_id integer, lahettaja text)")
        inbox(data_dir, "insert into viesti_history select id, lahettaja from viesti where id = 1")
        night(company)
        assert inbox(data_dir, "select id from viesti where id = 1") == []
        return company

    def names(self, data_dir):
        return {number for (number,) in sql(data_dir, "select asiakasnro from osoite")}

    def test_the_row_that_tells_names_goes_only_after_the_lot_that_needs_it_is_verified(self, left, data_dir):
        assert Lot.objects.get(dataset="viestit").state == "done"
        assert "1001" in self.names(data_dir)
        assert "1008" not in self.names(data_dir)  # nothing of theirs is left anywhere
        (waits,) = KeyOutcome.objects.filter(outcome="waiting", lot__dataset="osoitteet")
        assert "lot" in waits.detail and "posti" in waits.detail
        inbox(data_dir, "delete from viesti_history")
        night(left, TOMORROW)
        assert Lot.objects.filter(dataset="viestit").earliest("pk").state == "verified"
        assert "1001" not in self.names(data_dir)

    def test_a_person_who_says_why_it_stays_lets_the_name_go(self, left, data_dir):
        lot = Lot.objects.get(dataset="viestit")
        residue.keep(lot, TODAY, TODAY + timedelta(days=30), "dpo", "another controller's history")
        night(left, TOMORROW)
        assert "1001" not in self.names(data_dir)
