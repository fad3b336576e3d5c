"""`manage.py law`: rows, what cites them, what changes."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from ropa.models import Ground
from tests.ropa.test_services import organisation

__all__ = ["organisation"]


def told(*args: str) -> str:
    out = io.StringIO()
    call_command("law", *args, stdout=out)
    return out.getvalue()


def data(*args: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(told(*args, "--json"))
    return found


def test_the_rows_of_a_day():
    ids = [row["id"] for row in data("--on", "2026-01-01")]
    assert "ACC-VOUCHER" in ids
    assert "ELEC-METER-VALUES" not in ids
    assert "ELEC-METER-VALUES" in [row["id"] for row in data("--on", "2020-01-01")]


def test_one_row_says_what_it_says_and_how_sure_we_are():
    said = told("WORKORDER", "--language", "en")
    assert "(a suggestion)" in said
    assert "certainty A, number D" in said
    assert "in force from 1 January 2004" in said.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["NONE"], "no row of the law library 'NONE'"),
        (["WATER-CHARGES"], "WATER-CHARGES is not offered"),
        (["--citing", "ACC-VOUCHER"], "--citing needs --organisation"),
        (["--citing", "NONE", "--organisation", "x"], "no row of the law library 'NONE'"),
        (["--changes", "x"], "--changes needs --until"),
        (["--changes", "x", "--until", "2030-01-01"], "there is no organisation 'x'"),
    ],
)
def test_what_it_refuses(db, args, message):
    with pytest.raises(CommandError, match=message):
        told(*args)


def test_what_of_a_draft_cites_a_row_and_what_a_change_does_to_it(organisation):
    assert told("--citing", "ELEC-METER-VALUES", "--organisation", organisation.slug, "--language", "en") == (
        "Nothing cites it.\n"
    )
    Ground.objects.filter(pk=Ground.objects.values_list("pk")[:1]).update(law="ELEC-METER-VALUES")
    (found,) = data("--citing", "ELEC-METER-VALUES", "--organisation", organisation.slug)
    assert found["state"] == "not_in_force"
    (change,) = data("--changes", organisation.slug, "--on", "2021-10-31", "--until", "2021-11-01")
    assert (change["path"], change["ends"], change["successor"]) == (found["path"], True, "ELEC-MARKET")
    assert "ELEC-MARKET" in told("--changes", organisation.slug, "--on", "2021-10-31", "--until", "2021-11-01")
    assert data("--changes", organisation.slug, "--on", "2021-11-01", "--until", "2021-11-02") == []
    with pytest.raises(CommandError, match="--until is not after 2021-11-01"):
        told("--changes", organisation.slug, "--on", "2021-11-01", "--until", "2021-11-01")
