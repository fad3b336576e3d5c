"""Where our night spends its time: the functions that do its parts, each with its seconds and calls.

The engine's modules find each other by name, so a function is timed by another under its name. Seconds of a stage
include those of the stages inside it; the tree says which these are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from importlib import import_module
from time import perf_counter, process_time
from typing import Any

TREE = (
    ("collect", 0, "retention.night_work", "collect"),
    ("evaluate and make lots", 0, "retention.night_evaluation", "_evaluate"),
    ("ask and decide", 1, "retention.night_evaluation", "evaluate"),
    ("look for what is back", 1, "retention.replay", "returned"),
    ("make lots", 1, "retention.night_evaluation", "make_lots"),
    ("purge", 0, "retention.night_lots", "purge_chunk"),
    ("intent", 1, "retention.purge", "_intend"),
    ("journal", 1, "retention.evidence_log:Journal", "append"),
    ("ask again and dispose", 1, "retention.purge", "_send"),
    ("ledger asked again", 2, "retention.question:Question", "still_due"),
    ("sources asked again", 3, "retention.recollection:Recollection", "ask"),
    ("contracts read again", 2, "retention.purge", "moved_on"),
    ("holds read", 2, "retention.purge", "_epoch_and_holds"),
    ("the source's statements", 2, "retention.connectors.sql:SqlConnector", "dispose"),
    ("read back", 1, "retention.purge", "_read_back"),
    ("outcome", 1, "retention.purge", "_record"),
    ("fingerprints", 2, "retention.replay", "remember"),
    ("lot done", 1, "retention.purge", "_finish"),
    ("independent reader", 0, "retention.verification", "read"),
    ("forget", 0, "retention.night_steps", "forget"),
)
"""(stage, depth, where it is found, its name)"""


@dataclass
class Stages:
    """Seconds, seconds on this process's processor, and calls by stage, in the tree's order."""

    seconds: dict[str, float] = field(default_factory=lambda: {stage: 0.0 for stage, *_ in TREE})
    busy: dict[str, float] = field(default_factory=lambda: {stage: 0.0 for stage, *_ in TREE})
    calls: dict[str, int] = field(default_factory=lambda: {stage: 0 for stage, *_ in TREE})

    def listen(self) -> None:
        """From now on in this process, for good."""
        for stage, _depth, place, name in TREE:
            module, _, kind = place.partition(":")
            found = import_module(module)
            owner = getattr(found, kind) if kind else found
            setattr(owner, name, self._timed(stage, getattr(owner, name)))

    def _timed(self, stage: str, act: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(act)
        def timed(*arguments: Any, **named: Any) -> Any:
            begun, busy = perf_counter(), process_time()
            try:
                return act(*arguments, **named)
            finally:
                self.seconds[stage] += perf_counter() - begun
                self.busy[stage] += process_time() - busy
                self.calls[stage] += 1

        return timed

    def forget(self) -> None:
        for stage in self.seconds:
            self.seconds[stage], self.busy[stage], self.calls[stage] = 0.0, 0.0, 0
