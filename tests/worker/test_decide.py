"""The what-if command: answers as JSON or in words, and says where a document is wrong."""

from __future__ import annotations

import json
from io import StringIO

import pytest
import yaml
from django.core.management import CommandError, call_command

CASE = {
    "id": "K1",
    "says": "asiakas lähti",
    "today": "2026-06-30",
    "contracts": [{"ref": "A", "started": "2015-01-01", "ended": "2023-06-29"}],
    "grounds": [{"id": "vaateet", "kind": "claim", "trigger": "contract_ended", "period": "P3Y", "action": "delete"}],
}


def decide(tmp_path, cases, *arguments):
    file = tmp_path / "cases.yaml"
    file.write_text(cases if isinstance(cases, str) else yaml.safe_dump(cases))
    out, err, code = StringIO(), StringIO(), 0
    try:
        call_command("decide", file, *arguments, stdout=out, stderr=err)
    except SystemExit as exit_:
        code = int(exit_.code or 0)
    return code, out.getvalue(), err.getvalue()


def test_json_has_the_fields_that_a_case_expects(tmp_path):
    expect = {"state": "due", "due_from": "2026-06-30", "action": "delete", "why": "GROUNDS_ENDED", "overdue_days": 0}
    code, out, _ = decide(tmp_path, [{**CASE, "expect": expect}], "--json")
    assert code == 0
    assert json.loads(out) == [{"id": "K1", **expect}]


def test_a_case_that_comes_out_otherwise_is_named(tmp_path):
    code, _, err = decide(tmp_path, [{**CASE, "expect": {"state": "keep"}}])
    assert code == 1
    assert "K1" in err


@pytest.mark.parametrize(
    ("language", "words"),
    [("fi", "29.6.2026"), ("en", "It is due since 30\u00a0June\u00a02026: deletion."), ("sv", "30.6.2026")],
)
def test_it_explains_in_words(tmp_path, language, words):
    code, out, _ = decide(tmp_path, [CASE], "--language", language)
    assert code == 0
    assert words in out
    assert "vaateet" in out


def test_a_wrong_case_is_named_and_the_others_are_decided(tmp_path):
    code, out, err = decide(tmp_path, [CASE, {**CASE, "id": "K2", "today": "someday"}], "--json")
    assert code == 1
    assert [answer["id"] for answer in json.loads(out)] == ["K1"]
    assert "K2.today" in err


def test_broken_yaml_names_the_line(tmp_path):
    with pytest.raises(CommandError, match="line 3"):
        decide(tmp_path, "- id: x\n  today: [\n")
