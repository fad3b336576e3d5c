"""The library's file, read strictly: an error names the row and the key."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

import ropa.law
from retention.domain.errors import RuleError
from retention.domain.written import parse_day
from ropa.law.loading import one_of, text, texts
from ropa.law.rows import GRADES
from ropa.references.rows import KINDS, STATUSES, Reference

FILE = Path(ropa.law.__file__).with_name("references.yaml")

_REQUIRED = frozenset({"id", "kind", "name", "status", "certainty", "source"})
_OPTIONAL = frozenset({"spellings", "number", "valid_from", "valid_to", "successors", "maps_to", "note", "sections"})
_OF_A_SECTION = frozenset({"section", "maps_to", "successors", "note"})
_ARTICLE = re.compile(r"[1-9][0-9]?(\([1-9]\))?(\([a-z]\))?")
_NUMBER = re.compile(r"[0-9]{1,4}/[0-9]{1,4}(/EY)?")
_SECTION = re.compile(r"[0-9]+[a-z]?(\.[0-9]+(\.[0-9]+)?)?")


def load(file: Path) -> Mapping[str, Reference]:
    """Every row by id. Raises RuleError that names the row, or the file that is not a list."""
    written = yaml.safe_load(file.read_text(encoding="utf-8"))
    if not isinstance(written, list):
        raise RuleError("is not a list of rows", file.name)
    rows: dict[str, Reference] = {}
    for number, one in enumerate(written, 1):
        for row in _rows(one, f"{file.name} row {number}"):
            if row.id in rows:
                raise RuleError("this id is there twice", row.id)
            rows[row.id] = row
    _successors(rows)
    _told_apart(rows)
    return MappingProxyType(rows)


def _rows(row: Any, where: str) -> Iterator[Reference]:
    if not isinstance(row, Mapping) or not isinstance(row.get("id"), str):
        raise RuleError("is not a mapping with an id", where)
    id_: str = row["id"]
    if wrong := sorted((set(row) - _REQUIRED - _OPTIONAL) | (_REQUIRED - set(row))):
        raise RuleError(f"missing or unknown: {', '.join(wrong)}", id_)
    name = texts(row["name"], f"{id_}.name")
    whole = Reference(
        id=id_,
        kind=one_of(row["kind"], f"{id_}.kind", KINDS),
        name=name,
        spellings=_list(row["spellings"], f"{id_}.spellings") if "spellings" in row else usual(name["fi"]),
        number=_matching(row["number"], f"{id_}.number", _NUMBER, "a number") if "number" in row else "",
        status=one_of(row["status"], f"{id_}.status", STATUSES),
        valid_from=parse_day(row["valid_from"], f"{id_}.valid_from") if "valid_from" in row else None,
        valid_to=parse_day(row["valid_to"], f"{id_}.valid_to") if "valid_to" in row else None,
        successors=_list(row.get("successors", []), f"{id_}.successors"),
        maps_to=_articles(row.get("maps_to", []), f"{id_}.maps_to"),
        part_of="",
        section="",
        note=texts(row["note"], f"{id_}.note") if "note" in row else MappingProxyType({}),
        certainty=one_of(row["certainty"], f"{id_}.certainty", GRADES),
        source=text(row["source"], f"{id_}.source"),
    )
    if whole.status == "in_force" and (whole.valid_to or whole.successors):
        raise RuleError("is in force, and so has neither a last day nor a successor", f"{id_}.status")
    if whole.valid_from and whole.valid_to and whole.valid_to < whole.valid_from:
        raise RuleError("ends before it begins", f"{id_}.valid_to")
    yield whole
    for one in row.get("sections", []):
        yield _section(whole, one)


def _section(whole: Reference, row: Any) -> Reference:
    where = f"{whole.id}.sections"
    if not isinstance(row, Mapping) or not isinstance(row.get("section"), str):
        raise RuleError("is not a mapping with a section", where)
    where = f"{where}[{row['section']}]"
    if wrong := sorted(set(row) - _OF_A_SECTION):
        raise RuleError(f"unknown: {', '.join(wrong)}", where)
    section = _matching(row["section"], where, _SECTION, "a section")
    parts = section.split(".")
    return Reference(
        id="-".join([whole.id, parts[0], *parts[2:]]),
        kind=whole.kind,
        name=MappingProxyType(_named(whole, parts)),
        spellings=(),
        number="",
        status=whole.status,
        valid_from=whole.valid_from,
        valid_to=whole.valid_to,
        successors=_list(row["successors"], f"{where}.successors") if "successors" in row else whole.successors[:1],
        maps_to=_articles(row.get("maps_to", []), f"{where}.maps_to"),
        part_of=whole.id,
        section=section,
        note=texts(row["note"], f"{where}.note") if "note" in row else MappingProxyType({}),
        certainty=whole.certainty,
        source=whole.source,
    )


def _named(whole: Reference, parts: list[str]) -> dict[str, str]:
    law = {language: f"{name} ({whole.number})" for language, name in whole.name.items()}
    named = {"fi": f"{law['fi']} {parts[0]} §", "sv": f"{law['sv']} {parts[0]} §", "en": f"{law['en']}, s. {parts[0]}"}
    if len(parts) > 1:
        more = {"fi": f" {parts[1]} mom.", "sv": f" {parts[1]} mom.", "en": f"({parts[1]})"}
        named = {language: one + more[language] for language, one in named.items()}
    if len(parts) > 2:
        more = {"fi": f" {parts[2]} kohta", "sv": f" {parts[2]} punkten", "en": f", item {parts[2]}"}
        named = {language: one + more[language] for language, one in named.items()}
    return named


def usual(name: str) -> tuple[str, ...]:
    """How a Finnish name is usually written: `laki` in front may also stand behind (`… annettu laki`)."""
    for word in ("laki ", "valtioneuvoston asetus "):
        if name.startswith(word):
            rest, last = name.removeprefix(word), word.strip()
            return (f"{last}~ {rest}", f"{rest} annettu~ {last}~")
    return (f"{name}~",)


def _successors(rows: Mapping[str, Reference]) -> None:
    for row in rows.values():
        for other in row.successors:
            if other == row.id or other not in rows:
                raise RuleError(f"{other!r} is no other row of the library", f"{row.id}.successors")
        seen, here = {row.id}, row
        while here.successor:
            here = rows[here.successor]
            if here.id in seen:
                raise RuleError("goes in a circle", f"{row.id}.successors")
            seen.add(here.id)


def _told_apart(rows: Mapping[str, Reference]) -> None:
    """A spelling names one row, and a number one row that was not only called otherwise later."""
    spelt: dict[str, str] = {}
    numbered: dict[str, str] = {}
    for row in rows.values():
        for one in row.spellings:
            other = spelt.setdefault(one.replace("~", "").casefold(), row.id)
            if other != row.id:
                raise RuleError(f"{one!r} is a spelling of {other} too", f"{row.id}.spellings")
        if row.number and row.status != "renamed" and numbered.setdefault(row.number, row.id) != row.id:
            raise RuleError(f"{row.number} is the number of {numbered[row.number]} too", f"{row.id}.number")


def _list(value: Any, path: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise RuleError("is not a list", path)
    return tuple(text(one, path) for one in value)


def _articles(value: Any, path: str) -> tuple[str, ...]:
    return tuple(_matching(one, path, _ARTICLE, "an article of the GDPR") for one in _list(value, path))


def _matching(value: Any, path: str, pattern: re.Pattern[str], what: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise RuleError(f"{value!r} is not {what}", path)
    return value
