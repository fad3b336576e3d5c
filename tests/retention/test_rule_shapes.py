"""Every shape of a rule that real notices use, from the document to rows that are gone, on a real database.

The table of shapes, with what each looks like in the document and in words, is docs/reference/rule-shapes.md.
"""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from retention.holds import place
from retention.models import BanEvent, DatasetNight, Lot
from retention.runs import succeeded
from tests.retention.shape_house import POLICY, House, dataset, ground, house  # noqa: F401


def ceiling(code="enintaan", **over):
    return {"id": code, "trigger": "recorded", "period": "P1Y", "action": "delete", "status": "confirmed", **over}


def counts(run, code="tiedot"):
    return DatasetNight.objects.get(run=run, dataset=code).counts


def record(house: House):  # noqa: F811
    """Two records, the second a day younger."""
    house.tiedot((1, "1001", None, "2024-02-29"), (2, "1001", None, "2024-03-01"))


class TestFixedTimes:
    def test_a_period_after_an_event_of_the_record_and_a_rolling_window(self, house):  # noqa: F811
        record(house)
        house.publish(dataset(grain="window", grounds=[ground("tarve", trigger="recorded", period="P1Y")]))
        house.goes_on("2025-03-01", {1}, stays={2})  # 29 February has a last day on the 28th
        house.goes_on("2025-03-02", {2})

    def test_a_period_after_the_contract(self, house):  # noqa: F811
        record(house)
        house.put("sopimus", (1, "1001", "S1", "2020-01-01", "2024-06-30"))
        house.publish(dataset(grounds=[ground("tarve", period="P1Y")]))
        house.goes_on("2025-07-01", {1, 2})

    def test_while_the_contract_runs_and_not_a_day_longer(self, house):  # noqa: F811
        house.tiedot((1, "1001", None, "2024-01-01"), (2, "1002", None, "2024-01-01"))
        house.put("sopimus", (1, "1001", "S1", "2020-01-01", "2024-06-30"), (2, "1002", "S2", "2020-01-01", None))
        house.publish(dataset(grounds=[ground("tarve", period="P0D")]))
        run = house.goes_on("2024-07-01", {1}, stays={2})
        assert counts(run)["left_open"] == 1

    @pytest.mark.parametrize(
        ("rounding", "day"),
        [
            ("end_of_month", "2026-03-01"),
            ("end_of_quarter", "2026-04-01"),
            ("end_of_calendar_year", "2027-01-01"),
            ("end_of_financial_year", "2026-05-01"),
            ("end_of_calendar_year_of_financial_year", "2027-01-01"),
        ],
    )
    def test_a_year_that_is_anchored(self, house, rounding, day):  # noqa: F811
        house.financial_year_end = "04-30"
        house.tiedot((1, "1001", None, "2025-02-10"))
        house.publish(dataset(grounds=[ground("tarve", trigger="recorded", period="P1Y", rounding=rounding)]))
        house.goes_on(day, {1})

    def test_a_periodic_purge_at_a_day_of_the_year(self, house):  # noqa: F811
        house.tiedot((1, "1001", None, "2024-09-01"), (2, "1002", None, "2025-08-31"), (3, "1003", None, "2025-09-01"))
        house.publish(dataset(grounds=[ground("kausi", trigger="recorded", period="P0D", rounding="next 08-31")]))
        house.goes_on("2025-09-01", {1, 2}, stays={3})

    def test_grace_after_the_end_and_then_the_key_is_destroyed(self, house):  # noqa: F811
        house.tiedot((1, "1001", None, "2024-01-01"), (2, "1002", None, "2024-01-01"))
        house.put("tilinpito", (1, "1001", "2024-06-01"), (2, "1002", None))
        house.put("sopimus", (1, "1001", "S1", "2020-01-01", None), (2, "1002", "S2", "2020-01-01", None))
        rule = ground("ohimeno", trigger="service_ended", period="P30D", action="crypto_shred")
        house.publish(dataset(grounds=[rule], mapping={"fields": ["teksti"], "options": {"holds_keys": True}}))
        house.night("2024-07-01")
        assert house.server.column("select teksti from tieto order by id") == ["teksti 1", "teksti 2"]
        assert succeeded(house.night("2024-07-02"))
        assert house.server.column("select teksti from tieto order by id") == [None, "teksti 2"]
        assert Lot.objects.get().action == "crypto_shred"


