"""How much a register can bear: at which hours it is written to, how fast, and by how many workers at once.

A register that people work with by day is spared by day, and a small server is not sent 20,000 items in one go. The
controller says so of a connection; without limits a register takes all that there is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from retention.domain.errors import RuleError

BURST_SECONDS = 10
"""What is sent at once is at most what may be sent in so many seconds."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a connection's `limits` say.

    since, until      the hours in which items are disposed of, by the clock where the organisation is, `until` left
                      out; from 22:00 until 05:30 goes over midnight. None: at any hour.
    items_per_second  so many items in a second at most, of all workers together. None: as many as go.
    workers           so many workers at once at most. None: whoever is free.
    """

    since: time | None = None
    until: time | None = None
    items_per_second: int | None = None
    workers: int | None = None

    def is_open(self, here: datetime) -> bool:
        """Whether items may be disposed of at this instant, given in the organisation's time zone."""
        if self.since is None or self.until is None:
            return True
        now = here.timetz().replace(tzinfo=None)
        if self.since < self.until:
            return self.since <= now < self.until
        return now >= self.since or now < self.until

    @property
    def lanes(self) -> int | None:
        """How many workers may be at the register at once; None: any number. A speed without a number is one's."""
        if self.workers is None and self.items_per_second is not None:
            return 1
        return self.workers

    def chunk(self, most: int) -> int:
        """How many items are sent at once, of `most`."""
        rate = self._rate
        return most if rate is None else max(1, min(most, int(rate * BURST_SECONDS)))

    def wait(self, sent: int, seconds: float) -> float:
        """Seconds to wait before more is sent by a worker who sent so many items in so many seconds."""
        rate = self._rate
        return 0.0 if rate is None else max(0.0, sent / rate - seconds)

    @property
    def _rate(self) -> float | None:
        return None if self.items_per_second is None else self.items_per_second / (self.lanes or 1)

    def in_words(self) -> str:
        """The hours, as a reason that stands in evidence and tables: 22:00–05:30."""
        return f"{self.since:%H:%M}–{self.until:%H:%M}" if self.since and self.until else ""


def parse_limits(document: Mapping[str, Any]) -> Limits:
    """Limits as a document says them. Raises RuleError for one hour without the other, or two that are the same."""
    since, until = (_clock(document[name]) if name in document else None for name in ("from", "until"))
    if (since is None) != (until is None):
        raise RuleError("hours need both `from` and `until`", "limits")
    if since is not None and since == until:
        raise RuleError("`from` and `until` are the same: there is no hour left", "limits")
    return Limits(since, until, document.get("items_per_second"), document.get("workers"))


def _clock(text: str) -> time:
    try:
        return time.fromisoformat(text)
    except ValueError:
        raise RuleError(f"{text!r} is no time of day such as 22:00", "limits") from None
