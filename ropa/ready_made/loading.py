"""The library's files, read strictly: an error names the file and the key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from retention.domain.errors import RuleError
from ropa.law import LANGUAGES
from ropa.law.loading import one_of, texts

DIRECTORY = Path(__file__).parent
SECTORS = ("common", "fibre", "electricity", "hosting")
LISTS = (
    "registers",
    "activities",
    "subject_groups",
    "data_categories",
    "sources",
    "recipients",
    "transfers",
    "security_measures",
    "rights",
    "marketing_rules",
    "time_limits",
    "disposal_methods",
    "references",
    "datasets",
)
"""Lists of an inventory document that an activity may bring entries of; notices and contacts are a company's own."""


@dataclass(frozen=True, slots=True)
class Offered:
    """One activity as people choose it. `decide`: what the controller must settle before it is true of them.

    `brings`: entries, by list, that come along although nothing in the activity refers to them.
    """

    id: str
    sector: str
    name: Mapping[str, str]
    summary: Mapping[str, str]
    decide: tuple[Mapping[str, str], ...]
    brings: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class ReadyMade:
    """The whole library: what is offered, in its order, and the entries of all files as one document's lists."""

    offered: Mapping[str, Offered]
    document: Mapping[str, list[dict[str, Any]]]


def load(directory: Path) -> ReadyMade:
    """Read a file per sector. Raises RuleError for what is there twice, not there, or not said in every language."""
    document: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in LISTS}
    offers: list[tuple[str, Any]] = []
    for sector in SECTORS:
        file = f"{sector}.yaml"
        written = yaml.load((directory / file).read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        if not isinstance(written, dict) or written.get("sector") != sector:
            raise RuleError(f"is not a mapping with sector: {sector}", file)
        if unknown := sorted(set(written) - {"sector", "offered", *LISTS}):
            raise RuleError(f"unknown: {', '.join(unknown)}", file)
        for name in LISTS:
            for entry in written.get(name) or ():
                path = f"{file} {name}[{entry.get('id')}]"
                if not isinstance(entry.get("id"), str):
                    raise RuleError("has no id", path)
                if entry["id"] in document[name]:
                    raise RuleError("this id is there twice", path)
                _in_every_language(entry, path)
                document[name][entry["id"]] = entry
        offers += [(sector, one) for one in written.get("offered") or ()]
    offered: dict[str, Offered] = {}
    for sector, said in offers:
        one = _offered(sector, said, document)
        if one.id in offered:
            raise RuleError("is offered twice", f"{sector}.yaml offered[{one.id}]")
        offered[one.id] = one
    if missing := sorted(set(document["activities"]) ^ set(offered)):
        raise RuleError(f"offered and activities differ: {', '.join(missing)}", "offered")
    return ReadyMade(
        MappingProxyType(offered), MappingProxyType({name: list(rows.values()) for name, rows in document.items()})
    )


def _offered(sector: str, said: Any, document: Mapping[str, Mapping[str, Any]]) -> Offered:
    path = f"{sector}.yaml offered[{said.get('activity')}]"
    if wrong := sorted(set(said) - {"activity", "summary", "decide", "brings"}):
        raise RuleError(f"unknown: {', '.join(wrong)}", path)
    activity = one_of(said.get("activity"), path, frozenset(document["activities"]))
    brings = {one_of(name, f"{path}.brings", frozenset(LISTS)): ids for name, ids in (said.get("brings") or {}).items()}
    return Offered(
        id=activity,
        sector=sector,
        name=MappingProxyType(document["activities"][activity]["name"]),
        summary=texts(said.get("summary"), f"{path}.summary"),
        decide=tuple(texts(one, f"{path}.decide") for one in said.get("decide") or ()),
        brings={
            name: tuple(one_of(one, f"{path}.brings.{name}", frozenset(document[name])) for one in ids)
            for name, ids in brings.items()
        },
    )


def _in_every_language(value: Any, path: str) -> None:
    for place, text in _texts(value, path):
        if set(text) != set(LANGUAGES) or not all(isinstance(one, str) and one.strip() for one in text.values()):
            raise RuleError(f"is not said in {', '.join(LANGUAGES)}", place)


def _texts(value: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(value, dict):
        if value and set(value) <= set(LANGUAGES):
            yield path, value
            return
        for key, inner in value.items():
            yield from _texts(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from _texts(inner, f"{path}[{position}]")
