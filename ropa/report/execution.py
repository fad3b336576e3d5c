"""What the nights did with each dataset, and what no night reaches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ropa.report.inventory import Inventory
from ropa.report.texts import Report

Document = Mapping[str, Any]

COUNTS = ("destroyed", "held", "review", "refused", "failed", "pending", "overdue", "unexplained")


def execution_of(dataset: Document) -> str:
    """Who carries its rules out: we (`purge`, `flag`, `observe`), `register`, `other_controller` or `nobody`."""
    enforced_by = str(dataset.get("enforced_by") or "us")
    if enforced_by != "us":
        return enforced_by
    if not dataset.get("mapping"):
        return "nobody"
    return str((dataset.get("policy") or {}).get("mode") or "observe")


def execution(inventory: Inventory, evidence: Document | None) -> Report:
    found = (evidence or {}).get("datasets") or {}
    rows = [
        _row(inventory, dataset, found.get(dataset["id"]) or {})
        for dataset in inventory.datasets
        if dataset.get("mapping")
    ]
    known = [row for row in rows if row["state"] == "known"]
    since = [row["overdue_since"] for row in known if row["overdue_since"]]
    return {
        "night": dict(evidence["night"]) if evidence else None,
        "nights": evidence["nights"] if evidence else 0,
        "last_successful": evidence["last_successful"] if evidence else None,
        "datasets": rows,
        "totals": {
            **{key: sum(row[key] or 0 for row in known) for key in COUNTS},
            "destroyed_ever": sum(row["destroyed_ever"] or 0 for row in rows),
            "estimated_ever": sum(row["estimated_ever"] or 0 for row in rows),
            "overdue_since": min(since) if since else None,
            "unknown_datasets": len(rows) - len(known),
        },
        "not_reached": list(_not_reached(inventory)),
    }


def _row(inventory: Inventory, dataset: Document, night: Document) -> Report:
    answered = bool(night) and not night.get("problem") and night.get("overdue") is not None
    return {
        "register": dataset["register"],
        "register_name": inventory.name("registers", dataset["register"]),
        "dataset": dataset["id"],
        "dataset_name": inventory.name("datasets", dataset["id"]),
        "execution": execution_of(dataset),
        "state": "known" if answered else "no_answer" if night else "not_asked",
        "problem": night.get("problem", ""),
        **{key: night.get(key) if night else None for key in COUNTS},
        "people_overdue": night.get("people_overdue"),
        "overdue_since": night.get("overdue_since"),
        "oldest_kept": night.get("oldest_kept"),
        "last_answered": night.get("last_answered"),
        "destroyed_ever": night.get("destroyed_ever"),
        "estimated_ever": night.get("estimated_ever"),
    }


def _not_reached(inventory: Inventory) -> Iterator[Report]:
    """Registers and datasets that no night asks, and why: stated, so that silence is not taken for order."""
    words = inventory.words["not_reached"]
    for register in inventory.entries("registers"):
        name = inventory.text(register.get("name"))
        here = inventory.datasets_of_register[register["id"]]
        blind = [dataset for dataset in here if not dataset.get("mapping")]
        if not here or (len(blind) == len(here) and not register.get("connection")):
            why = "no_datasets" if not here else "no_connection"
            yield {"register": register["id"], "name": name, "dataset": None, "why": why, "words": words[why]}
            continue
        for dataset in blind:
            why = execution_of(dataset)
            yield {
                "register": register["id"],
                "name": name,
                "dataset": inventory.text(dataset.get("name")),
                "why": why,
                "words": words[why],
            }
