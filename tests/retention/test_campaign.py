"""Campaigns: groups of missing dates, who decides about them, and that nothing of one is touched before that."""

from __future__ import annotations

import io
import json
import sqlite3
from contextlib import closing
from datetime import date, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import translation

from retention import campaign as campaigns
from retention import night_context, offline, verification
from retention.approvals import approve
from retention.campaign import Wanted
from retention.campaign_survey import Heap
from retention.campaign_told import as_dict, estimated_of, followed
from retention.domain.errors import DocumentError, EvidenceError, LifecycleError, RestoredError
from retention.evidence_check import verify
from retention.exit_certificate import page
from retention.models import Campaign, CampaignGap, EvidenceEntry, EvidenceHead, LedgerContract, Lot
from retention.night import run_night
from retention.plan import plan_of
from retention.reports import authority_report
from retention.restoring import adopt
from retention.runs import succeeded
from retention.selectors import connector_of
from ropa.persons import Person
from ropa.render import to_html
from tests.naming import names_any
from tests.retention.company import NOW, SURVIVORS, TODAY, controller, customers, document, found_company, publish
from tests.retention.test_offline import exported

pytestmark = pytest.mark.usefixtures("english")

OWNER, OTHER, THIRD = Person("owner:olga", 1), Person("controller:ada", 2), Person("controller:alice", 3)
DAY = date(2020, 12, 31)
TICKETS = {"dataset": "tiketit", "event": "case_closed"}
TOMORROW, LATER = TODAY + timedelta(days=1), NOW + timedelta(days=1)
PURGE = {"mode": "purge", "approval": "automatic", "grace": "P0D", "waves": False}


def sql(data_dir, statement, *arguments):
    with closing(sqlite3.connect(data_dir / "registers" / "crm.sqlite3")) as crm, crm:
        return crm.execute(statement, arguments).fetchall()


WANTED = Wanted("asiakastiedot", "contract_ended", "no_date", "Kirjanpidon viimeinen lasku on vuodelta 2020.", day=DAY)


def proposed(company, **over):
    return campaigns.propose(company, Wanted(**{**WANTED_FIELDS, **over}), OWNER, NOW)


WANTED_FIELDS = {name: getattr(WANTED, name) for name in WANTED.__slots__}


def confirmed(company, **over):
    found = proposed(company, **over)
    campaigns.decide(found, OWNER, "Kirjanpito kertoo saman.", found.root, NOW)
    campaigns.confirm(found, OTHER, "Tarkistettu.", found.root, NOW)
    found.refresh_from_db()
    return found


def read_by_reader(company, today, code="asiakastiedot"):
    """What the independent reader finds, from the published version alone: it looks campaigns up by itself."""
    plan = plan_of(company.versions.latest("number"))
    dataset = next(one for one in plan.datasets if one.code == code)
    with connector_of(company, plan.registers[0]) as connector:
        return verification.read(plan, dataset, connector, company, today)


class TestTheReader:
    def test_it_knows_the_substitute_by_its_own_way(self, aged):
        found = proposed(aged)
        campaigns.decide(found, OWNER, "Selvä.", found.root, NOW)
        assert (read_by_reader(aged, TODAY).overdue, read_by_reader(aged, TODAY).estimated) == (0, 0)
        campaigns.confirm(found, OTHER, "Selvä.", found.root, NOW)
        told = read_by_reader(aged, TODAY)
        assert (told.overdue, told.unexplained, told.estimated) == (1, 1, 1)
        assert told.overdue_since == date(2024, 1, 1)
        campaigns.withdraw(found, OTHER, "Ei.", NOW)
        assert read_by_reader(aged, TODAY).overdue == 0

    def test_it_believes_no_state_that_no_second_person_stands_behind(self, aged):
        found = proposed(aged)
        Campaign.objects.filter(pk=found.pk).update(state="confirmed")
        assert read_by_reader(aged, TODAY).overdue == 0

    def test_it_finds_what_a_purge_that_knows_no_substitute_leaves(self, aged, monkeypatch):
        confirmed(aged)
        monkeypatch.setattr(night_context, "in_force", lambda organisation, plan: plan)
        run = run_night(aged, TOMORROW, LATER)
        row = next(one for one in run.summary["datasets"] if one["dataset"] == "asiakastiedot")
        assert (row["overdue_left"], row["unexplained"]) == (2, 2)  # 1006, and 1004: nothing goes by a plan that is old
        assert not succeeded(run)


