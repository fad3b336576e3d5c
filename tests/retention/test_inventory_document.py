"""The inventory as a document: what it refuses and where it says so, and that nothing is lost or half done."""

from __future__ import annotations

import copy
import io
import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from django.utils import translation
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from retention.domain.errors import DocumentError
from retention.domain.periods import Period, Rounding
from retention.domain.rules import Trigger
from retention.inventory_document import export_document, import_document, normalised, read, warnings_of, yaml_text
from retention.inventory_document.schema_words import DESCRIPTIONS
from retention.inventory_document.shape import ordered, schema
from retention.inventory_document.yaml_text import LARGEST
from retention.models import Connection, Gate
from retention.plan import plan_of
from ropa.models import Dataset, Ground, Organisation, Register, Version
from tests.ropa.two_persons import publish_by_two

pytestmark = pytest.mark.usefixtures("english")
REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "inventory-document.md"


@dataclass(frozen=True)
class Row:
    trigger: Trigger | None
    period: Period | None
    rounding: Rounding
    in_force_from: date = date(2016, 1, 1)
    in_force_to: date | None = None


VOUCHER = Row(Trigger(("invoice_dated",)), Period.parse("P6Y"), Rounding("end_of_calendar_year_of_financial_year"))
LAWS = {"ACC-VOUCHER": (VOUCHER,)}
TODAY = date(2026, 11, 25)


def ground(code="sopimus", **over):
    made = {"id": code, "kind": "need", "trigger": "contract_ended", "period": "P3Y", "action": "delete"} | over
    return {key: value for key, value in made.items() if value is not ...}


def ceiling(code="enintaan", **over):
    return {"id": code, "trigger": "contract_ended", "period": "P10Y", "action": "delete"} | over


def document(**over):
    """A small sound document; the keys given replace those of its one dataset."""
    return {
        "seloste": 1,
        "organisation": {"slug": "testi", "name": "Testi Oy", "facts": {"usage_billed": False}},
        "registers": [
            {
                "id": "crm",
                "name": {"fi": "Asiakashallinta"},
                "medium": "database",
                "connection": "crm",
                "ledger": [
                    {
                        "id": "sopimukset",
                        "subject_kind": "customer",
                        "place": "sopimus",
                        "subject": "asiakasnro",
                        "contract": "sopimusnro",
                        "started": "alku",
                        "ended": "loppu",
                    }
                ],
            }
        ],
        "activities": [
            {
                "id": "suhde",
                "name": {"fi": "Asiakassuhde"},
                "purposes": [{"id": "sopimus", "name": {"fi": "Sopimus"}}],
            }
        ],
        "datasets": [
            {
                "id": "asiakkaat",
                "name": {"fi": "Asiakkaat"},
                "register": "crm",
                "activity": "suhde",
                "grain": "subject",
                "subject_kind": "customer",
                "mapping": {"place": "asiakas", "key": "id", "subject": "asiakasnro"},
                "grounds": [ground()],
                **over,
            }
        ],
        "connections": {"crm": {"kind": "sql", "config": {"url": {"secret": "env:CRM_URL"}}}},
    }


def changed(path, value):
    """The document with one place set, or (...) removed."""
    content = document()
    here = content
    for step in path[:-1]:
        here = here[step]
    if value is ...:
        del here[path[-1]]
    else:
        here[path[-1]] = value
    return content


def refused(content, text=False):
    """The problems for which a document is not read."""
    with pytest.raises(DocumentError) as error:
        read(content if text else yaml_text.write(content), LAWS)
    return {problem.path: problem.message for problem in error.value.problems}


def warned(content):
    return {problem.path: problem.message for problem in warnings_of(content, TODAY, LAWS)}


class TestReadingText:
    @pytest.mark.parametrize("word", ["no", "NO", "on", "yes", "y", "2020-01-01", "1e3", "1.5", "007", "0x1f", "1_000"])
    def test_a_bare_word_is_text(self, word):
        assert yaml_text.parse(f"a: {word}") == {"a": word}

    def test_only_these_are_not(self):
        assert yaml_text.parse("[true, false, null, ~, 7, -3, '7', \"true\"]") == [
            True,
            False,
            None,
            None,
            7,
            -3,
            "7",
            "true",
        ]

    @pytest.mark.parametrize(
        ("text", "place", "message"),
        [
            ("a: 1\nb: [1,\nc: 2\n", "line 4, column 1", "from line 2, column 4"),
            ("a:\n  b: 1\n  c: 2\n  b: 3\n", "line 4, column 3", "'b' stands here a second time"),
            ("grounds: []\nceilings: []\ngrounds: [1]\n", "line 3, column 1", "second time"),
            ("a: *nobody\n", "line 1, column 4", "no anchor"),
            ("a: &a\n  b: *a\n", "line 2, column 6", "within"),
            ("a: &a {x: 1}\nb:\n  <<: *a\n", "line 3, column 3", "merge keys"),
            ("a: !!python/object:os.system {}\n", "line 1, column 4", "tag"),
            ("a: 1\n---\nb: 2\n", "line 2, column 1", "second document"),
            ("1: a\n", "line 1, column 1", "key must be text"),
            ("[a]: b\n", "line 1, column 1", "key must be text"),
            ("a: 1234567890123456\n", "line 1, column 4", "quotes"),
            ('a: "\\0"\n', "line 1, column 4", "character"),
            ("a: \x01\n", "document", "characters"),
            ("a: '\ud800'\n", "document", "characters"),
            ("x" * (LARGEST + 1), "document", "larger"),
            ("ä" * (LARGEST // 2 + 1), "document", "larger"),
            ("[" * 100 + "]" * 100, "line 1, column 25", "nested"),
        ],
    )
    def test_what_is_no_document_is_refused_with_its_place(self, text, place, message):
        with pytest.raises(DocumentError) as error:
            yaml_text.parse(text)
        (problem,) = error.value.problems
        assert message in problem.message
        assert problem.path == place

    def test_aliases_that_unfold_without_end_are_refused(self):
        lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
        lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
        with pytest.raises(DocumentError, match="unfold to more than"):
            yaml_text.parse("\n".join(lines))

    def test_aliases_that_unfold_too_deep_are_refused(self):
        lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 40))]
        with pytest.raises(DocumentError, match="deeper"):
            yaml_text.parse("\n".join(lines))

    def test_an_alias_is_a_copy(self):
        found = yaml_text.parse("a: &a {x: [1]}\nb: *a\n")
        found["a"]["x"].append(2)
        assert found["b"] == {"x": [1]}