class TestLeastAndMost:
    def test_at_least_so_long_and_the_longest_of_several_decides(self, house):  # noqa: F811
        record(house)
        house.put("sopimus", (1, "1001", "S1", "2020-01-01", "2024-06-30"))
        house.publish(
            dataset(
                grounds=[
                    ground("kirjanpito", kind="obligation", trigger="recorded", period="P2Y"),
                    ground("sopimus", period="P1Y"),
                ]
            )
        )
        run = house.goes_on("2026-03-01", {1}, stays={2})
        assert Lot.objects.get(run=run).why == "GROUNDS_ENDED"

    def test_a_need_under_a_longest_time(self, house):  # noqa: F811
        record(house)
        house.put("sopimus", (1, "1001", "S1", "2020-01-01", None))
        house.publish(dataset(grounds=[ground("tarve", period="P0D")], ceilings=[ceiling()]))
        run = house.goes_on("2025-03-01", {1}, stays={2})
        assert Lot.objects.get(run=run).why == "CEILING"

    def test_least_and_most_of_which_the_most_is_another_event(self, house):  # noqa: F811
        house.tiedot((1, "1001", None, "2020-01-01"), (2, "1002", None, "2024-08-01"))
        house.put(
            "sopimus", (1, "1001", "S1", "2019-01-01", "2024-06-30"), (2, "1002", "S2", "2019-01-01", "2024-06-30")
        )
        house.publish(
            dataset(
                grounds=[ground("vahintaan", trigger="recorded", period="P10Y")],
                ceilings=[ceiling(trigger="contract_ended", period="P1Y")],
            )
        )
        house.goes_on("2025-07-01", {1, 2})

    def test_a_longest_time_that_gives_way_to_the_law(self, house):  # noqa: F811
        record(house)
        house.publish(
            dataset(
                grounds=[ground("kirjanpito", kind="obligation", trigger="recorded", period="P2Y")],
                ceilings=[ceiling(yields_to=["obligation"])],
            )
        )
        house.goes_on("2026-03-01", {1}, stays={2})

    def test_a_longest_time_against_the_law_is_a_persons_to_decide(self, house):  # noqa: F811
        record(house)
        house.publish(
            dataset(
                grounds=[ground("kirjanpito", kind="obligation", trigger="recorded", period="P2Y")],
                ceilings=[ceiling()],
            )
        )
        run = house.night("2025-12-01")
        assert house.left() == {1, 2}
        assert counts(run)["rule_conflict"] == 2

    def test_the_latest_of_two_events(self, house):  # noqa: F811
        house.tiedot((1, "1001", None, "2024-01-01", "2024-05-01"), (2, "1002", None, "2024-05-02", None))
        rule = ground("tarve", trigger={"latest_of": ["recorded", "last_activity"]}, period="P1Y")
        events = {"recorded": "luotu", "last_activity": "paattyi"}
        house.publish(dataset(grounds=[rule], mapping={"events": events}))
        house.goes_on("2025-05-02", {1}, stays={2})