class TestGroups:
    def test_what_waits_for_a_date_is_found_by_event_and_cause(self, aged):
        found = {(g.dataset, g.event, g.cause): g for g in campaigns.survey(aged, NOW, Heap(2, 0.9))}
        people = found["asiakastiedot", "contract_ended", "no_date"]
        assert (people.register, people.items, people.gaps, people.undecided) == ("crm", 1, 1, 1)
        assert people.rules == ("sopimus", "vaateet")
        assert len(people.examples) == 1
        assert found["tiketit", "case_closed", "no_date"].items == 1

    def test_whom_the_ledger_does_not_know_is_a_group_of_its_own(self, aged, data_dir):
        sql(data_dir, "insert into asiakas(asiakasnro) values ('7777')")
        found = {(g.dataset, g.cause): g.items for g in campaigns.survey(aged, NOW)}
        assert found["asiakastiedot", "unknown_subject"] == 1
        assert found["asiakastiedot", "no_date"] == 1

    def test_a_heap_of_identical_days_is_suspicious_and_one_that_says_not_yet_is_told_as_such(self, aged, data_dir):
        for n in range(40):
            day = "1970-01-01" if n < 25 else "9999-12-31"
            sql(
                data_dir,
                "insert into tiketti(asiakasnro, avattu, suljettu, tila) values ('1002', '1969-01-01', ?, 'suljettu')",
                day,
            )
        found = {(g.cause, g.same_day): g.items for g in campaigns.survey(aged, NOW, Heap(10, 0.3), "tiketit")}
        assert found == {
            ("same_day", date(1970, 1, 1)): 25,
            ("no_date", None): 16,
        }

    def test_no_number_and_no_key_is_told(self, aged):
        found = confirmed(aged)
        told = json.dumps([g.as_dict() for g in campaigns.survey(aged, NOW, Heap(1))]) + json.dumps(as_dict(found))
        bodies = "".join(EvidenceEntry.objects.filter(chain__startswith="campaign-").values_list("body", flat=True))
        assert not names_any(told + bodies, "1006", "S6")


