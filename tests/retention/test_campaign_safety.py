"""Campaigns looked at with bad intent: what changes meanwhile, who is one person, what evidence and reader then say."""

from __future__ import annotations

import io
import json
from datetime import date, timedelta

import pytest
from django.contrib.auth import get_user_model

from retention import campaign as campaigns
from retention import campaign_survey, night_context, offline
from retention.campaign_people import answering
from retention.domain.errors import DocumentError, LifecycleError
from retention.evidence_check import verify
from retention.evidence_export import prove
from retention.models import Campaign, CampaignEvent, CampaignGap, EvidenceEntry, Gone, Lot
from retention.night import run_night
from retention.runs import succeeded
from ropa.models import Membership
from ropa.persons import Person
from tests.naming import names_any
from tests.retention.company import NOW, TODAY, customers, document, found_company, ground, publish
from tests.retention.test_campaign import (
    DAY,
    LATER,
    OTHER,
    OWNER,
    TOMORROW,
    WANTED,
    confirmed,
    proposed,
    read_by_reader,
    sql,
)
from tests.retention.test_offline import exported
from tests.retention.test_unchanged import File

pytestmark = pytest.mark.usefixtures("english")

ONE = timedelta(days=1)


def offline_says(content=None):
    return offline.Reader(io.BytesIO(content or exported()), "").read()


def said(number):
    """What the evidence says of one campaign, as the offline verifier keeps it."""
    bodies = EvidenceEntry.objects.filter(kind__startswith="campaign_").values_list("kind", "body")
    told = ((kind, json.loads(body)) for kind, body in bodies)
    return offline.Campaign({kind: body for kind, body in told if body["campaign"] == number})


class TestWhatChangesMeanwhile:
    def test_confirmed_between_two_parts_of_one_night(self, db, data_dir, monkeypatch):
        """1001 and 1008 are due by their own dates when the night flags them; before the parts that purge begin a
        campaign says that 1001's day is a migration's, and that it was three years later."""
        monkeypatch.setattr(night_context, "PEOPLE", 2)
        company = found_company(data_dir)
        found: list[Campaign] = []

        def at(reached):
            if reached == "evaluated asiakastiedot" and not found:
                heap = {"cause": "same_day", "same_day": date(2022, 1, 31), "day": date(2025, 1, 31)}
                found.append(confirmed(company, **heap))

        run_night(company, TODAY, NOW, at=at)
        assert found[0].items == 1
        assert "1001" in customers(data_dir)
        assert succeeded(run_night(company, TOMORROW, LATER))
        assert "1001" in customers(data_dir)
        assert "1008" not in customers(data_dir)

    def test_withdrawn_between_two_parts_of_one_night(self, aged, data_dir, monkeypatch):
        monkeypatch.setattr(night_context, "PEOPLE", 2)
        found = confirmed(aged)

        def at(reached):
            found.refresh_from_db()
            if reached == "evaluated asiakastiedot" and found.state == "confirmed":
                campaigns.withdraw(found, OTHER, "Ei sittenkään.", LATER)

        run_night(aged, TOMORROW, LATER, at=at)
        assert "1006" in customers(data_dir)

    @pytest.mark.parametrize("how", ["follows", "is followed", "has a step"])
    def test_rules_by_which_its_items_end_others_or_have_steps(self, aged, data_dir, how):
        confirmed(aged)
        content = document()
        tickets, people = content["datasets"]
        if how != "has a step":
            (people if how == "follows" else tickets).pop("grounds")
        if how == "follows":
            people["follows"] = [{"dataset": "tiketit"}]
            sql(
                data_dir, "insert into tiketti(asiakasnro, avattu, tila) values ('1006', '2026-01-01', 'suljettu')"
            )  # its end is missing too
        elif how == "is followed":
            tickets["follows"] = [{"dataset": "asiakastiedot"}]
        else:
            people["mapping"]["columns"] = ["nimi", "osoite"]
            people["steps"] = [
                {"id": "nimi", "trigger": "contract_ended", "period": "P1Y", "action": "clear", "fields": ["nimi"]}
            ]
        publish(aged, content, 2, TODAY.isoformat())
        with pytest.raises(DocumentError, match="followed or has steps"):
            proposed(aged)
        run_night(aged, TOMORROW, LATER)
        assert "1006" in customers(data_dir)
        assert not Lot.objects.exclude(estimated=[]).exists()
        # nobody placed a hold: whatever is due by a date of its own goes
        tallies = Lot.objects.filter(dataset="asiakastiedot").values_list("tally", flat=True)
        assert not any("held" in tally for tally in tallies)
        assert sum(tally.get("destroyed", 0) for tally in tallies) > 0 or how == "follows"

    def test_another_rule_that_starts_with_something_else(self, aged, data_dir):
        confirmed(aged)
        content = document()
        content["datasets"][1]["grounds"] = [ground("sopimus", trigger="service_ended")]
        publish(aged, content, 2, TODAY.isoformat())
        assert succeeded(run_night(aged, TOMORROW, LATER))
        assert "1006" in customers(data_dir)

    def test_a_contract_that_comes_back(self, aged, data_dir):
        confirmed(aged)
        sql(
            data_dir,
            "insert into sopimus(asiakasnro, sopimusnro, alku, tila) values ('1006', 'S61', '2026-06-01', 'voimassa')",
        )
        assert succeeded(run_night(aged, TOMORROW, LATER))
        assert "1006" in customers(data_dir)

    @pytest.mark.parametrize("point", ["intent committed", "before disposal"])
    def test_a_contract_that_comes_back_in_the_middle_of_a_night(self, aged, data_dir, point):
        confirmed(aged)

        def at(reached):
            lots = Lot.objects.exclude(estimated=[]).filter(attempts__state="intent")
            if reached == "intent committed" and lots.exists():
                sql(data_dir, "update sopimus set tila = 'voimassa' where sopimusnro = 'S6'")

        run_night(aged, TOMORROW, LATER, at=at)
        assert "1006" in customers(data_dir)