class TestShape:
    def test_a_sound_document_is_read(self):
        assert read(yaml_text.write(document()), LAWS) == document()

    @pytest.mark.parametrize("text", ["", "- a\n", "42\n", "seloste: 1\n", "null"])
    def test_what_is_no_inventory_is_refused(self, text):
        assert refused(text, text=True)

    def test_a_rule_list_lost_by_a_typing_error_is_found(self):
        content = document()
        content["datasets"][0]["ground"] = content["datasets"][0].pop("grounds")
        assert refused(content) == {"datasets[asiakkaat].ground": "unknown key 'ground'; did you mean 'grounds'?"}

    def test_a_rule_list_without_a_rule_is_found(self):
        assert refused(document(grounds=None)) == {"datasets[asiakkaat].grounds": "is empty, not a list"}

    @pytest.mark.parametrize(
        ("path", "value", "place", "message"),
        [
            (("seloste",), 2, "seloste", "is the number 2, not 1, the version of this format"),
            (("oragnisation",), {}, "oragnisation", "did you mean 'organisation'?"),
            (("organisation", "slug"), ..., "organisation.slug", "is missing"),
            (("organisation", "slug"), "a b", "organisation.slug", "is not an id"),
            (("organisation", "slug"), "a\n", "organisation.slug", "is not an id"),
            (("organisation", "first_plausible_day"), "1950-02-30", "organisation.first_plausible_day", "not a day"),
            (("organisation", "first_plausible_day"), 1950, "organisation.first_plausible_day", "not a day"),
            (("organisation", "facts"), {"Usage Billed": True}, "organisation.facts.Usage Billed", "unknown key"),
            (("registers", 0, "medium"), "databse", "registers[crm].medium", "did you mean 'database'?"),
            (("registers", 0, "name"), {}, "registers[crm].name", "a text"),
            (("registers", 0, "name"), "CRM", "registers[crm].name", "is 'CRM', not a text"),
            (
                ("registers", 0, "place"),
                {"value": {"fi": "a"}, "none_because": {"fi": "b"}},
                "registers[crm].place",
                "either",
            ),
            (("registers", 0, "id"), ..., "registers[0].id", "is missing"),
            (("datasets", 0, "grain"), "person", "datasets[asiakkaat].grain", "is none of subject, contract"),
            (("datasets", 0, "grounds"), {}, "datasets[asiakkaat].grounds", "is a mapping, not a list"),
            (
                ("datasets", 0, "grounds", 0, "trigger"),
                [],
                "datasets[asiakkaat].grounds[sopimus].trigger",
                "an event's name",
            ),
            (("datasets", 0, "policy"), {"mode": "purg"}, "datasets[asiakkaat].policy.mode", "did you mean 'purge'?"),
            (("datasets", 0, "policy"), {"waves": "no"}, "datasets[asiakkaat].policy.waves", "true or false"),
            (("datasets", 0, "grounds", 0, "status"), "sure", "datasets[asiakkaat].grounds[sopimus].status", "none of"),
            (
                ("datasets", 0, "grounds", 0, "condition"),
                [{"fact": "x"}],
                "datasets[asiakkaat].grounds[sopimus].condition[0].is",
                "is missing",
            ),
            (
                ("connections", "crm", "config", "url"),
                {"secret": "hunter2"},
                "connections.crm.config.url.secret",
                "a reference such as",
            ),
        ],
    )
    def test_every_part_is_strict(self, path, value, place, message):
        found = refused(changed(path, value))
        assert message in found[place]
        assert "hunter2" not in str(found)

    def test_all_errors_are_listed_at_once_in_the_documents_order(self):
        content = document()
        content["organisation"]["time_zone"] = "Europe/Helsingfors"
        content["registers"][0]["medum"] = "database"
        content["datasets"][0]["grounds"] = [
            ground("a", period="P6X"),
            ground("b", period="6"),
            ground("c", action=...),
        ]
        content["datasets"].append({**document()["datasets"][0], "id": "muut", "grounds": [ground(trigger="ended")]})
        assert list(refused(content)) == [
            "registers[crm].medum",
            "datasets[asiakkaat].grounds[c].action",
            "organisation.time_zone",
            "datasets[muut].grounds[sopimus].trigger",
        ]

    def test_the_schema_leaves_nothing_open(self):
        def objects(rule):
            if isinstance(rule, dict):
                if "properties" in rule or "patternProperties" in rule:
                    yield rule
                for member in rule.values():
                    yield from objects(member)
            elif isinstance(rule, list):
                for member in rule:
                    yield from objects(member)

        found = list(objects(schema()))
        assert len(found) > 30
        assert all(rule["additionalProperties"] is False for rule in found)


