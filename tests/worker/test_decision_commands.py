"""Opinions, differences, decision logs and snapshots from the command line."""

from __future__ import annotations

import json

import pytest
import yaml
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from ropa.models import Membership, Opinion, Role, Version
from ropa.services import draft_digest, draft_of
from tests.ropa.test_decisions import TEST, years
from tests.ropa.test_services import organisation

__all__ = ["organisation", "years"]
RULE = "datasets[asiakkaat].grounds[a]"


def said(capsys, *arguments, **options):
    call_command(*arguments, **options)
    return capsys.readouterr().out


def test_changes_in_words_and_as_data(years, capsys):
    rows = json.loads(said(capsys, "changes", "testi", "--from", "1", "--to", "2", "--json"))
    assert {row["path"] for row in rows} == {f"{RULE}.period", f"{RULE}.records"}
    place = "Tietoaineistot › Asiakkaat › Säilytysperusteet › käsittelyn tarve"
    told = said(capsys, "changes", "testi", "--from", "1", "--to", "2").splitlines()
    assert f"Muutettu: {place} › Säilytysaika: 3\xa0vuotta → 2\xa0vuotta" in told
    assert said(capsys, "changes", "testi", "--from", "4", "--to", "draft", "--language", "sv") == "Inga skillnader.\n"


def test_changes_against_what_is_not_there(years):
    for slug, number in (("testi", "7"), ("nowhere", "1")):
        with pytest.raises(CommandError):
            call_command("changes", slug, "--from", number, "--to", "draft")


def test_the_log_tells_who_why_and_on_which_opinion(years, capsys):
    told = said(capsys, "decision_log", "testi", RULE)
    for part in (
        "Versio 2, voimassa 1.2.2024 alkaen: sääntöä muutettiin (julkaisija controller:alice, 10.1.2024)",
        "Perustelu: lyhyemmäksi",
        "Tietosuojavastaavan lausunto (dpo:bob): ei puolla: liian lyhyt",
        "poikettiin: riski",
        "Muutettu: Säilytysaika: 3\xa0vuotta → 2\xa0vuotta",
        f"Asiakirjat: tasapainotesti: {TEST['reference']}, 1.2.2024",
        "sääntö poistettiin",
    ):
        assert part in told
    rows = json.loads(said(capsys, "decision_log", "testi", RULE, "--json"))
    assert [row["what"] for row in rows] == ["appeared", "changed", "went"]
    for rule in ("datasets[asiakkaat].grounds[zz]", "asiakkaat"):
        with pytest.raises(CommandError):
            call_command("decision_log", "testi", rule)


def test_the_snapshot_of_a_day_as_a_document(years, capsys, tmp_path):
    call_command("export_inventory", "testi", "--as-of", "2024-01-31", "--out", str(tmp_path / "then.yaml"))
    then = yaml.safe_load((tmp_path / "then.yaml").read_text(encoding="utf-8"))
    assert then["datasets"][0]["grounds"][0]["period"] == "P3Y"
    assert "connections" not in then
    later = yaml.safe_load(said(capsys, "export_inventory", "testi", "--as-of", "2024-02-01"))
    assert later["datasets"][0]["grounds"][0]["period"] == "P2Y"
    assert later["datasets"][0]["grounds"][0]["records"] == [TEST]
    with pytest.raises(CommandError, match="2023-01-01"):
        call_command("export_inventory", "testi", "--as-of", "2022-12-31")


def test_a_version_is_withdrawn_and_what_was_looked_at_is_published(organisation, capsys, english):
    publish = ["publish_inventory", "testi", "--in-force-from", "2206-01-01", "--publisher", "controller"]
    with pytest.raises(CommandError, match="has changed since it was looked at"):
        call_command(*publish, "--digest", "0" * 64)
    call_command(*publish, "--digest", draft_digest(organisation))
    withdraw = ["withdraw_version", "testi", "1", "--withdrawer", "controller", "--reason"]
    with pytest.raises(CommandError, match="reason"):
        call_command(*withdraw, " ")
    assert said(capsys, *withdraw, "vuosi väärin").endswith("testi: version 1 is withdrawn\n")
    with pytest.raises(CommandError, match="withdrawn already"):
        call_command(*withdraw, "vuosi väärin")
    with pytest.raises(CommandError, match="no version 2"):
        call_command("withdraw_version", "testi", "2", "--withdrawer", "controller", "--reason", "vuosi väärin")


def test_publishing_where_there_is_a_dpo(organisation, capsys, english):
    Membership.objects.create(user=User.objects.create(username="bob"), organisation=organisation, role=Role.DPO)
    arguments = ["publish_inventory", "testi", "--in-force-from", "2026-01-01", "--publisher", "controller"]
    with pytest.raises(SystemExit):
        call_command(*arguments)
    assert "opinion_reason: is missing" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        call_command("opinion", "testi", "--by", "dpo", "--stance", "advises_against")
    call_command("opinion", "testi", "--by", "dpo", "--stance", "advises_against", "--text", "ei")
    with pytest.raises(SystemExit):
        call_command(*arguments)
    call_command(*arguments, "--opinion-reason", "hallitus päätti")
    version = Version.objects.get()
    assert version.opinion is not None
    assert (version.opinion["by"], version.opinion_reason) == ("dpo", "hallitus päätti")
    assert Opinion.objects.get().digest == version.digest
    assert draft_of(organisation)
