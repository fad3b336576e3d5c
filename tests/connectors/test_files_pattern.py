"""The pattern language: one reading or none, and what is unclear is refused when it is written."""

from __future__ import annotations

from datetime import date

import pytest

from retention.connectors.contract import ConnectorError
from retention.connectors.files_pattern import compile_pattern


def read(pattern: str, path: str):
    return compile_pattern(pattern).read(path.split("/"))


@pytest.mark.parametrize(
    ("pattern", "path", "values"),
    [
        ("{subject}.pdf", "1001.pdf", {"subject": "1001"}),
        ("{subject}.pdf", "10.01.pdf", {"subject": "10.01"}),
        ("{subject}.pdf", "1001.PDF", None),
        ("{subject}.pdf", ".pdf", None),
        (
            "{subject}/{recorded:date}_{rest}.pdf",
            "1001/2020-02-29_a_b.c.pdf",
            {"subject": "1001", "recorded": date(2020, 2, 29), "rest": "a_b.c"},
        ),
        ("{a}_{b}", "x_y_z", {"a": "x", "b": "y_z"}),
        ("*_{a}_{b}", "x_y_z_w", {"a": "z", "b": "w"}),
        ("{a}_*_{b}.txt", "x_y_z_w.txt", {"a": "x", "b": "w"}),
        ("{a}_*_{b}.txt", "x_w.txt", None),
        ("{subject}/{subject}_{d:date8}*", "1001/1001_20200615 (2).pdf", {"subject": "1001", "d": date(2020, 6, 15)}),
        ("{subject}/{subject}_{d:date8}*", "1001/1002_20200615.pdf", None),
        ("{rest}{d:date8}", "12020061520200616", {"rest": "120200615", "d": date(2020, 6, 16)}),
        ("{n:number}-{ok:flag}", "007-true", {"n": 7, "ok": True}),
        ("{n:number}-{ok:flag}", "x7-true", None),
        ("{n:number}-{ok:flag}", "7-True", None),
        ("{d:date}.log", "2021-02-29.log", {"d": None}),
        ("{d:date}.log", "٢٠٢١-02-28.log", None),
        ("{{{a}}}", "{x}", {"a": "x"}),
        ("{a}+(1).txt", "x+(1).txt", {"a": "x"}),
        ("{a}", "x\ny", {"a": "x\ny"}),
        ("{a}", "x\n", {"a": "x\n"}),
        ("{a}/b", "x", None),
        ("{a}", "x/b", None),
        ("*", "", {}),
    ],
)
def test_reads(pattern, path, values):
    assert read(pattern, path) == values


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("{a}{b}", r"\{a\} can be read in two ways"),
        ("{a}{b:number}", r"\{a\} can be read in two ways"),
        ("*{a}", r"\{a\} can be read in two ways"),
        ("{a}*", r"\{a\} can be read in two ways"),
        ("*{d:date}*", r"more than one \*"),
        ("**", r"more than one \*"),
        ("{n:number}1{a}", "a digit stands beside it"),
        ("{a:day}", "no known type.*date8"),
        ("{a}/{a:date}", "stands for text and for date"),
        ("{a", r"a single \{"),
        ("a}", r"a single \}"),
        ("{Asiakas}", r"a single \{"),
        ("", "no name"),
        ("/a", "no name"),
        ("a//b", "no name"),
        ("../{a}", r"'\.\.' is no name"),
    ],
)
def test_refuses_what_is_unclear(pattern, why):
    with pytest.raises(ConnectorError, match=why) as raised:
        compile_pattern(pattern)
    assert raised.value.permanent
    assert repr(pattern) in str(raised.value)


def test_tells_beginnings_of_paths_that_can_match():
    pattern = compile_pattern("{subject}/{year}/{d:date}.log")
    assert pattern.texts(["1001"]) == {"subject": "1001"}
    assert pattern.texts(["1001", "2020"]) == {"subject": "1001", "year": "2020"}
    assert pattern.texts(["1001", "2020", "x.log"]) is None
    assert pattern.texts(["1001", "2020", "2020-01-01.log", "x"]) is None