class TestMeaning:
    """What has the right shape and could not be executed."""

    @pytest.mark.parametrize(
        ("path", "value", "place", "message"),
        [
            (("organisation", "time_zone"), "Mars/Phobos", "organisation.time_zone", "no time zone"),
            (("organisation", "business_id"), "9900001-9", "organisation.business_id", "check digit"),
            (
                ("organisation", "financial_year_end"),
                "13-31",
                "organisation.financial_year_end",
                "not a day of the year",
            ),
            (
                ("organisation", "financial_years"),
                [{"start": "2020-01-01", "end": "2021-06-30"}, {"start": "2021-01-01", "end": "2021-12-31"}],
                "organisation.financial_years",
                "overlaps",
            ),
            (("registers", 0, "connection"), "cmr", "registers[crm].connection", "did you mean 'crm'?"),
            (("registers", 0, "connection"), ..., "datasets[asiakkaat].mapping", "has no connection"),
            (
                ("registers", 0, "ledger", 0, "contract"),
                ...,
                "registers[crm].ledger[sopimukset].contract",
                "is a contract",
            ),
            (("registers", 0, "ledger", 0, "place"), ..., "registers[crm].ledger[sopimukset].place", "is missing"),
            (("registers", 0, "ledger", 0, "via"), "api", "registers[crm].ledger[sopimukset].tells", "is missing"),
            (
                ("registers", 0, "ledger", 0, "purpose"),
                "muu",
                "registers[crm].ledger[sopimukset].purpose",
                "no purpose",
            ),
            (
                ("registers", 0, "ledger", 0, "events"),
                {"debt_du": "erapvm"},
                "registers[crm].ledger[sopimukset].events.debt_du",
                "did you mean 'debt_due'?",
            ),
            (
                ("datasets", 0, "register"),
                "crn",
                "datasets[asiakkaat].register",
                "no register 'crn'; did you mean 'crm'?",
            ),
            (("datasets", 0, "activity"), "x", "datasets[asiakkaat].activity", "no activity 'x'"),
            (("datasets", 0, "subject_kind"), ..., "datasets[asiakkaat].subject_kind", "is missing"),
            (("datasets", 0, "mapping", "subject"), ..., "datasets[asiakkaat].mapping.subject", "is missing"),
            (("datasets", 0, "grain"), "contract", "datasets[asiakkaat].mapping.contract", "is missing"),
            (
                ("datasets", 0, "mapping", "events"),
                {"record": "luotu"},
                "datasets[asiakkaat].mapping.events.record",
                "unknown event",
            ),
            (
                ("datasets", 0, "mapping", "children"),
                ["asiakas"],
                "datasets[asiakkaat].mapping.children[0]",
                "own place",
            ),
            (
                ("datasets", 0, "policy"),
                {"grace": "2 weeks"},
                "datasets[asiakkaat].policy.grace",
                "not a calendar period",
            ),
            (
                ("connections", "crm", "kind"),
                "sqll",
                "connections.crm.kind",
                "no connector 'sqll'; installed are files, imap, ldap, paper, sql",
            ),
            (("connections", "crm", "config"), {}, "connections.crm.config.url", "is missing"),
            (("connections", "crm", "config", "ulr"), "x", "connections.crm.config.ulr", "did you mean 'url'?"),
            (
                ("connections", "crm", "config", "url"),
                "postgresql://h/d",
                "connections.crm.config.url",
                "may hold a secret",
            ),
            (
                ("connections", "crm", "config", "url"),
                "sqlite:///a?key=b",
                "connections.crm.config.url",
                "may hold a secret",
            ),
            (
                ("connections", "crm", "config", "time_zone"),
                "http://u:hunter2@h/",
                "connections.crm.config.time_zone",
                "may hold a secret",
            ),
        ],
    )
    def test_what_could_not_be_executed_is_refused(self, path, value, place, message):
        found = refused(changed(path, value))
        assert message in found[place]
        assert "hunter2" not in str(found)

    @pytest.mark.parametrize(
        ("rule", "key", "message"),
        [
            (ground(trigger="contract_end"), "trigger", "unknown event 'contract_end'; did you mean 'contract_ended'?"),
            (
                ground(trigger={"latest_of": ["contract_ended", "ended"]}),
                "trigger.latest_of[1]",
                "unknown event 'ended'",
            ),
            (ground(trigger="case_closed"), "trigger", "nothing tells 'case_closed' of subject kind 'customer'"),
            (ground(period="P6"), "period", "not a calendar period"),
            (ground(period="P1.5Y"), "period", "not a calendar period"),
            (ground(period="PT5M"), "period", "not a calendar period"),
            (ground(rounding="end_of_year"), "rounding", "unknown rounding"),
            (ground(rounding="next 02-30"), "rounding", "not a day of the year"),
            (ground(period=...), "review_by", "is missing"),
            (ground(action="destroy_paper"), "action", "medium is database"),
            (ground(purpose="muu"), "purpose", "no purpose"),
            (ground(law="ACC-VOUCHERS"), "law", "did you mean 'ACC-VOUCHER'?"),
            (ground(kind="obligation", ends_on=["objection"]), "ends_on", "objection"),
            (ground(kind="obligation", ends_on=["erasure_requested"]), "ends_on", "erasure_requested"),
            (ground(ends_on=["asked"]), "ends_on[0]", "unknown event"),
            (ground(condition={"fact": "billed", "is": True}), "condition", "nothing tells the fact 'billed'"),
        ],
    )
    def test_a_rule_that_could_not_be_executed_names_itself(self, rule, key, message):
        assert message in refused(document(grounds=[rule]))[f"datasets[asiakkaat].grounds[sopimus].{key}"]

    @pytest.mark.parametrize(
        "rule",
        [
            ground(condition={"fact": "usage_billed", "is": True}),
            ground(trigger={"earliest_of": ["contract_started", "contract_ended"]}),
            ground(action="anonymise", rounding="next 06-30"),
            ground(period=..., review_by="2027-01-01", trigger="decommissioned"),
        ],
    )
    def test_what_is_told_is_accepted(self, rule):
        (written,) = read(yaml_text.write(document(grounds=[rule])), LAWS)["datasets"][0]["grounds"]
        assert written["trigger"] == rule["trigger"]

    def test_an_event_may_come_by_the_api(self):
        content = document(grounds=[ground(kind="consent", trigger="consent_withdrawn")])
        assert "nothing tells" in str(refused(content))
        by_api = {"id": "luvat", "subject_kind": "customer", "via": "api", "tells": ["consent_withdrawn"]}
        content["registers"][0]["ledger"].append(by_api)
        read(yaml_text.write(content), LAWS)
        content["registers"][0]["ledger"][-1] = {**by_api, "subject_kind": "staff"}
        assert "nothing tells" in str(refused(content))

    def test_a_ledger_tells_only_of_its_own_kind_of_subject(self):
        found = refused(changed(("datasets", 0, "subject_kind"), "staff"))
        assert "'contract_ended' of subject kind 'staff'" in found["datasets[asiakkaat].grounds[sopimus].trigger"]

    def test_a_start_may_be_the_items_own(self):
        content = document(grounds=[ground(trigger="case_closed")])
        content["datasets"][0]["mapping"]["events"] = {"case_closed": "suljettu"}
        assert read(yaml_text.write(content), LAWS)["datasets"][0]["mapping"]["events"] == {"case_closed": "suljettu"}

    def test_a_dataset_that_nobody_reaches_may_have_any_start(self):
        content = document(grounds=[ground(trigger="case_closed")])
        del content["datasets"][0]["mapping"]
        assert read(yaml_text.write(content), LAWS)["datasets"][0].get("mapping") is None

    @pytest.mark.parametrize("name", ["registers", "activities", "datasets"])
    def test_an_id_stands_once(self, name):
        content = document()
        content[name].append(copy.deepcopy(content[name][0]))
        assert "second time" in str(refused(content))

    def test_a_purpose_and_a_rule_stand_once(self):
        content = document(grounds=[ground(), ground()], ceilings=[ceiling(), ceiling()])
        content["activities"].append({**copy.deepcopy(content["activities"][0]), "id": "toinen"})
        found = refused(content)
        assert set(found) == {
            "activities[toinen].purposes[sopimus]",
            "datasets[asiakkaat].grounds[sopimus]",
            "datasets[asiakkaat].ceilings[enintaan]",
        }

    def test_ids_that_differ_by_capital_letters_only(self):
        content = document(grounds=[ground(), ground("SOPIMUS")])
        content["registers"].append({"id": "Crm", "name": {"fi": "Toinen"}, "medium": "paper"})
        content["connections"]["CRM"] = content["connections"]["crm"]
        found = refused(content)
        assert set(found) == {"registers[Crm]", "connections.CRM", "datasets[asiakkaat].grounds[SOPIMUS]"}
        assert found["registers[Crm]"] == "the id 'Crm' differs only by capital letters from 'crm': give it another"

    @pytest.mark.parametrize(
        ("every", "said"),
        [("P0D", "P0D is no time: how often is it?"), ("P0Y0M", "is no time"), ("yearly", "'yearly'")],
    )
    def test_how_often_it_is_looked_over_is_some_time(self, every, said):
        content = changed(("registers", 0, "review"), {"every": every})
        assert said in refused(content)["registers[crm].review.every"]

    def test_a_period_is_one_wherever_it_stands(self):
        limit = {"id": "kuusi", "name": {"fi": "Kuusi"}, "period": "6 vuotta"}
        right = {"id": "oikeus", "name": {"fi": "O"}, "right": "access", "deadline": {"period": "kuukausi"}}
        content = changed(("registers", 0, "backups"), {"value": {"every": "P1D", "at_most": "35"}})
        found = refused({**content, "time_limits": [limit], "rights": [right]})
        assert set(found) == {
            "registers[crm].backups.value.at_most",
            "time_limits[kuusi].period",
            "rights[oikeus].deadline.period",
        }

    def test_a_local_file_is_no_secret(self):
        local = "sqlite:///{data}/crm.sqlite3"
        written = read(yaml_text.write(changed(("connections", "crm", "config", "url"), local)), LAWS)
        assert written["connections"]["crm"]["config"]["url"] == local


