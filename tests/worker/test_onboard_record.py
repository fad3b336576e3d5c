"""`onboard_record`: suggests, keeps a mapping, shows, applies."""

from __future__ import annotations

import io
import json

import pytest
import yaml
from django.core.management import CommandError, call_command

from retention.inventory_document import import_document, whole_draft
from retention.onboarding.record import mapping_of
from tests.retention.foreign_files import MAPPING, csv_of, saved, workbook


@pytest.fixture
def uusi(db):
    return import_document({"seloste": 1, "organisation": {"slug": "uusi", "name": "Uusi Oy"}}, "test")


def run(*arguments, mapping="excel"):
    out, err = io.StringIO(), io.StringIO()
    code = 0
    try:
        call_command(
            "onboard_record",
            *map(str, arguments),
            "--organisation",
            "uusi",
            "--mapping",
            mapping,
            stdout=out,
            stderr=err,
        )
    except SystemExit as left:
        code = int(left.code or 0)
    return code, out.getvalue(), err.getvalue()


def test_without_a_mapping_one_is_suggested_that_can_be_brought_back(uusi, tmp_path):
    file, columns = tmp_path / "seloste.xlsx", tmp_path / "columns.yaml"
    file.write_bytes(saved(workbook()))
    code, out, err = run(file)
    assert (code, "A suggestion" in err) == (0, True)
    assert yaml.safe_load(out)["columns"]["Säilytysaika"] == {"to": "time_limits"}
    said = yaml.safe_load(out)
    said["columns"]["Järjestelmä"]["medium"] = "database"
    columns.write_text(yaml.safe_dump(said, allow_unicode=True), encoding="utf-8")
    code, out, err = run(file, "--columns", columns)
    assert (code, err) == (0, "")
    assert "sheet Seloste, row 3: new: Palkanlaskenta" in out
    assert "nothing was changed" in out
    assert mapping_of(uusi, "excel") == said
    assert whole_draft(uusi)["activities"] == []


def test_it_is_applied_when_it_is_said_so(uusi, tmp_path):
    file, columns = tmp_path / "seloste.csv", tmp_path / "columns.yaml"
    file.write_bytes(csv_of("cp1252"))
    columns.write_text(yaml.safe_dump(MAPPING, allow_unicode=True), encoding="utf-8")
    code, out, _ = run(file, "--columns", columns, "--apply", "--by", "dpo", "--reason", "our record")
    assert (code, "2 new, 0 changes, 0 nothing; the draft has it" in out) == (0, True)
    assert len(whole_draft(uusi)["activities"]) == 2
    code, out, _ = run(file, "--json")
    assert [row["outcome"] for row in json.loads(out)["rows"]] == ["nothing", "nothing"]


def test_with_an_error_nothing_is_changed_and_it_fails(uusi, tmp_path, english):
    file, columns = tmp_path / "seloste.xlsx", tmp_path / "columns.yaml"
    book = workbook()
    book.active["F2"] = "=1"
    file.write_bytes(saved(book))
    columns.write_text(yaml.safe_dump(MAPPING, allow_unicode=True), encoding="utf-8")
    for more in ([], ["--apply", "--reason", "x"]):
        code, _, err = run(file, "--columns", columns, *more)
        assert code == 1
        assert "sheet Seloste, row 2, column F (Vastaanottajat): is a formula" in err
    assert whole_draft(uusi)["activities"] == []


def test_what_is_not_there_is_said(uusi, tmp_path):
    with pytest.raises(CommandError):
        run(tmp_path / "none.xlsx")
    file = tmp_path / "seloste.csv"
    file.write_bytes(csv_of())
    with pytest.raises(CommandError, match="--columns"):
        run(file, "--apply", "--reason", "x", mapping="other")
    with pytest.raises(CommandError, match="no organisation"):
        call_command("onboard_record", str(file), "--organisation", "nobody", "--mapping", "x")
