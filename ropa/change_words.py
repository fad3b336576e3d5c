"""Differences and entries in words: Finnish, Swedish and English, by the tables `fields.yaml` and `changes.yaml`.

A key without a label (a fact's or an event's name, which is the inventory's own) is shown as it is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import yaml

from retention.domain.errors import RuleError
from ropa.changes import Change, Kind
from ropa.law import LANGUAGES
from ropa.wording import DIRECTORY, day_in_words, legal_basis_in_words, period_in_words, rule_in_words

_PERIOD = re.compile(r"P(?:[0-9]+[YMWD])+")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
JOINT = " › "
_STATEMENT = frozenset({"value", "none_because", "addition"})


@cache
def labels() -> Mapping[str, Mapping[str, str]]:
    """What each field of an inventory document is called: key -> language -> label."""
    found: Mapping[str, Mapping[str, str]] = _table("fields")
    return found


@cache
def _table(name: str) -> Any:
    return yaml.safe_load((DIRECTORY / f"{name}.yaml").read_text(encoding="utf-8"))


def said(key: str, language: str, **parts: Any) -> str:
    """A phrase of `changes.yaml`. Raises KeyError for one that is not there."""
    phrase: str = _table("changes")[key][language]
    return phrase.format(**parts)


def label(key: str, language: str) -> str:
    """What a field is called."""
    return labels()[key][language] if key in labels() else key


def change_in_words(change: Change, before: Mapping[str, Any], after: Mapping[str, Any], language: str) -> str:
    """One difference as one line."""
    holder = before if change.kind is Kind.REMOVED else after
    place = JOINT.join(_place(holder, change.steps, language))
    if change.kind is Kind.MOVED:
        return said("moved", language, place=place, before=change.before + 1, after=change.after + 1)
    if change.kind is Kind.CHANGED:
        was, now = (value_in_words(value, language) for value in (change.before, change.after))
        return said("changed", language, place=place, before=was, after=now)
    value = change.before if change.kind is Kind.REMOVED else change.after
    if isinstance(value, Mapping) and "id" in value:
        return said(change.kind.value, language, place=place)
    worded = value_in_words(value, language)
    return said(f"{change.kind.value}_value", language, place=place, before=worded, after=worded)


def _place(document: Any, steps: tuple[str | int, ...], language: str) -> Iterator[str]:
    here = document
    for step in steps:
        holder, here = here, here[step]
        if isinstance(step, int):
            if isinstance(here, Mapping) and "id" in here:
                name = text_in(here.get("name"), language)
                yield f"{name} ({here['id']})" if name else str(here["id"])
        elif step != "value" or not set(holder) <= _STATEMENT:  # what stands in a statement is the statement
            yield label(step, language)


def text_in(texts: Any, language: str) -> str:
    """A text in the language, or in the first that there is; of a plain text, itself."""
    if isinstance(texts, Mapping):
        return next((str(texts[one]) for one in (language, *LANGUAGES) if texts.get(one)), "")
    return "" if texts is None else str(texts)


def value_in_words(value: Any, language: str) -> str:
    """A value of a document in one line: periods and days in words, a rule as its sentence, what has a name by it."""
    if value is None or value in ("", [], {}):
        return said("nothing", language)
    match value:
        case bool():
            return said("yes" if value else "no", language)
        case str():
            return _scalar(value, language)
        case list():
            return "; ".join(value_in_words(member, language) for member in value)
        case Mapping():
            return _mapping(value, language)
        case _:
            return str(value)


def _scalar(value: str, language: str) -> str:
    try:
        if _PERIOD.fullmatch(value):
            return period_in_words(value, language)
        if _DAY.fullmatch(value):
            return day_in_words(value, language)
    except RuleError:
        return value
    return value


def _mapping(value: Mapping[str, Any], language: str) -> str:
    if set(value) <= set(LANGUAGES):
        return text_in(value, language)
    if _stated(value):
        return value_in_words(value["value"], language)
    if "trigger" in value and "action" in value and "status" in value:
        try:
            return rule_in_words(value, language)
        except RuleError:
            pass  # a draft's rule that cannot be executed is shown field by field
    if "article" in value:
        value = {**value, "article": legal_basis_in_words(str(value["article"]), language)}
    name = [text_in(value["name"], language)] if "name" in value else []
    hidden = {"id", "name"} if name else set()
    rest = [
        f"{label(key, language)}: {value_in_words(inner, language)}"
        for key, inner in value.items()
        if key not in hidden
    ]
    return ", ".join([*name, *rest])


def _stated(value: Any) -> bool:
    return isinstance(value, Mapping) and "value" in value and set(value) <= {"value", "addition"}


def entry_in_words(entry: Mapping[str, Any], language: str, leave_out: frozenset[str]) -> list[tuple[str, list[str]]]:
    """An entry as rows for a page: each field's label, and its value in one line or more."""
    rows = []
    for key, value in entry.items():
        if key in leave_out:
            continue
        inner = value["value"] if _stated(value) else value
        members = inner if isinstance(inner, list) and inner else [inner]
        rows.append((label(key, language), [value_in_words(member, language) for member in members]))
    return rows