class TestReasonsOfPersons:
    def test_a_criterion_waits_for_a_person(self, house):  # noqa: F811
        record(house)
        house.put("sopimus", (1, "1001", "S1", "2020-01-01", "2024-06-30"))
        house.publish(dataset(grounds=[ground("harkinta", period=None, review_by="2025-06-01")]))
        run = house.night("2025-05-31")
        assert counts(run)["left_open"] == 2
        run = house.night("2025-06-01")
        assert counts(run)["review"] == 2
        assert house.left() == {1, 2}

    def test_until_consent_is_withdrawn(self, house):  # noqa: F811
        house.tiedot((1, "1001", None, "2024-01-01"), (2, "1002", None, "2024-01-01"))
        house.put("suostumus", (1, "1001", "2024-01-01", "2025-03-10"), (2, "1002", "2024-01-01", None))
        rule = ground("lupa", kind="consent", purpose="markkinointi", trigger="consent_withdrawn", period="P0D")
        house.publish(dataset(grounds=[rule]))
        house.goes_on("2025-03-11", {1}, stays={2})

    def test_until_objection_and_the_ban_outlives_the_data(self, house):  # noqa: F811
        house.tiedot((1, "1001", None, "2024-01-01"), (2, "1002", None, "2024-01-01"))
        house.put("sopimus", (1, "1001", "S1", "2020-01-01", None), (2, "1002", "S2", "2020-01-01", None))
        house.put("kielto", (1, "1001", "2025-03-10", None))
        house.publish(dataset(grounds=[ground("markkinointi", period="P1Y", ends_on=["objection"])]))
        house.goes_on("2025-03-11", {1}, stays={2})
        assert BanEvent.objects.filter(organisation=house.organisation).exists()

    @pytest.mark.parametrize(("paid", "day"), [("2025-01-15", "2025-01-16"), (None, "2027-03-01")])
    def test_an_unpaid_debt_keeps_it(self, house, paid, day):  # noqa: F811
        house.tiedot((1, "1001", None, "2024-01-01"))
        house.put("sopimus", (1, "1001", "S1", "2020-01-01", "2024-06-30"))
        house.put("lasku", (1, "1001", "L1", "2023-12-01", "2023-12-05"), (2, "1001", "L2", "2024-02-29", paid))
        debt = ground("velka", kind="claim", trigger="debt_due", period="P3Y", ends_on=["debt_settled"])
        house.publish(dataset(grounds=[ground("sopimus", period="P0D"), debt]))
        house.goes_on(day, {1})

    def test_a_dispute_suspends_it(self, house):  # noqa: F811
        record(house)
        house.publish(dataset(grounds=[ground("tarve", trigger="recorded", period="P1Y")]))
        on = date(2025, 3, 1)
        place(
            house.organisation, [("customer", "1001")], "dispute", "", "lakiasiat", on, on + timedelta(days=99), by="x"
        )
        run = house.night(on)
        assert counts(run)["held"] == 1
        assert house.left() == {1, 2}

    @pytest.mark.parametrize(("open_debt", "goes"), [(False, True), (True, False)])
    def test_on_request_unless_a_debt_is_open(self, house, open_debt, goes):  # noqa: F811
        house.tiedot((1, "1001", None, "2024-01-01"))
        house.put("sopimus", (1, "1001", "S1", "2020-01-01", None))
        house.put("pyynto", (1, "1001", "2025-02-01"))
        house.put("lasku", (1, "1001", "L1", "2025-01-01", None if open_debt else "2025-01-10"))
        house.publish(
            dataset(
                grounds=[
                    ground("tarve", period="P1Y", ends_on=["erasure_requested"]),
                    ground("velka", kind="claim", trigger="debt_due", period="P3Y", ends_on=["debt_settled"]),
                ]
            )
        )
        run = house.night("2025-02-02")
        assert house.left() == (set() if goes else {1})
        assert succeeded(run)


