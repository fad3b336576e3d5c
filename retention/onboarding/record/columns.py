"""What a person said of each column of a foreign record: the column mapping.

language: fi                      # the language of the file's texts
sheets: {Seloste: {heading_row: 3}}   # left out: every sheet that is not hidden
addition: true                    # mark what is new: not in the published notice
columns:
  Käsittelytoimi: {to: activity}
  Rekisteröidyt: {to: subject_groups, separator: ","}
  Luovutukset: {to: recipients, separator: [";", "\\n"], none: ["Ei luovuteta"]}
  Järjestelmä: {to: registers, medium: database}
  Muuta: {to: nothing}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from retention.domain.errors import DocumentError, Problem
from retention.inventory_document.shape import meant, properties_of
from ropa.law import LANGUAGES

NOTHING = "nothing"
ACTIVITY = "activity"
DAYS = frozenset({"ended_on"})
ENTRIES: Mapping[str, Mapping[str, str]] = {
    "subject_groups": {},
    "data_categories": {},
    "sources": {"kind": "unspecified"},
    "recipients": {},
    "transfers": {"status": "not_stated"},
    "time_limits": {},
    "security_measures": {},
    "registers": {},
}
"""Targets that are lists of entries of the document, and what an entry of which only words are known says besides."""
LISTS = frozenset({*ENTRIES, "purposes", "on_behalf_of"})
NONE = frozenset({"recipients", "transfers", "security_measures", "sources", "on_behalf_of"})
"""Targets of which an activity may say that there is none, and why."""
TARGETS = (ACTIVITY, "role", "on_behalf_of", "purposes", "legal_basis", *ENTRIES, "owner", "ended_on", NOTHING)


@dataclass(frozen=True)
class Column:
    """What one column is. `separators`: what parts the entries of a cell; `none`: words that say there is none."""

    to: str
    separators: tuple[str, ...] = ()
    none: frozenset[str] = frozenset()
    medium: str = ""


@dataclass(frozen=True)
class ColumnMap:
    """A column mapping, checked. `sheets`: name -> the row of its headings, None where it is to be found."""

    language: str
    columns: Mapping[str, Column]
    sheets: Mapping[str, int | None] = field(default_factory=dict)
    addition: bool = False


def plain(text: str) -> str:
    """Text as headings and names are compared: without case, one space between words."""
    return " ".join(text.split()).casefold()


def column_map(document: Any, language: str = "fi") -> ColumnMap:
    """The mapping that a document says; `language` where it says none. Raises DocumentError with every problem."""
    if not isinstance(document, Mapping):
        raise DocumentError([Problem("mapping", _("is not a mapping with columns"))])
    problems = list(_problems(document))
    if problems:
        raise DocumentError(problems)
    return ColumnMap(
        document.get("language", language),
        {plain(heading): _column(said) for heading, said in document["columns"].items()},
        {name: (said or {}).get("heading_row") for name, said in (document.get("sheets") or {}).items()},
        document.get("addition", False),
    )


def _column(said: Mapping[str, Any]) -> Column:
    separator = said.get("separator", ())
    return Column(
        said["to"],
        (separator,) if isinstance(separator, str) else tuple(separator),
        frozenset(map(plain, said.get("none", ()))),
        said.get("medium", ""),
    )


def _problems(document: Mapping[str, Any]) -> Iterator[Problem]:
    known = {"language", "sheets", "addition", "columns"}
    for key in document:
        if key not in known:
            yield Problem(str(key)[:60], _("unknown key") + meant(str(key), known))
    if document.get("language", "fi") not in LANGUAGES:
        yield Problem("language", _("is none of %(known)s") % {"known": ", ".join(LANGUAGES)})
    if not isinstance(document.get("addition", False), bool):
        yield Problem("addition", _("is not true or false"))
    yield from _sheet_problems(document.get("sheets") or {})
    columns = document.get("columns")
    if not isinstance(columns, Mapping) or not columns:
        yield Problem("columns", _("is missing: which column is what?"))
        return
    seen: set[str] = set()
    for heading, said in columns.items():
        place = f"columns[{heading}]"
        if not isinstance(heading, str) or not heading.strip():
            yield Problem(place, _("is not the text of a heading"))
        elif plain(heading) in seen:
            yield Problem(place, _("stands here twice"))
        else:
            seen.add(plain(heading))
            yield from _column_problems(said, place)
    targets = [said.get("to") for said in columns.values() if isinstance(said, Mapping)]
    if ACTIVITY not in targets:
        yield Problem("columns", _("no column is the activity: each row is about one, and is named by it"))
    for once in (ACTIVITY, "role", "legal_basis", "owner", "ended_on"):
        if targets.count(once) > 1:
            yield Problem("columns", _("more than one column is %(once)s") % {"once": once})


def _sheet_problems(sheets: Any) -> Iterator[Problem]:
    if not isinstance(sheets, Mapping):
        yield Problem("sheets", _("is not a mapping of sheets"))
        return
    for name, said in sheets.items():
        row = said.get("heading_row", 1) if isinstance(said, Mapping) else 1 if said is None else None
        if not isinstance(row, int) or isinstance(row, bool) or row < 1 or set(said or ()) - {"heading_row"}:
            yield Problem(f"sheets[{name}]", _("says heading_row, a row's number, or nothing"))


def _column_problems(said: Any, place: str) -> Iterator[Problem]:
    if not isinstance(said, Mapping) or said.get("to") not in TARGETS:
        word = str(said.get("to", "")) if isinstance(said, Mapping) else ""
        yield Problem(f"{place}.to", _("is none of %(known)s") % {"known": ", ".join(TARGETS)} + meant(word, TARGETS))
        return
    for key in said:
        if key not in {"to", "separator", "none", "medium"}:
            yield Problem(
                f"{place}.{str(key)[:60]}", _("unknown key") + meant(str(key), ("to", "separator", "none", "medium"))
            )
    separator = said.get("separator", ";")
    if not _texts([separator] if isinstance(separator, str) else separator):
        yield Problem(f"{place}.separator", _("is not a text, or a list of texts"))
    elif "separator" in said and said["to"] not in LISTS:
        yield Problem(f"{place}.separator", _("%(to)s is one thing, not a list") % {"to": said["to"]})
    if not _texts(said.get("none", ["-"])):
        yield Problem(f"{place}.none", _("is not a list of texts"))
    elif "none" in said and said["to"] not in NONE:
        yield Problem(f"{place}.none", _("an activity cannot say that it has no %(to)s") % {"to": said["to"]})
    media = properties_of("registers")["medium"]["enum"]
    if "medium" in said and (said["to"] != "registers" or said["medium"] not in media):
        yield Problem(f"{place}.medium", _("is for registers, and one of %(known)s") % {"known": ", ".join(media)})


def _texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(one, str) and one for one in value)