class TestWhoIsOnePerson:
    @pytest.fixture
    def account(self, aged):
        def make(name, *roles, active=True):
            user = get_user_model().objects.create(username=name, is_active=active)
            for role in roles:
                Membership.objects.create(user=user, organisation=aged, role=role)
            return user

        return make

    def test_an_owner_or_a_controller(self, aged, account):
        olga = account("olga", "owner", "auditor")
        assert answering(aged, olga) == Person("owner:olga", olga.pk)
        assert answering(aged, olga, at_the_shell=True) == Person("shell:olga", olga.pk)

    @pytest.mark.parametrize("roles", [(), ("auditor",), ("dpo",), ("owner", "dpo")])
    def test_nobody_else_and_no_dpo(self, aged, account, roles):
        with pytest.raises(LifecycleError):
            answering(aged, account("bob", *roles))

    def test_nobody_who_has_left(self, aged, account):
        with pytest.raises(LifecycleError):
            answering(aged, account("olga", "owner", active=False))


class TestTheReader:
    def test_it_believes_no_row_that_says_otherwise_than_the_evidence(self, aged):
        found = confirmed(aged, day=date(2025, 12, 31))
        assert read_by_reader(aged, TODAY).overdue == 0
        Campaign.objects.filter(pk=found.pk).update(substitute_day=DAY)
        assert read_by_reader(aged, TODAY).overdue == 0

    @pytest.mark.parametrize(
        ("decides", "confirms", "overdue"),
        [
            (OWNER, OTHER, 1),
            (OWNER, Person("controller:Olga", 7), 0),
            (OWNER, Person("controller:x", 1), 0),
            (OWNER, Person("controller:", 7), 0),
            (OWNER, Person("shell:ada", 2), 1),
            (Person("shell:olga", 1), Person("shell:ada", 2), 0),
        ],
    )
    def test_it_asks_for_itself_whether_they_were_two(self, aged, monkeypatch, decides, confirms, overdue):
        """Where the door that asks had failed: everybody is let through."""
        monkeypatch.setattr(campaigns, "need_another", lambda campaign, by, before: None)
        monkeypatch.setattr(campaigns, "need_somebody", lambda by: None)
        found = proposed(aged)
        campaigns.decide(found, decides, "Selvä.", found.root, NOW)
        campaigns.confirm(found, confirms, "Selvä.", found.root, NOW)
        assert read_by_reader(aged, TODAY).overdue == overdue

    @pytest.mark.parametrize("change", [{"by": "controller:alice"}, {"what": "refused"}])
    def test_it_believes_no_row_that_names_somebody_else_than_its_entry(self, aged, change):
        confirmed(aged)
        assert read_by_reader(aged, TODAY).overdue == 1
        CampaignEvent.objects.filter(what="confirmed").update(**change)
        assert read_by_reader(aged, TODAY).overdue == 0

    def test_it_finds_no_group_whose_entries_are_gone(self, aged):
        confirmed(aged)
        EvidenceEntry.objects.filter(kind="campaign_decided").delete()
        assert read_by_reader(aged, TODAY).overdue == 0