def obliged(period):
    rule = {"kind": "obligation", "law": "ACC-VOUCHER", "trigger": "invoice_dated", "period": period}
    return document(grounds=[ground(**rule, rounding="end_of_calendar_year_of_financial_year")])


def law_warnings(content, day, laws):
    """Without what is said of an event that nothing tells: the document has no invoices."""
    found = {problem.path: problem.message for problem in warnings_of(content, day, laws)}
    return {path: said for path, said in found.items() if "ACC-VOUCHER" in said}


class TestWarnings:
    def test_a_sound_document_has_none(self):
        assert warned(document()) == {}

    def test_an_obligation_that_is_not_what_its_law_says(self):
        rule = ground(kind="obligation", law="ACC-VOUCHER", period="P7Y")
        found = warned(document(grounds=[rule]))
        assert set(found) == {
            f"datasets[asiakkaat].grounds[sopimus].{key}" for key in ("trigger", "period", "rounding")
        }
        assert "P6Y" in found["datasets[asiakkaat].grounds[sopimus].period"]
        read(yaml_text.write(document(grounds=[rule])), LAWS)

    @pytest.mark.parametrize(
        ("period", "day", "told"),
        [
            ("P6Y", date(2027, 12, 31), {"period": "ACC-VOUCHER says from 2028-01-01 on: P7Y"}),
            ("P7Y", date(2027, 12, 31), {"period": "ACC-VOUCHER says: P6Y"}),
            ("P7Y", date(2028, 1, 1), {}),
            ("P6Y", date(2028, 1, 1), {"period": "ACC-VOUCHER says: P7Y"}),
        ],
    )
    def test_an_obligation_is_held_against_the_law_of_its_day_and_the_coming_one_is_told_with_its_day(
        self, period, day, told
    ):
        before, after = replace(VOUCHER, in_force_to=date(2027, 12, 31)), replace(VOUCHER, period=Period.parse("P7Y"))
        laws = {"ACC-VOUCHER": (before, replace(after, in_force_from=date(2028, 1, 1)))}
        place = "datasets[asiakkaat].grounds[sopimus]"
        found = law_warnings(obliged(period), day, laws)
        assert {key.removeprefix(f"{place}."): said.partition("than ")[2] for key, said in found.items()} == told

    def test_a_row_that_follows_another_record_is_no_rule(self):
        (said,) = law_warnings(obliged("P6Y"), TODAY, {"ACC-VOUCHER": (Row(None, None, Rounding("none")),)}).values()
        assert "ACC-VOUCHER has no time of its own" in said

    @pytest.mark.parametrize(
        ("law", "day", "told"),
        [
            (replace(VOUCHER, in_force_from=date(2028, 1, 1)), TODAY, "ACC-VOUCHER is not in force before 2028-01-01"),
            (replace(VOUCHER, in_force_to=date(2026, 11, 24)), TODAY, "is not in force: it was until 2026-11-24"),
            (replace(VOUCHER, in_force_to=date(2026, 11, 25)), TODAY, "ACC-VOUCHER is in force until 2026-11-25 only"),
        ],
    )
    def test_a_law_that_is_not_in_force_yet_or_any_more_is_told_with_its_day(self, law, day, told):
        (said,) = law_warnings(obliged("P6Y"), day, {"ACC-VOUCHER": (law,)}).values()
        assert told in said

    @pytest.mark.parametrize(
        ("over", "conflict"),
        [
            ({}, True),
            ({"period": "P72M"}, False),
            ({"yields_to": ["obligation"]}, False),
            ({"yields_to": "any_basis"}, False),
            ({"yields_to": ["need"]}, True),
            ({"trigger": "contract_started"}, False),
            ({"period": "P5Y", "rounding": "end_of_calendar_year"}, True),
            ({"condition": {"fact": "usage_billed", "is": True}}, False),
        ],
    )
    def test_a_ceiling_before_an_obligation(self, over, conflict):
        obligation = ground(kind="obligation", period="P6Y", condition={"fact": "usage_billed", "is": False})
        content = document(grounds=[obligation], ceilings=[ceiling(**{"period": "P5Y", **over})])
        assert ("datasets[asiakkaat].ceilings[enintaan]" in warned(content)) is conflict

    def test_no_reason_to_keep_anything(self):
        assert "review" in warned(document(grounds=[]))["datasets[asiakkaat].grounds"]

    def test_a_connection_that_nobody_uses(self):
        content = changed(("connections", "vanha"), {"kind": "sql", "config": {"url": {"secret": "file:/x"}}})
        assert set(warned(content)) == {"connections.vanha"}

    def test_an_end_that_nothing_tells(self):
        assert "never end" in str(warned(document(grounds=[ground(ends_on=["objection"])])))


