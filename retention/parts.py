"""Parts of a step: what several workers may do at once while the step itself waits for them.

A register with many people is one step, and would be one worker's. The worker who is at the step shares the large
pieces of it out: a span of people to ask about, a lot to purge, a dataset to read. Each is a row that anybody at the
night may take, with a lease of its own; the step's own worker takes them too, and goes on when all have ended. So
another worker makes the night shorter and none is needed. Killed anywhere, the step is begun again, finds the parts
that were shared out, and counts none of them twice: a part writes what it came to in the transaction of what it did.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Max, QuerySet
from django.db.models.functions import Now

from retention import database_locks
from retention.leases import LeaseLost, Owner, may_be_taken, take
from retention.models import NightStep
from retention.models.step import StepState
from retention.steps import name_of

PART = "part"


def of(step: NightStep, what: str) -> QuerySet[NightStep]:
    """The parts that one piece of a step's work was shared out as; `what`: "evaluate DATASET" …"""
    name = f"{step.kind} {what} "
    return NightStep.objects.filter(run=step.run, kind=PART, register=step.register, part__startswith=name)


def share_out(
    step: NightStep,
    what: str,
    pieces: Sequence[Mapping[str, Any]],
    fence: Callable[[], None],
    lanes: int | None = None,
) -> None:
    """Have the pieces done, unless an earlier try of the step has shared them out. Raises what `fence` does.

    `lanes`: so many at once at most; each of the others waits for the one that is so many before it.
    """
    with transaction.atomic():
        database_locks.alone(name_of(step.run.organisation))
        fence()
        if of(step, what).exists():
            return
        last = NightStep.objects.filter(run=step.run).aggregate(last=Max("position"))["last"]
        NightStep.objects.bulk_create(
            NightStep(
                run=step.run,
                position=last + number,
                kind=PART,
                register=step.register,
                part=f"{step.kind} {what} {number}",
                about=dict(piece),
                after=[] if lanes is None or number <= lanes else [last + number - lanes],
            )
            for number, piece in enumerate(pieces, 1)
        )


def left(step: NightStep, what: str) -> list[NightStep]:
    """The parts that have not ended, in order, each with the database's `clock`."""
    waiting = of(step, what).exclude(state=StepState.DONE).order_by("position")
    return list(waiting.annotate(clock=Now()).select_related("run__organisation"))


def take_one(waiting: Sequence[NightStep], who: Owner) -> NightStep | None:
    """The first of these that nobody is at and that waits for none of them, now ours."""
    open_ = {part.position for part in waiting}
    for part in waiting:
        if open_.isdisjoint(part.after) and may_be_taken(part, part.clock) and take(part, who):  # type: ignore[attr-defined]
            return part
    return None


def end(part: NightStep, who: Owner) -> None:
    """Say that a part of ours has ended. Raises LeaseLost if it is no longer ours."""
    mine = NightStep.objects.filter(pk=part.pk, lease_owner=who.token, state=StepState.RUNNING)
    if mine.update(state=StepState.DONE, lease_owner="", lease_until=None, problem="") != 1:
        raise LeaseLost(f"{part}: somebody else has taken it")


def ended(step: NightStep, what: str) -> list[NightStep]:
    """What the parts came to, in order; to be asked when none is left."""
    return list(of(step, what).order_by("position"))


def forget(step: NightStep, what: str) -> None:
    """Remove the parts, in the transaction that writes what they came to."""
    of(step, what).delete()
