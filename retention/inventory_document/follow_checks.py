"""Datasets that follow others: what nobody could carry out is said when the inventory is written."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext, pgettext

from retention.inventory_document.findings import Document, Finding, Whole, unknown
from retention.inventory_document.shape import Steps


def follow_findings(whole: Whole, dataset: Document, steps: Steps) -> Iterator[Finding]:
    """Everything to say of what a dataset follows."""
    follows = dataset.get("follows") or []
    if not follows:
        return
    if dataset.get("grounds") or dataset.get("no_reason_to_keep"):
        message = gettext(
            "what keeps those that it follows keeps this too: a ground of its own would come later, or say nothing"
        )
        yield Finding((*steps, "grounds"), message)
    datasets = {entry["id"]: entry for _, entry in whole.entries("datasets")}
    for number, follow in enumerate(follows):
        place = (*steps, "follows", number)
        yield from unknown(follow["dataset"], datasets, pgettext("what is not there", "dataset"), (*place, "dataset"))
        followed = datasets.get(follow["dataset"])
        if followed is not None:
            yield from _followed(whole, dataset, followed, follow, place)


def _followed(whole: Whole, dataset: Document, followed: Document, follow: Document, place: Steps) -> Iterator[Finding]:
    name, at = follow["dataset"], (*place, "dataset")
    if followed.get("follows"):
        yield Finding(at, gettext("%(name)r follows others itself: name those") % {"name": name})
    if "mapping" not in dataset:
        return
    if "mapping" not in followed:
        yield Finding(at, gettext("%(name)r has no mapping: nobody can ask whether it has ended") % {"name": name})
        return
    if "by" not in follow:
        if dataset.get("subject_kind") != followed.get("subject_kind"):
            yield Finding(
                at,
                gettext("%(name)r is of other subjects: a column must say which of its items is followed (by)")
                % {"name": name},
            )
        elif "subject" not in dataset["mapping"] or "subject" not in followed["mapping"]:
            yield Finding(
                at,
                gettext("its data subject or that of %(name)r is not mapped: which of its items is followed?")
                % {"name": name},
            )
        return
    media = {whole.registers.get(one["register"], {}).get("medium", "database") for one in (dataset, followed)}
    if not media <= {"database", "map"}:
        yield Finding(
            (*place, "by"), gettext("a column names what is followed where both lie in databases; leave it out")
        )
    if followed["grain"] == "contract":
        yield Finding(
            (*place, "by"),
            gettext("%(name)r is a contract's: its items are followed by their data subject") % {"name": name},
        )