def bring(content, reason="koe"):
    return import_document(content, "tietosuojavastaava", reason, LAWS)


def history_rows():
    models = (Organisation, Register, Dataset, Ground, Connection)
    return [model.history.count() for model in models]


@pytest.mark.django_db
class TestImporting:
    def test_a_draft_is_made_and_nothing_is_published(self):
        organisation = bring(document())
        assert Gate.objects.filter(organisation=organisation).count() == 1
        assert Version.objects.count() == 0
        assert Dataset.objects.get().policy == {"mode": "observe", "approval": "one", "grace": "P0D", "waves": False}
        assert Ground.objects.get().status == "unconfirmed"
        assert Connection.objects.get().config == {"url": {"secret": "env:CRM_URL"}}

    def test_the_same_again_leaves_no_trace(self):
        bring(document())
        before = history_rows()
        bring(document(), "toinen")
        assert history_rows() == before == [1, 1, 1, 1, 1]

    def test_a_change_leaves_its_reason_and_nothing_else(self):
        bring(document())
        bring(document(grounds=[ground(period="P2Y")]), "lyhyempi")
        assert history_rows() == [1, 1, 1, 2, 1]
        assert Ground.history.first().history_change_reason == "tietosuojavastaava: lyhyempi"

    def test_true_is_not_one(self):
        bring(document())
        assert bring(changed(("organisation", "facts"), {"usage_billed": 0})).facts == {"usage_billed": 0}
        assert Organisation.history.count() == 2

    def test_what_the_document_does_not_have_goes(self):
        bring(document(ceilings=[ceiling()]))
        content = document()
        content["registers"] = [{"id": "arkisto", "name": {"fi": "Arkisto"}, "medium": "paper"}]
        content["datasets"] = []
        content["connections"] = {}
        organisation = bring(content, "lopetettu")
        assert [r.code for r in organisation.registers.all()] == ["arkisto"]
        assert (Dataset.objects.count(), Ground.objects.count(), Connection.objects.count()) == (0, 0, 0)
        assert Ground.history.filter(history_type="-").get().history_change_reason == "tietosuojavastaava: lopetettu"

    def test_a_dataset_may_move_to_a_new_register(self):
        bring(document())
        pk = Dataset.objects.get().pk
        content = document()
        content["registers"][0]["id"] = "uusi"
        content["datasets"][0]["register"] = "uusi"
        bring(content)
        assert (Dataset.objects.get().pk, Dataset.objects.get().register.code) == (pk, "uusi")
        assert Register.objects.count() == 1

    def test_nothing_is_half_imported(self):
        bring(document())
        before = history_rows()
        content = changed(("organisation", "name"), "Muu Oy")
        content["datasets"][0]["grounds"].append(ground("huono", period="P"))
        with pytest.raises(DocumentError, match=re.escape("datasets[asiakkaat].grounds[huono].period")):
            bring(content)
        assert history_rows() == before
        assert Organisation.objects.get().name == "Testi Oy"

    def test_a_database_that_fails_half_way_keeps_nothing(self):
        on = "before insert on retention_connection"
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                body = "begin raise exception 'full'; end"
                cursor.execute(f"create function full_disk() returns trigger language plpgsql as $$ {body} $$")
                cursor.execute(f"create trigger full_disk {on} for each row execute function full_disk()")
            else:
                cursor.execute(f"create trigger full_disk {on} begin select raise(abort, 'full'); end")
        with pytest.raises(DatabaseError, match="full"):
            bring(document())
        assert (Organisation.objects.count(), Register.objects.count()) == (0, 0)

    def test_two_organisations_do_not_touch_each_other(self):
        first = bring(document())
        bring(changed(("organisation", "slug"), "toinen"))
        before = export_document(first)
        bring({"seloste": 1, "organisation": {"slug": "toinen", "name": "Toinen"}})
        assert export_document(first) == before


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=30) | (
    st.sampled_from(
        [
            "no",
            "on",
            "1e3",
            " x",
            "x ",
            "\n",
            "a\nb\n",
            "a\n\n b",
            "'",
            '"',
            "🐟",
            "- a",
            "a: b",
            "#",
            "\u2028",
            "\x85",
            "\t",
            "{",
            "*a",
            "&a",
            "!x",
            "~",
            "null",
            "true",
            "2020-01-01",
            "0",
            "\\",
            "%",
            "|",
            "=",
            "<<",
        ]
    )
)
text = st.fixed_dictionaries({}, optional=dict.fromkeys(["en", "fi", "sv"], texts)).filter(bool)
free = texts.filter(lambda one: len(one) <= 400)
statement = st.fixed_dictionaries({"value": st.lists(text, min_size=1, max_size=2)}) | st.fixed_dictionaries(
    {"none_because": text}
)
days = st.dates().map(str)
grounds = st.lists(
    st.builds(
        lambda period, **over: ground(period=period, review_by="2030-01-01", **over),
        period=st.sampled_from(["P0D", "P2Y6M", ...]),
        id=st.sampled_from(["a", "b", "C_1", "no", "1", "null"]),
        trigger=st.sampled_from(["contract_ended", {"latest_of": ["contract_started", "contract_ended"]}]),
        reason=text,
        condition=st.sampled_from([{"fact": "usage_billed", "is": False}, [], [{"fact": "usage_billed", "is": 1}]]),
        addition=st.booleans(),
    ),
    max_size=3,
    unique_by=lambda one: one["id"],
)
documents = st.builds(
    lambda head, register, activity, dataset, rules, bounds, config: {
        "datasets": [{**document()["datasets"][0], **dataset, "grounds": rules, "ceilings": bounds}],
        "activities": [{**document()["activities"][0], **activity}],
        "registers": [{**document()["registers"][0], **register}],
        "connections": {"crm": {"kind": "sql", "config": {"url": {"secret": "file:" + config}}}},
        "organisation": {**document()["organisation"], **head},
        "seloste": 1,
    },
    head=st.fixed_dictionaries(
        {"name": free},
        optional={
            "listings": st.just({"sources": "examples"}),
            "facts": st.just({"usage_billed": True, "z": "no", "a": 3}),
            "joint_controllers": st.fixed_dictionaries({"none_because": text}),
            "first_plausible_day": days,
        },
    ),
    register=st.fixed_dictionaries(
        {"name": text}, optional={"alias": st.lists(text, min_size=1), "notes": st.just({"b": 1, "a": "1."})}
    ),
    activity=st.fixed_dictionaries({"name": text}, optional={"recipients": statement, "sources": statement}),
    dataset=st.fixed_dictionaries(
        {
            "name": text,
            "mapping": st.builds(
                lambda place, key, options: {"subject": "n", "place": place, "key": key, "options": options},
                free,
                free,
                st.dictionaries(st.sampled_from(["b", "a"]), free | st.booleans() | st.integers(-5, 5)),
            ),
        },
        optional={"items": statement, "policy": st.just({"mode": "purge"})},
    ),
    rules=grounds,
    bounds=st.sampled_from([[], [ceiling()], [ceiling(yields_to=["need"]), ceiling("b", yields_to="any_basis")]]),
    config=(st.from_regex(r"[a-z/ ]{1,20}", fullmatch=True)).filter(
        lambda path: not path.startswith("/")
    ),  # "/" holds our own keys, and is refused
)


