"""Entries of a draft found by their names, and ids for new ones."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from retention.domain.errors import DocumentError, Problem
from retention.onboarding.record.columns import plain

LONGEST = 60
_LETTERS = str.maketrans({"å": "a", "ä": "a", "ö": "o", "æ": "ae", "ø": "o", "ß": "ss", "ð": "d", "þ": "th"})


def id_of(name: str, taken: Iterable[str], otherwise: str = "rivi") -> str:
    """An id made of a name, which nothing has yet: `Asiakkaan tiedot` -> asiakkaan-tiedot, then asiakkaan-tiedot-2."""
    plainer = unicodedata.normalize("NFKD", name.casefold().translate(_LETTERS))
    stem = re.sub(r"[^a-z0-9]+", "-", plainer.encode("ascii", "ignore").decode()).strip("-")[: LONGEST - 6].strip("-")
    stem = stem or otherwise
    used = set(taken) if not isinstance(taken, set | dict) else taken
    found, number = stem, 1
    while found in used:
        number += 1
        found = f"{stem}-{number}"
    return found


class Names:
    """The entries of one list by name, in any language."""

    def __init__(self, entries: list[dict[str, Any]], ids: set[str] | None = None) -> None:
        self.entries = entries
        self.ids = {one["id"] for one in entries} if ids is None else ids
        self._by_name: dict[str, list[dict[str, Any]]] = {}
        for entry in entries:
            self._know(entry)

    def _know(self, entry: dict[str, Any]) -> None:
        for name in {plain(text) for text in _names(entry)}:
            self._by_name.setdefault(name, []).append(entry)

    def found(self, name: str, where: str) -> dict[str, Any] | None:
        """The entry of this name. Raises DocumentError where two have it: nobody could tell which is meant."""
        same = self._by_name.get(plain(name), [])
        if len(same) > 1:
            ids = ", ".join(one["id"] for one in same)
            raise DocumentError([Problem(where, _("is the name of more than one entry: %(ids)s") % {"ids": ids})])
        return same[0] if same else None

    def add(self, name: str, language: str, **fields: Any) -> dict[str, Any]:
        """A new entry of this name, last."""
        entry = {"id": id_of(name, self.ids), "name": {language: name}, **fields}
        self.ids.add(entry["id"])
        self.entries.append(entry)
        self._know(entry)
        return entry


def _names(entry: Mapping[str, Any]) -> list[str]:
    return [text for text in (entry.get("name") or {}).values() if isinstance(text, str)]
