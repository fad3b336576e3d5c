"""Which entries are due for review on a day, and which dates of rules and agreements are near or past.

Plain Python, driven by structure: whatever entry says `review` is reviewed, whatever says `review_by` or `expires_on`
has a date that somebody must look at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from retention.domain.errors import RuleError
from retention.domain.periods import last_day
from retention.domain.written import parse_day
from ropa.changes import identified

Document = Mapping[str, Any]

_EMAIL = re.compile(r"[^\s@<>(),;:\"\\\[\]]+@[^\s@<>(),;:\"\\\[\]]+", re.ASCII)
AHEAD_DAYS = 60
"""So long before a date of a rule or an agreement it is listed."""
DATES = ("review_by", "expires_on")
OVER = ("ended_on", "closed_on")
"""What ends an entry: from that day on nobody is asked about it."""


@dataclass(frozen=True, slots=True)
class Due:
    """An entry that its owner is to look over, from `due_on` on. Without an address nobody can be asked."""

    kind: str
    code: str
    due_on: date
    role: Mapping[str, str]
    email: str
    entry: Document

    @property
    def path(self) -> str:
        """As findings and changes name the place."""
        return f"{self.kind}[{self.code}]"


@dataclass(frozen=True, slots=True)
class Dated:
    """A day that a rule or an agreement names, at most `AHEAD_DAYS` ahead. `what`: review_by or expires_on."""

    path: str
    what: str
    on: date
    passed: bool

    def as_data(self) -> dict[str, Any]:
        """As programs get it."""
        return {"path": self.path, "what": self.what, "on": self.on.isoformat(), "passed": self.passed}


def reviewed(document: Document) -> Iterator[tuple[str, Document]]:
    """Every entry that says how often it is looked over, with the list it stands in."""
    for kind, members in document.items():
        if identified(members):
            yield from ((kind, entry) for entry in members if isinstance(entry.get("review"), Mapping))


def due(document: Document, today: date, since: date, confirmed: Mapping[tuple[str, str], date]) -> list[Due]:
    """What is due on `today`: `every` after the last review that the document names or that an owner confirmed.

    `since`: from when an entry counts that was never looked over. `confirmed`: (list, id) -> the day on which the owner
    last said that it is unchanged. What has ended by today is not asked about any more.
    """
    found = []
    for kind, entry in reviewed(document):
        if any(entry.get(key) and _day(entry[key]) <= today for key in OVER):
            continue
        review, owner = entry["review"], entry.get("owner") or {}
        known = [_day(review["last"])] if review.get("last") else []
        known += [confirmed[kind, entry["id"]]] if (kind, entry["id"]) in confirmed else []
        due_on = last_day(max(known), review["every"]) if known else since
        if due_on <= today:
            found.append(Due(kind, entry["id"], due_on, owner.get("role") or {}, _address(owner), entry))
    return found


def dates(document: Document, today: date) -> list[Dated]:
    """Every date of a rule or agreement that has passed or lies at most `AHEAD_DAYS` ahead, the earliest first."""
    until = today + timedelta(days=AHEAD_DAYS)
    found = [
        Dated(path, path.rpartition(".")[2], day, day < today) for path, day in _dated(document, "") if day <= until
    ]
    return sorted(found, key=lambda one: (one.on, one.path))


def _dated(value: Any, path: str) -> Iterator[tuple[str, date]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            place = f"{path}.{key}" if path else key
            if key in DATES and isinstance(inner, str):
                try:
                    yield place, _day(inner)
                except RuleError:
                    continue  # free text under that name: not a date
            else:
                yield from _dated(inner, place)
    elif isinstance(value, list):
        for position, member in enumerate(value):
            name = member.get("id") if isinstance(member, Mapping) else None
            yield from _dated(member, f"{path}[{name if isinstance(name, str) and name else position}]")


def _address(owner: Document) -> str:
    """An e-mail address that a letter can be sent to, else nothing."""
    written = str(owner.get("email") or "")
    if not _EMAIL.fullmatch(written) or len(written) > 254:
        return ""
    try:
        written.rpartition("@")[2].encode("idna")
    except UnicodeError:  # a label of its domain is empty or too long
        return ""
    return written


def _day(written: Any) -> date:
    return parse_day(written, "date")
