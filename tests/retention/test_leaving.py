"""A register closes only when the real system bears it out, and stays as it was left: on SQLite, files and paper."""

from __future__ import annotations

import json
import logging
import os
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import translation

from retention import residue
from retention.closed import closings
from retention.domain.errors import EvidenceError, LifecycleError
from retention.evidence_check import verify
from retention.exit_certificate import page
from retention.holds import place, release
from retention.leaving import LeavingRefused, certificate_of, check, close, record_migration, reopen, seal_of
from retention.models import (
    Connection,
    EvidenceEntry,
    LedgerOpen,
    Lot,
    NightStep,
    RegisterEvent,
    Run,
)
from retention.night import run_night
from retention.reports import authority_report
from retention.runs import succeeded
from ropa.models import Register
from tests.naming import names_any
from tests.retention.company import NOW, TODAY
from tests.retention.leaving_company import dataset, found, hold, inventory, run, say

DAY = timedelta(days=1)
LATER = date(2026, 12, 31)


@pytest.fixture
def company(db, data_dir):
    return found(data_dir)


@pytest.fixture
def old(data_dir):
    return data_dir / "registers" / "vanha.sqlite3"


@pytest.fixture
def new(data_dir):
    return data_dir / "registers" / "uusi.sqlite3"


def empty(old):
    run(old, "delete from asiakas", "delete from muistio", "delete from liite")


def settle(path):
    """As if it had been written a while ago."""
    os.utime(path, (path.stat().st_mtime - 60,) * 2)


def closed(company, **over):
    return close(company, "vanha", "controller", "uusi järjestelmä", NOW, **over)


def states(company):
    return {one.dataset: (one.state, one.items) for one in check(company, "vanha", TODAY).datasets}


def why(company):
    return " / ".join(map(str, check(company, "vanha", TODAY).problems))


def moved(company, code="vanhat-asiakkaat", items=3, **over):
    return record_migration(
        company,
        code,
        over.pop("to", "uudet-asiakkaat"),
        items,
        "controller",
        "siirretty",
        TODAY,
        **{"key_column": "vanha_id", "destroy_by": LATER, **over},
    )


