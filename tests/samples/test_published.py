"""What is published of a company is its notice, word for word, each passage in a field; what we add is marked."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from datetime import date
from typing import Any

import pytest

from retention.inventory_document import normalised, yaml_text
from retention.inventory_document.checks import check
from retention.inventory_document.shape import properties_of
from ropa.places import at, entries
from samples.companies import companies
from samples.documents import Document, as_published, extended, whole
from samples.frame import Company
from worker.passage_walk import walk

STATEMENTS = {  # how many statements the notice has, and the digest of their ids and words
    "kasenet": (61, "062d735e00bae61b2dded11de1625affc73f4e2334cbf3202b35469c7b4c6f37"),
    "ksvv": (64, "0e38db12f3672a0905032b3f6d660cf56deaff61f2286af955bf53c3ab2775d1"),
    "kotisivutaivas": (44, "423edfe2c56a6b169e45be36cbaac3e205dda9968ce2bff2d3a128293dc50946"),
    "kymenlaakson_sahko": (84, "839bc5ae4a9e406cddebd265f26b4672b5f28d3b81310115b658d8bfcb840afd"),
    "k_systems": (73, "70a95e2f8678b62be8f1e48b57c5f2a949085c7fa687198f83c09f82bcccc746"),
}
PUBLISHED = [company for company in companies() if company.published.exists()]
VERY_WORDS = re.compile(  # names, numbers and dates: the passage has what the field says
    r"organisation\.(name|short_name|business_id)|organisation\.contact\.\w+|notices\[[\w-]+\]\.(created|updated)_on"
    r"|contact_points\[[\w-]+\]\.(postal_address|phone|email|website)|registers\[[\w-]+\]\.(printed_ordinal|name)"
)


@pytest.fixture(scope="module", params=PUBLISHED, ids=[company.slug for company in PUBLISHED])
def company(request: pytest.FixtureRequest) -> Company:
    found: Company = request.param
    return found


@pytest.fixture(scope="module")
def published(company: Company) -> Document:
    return as_published(company, yaml_text.parse)


@pytest.fixture(scope="module")
def extension(company: Company) -> Document:
    return whole(company, yaml_text.parse)


def package(company: Company) -> str:
    return company.inventory.parent.name


def passages(document: Document) -> list[dict[str, Any]]:
    return [dict(passage) for _, passage in entries(document, "notices", "passages")]


def digest(found: list[dict[str, Any]]) -> str:
    told = json.dumps([[one["id"], one["text"]] for one in found], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(told.encode()).hexdigest()


def texts(value: Any, place: str = "") -> Iterator[tuple[str, Mapping[str, str]]]:
    """Every text in up to three languages, with its place."""
    if isinstance(value, Mapping):
        if value and value.keys() <= {"fi", "sv", "en"}:
            yield place, value
            return
        for key, part in value.items():
            yield from texts(part, f"{place}.{key}")
    elif isinstance(value, list):
        for position, part in enumerate(value):
            name = part.get("id", position) if isinstance(part, Mapping) else position
            yield from texts(part, f"{place}[{name}]")


def test_the_published_document_is_valid_and_leaves_no_passage_without_a_place(published):
    verdict = check(published)
    assert (verdict.errors, verdict.warnings) == ((), ())


def test_every_statement_of_the_notice_is_a_passage_in_its_own_words(company, published):
    found = passages(published)
    assert (len(found), digest(found)) == STATEMENTS[package(company)]


def test_a_passage_that_was_changed_by_one_letter_is_noticed(company, published):
    found = passages(published)
    found[-1]["text"] += "."
    assert digest(found) != STATEMENTS[package(company)][1]


def test_every_passage_is_held_and_only_page_furniture_is_no_content(published):
    walked = list(walk(published))
    assert [one.passage["id"] for one in walked if not one.is_held] == []
    assert sum(one.not_content for one in walked) <= 3
    assert all(one.passage.get("english") and one.passage.get("lines") for one in walked)


def test_a_name_a_number_or_a_date_stands_in_the_field_as_in_the_passage(published):
    seen = 0
    for passage in passages(published):
        said = passage.get("corrected", passage["text"]).casefold()
        spoken = (said, re.sub(r",? / ", ", ", said))  # " / " is where a line of the notice ends
        places = passage.get("held_in", ())
        for place in places:
            named = re.fullmatch(r"(registers\[[\w-]+\])\.name", place)
            if not VERY_WORDS.fullmatch(place) or (
                named and len(places) > 1 and f"{named[1]}.printed_ordinal" not in places
            ):
                continue
            words = at(published, place)
            if isinstance(words, Mapping):
                words = words[published["organisation"]["language"]]
            if place.endswith("_on"):
                day = date.fromisoformat(words)
                words = f"{day.day}.{day.month}.{day.year}"
            assert any(words.casefold() in one for one in spoken), (passage["id"], place)
            seen += 1
    assert seen >= 4


def test_nothing_is_published_that_the_notice_does_not_say(published):
    assert published.get("datasets", []) == [] and published.get("connections", {}) == {}
    assert list(additions(published)) == []
    for place, text in texts(published):
        assert text.keys() == {"fi", "sv", "en"}, place


def test_no_person_is_named(published):
    for _, passage in entries(published, "notices", "passages"):
        assert passage.get("redacted", False) == ("[REDACTED: " in passage["text"])
    for _, contact in entries(published, "contact_points"):
        if contact.get("kind") == "person":
            assert contact.get("role"), contact["id"]


def test_the_second_version_has_all_of_the_first_unchanged(published, extension):
    first, second = normalised(published), normalised(extension)
    assert list(lost(first, second, "")) == []
    changed = deepcopy(second)
    changed["registers"][0]["name"]["fi"] += "!"
    assert list(lost(first, changed, "")) == [f".registers[{first['registers'][0]['id']}].name.fi"]


def test_every_entry_and_statement_that_the_second_version_adds_is_marked(published, extension):
    marked = dict(added(extension, published, ""))
    assert [place for place, entry in marked.items() if entry.get("addition") is not True] == []
    assert any(place.startswith(".datasets[") for place in marked)


def lost(first: Any, second: Any, place: str) -> Iterator[str]:
    """The places of the first document that the second has not, or otherwise."""
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        for key, part in first.items():
            yield from lost(part, second.get(key), f"{place}.{key}")
    elif isinstance(first, list) and first and all(isinstance(one, Mapping) and "id" in one for one in first):
        there = {one["id"]: one for one in second or ()}
        for one in first:
            yield from lost(one, there.get(one["id"]), f"{place}[{one['id']}]")
    elif first != second and first not in ([], {}):
        yield place


def additions(value: Any) -> Iterator[Any]:
    """Whatever says of itself that it is an addition."""
    if isinstance(value, Mapping):
        if value.get("addition"):
            yield value
        for part in value.values():
            yield from additions(part)
    elif isinstance(value, list):
        for part in value:
            yield from additions(part)


def added(
    second: Mapping[str, Any], first: Mapping[str, Any], place: str, rules: Mapping[str, Any] | None = None
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What only the second document has and, by the schema, can be marked: entries and statements, the outermost."""
    for key, rule in (properties_of("") if rules is None else rules).items():
        value, before, there = second.get(key), first.get(key), f"{place}.{key}"
        if isinstance(value, list):
            inner = properties_of(rule.get("items", {}))
            known = {one["id"]: one for one in before or () if isinstance(one, Mapping) and "id" in one}
            for one in value:
                if not isinstance(one, Mapping) or "id" not in one:
                    continue
                if one["id"] in known:
                    yield from added(one, known[one["id"]], f"{there}[{one['id']}]", inner)
                elif "addition" in inner:
                    yield f"{there}[{one['id']}]", one
        elif isinstance(value, Mapping):
            inner = properties_of(rule)
            if "addition" not in inner:
                yield from added(value, before or {}, there, inner)
            elif value != before:
                yield there, value


