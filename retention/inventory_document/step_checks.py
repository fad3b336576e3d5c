"""Steps before the end: what no night could carry out is said when the inventory is written, not at night."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext, pgettext

from retention.domain.periods import Period, Rounding
from retention.domain.rules import DONE_AS, StepAction
from retention.domain.written import parse_trigger
from retention.inventory_document.findings import Document, Finding, Whole, parsed, unknown
from retention.inventory_document.shape import Steps

COUNTED = ("count", "sum ")
LONGEST_NAME = 60
"""A step's lots and its row of the night are named by its dataset and itself."""


def step_findings(whole: Whole, dataset: Document, steps: Steps) -> Iterator[Finding]:
    """Everything to say of a dataset's steps, beside what is said of every rule."""
    for place, step in whole.entries(*steps, "steps"):
        for key, parse in (
            ("trigger", lambda step=step: parse_trigger(step["trigger"], "")),
            ("period", lambda step=step: Period.parse(step["period"])),
            ("rounding", lambda step=step: Rounding(step.get("rounding", "none"))),
        ):
            found = parsed((*place, key), parse)
            if isinstance(found, Finding):
                yield found
        action = StepAction(step["action"])
        if action not in DONE_AS:
            yield Finding(
                (*place, "action"),
                gettext("no connector can %(value)s yet: leave this step to people") % {"value": action.value},
            )
            continue
        if len(dataset["id"]) + len(step["id"]) + 1 > LONGEST_NAME:
            yield Finding(
                (*place, "id"),
                gettext("is too long: with its dataset's id it has %(longest_name)s characters at most")
                % {"longest_name": LONGEST_NAME},
            )
        yield from _place(whole, dataset, step, place)
        yield from (
            _made(whole, dataset, step, place) if action is not StepAction.CLEAR else _cleared(dataset, step, place)
        )


def _place(whole: Whole, dataset: Document, step: Document, place: Steps) -> Iterator[Finding]:
    """Only tables hand over and are emptied by column, and only we ourselves carry steps out."""
    if dataset.get("enforced_by", "us") != "us" or "mapping" not in dataset:
        yield Finding(place, gettext("is of a dataset that we do not reach or do not end: nobody would carry it out"))
    medium = whole.registers.get(dataset["register"], {}).get("medium", "database")
    if medium not in {"database", "map"}:
        yield Finding(
            (*place, "action"),
            gettext("a register of medium %(medium)s cannot %(action)s: only a database can")
            % {"medium": medium, "action": step["action"]},
        )
    if dataset.get("follows"):
        yield Finding(place, gettext("is of a dataset that follows others: it ends with them and has no steps"))


def _cleared(dataset: Document, step: Document, place: Steps) -> Iterator[Finding]:
    if not step.get("fields"):
        yield Finding((*place, "fields"), gettext("is missing: which columns are emptied?"))
    for key in ("into", "columns"):
        if key in step:
            yield Finding((*place, key), gettext("says where something goes; what is cleared goes nowhere"))
    mapping = dataset.get("mapping", {})
    named = {mapping.get("key"), mapping.get("subject"), mapping.get("contract"), *mapping.get("events", {}).values()}
    for number, field in enumerate(step.get("fields", ())):
        if field in named:
            yield Finding(
                (*place, "fields", number),
                gettext("%(field)r is what the rules go by: the row's end needs it") % {"field": field},
            )


def _made(whole: Whole, dataset: Document, step: Document, place: Steps) -> Iterator[Finding]:
    if "fields" in step:
        yield Finding((*place, "fields"), gettext("are emptied; what is handed over is said by columns"))
    if "into" not in step:
        yield Finding((*place, "into"), gettext("is missing: for which dataset is it?"))
        return
    datasets = {entry["id"]: entry for _, entry in whole.entries("datasets")}
    yield from unknown(step["into"], datasets, pgettext("what is not there", "dataset"), (*place, "into"))
    target = datasets.get(step["into"])
    if target is None:
        return
    if target is dataset or "mapping" not in target:
        yield Finding(
            (*place, "into"), gettext("%(into)r has no place of its own that we reach") % {"into": step["into"]}
        )
        return
    if not (target.get("grounds") or target.get("ceilings") or target.get("no_reason_to_keep")):
        yield Finding(
            (*place, "into"),
            gettext("%(into)r says no reason to keep: what is made needs its own end") % {"into": step["into"]},
        )
    medium = whole.registers.get(target["register"], {}).get("medium", "database")
    if medium not in {"database", "map"}:
        yield Finding(
            (*place, "into"),
            gettext("a register of medium %(medium)s takes nothing over: only a database can") % {"medium": medium},
        )
    if "subject_key" in target["mapping"] or "subject_key" in dataset.get("mapping", {}):
        yield Finding(
            (*place, "into"),
            gettext("persons go by another name here or there: what is handed over would not be theirs"),
        )
    made = _transferred if step["action"] == StepAction.TRANSFER else _condensed
    yield from made(dataset, target, step, place)


def _transferred(dataset: Document, target: Document, step: Document, place: Steps) -> Iterator[Finding]:
    mapping, there = dataset.get("mapping", {}), target["mapping"]
    if mapping.get("children"):
        yield Finding(
            (*place, "action"),
            gettext("%(known)s would go and not be moved") % {"known": ", ".join(mapping["children"])},
        )
    given = set(step.get("columns", ()))
    for event, column in there.get("events", {}).items():
        if event not in mapping.get("events", {}) and column not in given:
            yield Finding(
                (*place, "columns"),
                gettext("nothing gives %(column)r: what is moved would lose %(event)r")
                % {"column": column, "event": event},
            )
    if "subject" in there and "subject" not in mapping and there["subject"] not in given:
        yield Finding(
            (*place, "columns"),
            gettext("nothing gives %(subject)r: whose would it be there?") % {"subject": there["subject"]},
        )


def _condensed(dataset: Document, target: Document, step: Document, place: Steps) -> Iterator[Finding]:
    columns = step.get("columns", {})
    if target["register"] != dataset["register"]:
        yield Finding(
            (*place, "into"),
            gettext("is of another register: rows are added up only where they lie, so that none counts twice"),
        )
    if not any(written == "count" or written.startswith(COUNTED) for written in columns.values()):
        yield Finding((*place, "columns"), gettext("count and sum nothing"))
    subject = dataset.get("mapping", {}).get("subject")
    if subject is not None and subject in columns.values():
        yield Finding(
            (*place, "columns"),
            gettext("%(subject)r names persons: that is no sum of many") % {"subject": subject},
            True,
        )
