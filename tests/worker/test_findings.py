"""The findings of a version or the draft, as JSON or in words; problems first."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from ropa.findings import checks
from ropa.models import Organisation, Purpose

pytestmark = pytest.mark.django_db


def run(*arguments):
    out = StringIO()
    call_command("findings", "--organisation", "ksvv", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def ksvv():
    call_command("load_samples", "ksvv", stdout=StringIO())
    return Organisation.objects.get(slug="ksvv")


def test_json_has_a_finding_per_check(ksvv):
    told = json.loads(run("--json", "--version", "1", "--language", "en"))
    assert [one["check"] for one in told] == [check.id for check in checks()]
    assert {"check", "status", "severity", "article", "message", "where", "remedy", "decision", "group"} <= told[
        0
    ].keys()
    dpo = next(one for one in told if one["check"] == "DPO")
    assert (dpo["status"], dpo["severity"], dpo["where"]) == ("missing", "warning", ["organisation"])
    assert dpo["message"].startswith("No data protection officer is named")
    period = next(one for one in told if one["check"] == "RETENTION_PERIOD")
    assert (period["decision"]["amount"], period["decision"]["under_appeal"]) == (856000, True)


@pytest.mark.parametrize(("group", "number"), [("listed", 41), ("further", len(checks()) - 41), ("all", len(checks()))])
def test_a_group_alone(ksvv, group, number):
    assert len(json.loads(run("--json", "--group", group))) == number


def test_the_version_in_force_is_told_if_none_is_asked_for(ksvv):
    assert run("--json") == run("--json", "--version", "2") != run("--json", "--version", "1")


def test_the_draft_is_told_as_it_stands(ksvv):
    before = json.loads(run("--json", "--version", "draft"))
    Purpose.objects.filter(activity__organisation=ksvv).delete()
    after = json.loads(run("--json", "--version", "draft"))
    assert [one["status"] for told in (before, after) for one in told if one["check"] == "PURPOSES"] == [
        "present",
        "missing",
    ]
    assert run("--json", "--version", "2") == run("--json")


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("fi", ["puuttuu", "tarkistuksesta edellyttää toimia", "vrt.: Verkkokauppa.com Oyj", "856\u00a0000 EUR"]),
        ("sv", ["saknas", "kontroller kräver åtgärder"]),
        ("en", ["missing", "checks ask for something"]),
    ],
)
def test_in_words_problems_come_first(ksvv, language, words):
    out = run("--version", "1", "--language", language)
    assert all(word in out for word in words)
    assert out.index("DPO  ") < out.index("CTRL_NAME  ")


def test_what_is_not_there_is_named(ksvv, tmp_path):
    with pytest.raises(CommandError, match="ksvv has no version 9"):
        run("--version", "9")
    with pytest.raises(CommandError, match="neither a version's number nor draft"):
        run("--version", "x")
    with pytest.raises(CommandError, match="there is no organisation 'nobody'"):
        call_command("findings", "--organisation", "nobody")
    file = tmp_path / "expected.yaml"
    for text, said in (("kasenet: {}", "expects nothing of ksvv"), ("- 1", "expects nothing of ksvv"), ("{", "line 2")):
        file.write_text(text)
        with pytest.raises(CommandError, match=said):
            run("--expected", str(file))


def test_before_the_first_version_there_is_nothing_to_tell(ksvv, time_machine):
    time_machine.move_to("2017-01-01")
    with pytest.raises(CommandError, match="no version of ksvv is in force on 2017-01-01"):
        run()
