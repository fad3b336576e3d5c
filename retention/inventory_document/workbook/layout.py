"""Which sheets and columns a workbook has: read off the schema, so that no kind and no field can be forgotten."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any

from retention.inventory_document.shape import properties_of, schema
from ropa.law import LANGUAGES

HEAD = "organisation"
CONNECTIONS = "connections"
PARENT = "in"
"""The column of a nested list that names the entry which a row stands in."""


class Form(Enum):
    """How a field's value becomes cells."""

    TEXT = "text"  # one cell, text
    DAY = "day"  # one cell, 2026-06-30; 30.6.2026 and a date cell are read too
    NUMBER = "number"  # one cell
    YES_NO = "yes_no"  # one cell
    WORDS = "words"  # a list of ids or words, one cell, separated by commas
    LANGUAGES = "languages"  # a cell for each language
    STATEMENT = "statement"  # a text or why there is none: value.fi … none_because.fi …
    WORD = "word"  # a word, or something deeper: the word as it is, else JSON
    JSON = "json"  # anything deeper, as JSON


@dataclass(frozen=True, slots=True)
class Field:
    """One key of an entry."""

    key: str
    form: Form

    @property
    def columns(self) -> tuple[str, ...]:
        """The headings of its cells; the last is where it stands as JSON if its own cells cannot hold it."""
        match self.form:
            case Form.LANGUAGES:
                return (*(f"{self.key}.{language}" for language in LANGUAGES), self.key)
            case Form.STATEMENT:
                parts = [f"{self.key}.{part}.{language}" for part in STATEMENT for language in LANGUAGES]
                return (*parts, f"{self.key}.{ADDITION}", self.key)
            case _:
                return (self.key,)


STATEMENT = ("value", "none_because")
ADDITION = "addition"
"""Beside what a statement says: we added it."""


@dataclass(frozen=True)
class Sheet:
    """One list of entries. `path`: its keys from the document's top; a nested one names its parent entry's sheet."""

    name: str
    path: tuple[str, ...]
    fields: tuple[Field, ...]

    @property
    def nested(self) -> bool:
        return len(self.path) > 1

    @property
    def columns(self) -> tuple[str, ...]:
        own = [column for field in self.fields for column in field.columns]
        return tuple([PARENT, *own] if self.nested else own)


@cache
def sheets() -> tuple[Sheet, ...]:
    """Every sheet, in the order of the document; what stands inside an entry comes after it."""
    found: list[Sheet] = [Sheet(HEAD, (HEAD,), tuple(_fields(properties_of(HEAD))))]
    for name, rule in properties_of("").items():
        if rule.get("type") == "array":
            found += _of_list((name,), properties_of(name))
    keys = (Field("id", Form.TEXT), Field("kind", Form.TEXT), Field("config", Form.JSON), Field("limits", Form.JSON))
    return (*found, Sheet(CONNECTIONS, (CONNECTIONS,), keys))


def _of_list(path: tuple[str, ...], properties: Mapping[str, Mapping[str, Any]]) -> Iterator[Sheet]:
    inside = {key: rule for key, rule in properties.items() if is_list_of_entries(rule)}
    own = {key: rule for key, rule in properties.items() if key not in inside}
    yield Sheet(".".join(path), path, tuple(_fields(own)))
    for key, rule in inside.items():
        yield from _of_list((*path, key), properties_of(rule["items"]))


def is_list_of_entries(rule: Mapping[str, Any]) -> bool:
    """Whether a field is a list of mappings that have ids."""
    return rule.get("type") == "array" and "id" in properties_of(rule.get("items", {}))


def _fields(properties: Mapping[str, Mapping[str, Any]]) -> Iterator[Field]:
    for key, rule in properties.items():
        yield Field(key, _form(rule))


def _form(rule: Mapping[str, Any]) -> Form:
    kind = rule.get("type", "string" if _only_words(rule) else "")
    if kind == "string":
        return Form.DAY if rule.get("format") == "date" else Form.TEXT
    if isinstance(kind, list) and "string" in kind:
        return Form.WORD
    if kind == "integer":
        return Form.NUMBER
    if kind == "boolean":
        return Form.YES_NO
    if kind == "array" and _only_words(_resolved(rule.get("items", {}))):
        return Form.WORDS
    if rule == schema()["$defs"]["text"]:
        return Form.LANGUAGES
    if rule == schema()["$defs"]["statement_of_text"]:
        return Form.STATEMENT
    return Form.JSON


def _only_words(rule: Mapping[str, Any]) -> bool:
    """Ids and the schema's own words: they hold no comma."""
    if "enum" in rule:
        return all(isinstance(word, str) for word in rule["enum"])
    return bool(rule == schema()["$defs"]["id"])


def _resolved(rule: Mapping[str, Any]) -> Mapping[str, Any]:
    name = rule.get("$ref", "").removeprefix("#/$defs/")
    found: Mapping[str, Any] = schema()["$defs"][name] if name else rule
    return found
