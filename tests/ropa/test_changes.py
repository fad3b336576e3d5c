"""Differences between documents: every place once, named as everything names places, and nothing forgotten."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention.domain.evidence import canonical
from retention.inventory_document.shape import path_of, schema
from ropa.change_words import PORTION, Teller, change_in_words, entry_in_words, labels, said, value_in_words
from ropa.changes import Kind, difference
from ropa.law import LANGUAGES
from ropa.wording import table
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
    name = dataset["name"]["fi"]
    rule = table("fi")["kinds"][dataset["grounds"][0]["kind"]]
    was = value_in_words(before["datasets"][0]["grounds"][0]["period"], "fi")
    assert f"Muutettu: Tietoaineistot › {name} › Säilytysperusteet › {rule} › Säilytysaika: {was} → 2\xa0vuotta" in said
    assert f"Muutettu: Tietoaineistot › {name} › Poiston toteutus › Erissä: ei → kyllä" in said
    gone = before["datasets"][1]
    assert f"Poistettu: Tietoaineistot › {gone['name']['fi']}" in said
    for language, verb in (("sv", "Ändrat"), ("en", "Changed")):
        assert any(line.startswith(f"{verb}: ") for line in words(before, after, language))


def test_values_in_words_leave_nothing_out():
    assert value_in_words({"value": {"article": "6(1)(b)"}}, "fi").startswith("sopimuksen täytäntöönpano (6 artiklan")
    assert value_in_words({"none_because": {"fi": "EU"}}, "fi") == "Ei ole, koska: EU"
    assert value_in_words({"name": {"sv": "Kund"}, "id": "k"}, "fi") == "Kund"
    assert value_in_words("2026-06-30", "fi") == "30.6.2026"
    assert value_in_words("2026-13-30", "fi") == "2026-13-30"
    assert value_in_words([], "en") == "–"
    rule = document()["datasets"][0]["grounds"][0]
    assert "trigger" not in value_in_words(rule, "en")
    assert value_in_words({**rule, "trigger": "no_such_event"}, "en").startswith("Identifier")


def test_choices_and_ids_are_said_by_what_they_are_called():
    before: dict[str, Any] = {
        "registers": [{"id": "crm", "name": {"fi": "Asiakkaat"}}, {"id": "arkisto", "name": {"fi": "Arkisto"}}]
    }
    before["datasets"] = [
        {
            "id": "d",
            "name": {"fi": "Laskut"},
            "register": "crm",
            "policy": {"mode": "observe"},
            "grounds": [{"id": "g", "kind": "need", "trigger": "recorded", "status": "proposed"}],
        }
    ]
    before["recipients"] = [{"id": "r", "role": "processor", "agreement": {"value": {"status": "in_preparation"}}}]
    before["activities"] = [{"id": "a", "legal_basis": {"value": {"article": "6(1)(a)"}}}]
    after = copy.deepcopy(before)
    after["datasets"][0] |= {"register": "arkisto", "policy": {"mode": "purge"}}
    after["datasets"][0]["grounds"][0] |= {"status": "confirmed", "trigger": "contract_ended"}
    after["recipients"][0] |= {"role": "authority", "agreement": {"value": {"status": "in_force"}}}
    after["activities"][0]["legal_basis"]["value"]["article"] = "6(1)(f)"
    assert [line.split(": ", 2)[2] for line in words(before, after)] == [
        "suostumus (6 artiklan 1 kohdan a alakohta) → rekisterinpitäjän tai kolmannen osapuolen oikeutetut edut"
        " (6 artiklan 1 kohdan f alakohta)",
        "ehdotettu, ei toteuteta → vahvistettu",
        "tallentaminen → sopimuksen päättyminen",
        "vain seurataan → poistetaan",
        "Asiakkaat → Arkisto",
        "valmisteilla → voimassa",
        "henkilötietojen käsittelijä → viranomainen",
    ]


def test_an_id_is_told_only_where_two_are_called_the_same():
    before: dict[str, Any] = {"registers": []}
    after = {"registers": [{"id": code, "name": {"fi": name}} for code, name in (("a", "X"), ("b", "X"), ("c", "Y"))]}
    assert words(before, after) == [
        "Lisätty: Rekisterit › X (a)",
        "Lisätty: Rekisterit › X (b)",
        "Lisätty: Rekisterit › Y",
    ]


def test_rules_of_one_kind_are_told_apart_by_their_time_limit():
    rule = {"kind": "claim", "action": "delete", "status": "confirmed", "trigger": "contract_ended"}
    grounds = [{"id": "a", **rule, "period": "P3Y"}, {"id": "b", **rule, "period": "P1Y"}]
    before: dict[str, Any] = {"datasets": [{"id": "d", "name": {"fi": "Laskut"}, "grounds": grounds}]}
    after = copy.deepcopy(before)
    after["datasets"][0]["grounds"][1]["status"] = "proposed"
    (line,) = words(before, after)
    assert "› oikeusvaade: 1\xa0vuosi sopimuksen päättymisestä › Tila" in line
    after["datasets"][0]["grounds"][1]["period"] = "P3Y"
    assert all("oikeusvaade (b)" in line for line in words(before, after))


def test_what_is_said_of_several_entries_is_one_line():
    before: dict[str, Any] = {
        "datasets": [{"id": c, "name": {"fi": c.upper()}, "policy": {"approval": "one"}} for c in "abc"]
    }
    after = copy.deepcopy(before)
    for one in after["datasets"][:2]:
        one["policy"]["approval"] = "automatic"
    after["datasets"][2]["policy"]["approval"] = "two"
    after["datasets"] += [{"id": c, "name": {"fi": c.upper()}} for c in "de"]
    assert list(Teller(before, after, "fi").lines(difference(before, after))) == [
        "Muutettu: Tietoaineistot › Poiston toteutus › Hyväksyntä: yhden henkilön hyväksyntä → ilman erillistä"
        " hyväksyntää (kohteet: A; B)",
        "Muutettu: Tietoaineistot › C › Poiston toteutus › Hyväksyntä: yhden henkilön hyväksyntä → kahden henkilön"
        " hyväksyntä",
        "Lisätty: Tietoaineistot: D; E",
    ]


def test_many_names_are_parted_so_that_no_line_outgrows_a_page():
    after = {"registers": [{"id": f"r{n}", "name": {"fi": f"Rekisteri {n} " + "x" * 90}} for n in range(40)]}
    lines = list(Teller({"registers": []}, after, "fi").lines(difference({"registers": []}, after)))
    assert len(lines) > 1 and all(len(line) < PORTION + 200 for line in lines)
    assert sum(line.count("Rekisteri ") for line in lines) == 40


def test_an_entry_in_words_has_a_row_for_each_field():
    rows = dict(entry_in_words(document()["datasets"][0], "fi", frozenset({"id", "mapping"})))
    assert rows["Henkilötiedot"] == ["nimi", "osoite"]
    assert "Tunniste" not in rows


def test_it_is_plain_python():
    text = (Path(__file__).resolve().parents[2] / "ropa" / "changes.py").read_text(encoding="utf-8")
    assert "django" not in text
    assert json.dumps(difference({}, {"a": 1})[0].as_data())
