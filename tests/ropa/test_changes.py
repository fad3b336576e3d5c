"""Differences between documents: every place once, named as everything names places, and nothing forgotten."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention.domain.evidence import canonical
from retention.inventory_document.shape import path_of, schema
from ropa.change_words import change_in_words, entry_in_words, labels, said, value_in_words
from ropa.changes import Kind, difference
from ropa.law import LANGUAGES
from tests.ropa.inventories import inventory as document

LEAVES = st.one_of(st.none(), st.booleans(), st.integers(0, 3), st.sampled_from(["", "a", "b"]))
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(["id", "a", "b"]), inner, max_size=3),
        st.lists(st.fixed_dictionaries({"id": st.sampled_from(["x", "y", "z"]), "v": inner}), max_size=4),
    ),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(st.sampled_from(["one", "two", "three"]), VALUES, max_size=3)


@given(DOCUMENTS, DOCUMENTS)
def test_nothing_differs_exactly_where_nothing_does(before, after):
    assert (difference(before, after) == []) is (canonical(before) == canonical(after))
    assert difference(before, copy.deepcopy(before)) == []


@given(DOCUMENTS, DOCUMENTS)
def test_a_place_is_named_as_everywhere_and_holds_what_is_said(before, after):
    for change in difference(before, after):
        holder = before if change.kind is Kind.REMOVED else after
        assert change.path == path_of(holder, change.steps)
        here = holder
        for step in change.steps:
            here = here[step]
        if change.kind is not Kind.MOVED:
            assert canonical(here) == canonical(change.before if change.kind is Kind.REMOVED else change.after)


def found(before, after):
    return [(change.path, change.kind.value, change.before, change.after) for change in difference(before, after)]


def test_entries_are_matched_by_list_and_id_however_they_stand():
    before = {"datasets": [{"id": "a", "grounds": [{"id": "x", "period": "P1Y"}, {"id": "y"}]}, {"id": "b"}]}
    after = {"datasets": [{"id": "b"}, {"id": "a", "grounds": [{"id": "x", "period": "P2Y"}, {"id": "z"}]}]}
    assert found(before, after) == [
        ("datasets[b]", "moved", 1, 0),
        ("datasets[a].grounds[y]", "removed", {"id": "y"}, None),
        ("datasets[a].grounds[x].period", "changed", "P1Y", "P2Y"),
        ("datasets[a].grounds[z]", "added", None, {"id": "z"}),
    ]


def test_an_entry_that_went_elsewhere_does_not_move_the_others():
    before = {"registers": [{"id": code} for code in "abcde"]}
    after = {"registers": [{"id": code} for code in "bcdea"]}
    assert found(before, after) == [("registers[a]", "moved", 0, 4)]


def test_texts_are_matched_by_content():
    before = {"items": {"value": [{"fi": "nimi"}, {"fi": "osoite"}]}}
    after = {"items": {"value": [{"fi": "nimi"}, {"fi": "puhelin"}, {"fi": "osoite"}]}}
    assert found(before, after) == [("items.value[1]", "added", None, {"fi": "puhelin"})]


def test_a_statement_that_becomes_none_loses_its_value():
    before, after = {"transfers": {"value": ["US"]}}, {"transfers": {"none_because": {"fi": "EU"}}}
    assert found(before, after) == [
        ("transfers.none_because", "added", None, {"fi": "EU"}),
        ("transfers.value", "removed", ["US"], None),
    ]


def test_true_is_not_one():
    assert found({"facts": {"a": True}}, {"facts": {"a": 1}}) == [("facts.a", "changed", True, 1)]


def properties(rule):
    """Every key that something of this shape may have."""
    if isinstance(rule, dict):
        for key, value in rule.items():
            if key == "properties":
                yield from value
            yield from properties(value)
    elif isinstance(rule, list):
        for inner in rule:
            yield from properties(inner)


def test_every_field_of_the_schema_has_a_label_in_each_language_and_no_label_is_left_over():
    whole = copy.deepcopy(dict(schema()))
    del whole["properties"]["connections"], whole["$defs"]["connection"]  # no version holds them
    fields = set(properties(whole))
    assert {"seloste", "grounds", "passages"} <= fields
    assert fields - labels().keys() == set()
    assert labels().keys() - fields == set(), "labels of fields that are gone"
    for key, texts in labels().items():
        assert set(texts) == set(LANGUAGES), key
        assert all(text.strip() for text in texts.values()), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_phrase_is_there_in_each_language(language):
    import yaml

    from ropa.wording import DIRECTORY

    table = yaml.safe_load((DIRECTORY / "changes.yaml").read_text(encoding="utf-8"))
    for key, texts in table.items():
        assert set(texts) == set(LANGUAGES), key
        assert texts[language], key
    assert said("stance_advises_against", language)


def words(before, after, language="fi"):
    return [change_in_words(change, before, after, language) for change in difference(before, after)]


def test_a_difference_in_words():
    before = document()
    after = copy.deepcopy(before)
    dataset = after["datasets"][0]
    dataset["grounds"][0]["period"] = "P2Y"
    dataset["policy"]["waves"] = True
    del after["datasets"][1]
    said = words(before, after)
    name, code = dataset["name"]["fi"], dataset["id"]
    rule = dataset["grounds"][0]["id"]
    was = value_in_words(before["datasets"][0]["grounds"][0]["period"], "fi")
    assert (
        f"Muutettu: Tietoaineistot › {name} ({code}) › Säilytysperusteet › {rule} › Säilytysaika: {was} → 2\xa0vuotta"
        in said
    )
    assert f"Muutettu: Tietoaineistot › {name} ({code}) › Poiston toteutus › Erissä: ei → kyllä" in said
    gone = before["datasets"][1]
    assert f"Poistettu: Tietoaineistot › {gone['name']['fi']} ({gone['id']})" in said
    for language, verb in (("sv", "Ändrat"), ("en", "Changed")):
        assert any(line.startswith(f"{verb}: ") for line in words(before, after, language))


def test_values_in_words_leave_nothing_out():
    assert value_in_words({"value": {"article": "6(1)(b)"}}, "fi").startswith("Artikla: ")
    assert value_in_words({"none_because": {"fi": "EU"}}, "fi") == "Ei ole, koska: EU"
    assert value_in_words({"name": {"sv": "Kund"}, "id": "k"}, "fi") == "Kund"
    assert value_in_words("2026-06-30", "fi") == "30.6.2026"
    assert value_in_words("2026-13-30", "fi") == "2026-13-30"
    assert value_in_words([], "en") == "–"
    rule = document()["datasets"][0]["grounds"][0]
    assert "trigger" not in value_in_words(rule, "en")
    assert value_in_words({**rule, "trigger": "no_such_event"}, "en").startswith("Identifier")


def test_an_entry_in_words_has_a_row_for_each_field():
    rows = dict(entry_in_words(document()["datasets"][0], "fi", frozenset({"id", "mapping"})))
    assert rows["Henkilötiedot"] == ["nimi", "osoite"]
    assert "Tunniste" not in rows


def test_it_is_plain_python():
    text = (Path(__file__).resolve().parents[2] / "ropa" / "changes.py").read_text(encoding="utf-8")
    assert "django" not in text
    assert json.dumps(difference({}, {"a": 1})[0].as_data())
