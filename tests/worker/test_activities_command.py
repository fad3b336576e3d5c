"""Ready-made activities from the command line."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml
from django.core.management import CommandError, call_command

from retention.inventory_document import import_document, yaml_text
from ropa.models import Activity
from ropa.ready_made import ready_made
from samples.companies import companies
from samples.documents import whole
from tests.retention.activity_documents import source, target

DOCS = Path(__file__).resolve().parents[2] / "docs" / "how-to"
FIRST = next(iter(ready_made().offered))


def said(capsys, *arguments):
    call_command("activities", *arguments)
    return capsys.readouterr().out


def test_the_library_is_listed_and_one_shown(capsys):
    told = said(capsys, "--sector", "fibre", "--language", "en")
    for one in ready_made().offered.values():
        assert (f"fibre  {one.id}: {one.name['en']}" in told) is (one.sector == "fibre")
    shown = said(capsys, FIRST)
    assert yaml.safe_load(shown)["activities"][0]["id"] == FIRST
    assert f"# to be decided: {ready_made().offered[FIRST].decide[0]['fi']}" in shown.splitlines()
    assert json.loads(said(capsys, FIRST, "--json"))["entries"]["activities"]
    assert json.loads(said(capsys, "--json"))[0]["id"] == FIRST
    with pytest.raises(CommandError, match="nowhere"):
        call_command("activities", "nowhere")


def test_several_are_one_document(capsys):
    two = list(ready_made().offered)[:2]
    shown = yaml_text.parse(said(capsys, *two))
    assert [one["id"] for one in shown["activities"]] == two
    told = json.loads(said(capsys, *two, two[0], "--json"))
    assert [one["id"] for one in told] == two


@pytest.mark.django_db
def test_taken_only_when_it_is_said(capsys):
    import_document(target(), "controller")
    told = said(capsys, FIRST, "--organisation", "saaja")
    assert f"added activities[{FIRST}]: {ready_made().offered[FIRST].name['fi']}" in told
    assert "to be decided" in told
    assert not Activity.objects.filter(code=FIRST).exists()
    told = said(capsys, FIRST, "--organisation", "saaja", "--apply", "--by", "controller", "--reason", "alku")
    assert told.endswith("the draft has it; nothing is published\n")
    assert Activity.objects.get(code=FIRST).history.get().history_change_reason == "controller: alku"


@pytest.mark.django_db
def test_out_of_another_organisation(capsys):
    import_document(target(), "controller")
    import_document(source(), "controller")
    told = said(capsys, "palvelu", "--organisation", "saaja", "--from", "antaja", "--register", "crm=asiakastieto")
    for line in (
        "kept registers[asiakastieto]: Asiakastieto",
        "now also about it: subject_groups[asiakkaat]",
        "under another id, activities[palvelu].purposes[sopimus]: sopimus-2",
        "not taken over, the other's own: datasets[asiakkaat].mapping",
    ):
        assert line in told.splitlines()


@pytest.mark.django_db
def test_what_cannot_be_done_is_said_and_changes_nothing(capsys):
    import_document(target(), "controller")
    for arguments in (
        [FIRST, "--apply"],
        [FIRST, "--organisation", "nobody"],
        [FIRST, "--organisation", "saaja", "--from", "nobody"],
        [FIRST, "--organisation", "saaja", "--register", "crm"],
    ):
        with pytest.raises(CommandError):
            call_command("activities", *arguments)
    for arguments, told in (
        (["nowhere", "--organisation", "saaja"], "activities[nowhere]"),
        (["oma", "--organisation", "saaja", "--from", "saaja"], "source"),
        ([FIRST, "--organisation", "saaja", "--register", "nowhere=asiakastieto"], "registers[nowhere]"),
        ([FIRST, "--organisation", "saaja", "--apply"], "reason"),
    ):
        with pytest.raises(SystemExit):
            call_command("activities", *arguments)
        assert told in capsys.readouterr().err
    assert Activity.objects.count() == 1


COMMAND = re.compile(r"^    \./run manage activities(.*?)(?: {2,}#.*)?$", re.M)


@pytest.mark.django_db
def test_what_the_how_to_tells_to_type_works(capsys):
    import_document({**target(), "organisation": {"slug": "esimerkki", "name": "Esimerkki Oy"}}, "controller")
    for company in companies():
        if company.slug in {"kasenet", "k-systems"}:
            import_document(whole(company, yaml_text.parse), "controller")
    commands = COMMAND.findall((DOCS / "begin-from-ready-made-activities.md").read_text(encoding="utf-8"))
    assert len(commands) >= 5
    for command in commands:
        said(capsys, *shlex.split(command))
    assert Activity.objects.filter(organisation__slug="esimerkki", code="laskutus").exists()