class TestWhatIsLeft:
    def test_what_is_there_is_left_and_said(self, company):
        assert states(company) == {"vanhat-asiakkaat": ("left", 3), "muistiot": ("left", 1)}
        with pytest.raises(LeavingRefused) as refused:
            closed(company)
        assert [problem.path for problem in refused.value.problems] == ["vanhat-asiakkaat", "muistiot"]
        assert "3 of 3 items" in str(refused.value)
        assert not closings(company)
        assert not EvidenceEntry.objects.exists()

    def test_empty_is_a_complete_answer(self, company, old):
        empty(old)
        assert states(company) == {"vanhat-asiakkaat": ("empty", 0), "muistiot": ("empty", 0)}
        assert check(company, "vanha", TODAY).may_close

    @pytest.mark.parametrize("break_it", ["drop table muistio", "alter table muistio rename column asiakasnro to nro"])
    def test_what_could_not_be_asked_is_never_empty(self, company, old, break_it):
        empty(old)
        run(old, break_it)
        assert states(company)["muistiot"] == ("unknown", None)
        assert "could not be asked" in why(company)

    def test_a_register_that_is_gone_is_not_empty(self, company, old):
        old.unlink()
        assert {state for state, _ in states(company).values()} == {"unknown"}

    def test_what_is_not_mapped_cannot_be_asked(self, company, old):
        empty(old)
        content = inventory()
        content["datasets"][1]["mapping"] = None
        say(company, content)
        assert states(company)["muistiot"] == ("unknown", None)

    def test_a_register_without_datasets_is_not_known_to_be_empty(self, company):
        content = inventory()
        content["datasets"] = content["datasets"][2:]
        say(company, content)
        assert "no dataset" in why(company)

    def test_rows_that_went_with_nothing_are_left(self, company, old):
        empty(old)
        run(old, "insert into liite values (1, 1, 'a.pdf')")
        assert "liite" in why(company)
        assert "1 rows" in why(company)

    def test_what_nobody_maps_is_shown_in_the_certificate(self, company, old):
        empty(old)
        run(old, "create table muu(id integer primary key)", "insert into muu values (1)")
        assert certificate_of(closed(company))["beside"] == {"muu": 1}

    def test_of_what_only_columns_are_mapped_the_rows_are_shown(self, company, old, capsys):
        run(old, "delete from muistio", "update asiakas set nimi = null")
        content = inventory()
        content["datasets"][0]["mapping"]["fields"] = ["nimi"]
        say(company, content)
        assert states(company)["vanhat-asiakkaat"] == ("empty", 0)  # a row without its columns is no item any more
        call_command("close_register", "testi", "vanha", check=True, language="en")
        assert "What lies there that no dataset asks for: asiakas (3)" in capsys.readouterr().out
        event = closed(company)
        assert certificate_of(event)["beside"] == {"asiakas": 3}
        with translation.override("en"):
            shown = page(certificate_of(event), seal_of(event), "en")
        assert "What lies there that no dataset asks for" in shown

    def test_held_are_items_under_an_active_hold_of_a_frozen_register(self, company, old):
        run(old, "delete from muistio")
        kept = hold(company, "2001", "2002", "2003")
        assert states(company)["vanhat-asiakkaat"] == ("held", 3)
        (told,) = [one for one in check(company, "vanha", TODAY).datasets if one.state == "held"]
        assert [(h.hold, h.reason, h.review_by, h.items) for h in told.holds] == [(kept.pk, "dispute", "2027-01-31", 3)]
        say(company, inventory("migrating"))
        assert "frozen" in why(company)

    @pytest.mark.parametrize("change", [{"released": TODAY}, {"start": TODAY + DAY}, {"register": "uusi"}])
    def test_a_hold_that_does_not_hold_today_holds_nothing(self, company, old, change):
        run(old, "delete from muistio")
        kept = hold(company, "2001", "2002", "2003")
        for name, value in change.items():
            setattr(kept, name, value)
        kept.save()
        assert states(company)["vanhat-asiakkaat"] == ("left", 3)

    def test_one_item_without_a_hold_is_one_too_many(self, company, old):
        run(old, "delete from muistio")
        hold(company, "2001", "2002")
        assert "1 of 3 items" in why(company)


class TestMigrated:
    @pytest.fixture(autouse=True)
    def _only_customers(self, company, old):
        run(old, "delete from muistio")

    @pytest.mark.parametrize(
        "key",
        [
            {"key_column": "vanha_id"},
            {"key_column": "", "key_template": "V-{key}", "to": "tunnuksin"},
        ],
    )
    def test_each_item_is_found_by_its_key(self, company, key):
        content = inventory()
        content["datasets"].append(dataset("tunnuksin", "uusi", "henkilo", key="tunnus"))
        say(company, content)
        moved(company, **key)
        (one, _) = check(company, "vanha", TODAY).datasets
        assert one.moved is not None
        assert (one.state, one.moved.there, one.moved.missing) == ("migrated", 3, 0)

    def test_an_item_that_is_not_there_is_left(self, company, new):
        moved(company)
        run(new, "delete from henkilo where vanha_id = '2'")
        assert "1 of 3 items are not in uusi" in why(company)

    def test_an_equal_key_of_another_person_is_another_item(self, company, new):
        moved(company)
        run(new, "update henkilo set asiakasnro = '2009' where vanha_id = '2'")
        assert "1 of 3 items are not in uusi" in why(company)

    def test_without_a_key_mapping_the_keys_themselves_are_compared(self, company):
        moved(company, key_column="")
        assert "3 of 3 items are not in uusi" in why(company)

    def test_what_is_not_there_may_be_held(self, company, new):
        moved(company)
        run(new, "delete from henkilo where vanha_id = '2'")
        hold(company, "2002")
        assert states(company)["vanhat-asiakkaat"] == ("migrated", 3)

    def test_the_person_s_count_must_be_the_register_s(self, company):
        moved(company, items=4)
        assert "4 items were recorded as migrated, and 3 are here" in why(company)

    def test_what_stays_needs_a_day_of_destruction_and_a_frozen_register(self, company):
        moved(company, destroy_by=None)
        assert "until when" in why(company)
        moved(company)
        assert check(company, "vanha", TODAY).may_close
        assert not check(company, "vanha", LATER + DAY).may_close
        say(company, inventory("migrating"))
        assert "frozen" in why(company)

    def test_a_new_place_that_cannot_be_asked_has_nothing(self, company, new):
        moved(company)
        new.unlink()
        assert states(company)["vanhat-asiakkaat"][0] == "unknown"

    @pytest.mark.parametrize(
        ("over", "where"),
        [
            ({"to": "olematon"}, "olematon"),
            ({"code": "olematon"}, "olematon"),
            ({"to": "muistiot"}, "muistiot"),
            ({"items": -1}, "items"),
            ({"key_template": "x"}, "key_template"),
            ({"key_template": "{key}"}, "key_column"),
            ({"destroy_by": TODAY - DAY}, "destroy_by"),
        ],
    )
    def test_a_record_that_makes_no_sense_is_refused(self, company, over, where):
        with pytest.raises(LeavingRefused) as refused:
            moved(company, **over)
        assert where in [problem.path for problem in refused.value.problems]


