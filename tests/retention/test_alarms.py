"""Alarms: what is seen is told to real servers, goes on until it is over, and is quiet only as long as was promised."""

from __future__ import annotations

import hashlib
import hmac
import os
import shutil
import socket
import sqlite3
from contextlib import closing, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest
import time_machine
from django.core.management import call_command
from django.utils import translation

from config import messages
from retention.alarms import words
from retention.alarms.delivery import backoff, deliver
from retention.alarms.looking import acknowledge, look
from retention.alarms.rules import last_expected
from retention.domain.errors import LifecycleError, RuleError
from retention.evidence_log import copy_heads
from retention.models import (
    Alarm,
    AlarmDelivery,
    AlarmEvent,
    Connection,
    DatasetNight,
    EvidenceEntry,
    EvidenceHead,
    Hold,
    Run,
)
from retention.models.alarm import AlarmKind
from retention.models.canary import CanaryProblem
from retention.night import run_night
from retention.runs import request
from ropa.models import Organisation
from tests.own_database import wait
from tests.retention.alarmed import ADMIN, BOSS, DPO, SECRET, appoint, hook, sink
from tests.retention.company import NOW, TODAY, found_company

__all__ = ["hook", "sink"]

MORNING = datetime(2026, 7, 1, 4, 0, tzinfo=UTC)
"""Seven where the organisation is, on the day after the company's first night."""
PERSONAL = ("1001", "1005", "1006", "Testihenkilö", "Esimerkkikatu")


@pytest.fixture(scope="module", autouse=True)
def translations():
    messages.main("compile")


def night(organisation: Organisation, day: date, now: datetime) -> None:
    """A night to its end; its head's copy is written when a transaction ends, and a test's own never does."""
    run_night(organisation, day, now)
    copy_heads(organisation.slug)


def first_night(directory: Path) -> Organisation:
    """The company with every date that was missing, after its first night: nothing is wrong."""
    company = found_company(directory)
    appoint(company)
    with closing(sqlite3.connect(directory / "registers" / "crm.sqlite3")) as crm, crm:
        crm.execute("update sopimus set loppu = '2026-01-01' where asiakasnro = '1006'")
        crm.execute("update tiketti set suljettu = '2026-01-01' where tila = 'suljettu' and suljettu is null")
    night(company, TODAY, NOW)
    return company


@pytest.fixture
def quiet(db, data_dir):
    return first_night(data_dir)


def open_kinds(organisation: Organisation, now: datetime) -> set[tuple[str, str]]:
    return {(alarm.kind, alarm.thing) for alarm in look(organisation, now)}


def later(hours: float) -> datetime:
    return MORNING + timedelta(hours=hours)


def alarms_command(now: datetime, *arguments: str) -> None:
    with time_machine.travel(now, tick=False), suppress(SystemExit):
        call_command("alarms", *arguments)


def test_a_night_that_was_skipped_is_told_by_morning(own_database, sink, hook, django_db_blocker):
    def prepared():
        first_night(own_database.directory)

    def made_up():
        night(Organisation.objects.get(), date(2026, 7, 1), later(4))

    with django_db_blocker.unblock():
        assert own_database.in_process(prepared) == 0
        assert own_database.in_process(lambda: alarms_command(MORNING - timedelta(seconds=1))) == 0
        assert "night_missing" not in {told["kind"] for told in hook.messages()}
        before = len(sink.to(ADMIN))
        assert own_database.in_process(lambda: alarms_command(MORNING)) == 0
        (letter,) = sink.to(ADMIN)[before:]
        assert "Testi Oy" in letter["Subject"]
        assert "1.7.2026" in letter.get_content()
        assert "30.6.2026" in letter.get_content()
        headers, body = hook.posts[-1]
        told = hook.messages()[-1]
        assert (told["kind"], told["event"], told["organisation"]) == ("night_missing", "raised", "testi")
        assert told["facts"] == {"day": "2026-07-01", "last": "2026-06-30"}
        assert headers["Idempotency-Key"] == told["id"]
        signed = f"{headers['X-Seloste-Timestamp']}.".encode() + body
        wanted = "sha256=" + hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
        assert headers["X-Seloste-Signature"] == wanted
        assert own_database.in_process(made_up) == 0
        assert own_database.in_process(lambda: alarms_command(later(4.5))) == 0
    ended = {(told["kind"], told["event"]) for told in hook.messages()[-2:]}
    assert ended == {("night_missing", "resolved"), ("night_late", "raised")}
    said = "".join(letter.get_content() for letter in sink.letters) + "".join(str(one) for one in hook.messages())
    assert not [word for word in PERSONAL if word in said]