def test_the_order_is_the_formats_whatever_a_database_made_of_it():
    content = changed(("organisation", "facts"), {"b": 1, "a": 2})
    content["datasets"][0]["name"] = {"sv": "b", "fi": "a"}
    found = ordered(dict(reversed(content.items())))
    assert list(found) == ["seloste", "organisation", "registers", "activities", "datasets", "connections"]
    assert list(found["organisation"]["facts"]) == ["a", "b"]
    assert list(found["datasets"][0]["name"]) == ["fi", "sv"]
    assert found == content


class TestRoundTrip(TestCase):
    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(documents)
    def test_what_is_written_reads_back_and_changes_nothing(self, content):
        organisation = bring(content)
        written = export_document(organisation)
        assert read(written, LAWS) == normalised(content)
        bring(read(written, LAWS))
        assert export_document(organisation) == written

    @settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        st.recursive(
            texts | st.booleans() | st.none() | st.integers(-(10**14), 10**14),
            lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
            max_leaves=12,
        )
    )
    @example({"a": "x\n", "b": " \n x", "c": "\ufeff", "d": "x\n\n"})
    def test_yaml_loses_nothing(self, value):
        value = {"value": value}
        if "<<" not in str(value):
            assert yaml_text.parse(yaml_text.write(value)) == value