class TestParts:
    def test_one_field_goes_earlier_than_its_record(self, house):  # noqa: F811
        record(house)
        house.put("sopimus", (1, "1001", "S1", "2020-01-01", "2026-06-30"))
        house.publish(
            dataset("nimet", grounds=[ground("nimi", trigger="recorded", period="P1Y")], mapping={"fields": ["nimi"]}),
            dataset(grounds=[ground("tarve", period="P0D")]),
        )
        run = house.night("2025-03-01")
        assert succeeded(run)
        assert house.server.rows("select id, nimi, teksti from tieto order by id") == [
            (1, None, "teksti 1"),
            (2, "Testi 2", "teksti 2"),
        ]
        house.night("2026-07-01")
        assert house.left() == set()

    def test_a_branch_on_what_the_row_says(self, house):  # noqa: F811
        record(house)
        house.server.run("update tieto set laji = 'reklamaatio' where id = 2")
        house.server.run("update tieto set laji = 'sopimus' where id = 1")
        house.publish(
            dataset(
                mapping={"facts": {"contact_kind": "laji"}},
                grounds=[
                    ground(
                        "muu", trigger="recorded", period="P1M", condition={"fact": "contact_kind", "is": "reklamaatio"}
                    ),
                    ground(
                        "sop", trigger="recorded", period="P1Y", condition={"fact": "contact_kind", "is": "sopimus"}
                    ),
                ],
            )
        )
        house.goes_on("2024-04-02", {2}, stays={1})
        house.goes_on("2025-03-01", {1})

    def test_a_branch_on_what_another_register_says_of_the_person(self, house):  # noqa: F811
        house.tiedot((1, "1001", None, "2024-01-01"), (2, "1002", None, "2024-01-01"), (3, "1003", None, "2024-01-01"))
        house.put("asiakkuus", (1, "1001", False), (2, "1002", True))
        rules = [
            ground("ei", trigger="recorded", period="P6M", condition={"fact": "became_customer", "is": False}),
            ground("kylla", trigger="recorded", period="P5Y", condition={"fact": "became_customer", "is": True}),
        ]
        house.publish(dataset(grounds=rules))
        house.night("2024-07-01")
        assert house.left() == {1, 2, 3}
        run = house.night("2024-07-02")
        assert house.left() == {2, 3}
        assert counts(run)["left_review"] == 1  # of 1003 nobody knows

    def test_split_by_purpose_the_use_for_one_stops_and_the_row_stays_for_the_other(self, house):  # noqa: F811
        house.tiedot((1, "1001", None, "2024-01-01"))
        house.put("sopimus", (1, "1001", "S1", "2020-01-01", "2025-06-30"))
        house.put("suostumus", (1, "1001", "2024-01-01", "2024-03-10"))
        lupa = ground("lupa", kind="consent", purpose="markkinointi", trigger="consent_withdrawn", period="P0D")
        house.publish(dataset(grounds=[lupa, ground("sopimus", purpose="sopimus", period="P0D")]))
        house.goes_on("2025-07-01", {1})

    @pytest.mark.parametrize("who", ["register", "other_controller"])
    def test_what_somebody_else_ends_is_watched_and_never_ours(self, house, who):  # noqa: F811
        record(house)
        house.publish(dataset(enforced_by=who, grounds=[ground("tarve", trigger="recorded", period="P1Y")]))
        run = house.night("2025-03-01")
        row = DatasetNight.objects.get(run=run, dataset="tiedot")
        assert (row.overdue_left, row.unexplained) == (1, 1)
        assert row.counts["outcomes"] == {}
        assert house.left() == {1, 2}
        assert not Lot.objects.exists()
        assert not succeeded(run)

    def test_days_of_grace_and_an_approval_before_anything_goes(self, house):  # noqa: F811
        record(house)
        rule = ground("tarve", trigger="recorded", period="P1Y")
        house.publish(dataset(grounds=[rule], policy={**POLICY, "grace": "P2D"}))
        for day in ("2025-03-01", "2025-03-02"):
            assert succeeded(house.night(day))
            assert house.left() == {1, 2}
        house.night("2025-03-03")
        assert house.left() == {2}


LIITTEET = (
    "create table liite(id integer primary key, tieto_id integer, nro varchar(20), luotu date, sisalto varchar(40))"
)


def following(**over):
    mapping = {"place": "liite", "key": "id", "subject": "nro", "events": {"recorded": "luotu"}}
    follow = {"dataset": "tiedot", "by": "tieto_id", **over.pop("follow", {})}
    return {**dataset("liitteet", **over), "mapping": mapping, "follows": [follow]}


