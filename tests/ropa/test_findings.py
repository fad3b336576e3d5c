"""Of every document: one finding per check, in one order, in three languages, at places that stand."""

from __future__ import annotations

import copy
import json
from datetime import date
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from retention import inventory_document
from retention.inventory_document import yaml_text
from ropa.findings import Status, checks, findings, table
from ropa.findings.register import CHECKS
from ropa.law import library
from ropa.places import at
from ropa.references import references
from samples.companies import companies
from samples.documents import as_published
from tests.ropa.sound_record import ROWS, TODAY, but, fi, found, mentioned, sound
from worker.sample_versions import additions_included

TABLE = yaml.safe_load(table.FILE.read_text(encoding="utf-8"))
SCHEMA = Path(inventory_document.__file__).parents[1] / "inventory.schema.json"
VALID = Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


def documents():
    """The sound record, and every sample: the notice as published, and with our additions."""
    made = [make(company) for company in companies() for make in (published, additions_included)]
    return [sound(), *made]


def published(company):
    return as_published(company, yaml_text.parse)


DOCUMENTS = documents()


def paths(value, before=()):
    """Every key and every entry of a list below a value."""
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, part in steps:
        yield (*before, step)
        yield from paths(part, (*before, step))


def dropped(document, path):
    holder = document
    for step in path[:-1]:
        holder = holder[step]
    gone = holder.pop(path[-1])
    if not VALID.is_valid(document):
        if isinstance(holder, list):
            holder.insert(path[-1], gone)
        else:
            holder[path[-1]] = gone


@st.composite
def with_holes(draw):
    """A document of which parts are missing, as the schema allows; what refers to them is left as it is."""
    whole = draw(st.sampled_from(DOCUMENTS))
    parts = [name for name in whole if name not in ("seloste", "organisation", "connections")]
    kept = draw(st.sets(st.sampled_from(parts)))
    document = copy.deepcopy({name: part for name, part in whole.items() if name not in parts or name in kept})
    for _ in range(draw(st.integers(0, 6))):
        dropped(document, draw(st.sampled_from(list(paths(document)))))
    return document


@settings(deadline=None, max_examples=120)
@given(with_holes(), st.dates(date(2015, 1, 1), date(2035, 1, 1)))
def test_every_document_has_exactly_one_finding_per_check_at_places_that_stand(document, today):
    before = copy.deepcopy(document)
    told = findings(document, references(), library(), today)
    assert [one.check for one in told] == [check.id for check in checks()]
    for one in told:
        assert set(one.message) == set(one.label) == {"fi", "sv", "en"}
        assert all("{" not in text for text in one.message.values())
        assert (one.remedy is None) == one.status.well
        assert one.decision is None or not one.status.well
        assert len(set(one.where)) == len(one.where)
        for place in one.where:
            at(document, place)
    assert findings(document, references(), library(), today) == told
    assert document == before


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda one: one["organisation"]["slug"])
def test_the_documents_that_are_tried_are_valid(document):
    assert list(VALID.iter_errors(document)) == []


def test_the_listed_checks_come_first():
    groups = [check.group for check in checks()]
    assert groups == sorted(groups, key=("listed", "further").index)
    assert groups.count("listed") == 41


def test_each_row_has_its_function_and_each_function_its_row():
    assert list(CHECKS) == [check.id for check in checks()]


def test_a_processor_alone_is_asked_only_for_what_binds_it():
    def change(document):
        document["activities"][0].update(role="processor", on_behalf_of={"value": [{"name": "Toinen Oy"}]}, purposes=[])
        document["rights"] = []

    told = found(but(change))
    controllers = {check.id for check in checks() if check.binds_controller}
    assert {told[check].status for check in controllers} == {Status.NOT_APPLICABLE}
    assert told["PROCESSOR_RECORD"].status is Status.PARTIAL
    assert told["TOM"].status is Status.PRESENT