class TestWhoDecides:
    def test_nothing_of_the_group_is_touched_before_the_second_person_confirmed(self, aged, data_dir):
        day, now = TODAY, NOW

        def night():
            nonlocal day, now
            day, now = day + timedelta(days=1), now + timedelta(days=1)
            return run_night(aged, day, now)

        found = proposed(aged)
        assert succeeded(night())
        assert "1006" in customers(data_dir)
        campaigns.decide(found, OWNER, "Selvä.", found.root, NOW)
        assert succeeded(night())
        assert "1006" in customers(data_dir)
        assert not Lot.objects.exclude(estimated=[]).exists()
        campaigns.confirm(found, OTHER, "Tarkistettu.", found.root, NOW)
        assert succeeded(night())
        assert "1006" not in customers(data_dir)

    @pytest.mark.parametrize(
        "second",
        [
            OWNER,
            Person("controller:olga", 7),
            Person("controller: Olga ", 7),
            Person("controller:renamed", 1),
            Person("shell:olga", 1),
        ],
    )
    def test_who_decided_cannot_confirm_by_another_role_name_or_way(self, aged, second):
        found = proposed(aged)
        campaigns.decide(found, OWNER, "Selvä.", found.root, NOW)
        with pytest.raises(LifecycleError, match="separation of duties"):
            campaigns.confirm(found, second, "Selvä.", found.root, NOW)

    def test_nor_who_proposed(self, aged):
        found = proposed(aged)
        campaigns.decide(found, OTHER, "Selvä.", found.root, NOW)
        with pytest.raises(LifecycleError, match="separation of duties"):
            campaigns.confirm(found, OWNER, "Selvä.", found.root, NOW)
        campaigns.confirm(found, THIRD, "Selvä.", found.root, NOW)

    def test_what_is_said_at_a_command_line_counts_once(self, aged):
        found = campaigns.propose(aged, WANTED, Person("shell:olga", 1), NOW)
        campaigns.decide(found, Person("shell:olga", 1), "Selvä.", found.root, NOW)
        with pytest.raises(LifecycleError, match="must log in"):
            campaigns.confirm(found, Person("shell:ada", 2), "Selvä.", found.root, NOW)
        campaigns.confirm(found, OTHER, "Selvä.", found.root, NOW)

    @pytest.mark.parametrize(
        "by", [Person("dpo:bob", 4), Person("olga", 1), Person("owner:", 1), Person("", 1), Person("owner:olga")]
    )
    def test_only_the_controllers_side(self, aged, by):
        with pytest.raises(LifecycleError, match="role"):
            campaigns.propose(aged, WANTED, by, NOW)
        found = proposed(aged)
        for act in (campaigns.decide, campaigns.confirm):
            with pytest.raises(LifecycleError, match="role"):
                act(found, by, "Selvä.", found.root, NOW)

    def test_confirming_comes_after_deciding_and_each_signs_the_group(self, aged):
        found = proposed(aged)
        with pytest.raises(LifecycleError, match="is proposed"):
            campaigns.confirm(found, OTHER, "Selvä.", found.root, NOW)
        with pytest.raises(LifecycleError, match="not what was looked at"):
            campaigns.decide(found, OWNER, "Selvä.", "0" * 64, NOW)
        campaigns.decide(found, OWNER, "Selvä.", found.root, NOW)
        CampaignGap.objects.create(campaign=found, item="a" * 64, gap="b" * 64)
        with pytest.raises(LifecycleError, match="its group is not"):
            campaigns.confirm(found, OTHER, "Selvä.", found.root, NOW)

    @pytest.mark.parametrize("decided", [False, True])
    def test_either_may_refuse_with_a_reason(self, aged, decided):
        found = proposed(aged)
        if decided:
            campaigns.decide(found, OWNER, "Selvä.", found.root, NOW)
        with pytest.raises(LifecycleError, match="reason"):
            campaigns.refuse(found, OTHER, " ", NOW)
        campaigns.refuse(found, OTHER, "Näyttö ei riitä.", NOW)
        assert not CampaignGap.objects.exists()
        with pytest.raises(LifecycleError, match="is refused"):
            campaigns.withdraw(found, OTHER, "pois", NOW)

    def test_each_step_is_in_the_evidence_and_verifies(self, aged):
        confirmed(aged)
        kinds = (
            EvidenceEntry.objects.filter(chain__startswith="campaign-").order_by("pk").values_list("kind", flat=True)
        )
        assert list(kinds) == ["campaign_proposed", "campaign_decided", "campaign_confirmed"]
        assert verify("testi").entries

    @pytest.mark.parametrize(
        ("over", "path"),
        [
            ({"dataset": "muu"}, "dataset"),
            ({"event": "case_closed"}, "event"),
            ({"cause": "muu"}, "cause"),
            ({"cause": "same_day"}, "same_day"),
            ({"cause": "same_day", "same_day": date(9999, 12, 31)}, "same_day"),
            ({"day": date(2027, 1, 1)}, "day"),
            ({"day": date(1949, 1, 1)}, "day"),
            ({"day": None}, "day"),
            ({"by": "invoice_dated"}, "day"),
            ({"day": None, "by": "contract_ended"}, "by"),
            ({"evidence": " "}, "evidence"),
            ({"attachments": (("lasku.pdf", "abc"),)}, "attachments[0]"),
            ({"cause": "implausible"}, "event"),
        ],
    )
    def test_a_proposal_that_makes_no_sense_is_refused(self, aged, over, path):
        with pytest.raises(DocumentError) as refused:
            proposed(aged, **over)
        assert path in {problem.path for problem in refused.value.problems}
        assert not Campaign.objects.exists()