def test_two_commands_at_once_tell_it_once(own_database, sink, hook, django_db_blocker):
    def prepared():
        first_night(own_database.directory)

    with django_db_blocker.unblock():
        assert own_database.in_process(prepared) == 0
        several = [own_database.start(lambda: alarms_command(MORNING)) for _ in range(4)]
        assert [wait(pid) for pid in several] == [0] * 4
    told = [(message["kind"], message["event"]) for message in hook.messages()]
    assert told == [("night_missing", "raised")]
    assert (len(sink.to(ADMIN)), len(sink.letters)) == (1, 1)
    assert own_database.rows("select count from retention_alarm") == [(4,)]
    assert own_database.rows("select count(*) from retention_alarmdelivery where tries <> 1") == [(0,)]


@pytest.mark.parametrize("own_database", ["postgresql"], indirect=True)
def test_one_look_waits_for_the_other(own_database, django_db_blocker):
    """Otherwise the older of two would record what it saw over what the newer saw."""
    with django_db_blocker.unblock():
        assert own_database.in_process(lambda: first_night(own_database.directory)) == 0
        assert own_database.in_process(lambda: alarms_command(later(-1))) == 0
        with psycopg.connect(own_database.url) as other:
            other.execute("select * from retention_alarmwatch for update")
            pid = own_database.start(lambda: alarms_command(MORNING))
            waiting = "select query from pg_stat_activity where wait_event_type = 'Lock'"
            while not (found := own_database.rows(waiting)):
                assert os.waitpid(pid, os.WNOHANG) == (0, 0), "it did not wait"
            assert "FOR UPDATE" in found[0][0]  # before it looks, not when it records
            assert own_database.rows("select count(*) from retention_alarm") == [(0,)]
        assert wait(pid) == 0
    assert own_database.rows("select kind, count from retention_alarm") == [("night_missing", 1)]


def test_without_an_answer_the_next_level_is_told_and_then_the_last(quiet, sink):
    for hours in range(0, 73, 4):
        look(quiet, later(hours))
        deliver(quiet, later(hours))
    assert [event.at for event in AlarmEvent.objects.filter(what="escalated", alarm__kind="night_missing")] == [
        later(12),
        later(24),
    ]
    first = {address: sink.to(address)[0]["Message-ID"] for address in (ADMIN, DPO, BOSS)}
    assert len(set(first.values())) == 3
    assert not sink.to("auditor@example.invalid")
    assert Alarm.objects.get(kind="night_missing").level == 2
    assert [event.at for event in AlarmEvent.objects.filter(what="reminded", alarm__kind="night_missing")] == [
        later(48),
        later(72),
    ]


def test_what_somebody_has_in_hand_is_quiet_through_its_day_and_then_escalates_at_once(quiet, sink):
    look(quiet, MORNING)
    deliver(quiet, MORNING)
    alarm = Alarm.objects.get(kind="night_missing")
    acknowledge(alarm, date(2026, 7, 3), "the machine is being repaired", "dpo:bob", later(1))
    before = len(sink.letters)
    for hours in range(2, 64, 6):  # to the end of 3 July there
        look(quiet, later(hours))
        deliver(quiet, later(hours))
    assert len(sink.letters) == before
    alarm.refresh_from_db()
    assert (alarm.state, alarm.resolved_at) == ("acknowledged", None)
    look(quiet, later(65))  # 4 July, midnight there
    deliver(quiet, later(65))
    alarm.refresh_from_db()
    assert (alarm.state, alarm.level) == ("open", 1)
    assert len(sink.to(DPO)) == 1
    assert [event.what for event in alarm.events.all()] == ["raised", "acknowledged", "lapsed", "escalated"]
    (promised,) = alarm.events.filter(what="acknowledged")
    assert (promised.who, promised.reason, promised.until) == (
        "dpo:bob",
        "the machine is being repaired",
        date(2026, 7, 3),
    )


