"""What can go wrong, drawn once.

SelosteError
├── RuleError            a rule as written cannot be executed (malformed period, unknown event …)
│   └── PeriodError      not an ISO 8601 calendar period of years, months, weeks, days
├── DocumentError        an inventory document is wrong; carries every problem with its path
├── LifecycleError       a move that the table of moves does not allow
├── EvidenceError        the chain, a head or a digest does not verify
│   └── RestoredError    our own database is older than the evidence beside it: nothing is signed on it
├── NightError           a night may not run as asked (date ahead, unconfirmed gap …)
└── SuppressionError     the list of marketing bans cannot be asked: nobody counts as not banned
    └── IdentifierError  the text is no customer number, e-mail address or telephone number

`ConnectorError` is `retention.connectors.contract`'s: it has the one bit its caller needs, `permanent`.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Sequence
from dataclasses import dataclass

FULL = frozenset({"SQLITE_FULL", "53100"})
"""What SQLite and PostgreSQL (by SQLSTATE) call a disk without room."""


class SelosteError(Exception):
    """Any error that Seloste raises on purpose; its text names things, never people."""


class RuleError(SelosteError):
    """A rule as written cannot be executed; `path` names the place."""

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.message = message
        self.path = path


class PeriodError(RuleError):
    """The text is no ISO 8601 calendar period of years, months, weeks and days."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a document: where (a JSON-pointer-like path), and what."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class DocumentError(SelosteError):
    """An inventory document is wrong. Nothing of it was imported."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class LifecycleError(SelosteError):
    """A move that `lifecycle.MOVES` does not allow, or that came too late."""


class EvidenceError(SelosteError):
    """Evidence does not verify: the first place where it broke is named."""


class RestoredError(EvidenceError):
    """Our own database came back from a backup, and nobody has said so yet (D9)."""


class NightError(SelosteError):
    """A night may not run as asked."""


class SuppressionError(SelosteError):
    """The list of bans, or one that is held against it, cannot be used: nobody may be taken for not banned."""


class IdentifierError(SuppressionError):
    """The text is no identifier of its kind; it is not repeated, for it may be personal data."""


def in_words(error: BaseException) -> str:
    """What went wrong, for a row, a log or a terminal. The text of an error that is not ours may quote data: of those
    its kind, and the code that the operating system or the database gave.
    """
    if isinstance(error, SelosteError):
        return str(error)
    kind = type(error).__name__
    if isinstance(error, OSError) and error.errno:
        return f"{kind}: {os.strerror(error.errno)}"
    driver = error.__cause__  # Django's errors of a database stand before those of its driver
    code = getattr(driver, "sqlite_errorname", None) or getattr(driver, "sqlstate", None)
    if code in FULL:
        return f"{kind} {code}: our own database has no room on its disk"
    return f"{kind} {code}" if code else kind


def places(error: BaseException) -> str:
    """Where in the code an error came from, a line each: what a traceback says, without the texts that it quotes."""
    frames = traceback.extract_tb(error.__traceback__)
    return "".join(f"\n  {frame.filename}:{frame.lineno} {frame.name}" for frame in frames)
