"""An expression, and a batch of subjects, as criteria of a SEARCH.

Both ask for too much rather than too little: SEARCH compares dates without their time zone and addresses as
parts of a text, so what comes back is compared exactly afterwards. Only plain ASCII words are ever sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta

from retention.domain.predicates import (
    All,
    Any,
    AtLeast,
    AtMost,
    Closed,
    Expression,
    FactIs,
    FactKnown,
    Literal,
    Not,
    Recorded,
)

Criteria = list["str | date | Criteria"]
"""Search keys that must all be true; of none: every message."""

RECEIVED, SENT = "received", "sent"
SLACK = timedelta(days=2)
"""A header's own day lies up to two days from ours: zones go from -23:59 to +23:59 there."""
FIRST, LAST = date(1970, 1, 3), date(2199, 12, 31)
"""Days that every server can compare; beyond them nothing is asked."""
MOST_TERMS = 60
MOST_BYTES = 6_000
"""Of one command: RFC 7162 wants at most 8,192."""
LONGEST = 64
_PLAIN = re.compile(r"[A-Za-z0-9._-]+")
_PLAIN_ADDRESS = re.compile(r"[a-z0-9._-]+(?:@[a-z0-9._-]+)?", re.ASCII)


def ask(expression: Expression, columns: Mapping[str, str]) -> Criteria | None:
    """Criteria that all messages satisfy which satisfy the expression; None where no message can.

    `columns`: event -> received or sent.
    """
    criteria = _ask(expression, columns, True)
    return [] if criteria is not None and _terms(criteria) > MOST_TERMS else criteria


def _ask(expression: Expression, columns: Mapping[str, str], wanted: bool) -> Criteria | None:
    match expression:
        case Literal(value):
            return [] if value is wanted else None
        case AtMost(event, day):
            return _dated(columns.get(event), day, wanted, before=wanted)
        case AtLeast(event, day):
            return _dated(columns.get(event), day, wanted, before=not wanted)
        case Closed():
            return None if wanted else []
        case Recorded() | FactIs() | FactKnown():
            return []
        case Not(term):
            return _ask(term, columns, not wanted)
        case All(terms):
            asked = [_ask(term, columns, wanted) for term in terms]
            return _both(asked) if wanted else _either(asked)
        case Any(terms):
            asked = [_ask(term, columns, wanted) for term in terms]
            return _either(asked) if wanted else _both(asked)


def _dated(column: str | None, day: date, wanted: bool, *, before: bool) -> Criteria:
    # what has no readable Date header is neither before nor after, so the opposite of a day cannot be asked
    if column is None or (column == SENT and not wanted):
        return []
    prefix = "SENT" if column == SENT else ""
    if before:
        return [] if day > LAST - SLACK else [f"{prefix}BEFORE", max(day, FIRST) + SLACK]
    return [] if day < FIRST + SLACK else [f"{prefix}SINCE", min(day, LAST) - SLACK]


def _both(asked: Iterable[Criteria | None]) -> Criteria | None:
    joined: Criteria = []
    for criteria in asked:
        if criteria is None:
            return None
        joined += criteria
    return joined


def _either(asked: Iterable[Criteria | None]) -> Criteria | None:
    possible = [criteria for criteria in asked if criteria is not None]
    if not possible:
        return None
    if not all(possible):
        return []
    *others, joined = possible
    for criteria in others:
        joined = ["OR", criteria, joined]
    return joined


def _terms(criteria: Criteria) -> int:
    return sum(_terms(part) if isinstance(part, list) else isinstance(part, date) for part in criteria)


def addresses(subjects: Iterable[str]) -> Iterator[Criteria]:
    """Criteria, a command's worth each, that find every message that names one of these addresses.

    One of them is empty where an address cannot be asked for: then everything must be read.
    """
    words = set()
    for subject in subjects:
        if not subject or not subject.isprintable():
            continue  # no address can be this
        words.add(word(subject))
    if "" in words:
        yield []
        return
    batch: list[str] = []
    size = 0
    for plain in sorted(words):
        size += 4 * len(plain) + 40
        if size > MOST_BYTES:
            yield _named(batch)
            batch, size = [], 4 * len(plain) + 40
        batch.append(plain)
    if batch:
        yield _named(batch)


def word(subject: str) -> str:
    """The longest part of an address that a server must find in it however it is written; "" if there is none.

    Where a part before the @ needs quotes, what is searched has them too: nothing then goes across the @.
    """
    if _PLAIN_ADDRESS.fullmatch(subject):
        return subject[-LONGEST:]
    before, _, after = subject.rpartition("@")
    return max(longest_plain(before), longest_plain(after), key=len)


def longest_plain(text: str) -> str:
    """The longest run of plain characters in a text, itself not too long for a command; "" if there is none."""
    return max(_PLAIN.findall(text), key=len, default="")[-LONGEST:]


def _named(words: Iterable[str]) -> Criteria:
    terms = [(field, plain) for plain in words for field in ("FROM", "TO", "CC", "BCC")]
    criteria: Criteria = []
    for field, plain in terms[:-1]:
        criteria += ["OR", field, plain]
    return [*criteria, *terms[-1]]


def uid_set(uids: Iterable[int]) -> str:
    """UIDs as IMAP writes them, runs as first:last."""
    runs: list[list[int]] = []
    for uid in sorted(uids):
        if runs and uid == runs[-1][1] + 1:
            runs[-1][1] = uid
        else:
            runs.append([uid, uid])
    return ",".join(str(first) if first == last else f"{first}:{last}" for first, last in runs)
