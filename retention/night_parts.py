"""A step's large pieces, done by whoever is at the night (`parts`): shared out, waited for, and what they came to."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from retention import parts
from retention.domain.errors import NightError, SelosteError
from retention.leases import LeaseLost, may_be_taken
from retention.models import (
    Lot,
    NightStep,
    Run,
)
from retention.models.run import RunState
from retention.night_context import Night
from retention.purge import Stopped
from retention.steps import (
    release,
)

PAUSE_SECONDS = 0.2
"""How long it is waited before it is looked again whether others have ended their parts."""


def share(night: Night, what: str, pieces: Sequence[Mapping[str, Any]]) -> None:
    """Have the pieces done by whoever is at the night, ourselves among them, and wait until all have ended."""
    parts.share_out(night.step, what, pieces, night.fence, night.limits(night.step.register).lanes)
    if night.asking.freed is not None:
        night.asking.freed(len(pieces) - 1)
    while left := parts.left(night.step, what):
        part = parts.take_one(left, night.who)
        if part is None:
            _refuse_to_wait(night)
            time.sleep(PAUSE_SECONDS)
            continue
        if night.asking.most_tries is not None and part.tries > night.asking.most_tries:
            raise NightError(f"{part}: begun {part.tries - 1} times and never ended")
        try:
            night.do(part)
            parts.end(part, night.who)
        except LeaseLost:
            night.fence()  # somebody else has the part now; if he has the step too, he does the rest
            release(part, night.who)  # or only a chunk of it was settled by him, and the part is ours still
        except Exception as error:
            release(part, night.who, str(error) if isinstance(error, SelosteError) else type(error).__name__)
            raise
        else:
            night.asking.at(f"{part} done")


def in_hand(night: Night, dataset: str) -> frozenset[int]:
    """The lots that a living worker purges as a part of this step, from before we took it: what is in flight is his."""
    left = parts.left(night.step, f"purge {dataset}")
    his = [part.about["lot"] for part in left if not may_be_taken(part, part.clock)]  # type: ignore[attr-defined]
    if not his:
        return frozenset()
    # what drops out of his lot he flags anew and purges too, under the same part
    anew = Lot.objects.filter(run=night.run, dataset=dataset, anew=True).values_list("pk", flat=True)
    return frozenset({*his, *anew})


def _refuse_to_wait(night: Night) -> None:
    night.fence()
    run = Run.objects.only("state", "stop_requested", "stop_reason").get(pk=night.run.pk)
    if run.stop_requested or run.state != RunState.RUNNING:
        raise Stopped(run.stop_reason or "the night was stopped")


def forget_parts(night: Night, what: str) -> list[NightStep]:
    """What the parts came to, with their problems now ours."""
    with transaction.atomic():
        night.fence()
        ended = parts.ended(night.step, what)
        for part in ended:
            night.step.problems.update(part.problems)
        night.step.save(update_fields=["problems"])
        parts.forget(night.step, what)
    return ended


def keep_result(night: Night, result: Mapping[str, Any] | None) -> None:
    night.fence()
    night.step.result = result
    night.step.save(update_fields=["result"])
