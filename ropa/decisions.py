"""The decision log of one rule, computed from the versions: when it appeared, changed and went, by whom, and why.

Plain Python: `versions` are anything with the fields of `ropa.models.Version`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Protocol

from ropa.changes import Change, difference, identified

_PATH = re.compile(r"([a-z_]+)\[([A-Za-z0-9_-]+)\]\.([a-z_]+)\[([A-Za-z0-9_-]+)\]")


class Published(Protocol):
    """What a decision needs to know of a version."""

    number: int
    in_force_from: date
    published_at: datetime
    publisher: str
    reason: str
    opinion: Mapping[str, Any] | None
    opinion_reason: str
    snapshot: str


class What(StrEnum):
    """What a version did to a rule."""

    APPEARED = "appeared"
    CHANGED = "changed"
    WENT = "went"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a rule stands: `datasets[crm-asiakkaat].grounds[sopimus]`."""

    list: str
    entry: str
    rules: str
    rule: str

    @classmethod
    def parse(cls, path: str) -> Place:
        """Raises ValueError for what is no such path."""
        match = _PATH.fullmatch(path)
        if match is None:
            raise ValueError(f"{path!r} names no rule; write it as datasets[crm-asiakkaat].grounds[sopimus]")
        return cls(*match.groups())

    def __str__(self) -> str:
        return f"{self.list}[{self.entry}].{self.rules}[{self.rule}]"

    def within(self, document: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The rule in this document; None where it does not have it."""
        entry = _by_id(document.get(self.list), self.entry)
        return _by_id(entry.get(self.rules), self.rule) if entry is not None else None


@dataclass(frozen=True, slots=True)
class Decision:
    """One version's decision about the rule. `rule`: as that version has it, or had it last; `before`: what it was."""

    version: int
    in_force_from: date
    published_at: datetime
    publisher: str
    reason: str
    opinion: Mapping[str, Any] | None
    opinion_reason: str
    what: What
    changes: tuple[Change, ...]
    rule: Mapping[str, Any]
    before: Mapping[str, Any]

    @property
    def records(self) -> list[Mapping[str, Any]]:
        """Links to the balancing test, the DPIA, the agreement and what else the rule rests on."""
        return list(self.rule.get("records") or ())

    def as_data(self) -> dict[str, Any]:
        """As programs get it."""
        return {
            "version": self.version,
            "in_force_from": self.in_force_from.isoformat(),
            "published_at": self.published_at.isoformat(),
            "publisher": self.publisher,
            "reason": self.reason,
            "opinion": self.opinion,
            "opinion_reason": self.opinion_reason,
            "what": self.what.value,
            "changes": [change.as_data() for change in self.changes],
            "records": self.records,
            "rule": self.rule,
        }


def decisions(versions: Iterable[Published], place: Place) -> list[Decision]:
    """Every version, in the order of their numbers, in which the rule appeared, changed or went."""
    log = []
    before: Mapping[str, Any] | None = None
    for version in versions:
        after = place.within(json.loads(version.snapshot))
        if before is None and after is None:
            continue
        changes = tuple(difference(before, after)) if before is not None and after is not None else ()
        if before is None:
            what = What.APPEARED
        elif after is None:
            what = What.WENT
        elif changes:
            what = What.CHANGED
        else:
            continue
        log.append(
            Decision(
                version.number,
                version.in_force_from,
                version.published_at,
                version.publisher,
                version.reason,
                version.opinion,
                version.opinion_reason,
                what,
                changes,
                after or before or {},
                before or {},
            )
        )
        before = after
    return log


def _by_id(members: Any, wanted: str) -> Mapping[str, Any] | None:
    if not identified(members):
        return None
    return next((member for member in members if member["id"] == wanted), None)