def test_who_puts_it_off_once_more_tells_the_next_level(quiet, sink):
    look(quiet, MORNING)
    alarm = Alarm.objects.get(kind="night_missing")
    for n, reached in ((1, [0, 0]), (2, [1, 0]), (3, [2, 1])):
        acknowledge(alarm, date(2026, 7, 3), "the machine is being repaired", "dpo:bob", later(n))
        deliver(quiet, later(n))
        assert [len(sink.to(whom)) for whom in (DPO, BOSS)] == reached
    assert "the machine" not in str(sink.letters)


@pytest.mark.parametrize(
    ("until", "reason", "by"),
    [
        (date(2026, 6, 30), "why", "who"),
        (date(2026, 8, 2), "why", "who"),
        (date(2026, 7, 2), " ", "who"),
        (date(2026, 7, 2), "why", ""),
    ],
)
def test_nobody_quietens_one_for_ever_or_without_saying_why_and_who(quiet, until, reason, by):
    look(quiet, MORNING)
    with pytest.raises(RuleError):
        acknowledge(Alarm.objects.get(kind="night_missing"), until, reason, by, MORNING)
    assert Alarm.objects.get(kind="night_missing").state == "open"


def test_what_is_over_comes_back_as_new_and_no_old_word_counts(quiet):
    look(quiet, MORNING)
    alarm = Alarm.objects.get(kind="night_missing")
    acknowledge(alarm, date(2026, 7, 20), "why", "who", MORNING)
    night(quiet, date(2026, 7, 1), later(-3))
    look(quiet, later(1))
    alarm.refresh_from_db()
    assert alarm.state == "resolved"
    with pytest.raises(LifecycleError):
        acknowledge(alarm, date(2026, 7, 2), "why", "who", MORNING)
    look(quiet, later(24))
    again = Alarm.objects.get(kind="night_missing")
    assert (again.pk, again.state, again.acknowledged_until, again.first_seen) == (alarm.pk, "open", None, later(24))


def test_a_mail_server_that_is_down_is_tried_again_and_told_of_by_the_other_channel(quiet, sink, hook, settings):
    there, settings.EMAIL_PORT = settings.EMAIL_PORT, free_port()
    look(quiet, MORNING)
    now = MORNING
    for tries in (1, 2, 3):
        done = deliver(quiet, now)
        assert done.failed == 1, tries
        assert deliver(quiet, now + backoff(tries) - timedelta(seconds=1)).failed == 0
        now += backoff(tries)
    kept = AlarmDelivery.objects.filter(channel="email", state="waiting")
    assert {(row.tries, row.problem) for row in kept} == {
        (3, "the mail server cannot be reached (ConnectionRefusedError)")
    }
    assert ("delivery_failing", "email") in open_kinds(quiet, now)
    told = AlarmDelivery.objects.filter(event__alarm__kind="delivery_failing")
    assert [row.channel for row in told] == ["webhook"]  # by mail it would wait behind itself
    settings.EMAIL_PORT = there
    done = deliver(quiet, now)
    assert (done.failed, AlarmDelivery.objects.filter(state="waiting").count()) == (0, 0)
    (letter,) = sink.to(ADMIN)
    assert "1.7.2026" in letter.get_content()
    assert ("delivery_failing", "raised") in {(told["kind"], told["event"]) for told in hook.messages()}
    assert ("delivery_failing", "email") not in open_kinds(quiet, now + timedelta(minutes=1))


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_an_address_that_is_refused_keeps_nobody_else_waiting(quiet, sink, settings):
    settings.ALARM_MAIL = [["ops@example.invalid"]]
    sink.refused.add(ADMIN)
    look(quiet, MORNING)
    done = deliver(quiet, MORNING)
    assert (done.sent, done.failed) == (1, 1)
    assert len(sink.to("ops@example.invalid")) == 1
    problems = set(AlarmDelivery.objects.filter(state="waiting").values_list("problem", flat=True))
    assert problems == {"the mail server refuses the recipient"}