def test_a_finding_says_what_it_found_in_each_language():
    def change(document):
        document["organisation"]["related_organisations"] = {"value": [{"name": "Toinen Oy", "role": "unknown"}]}

    finding = found(but(change))["GROUP_CONTROLLER"]
    assert all(finding.message[language].endswith(": Toinen Oy.") for language in ("fi", "sv", "en"))
    assert finding.remedy is not None and finding.remedy["fi"].startswith("Totea yhtiön rooli")
    assert (finding.article, finding.severity) == ("26;30(1)(a)", "warning")


def test_a_period_that_nobody_gave_resembles_a_decision():
    decision = found(but(lambda d: d.update(time_limits=[], datasets=[])))["RETENTION_PERIOD"].decision
    assert decision is not None
    assert (decision.year, decision.amount, decision.currency, decision.under_appeal) == (2024, 856_000, "EUR", True)


def test_a_check_is_of_its_day():
    document = but(lambda d: d["recipients"][0]["agreement"]["value"].update(expires_on="2026-01-01"))
    told = {day: found(document, day)["PROCESSOR_AGREEMENT"].status for day in (date(2025, 6, 1), TODAY)}
    assert told == {date(2025, 6, 1): Status.PRESENT, TODAY: Status.OUTDATED}


def test_no_company_is_known():
    """The checks know fields and libraries; a company's name in one of them would be a rule of its own."""
    package = Path(table.__file__).parent
    said = " ".join(file.read_text(encoding="utf-8") for file in package.iterdir() if file.is_file()).casefold()
    for company in companies():
        head = published(company)["organisation"]
        for name in (head["slug"], head["name"], head.get("short_name") or head["name"]):
            assert name.casefold() not in said


def changed(change):
    broken = copy.deepcopy(TABLE)
    change(broken)
    return broken


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda t: t["listed"][0]["label"].pop("sv"), "CTRL_NAME.label is not a text in fi, sv, en"),
        (lambda t: t["listed"][0]["messages"]["missing"].pop("en"), "CTRL_NAME.messages.missing is not a text"),
        (lambda t: t["listed"][0]["remedy"].update(fi=" "), "CTRL_NAME.remedy.fi is no text"),
        (lambda t: t["listed"][0].pop("remedy"), "CTRL_NAME: missing or unknown: remedy"),
        (lambda t: t["listed"][0].update(colour="red"), "CTRL_NAME: missing or unknown: colour"),
        (lambda t: t["listed"][0].update(severity="bad"), "CTRL_NAME.severity is none of"),
        (lambda t: t["listed"][0].update(decision="NOBODY"), "CTRL_NAME.decision 'NOBODY' is not there"),
        (lambda t: t["listed"][0].update(binds="processor"), "CTRL_NAME.binds"),
        (lambda t: t["listed"][0]["messages"].update(present=fi("hyvä")), "present is no status that asks"),
        (lambda t: t["listed"][1].update(id="CTRL_NAME"), "CTRL_NAME stands twice"),
        (lambda t: t["further"][0]["messages"]["missing"].update(sv="saknas"), "does not name the same"),
        (lambda t: t["general"].pop("present"), "general: missing or unknown: present"),
        (lambda t: t["decisions"][0].pop("year"), "decisions VERKKOKAUPPA: missing or unknown: year"),
    ],
)
def test_a_table_that_is_not_whole_is_refused_by_name(change, named):
    with pytest.raises(table.TableError, match=named):
        table.read(changed(change))


def test_what_the_library_does_not_know_is_believed():
    document = but(lambda d: d["references"].append({"id": "x", "name": fi("outo laki"), "kind": "law"}))
    assert [one.check for one in findings(document, ROWS, library(), TODAY, mentioned) if not one.status.well] == []


def test_every_check_stands_in_the_reference_with_its_article_and_severity():
    text = (Path(__file__).parents[2] / "docs" / "reference" / "findings.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `") and line.count("|") == 6]
    assert [row.split(" | ")[:4] for row in rows] == [
        [f"| `{check.id}`", check.article, check.severity, check.label["en"]] for check in checks()
    ]