class TestClosing:
    def test_the_certificate_is_signed_evidence_and_names_nobody(self, company, old, caplog):
        caplog.set_level(logging.DEBUG)
        run(old, "delete from muistio")
        moved(company)
        kept = hold(company, "2001", reason="authority")
        event = closed(company)
        told = certificate_of(event)
        (customers, notes) = told["datasets"]
        assert (customers["state"], customers["items"], customers["moved"]["missing"]) == ("migrated", 3, 0)
        assert customers["holds"] == [{"hold": kept.pk, "reason": "authority", "review_by": "2027-01-31", "items": 1}]
        assert (notes["state"], notes["items"]) == ("empty", 0)
        assert customers["root"] != notes["root"]
        assert verify("testi").heads == 1
        assert seal_of(event)["entry"] == EvidenceEntry.objects.get().digest
        assert EvidenceEntry.objects.get().body == event.certificate
        with translation.override("fi"):
            shown = page(told, seal_of(event), "fi")
        for text in (shown, event.certificate, caplog.text, str(event.remaining)):
            assert not names_any(text, "2001", "2002", "Testi Yksi")
        assert "<h2>Sinetti</h2>" in shown
        assert "Vanha asiakasrekisteri" in shown
        assert "Testi &amp; Pojat Oy" in shown
        assert "30.6.2026" in shown

    def test_a_changed_certificate_is_found(self, company, old):
        empty(old)
        closed(company)
        entry = EvidenceEntry.objects.get()
        EvidenceEntry.objects.update(body=entry.body.replace('"items":0', '"items":1'))
        with pytest.raises(EvidenceError, match="was changed"):
            verify("testi")

    @pytest.mark.parametrize(
        ("backups", "expected"),
        [
            ({"value": {"keep_for": "P30D"}}, ("2026-07-30", "")),
            ({"value": {"keep_for": "P30D", "at_most": "P2M"}}, ("2026-08-30", "")),
            ({"value": {"keep_generations": 7}}, (None, "unknown")),
            ({"value": {"keep_generations": 7, "keep_for": "P7D"}}, (None, "unknown")),
            ({"value": {"every": "P1D"}}, (None, "unknown")),
            ({"none_because": {"fi": "ei varmuuskopioida"}}, (None, "none")),
            (None, (None, "unknown")),
        ],
    )
    def test_when_the_backups_expire_is_said_and_never_made_up(self, company, old, backups, expected):
        empty(old)
        say(company, inventory(backups=backups))
        event = closed(company)
        told = certificate_of(event)["backups"]
        assert (told["expire_on"], told["why"]) == expected
        event.refresh_from_db()
        assert event.backups_until == (date.fromisoformat(expected[0]) if expected[0] else None)

    def test_what_stays_is_backed_up_until_it_is_destroyed(self, company, old):
        run(old, "delete from muistio")
        say(company, inventory(backups={"value": {"keep_for": "P10D"}}))
        moved(company)
        assert check(company, "vanha", TODAY).backups["expire_on"] == "2027-01-10"
        hold(company, "2001")
        assert check(company, "vanha", TODAY).backups == {"expire_on": None, "why": "held"}

    def test_nothing_closes_without_somebody_and_a_reason(self, company, old):
        empty(old)
        for by, reason in (("", "x"), ("controller", " ")):
            with pytest.raises(LifecycleError, match="reason"):
                close(company, "vanha", by, reason, NOW)

    def test_what_cannot_be_signed_is_not_closed(self, company, old, data_dir):
        empty(old)
        (data_dir / "keys" / "evidence.pem").write_text("no key")
        with pytest.raises(EvidenceError):
            closed(company)
        assert not RegisterEvent.objects.exists()

    def test_a_register_that_tells_the_ledger_stays_open(self, company):
        run_night(company, TODAY, NOW)
        assert "uusi:sopimukset" in " ".join(p.path for p in check(company, "uusi", TODAY).problems)

    def test_a_register_that_has_something_open_stays_open(self, company):
        whose = {"organisation": company, "subject_kind": "customer", "subject": "1001"}
        LedgerOpen.objects.create(**whose, name="service_ended", source="uusi:sopimukset")
        assert "uusi:sopimukset" in " ".join(p.path for p in check(company, "uusi", TODAY).problems)

    def test_a_register_through_which_others_are_found_stays_open(self, company, old):
        empty(old)
        content = inventory()
        content["registers"][0]["identities"] = [
            {
                "id": "nimet",
                "kind": "uid",
                "subject_kind": "customer",
                "place": "asiakas",
                "subject": "asiakasnro",
                "value": "nimi",
            }
        ]
        content["datasets"][2]["mapping"]["subject_key"] = {"kind": "uid", "via": "vanha"}
        say(company, content)
        assert "uudet-asiakkaat" in why(company)

    def test_twice_and_nothing(self, company, old):
        empty(old)
        closed(company)
        with pytest.raises(LifecycleError, match="closed already"):
            closed(company)
        with pytest.raises(LifecycleError, match="no register"):
            close(company, "olematon", "controller", "x", NOW)

    def test_the_draft_says_so_too(self, company, old):
        draft = Register.objects.create(organisation=company, code="vanha", name={}, medium="database")
        empty(old)
        closed(company)
        draft.refresh_from_db()
        assert draft.lifecycle == "closed"
        assert "controller" in Register.history.filter(code="vanha").latest().history_change_reason
        reopen(company, "vanha", "controller", "erehdys", NOW)
        draft.refresh_from_db()
        assert draft.lifecycle == "active"