@pytest.mark.parametrize("answer", [500, 404, 302])
def test_a_receiver_that_does_not_take_it_is_asked_again_under_the_same_id(quiet, hook, answer):
    hook.answer = answer
    look(quiet, MORNING)
    assert deliver(quiet, MORNING).failed == 1
    hook.answer = 200
    assert deliver(quiet, MORNING + timedelta(minutes=1)).sent == 1
    first, second = [told["id"] for told in hook.messages()]
    assert first == second


def test_who_has_the_role_no_more_gets_nothing(quiet, sink):
    look(quiet, MORNING)
    quiet.memberships.filter(role="administrator").delete()
    assert deliver(quiet, MORNING).dropped == 1
    assert sink.letters == []


def test_every_alarm_is_logged_where_nobody_is_told(quiet, caplog):
    look(quiet, MORNING)
    assert AlarmDelivery.objects.count() == 0
    assert any("raised: testi: night_missing" in line for line in caplog.messages)


@pytest.mark.parametrize(
    ("now", "night_at", "day"),
    [
        ("2026-07-01T03:59:59", "02:00", date(2026, 6, 30)),
        ("2026-07-01T04:00:00", "02:00", date(2026, 7, 1)),
        ("2026-07-01T03:59:59", "22:00", date(2026, 6, 29)),
        ("2026-07-01T04:00:00", "22:00", date(2026, 6, 30)),
        ("2026-01-15T05:00:00", "02:00", date(2026, 1, 15)),  # winter: seven is five UTC
        ("2026-01-15T04:59:59", "02:00", date(2026, 1, 14)),
    ],
)
def test_by_when_a_night_has_run(now, night_at, day, settings):
    settings.NIGHT_AT = datetime.strptime(night_at, "%H:%M").time()  # noqa: DTZ007
    instant = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert last_expected(instant, ZoneInfo("Europe/Helsinki")) == day


def test_nothing_is_expected_before_there_was_a_rule(company):
    assert open_kinds(company, datetime(2026, 6, 30, 12, 0, tzinfo=UTC)) == set()
    assert open_kinds(company, MORNING) == {("night_missing", "")}


def test_a_night_that_stopped_is_told_at_once_and_one_that_still_runs_in_the_morning(quiet):
    asked = request(quiet, date(2026, 7, 1), "schedule")
    Run.objects.filter(pk=asked.pk).update(state="stopped", stop_reason="Matti Meikäläinen pyysi")
    assert ("night_stopped", "") in open_kinds(quiet, later(-2))
    assert ("night_missing", "") not in open_kinds(quiet, later(1))
    Run.objects.filter(pk=asked.pk).update(state="running")
    assert open_kinds(quiet, later(2)) == {("night_late", "")}
    assert "Matti" not in str(list(AlarmEvent.objects.values())) + str(list(Alarm.objects.values()))


class TestClockThatWasAhead:
    """It is right again, and rows of days that have not come yet lie there."""

    def test_a_night_of_a_day_to_come_keeps_tonights_from_running_which_is_told(self, quiet):
        night(quiet, TODAY + timedelta(days=5), NOW + timedelta(days=5))
        assert open_kinds(quiet, MORNING) == {("night_missing", ""), ("clock_wrong", "")}
        assert open_kinds(quiet, MORNING + timedelta(days=4)) == set()

    def test_a_request_for_a_day_to_come_hides_no_night_that_stopped(self, quiet):
        for day, state in (("2026-07-01", "stopped"), ("2027-06-30", "requested")):
            Run.objects.create(organisation=quiet, business_date=day, state=state)
        assert open_kinds(quiet, later(1)) == {("night_stopped", "")}

    def test_the_evidence_that_it_looked_at_is_recomputed(self, quiet):
        look(quiet, later(-1) + timedelta(days=400))
        EvidenceEntry.objects.filter(number=2).update(body="{}")
        assert ("evidence_broken", "") in open_kinds(quiet, later(-1))

    def test_no_message_waits_for_its_time(self, quiet, hook):
        EvidenceEntry.objects.filter(number=2).update(body="{}")
        look(quiet, later(-1) + timedelta(days=400))
        deliver(quiet, later(-1))
        assert "evidence_broken" in {told["kind"] for told in hook.messages()}

    def test_a_head_without_its_copy_does_not_wait_for_it(self, quiet, data_dir):
        Run.objects.update(finished_at=later(-1) + timedelta(days=400))
        (data_dir / "heads" / "testi" / f"{EvidenceHead.objects.get().number}.json").unlink()
        assert ("head_not_copied", "") in open_kinds(quiet, later(-1))


