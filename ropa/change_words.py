"""Differences and entries in words: Finnish, Swedish and English, by the tables `fields.yaml` and `changes.yaml`.

A key without a label (a fact's or an event's name, which is the inventory's own) is shown as it is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import yaml

from retention.domain.errors import RuleError
from ropa.changes import Change, Kind
from ropa.law import LANGUAGES
from ropa.wording import (
    DIRECTORY,
    citation_in_words,
    day_in_words,
    legal_basis_in_words,
    period_in_words,
    rule_in_words,
    table,
)

_PERIOD = re.compile(r"P(?:[0-9]+[YMWD])+")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
JOINT = " › "
_STATEMENT = frozenset({"value", "none_because", "addition"})
_ENTRIES = frozenset({"added", "removed", "to_other", "from_other"})
PORTION = 1500
"""So many letters of names stand in one line at most."""
REFERS = {
    "register": "registers",
    "migrates_to": "registers",
    "copy_of": "registers",
    "cascade_to": "registers",
    "implies_register": "registers",
    "activity": "activities",
    "successor": "activities",
    "purpose": "purposes",
    "for_recipients": "recipients",
    "instruments": "references",
    "same_as": "contact_points",
}
"""Keys that hold ids of a list with another name."""
WORDS = {"medium": "media", "lifecycle": "lifecycles"}
"""Keys whose choices are words of the report."""
RULE_WORDS = {"status": "statuses", "action": "actions", "kind": "kinds", "yields_to": "kinds"}
"""The same, of a rule."""
CHOICES = {"about": "instructions", "language": "notices.language", "listings": "listing"}


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
    return Teller(before, after, language).line(change)


@dataclass(frozen=True, slots=True)
class Told:
    """A difference as a row of a table: the place, and what stood and stands there, a member of a list a line."""

    place: str
    before: list[str]
    after: list[str]


class Teller:
    """Says differences between two documents; what other entries are called is looked up once.

    Where the documents are parts of two wholes, `wholes` are those: what went to the other part is said to have.
    """

    def __init__(
        self,
        before: Mapping[str, Any],
        after: Mapping[str, Any],
        language: str,
        wholes: tuple[Mapping[str, Any], Mapping[str, Any]] | None = None,
    ) -> None:
        self._before, self._after, self._language = before, after, language
        self._wholes = wholes or (before, after)

    def line(self, change: Change) -> str:
        """One difference as one line."""
        labels, names = self._place(change)
        place = JOINT.join(part for _, part in sorted([*labels, *names]))
        return said(self._phrase(change), self._language, place=place, **self._values(change))

    def rows(self, changes: Iterable[Change], within: int = 0) -> list[Told]:
        """Differences as rows, one for each place. `within`: how many steps of every place the reader knows already."""
        found: dict[tuple[str, bool], Told] = {}
        for change in changes:
            labels, names = self._place(change)
            place = JOINT.join(part for position, part in sorted([*labels, *names]) if position >= within)
            row = found.setdefault((place, change.kind is Kind.MOVED), Told(place, [], []))
            if change.kind is Kind.MOVED:
                row.before.append(said("position", self._language, number=change.before + 1))
                row.after.append(said("position", self._language, number=change.after + 1))
            else:
                keys = tuple(step for step in change.steps if isinstance(step, str))
                row.before.extend(self._members(change.before, keys))
                row.after.extend(self._members(change.after, keys))
        return [row for row in found.values() if row.before or row.after]

    def _members(self, value: Any, keys: tuple[str, ...]) -> Iterator[str]:
        inner = value["value"] if _stated(value) else value
        for one in inner if isinstance(inner, list) else [inner]:
            if not (one is None or one in ("", [], {})):
                yield value_in_words(one, self._language, keys, self._names)

    def lines(self, changes: Iterable[Change]) -> Iterator[str]:
        """Differences as lines: those that say the same of several entries are one, with the entries' names."""
        gathered: dict[tuple[str, ...], list[tuple[Change, str]]] = {}
        for change in changes:
            key, name = self._gathered(change)
            gathered.setdefault(key, []).append((change, name))
        for (phrase, place, *_), found in gathered.items():
            if len(found) == 1:
                yield self.line(found[0][0])
                continue
            values = self._values(found[0][0])
            for portion in _portions([name for _, name in found]):
                yield said(f"{phrase}_many", self._language, place=place, names="; ".join(portion), **values)

    def _gathered(self, change: Change) -> tuple[tuple[str, ...], str]:
        """What a difference shares with others like it (phrase and place first), and the name of what differs."""
        phrase = self._phrase(change)
        labels, names = self._place(change)
        if phrase in _ENTRIES and names:
            place = JOINT.join(part for _, part in sorted([*labels, *names[:-1]]))
            return (phrase, place), names[-1][1]
        name = JOINT.join(part for _, part in names)
        values = map(str, self._values(change).values())
        place = JOINT.join(part for _, part in labels)
        return (phrase, place, *values, "" if name else change.path), name

    def _phrase(self, change: Change) -> str:
        if change.kind in (Kind.CHANGED, Kind.MOVED):
            return change.kind.value
        value = change.before if change.kind is Kind.REMOVED else change.after
        if not (isinstance(value, Mapping) and "id" in value):
            return f"{change.kind.value}_value"
        if len(change.steps) == 2 and (str(change.steps[0]), value["id"]) in self._ids[change.kind]:
            return "to_other" if change.kind is Kind.REMOVED else "from_other"
        return change.kind.value

    @cached_property
    def _ids(self) -> Mapping[Kind, frozenset[tuple[str, str]]]:
        """The entries of the whole at the other side: removed here, it may stand there still; added, before."""
        before, after = (
            frozenset(
                (kind, one["id"])
                for kind, entries in whole.items()
                for one in (entries if isinstance(entries, list) else ())
                if isinstance(one, Mapping) and "id" in one
            )
            for whole in self._wholes
        )
        return {Kind.REMOVED: after, Kind.ADDED: before}

    def _values(self, change: Change) -> dict[str, Any]:
        if change.kind is Kind.MOVED:
            return {"before": change.before + 1, "after": change.after + 1}
        if self._phrase(change) in _ENTRIES:
            return {}
        within = [step for step in change.steps if isinstance(step, str)]
        told = {}
        for side, value in (("before", change.before), ("after", change.after)):
            if change.kind is Kind.CHANGED or value is not None:
                told[side] = value_in_words(value, self._language, tuple(within), self._names)
        return told

    def _place(self, change: Change) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
        """The labels of the fields and the names of the entries on the way to a place, each with its position."""
        here: Any = self._before if change.kind is Kind.REMOVED else self._after
        labels, names = [], []
        for position, step in enumerate(change.steps):
            holder, here = here, here[step]
            if isinstance(step, int):
                if isinstance(here, Mapping) and "id" in here:
                    names.append((position, _named(here, holder, self._language)))
            elif step != "value" or not set(holder) <= _STATEMENT:  # what stands in a statement is the statement
                labels.append((position, label(step, self._language)))
        return labels, names

    @cached_property
    def _names(self) -> Mapping[str, Mapping[str, str]]:
        """What the entries of each list are called, by id."""
        found: dict[str, dict[str, str]] = {}
        for document in self._wholes:
            for kind, entries in document.items():
                for one in entries if isinstance(entries, list) else ():
                    if not isinstance(one, Mapping) or "id" not in one:
                        continue
                    found.setdefault(kind, {})[one["id"]] = text_in(one.get("name"), self._language)
                    for inner in ("purposes", "items"):
                        for part in one.get(inner) or () if isinstance(one.get(inner), list) else ():
                            if isinstance(part, Mapping) and "id" in part:
                                found.setdefault(inner, {})[part["id"]] = text_in(part.get("name"), self._language)
        return found


