"""The samples in the database: as published, then with additions; and the walk over what the notices say."""

from __future__ import annotations

import json
from datetime import date
from io import StringIO
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from retention.inventory_document import export_document, import_document, normalised, read, yaml_text
from ropa.models import Organisation, Version
from ropa.selectors import version_in_force
from ropa.services import confirm_additions, withdraw
from samples.companies import companies
from samples.documents import as_published
from tests.ropa.two_persons import publish_by_two
from worker.management.commands import demo
from worker.management.commands import passages as command
from worker.sample_versions import GDPR_APPLIES, additions_included, proposed

pytestmark = pytest.mark.django_db
PUBLISHED = [company for company in companies() if company.published.exists()]


def run(name: str, *arguments: str) -> str:
    out = StringIO()
    call_command(name, *arguments, stdout=out)
    return out.getvalue()


def snapshot(slug: str, number: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Version.objects.get(organisation__slug=slug, number=number).snapshot)
    return found


def test_each_company_is_published_twice_and_a_second_run_changes_nothing():
    slugs = [company.slug for company in PUBLISHED]
    run("load_samples", *slugs)
    for company in PUBLISHED:
        first, second = Version.objects.filter(organisation__slug=company.slug).order_by("number")
        assert first.in_force_from == (company.notice_date or GDPR_APPLIES) < second.in_force_from
        assert snapshot(company.slug, 1)["datasets"] == [] and len(snapshot(company.slug, 2)["datasets"]) >= 10
        assert not proposed(first) and proposed(second)
    before = list(Version.objects.values_list("pk", "digest"))
    assert run("load_samples", *slugs) == "".join(f"{slug}: stands already; nothing was imported\n" for slug in slugs)
    assert list(Version.objects.values_list("pk", "digest")) == before


@pytest.mark.parametrize("company", PUBLISHED, ids=[company.slug for company in PUBLISHED])
def test_each_version_is_exported_as_it_was_imported(company):
    for document in (as_published(company, yaml_text.parse), additions_included(company)):
        written = export_document(import_document(document, by="test"))
        again = read(written)
        assert normalised(again) == normalised(document)
        assert export_document(import_document(again, by="test")) == written


def test_a_company_with_other_versions_is_left_as_it_is():
    run("load_samples", "ksvv")
    snapshot_of_the_first = Version.objects.filter(organisation__slug="ksvv", number=1)
    snapshot_of_the_first.update(digest="0" * 64)
    with pytest.raises(CommandError, match="version 1 of ksvv is not its notice as published"):
        run("load_samples", "ksvv")
    with pytest.raises(CommandError, match="there is no sample 'nobody'; there are kasenet, ksvv"):
        run("load_samples", "nobody")


def test_the_walk_counts_fields_and_page_furniture_apart_and_shows_what_was_drawn():
    run("load_samples", "kasenet", "ksvv")
    for number in "1", "2":
        told = run("passages", "--version", number)
        assert f"kasenet, version {number}: 61 of 61 held: 61 in a field, 0 page furniture" in told
        assert f"ksvv, version {number}: 64 of 64 held: 61 in a field, 3 page furniture" in told
        assert told.endswith("total: 125 of 125 held: 122 in a field, 3 page furniture\n")
    drawn = run("passages", "--organisation", "kasenet", "--draw", "61", "--seed", "1")
    assert (
        "\nKN-009 (kasenet): Lestintie 39 / 69440 LESTIJÄRVI\n  contact_points[rekisteriasiat].postal_address\n"
        in drawn
    )
    assert "registers[paperiarkisto].printed_ordinal\n    2.\n" in drawn
    first, again = (run("passages", "--draw", "5", "--seed", "7", "--json") for _ in range(2))
    assert first == again
    told = json.loads(first)
    assert told["total"] == {"passages": 125, "held": 125, "in_fields": 122, "page_furniture": 3, "not_held": []}
    assert len(told["drawn"]) == 5
    assert all(one["not_content"] or all(place["holds"] for place in one["places"]) for one in told["drawn"])


def test_a_passage_without_a_place_and_a_place_that_holds_nothing_fail_the_walk(monkeypatch):
    run("load_samples", "ksvv")
    broken = snapshot("ksvv", 1)
    of = {one["id"]: one for one in broken["notices"][0]["passages"]}
    del of["KSVV-009"]["held_in"]
    broken["contact_points"][0]["phone"] = ""
    version = Version.objects.get(organisation__slug="ksvv", number=1)
    version.snapshot = json.dumps(broken)
    monkeypatch.setattr(command, "_versions", lambda options: [version])
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("passages", stdout=out)
    assert ended.value.code == 1
    told = out.getvalue()
    assert "62 of 64 held: 59 in a field, 3 page furniture" in told
    assert "  KSVV-009 is not held: it has no place and is not marked not_content\n" in told
    assert "  KSVV-012 is not held: 'contact_points[toimitusjohtaja].phone' holds nothing\n" in told


def test_what_cannot_be_walked_is_said():
    with pytest.raises(CommandError, match=r"no version is published; manage\.py load_samples"):
        run("passages")
    with pytest.raises(CommandError, match="there is no organisation 'nobody'"):
        run("passages", "--organisation", "nobody")
    run("load_samples", "ksvv")
    with pytest.raises(CommandError, match="no version 9 is published"):
        run("passages", "--version", "9")
    assert Organisation.objects.count() == 1


@pytest.fixture
def taken_back() -> Version:
    """A third version of KSVV with what was confirmed, of a mistyped year, that was withdrawn."""
    run("load_samples", "ksvv")
    organisation = Organisation.objects.get(slug="ksvv")
    confirm_additions(organisation, "controller", "päätetty")
    version = publish_by_two(organisation, date(2206, 1, 1), timezone.now())
    withdraw(version, timezone.now(), "controller", "vuosi väärin")
    return version


def test_the_walk_is_over_the_last_version_that_stands_and_over_a_withdrawn_one_if_it_is_named(taken_back):
    assert "ksvv, version 2: " in run("passages")
    assert "ksvv, version 3: " in run("passages", "--version", "3")


def test_the_demo_goes_on_from_the_last_version_that_stands(taken_back):
    (company,) = (one for one in companies() if one.slug == "ksvv")
    now = timezone.now()
    today = now.astimezone(ZoneInfo("Europe/Helsinki")).date()
    inventory = demo._Inventory(additions_included(company), {})
    built: Any = SimpleNamespace(today=today)
    organisation = demo.Command(stdout=StringIO())._inventory(company, inventory, built, now)
    in_force = version_in_force(organisation, today)
    assert in_force is not None
    assert in_force.number == 4
    assert not proposed(in_force)