def example_document():
    (found,) = re.findall(r"```yaml\n(seloste: .*?)```", REFERENCE.read_text(encoding="utf-8"), re.DOTALL)
    return found


def last_policy():
    """The policy of the one dataset in the version published last."""
    (dataset,) = plan_of(Version.objects.latest("number")).datasets
    return dataset.policy


class TestReference:
    def test_the_example_is_itself_imported(self, db):
        content = read(example_document())
        assert warnings_of(content, TODAY) == ()
        assert read(export_document(import_document(content, "x"))) == normalised(content)

    def test_it_shows_every_key_of_the_format(self):
        written = set(re.findall(r"([a-z_]+):", REFERENCE.read_text(encoding="utf-8")))
        for name in (
            "organisation",
            "register",
            "ledger",
            "activity",
            "purpose",
            "dataset",
            "mapping",
            "identities",
            "subject_key",
            "policy",
            "ground",
            "ceiling",
            *(name for name in schema()["$defs"] if "name" in schema()["$defs"][name].get("properties", {})),
            "passage",
            "mandate",
        ):
            assert set(schema()["$defs"][name]["properties"]) <= written, name


@pytest.mark.django_db
class TestCommands:
    def run(self, *args):
        out, err = io.StringIO(), io.StringIO()
        code: object = 0
        try:
            call_command(*map(str, args), stdout=out, stderr=err)
        except SystemExit as left:
            code = left.code
        return code, out.getvalue(), err.getvalue()

    def test_import_publish_export_and_import_again(self, tmp_path):
        file = tmp_path / "inventory.yaml"
        content = document(ceilings=[], grounds=[ground(status="proposed", addition=True, ends_on=["objection"])])
        file.write_text(yaml_text.write(content), encoding="utf-8")
        code, out, err = self.run("import_inventory", file, "--publish", "--in-force-from", "2020-01-01")
        assert (code, err) == (0, "")
        assert "warning: datasets[asiakkaat].grounds[sopimus].ends_on" in out
        assert "1 datasets, 1 rules" in out and "version 1 is in force from 2020-01-01" in out
        assert last_policy().mode == "observe"
        _, text, _ = self.run("export_inventory", "testi")
        assert self.run("export_inventory", "testi", "--out", tmp_path / "out.yaml") == (0, "", "")
        assert (tmp_path / "out.yaml").read_text(encoding="utf-8") == text
        before = history_rows()
        assert self.run("import_inventory", tmp_path / "out.yaml")[0] == 0
        assert history_rows() == before
        confirm = ("confirm_additions", "testi", "--by", "toimitusjohtaja", "--reason", "p")
        code, _, err = self.run(*confirm, "--publish", "--in-force-from", "2099-01-01")
        assert (code, "the draft shortens" in err) == (1, True)
        assert history_rows() == before, "nothing of it is kept"
        code, out, _ = self.run(*confirm)
        assert (code, "1 rules confirmed" in out) == (0, True)
        publish_by_two(Organisation.objects.get(), date(2099, 1, 1), datetime.now(UTC))
        assert last_policy().mode == "purge"

    def test_a_wrong_document_lists_its_problems_and_changes_nothing(self, tmp_path):
        file = tmp_path / "inventory.yaml"
        file.write_text(
            yaml_text.write(document(grounds=[ground(period="P"), ground("b", trigger="x")])), encoding="utf-8"
        )
        code, out, err = self.run("import_inventory", file)
        assert (code, out) == (1, "")
        assert len(err.splitlines()) == 3
        assert "datasets[asiakkaat].grounds[sopimus].period: 'P' is not" in err
        assert Organisation.objects.count() == 0

    def test_a_day_that_may_not_be_takes_the_import_back(self, tmp_path):
        file = tmp_path / "inventory.yaml"
        file.write_text(yaml_text.write(document()), encoding="utf-8")
        assert self.run("import_inventory", file, "--publish", "--in-force-from", "2020-01-01")[0] == 0
        file.write_text(yaml_text.write(changed(("organisation", "name"), "Muu")), encoding="utf-8")
        code, _, err = self.run("import_inventory", file, "--publish", "--in-force-from", "2020-01-02")
        assert (code, "in_force_from: 2020-01-02 is past" in err) == (1, True)
        assert Organisation.objects.get().name == "Testi Oy"

    def test_publishing_by_itself(self):
        bring(document())
        publish = ("publish_inventory", "testi", "--publisher", "x", "--reason", "y", "--in-force-from")
        assert self.run(*publish, "2020-01-01")[:2] == (0, "testi: version 1 is in force from 2020-01-01\n")
        bring(document(grounds=[]))
        code, _, err = self.run(*publish, "2019-01-01")
        assert (code, "before version 1" in err, Version.objects.count()) == (1, True, 1)

    @pytest.mark.parametrize(
        "args",
        [
            ("import_inventory", "nowhere.yaml"),
            ("export_inventory", "nobody"),
            ("publish_inventory", "nobody", "--in-force-from", "2020-01-01", "--publisher", "x"),
            ("confirm_additions", "nobody", "--by", "x", "--reason", "y"),
        ],
    )
    def test_what_is_not_there_is_said(self, args):
        with pytest.raises(CommandError):
            call_command(*args)

    def test_a_file_that_is_no_text_is_refused(self, tmp_path):
        file = tmp_path / "x.yaml"
        file.write_bytes(b"a: \xff\xfe")
        assert self.run("import_inventory", file)[::2] == (
            1,
            f"document: is not UTF-8: see line 1\n{file}: nothing was imported\n",
        )


