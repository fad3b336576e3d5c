"""What can go wrong, drawn once.

SelosteError
├── RuleError            a rule as written cannot be executed (malformed period, unknown event …)
│   └── PeriodError      not an ISO 8601 calendar period of years, months, weeks, days
├── DocumentError        an inventory document is wrong; carries every problem with its path
├── LifecycleError       a move that the table of moves does not allow
├── EvidenceError        the chain, a head or a digest does not verify
├── NightError           a night may not run as asked (date ahead, unconfirmed gap …)
└── SuppressionError     the list of marketing bans cannot be asked: nobody counts as not banned
    └── IdentifierError  the text is no customer number, e-mail address or telephone number

`ConnectorError` is `retention.connectors.contract`'s: it has the one bit its caller needs, `permanent`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


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


class NightError(SelosteError):
    """A night may not run as asked."""


class SuppressionError(SelosteError):
    """The list of bans, or one that is held against it, cannot be used: nobody may be taken for not banned."""


class IdentifierError(SuppressionError):
    """The text is no identifier of its kind; it is not repeated, for it may be personal data."""