class TestWhatItDoes:
    def test_the_forecast_is_what_then_happens(self, aged, data_dir):
        found = proposed(aged)
        assert found.forecast == {
            "due": 1, "held": 0, "later": {}, "open": 0, "still_undecided": 0, "unfilled": 0
        }  # fmt: skip
        assert proposed(aged, day=date(2025, 1, 1)).forecast["later"] == {"2028": 1}

    def test_it_is_marked_estimated_for_ever(self, aged, data_dir):
        found = confirmed(aged)
        run = run_night(aged, TOMORROW, LATER)
        lot = Lot.objects.exclude(estimated=[]).get()
        assert (lot.estimated, lot.size, lot.tally) == ([found.number], 1, {"destroyed": 1})
        entries = EvidenceEntry.objects.filter(chain=TOMORROW.isoformat())
        for kind in ("lot", "intent", "outcome"):
            (body,) = [json.loads(b) for b in entries.filter(kind=kind).values_list("body", flat=True)
                       if json.loads(b)["dataset"] == "asiakastiedot" and "estimated" in b]  # fmt: skip
            assert body["estimated"] == [found.number]
        row = next(r for r in run.summary["datasets"] if r["dataset"] == "asiakastiedot")
        assert row["destroyed_estimated"] == 1
        assert not CampaignGap.objects.exists()
        checked = offline.Reader(io.BytesIO(exported()), "").read()
        assert (checked.problems, checked.counts["leaves"]) == ([], checked.counts["recomputed"])
        assert followed(found)["destroyed"] == 1
        assert read_by_reader(aged, TOMORROW).by_state["trigger_missing"] == 0
        assert verify("testi").entries

    def test_what_really_has_a_date_goes_in_lots_of_its_own(self, aged, data_dir):
        confirmed(aged)
        run_night(aged, TOMORROW, LATER)  # 1004 falls due tomorrow
        lots = Lot.objects.filter(dataset="asiakastiedot", run__business_date=TOMORROW)
        assert sorted(lots.values_list("size", "estimated")) == [(1, []), (1, [1])]

    def test_a_real_date_that_comes_later_wins(self, aged, data_dir):
        confirmed(aged)
        sql(data_dir, "update sopimus set loppu = '2025-05-31' where sopimusnro = 'S6'")
        assert succeeded(run_night(aged, TOMORROW, LATER))
        assert "1006" in customers(data_dir)

    def test_what_turns_up_later_is_not_of_the_group(self, aged, data_dir):
        confirmed(aged)
        sql(data_dir, "insert into asiakas(asiakasnro) values ('1099')")
        sql(
            data_dir,
            "insert into sopimus(asiakasnro, sopimusnro, alku, tila) values ('1099', 'S99', '2015-01-01', 'paattynyt')",
        )
        run_night(aged, TOMORROW, LATER)
        assert "1006" not in customers(data_dir)
        assert "1099" in customers(data_dir)

    def test_a_second_contract_of_the_same_person_that_is_closed_later_is_not_of_the_group(self, aged, data_dir):
        sql(
            data_dir,
            "insert into sopimus(asiakasnro, sopimusnro, alku, tila) values ('1006', 'S66', '2016-01-01', 'voimassa')",
        )
        run_night(aged, TOMORROW, LATER)  # the ledger hears of it
        found = campaigns.propose(aged, WANTED, OWNER, LATER)
        assert found.forecast["open"] == 1  # it runs still
        campaigns.decide(found, OWNER, "Selvä.", found.root, LATER)
        campaigns.confirm(found, OTHER, "Selvä.", found.root, LATER)
        run_night(aged, TOMORROW + timedelta(days=1), LATER + timedelta(days=1))
        assert "1006" in customers(data_dir)
        sql(data_dir, "update sopimus set tila = 'paattynyt' where sopimusnro = 'S66'")
        assert succeeded(run_night(aged, TOMORROW + timedelta(days=2), LATER + timedelta(days=2)))
        assert "1006" in customers(data_dir)

    def test_a_hold_holds_it(self, aged, data_dir):
        aged.holds.create(
            register="crm", reason="authority", owner="o", start=date(2026, 1, 1), review_by=date(2027, 1, 1)
        )
        found = proposed(aged)
        assert (found.forecast["held"], found.forecast["due"]) == (1, 0)
        campaigns.decide(found, OWNER, "Selvä.", found.root, NOW)
        campaigns.confirm(found, OTHER, "Selvä.", found.root, NOW)
        run_night(aged, TOMORROW, LATER)
        assert "1006" in customers(data_dir)

    def test_a_date_of_the_items_own_and_another_event_in_its_place(self, aged, data_dir):
        """Ticket 3 is closed without a day: the day that it was opened stands in for it."""
        found = confirmed(aged, dataset="tiketit", event="case_closed", day=None, by="case_opened")
        assert (found.items, found.forecast["due"]) == (1, 1)
        assert succeeded(run_night(aged, TOMORROW, LATER))
        assert sql(data_dir, "select count(*) from tiketti where id = 3") == [(0,)]
        assert sql(data_dir, "select count(*) from tiketti where id = 2") == [(1,)]  # open, not a gap

    def test_a_heap_of_a_migrations_days_is_kept_by_the_day_that_is_put_in_its_place(self, aged, data_dir):
        sql(data_dir, "update tiketti set suljettu = '2023-01-02', tila = 'suljettu' where id = 6")
        campaign = {"dataset": "tiketit", "event": "case_closed", "cause": "same_day", "same_day": date(2023, 1, 2)}
        confirmed(aged, **campaign, day=date(2025, 3, 1))
        assert succeeded(run_night(aged, TOMORROW, LATER))
        assert sql(data_dir, "select count(*) from tiketti where id = 6") == [(1,)]  # its own day would have ended it

    def test_and_goes_by_a_day_that_is_earlier(self, aged, data_dir):
        sql(data_dir, "update tiketti set avattu = '2019-01-01' where id = 6")
        campaign = {"dataset": "tiketit", "event": "case_closed", "cause": "same_day", "same_day": date(2025, 3, 1)}
        confirmed(aged, **campaign, day=date(2020, 3, 1))
        assert succeeded(run_night(aged, TOMORROW, LATER))
        assert sql(data_dir, "select count(*) from tiketti where id = 6") == [(0,)]

    def test_whom_nobody_knows(self, aged, data_dir):
        sql(data_dir, "insert into asiakas(asiakasnro) values ('7777')")
        confirmed(aged, cause="unknown_subject")
        assert succeeded(run_night(aged, TOMORROW, LATER))
        assert customers(data_dir) == SURVIVORS - {"1004"}

    def test_a_day_before_the_contract_began_fills_nothing(self, aged, data_dir):
        found = proposed(aged, day=date(2014, 1, 1))
        assert (found.forecast["unfilled"], found.forecast["due"]) == (1, 0)

    def test_a_dataset_that_follows_or_is_followed_has_none(self, db, data_dir):
        company = found_company(data_dir)
        content = document()
        content["datasets"][0].pop("grounds")
        content["datasets"][0]["follows"] = [{"dataset": "asiakastiedot"}]
        company.versions.all().delete()
        publish(company, content)
        with pytest.raises(DocumentError, match="followed"):
            campaigns.propose(company, WANTED, OWNER, NOW)