class TestNights:
    def test_a_night_works_on_it_no_more_and_the_report_says_since_when(self, company, old):
        empty(old)
        closed(company)
        old.unlink()
        night = run_night(company, TODAY, NOW)
        assert succeeded(night), night.summary
        kinds = set(NightStep.objects.filter(register="vanha").values_list("kind", flat=True))
        assert kinds == {"closed"}
        report = authority_report(company, TODAY, "fi")
        assert report["registers"][0]["lifecycle"] == "suljettu 30.6.2026"
        assert authority_report(company, TODAY - DAY, "fi")["registers"][0]["lifecycle"] == "jäädytetty"
        asked = EvidenceEntry.objects.get(kind="closed_register_asked")
        assert json.loads(asked.body)["items"] == {"muistiot": None, "vanhat-asiakkaat": None}

    def test_without_a_connection_it_is_not_asked(self, company, old):
        empty(old)
        closed(company)
        Connection.objects.filter(code="vanha").delete()
        assert succeeded(run_night(company, TODAY, NOW))
        assert not EvidenceEntry.objects.filter(kind="closed_register_asked").exists()

    def test_data_that_is_there_again_is_an_alarm(self, company, old):
        empty(old)
        closed(company)
        assert succeeded(run_night(company, TODAY, NOW))
        run(old, "insert into asiakas values (9, '2001', 'Testi Yksi')")
        night = run_night(company, TODAY + DAY, NOW + DAY)
        assert not succeeded(night)
        assert "1 items are there that were not" in night.summary["problems"]["vanhat-asiakkaat"]

    def test_it_is_asked_in_a_night_in_which_all_else_stands_too(self, company, old, new):
        empty(old)
        closed(company)
        settle(new)
        said: list[str] = []
        for day in range(4):
            last = run_night(company, TODAY + day * DAY, NOW + day * DAY, progress=lambda *told: said.append(told[0]))
            assert succeeded(last)
        assert "unchanged" in said
        assert EvidenceEntry.objects.filter(kind="closed_register_asked").count() == 4
        run(old, "insert into asiakas values (9, '2001', 'Testi Yksi')")
        night = run_night(company, TODAY + 4 * DAY, NOW + 4 * DAY)
        assert not succeeded(night)
        assert "1 items are there that were not" in night.summary["problems"]["vanhat-asiakkaat"]
        assert night.summary["datasets"]
        verify("testi")

    def test_it_is_asked_where_there_is_no_other(self, company, old):
        empty(old)
        closed(company)
        alone = inventory()
        alone["registers"], alone["datasets"] = alone["registers"][:1], alone["datasets"][:2]
        say(company, alone)
        assert succeeded(run_night(company, TODAY, NOW))
        run(old, "insert into asiakas values (9, '2001', 'Testi Yksi')")
        night = run_night(company, TODAY + DAY, NOW + DAY)
        assert "1 items are there that were not" in night.summary["problems"]["vanhat-asiakkaat"]

    def test_one_gone_and_another_come_is_no_balance(self, company, old):
        run(old, "delete from muistio")
        hold(company, "2001", "2002", "2003")
        closed(company)
        assert succeeded(run_night(company, TODAY, NOW))
        run(old, "delete from asiakas where id = 1", "insert into asiakas values (9, '2001', 'Testi Yksi')")
        assert not succeeded(run_night(company, TODAY + DAY, NOW + DAY))

    def test_what_is_held_no_longer_is_an_alarm(self, company, old):
        run(old, "delete from muistio")
        kept = hold(company, "2001", "2002", "2003")
        closed(company)
        assert succeeded(run_night(company, TODAY, NOW))
        release(kept, TODAY + DAY, "controller")
        night = run_night(company, TODAY + DAY, NOW + DAY)
        assert "held no longer" in night.summary["problems"]["vanhat-asiakkaat"]

    def test_what_was_to_be_destroyed_by_then_is_an_alarm_after_it(self, company, old):
        run(old, "delete from muistio")
        moved(company, destroy_by=TODAY + DAY)
        closed(company)
        for days, fine in ((0, True), (1, True), (2, False)):
            assert succeeded(run_night(company, TODAY + days * DAY, NOW + days * DAY)) is fine

    def test_reopened_it_is_worked_on_again(self, company, old):
        empty(old)
        closed(company)
        run_night(company, TODAY, NOW)
        reopen(company, "vanha", "controller", "erehdys", NOW + DAY)
        run_night(company, TODAY + DAY, NOW + DAY)
        kinds = set(
            NightStep.objects.filter(register="vanha", run__business_date=TODAY + DAY).values_list("kind", flat=True)
        )
        assert kinds == {"work", "read"}
        assert verify("testi").heads == 4
        with pytest.raises(LifecycleError, match="not closed"):
            reopen(company, "vanha", "controller", "erehdys", NOW)