class TestTheEvidence:
    def test_each_leaf_says_it_and_what_it_rests_on_is_recomputed(self, aged):
        confirmed(aged)
        run_night(aged, TOMORROW, LATER)  # 1004 falls due by its own date
        texts = [json.loads(one["leaf"]["text"]) for one in map(json.loads, exported().splitlines()) if "leaf" in one]
        here = [one for one in texts if "estimated" in one]
        assert [one["estimated"] for one in here] == [[1]]
        assert all(line[6] is True for line in here[0]["basis"])
        assert not any(len(line) > 6 for one in texts if one not in here for line in one["basis"])
        found = offline_says()
        assert (found.problems, found.counts["estimated"], found.counts["stated"]) == ([], 1, 0)

    def test_a_night_by_a_campaign_that_one_person_made_alone(self, aged, monkeypatch):
        monkeypatch.setattr(campaigns, "need_another", lambda campaign, by, before: None)
        found = proposed(aged)
        campaigns.decide(found, OWNER, "Selvä.", found.root, NOW)
        campaigns.confirm(found, OWNER, "Selvä.", found.root, NOW)
        run_night(aged, TOMORROW, LATER)
        assert any("nobody but who had" in problem for _, problem in offline_says().problems)

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            (lambda told: told.pop("campaign_confirmed"), "nobody had decided"),
            (lambda told: told["campaign_decided"].update(root="0" * 64), "another group"),
            (lambda told: told["campaign_decided"].update(substitute="2019-01-01"), "another group"),
            (lambda told: told["campaign_confirmed"].update(by="controller:OLGA "), "nobody but"),
            (lambda told: told["campaign_confirmed"].update(by="controller:"), "nobody but"),
            (lambda told: told.update(campaign_withdrawn={"day": TODAY.isoformat()}), "taken back"),
        ],
    )
    def test_the_offline_verifier_asks_who_answered_for_it(self, aged, change, says):
        confirmed(aged)
        one = said(1)
        assert one.stands("asiakastiedot", TOMORROW)["root"] == one.said["campaign_proposed"]["root"]
        with pytest.raises(offline.Wrong, match="another group"):
            one.stands("tiketit", TOMORROW)
        change(one.said)
        with pytest.raises(offline.Wrong, match=says):
            one.stands("asiakastiedot", TOMORROW)

    @pytest.mark.parametrize(
        ("outcome", "right"),
        [("destroyed", False), ("recovered", True), ("superseded", True), ("held", True), ("pending", True)],
    )
    def test_what_was_under_way_when_it_was_taken_back_is_settled_later(self, aged, outcome, right):
        """Only what a later night destroyed by it went by nothing that stood."""
        confirmed(aged)
        one = said(1)
        one.said["campaign_withdrawn"] = {"day": TODAY.isoformat()}
        rules = {"grounds": [{"id": "a", "trigger": {"events": ["contract_ended"]}}], "ceilings": []}
        basis = [["a", "ended", "2020-12-31", "2023-12-31", "contract_ended", None, True]]
        leaf = {"estimated": [1], "basis": basis, "outcome": outcome}
        about = {"night": TOMORROW.isoformat(), "dataset": "asiakastiedot"}
        if right:
            offline.estimate_agrees(leaf, about, {"rules": rules, "estimated": [1]}, {1: one})
        else:
            with pytest.raises(offline.Wrong, match="taken back"):
                offline.estimate_agrees(leaf, about, {"rules": rules, "estimated": [1]}, {1: one})

    def test_what_was_taken_back_in_the_night_itself_may_have_gone_before(self, aged):
        confirmed(aged)
        one = said(1)
        one.said["campaign_withdrawn"] = {"day": TOMORROW.isoformat()}
        assert one.stands("asiakastiedot", TOMORROW)

    @pytest.mark.parametrize(
        ("leaf", "claimed"),
        [
            ({"estimated": [1], "basis": [["a", "ended", "2020-12-31", "2023-12-31", "contract_ended", None]]}, [1]),
            ({"basis": [["a", "ended", "2020-12-31", "2023-12-31", "contract_ended", None, True]]}, []),
            ({"basis": [["a", "ended", "2020-12-31", "2023-12-31", "contract_ended", None]]}, [1]),
            ({"estimated": [1], "basis": None}, []),
        ],
    )
    def test_no_leaf_hides_an_estimate_or_claims_one(self, aged, leaf, claimed):
        confirmed(aged)
        rules = {"grounds": [{"id": "a", "trigger": {"events": ["contract_ended"]}}], "ceilings": []}
        claim, leaf = {"rules": rules, **({"estimated": claimed} if claimed else {})}, {**leaf, "outcome": "destroyed"}
        about = {"night": TOMORROW.isoformat(), "dataset": "asiakastiedot"}
        basis = [["a", "ended", "2020-12-31", "2023-12-31", "contract_ended", None, True]]
        right = {"estimated": [1], "basis": basis, "outcome": "destroyed"}
        offline.estimate_agrees(right, about, {"rules": rules, "estimated": [1]}, {1: said(1)})
        with pytest.raises(offline.Wrong):
            offline.estimate_agrees(leaf, about, claim, {1: said(1)})

    def test_one_persons_proof_shows_who_answered_for_the_estimate(self, aged):
        confirmed(aged)
        run_night(aged, TOMORROW, LATER)
        out = io.BytesIO()
        assert prove("testi", "customer", "1006", out) == 1
        content = out.getvalue()
        found = offline_says(content)
        assert (found.problems, found.counts["estimated"]) == ([], 1)
        lines = [json.loads(line) for line in content.splitlines()]
        kinds = [line["proven"]["kind"] for line in lines if "proven" in line]
        assert kinds == ["campaign_proposed", "campaign_decided", "campaign_confirmed", "claimed", "leaves"]
        assert not names_any(content.decode(), "1006")


