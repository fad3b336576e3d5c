"""Inventory documents as parsed YAML: a published one with additions, and one without what cannot be reached here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from samples.frame import Company

Document = dict[str, Any]
REACHED = ("connection", "ledger", "identities")
"""What says how a register is reached, and nothing about the processing."""


def whole(company: Company, parse: Callable[[str], Any]) -> Document:
    """The company's document with all additions: what it published, its inventory and what its demo adds.

    `parse` reads a text of the format. A company without a published document has its inventory alone.
    Raises ValueError where an addition contradicts what is published.
    """
    texts = [path.read_text(encoding="utf-8") for path in (company.inventory, *company.further)]
    first, *further = [parse(text) for text in texts]
    document = extended(as_published(company, parse), first) if company.published.exists() else first
    for more in further:
        document = extended(document, more)
    return document


def as_published(company: Company, parse: Callable[[str], Any]) -> Document:
    """Version 1: what the company's notice says, and nothing else."""
    document: Document = parse(company.published.read_text(encoding="utf-8"))
    return document


def extended(published: Mapping[str, Any], additions: Mapping[str, Any]) -> Document:
    """The published document with additions, a document of the same format, merged on top; both stay as they are.

    Entries of a list are the same if their ids are, mappings are merged key by key, and what stands in the published
    document may be repeated but never said otherwise. An entry or a statement that only the additions have, or to
    which they add, says `addition: true`; what stands inside such an entry need not say it again, nor need that by
    which a register is reached. Raises ValueError that names the place.
    """
    return _mapping(published, additions, "")


def _mapping(published: Mapping[str, Any], additions: Mapping[str, Any], place: str) -> Document:
    if _statement(published) and additions:
        _refuse_unmarked(additions, place, "adds to a statement that is published")
    merged = dict(published)
    for key, added in additions.items():
        there = f"{place}.{key}" if place else key
        if key in published:
            merged[key] = _merged(published[key], added, there)
        else:
            _new(added, there, key)
            merged[key] = added
    return merged


def _merged(published: Any, added: Any, place: str) -> Any:
    if published == added:
        return published
    if isinstance(published, Mapping) and isinstance(added, Mapping):
        return _mapping(published, added, place)
    if _entries(published) and _entries(added):
        return _listed(published, added, place)
    raise ValueError(f"{place}: is published otherwise; an addition may not overwrite it")


def _listed(published: Sequence[Document], added: Sequence[Document], place: str) -> list[Document]:
    merged = {entry["id"]: entry for entry in published}
    for entry in added:
        there = f"{place}[{entry['id']}]"
        if entry["id"] in merged:
            if entry.get("addition") and not merged[entry["id"]].get("addition"):
                raise ValueError(f"{there}: is published, so it is no addition")
            merged[entry["id"]] = _mapping(merged[entry["id"]], entry, there)
            continue
        if place.rpartition(".")[2] not in REACHED:
            _refuse_unmarked(entry, there, "is not published")
        merged[entry["id"]] = entry
    return list(merged.values())


def _new(added: Any, place: str, key: str) -> None:
    """Refuse what only the additions have where it does not say so."""
    if isinstance(added, Mapping):
        if _statement(added):
            _refuse_unmarked(added, place, "is not published")
        else:
            for inner, value in added.items():
                _new(value, f"{place}.{inner}", inner)
    elif _entries(added) and key not in REACHED:
        for entry in added:
            _refuse_unmarked(entry, f"{place}[{entry['id']}]", "is not published")


def _refuse_unmarked(added: Mapping[str, Any], place: str, why: str) -> None:
    if added.get("addition") is not True:
        raise ValueError(f"{place}: {why}; it must say addition: true")


def _statement(value: Mapping[str, Any]) -> bool:
    return bool(value.keys() & {"value", "none_because"}) and value.keys() <= {"value", "none_because", "addition"}


def _entries(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, Mapping) and "id" in one for one in value)


def registers_of(document: Mapping[str, Any], connections: Collection[str]) -> list[dict[str, Any]]:
    """The registers that these connections reach."""
    return [register for register in document["registers"] if register.get("connection") in connections]


def unreached(document: Mapping[str, Any], connections: Collection[str]) -> Document:
    """The document with these connections left out: their registers stay in the record, and nobody asks them.

    A register that only they reach tells nothing either, so no other register's rules may need its ledger.
    """
    lost = {register["id"] for register in registers_of(document, connections)}
    registers = [
        {key: value for key, value in register.items() if register["id"] not in lost or key not in REACHED}
        for register in document["registers"]
    ]
    datasets = [
        {key: value for key, value in dataset.items() if dataset["register"] not in lost or key != "mapping"}
        for dataset in document["datasets"]
    ]
    kept = {code: one for code, one in document.get("connections", {}).items() if code not in connections}
    return {**document, "registers": registers, "datasets": datasets, "connections": kept}
