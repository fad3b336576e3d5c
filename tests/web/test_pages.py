"""The pages: who sees which, that they do what they say through the same doors as the API, and that they add up."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from retention import holds as doors
from retention.counting import take_one
from retention.domain.lifecycle import LotState
from retention.evidence_log import EvidenceLog, sign_head
from retention.models import (
    AlarmWatch,
    Attempt,
    Connection,
    DatasetNight,
    EvidenceEntry,
    Hold,
    HoldSubject,
    KeyOutcome,
    LotEvent,
    Run,
)
from retention.models.run import RunState
from retention.night import run_night
from retention.outlook import count as count_ahead
from ropa.models import Dataset, Membership, Role
from ropa.services import publish
from tests.api.conftest import CAST, NIGHT, SECRET_NUMBER, make_lot, make_register
from tests.factors import member, sign_in
from tests.retention.company import NOW, TODAY, document, found_company
from tests.retention.company import publish as publish_content
from tests.retention.test_rule_impact import first_days
from web.errors import broken
from web.sums import last_nights, open_night

PAGES = (
    *("", "lots/", "alarms/", "registers/", "registers/crm/"),
    *("nights/", f"nights/{NIGHT}/", "holds/", "reports/", "evidence/", "ahead/"),
)
READERS = [name for name, role in CAST.items() if role is not Role.INTEGRATOR]


def client(name: str | None, language: str = "fi") -> Client:
    found = Client(raise_request_exception=False, headers={"Accept-Language": language})
    if name is not None:
        sign_in(found, User.objects.get(username=name))
    return found


def text(answer) -> str:
    """What is read on a page: no tags, no soft hyphens, every gap one blank."""
    shown = re.sub(r"<(style|title|svg).*?</\1>|<[^>]+>", " ", answer.content.decode(), flags=re.S)
    return re.sub(r"\s+", " ", shown.replace("\u00ad", "").replace("&nbsp;", " ").replace("\u00a0", " "))


def dataset_night(run: Run, **over) -> DatasetNight:
    values = {"register": "crm", "dataset": "crm-0", "overdue_left": 0, "unexplained": 0, **over}
    return DatasetNight.objects.create(run=run, **values)


def finished(house, day: date, purged: int = 0, **summary) -> Run:
    at = datetime(day.year, day.month, day.day, 0, 41, tzinfo=UTC)
    return Run.objects.create(
        organisation=house.testi,
        business_date=day,
        version=house.run.version,
        state=RunState.FINISHED,
        started_at=at - timedelta(minutes=41),
        finished_at=at,
        summary={"purged": purged, "unexplained": 0, "problems": {}, "unheard": {}, "datasets": [], **summary},
    )


@pytest.mark.parametrize("at", PAGES)
def test_a_page_is_for_those_who_may_read(house, at):
    address = f"/o/testi/{at}"
    assert client(None).get(address)["Location"] == f"/login/?next={address}"
    assert {client(name).get(address).status_code for name in READERS} == {200}
    assert client("ines").get(address).status_code == 403
    assert client("charlie").get(address).status_code == 404
    assert client("stranger").get(address).status_code == 404


@pytest.mark.parametrize("at", PAGES)
@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_a_page_takes_nothing_from_outside_and_names_no_person(house, at, language):
    answer = client("bob", language).get(f"/o/testi/{at}")
    content = answer.content.decode()
    assert f'<html lang="{language}">' in content
    assert "script-src 'self'" in answer["Content-Security-Policy"]
    assert "unsafe-inline" not in answer["Content-Security-Policy"]
    assert not re.search(r"<script(?! src=./static/)|<style| style=|(src|href)=.(https?:)?//", content)
    assert "no-store" in answer["Cache-Control"]
    assert SECRET_NUMBER not in content
    assert len(answer.content) < 100_000


def test_the_morning_tells_what_went_and_that_it_adds_up(house):
    today = house.testi.day_of(timezone.now())
    run = finished(house, today, purged=7)
    outcomes = {"destroyed": 5, "anonymised": 2, "held": 1, "refused": 3, "superseded": 4}
    dataset_night(run, counts={"outcomes": outcomes})
    shown = text(client("bob").get("/o/testi/"))
    assert "Siinä poistettiin 7 tietuetta; 4 jäi." in shown
    for part in ("15 otettiin käsittelyyn", "= 7 poistettiin", "+ 1 poistokielto", "+ 3 järjestelmä kieltäytyi"):
        assert part in shown
    assert "+ 4 ei enää poistettava" in shown
    assert "Mikään ei ole myöhässä" in shown


def test_what_nobody_knows_is_neither_nothing_nor_in_order(house):
    shown = text(client("bob").get("/o/testi/"))
    assert "Yöajoa ei ole vielä tehty." in shown
    assert "Mikään ei ole myöhässä" not in shown
    assert shown.count("Ei tiedetä") == 2

    run = finished(house, house.testi.day_of(timezone.now()))
    dataset_night(run, problem="did not answer", overdue_left=None, unexplained=None)
    shown = text(client("bob").get("/o/testi/"))
    assert "Ei tiedetä 1 rekisteri Rekisteri crm" in shown


def test_what_is_overdue_is_told_with_people_and_since_when(house):
    run = finished(house, house.testi.day_of(timezone.now()))
    dataset_night(run, overdue_left=9, unexplained=4, people_overdue=3, overdue_since=date(2026, 9, 1))
    shown = text(client("bob").get("/o/testi/"))
    assert "Myöhässä 4 tietuetta Koskee 3 henkilöä, 1.9.2026 alkaen." in shown


def test_several_organisations_stand_beside_each_other_and_one_alone_is_opened(house):
    assert client("bob").get("/")["Location"] == "/o/testi/"
    Membership.objects.create(user=User.objects.get(username="charlie"), organisation=house.testi, role=Role.AUDITOR)
    shown = client("charlie").get("/")
    assert "Testi Oy" in text(shown)
    assert "Toinen Oy" in text(shown)
    assert "Tunnuksellasi ei ole vielä roolia" in text(client("stranger").get("/"))


def test_two_persons_approve_on_the_page_what_its_digest_names(house):
    lot = make_lot(house.run, number=2)
    chosen = {"lot": f"{lot.pk}:{lot.digest}", "decision": "approve"}
    assert client("bob").post("/o/testi/lots/", chosen).status_code == 403
    alice = client("alice")
    shown = text(alice.post("/o/testi/lots/", chosen, follow=True))
    assert "Hyväksyit 1 erän." in shown
    assert "Niistä 1 odottaa vielä toista henkilöä." in shown
    alice.post("/o/testi/lots/", chosen)  # a second time: she is one person
    lot.refresh_from_db()
    assert lot.state == LotState.FLAGGED
    assert [event.who for event in LotEvent.objects.filter(lot=lot)] == ["controller:alice"]

    shown = text(client("ada").post("/o/testi/lots/", chosen, follow=True))
    lot.refresh_from_db()
    assert lot.state == LotState.APPROVED
    assert "odottaa vielä toista" not in shown


def test_a_lot_that_has_changed_since_it_was_looked_at_is_not_decided(house):
    for decision in ("approve", "reject"):
        told = {"lot": f"{house.lot.pk}:{'0' * 64}", "decision": decision, "reason": "tarkistettava"}
        client("alice").post("/o/testi/lots/", told)
        house.lot.refresh_from_db()
        assert (house.lot.state, house.lot.events.count()) == (LotState.FLAGGED, 0)


def test_turning_down_needs_a_reason_and_another_organisations_lot_is_not_known(house):
    told = {"lot": f"{house.lot.pk}:{house.lot.digest}", "decision": "reject"}
    shown = text(client("alice").post("/o/testi/lots/", told, follow=True))
    assert "mitään ei päätetty" in shown
    client("charlie").post("/o/toinen/lots/", {**told, "reason": "ei ole minun"})
    house.lot.refresh_from_db()
    assert house.lot.state == LotState.FLAGGED
    client("alice").post("/o/testi/lots/", {**told, "reason": "riita kesken"})
    house.lot.refresh_from_db()
    assert (house.lot.state, house.lot.keys) == (LotState.REJECTED, None)


def test_a_hold_is_placed_on_the_page_and_tells_what_it_saved(house):
    today = house.testi.day_of(timezone.now())
    told = {
        "people": f"{SECRET_NUMBER}\n{SECRET_NUMBER}\n",
        "register": "crm",
        "reason": "dispute",
        "note": "asia 12",
        "owner": "lakiasiat",
        "review_by": (today + timedelta(days=90)).isoformat(),
    }
    assert client("aino").post("/o/testi/holds/", told).status_code == 403
    shown = client("bob").post("/o/testi/holds/", told, follow=True)
    hold = Hold.objects.latest("pk")
    assert (hold.reason, hold.register, hold.owner, hold.start) == ("dispute", "crm", "lakiasiat", today)
    assert list(HoldSubject.objects.filter(hold=hold).values_list("subject", flat=True)) == [SECRET_NUMBER]
    assert "3 tietuetta säästyi." in text(shown)
    assert SECRET_NUMBER not in shown.content.decode()


def test_a_wrong_form_keeps_what_was_written_and_places_nothing(house):
    before = Hold.objects.count()
    told = {"people": "123", "reason": "dispute", "owner": "", "review_by": "2020-01-01", "note": "asia 13"}
    answer = client("bob").post("/o/testi/holds/", told)
    assert answer.status_code == 422
    assert "Päivän on oltava tulevaisuudessa." in text(answer)
    assert 'value="asia 13"' in answer.content.decode()
    assert Hold.objects.count() == before


def test_only_the_controller_releases_a_hold_and_only_once(house):
    address = f"/o/testi/holds/{house.hold.pk}/release/"
    assert client("bob").post(address).status_code == 403
    assert client("charlie").post(f"/o/toinen/holds/{house.hold.pk}/release/").status_code == 404
    assert client("alice").get(address).status_code == 405
    client("alice").post(address)
    house.hold.refresh_from_db()
    assert house.hold.released == house.testi.day_of(timezone.now())
    assert house.hold.released_by == "controller:alice"
    client("alice").post(address)
    assert Hold.history.filter(id=house.hold.pk, released__isnull=False).count() == 1


def test_a_running_night_is_stopped_from_its_page(house):
    address = f"/o/testi/nights/{NIGHT}/"
    assert "Pysäytä poistaminen" in text(client("bob").get(address))
    assert "Pysäytä poistaminen" not in text(client("aino").get(address))
    assert client("aino").post(f"{address}stop/").status_code == 403
    client("bob").post(f"{address}stop/", {"reason": "epäily"})
    house.run.refresh_from_db()
    assert (house.run.stop_requested, house.run.stop_reason) == (True, "epäily (dpo:bob)")


def test_a_night_says_why_records_stayed_without_a_key(house):
    lot = make_lot(house.run, number=3)
    attempt = Attempt.objects.create(lot=lot, run=house.run, number=1, positions=[0, 1, 2], epoch=0, state="outcome")
    for position in range(2):
        KeyOutcome.objects.create(
            lot=lot, attempt=attempt, position=position, outcome="refused", detail="avoin alitiketti"
        )
    dataset_night(house.run, counts={"outcomes": {"destroyed": 1, "refused": 2}})
    Run.objects.filter(pk=house.run.pk).update(state=RunState.FINISHED)
    shown = text(client("bob").get(f"/o/testi/nights/{NIGHT}/"))
    assert "1 tietue poistettiin; 2 jäi, syyt alla." in shown
    assert "järjestelmä kieltäytyi Perustiedot: avoin alitiketti 2" in shown


def test_a_stop_of_everything_is_told_on_every_page(house):
    doors.stop(house.testi, None, "dpo:bob", "epäily")
    for page in PAGES:
        assert "Kaikki poistaminen on pysäytetty epäily (dpo:bob)" in text(client("bob").get(f"/o/testi/{page}"))
    doors.resume(house.testi, None, "controller:alice")
    assert "pysäytetty epäily" not in text(client("bob").get("/o/testi/"))


def test_days_without_a_night_are_missing_in_the_picture_and_not_nothing(house):
    for day, purged in ((date(2026, 7, 1), 10), (date(2026, 7, 4), 0)):
        finished(house, day, purged)
    bars = last_nights(house.testi, date(2026, 7, 5))
    assert [(bar.day.day, bar.gone) for bar in bars] == [(1, 10), (2, None), (3, None), (4, 0)]


def test_an_open_night_is_one_after_the_last_that_came_to_its_end(house):
    assert open_night(house.testi) == house.run
    finished(house, NIGHT + timedelta(days=1))
    assert open_night(house.testi) is None


def test_the_language_is_chosen_on_any_page_and_stays(house):
    bob = client("bob")
    bob.post("/language/", {"language": "sv", "next": "/o/testi/holds/"})
    assert '<html lang="sv">' in bob.get("/o/testi/").content.decode()


def test_the_number_of_queries_does_not_grow_with_nights_and_lots(house, django_assert_max_num_queries):
    for n in range(20):
        run = finished(house, NIGHT + timedelta(days=n + 1))
        for dataset in range(5):
            dataset_night(run, dataset=f"crm-{dataset}")
    for n in range(20):
        make_lot(house.run, number=100 + n)
    bob = client("bob")
    for page, most in (("", 34), ("nights/", 18), ("lots/", 16), ("holds/", 15), ("registers/", 14)):
        assert bob.get(f"/o/testi/{page}").status_code == 200  # a process reads the version and the draft once
        with django_assert_max_num_queries(most):
            assert bob.get(f"/o/testi/{page}").status_code == 200


def test_a_page_that_breaks_gives_an_id_and_the_log_has_it_without_the_error_s_text(house, monkeypatch, caplog):
    def broken(*args, **kwargs):
        raise ValueError(SECRET_NUMBER)

    monkeypatch.setattr("web.morning.waiting", broken)
    answer = client("bob").get("/o/testi/")
    assert answer.status_code == 500
    (quote,) = re.findall(r'class="digest">([0-9A-F]{8})<', answer.content.decode())
    ours = [record.getMessage() for record in caplog.records if record.name == "web.errors"]
    assert len(ours) == 1
    assert quote in ours[0]
    assert SECRET_NUMBER not in ours[0]


def test_registers_are_found_by_place_and_dataset_and_show_their_rules(house):
    run = finished(house, house.testi.day_of(timezone.now()))
    dataset_night(run, counts={"left_keep": 12, "left_held": 3, "due": 9})
    bob = client("bob")
    assert "Rekisteri crm Omat palvelimet 1 15 kunnossa" in text(bob.get("/o/testi/registers/?q=PERUS"))
    assert "Rekisteri crm" not in text(bob.get("/o/testi/registers/?q=sähköposti"))
    shown = text(bob.get("/o/testi/registers/crm/"))
    assert "15 tietuetta oli jäljellä viime yöajon jälkeen." in shown
    assert "3 vuotta sopimuksen päättymisestä" in shown
    assert "vain seurataan" in shown
    assert bob.get("/o/testi/registers/nothing/").status_code == 404


def test_a_dataset_that_is_only_observed_says_what_was_not_deleted(house):
    today = house.testi.day_of(timezone.now())
    run = finished(house, today)
    run.version = house.testi.versions.get()
    run.save()
    dataset_night(run, counts={"left_due": 9, "due": 9}, unexplained=9, people_overdue=4)
    shown = text(client("bob").get(f"/o/testi/nights/{today}/"))
    assert "vain seurataan: 9 poistettavaksi erääntynyttä tietuetta jäi poistamatta" in shown
    assert "Koskee 4 henkilöä" in text(client("bob").get("/o/testi/"))
    dataset_night(run, register="toinen", dataset="toinen-0", counts={}, unexplained=1, people_overdue=1)
    assert "Koskee enintään 5 henkilöä" in text(client("bob").get("/o/testi/"))


def test_a_register_no_night_has_seen_is_not_in_order(house):
    make_register(house.testi, "tyhja", datasets=0)
    publish(house.testi, house.testi.day_of(timezone.now()), timezone.now(), "controller:alice", opinion_reason="uusi")
    shown = text(client("bob").get("/o/testi/registers/"))
    assert "Rekisteri crm Omat palvelimet 1 – ei tiedetä" in shown
    assert "Rekisteri tyhja Omat palvelimet 0 – ei tietoaineistoja" in shown


def test_reaching_a_register_tells_the_truth(house):
    Connection.objects.filter(code="crm").update(config={"url": "sqlite:////nowhere/crm.sqlite3"})
    assert client("aino").post("/o/testi/registers/crm/").status_code == 403
    shown = text(client("bob").post("/o/testi/registers/crm/", follow=True))
    assert "Rekisteriä ei tavoiteta niin kuin selosteessa sanotaan" in shown


def test_what_hinders_a_deletion_is_said_when_it_is_reached(db, data_dir):
    member(found_company(data_dir), "bob", Role.DPO)
    shown = text(client("bob").post("/o/testi/registers/crm/", follow=True))
    assert "Rekisteri vastaa" in shown
    assert "ei poisteta ennen kuin" not in shown
    with closing(sqlite3.connect(data_dir / "registers" / "crm.sqlite3")) as crm, crm:
        crm.execute("create table liite(id integer primary key, mika integer references tiketti(id))")
    shown = text(client("bob").post("/o/testi/registers/crm/", follow=True))
    assert "Rekisteri vastaa" in shown
    assert "ei poisteta ennen kuin tämä on korjattu: viiteavaimella liite.mika ei ole indeksiä" in shown


def test_a_report_is_made_for_a_day_and_never_for_one_to_come(house):
    bob = client("bob")
    today = house.testi.day_of(timezone.now())
    told = {"as_of": today.isoformat(), "record": "controller", "language": "fi", "format": "json"}
    made = bob.get("/o/testi/reports/", told)
    assert (made.status_code, made["Content-Type"]) == (200, "application/json")
    assert made.json()
    tomorrow = (today + timedelta(days=1)).isoformat()
    refused = bob.get("/o/testi/reports/", {**told, "as_of": tomorrow})
    assert refused.status_code == 422
    assert "Raportti koskee tätä päivää tai aiempaa." in text(refused)
    early = bob.get("/o/testi/reports/", {**told, "as_of": "2019-12-31"})
    assert "Mikään versio ei ollut voimassa tuona päivänä." in text(early)


def test_evidence_is_recomputed_on_the_page_and_a_changed_entry_is_named(house):
    bob = client("bob")
    assert "mitään ei tarkistettu" in text(bob.post("/o/testi/evidence/", follow=True))
    log = EvidenceLog("testi", "run:2026-06-30:0")
    log.append("night_started", {"business_date": "2026-06-30"})
    sign_head("testi", date(2026, 6, 30), log.chain, {})
    shown = text(bob.post("/o/testi/evidence/", follow=True))
    assert "Todisteketju on ehjä: 1 merkintää 1 ketjussa, 1 allekirjoitettua sinettiä" in shown
    EvidenceEntry.objects.update(body='{"business_date":"2026-06-29"}')
    assert "Todisteketju ei ole ehjä." in text(bob.post("/o/testi/evidence/", follow=True))


def test_an_alarm_is_quietened_by_a_day_and_a_reason_and_does_not_end(house):
    today = house.testi.day_of(timezone.now())
    address = f"/o/testi/alarms/{house.alarm.pk}/acknowledge/"
    told = {f"{house.alarm.pk}-until": (today + timedelta(days=3)).isoformat(), f"{house.alarm.pk}-reason": "korjataan"}
    assert client("alice").post(address, told).status_code == 403
    assert client("charlie").post(f"/o/toinen/alarms/{house.alarm.pk}/acknowledge/", told).status_code in {403, 404}
    far = client("bob").post(address, {**told, f"{house.alarm.pk}-until": "2099-01-01"})
    assert far.status_code == 422
    assert 'value="korjataan"' in far.content.decode()
    shown = text(client("bob").post(address, told, follow=True))
    assert "Se ei pääty tähän." in shown
    assert "asiaa hoidetaan" in shown
    house.alarm.refresh_from_db()
    assert (house.alarm.state, house.alarm.acknowledged_by) == ("acknowledged", "dpo:bob")


def test_no_alarm_is_not_in_order_where_nobody_has_looked(house):
    house.alarm.delete()
    assert "Tilannetta ei ole vielä tarkistettu" in text(client("bob").get("/o/testi/alarms/"))
    AlarmWatch.objects.create(organisation=house.testi, looked_at=datetime(2026, 6, 30, 4, 30, tzinfo=UTC))
    shown = text(client("bob").get("/o/testi/alarms/"))
    assert "Minkään ei tiedetä olevan vialla. Tarkistettu viimeksi 30.6.2026 klo 7.30." in shown


def test_a_customer_is_answered_from_the_real_register_and_only_to_whom_it_concerns(db, data_dir):
    observe = {"mode": "observe", "approval": "automatic", "grace": "P0D", "waves": False}
    organisation = found_company(data_dir, observe)
    run_night(organisation, TODAY, NOW)
    for name, role in (("bob", Role.DPO), ("aino", Role.AUDITOR)):
        member(organisation, name, role)
    assert client("aino").get("/o/testi/person/").status_code == 403
    assert client("aino").post("/o/testi/person/", {"number": "1005"}).status_code == 403
    shown = text(client("bob").post("/o/testi/person/", {"number": " 1005 "}))
    assert "1 tietue on jäljellä" in shown or "tietuetta on jäljellä" in shown
    assert "poistokielto" in shown
    assert "1005" in shown
    assert "Rekistereissä ei ole mitään tästä henkilöstä." in text(
        client("bob").post("/o/testi/person/", {"number": "999999"})
    )
    (data_dir / "registers" / "crm.sqlite3").unlink()
    shown = text(client("bob").post("/o/testi/person/", {"number": "1005"}))
    assert "Mitään ei löytynyt; kaikkea ei voitu kysyä." in shown
    assert "Rekistereissä ei ole mitään" not in shown


def test_the_dpo_stops_everything_and_only_the_controller_goes_on(house):
    bob, alice = client("bob"), client("alice")
    bob.post("/o/testi/stop/", {"reason": "  "})
    assert not doors.stopped(house.testi)
    assert client("aino").post("/o/testi/stop/", {"reason": "epäily"}).status_code == 403
    bob.post("/o/testi/stop/", {"reason": "epäily"})
    assert doors.stopped(house.testi) == "epäily (dpo:bob)"
    assert bob.post("/o/testi/stop/resume/").status_code == 403
    assert doors.stopped(house.testi)
    assert "Pura pysäytys" not in text(bob.get("/o/testi/nights/"))
    assert "Pura pysäytys" in text(alice.get("/o/testi/nights/"))
    alice.post("/o/testi/stop/resume/")
    assert not doors.stopped(house.testi)


def test_a_night_is_asked_for_once_however_often_the_button_is_pressed(house):
    today = house.testi.day_of(timezone.now())
    assert client("bob").post("/o/testi/nights/ask/").status_code == 403
    for _ in range(2):
        assert client("adam").post("/o/testi/nights/ask/")["Location"] == f"/o/testi/nights/{today}/"
    asked = Run.objects.get(organisation=house.testi, business_date=today)
    assert (asked.state, asked.requested_by) == (RunState.REQUESTED, "administrator:adam")
    assert "Pyydä tämän päivän yöajo" not in text(client("adam").get("/o/testi/nights/"))


def test_a_register_whose_contracts_nobody_heard_is_not_known(house):
    run = finished(house, house.testi.day_of(timezone.now()), unheard={"crm:contracts": "broke off"})
    dataset_night(run)
    shown = text(client("bob").get("/o/testi/"))
    assert "Ei tiedetä 1 rekisteri Rekisteri crm" in shown
    assert "Kaikki rekisterit vastasivat" not in shown


def test_the_page_of_our_own_error_asks_no_database(rf):
    class Gone:
        @property
        def is_authenticated(self):
            raise RuntimeError("the database is gone")

    request = rf.get("/o/testi/")
    request.user = Gone()
    request._messages = None
    assert broken(request).status_code == 500


def test_a_night_that_runs_is_shown_as_it_stands_and_can_be_stopped_there(db, data_dir):
    purge = {"mode": "purge", "approval": "automatic", "grace": "P0D", "waves": False}
    organisation = found_company(data_dir, purge)
    member(organisation, "bob", Role.DPO)
    seen = []

    def look(point: str) -> None:
        if point == "outcome committed":
            seen.append(text(client("bob").get(f"/o/testi/nights/{TODAY}/")))
            part = client("bob").get(f"/o/testi/nights/{TODAY}/live/").content.decode()
            assert "<html" not in part
            assert 'hx-trigger="every 3s"' in part

    run = run_night(organisation, TODAY, NOW, at=look)
    assert seen
    assert "Yöajo on käynnissä." in seen[0]
    assert "Pysäytä poistaminen" in seen[0]
    told = [re.search(r"(\d+) tietuetta (\d+) tietueesta on poistettu", one) for one in seen]
    numbers = [(int(one[1]), int(one[2])) for one in told if one is not None]
    assert len(numbers) == len(seen)
    assert all(0 <= gone <= size for gone, size in numbers)
    assert numbers[-1][0] == sum(row.counts["outcomes"].get("destroyed", 0) for row in run.datasets.all())
    after = client("bob").get(f"/o/testi/nights/{TODAY}/live/").content.decode()
    assert "hx-get" not in after  # nothing asks any more
    assert "Yöajo on päättynyt" in text(client("bob").get(f"/o/testi/nights/{TODAY}/live/"))


def test_what_falls_due_ahead_is_the_readers_own_count_month_by_month(db, data_dir):
    observe = {"mode": "observe", "approval": "automatic", "grace": "P0D", "waves": False}
    organisation = found_company(data_dir, observe)
    run_night(organisation, TODAY, NOW)
    member(organisation, "olga", Role.OWNER)
    assert "Päättyviä määräaikoja ei ole vielä laskettu." in text(client("olga").get("/o/testi/ahead/"))
    kept = count_ahead(organisation, NOW)
    organisation.refresh_from_db()
    version = organisation.versions.get()
    for one in kept.datasets:
        days = first_days(organisation, version, one["dataset"])
        months: dict[str, int] = {}
        for day in days.values():
            if day != TODAY:
                months[day.isoformat()[:7]] = months.get(day.isoformat()[:7], 0) + 1
        assert {month["month"]: month["gained"] for month in one["months"] if month["gained"]} == months
        assert one["at_once"]["gained"] == sum(day == TODAY for day in days.values())
    shown = text(client("olga").get("/o/testi/ahead/"))
    later = sum(month["gained"] for one in kept.datasets for month in one["months"])
    assert f"{later} tietueen määräaika päättyy" in shown
    assert f"{later} tietuetta 24 kuukaudessa" in text(client("olga").get("/o/testi/"))
    (data_dir / "registers" / "crm.sqlite3").unlink()
    client("olga").post("/o/testi/ahead/")
    morning = text(client("olga").get("/o/testi/"))
    assert "Päättyvät määräajat ei tiedetä" in morning
    assert "tietuetta 24 kuukaudessa" not in morning  # nothing could be counted: that is not 0


def test_what_nobody_mapped_is_not_known_ahead_and_named(db, data_dir):
    observe = {"mode": "observe", "approval": "automatic", "grace": "P0D", "waves": False}
    organisation = found_company(data_dir, observe)
    content = document(observe)
    content["datasets"][1]["mapping"] = None
    publish_content(organisation, content, 2)
    run_night(organisation, TODAY, NOW)
    member(organisation, "olga", Role.OWNER)
    kept = count_ahead(organisation, NOW)
    assert [one["items"] is None for one in kept.datasets] == [False, True]
    shown = text(client("olga", "en").get("/o/testi/ahead/"))
    assert "Not known Asiakkaan perustiedot. Of what did not answer, or is not mapped" in shown
    assert "Nobody has said where it lies in its register" in shown
    assert "Kukaan ei ole kertonut, missä se rekisterissään on" in text(client("olga").get("/o/testi/ahead/"))
    assert "not all of it is known" in text(client("olga", "en").get("/o/testi/"))


def test_what_nobody_mapped_is_not_known_in_the_drafts_effect_and_named(house):
    make_register(house.testi, "paper", datasets=1)
    dataset = Dataset.objects.get(register__code="paper")
    dataset.mapping, dataset.name = None, {"en": "Paper forms"}
    dataset.save()
    olga = client("olga", "en")
    olga.post("/o/testi/draft/count/")
    take_one(timezone.now())
    shown = text(olga.get("/o/testi/draft/"))
    assert "Not known Paper forms" in shown
    assert "Nobody has said where it lies in its register" in shown
    assert "0 records go earlier" not in shown


def test_a_night_that_ends_is_told_in_the_head_and_the_title_of_a_page_left_open(db, data_dir):
    purge = {"mode": "purge", "approval": "automatic", "grace": "P0D", "waves": False}
    organisation = found_company(data_dir, purge)
    member(organisation, "bob", Role.DPO)
    bob, address, during = client("bob", "en"), f"/o/testi/nights/{TODAY}/live/", []

    def look(point: str) -> None:
        if point == "outcome committed":
            during.append(bob.get(address).content.decode())

    run_night(organisation, TODAY, NOW, at=look)
    after = bob.get(address).content.decode()
    for part, word in ((during[0], "running"), (after, "finished")):
        (title,) = re.findall(r"<title>(.*?)</title>", part)
        (head,) = re.findall(r'<p class="sub" id="night-head" hx-swap-oob="true">.*?</p>', part, re.S)
        assert word in title
        assert word in head
    assert 'id="stop-night"' not in during[0]  # what is being typed there stays
    assert '<form id="stop-night" hx-swap-oob="delete">' in after
    page = bob.get(f"/o/testi/nights/{TODAY}/").content.decode()
    assert re.findall(r"<title>.*?</title>", page)[0] == re.findall(r"<title>.*?</title>", after)[0]
    assert 'id="night-head">' in page


@pytest.mark.parametrize(
    ("language", "word"), [("fi", "poistotodistus"), ("sv", "Raderingsintyg"), ("en", "Certificate")]
)
def test_a_nights_certificate_is_taken_from_its_page_in_the_readers_language(db, data_dir, language, word):
    purge = {"mode": "purge", "approval": "automatic", "grace": "P0D", "waves": False}
    organisation = found_company(data_dir, purge)
    member(organisation, "bob", Role.DPO)
    member(organisation, "ines", Role.INTEGRATOR)
    at = f"/o/testi/nights/{TODAY}/certificate/"
    assert client("bob").get(f"{at}html/").status_code == 404
    run_night(organisation, TODAY, NOW)
    bob = client("bob", language)
    assert f'href="{at}html/"' in bob.get(f"/o/testi/nights/{TODAY}/").content.decode()
    answer = bob.get(f"{at}html/")
    assert f'<html lang="{language}">' in answer.content.decode()
    assert word in answer.content.decode()
    assert answer["Content-Disposition"] == f'attachment; filename="testi-{TODAY}.html"'
    assert json.loads(bob.get(f"{at}json/").content)["certificate"]["night"] == str(TODAY)
    assert bob.get(f"{at}pdf/").status_code == 404
    assert client("ines").get(f"{at}html/").status_code == 403
