"""What the reference library knows of what a document cites: in its `references`, and in a notice's own words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ropa.findings.inventory import Inventory

STANDING = ("in_force", "not_yet")
"""What no longer is so has another status."""


@dataclass(frozen=True, slots=True)
class Cited:
    """A row of the library that a place of the document names."""

    place: str
    row: Any


def current(inventory: Inventory, row: Any) -> bool:
    """Whether a law is in force, an authority has its name, a standard is not withdrawn, today."""
    return row.status_on(inventory.today) in STANDING


def lapsed(inventory: Inventory, code: str) -> bool:
    """Whether an entry of `references` cites what is no longer so. One that the library does not know is believed."""
    row = inventory.row(code)
    return row is not None and not current(inventory, row)


def maps_to(inventory: Inventory, code: str) -> set[str]:
    """The GDPR's articles that an entry of `references` has become, by its row and by what its spelling names."""
    return {article for row in inventory.rows(code) for article in row.maps_to}


def cited(inventory: Inventory, kind: str) -> list[Cited]:
    """Every row of a kind (law, authority, standard) that the document names, with the place, in its order."""
    found: dict[tuple[str, str], Cited] = {}
    for place, row in _all(inventory):
        if row.kind == kind:
            found.setdefault((place, row.id), Cited(place, row))
    return list(found.values())


def _all(inventory: Inventory) -> Iterator[tuple[str, Any]]:
    for place, one in inventory.all("references"):
        row = inventory.row(one["id"])
        if row is not None:
            yield place, row
        yield from _mentioned(inventory, place, one.get("name"))
    for name, keys in _TEXTS.items():
        for place, one in inventory.all(name):
            for key in keys:
                yield from _mentioned(inventory, f"{place}.{key}", one.get(key))
    for place, passage in inventory.all("notices", "passages"):
        if not passage.get("not_content"):
            yield from _mentioned(inventory, place, passage.get("text"))


_TEXTS = {
    "sources": ("name",),
    "recipients": ("name",),
    "security_measures": ("name", "standard"),
    "disposal_methods": ("name", "standard"),
}
"""Fields in which a law, an authority or a standard may be named without a reference."""


def _mentioned(inventory: Inventory, place: str, text: Any) -> Iterator[tuple[str, Any]]:
    texts = text.values() if isinstance(text, dict) else [text] if isinstance(text, str) else []
    for one in texts:
        for row in inventory.mentioned(one):
            yield place, row


def names_of(inventory: Inventory, found: list[Cited]) -> dict[str, str]:
    """What rows are called, each once, and what came in their place; a section is named by its law."""
    rows = {row.id: row for row in (_whole(inventory, one.row) for one in found)}
    return {
        language: ", ".join(_name(inventory, row, language) for row in rows.values()) for language in ("fi", "sv", "en")
    }


def _whole(inventory: Inventory, row: Any) -> Any:
    return inventory.references.get(row.part_of, row)


def _name(inventory: Inventory, row: Any, language: str) -> str:
    after = [inventory.references[one].name[language] for one in row.successors if one in inventory.references]
    return f"{row.name[language]} → {' / '.join(after)}" if after else str(row.name[language])