class TestResidue:
    """An item went in a night, and a history table of the register keeps a copy of it."""

    @pytest.fixture
    def lot(self, company, old, new):
        run(old, "create table asiakas_history(asiakas_id integer, nimi text)")
        run(old, "insert into asiakas_history values (1, 'Testi Yksi')")
        run(new, "update sopimus set alku = '2010-01-01', loppu = '2011-01-01' where asiakasnro = '2001'")
        run_night(company, TODAY, NOW)
        empty(old)
        lot = Lot.objects.get(dataset="vanhat-asiakkaat")
        assert lot.state == "done"
        return lot

    def test_it_is_in_the_way_until_it_is_gone(self, company, old, lot):
        assert f"lot {lot.pk}: of 1 deleted items something is there still" in why(company)
        with pytest.raises(LeavingRefused):
            closed(company)
        run(old, "delete from asiakas_history")
        assert residue.again(lot, TODAY, "dpo", "emptied") == 0
        assert certificate_of(closed(company))["residue"] == []
        assert Lot.objects.get(pk=lot.pk).keys is None

    def test_what_a_person_keeps_is_in_the_certificate_and_told_again_after_its_day(self, company, lot):
        residue.keep(lot, TODAY, TODAY + DAY, "dpo", "the history is another controller's")
        event = closed(company)
        told = certificate_of(event)
        kept = {"lot": lot.pk, "dataset": "vanhat-asiakkaat", "items": 1, "where": ["asiakas_history"]}
        assert told["residue"] == [{**kept, "until": str(TODAY + DAY)}]
        with translation.override("fi"):
            shown = page(told, seal_of(event), "fi")
        assert "<h2>Poistettujen tietojen jäänteet</h2>" in shown
        assert "<td>asiakas_history</td><td>1.7.2026</td>" in shown
        assert succeeded(run_night(company, TODAY + DAY, NOW + DAY))
        night = run_night(company, TODAY + 2 * DAY, NOW + 2 * DAY)
        assert not succeeded(night)
        assert "of 1 deleted items something is there still" in night.summary["problems"]["vanhat-asiakkaat"]

    def test_it_does_not_close_once_that_day_has_passed(self, company, lot):
        residue.keep(lot, TODAY, TODAY + DAY, "dpo", "the history is another controller's")
        assert check(company, "vanha", TODAY + DAY).may_close
        assert not check(company, "vanha", TODAY + 2 * DAY).may_close