PAPER: Document = {
    "seloste": 1,
    "organisation": {"slug": "a", "name": "A", "facts": {"x": True}},
    "registers": [{"id": "r", "name": {"fi": "R"}, "medium": "paper"}],
    "activities": [
        {
            "id": "a",
            "purposes": [{"id": "p", "legal_basis": {"value": {"text": {"fi": "sopimus"}}}}],
            "handlers": [{"fi": "x"}],
        }
    ],
}


def test_additions_are_merged_by_ids_and_leave_both_documents_alone():
    before = deepcopy(PAPER)
    more = {
        "organisation": {"slug": "a", "dpo": {"value": {"name": "x"}, "addition": True}, "facts": {"y": 1}},
        "registers": [
            {"id": "r", "connection": "c", "ledger": [{"id": "l"}], "notes": {"n": "…"}},
            {"id": "s", "addition": True, "backups": {"none_because": {"fi": "…"}}},
        ],
        "activities": [
            {
                "id": "a",
                "purposes": [
                    {"id": "q", "addition": True},
                    {"id": "p", "legal_basis": {"value": {"article": "6(1)(b)"}, "addition": True}},
                ],
            }
        ],
        "connections": {"c": {"kind": "paper", "config": {}}},
    }
    kept = deepcopy(more)
    found = extended(PAPER, more)
    assert (before, more) == (PAPER, kept)
    assert found["organisation"]["facts"] == {"x": True, "y": 1}
    assert [one["id"] for one in found["registers"]] == ["r", "s"]
    assert found["registers"][0]["medium"] == "paper" and found["registers"][0]["connection"] == "c"
    first, second = found["activities"][0]["purposes"]
    assert first["legal_basis"] == {"value": {"text": {"fi": "sopimus"}, "article": "6(1)(b)"}, "addition": True}
    assert second["id"] == "q" and found["activities"][0]["handlers"] == [{"fi": "x"}]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"organisation": {"name": "B"}}, "organisation.name: is published otherwise"),
        ({"registers": [{"id": "r", "name": {"fi": "S"}}]}, r"registers\[r\].name.fi: is published otherwise"),
        ({"activities": [{"id": "a", "handlers": [{"fi": "y"}]}]}, r"activities\[a\].handlers: is published otherwise"),
        ({"registers": [{"id": "r", "medium": {"fi": "S"}}]}, r"registers\[r\].medium: is published otherwise"),
        ({"registers": [{"id": "s"}]}, r"registers\[s\]: is not published; it must say addition"),
        ({"datasets": [{"id": "d"}]}, r"datasets\[d\]: is not published; it must say addition"),
        ({"registers": [{"id": "r", "addition": True}]}, r"registers\[r\]: is published, so it is no addition"),
        ({"activities": [{"id": "a", "purposes": [{"id": "q"}]}]}, r"activities\[a\].purposes\[q\]: is not published"),
        ({"organisation": {"dpo": {"none_because": {"fi": "…"}}}}, "organisation.dpo: is not published"),
        (
            {"activities": [{"id": "a", "purposes": [{"id": "p", "legal_basis": {"value": {"article": "10"}}}]}]},
            r"purposes\[p\].legal_basis: adds to a statement that is published",
        ),
    ],
)
def test_an_addition_that_contradicts_or_hides_is_refused(more, message):
    with pytest.raises(ValueError, match=message):
        extended(PAPER, more)
