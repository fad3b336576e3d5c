"""Inventory documents as parsed YAML: several joined to one, and one without what cannot be reached here."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

Document = dict[str, Any]


def joined(documents: Sequence[Mapping[str, Any]]) -> Document:
    """The first document with the further ones' registers, activities, datasets and connections behind its own."""
    first, *further = documents
    whole = dict(first)
    for more in further:
        for name in ("registers", "activities", "datasets"):
            whole[name] = [*whole.get(name, ()), *more.get(name, ())]
        whole["connections"] = {**whole.get("connections", {}), **more.get("connections", {})}
    return whole


def registers_of(document: Mapping[str, Any], connections: Collection[str]) -> list[dict[str, Any]]:
    """The registers that these connections reach."""
    return [register for register in document["registers"] if register.get("connection") in connections]


def unreached(document: Mapping[str, Any], connections: Collection[str]) -> Document:
    """The document with these connections left out: their registers stay in the record, and nobody asks them.

    A register that only they reach tells nothing either, so no other register's rules may need its ledger.
    """
    lost = {register["id"] for register in registers_of(document, connections)}
    registers = [
        {key: value for key, value in register.items() if register["id"] not in lost or key not in _REACHED}
        for register in document["registers"]
    ]
    datasets = [
        {key: value for key, value in dataset.items() if dataset["register"] not in lost or key != "mapping"}
        for dataset in document["datasets"]
    ]
    kept = {code: one for code, one in document.get("connections", {}).items() if code not in connections}
    return {**document, "registers": registers, "datasets": datasets, "connections": kept}


_REACHED = ("connection", "ledger", "identities")