class TestWithdrawing:
    def waiting(self, data_dir):
        company = found_company(data_dir, {**PURGE, "approval": "one"})
        run_night(company, TODAY, NOW)
        return company

    def test_a_lot_that_waits_is_void(self, db, data_dir):
        company = self.waiting(data_dir)
        found = confirmed(company)
        run_night(company, TOMORROW, LATER)
        lot = Lot.objects.exclude(estimated=[]).get()
        approve(lot, controller(lot.organisation, "alice"), lot.digest)
        told = campaigns.withdraw(found, OTHER, "Laskut löytyivät.", LATER)
        assert (told.saved, told.in_flight, told.gone) == (1, 0, 0)
        run_night(company, TOMORROW + timedelta(days=1), LATER + timedelta(days=1))
        lot.refresh_from_db()
        assert lot.state == "withdrawn"
        assert "1006" in customers(data_dir)
        assert not CampaignGap.objects.exists()

    def test_an_approval_from_before_a_confirmation_is_void_too(self, db, data_dir):
        company = self.waiting(data_dir)
        lot = Lot.objects.get(dataset="asiakastiedot")
        approve(lot, controller(lot.organisation, "alice"), lot.digest)
        confirmed(company)
        run_night(company, TOMORROW, LATER)
        lot.refresh_from_db()
        assert lot.state == "withdrawn"
        assert "1001" in customers(data_dir)

    @pytest.mark.parametrize("point", ["intent committed", "before disposal"])
    def test_in_the_middle_of_a_night_nothing_more_goes(self, aged, data_dir, point):
        found = confirmed(aged)
        said: list[campaigns.Withdrawn] = []

        def at(reached):
            estimated = Lot.objects.exclude(estimated=[]).filter(attempts__state="intent").exists()
            if reached == point and estimated and not said:
                said.append(campaigns.withdraw(found, OTHER, "Ei sittenkään.", LATER))

        run_night(aged, TOMORROW, LATER, at=at)
        assert said[0].in_flight == 1
        if point == "intent committed":
            assert "1006" in customers(data_dir)
        run_night(aged, TOMORROW + timedelta(days=1), LATER + timedelta(days=1))
        assert Lot.objects.exclude(estimated=[]).get().state in {"withdrawn", "verified"}


