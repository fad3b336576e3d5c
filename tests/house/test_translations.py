"""Whatever a person reads is there in Finnish and in Swedish, whole."""

from __future__ import annotations

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
