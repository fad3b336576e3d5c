"""What a check says: a verdict of one document, and the finding that it becomes in three languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Text = Mapping[str, str]


class Status(StrEnum):
    """What a check found. Anything but PRESENT and NOT_APPLICABLE is to be mended."""

    PRESENT = "present"
    PARTIAL = "partial_or_vague"
    OUTDATED = "outdated"
    MISSING = "missing"
    CONTRADICTORY = "contradictory"
    NOT_APPLICABLE = "not_applicable"

    @property
    def well(self) -> bool:
        """Whether nothing is to be done."""
        return self in (Status.PRESENT, Status.NOT_APPLICABLE)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One check's answer.

    where   places of the document, in its order; one that does not stand there is told as the nearest that does
    about   which of a status's messages fits, where it has several
    named   what the message names: a word, a number, or a text in the document's languages
    """

    status: Status
    where: tuple[str, ...] = ()
    about: str = ""
    named: Mapping[str, str | Text] = field(default_factory=dict)


def present(*where: str) -> Verdict:
    """It is there."""
    return Verdict(Status.PRESENT, where)


def partial(*where: str, about: str = "", **named: str | Text) -> Verdict:
    """It is there in part, or too vaguely."""
    return Verdict(Status.PARTIAL, where, about, named)


def missing(*where: str, about: str = "", **named: str | Text) -> Verdict:
    """It is not there."""
    return Verdict(Status.MISSING, where, about, named)


def outdated(*where: str, about: str = "", **named: str | Text) -> Verdict:
    """It was right once: it leans on law, an authority or a practice that is no more."""
    return Verdict(Status.OUTDATED, where, about, named)


def contradictory(*where: str, about: str = "", **named: str | Text) -> Verdict:
    """Two statements cannot both be true, or one cannot be true beside the law."""
    return Verdict(Status.CONTRADICTORY, where, about, named)


def not_applicable() -> Verdict:
    """The document has nothing that the check is about."""
    return Verdict(Status.NOT_APPLICABLE)


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision that a finding resembles. `amount` None: no money. `under_appeal`: or not known to be final."""

    id: str
    name: Text
    about: Text
    year: int
    amount: int | None
    currency: str
    under_appeal: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's result for a document. `group`: listed (the 41 of a record and its notice) or further.

    `severity` is the check's: error, warning or info. `remedy` is None where nothing is to be done.
    """

    check: str
    group: str
    status: Status
    severity: str
    article: str
    label: Text
    message: Text
    remedy: Text | None
    where: tuple[str, ...]
    decision: Decision | None
