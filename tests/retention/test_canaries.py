"""People who do not exist: one must go on its day and by our hand, one that is held must stay."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command

from retention.alarms.looking import look
from retention.canaries import CanaryError, declare, withdraw
from retention.evidence_check import verify
from retention.holds import place, release
from retention.models import Alarm, Canary, EvidenceEntry
from retention.models.alarm import AlarmState
from tests.naming import any_names, names_any
from tests.retention.shape_house import POLICY, House, dataset, ground, house

THEN = datetime(2025, 6, 1, 9, tzinfo=UTC)
DUE, BY = date(2025, 7, 1), date(2025, 7, 3)


@pytest.fixture
def company(house: House) -> House:
    """Two made-up people, whose records fall due on the same day, and one real one."""
    for n, number in enumerate(("999001", "999002", "1001"), 1):
        house.put("sopimus", (n, number, f"S{n}", "2020-01-01", "2024-06-30"))
        house.tiedot((n, number, None, "2024-01-01"))
    house.publish(dataset(grounds=[ground("sopimus", period="P1Y")]))
    return house


def canary(company: House, expects="vanish", subject="999001", due_on=DUE, gone_by=BY, code="tiedot") -> Canary:
    return declare(company.organisation, code, subject, expects, due_on, gone_by, "tietosuojavastaava", THEN)


def of(one: Canary) -> tuple[str, str]:
    one.refresh_from_db()
    return one.state, one.problem


def alarms(company: House, day: date) -> list[tuple[str, str]]:
    now = datetime(day.year, day.month, day.day, 2, tzinfo=UTC)
    look(company.organisation, now)
    found = Alarm.objects.filter(kind="canary_wrong").exclude(state=AlarmState.RESOLVED)
    return [(alarm.thing, alarm.facts["problem"]) for alarm in found]


class TestVanishing:
    def test_on_its_day_and_by_our_hand(self, company):
        one = canary(company)
        assert of(one) == ("declared", "")
        run = company.night("2025-06-30")
        assert of(one) == ("there", "")
        assert run.summary["canaries"] == {"there": 1}
        run = company.night(DUE)
        assert of(one) == ("vanished", "")
        assert run.summary["canaries"] == {"vanished": 1}
        assert "canaries" not in company.night("2025-07-02").summary
        assert alarms(company, DUE) == []
        bodies = [json.loads(b) for b in EvidenceEntry.objects.filter(kind="canaries").values_list("body", flat=True)]
        assert [body["canaries"][0]["state"] for body in bodies] == ["there", "vanished"]
        assert not any_names(EvidenceEntry.objects.values_list("body", flat=True), "999001")
        verify("testi")

    def test_left_behind_by_a_policy_that_only_watches(self, company):
        company.publish(dataset(policy={**POLICY, "mode": "observe"}, grounds=[ground("sopimus", period="P1Y")]))
        one = canary(company)
        for day in (DUE, date(2025, 7, 2), BY):
            company.night(day)
            assert of(one) == ("there", "")
        company.night("2025-07-04")
        assert of(one) == ("wrong", "left")
        assert alarms(company, date(2025, 7, 4)) == [(str(one.pk), "left")]
        company.publish(dataset(grounds=[ground("sopimus", period="P1Y")]), since=date(2025, 7, 5))
        company.night("2025-07-05")
        assert of(one) == ("vanished", "")
        assert alarms(company, date(2025, 7, 5)) == []

    def test_taken_by_somebody_else_is_no_proof_and_stays_wrong(self, company):
        one = canary(company)
        company.night("2025-06-30")
        company.server.run("delete from tieto where nro = '999001'")
        company.night(DUE)
        assert of(one) == ("wrong", "not_ours")
        company.tiedot((9, "999001", None, "2024-01-01"))
        company.night("2025-07-02")
        assert of(one) == ("wrong", "not_ours")

    def test_by_rules_that_are_not_what_a_person_reckoned(self, company):
        company.publish(dataset(grounds=[ground("sopimus", period="P6M")]))
        one = canary(company)
        company.night("2024-12-30")
        assert of(one) == ("there", "")
        company.night("2024-12-31")
        assert of(one) == ("wrong", "too_early")

    def test_in_a_dataset_that_nobody_reads_any_more(self, company):
        one = canary(company)
        company.night("2025-06-30")
        company.publish(dataset(code="toiset", grounds=[ground("sopimus", period="P1Y")]))
        company.night(DUE)
        assert of(one) == ("wrong", "unread")
        assert alarms(company, DUE) == [(str(one.pk), "unread")]
        company.publish(dataset(grounds=[ground("sopimus", period="P1Y")]))
        company.night("2025-07-02")
        assert of(one) == ("vanished", "")

    def test_never_entered(self, company):
        one = canary(company, subject="999777")
        company.night("2025-07-03")
        assert of(one) == ("declared", "")
        company.night("2025-07-04")
        assert of(one) == ("wrong", "never_seen")


class TestSurviving:
    def held(self, company: House):
        until = date(2025, 12, 1)
        subject = [("customer", "999002")]
        return place(company.organisation, subject, "dispute", "", "lakiasiat", THEN.date(), until, by="x").hold

    def test_under_a_hold_it_stays(self, company):
        self.held(company)
        one = canary(company, "survive", "999002")
        company.night(DUE)
        assert of(one) == ("there", "")
        assert company.left() == {2}

    def test_without_one_it_would_prove_nothing(self, company):
        hold = self.held(company)
        one = canary(company, "survive", "999002")
        company.night("2025-06-30")
        release(hold, date(2025, 7, 1), "controller")
        company.night(DUE)
        assert of(one) == ("wrong", "lost")
        assert alarms(company, DUE) == [(str(one.pk), "lost")]

    def test_a_hold_that_never_was(self, company):
        company.publish(dataset(policy={**POLICY, "mode": "flag"}, grounds=[ground("sopimus", period="P1Y")]))
        one = canary(company, "survive", "999002")
        company.night("2025-06-30")
        assert of(one) == ("there", "")
        company.night(DUE)
        assert of(one) == ("wrong", "unheld")

    def test_taken_in_spite_of_the_hold(self, company):
        self.held(company)
        one = canary(company, "survive", "999002")
        company.night("2025-06-30")
        company.server.run("delete from tieto where nro = '999002'")
        company.night(DUE)
        assert of(one) == ("wrong", "lost")


class TestDeclaring:
    @pytest.mark.parametrize(
        ("over", "said"),
        [
            ({"code": "muut"}, "is not read by us"),
            ({"subject": " "}, "has a number"),
            ({"gone_by": DUE - timedelta(days=1)}, "lies before"),
        ],
    )
    def test_refused(self, company, over, said):
        with pytest.raises(CanaryError, match=said):
            canary(company, **over)
        assert not Canary.objects.exists()
        assert not EvidenceEntry.objects.filter(kind="canary_declared").exists()

    def test_twice(self, company):
        one = canary(company)
        with pytest.raises(CanaryError, match="already"):
            canary(company)
        withdraw(one, "Väärä numero.", "rekisterinpitäjä", THEN)
        canary(company)

    def test_withdrawn_it_is_looked_for_no_more_and_its_alarm_ends(self, company):
        one = canary(company, subject="999777")
        company.night("2025-07-04")
        assert alarms(company, date(2025, 7, 4)) == [(str(one.pk), "never_seen")]
        with pytest.raises(CanaryError, match="reason"):
            withdraw(one, " ", "rekisterinpitäjä", THEN)
        withdraw(one, "Jäi kirjaamatta.", "rekisterinpitäjä", THEN)
        assert alarms(company, date(2025, 7, 5)) == []
        with pytest.raises(CanaryError, match="over already"):
            withdraw(one, "Uudelleen.", "rekisterinpitäjä", THEN)
        verify("testi")


def command(*arguments: str) -> str:
    out = io.StringIO()
    call_command("canary", *arguments, stdout=out)
    return out.getvalue()


def test_from_the_command_line(company, monkeypatch):
    monkeypatch.setattr("django.utils.timezone.now", lambda: THEN)
    given = ("--dataset", "tiedot", "--subject", "999001", "--expects", "vanish", "--due-on", "2025-07-01")
    with pytest.raises(CommandError, match="--gone-by is missing"):
        command("declare", "testi", *given, "--by", "dpo")
    told = command("declare", "testi", *given, "--gone-by", "2025-07-03", "--by", "dpo")
    assert "ei ole vielä löytynyt rekisteristä" in told
    assert not names_any(told, "999001")
    company.server.run("delete from tieto where nro = '999001'")
    company.night("2025-07-04")
    with pytest.raises(SystemExit):
        command("list", "testi")
    number = str(Canary.objects.get().pk)
    assert "peruttu" in command("withdraw", "testi", number, "--by", "dpo", "--reason", "Jäi kirjaamatta.")
    assert json.loads(command("list", "testi", "--json"))[0]["state"] == "withdrawn"


__all__ = ["house"]