def _portions(names: list[str]) -> Iterator[list[str]]:
    """Names in portions that a page can hold."""
    portion: list[str] = []
    for name in names:
        if portion and sum(map(len, portion)) + len(name) > PORTION:
            yield portion
            portion = []
        portion.append(name)
    yield portion


def _named(entry: Mapping[str, Any], beside: Any, language: str) -> str:
    """An entry's name, or a rule's kind; with what tells it from another beside it that is called the same."""
    name = _called(entry, language)
    alike = [one for one in beside if _called(one, language) == name] if isinstance(beside, list) else []
    if len(alike) < 2 or name == entry["id"]:
        return name
    limits = [_limit(one, language) for one in alike]
    limit = _limit(entry, language)
    return f"{name}: {limit}" if limit and limits.count(limit) == 1 else f"{name} ({entry['id']})"


def _limit(entry: Any, language: str) -> str:
    """The time limit of a rule without what bounds it."""
    try:
        worded = rule_in_words(entry, language).split(";")[0] if "trigger" in entry else ""
    except RuleError:
        return ""
    return worded[:1].lower() + worded[1:]


def _called(entry: Any, language: str) -> str:
    if not isinstance(entry, Mapping):
        return ""
    name = text_in(entry.get("name"), language)
    if not name and "trigger" in entry:
        name = str(table(language)["kinds"].get(entry.get("kind", "ceiling"), ""))
    return name or str(entry.get("id", ""))