class TestRaces:
    def test_no_closing_while_a_night_runs(self, company, old):
        empty(old)
        told = []

        def at(point):
            if point == "collected uusi":
                with pytest.raises(LifecycleError, match="is running"):
                    closed(company)
                told.append(point)

        assert succeeded(run_night(company, TODAY, NOW, at=at))
        assert told
        assert not closings(company)

    def test_a_night_while_it_is_asked_wins(self, company, old):
        empty(old)

        def night(point):
            if point == "asked":
                run_night(company, TODAY, NOW)

        with pytest.raises(LifecycleError, match="a night began"):
            closed(company, at=night)
        assert not closings(company)
        closed(company)

    @pytest.mark.parametrize("what", ["place", "release", "version", "migration"])
    def test_whatever_else_changes_meanwhile_wins_too(self, company, old, what):
        empty(old)
        kept = hold(company, "2001")

        def change(point):
            if point != "asked":
                return
            if what == "place":
                place(company, [("customer", "2001")], "dispute", "", "x", TODAY, LATER)
            elif what == "release":
                release(kept, TODAY, "x")
            elif what == "version":
                say(company, inventory())
            else:
                moved(company)

        with pytest.raises(LifecycleError, match="ask again"):
            closed(company, at=change)

    def test_a_night_that_was_killed_is_ended_first(self, company, old):
        empty(old)
        Run.objects.create(organisation=company, business_date=TODAY, state="running")
        with pytest.raises(LifecycleError, match="let it end"):
            closed(company)

    def test_a_lot_whose_items_are_blocked_there_is_ended_first(self, company, old, new):
        run(new, "update sopimus set alku = '2010-01-01', loppu = '2011-01-01' where asiakasnro = '2001'")
        assert succeeded(night := run_night(company, TODAY, NOW)), night.summary
        lot = Lot.objects.get(dataset="vanhat-asiakkaat")
        Lot.objects.filter(pk=lot.pk).update(state="claimed", flagged_there=True)
        empty(old)
        assert f"lot {lot.pk}" in why(company)


