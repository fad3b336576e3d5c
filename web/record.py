"""The record in force as pages read it: each version is taken apart once in a process, however large it is.

A version never changes, so what was read of it stays true; what has been withdrawn is not asked for any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from ropa.change_words import text_in
from ropa.kinds import POLICY
from ropa.models import Version
from ropa.selectors import content_of, light_in_force
from web.access import Place

Document = Mapping[str, Any]
REMEMBERED = 16
"""Versions: those of several organisations, and of nights that ran under earlier ones."""


@dataclass(frozen=True)
class Record:
    """A version's registers and datasets. Nobody changes what is read here."""

    registers: Mapping[str, Document]
    datasets: Mapping[str, Document]
    inside: Mapping[str, tuple[str, ...]]
    """By register: the codes of its datasets."""
    document: Document
    searched: Mapping[str, str] = field(repr=False)
    """By register: its names, places and datasets in every language, as a search compares them."""

    def name_of(self, kind: str, code: str) -> Mapping[str, str]:
        """An entry's name in each language; nothing where there is none. A dataset's step is `DATASET.STEP`."""
        if kind == "registers":
            return _name(self.registers.get(code))
        if kind == "datasets":
            code, _dot, step = code.partition(".")
            name = _name(self.datasets.get(code))
            return {language: f"{text} ({step})" for language, text in name.items()} if step else name
        return _name(next((one for one in self.document.get(kind) or () if one["id"] == code), None))

    def mode_of(self, dataset: str) -> str:
        """How far nights go with a dataset, or with a step of one (V3); "" where it is not there."""
        entry = self.datasets.get(dataset.partition(".")[0])
        return "" if entry is None else {**POLICY, **(entry.get("policy") or {})}["mode"]


def _name(entry: Document | None) -> Mapping[str, str]:
    return (entry or {}).get("name") or {}


def version_of(place: Place) -> Version | None:
    """The version in force today, without its text."""
    return light_in_force(place.organisation, place.today)


def record_of(version: Version) -> Record:
    return _read(version.pk, version.digest)


@lru_cache(maxsize=REMEMBERED)
def _read(pk: int, digest: str) -> Record:
    document = content_of(Version(pk=pk, digest=digest))
    registers = {one["id"]: one for one in document.get("registers") or ()}
    datasets = {one["id"]: one for one in document.get("datasets") or ()}
    inside: dict[str, list[str]] = {code: [] for code in registers}
    for code, one in datasets.items():
        inside.setdefault(one["register"], []).append(code)
    searched = {
        code: " ".join(_said(one, [datasets[code] for code in inside[code]])).casefold()
        for code, one in registers.items()
    }
    return Record(registers, datasets, {code: tuple(own) for code, own in inside.items()}, document, searched)


def _said(register: Document, inside: list[Document]) -> list[str]:
    place = register.get("place") or {}
    told = (register.get("name") or {}, place.get("value") or {}, place.get("none_because") or {})
    names = (one.get("name") or {} for one in inside)
    return [text for texts in (*told, *names) for text in (texts.values() if isinstance(texts, Mapping) else [texts])]


def where(entry: Document, language: str) -> str:
    """Where a register lies, or why it lies nowhere."""
    told = entry.get("place") or {}
    return text_in(told.get("value") or told.get("none_because"), language) if told else ""
