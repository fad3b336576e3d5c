"""From what the draft lacks to where it is mended."""

from __future__ import annotations

import re

from django.urls import resolve

from retention.inventory_document import yaml_text
from ropa.draft import normalised
from ropa.examination import examined
from ropa.findings import Finding, Status, checks
from ropa.kinds import KINDS
from samples.companies import companies
from samples.documents import whole
from tests.retention.company import TODAY
from tests.web.test_pages import client
from web.mending import ABSENT, OF_HEAD, SHOWN, mends_of
from web.sections import HEAD, sections_of


def test_every_finding_of_the_samples_leads_to_a_page_and_section_that_are_there():
    sections = set()
    for company in companies():
        document = normalised(whole(company, yaml_text.parse))
        for finding in examined(document, TODAY):
            if finding.status.well or not finding.where:
                continue
            found = mends_of(finding, "x", document)
            assert 0 < len(found.shown) <= SHOWN, finding.where
            assert 0 <= found.more < len(finding.where)
            for one in found.shown:
                path, _question, rest = one.address.partition("?")
                match = resolve(path)
                if match.url_name == "entry":
                    kind, code = match.kwargs["kind"], match.kwargs["code"]
                    (entry,) = [one for one in document[kind] if one["id"] == code]
                    names = {section.name for section in sections_of(kind, entry) if section.keys}
                else:
                    names = {section.name for section in HEAD}
                if rest.startswith("edit="):
                    name = rest.removeprefix("edit=").partition("#")[0]
                    assert name in names
                    sections.add((match.url_name, name.partition("-")[0]))
    assert {("entry", "purposes"), ("head", "who")} <= sections


def test_what_no_list_has_leads_to_that_list():
    known = {one.id for one in checks()}
    assert {*ABSENT, *OF_HEAD} <= known
    assert set(ABSENT.values()) <= {one.name for one in KINDS}
    assert set(OF_HEAD.values()) <= {one.name for one in HEAD}


def test_of_two_thousand_places_the_first_are_links_and_the_others_a_number():
    document = {"activities": [{"id": f"a-{n}", "name": {"en": f"Activity {n}"}} for n in range(2_000)]}
    where = tuple(f"activities[a-{n}].sources" for n in range(2_000))
    finding = Finding("SOURCES", "listed", Status.PARTIAL, "error", "14", {}, {}, None, where, None)
    found = mends_of(finding, "x", document)
    assert [one.address for one in found.shown] == [
        f"/o/x/record/activities/a-{n}/?edit=informed#informed" for n in range(SHOWN)
    ]
    assert found.more == 2_000 - SHOWN


def test_the_drafts_page_leads_there(house):
    found = client("bob", "en").get("/o/testi/draft/").content.decode()
    assert re.search(r'<br><a href="/o/testi/record/[^"]+">', found)