def test_what_a_backup_brings_back_without_a_day_of_its_own_is_shown_and_stays(aged, data_dir):
    """A ticket of somebody nobody knows, closed without a day: destroyed by a substitute, then restored."""
    row = ("9", "7777", "2020-01-01", "suljettu")
    insert = "insert into tiketti(id, asiakasnro, avattu, tila) values (?, ?, ?, ?)"
    sql(data_dir, insert, *row)
    confirmed(aged, dataset="tiketit", event="case_closed", day=DAY)
    assert succeeded(run_night(aged, TOMORROW, LATER))
    assert sql(data_dir, "select count(*) from tiketti where id = 9") == [(0,)]
    assert set(Gone.objects.filter(under__dataset="tiketit").values_list("under__estimated", flat=True)) == {"", "1"}
    sql(data_dir, insert, *row)
    for day in (1, 2):
        run = run_night(aged, TOMORROW + day * ONE, LATER + day * ONE)
        told = next(one for one in run.summary["datasets"] if one["dataset"] == "tiketit")
        assert (told["review"], told["destroyed"], told["unexplained"]) == (1, 0, 0)
    assert sql(data_dir, "select count(*) from tiketti where id = 9") == [(1,)]
    assert not Lot.objects.filter(why="RESTORED").exists()
    assert offline_says().problems == []
    verify("testi")


class TestAProposalThatWasKilled:
    @pytest.fixture
    def killed(self, aged, monkeypatch):
        """Its register was being read."""

        def dies(*args):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr("retention.campaign.members", dies)
            patch.setattr(Campaign.objects.all().__class__, "delete", lambda self: None)  # a kill cleans up nothing
            with pytest.raises(KeyboardInterrupt):
                campaigns.propose(aged, WANTED, OWNER, NOW)
        found = Campaign.objects.get()
        CampaignGap.objects.create(campaign=found, item="a" * 64, gap="b" * 64)
        return found

    def test_it_is_begun_anew_by_proposing_the_same(self, aged, killed):
        assert killed.state == "reading"
        again = proposed(aged)
        assert (again.number, again.state, again.items) == (1, "proposed", 1)
        assert list(Campaign.objects.values_list("pk", flat=True)) == [again.pk]
        assert CampaignGap.objects.count() == 1

    def test_one_that_lives_after_all_finds_that(self, aged, monkeypatch):
        reading = campaign_survey.members
        inner: list[Campaign] = []

        def overtaken(*args):
            if not inner:
                inner.append(Campaign.objects.get())
                inner.append(proposed(aged))
            yield from reading(*args)

        monkeypatch.setattr("retention.campaign.members", overtaken)
        with pytest.raises(LifecycleError, match="proposed anew"):
            proposed(aged)
        assert Campaign.objects.get() == inner[1]
        assert CampaignGap.objects.count() == 1

    def test_one_that_was_withdrawn_while_it_was_read_stays_so(self, aged, monkeypatch):
        reading = campaign_survey.members

        def withdrawn(*args):
            campaigns.withdraw(Campaign.objects.get(), OTHER, "Väärä ryhmä.", NOW)
            yield from reading(*args)

        monkeypatch.setattr("retention.campaign.members", withdrawn)
        with pytest.raises(LifecycleError, match="withdrawn"):
            proposed(aged)
        assert Campaign.objects.get().state == "withdrawn"
        assert not CampaignGap.objects.exists()


