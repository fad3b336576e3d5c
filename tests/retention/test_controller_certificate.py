"""What a processor destroyed for one customer: that one's items only, on which instruction, and what is left."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest
from django.utils import translation

from retention import residue
from retention.connectors.contract import Disposal
from retention.controller_certificate import KIND, issue, page
from retention.domain.errors import EvidenceError
from retention.domain.evidence import canonical, sha256_hex
from retention.domain.lifecycle import Outcome
from retention.evidence_check import verify
from retention.models import EvidenceEntry, Lot
from retention.night import run_night
from ropa.models import Version
from tests.naming import names_any
from tests.retention.company import NOW, TODAY, document, found_company, publish

AGREEMENT = {"instrument": "contract", "agreement": {"value": {"reference": "DPA-7", "signed_on": "2024-01-01"}}}


def found_processor(data_dir):
    """Customers' tickets are kept for the customers; the customers themselves are the company's own."""
    company = found_company(data_dir)
    Version.objects.all().delete()
    content = document()
    content["activities"].append(
        {"id": "isannointi", "name": {"fi": "Isännöinti"}, "role": "processor", "mandate": AGREEMENT, "purposes": []}
    )
    content["datasets"][0]["activity"] = "isannointi"
    content["datasets"][0]["grounds"][0]["kind"] = "instruction"
    content["registers"][0]["backups"] = {"value": {"at_most": "P30D"}}
    publish(company, content)
    return company


@pytest.fixture
def processor(db, data_dir):
    return found_processor(data_dir)


def issued(company, number="1008"):
    return issue(company, "customer", number, "Asiakas Oy", TODAY, "owner")


def test_it_says_what_went_when_and_on_which_instruction(processor):
    run_night(processor, TODAY, NOW)
    told, _ = issued(processor)
    assert told["complete"] is True
    (tickets,) = told["datasets"]  # not their data as a customer: of that we are the controller
    assert tickets["dataset"] == "tiketit"
    assert tickets["nights"] == [{"night": str(TODAY), "outcomes": {"destroyed": 2}}]
    assert tickets["rules"] == [{"id": "tuki", "kind": "instruction", "period": "P2Y", "from": ["case_closed"]}]
    assert tickets["agreement"] == {"reference": "DPA-7", "signed_on": "2024-01-01"}
    assert tickets["backups"] == {"expire_on": "2026-07-30", "why": ""}


def test_each_customer_has_only_their_own(processor):
    run_night(processor, TODAY, NOW)
    assert [d["nights"][0]["outcomes"] for d in issued(processor, "1001")[0]["datasets"]] == [{"destroyed": 1}]
    with pytest.raises(EvidenceError, match="nothing was sent as a processor"):
        issued(processor, "1003")  # destroyed, but as our own customer


def test_what_did_not_go_makes_it_incomplete_until_it_went(processor, monkeypatch):
    from retention.connectors.sql.connector import SqlConnector

    honest = SqlConnector.dispose

    def refuse(self, mapping, refs, action, condition):
        if mapping.place != "tiketti":
            return honest(self, mapping, refs, action, condition)
        return [Disposal(ref.key, Outcome.REFUSED, "not tonight") for ref in refs]

    with monkeypatch.context() as patched:
        patched.setattr(SqlConnector, "dispose", refuse)
        run_night(processor, TODAY, NOW)
    told, seal = issued(processor)
    assert told["complete"] is False
    assert told["datasets"][0]["left"] == {"refused": 2}
    with translation.override("en"):
        shown = page(told, seal, "en")
    assert "Some items are NOT destroyed yet" in shown
    assert told["datasets"][0]["backups"] is None
    assert "Destroyed in production" not in shown
    run_night(processor, TODAY + timedelta(days=1), NOW + timedelta(days=1))
    told, _ = issued(processor)
    assert told["complete"] is True
    assert told["datasets"][0]["nights"] == [{"night": str(TODAY + timedelta(days=1)), "outcomes": {"destroyed": 2}}]


def test_what_is_kept_after_all_is_not_called_gone(processor, data_dir):
    def reopen(point):
        if point == "intent committed":
            with closing(sqlite3.connect(data_dir / "registers" / "crm.sqlite3")) as database, database:
                database.execute("update tiketti set tila = 'auki', suljettu = null where id = 4")

    run_night(processor, TODAY, NOW, at=reopen)
    told, seal = issued(processor)
    assert told["datasets"][0]["nights"] == [{"night": str(TODAY), "outcomes": {"destroyed": 1, "superseded": 1}}]
    assert told["complete"] is True
    for language, said in (
        ("en", "Each item that was to be destroyed is gone or is rightly kept (kept: 1)."),
        ("fi", "on hävitetty tai säilytetään perustellusti (säilytetään: 1)."),
        ("sv", "är borta eller bevaras med rätta (bevaras: 1)."),
    ):
        with translation.override(language):
            assert said in page(told, seal, language)


def test_what_was_found_again_makes_it_incomplete_until_it_was_looked_for_and_gone(processor, data_dir):
    def crm(*statements):
        with closing(sqlite3.connect(data_dir / "registers" / "crm.sqlite3")) as database, database:
            for statement in statements:
                database.execute(statement)

    crm(
        "create table tiketti_history(tiketti_id integer, aihe text)",
        "insert into tiketti_history select id, aihe from tiketti where asiakasnro = '1008'",
    )
    run_night(processor, TODAY, NOW)
    told, seal = issued(processor)
    assert told["datasets"][0]["nights"] == [{"night": str(TODAY), "outcomes": {"destroyed": 2}}]
    assert (told["complete"], told["datasets"][0]["left"]) == (False, {"residue": 2})
    for language, said in (("en", "something of it is there still"), ("fi", "jäänteitä"), ("sv", "finns kvar")):
        with translation.override(language):
            assert said in page(told, seal, language)
    assert issued(processor, "1001")[0]["complete"] is True  # in the same lot, and nothing of it was found
    lot = Lot.objects.get(dataset="tiketit")
    crm("delete from tiketti_history where tiketti_id = 4")
    assert residue.again(lot, TODAY, "dpo", "one deleted") == 1
    assert issued(processor)[0]["datasets"][0]["left"] == {"residue": 1}
    crm("delete from tiketti_history")
    assert residue.again(lot, TODAY, "dpo", "emptied") == 0
    told, _ = issued(processor)
    assert (told["complete"], told["datasets"][0]["left"]) == (True, {})


def test_its_digest_is_in_the_evidence_and_names_nobody(processor):
    run_night(processor, TODAY, NOW)
    told, seal = issued(processor)
    entry = EvidenceEntry.objects.get(kind=KIND)
    body = json.loads(entry.body)
    assert body["sha256"] == sha256_hex(canonical(told))
    assert seal["entry"] == entry.digest
    assert not names_any(entry.body, "1008")
    assert "Asiakas" not in entry.body
    assert verify("testi").heads == 2


@pytest.mark.parametrize(
    ("language", "title"),
    [
        ("en", "Certificate of destruction for a controller"),
        ("fi", "Hävittämistodistus rekisterinpitäjälle"),
        ("sv", "Intyg om förstöring till den personuppgiftsansvarige"),
    ],
)
def test_the_page_is_in_three_languages_and_escaped(processor, language, title):
    run_night(processor, TODAY, NOW)
    told, seal = issue(processor, "customer", "1008", "<b>Oy</b>", TODAY, "owner")
    with translation.override(language):
        text = page(told, seal, language)
    assert title in text
    assert "&lt;b&gt;Oy" in text
    assert "<b>" not in text
    assert "DPA-7 (1.1.2024)" in text
    assert "30.7.2026" in text


@pytest.mark.parametrize(("controller", "by"), [(" ", "owner"), ("Asiakas Oy", "")])
def test_it_needs_a_name_and_somebody(processor, controller, by):
    run_night(processor, TODAY, NOW)
    with pytest.raises(EvidenceError, match="needs"):
        issue(processor, "customer", "1008", controller, TODAY, by)
    assert not EvidenceEntry.objects.filter(kind=KIND).exists()