def text_in(texts: Any, language: str) -> str:
    """A text in the language, or in the first that there is; of a plain text, itself."""
    if isinstance(texts, Mapping):
        return next((str(texts[one]) for one in (language, *LANGUAGES) if texts.get(one)), "")
    return "" if texts is None else str(texts)


def value_in_words(
    value: Any, language: str, within: Sequence[str] = (), names: Mapping[str, Mapping[str, str]] | None = None
) -> str:
    """A value of a document in one line: periods, days and choices in words, a rule as its sentence, ids by name.

    `within`: the keys that lead to it. `names`: what the entries of each list are called, by id.
    """
    if value is None or value in ("", [], {}):
        return said("nothing", language)
    match value:
        case bool():
            return said("yes" if value else "no", language)
        case str():
            return _scalar(value, language, within, names or {})
        case list():
            return "; ".join(value_in_words(member, language, within, names) for member in value)
        case Mapping():
            return _mapping(value, language, within, names)
        case _:
            return str(value)


def _scalar(value: str, language: str, within: Sequence[str], names: Mapping[str, Mapping[str, str]]) -> str:
    try:
        if _PERIOD.fullmatch(value):
            return period_in_words(value, language)
        if _DAY.fullmatch(value):
            return day_in_words(value, language)
    except RuleError:
        return value
    key = next((one for one in reversed(within) if one != "value"), "")
    if key == "financial_year_end":
        return day_in_words(f"2000-{value}", language).removesuffix("2000").strip()
    if key == "article":
        return legal_basis_in_words(value, language)
    if key == "law":
        return citation_in_words(value, language)
    named = names.get(REFERS.get(key, key), {}).get(value)
    return named or _chosen(value, language, key, within) or value


def _chosen(value: str, language: str, key: str, within: Sequence[str]) -> str:
    """What a choice is called, where it is one: by its list and key, or by its key alone."""
    words = table(language)
    if key in ("trigger", "event", "events", "ends_on", "latest_of", "earliest_of"):
        return str(words["events"].get(value, ("",))[0])
    if key in WORDS:
        return str(words[WORDS[key]].get(value, ""))
    if key in RULE_WORDS and {"grounds", "ceilings"} & set(within):
        return str(words[RULE_WORDS[key]].get(value, ""))
    holders = [one for one in reversed(within) if one not in (key, "value")]
    asked = (
        *(f"{one}.{key}" for one in holders),
        CHOICES.get(key, key),
        *(CHOICES.get(one, one) for one in holders[:1]),
        f"record.{key}",
        f"related.{key}",
    )
    tables = [words["choices"].get(one) for one in asked]
    return next((str(one[value]) for one in tables if one and value in one), "")


def _mapping(
    value: Mapping[str, Any],
    language: str,
    within: Sequence[str] = (),
    names: Mapping[str, Mapping[str, str]] | None = None,
) -> str:
    if set(value) <= set(LANGUAGES):
        return text_in(value, language)
    if _stated(value):
        return value_in_words(value["value"], language, within, names)
    if "trigger" in value and "action" in value and "status" in value:
        try:
            return rule_in_words(value, language)
        except RuleError:
            pass  # a draft's rule that cannot be executed is shown field by field
    name = [text_in(value["name"], language)] if "name" in value else []
    hidden = {"id", "name"} if name else set()
    if "none_because" in value:  # whether it is an addition is marked where it stands
        hidden.add("addition")
    rest = []
    for key, inner in value.items():
        if key not in hidden:
            worded = value_in_words(inner, language, (*within, key), names)
            rest.append(worded if key == "article" else f"{_key_in_words(key, language, within)}: {worded}")
    return ", ".join([*name, *rest])


def _key_in_words(key: str, language: str, within: Sequence[str]) -> str:
    """A field's label; among the events of a place, what the event is called."""
    known = table(language)["events"] if within[-1:] == ("events",) else {}
    return str(known[key][0]) if key in known else label(key, language)


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
        rows.append((label(key, language), [value_in_words(member, language, (key,)) for member in members]))
    return rows
