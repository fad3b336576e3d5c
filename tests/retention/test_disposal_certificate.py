"""A night's certificate: what went and what stayed, by its signed evidence, and whether that is all."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest
from django.utils import translation

from retention.connectors.contract import Disposal
from retention.connectors.sql.connector import SqlConnector
from retention.disposal_certificate import certificate, page
from retention.domain.errors import EvidenceError
from retention.domain.lifecycle import Outcome
from retention.models import DatasetNight, EvidenceEntry, EvidenceHead
from retention.night import run_night
from tests.naming import names_any
from tests.retention.company import DUE_CUSTOMERS, DUE_TICKETS, NOW, TODAY, found_company


def of(told, code):
    return next(row for row in told["datasets"] if row["dataset"] == code)


def test_it_says_what_went_in_which_dataset_and_is_the_same_again(company):
    run_night(company, TODAY, NOW)
    entries, heads = EvidenceEntry.objects.count(), EvidenceHead.objects.count()
    told, seal = certificate(company, TODAY)
    assert of(told, "tiketit")["outcomes"] == {"destroyed": DUE_TICKETS}
    assert of(told, "asiakastiedot")["outcomes"] == {"destroyed": len(DUE_CUSTOMERS)}
    assert of(told, "tiketit")["backups"] == {"expire_on": None, "why": "unknown"}
    assert told["complete"] is True
    assert seal["head"] == EvidenceHead.objects.latest("number").digest
    DatasetNight.objects.all().delete()  # the evidence says it, and nothing else is asked
    assert certificate(company, TODAY) == (told, seal)
    assert (EvidenceEntry.objects.count(), EvidenceHead.objects.count()) == (entries, heads)


def test_what_stayed_makes_it_incomplete(company, monkeypatch):
    def refuse(self, mapping, refs, action, condition):
        return [Disposal(ref.key, Outcome.REFUSED, "not tonight") for ref in refs]

    with monkeypatch.context() as patched:
        patched.setattr(SqlConnector, "dispose", refuse)
        run_night(company, TODAY, NOW)
    told, seal = certificate(company, TODAY)
    assert told["complete"] is False
    assert of(told, "tiketit")["outcomes"] == {"refused": DUE_TICKETS}
    with translation.override("en"):
        shown = page(told, seal, "en")
    assert "Not everything is destroyed" in shown
    assert f"refused by the register {DUE_TICKETS}" in shown
    assert of(told, "tiketit")["backups"] is None
    assert "ackups" not in shown.split("</th></tr>")[1]  # nothing went: no backup keeps it any longer


def test_what_is_kept_after_all_is_not_called_gone(company, data_dir):
    def reopen(point):
        if point == "intent committed":
            with closing(sqlite3.connect(data_dir / "registers" / "crm.sqlite3")) as crm, crm:
                crm.execute("update tiketti set tila = 'auki', suljettu = null where id = 4")

    run_night(company, TODAY, NOW, at=reopen)
    told, seal = certificate(company, TODAY)
    assert of(told, "tiketit")["outcomes"] == {"destroyed": DUE_TICKETS - 1, "superseded": 1}
    assert told["complete"] is True
    for language, said in (
        ("en", "is gone or is rightly kept (kept: 1), and nothing else is overdue."),
        ("fi", "on poissa tai säilytetään perustellusti (säilytetään: 1), eikä"),
        ("sv", "är borta eller bevaras med rätta (bevaras: 1), och"),
    ):
        with translation.override(language):
            assert said in page(told, seal, language)


def test_what_nobody_could_ask_makes_it_incomplete_and_is_not_known(company, data_dir):
    (data_dir / "registers" / "crm.sqlite3").unlink()
    run_night(company, TODAY, NOW)
    told, seal = certificate(company, TODAY)
    assert told["complete"] is False
    with translation.override("en"):
        assert page(told, seal, "en").count("<td>not known</td>") == 2


def test_what_waits_for_a_person_is_overdue_all_the_same(db, data_dir):
    waiting = {"mode": "purge", "approval": "one", "grace": "P0D", "waves": False}
    company = found_company(data_dir, waiting)
    run_night(company, TODAY, NOW)
    told, seal = certificate(company, TODAY)
    assert told["complete"] is False
    assert (of(told, "tiketit")["overdue"], of(told, "tiketit")["unexplained"]) == (DUE_TICKETS, 0)
    for language, said in (("en", "waiting for a decision"), ("fi", "odottaa päätöstä")):
        with translation.override(language):
            assert f"{said}" in page(told, seal, language)


def test_it_names_nobody(company):
    run_night(company, TODAY, NOW)
    told, seal = certificate(company, TODAY)
    with translation.override("fi"):
        shown = page(told, seal, "fi")
    assert not names_any(shown, *DUE_CUSTOMERS)


def test_a_night_that_has_not_ended_has_none(company):
    with pytest.raises(EvidenceError, match="no signed night"):
        certificate(company, TODAY)
    run_night(company, TODAY, NOW)
    with pytest.raises(EvidenceError, match="no signed night"):
        certificate(company, TODAY + timedelta(days=1))