class TestClockThatIsBehind:
    """It comes back days or minutes behind what it has said already."""

    def test_it_is_told_and_ends_no_alarm_of_a_night_that_is_missing(self, quiet):
        night(quiet, date(2026, 7, 1), later(-4))
        assert open_kinds(quiet, later(24)) == {("night_missing", "")}
        for hours in (-24.5, -24, -20):  # of the thirtieth of June, whose night has run
            assert open_kinds(quiet, later(hours)) == {("night_missing", ""), ("clock_wrong", "")}
        assert open_kinds(quiet, later(24)) == {("night_missing", "")}
        assert Alarm.objects.get(kind="clock_wrong").state == "resolved"

    def test_a_few_minutes_are_what_clocks_differ_by(self, quiet):
        look(quiet, later(-1))
        assert open_kinds(quiet, later(-1) - timedelta(minutes=10)) == set()
        look(quiet, later(-1))
        assert open_kinds(quiet, later(-1) - timedelta(minutes=11)) == {("clock_wrong", "")}

    def test_both_times_are_told_where_the_organisation_is(self, quiet):
        look(quiet, datetime(2026, 7, 1, 22, 0, tzinfo=UTC))
        look(quiet, later(-1))
        with translation.override("fi"):
            told = words.of_alarm(Alarm.objects.get(kind="clock_wrong"))
        assert "1.7.2026 klo 06:00" in told
        assert "2.7.2026 klo 01:00" in told


def test_a_register_that_is_gone_leaves_alarms_that_end_when_it_is_back(quiet, data_dir):
    crm = data_dir / "registers" / "crm.sqlite3"
    crm.rename(crm.with_suffix(".away"))
    night(quiet, date(2026, 7, 1), later(-4))
    seen = open_kinds(quiet, later(0))
    assert ("dataset_problem", "asiakastiedot") in seen
    assert {kind for kind, _ in seen} >= {"dataset_problem", "source_incomplete"}
    crm.with_suffix(".away").rename(crm)
    night(quiet, date(2026, 7, 2), later(20))
    assert open_kinds(quiet, later(24)) == set()


def test_dates_that_are_missing_are_told(company):
    night(company, TODAY, NOW)
    assert open_kinds(company, later(-1)) == {("start_missing", "asiakastiedot"), ("start_missing", "tiketit")}


def test_what_is_left_without_an_explanation_is_told_with_its_number(quiet):
    DatasetNight.objects.filter(dataset="tiketit").update(unexplained=3, overdue_since=date(2026, 1, 31))
    assert ("overdue", "tiketit") in open_kinds(quiet, later(-1))
    with translation.override("fi"):
        text = words.of_alarm(Alarm.objects.get(kind="overdue"))
    assert "tiketit" in text
    assert "31.1.2026" in text


def test_a_hold_that_nobody_reviewed(quiet):
    hold = Hold.objects.get()
    for day, over in ((date(2026, 6, 30), True), (date(2026, 7, 1), False)):
        Hold.objects.update(review_by=day)
        assert (("hold_review", str(hold.pk)) in open_kinds(quiet, MORNING)) is over


def test_evidence_that_was_changed_and_a_head_without_its_copy(quiet, data_dir):
    head = EvidenceHead.objects.get()
    copy = data_dir / "heads" / "testi" / f"{head.number}.json"
    copy.rename(copy.with_suffix(".gone"))
    EvidenceEntry.objects.filter(number=2).update(body="{}")
    assert {("head_not_copied", ""), ("evidence_broken", "")} <= open_kinds(quiet, later(-1))
    copy.with_suffix(".gone").rename(copy)
    seen = open_kinds(quiet, later(-0.5))
    assert ("head_not_copied", "") not in seen
    assert ("evidence_broken", "") in seen  # as long as it does not verify, it is recomputed at every look