class TestARealDateInTheMiddleOfANight:
    """The date comes after the item was found due, and before it is sent (D1)."""

    @pytest.mark.parametrize("point", ["intent committed", "before disposal"])
    def test_in_the_items_own_column(self, aged, data_dir, point):
        confirmed(aged, dataset="tiketit", event="case_closed", day=DAY)

        def at(reached):
            if reached == point and Lot.objects.filter(dataset="tiketit", attempts__state="intent").exists():
                sql(data_dir, "update tiketti set suljettu = '2026-05-01' where id = 3")

        run_night(aged, TOMORROW, LATER, at=at)
        assert sql(data_dir, "select count(*) from tiketti where id = 3") == [(1,)]
        assert Lot.objects.exclude(estimated=[]).get().tally == {"superseded": 1}

    def test_in_what_the_ledger_is_told(self, aged, data_dir):
        confirmed(aged)

        def at(reached):
            if reached == "intent committed" and Lot.objects.exclude(estimated=[]).filter(attempts__state="intent"):
                sql(data_dir, "update sopimus set loppu = '2026-05-01' where sopimusnro = 'S6'")

        run_night(aged, TOMORROW, LATER, at=at)
        assert "1006" in customers(data_dir)
        assert Lot.objects.exclude(estimated=[]).get().tally == {"superseded": 1}

    def test_another_gap_of_the_same_person_that_is_not_of_the_group(self, aged, data_dir):
        confirmed(aged)

        def at(reached):
            if reached == "intent committed" and Lot.objects.exclude(estimated=[]).filter(attempts__state="intent"):
                LedgerContract.objects.get_or_create(
                    organisation=aged,
                    subject_kind="customer",
                    subject="1006",
                    ref="S66",
                    started=date(2016, 1, 1),
                    closed=True,
                    source="crm:contracts",
                )

        run_night(aged, TOMORROW, LATER, at=at)
        assert "1006" in customers(data_dir)

    def test_a_withdrawal_between_two_calls_of_a_chunk(self, aged, data_dir):
        sql(data_dir, "insert into tiketti(asiakasnro, avattu, tila) values ('1002', '2020-01-01', 'suljettu')")
        found = confirmed(aged, dataset="tiketit", event="case_closed", day=DAY)
        said: list[campaigns.Withdrawn] = []

        def at(reached):
            if not Lot.objects.filter(dataset="tiketit", attempts__state="intent").exists():
                return
            if reached == "intent committed":  # so that it is asked for by itself, and first
                sql(data_dir, "update tiketti set suljettu = '2026-05-01' where id = 3")
            elif reached == "disposed" and not said:
                said.append(campaigns.withdraw(found, OTHER, "Ei sittenkään.", LATER))

        run_night(aged, TOMORROW, LATER, at=at)
        assert Lot.objects.exclude(estimated=[]).get().tally == {"held": 1, "superseded": 1}

    def test_a_campaign_confirmed_in_the_middle_of_a_night_ends_no_lot_of_the_old_rules(self, db, data_dir):
        company = found_company(data_dir)
        found: list[Campaign] = []

        def at(reached):
            lots = Lot.objects.filter(dataset="asiakastiedot", attempts__state="intent")
            if reached == "intent committed" and lots.exists() and not found:
                found.append(confirmed(company))

        run_night(company, TODAY, NOW, at=at)
        assert "1001" in customers(data_dir)
        run_night(company, TOMORROW, LATER)
        assert not {"1001", "1006"} & customers(data_dir)