class TestFollowing:
    @pytest.fixture
    def attachments(self, house):  # noqa: F811
        """Records of which the second is younger, with attachments; one of them hangs on nothing that is known."""
        house.server.run(LIITTEET)
        record(house)
        house.put(
            "liite",
            (10, 1, "1001", "2024-02-29", "a"),
            (11, 1, "1001", "2025-01-01", "b"),
            (12, 2, "1001", "2024-03-01", "c"),
            (13, None, "1001", "2020-01-01", "d"),
        )
        return house

    def rule(self):
        return dataset(grounds=[ground("tarve", trigger="recorded", period="P1Y")])

    def test_an_attachment_goes_with_its_record_and_one_of_nobody_is_an_alarm(self, attachments):
        attachments.publish(self.rule(), following())
        attachments.night("2025-02-28")
        assert attachments.left("liite") == {10, 11, 12, 13}
        run = attachments.night("2025-03-01")
        assert (attachments.left(), attachments.left("liite")) == ({2}, {12, 13})
        assert counts(run, "liitteet")["left_trigger_missing"] == 1
        assert [lot.dataset for lot in Lot.objects.order_by("pk")] == ["liitteet", "tiedot"]  # before what it follows

    def test_the_last_of_several_decides_where_it_follows_its_person(self, attachments):
        follow = {"dataset": "tiedot"}
        one = following()
        attachments.publish(self.rule(), {**one, "follows": [follow]})
        attachments.night("2025-03-01")
        assert attachments.left("liite") == {10, 11, 12, 13}
        run = attachments.night("2025-03-02")
        assert attachments.left("liite") == set()
        assert succeeded(run)

    def test_what_it_followed_has_gone_without_it(self, attachments):
        attachments.publish(self.rule(), following())
        attachments.server.run("delete from tieto where id = 1")
        attachments.night("2024-06-01")
        assert attachments.left("liite") == {12, 13}

    def test_where_nothing_at_all_is_found_absence_proves_nothing(self, attachments):
        attachments.publish(self.rule(), following())
        attachments.server.run("delete from tieto")
        run = attachments.night("2024-06-01")
        assert attachments.left("liite") == {10, 11, 12, 13}
        assert counts(run, "liitteet")["left_trigger_missing"] == 4

    def test_a_hold_on_the_record_holds_the_attachment(self, attachments):
        attachments.server.run("update liite set nro = '1999'")
        attachments.publish(self.rule(), following())
        on = date(2025, 3, 1)
        place(
            attachments.organisation, [("customer", "1001")], "dispute", "", "laki", on, on + timedelta(days=9), by="x"
        )
        run = attachments.night(on)
        assert attachments.left("liite") == {10, 11, 12, 13}
        assert counts(run, "liitteet")["held"] == 2

    def test_its_own_longest_time_may_come_earlier(self, attachments):
        attachments.publish(self.rule(), following(ceilings=[ceiling(period="P1M")]))
        attachments.night("2024-04-02")
        assert attachments.left("liite") == {11, 13}
        assert attachments.left() == {1, 2}

    def test_its_own_longest_time_against_an_obligation_is_a_persons_to_decide(self, attachments):
        law = ground("kirjanpito", kind="obligation", trigger="recorded", period="P1Y")
        attachments.publish(dataset(grounds=[law]), following(ceilings=[ceiling(period="P1M")]))
        run = attachments.night("2024-04-02")
        assert attachments.left("liite") == {10, 11, 12, 13}
        assert counts(run, "liitteet")["rule_conflict"] == 2  # 11 is said to be of a day to come

    def test_a_record_that_starts_anew_while_the_lot_waits_keeps_its_attachment(self, attachments):
        policy = {**POLICY, "grace": "P2D"}
        attachments.publish(self.rule(), following(policy=policy))
        attachments.server.run("update tieto set luotu = '2025-02-28' where id = 2")
        attachments.put("tieto", (3, "1003", None, "2024-01-01", None, None, "x", "y"))
        attachments.put("liite", (14, 3, "1003", "2024-01-01", "e"))
        attachments.server.run("update liite set tieto_id = 3 where id in (10, 11)")
        attachments.publish(
            dataset(grounds=[ground("tarve", trigger="recorded", period="P1Y")], policy={**policy, "mode": "observe"}),
            following(policy=policy),
        )
        attachments.night("2025-03-01")
        attachments.server.run("update tieto set luotu = '2025-02-01' where id = 3")
        for day in ("2025-03-02", "2025-03-03", "2025-03-04"):
            attachments.night(day)
        assert attachments.left("liite") == {10, 11, 12, 13, 14}
        assert Lot.objects.get(dataset="liitteet").tally == {"superseded": 3}