def test_evidence_that_nobody_can_read_is_no_evidence_and_silences_nothing(quiet, data_dir):
    copy = data_dir / "heads" / "testi" / f"{EvidenceHead.objects.get().number}.json"
    copy.unlink()
    copy.mkdir()
    seen = open_kinds(quiet, later(4))
    assert ("evidence_broken", "") in seen
    assert ("night_missing", "") in seen


def test_evidence_is_not_judged_while_a_night_writes_it(quiet):
    EvidenceEntry.objects.filter(number=2).update(body="{}")
    look(quiet, later(-1))
    request(quiet, date(2026, 7, 1), "schedule")
    Run.objects.filter(business_date=date(2026, 7, 1)).update(state="running")
    assert ("evidence_broken", "") in open_kinds(quiet, later(-0.5))  # not seen is not over


def test_an_order_of_destruction_that_nobody_certified(quiet, tmp_path, settings):
    orders = tmp_path / "orders"
    orders.mkdir()
    written = orders / "D-0123456789ab.order.json"
    written.write_text(
        '{"order": "D-0123456789ab", "kind": "destruction_order", "place": "a", "box": "1", "papers": []}'
    )
    given = (MORNING - timedelta(days=settings.ALARM_PAPER_DAYS)).timestamp()
    os.utime(written, (given, given))
    Connection.objects.create(organisation=quiet, code="arkisto", kind="paper", config={"orders": str(orders)})
    assert ("paper_order", "D-0123456789ab") not in open_kinds(quiet, MORNING)
    assert ("paper_order", "D-0123456789ab") in open_kinds(quiet, later(1))
    written.write_text("not JSON")
    seen = open_kinds(quiet, later(2))
    assert {("paper_order", "D-0123456789ab"), ("not_looked", "paper_order")} <= seen
    shutil.rmtree(orders)  # a disk that is not mounted: not seen is not over
    seen = open_kinds(quiet, later(3))
    assert {("paper_order", "D-0123456789ab"), ("not_looked", "paper_order")} <= seen
    Connection.objects.filter(code="arkisto").delete()
    assert not {kind for kind, _ in open_kinds(quiet, later(4))} & {"paper_order", "not_looked"}


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_a_canary_says_in_every_language_what_is_wrong_with_it(language):
    with translation.override(language):
        facts = {"dataset": "crm", "day": "2026-07-01"}
        told = {words.sentence("canary_wrong", "7", {**facts, "problem": one}) for one in CanaryProblem.values}
    assert len(told) == len(CanaryProblem)
    assert not [one for one in told if "%(" in one or "7" not in one or "crm" not in one]


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_a_breaker_says_in_every_language_what_was_out_of_proportion(language):
    facts = {"day": "2026-07-01", "due": 71, "unforeseen": 72, "items": 73}
    with translation.override(language):
        told = [words.sentence("breaker", "asia", {**facts, "breaker": one}) for one in ("unforeseen", "share")]
    assert "72" in told[0]
    assert "71" in told[1]
    assert not [one for one in told if "%(" in one or "73" not in one or "asia" not in one]


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_every_kind_says_what_is_wrong_and_what_to_do_in_every_language(language):
    facts = {"day": "2026-07-01", "last": None, "since": None, "number": 2, "register": "crm", "running": True}
    with translation.override(language):
        told = {}
        for kind in AlarmKind:
            more = {**facts, "since": "2026-06-01"} if kind in {"paper_order", "hold_review"} else facts
            more = {**facts, "dataset": "crm", "problem": "left"} if kind == "canary_wrong" else more
            more = {**facts, "since": "2026-06-01", "problem": "away"} if kind == "head_not_stamped" else more
            more = {**facts, "breaker": "share", "due": 9, "items": 10} if kind == "breaker" else more
            more = {**facts, "at": "01:00", "last": "2026-07-02", "last_at": "02:00"} if kind == "clock_wrong" else more
            told[kind] = (words.sentence(kind, "asia", more), words.advice(kind))
    assert len(set(told.values())) == len(AlarmKind)
    assert not [one for one in told.values() if "%(" in one[0] or "None" in one[0]]