class TestTold:
    """Estimated for ever: what reports, certificates and explanations say."""

    def test_the_report(self, aged):
        confirmed(aged)
        run_night(aged, TOMORROW, LATER)
        report = authority_report(aged, TOMORROW, "sv")
        row = next(one for one in report["execution"]["datasets"] if one["dataset"] == "asiakastiedot")
        assert (row["estimated_ever"], report["execution"]["totals"]["estimated_ever"]) == (1, 1)
        assert "Av dessa enligt ett uppskattat startdatum" in to_html(report).decode().replace("\u00ad", "")
        before = authority_report(aged, TODAY, "sv")
        assert "uppskattat" not in to_html(before).decode().replace("\u00ad", "")

    def test_the_exit_certificate(self, aged):
        found = confirmed(aged)
        assert estimated_of(aged, "crm") == []
        run_night(aged, TOMORROW, LATER)
        told = estimated_of(aged, "crm")
        assert told == [{"campaign": 1, "dataset": "asiakastiedot", "root": found.root, "destroyed": 1}]
        certificate = {
            "organisation": {"name": "Testi Oy"}, "name": {"fi": "CRM"}, "register": "crm", "closed_on": "2026-07-01",
            "decided_by": "controller", "reason": "pois", "version": {"number": 1}, "datasets": [], "names": {},
            "estimated": told, "beside": {}, "backups": {"expire_on": None, "why": "none"}, "connection": "",
        }  # fmt: skip
        with translation.override("fi"):
            assert "Arvioidun alkamispäivän perusteella poistettu" in page(certificate, {}, "fi")
            assert "Arvioidun" not in page({**certificate, "estimated": []}, {}, "fi")

    def test_the_explanation_of_a_decision(self, tmp_path):
        case = {
            "id": "arvio", "today": "2026-06-30", "events": {"contract_ended": "2020-12-31"},
            "estimated": ["contract_ended"], "expect": {
                "state": "due", "due_from": "2024-01-01", "action": "delete", "why": "GROUNDS_ENDED",
                "overdue_days": 911, "estimated": ["contract_ended"],
            },
            "grounds": [{"id": "vaateet", "kind": "claim", "trigger": "contract_ended", "period": "P3Y",
                         "action": "delete", "status": "confirmed"}],
        }  # fmt: skip
        (tmp_path / "cases.json").write_text(json.dumps([case]))
        out = StringIO()
        call_command("decide", str(tmp_path / "cases.json"), stdout=out, language="fi")
        assert "Puuttuva päivä on tässä arvioitu" in out.getvalue()
        assert "(arvioidun päivän perusteella)" in out.getvalue()


@pytest.fixture
def without_its_withdrawal(aged, django_capture_on_commit_callbacks):
    """A campaign that was confirmed, and withdrawn since the backup from which our own database came back."""
    with django_capture_on_commit_callbacks(execute=True):
        found = confirmed(aged)
    with django_capture_on_commit_callbacks(execute=True):
        campaigns.withdraw(found, OTHER, "Ei sittenkään.", NOW)
    event = found.events.latest("pk")
    EvidenceEntry.objects.filter(chain=event.chain).delete()
    EvidenceHead.objects.latest("number").delete()
    event.delete()
    Campaign.objects.filter(pk=found.pk).update(state="confirmed")
    return event.chain


class TestRestored:
    """Our own database does not know any more that a campaign was withdrawn; no night ran in between."""

    def test_it_is_noticed(self, aged, without_its_withdrawal):
        """Its signed head lies beside the database at once."""
        lost = without_its_withdrawal
        with pytest.raises(EvidenceError, match=rf"restored from a backup: it does not know the night of {lost}"):
            run_night(aged, TOMORROW, LATER)

    def test_nothing_is_signed_in_the_place_of_what_is_lost(self, aged, without_its_withdrawal):
        """So as many heads as are lost never hide them."""
        with pytest.raises(RestoredError, match="evidence adopt"):
            proposed(aged, **TICKETS)
        with pytest.raises(RestoredError, match="evidence adopt"):
            campaigns.withdraw(Campaign.objects.get(), OTHER, "Ei sittenkään.", NOW)
        assert Campaign.objects.get().state == "confirmed"

    def test_adopted_none_counts(self, aged, data_dir, without_its_withdrawal, django_capture_on_commit_callbacks):
        with django_capture_on_commit_callbacks(execute=True):
            assert adopt(aged, LATER, "controller", "levyrikko") == [without_its_withdrawal]
        campaign = Campaign.objects.get()
        assert (campaign.state, campaign.events.latest("pk").by) == ("withdrawn", "controller")
        with django_capture_on_commit_callbacks(execute=True):
            succeeded(run_night(aged, TOMORROW, LATER))
        assert "1006" in customers(data_dir)
        assert verify(aged.slug)

    def test_where_none_was_withdrawn_it_goes_on(self, aged, django_capture_on_commit_callbacks):
        with django_capture_on_commit_callbacks(execute=True):
            confirmed(aged)
        with django_capture_on_commit_callbacks(execute=True):
            other = proposed(aged, **TICKETS)
        event = other.events.latest("pk")
        EvidenceEntry.objects.filter(chain=event.chain).delete()
        EvidenceHead.objects.latest("number").delete()
        other.events.all().delete()
        other.delete()
        adopt(aged, LATER, "controller", "levyrikko")
        assert Campaign.objects.get().state == "confirmed"
