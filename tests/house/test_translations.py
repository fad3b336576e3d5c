"""Whatever a person reads is there in Finnish and in Swedish, whole."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog

from config import messages


@pytest.fixture(scope="module")
def code() -> Catalog:
    return messages.in_code()


def test_the_code_has_texts(code):
    assert len(code) > 50
    assert code.get("Nothing was deleted.") is not None


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_every_text_is_translated(language, code):
    assert messages.problems(language, code, messages.translated(language)) == []


def test_what_is_missing_is_found():
    code, catalog = Catalog(locale="fi"), Catalog(locale="fi")
    for text in ("gone", "empty", "fuzzy", "%(n)d wrong"):
        code.add(text)
    catalog.add("empty", "")
    catalog.add("fuzzy", "sumea", flags={"fuzzy"})
    catalog.add("%(n)d wrong", "%(m)d väärin", flags={"python-format"})
    catalog.add("old", "vanha")
    found = messages.problems("fi", code, catalog)
    assert [problem.split(": ")[1] for problem in found[:3]] == ["not in the file", "not translated", "marked fuzzy"]
    assert len(found) == 5
    assert found[-1] == "fi: no longer in the code: old"


def test_every_kind_of_call_is_seen(tmp_path):
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "__init__.py").write_text(
        '_("a"); gettext("b"); gettext_lazy("c"); ngettext("d", "ds", n); ngettext_lazy("e", "es", n)\n'
        'pgettext("where", "f"); pgettext_lazy("where", "g"); npgettext("where", "h", "hs", n)\n'
        'translation.gettext("i")\n'
    )
    found = {message.id for message in messages.in_code(tmp_path) if message.id}
    assert found == {"a", "b", "c", ("d", "ds"), ("e", "es"), "f", "g", ("h", "hs"), "i"}


def hidden(source: str) -> Iterator[int]:
    """Lines of texts that are marked inside an f-string, where Python 3.11's tokens do not show them to Babel."""
    for whole in ast.walk(ast.parse(source)):
        if not isinstance(whole, ast.JoinedStr):
            continue
        for call in ast.walk(whole):
            if not isinstance(call, ast.Call) or not any(isinstance(one, ast.Constant) for one in call.args):
                continue
            name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
            if name in messages.KEYWORDS:
                yield call.lineno


SHOWN = sorted({path.parent.name for path in messages.ROOT.glob("*/__init__.py")} - messages.NOT_SHOWN)


@pytest.mark.parametrize("package", SHOWN)
def test_no_text_is_hidden_in_an_f_string(package):
    files: list[Path] = sorted((messages.ROOT / package).rglob("*.py"))
    assert [f"{file.name}:{line}" for file in files for line in hidden(file.read_text())] == []


def test_a_hidden_text_is_found():
    assert list(hidden('x = f"<h2>{escape(_(\'Seal\'))}</h2>"\ny = f"{_(NAMES[code])}" + _("shown")')) == [1]


def test_several_may_compile_at_once():
    command = [sys.executable, "-c", "from config import messages\nfor _ in range(8): messages.compile_all()"]
    several = [subprocess.Popen(command, cwd=messages.ROOT) for _ in range(3)]
    assert [one.wait() for one in several] == [0, 0, 0]