class TestOtherSystems:
    def test_a_folder(self, company, old, data_dir):
        folder = data_dir / "palvelin"
        (folder / "kirjeet").mkdir(parents=True)
        letter = folder / "kirjeet" / "2001_2020-01-01.txt"
        letter.write_text("x")
        Connection.objects.filter(code="vanha").update(kind="files", config={"root": str(folder)})
        content = inventory()
        content["datasets"] = [
            dataset(
                "kirjeet",
                "vanha",
                "kirjeet",
                key="path",
                subject="asiakas",
                options={"pattern": "{asiakas}_{pvm:date}.txt"},
                events={"recorded": "pvm"},
            ),
            content["datasets"][2],
        ]
        say(company, content)
        assert states(company) == {"kirjeet": ("left", 1)}
        letter.unlink()
        assert states(company) == {"kirjeet": ("empty", 0)}
        (folder / "kirjeet").rmdir()
        assert states(company) == {"kirjeet": ("unknown", None)}
        (folder / "kirjeet").mkdir()
        closed(company)
        letter.write_text("x")
        assert not succeeded(run_night(company, TODAY, NOW))

    def test_a_paper_archive(self, company, data_dir):
        archive = data_dir / "arkisto"
        (archive / "orders").mkdir(parents=True)
        (archive / "boxes.csv").write_text("box;shelf;description;security\nL1;A1;vanhat;P-4\n")
        contents = archive / "contents.csv"
        contents.write_text("number;box;customer;kind\nL1/1;L1;2001;sopimus\n")
        config = {"list": str(archive / "boxes.csv"), "contents": str(contents), "orders": str(archive / "orders")}
        Connection.objects.filter(code="vanha").update(kind="paper", config=config)
        content = inventory()
        content["datasets"] = [
            dataset("paperit", "vanha", "sopimus", key="number", subject="customer"),
            content["datasets"][2],
        ]
        say(company, content)
        assert states(company) == {"paperit": ("left", 1)}
        hold(company, "2001")
        event = closed(company)
        assert certificate_of(event)["datasets"][0]["state"] == "held"
        assert succeeded(run_night(company, TODAY, NOW))


class TestCommands:
    def test_check_close_write_and_reopen(self, company, old, tmp_path, capsys):
        with pytest.raises(SystemExit):
            call_command("close_register", "testi", "vanha", check=True, language="en")
        assert "It may not close." in capsys.readouterr().out
        with pytest.raises(CommandError, match="stays open"):
            call_command("close_register", "testi", "vanha", by="controller", reason="x")
        run(old, "delete from muistio")
        call_command(
            "record_migration",
            *("testi", "vanhat-asiakkaat", "--to", "uudet-asiakkaat", "--items", "3", "--key-column", "vanha_id"),
            *("--destroy-by", "2099-01-01", "--by", "controller", "--reason", "x"),
        )
        call_command("close_register", "testi", "vanha", check=True, json=True)
        assert json.loads(capsys.readouterr().out.split("\n", 1)[1])["may_close"]
        out = tmp_path / "todistus.json"
        call_command("close_register", "testi", "vanha", by="controller", reason="x", out=out)
        told = json.loads(out.read_text())
        assert told["certificate"]["register"] == "vanha"
        assert told["seal"]["signature"]
        html = tmp_path / "todistus.html"
        call_command("close_register", "testi", "vanha", out=html, language="sv")
        assert '<html lang="sv">' in html.read_text()
        call_command("close_register", "testi", "vanha", reopen=True, by="controller", reason="x")
        assert not closings(company)

    @pytest.mark.parametrize(
        ("arguments", "options"),
        [
            (("olematon", "vanha"), {}),
            (("testi", "vanha"), {"out": Path("x.pdf")}),
            (("testi", "vanha"), {"reopen": True, "by": "x", "reason": "x"}),
            (("testi", "vanha"), {}),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, company, arguments, options):
        with pytest.raises(CommandError):
            call_command("close_register", *arguments, **options)
