"""The oracle: every case of the specification, decided and computed as it says."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import pytest
import yaml

from retention.domain.cases import answer, parse_cases
from retention.domain.events import CATALOGUE
from retention.domain.periods import cutoff, due_from, last_day, parse_month_day

ORACLE = Path(__file__).parent / "oracle"
CASES, PROBLEMS = parse_cases(yaml.safe_load((ORACLE / "decisions.yaml").read_text()))


def rows(name):
    with (ORACLE / name).open() as file:
        return list(csv.DictReader(file))


def test_all_cases_can_be_read():
    assert not PROBLEMS
    assert len(CASES) >= 133


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_decision(case):
    assert answer(case.decide()) == case.expect


@pytest.mark.parametrize("row", rows("periods.csv"), ids=lambda row: " ".join(row.values()))
def test_last_day(row):
    start, year_end = date.fromisoformat(row["start"]), parse_month_day(row["financial_year_end"])
    assert last_day(start, row["period"], row["rounding"], year_end).isoformat() == row["last_day"]
    assert due_from(start, row["period"], row["rounding"], year_end).isoformat() == row["due_from"]


@pytest.mark.parametrize("row", rows("cutoffs.csv"), ids=lambda row: " ".join(row.values()))
def test_cutoff(row):
    today, year_end = date.fromisoformat(row["today"]), parse_month_day(row["financial_year_end"])
    found = cutoff(today, row["period"], row["rounding"], year_end)
    assert (found.isoformat() if found else "") == row["cutoff"]


def test_the_catalogue_is_the_oracles():
    listed = yaml.safe_load((ORACLE / "events.yaml").read_text())["events"]
    assert {entry["name"] for entry in listed} == set(CATALOGUE)
    for entry in listed:
        event = CATALOGUE[entry["name"]]
        assert event.grain.value == entry["grain"]
        assert event.absent.value == entry["absent"]
        assert event.opened_by == entry.get("opened_by", "")
        assert list(event.undone_by) == entry.get("undone_by", [])
        assert event.may_lie_ahead == entry["future"]
        assert event.many == entry.get("many", "latest")
