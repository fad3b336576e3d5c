"""Article 30(1)(f): the executable rules of each dataset, beside what was published about how long."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ropa.report.execution import execution_of
from ropa.report.inventory import Inventory
from ropa.report.texts import Report, Told, text_in
from ropa.wording import day_in_words

Document = Mapping[str, Any]

RULE_KEYS = [
    "kind",
    "purpose",
    "trigger",
    "period",
    "rounding",
    "action",
    "condition",
    "if_absent",
    "ends_on",
    "yields_to",
    "status",
    "review_by",
    "law",
    "fields",
    "into",
    "columns",
]
"""What of a rule decides; the rest (its id, reason, and whether it was in the notice) is said beside it."""


def retention(inventory: Inventory) -> Iterator[Report]:
    """The rows of every dataset, register by register."""
    for dataset in inventory.datasets:
        yield from _rows(inventory, dataset)


def _rows(inventory: Inventory, dataset: Document) -> Iterator[Report]:
    """One row per ground and ceiling; one row that says so where nothing was decided, or that nothing is kept."""
    words = inventory.words
    shared = {
        "register": dataset["register"],
        "register_name": inventory.name("registers", dataset["register"]),
        "dataset": dataset["id"],
        "dataset_name": inventory.name("datasets", dataset["id"]),
        "dataset_addition": bool(dataset.get("addition")),
        "execution": execution_of(dataset),
        "published": [one["id"] for one in published(inventory, dataset)],
    }
    decision = dataset.get("no_reason_to_keep")
    if decision:
        said = words["no_reason_to_keep"]
        yield {**shared, "rule": None, "kind": "no_reason_to_keep", "words": said, **_decision(inventory, decision)}
    elif follows := dataset.get("follows"):
        yield {**shared, **_following(inventory, follows)}
    elif not dataset.get("grounds"):
        article = "30(1)(f)" if inventory.record == "controller" else ""
        yield {**shared, "rule": None, "kind": "missing", "article": article, "words": words["no_time_limit"]}
    steps = dataset.get("steps") or ()
    for rule in (*(dataset.get("grounds") or ()), *(dataset.get("ceilings") or ()), *steps):
        step = any(rule is one for one in steps)
        kind = rule.get("kind", "step" if step else "ceiling")
        status = rule.get("status", "unconfirmed" if step else "confirmed")
        yield {
            **shared,
            "rule": inventory.once({key: rule[key] for key in RULE_KEYS if rule.get(key) not in (None, [], "")}),
            "id": rule["id"],
            "kind": kind,
            "kind_words": words["kinds"][kind],
            "purpose": _purpose(inventory, dataset, rule.get("purpose")),
            "words": inventory.rule(rule),
            "statute": inventory.statute(rule.get("law") or ""),
            "action": words["actions"][rule["action"]],
            "status": status,
            "status_words": words["statuses"][status],
            "addition": bool(rule.get("addition")),
            "reason": inventory.once(inventory.text(rule.get("reason"))),
        }


def published(inventory: Inventory, dataset: Document) -> Iterator[Document]:
    """The published time limits that speak of a dataset: by what they are about, and by its category and group."""
    reach = inventory.reach("time_limits")
    seen = set()
    for limit in (
        *reach.of_activity[dataset.get("activity", "")],
        *reach.of_register[dataset["register"]],
        *reach.everywhere,
    ):
        narrower = any(
            limit.get(key) and dataset.get(key) and not set(limit[key]).intersection(dataset[key])
            for key in ("data_categories", "subject_groups")
        )
        if limit["id"] not in seen and not narrower:
            seen.add(limit["id"])
            yield limit


def _decision(inventory: Inventory, decision: Document) -> Report:
    by = inventory.text(decision.get("decided_by"))["text"]
    day = day_in_words(decision["decided_on"], inventory.language) if decision.get("decided_on") else ""
    said = inventory.words["decided"].format(day=day, by=by).rstrip(", ")
    return {"status": "confirmed", "status_words": said, "reason": text_in(decision.get("reason"), inventory.language)}


def _following(inventory: Inventory, follows: Sequence[Document]) -> Report:
    """A dataset that ends with others: there is no time of its own to tell."""
    names = [inventory.name("datasets", follow["dataset"])["text"] for follow in follows]
    actions = dict.fromkeys(inventory.words["actions"][follow.get("action") or "delete"] for follow in follows)
    return {
        "rule": inventory.once({"follows": [dict(follow) for follow in follows]}),
        "id": "follows",
        "kind": "follows",
        "kind_words": inventory.words["kinds"]["follows"],
        "purpose": None,
        "words": inventory.words["follows"].format(names=", ".join(names)),
        "statute": "",
        "action": ", ".join(actions),
        "status": "confirmed",
        "status_words": inventory.words["statuses"]["confirmed"],
        "addition": False,
        "reason": inventory.once(inventory.text(None)),
    }


def _purpose(inventory: Inventory, dataset: Document, code: Any) -> Told | None:
    found = inventory.purposes.get((dataset.get("activity", ""), code))
    return found or ({"text": str(code), "lang": inventory.language} if code else None)