class TestItRests:
    """A dataset with a substitute in force is asked when something was written, or a day has come; else it stands."""

    def nights(self, company, data_dir, first, last):
        told = []
        for n in range(first, last + 1):
            File(data_dir).settle()
            run = run_night(company, TODAY + n * ONE, NOW + n * ONE)
            assert succeeded(run), run.summary
            told.append({row.dataset: row.unchanged_since for row in run.datasets.all()})
        return told

    def test_until_the_substitutes_day(self, aged, data_dir):
        confirmed(aged, day=date(2023, 7, 4))  # and three years: it may go on the fifth night
        told = self.nights(aged, data_dir, 1, 4)
        assert told[-1]["asiakastiedot"] is not None
        assert "1006" in customers(data_dir)
        self.nights(aged, data_dir, 5, 5)
        assert "1006" not in customers(data_dir)

    def test_until_the_day_of_another_event_of_its_own_row(self, aged, data_dir):
        content = document()
        content["datasets"][0]["mapping"]["events"]["occurred"] = "avattu"
        publish(aged, content, 2, TODAY.isoformat())
        sql(data_dir, "update tiketti set avattu = '2024-07-04' where id = 3")  # and two years: on the fifth night
        confirmed(aged, dataset="tiketit", event="case_closed", day=None, by="occurred")
        assert self.nights(aged, data_dir, 1, 4)[-1]["tiketit"] is not None
        assert sql(data_dir, "select count(*) from tiketti where id = 3") == [(1,)]
        self.nights(aged, data_dir, 5, 5)
        assert sql(data_dir, "select count(*) from tiketti where id = 3") == [(0,)]

    @pytest.mark.parametrize("what", ["confirmed", "withdrawn"])
    def test_until_persons_say_otherwise(self, aged, data_dir, what):
        found = confirmed(aged, day=date(2024, 1, 1)) if what == "withdrawn" else proposed(aged)
        assert self.nights(aged, data_dir, 1, 4)[-1]["asiakastiedot"] is not None
        if what == "withdrawn":
            campaigns.withdraw(found, OTHER, "Ei.", LATER)
        else:
            campaigns.decide(found, OWNER, "Selvä.", found.root, NOW)
            campaigns.confirm(found, OTHER, "Selvä.", found.root, NOW)
        assert self.nights(aged, data_dir, 5, 5)[-1]["asiakastiedot"] is None
        assert ("1006" in customers(data_dir)) is (what == "withdrawn")


class TestAnotherEventThatTheLedgerTells:
    """A ticket closed without a day goes by the day its person's contract began; its own rules ask no ledger."""

    @pytest.fixture
    def found(self, aged, data_dir):
        sql(data_dir, "update tiketti set avattu = '2014-01-01' where id = 3")
        return confirmed(aged, dataset="tiketit", event="case_closed", day=None, by="contract_started")

    def test_it_fills_and_the_reader_agrees(self, aged, data_dir, found):
        assert found.forecast["due"] == 1
        assert succeeded(run_night(aged, TOMORROW, LATER))
        assert sql(data_dir, "select count(*) from tiketti where id = 3") == [(0,)]

    def test_not_where_its_source_did_not_answer_tonight(self, aged, data_dir, found):
        sql(data_dir, "alter table sopimus rename to muualla")
        run = run_night(aged, TOMORROW, LATER)
        assert "not complete" in run.summary["problems"]["tiketit"]
        assert sql(data_dir, "select count(*) from tiketti where id = 3") == [(1,)]

    def test_its_source_is_asked_again_just_before(self, aged, data_dir, found):
        def at(reached):
            if reached == "intent committed" and Lot.objects.filter(dataset="tiketit", attempts__state="intent"):
                sql(data_dir, "update sopimus set alku = '2025-06-01' where asiakasnro = '1002'")

        run_night(aged, TOMORROW, LATER, at=at)
        assert sql(data_dir, "select count(*) from tiketti where id = 3") == [(1,)]