class TestLibraries:
    """What is cited by the id of a library is there."""

    def test_a_row_of_the_references_library_that_is_not_there(self):
        cited = {"id": "laki", "name": {"fi": "henkilötietolaki"}, "kind": "law"}
        found = refused({**document(), "references": [{**cited, "row": "henkilotietolak"}]})
        assert found["references[laki].row"] == (
            "there is no row of the references library 'henkilotietolak'; did you mean 'henkilotietolaki'?"
        )
        read(yaml_text.write({**document(), "references": [{**cited, "row": "henkilotietolaki"}]}), LAWS)

    def test_a_row_of_the_law_library_that_is_not_there(self):
        said = {"id": "kuusi", "name": {"fi": "kuusi vuotta"}}
        found = refused({**document(), "time_limits": [{**said, "law": "ACC-VOUCHERS"}]})
        assert "did you mean 'ACC-VOUCHER'?" in found["time_limits[kuusi].law"]
        read(yaml_text.write({**document(), "time_limits": [{**said, "law": "ACC-VOUCHER"}]}), LAWS)


@pytest.mark.parametrize(
    ("breaking", "place"),
    [
        (lambda whole: whole.update(registers={"crm": whole["registers"][0]}), "registers"),
        (lambda whole: whole.update(activities={"a": 1}), "activities"),
        (lambda whole: whole.update(sources={"a": {"kind": "staff"}}), "sources"),
        (lambda whole: whole["registers"][0].update(connection={"a": "b"}), "registers[crm].connection"),
        (lambda whole: (whole["registers"][0].pop("medium"), _onto_paper(whole)), "registers[crm].medium"),
    ],
    ids=["registers", "activities", "sources", "connection", "medium"],
)
def test_a_part_of_another_shape_is_told_by_its_place(breaking, place):
    """What the schema refuses must not break the checks that come after it."""
    whole = document()
    breaking(whole)
    with pytest.raises(DocumentError) as error:
        read(yaml_text.write(whole))
    assert place in {problem.path for problem in error.value.problems}


def _onto_paper(whole):
    whole["datasets"][0]["grounds"][0]["action"] = "destroy_paper"


class TestLanguage:
    """What the schema refuses is told in the reader's language, places and words of the format as they are written."""

    @pytest.mark.parametrize(
        ("language", "told"),
        [
            (
                "fi",
                {
                    "organisation.nimi": "tuntematon avain 'nimi'",
                    "organisation.name": "puuttuu",
                    "registers[crm].medium": "'paperi' ei ole mikään näistä: database,",
                },
            ),
            (
                "sv",
                {
                    "organisation.nimi": "okänd nyckel 'nimi'",
                    "organisation.name": "saknas",
                    "registers[crm].medium": "'paperi' är inget av följande: database,",
                },
            ),
        ],
    )
    def test_a_problem_in_the_readers_language(self, language, told):
        content = changed(("registers", 0, "medium"), "paperi")
        content["organisation"] = {"slug": "testi", "nimi": "Testi"}
        with translation.override(language):
            found = refused(content)
        assert {place: found[place][: len(said)] for place, said in told.items()} == told

    def test_every_description_of_the_schema_is_translated(self):
        described = []

        def look(part):
            if isinstance(part, dict):
                described.extend([part["description"]] if isinstance(part.get("description"), str) else [])
                for inner in part.values():
                    look(inner)
            elif isinstance(part, list):
                for inner in part:
                    look(inner)

        look(schema())
        assert set(described) == set(DESCRIPTIONS)
