"""The published notices' findings are the expected ones: all 41 listed checks, neither more nor less."""

from __future__ import annotations

from datetime import date
from io import StringIO
from pathlib import Path

import pytest
import yaml
from django.core.management import call_command

from retention.inventory_document import yaml_text
from ropa.findings import checks, findings
from ropa.law import library
from ropa.references import references
from samples.companies import companies
from samples.documents import as_published

FILE = Path(__file__).with_name("expected_findings.yaml")
EXPECTED = yaml.safe_load(FILE.read_text(encoding="utf-8"))
TODAY = date(2026, 6, 30)


def told(slug):
    company = next(company for company in companies() if company.slug == slug)
    document = as_published(company, yaml_text.parse)
    return {one.check: one.status.value for one in findings(document, references(), library(), TODAY)}


def test_every_listed_check_is_expected_of_each():
    listed = [check.id for check in checks() if check.group == "listed"]
    assert len(EXPECTED) >= 3
    assert all(list(expected) == listed for expected in EXPECTED.values())


@pytest.mark.parametrize("slug", EXPECTED)
def test_the_published_notices_have_the_expected_findings(slug):
    got = told(slug)
    assert {check: got[check] for check in EXPECTED[slug]} == EXPECTED[slug]


@pytest.mark.django_db
@pytest.mark.parametrize("slug", EXPECTED)
def test_the_command_prints_the_comparison(slug, tmp_path):
    call_command("load_samples", slug, stdout=StringIO())
    out = StringIO()
    options = ("--organisation", slug, "--version", "1", "--language", "en", "--expected")
    call_command("findings", *options, FILE, stdout=out)
    assert out.getvalue().splitlines()[-1] == "41 of 41 are as expected"
    other = tmp_path / "other.yaml"
    other.write_text(yaml.safe_dump({slug: {**EXPECTED[slug], "CTRL_NAME": "missing"}}))
    out = StringIO()
    with pytest.raises(SystemExit) as stopped:
        call_command("findings", *options, other, stdout=out)
    assert stopped.value.code == 1
    assert [line.split() for line in out.getvalue().splitlines() if line.startswith("!")] == [
        ["!", "CTRL_NAME", "missing", "present"]
    ]
