"""A night that runs, as it stands now: what it is at, and lot by lot how much has been sent and what stayed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from retention.domain.lifecycle import GONE, LotState, Outcome
from retention.models import Lot, NightStep, Run
from retention.models.run import RunState
from retention.models.step import StepState
from web.record import record_of
from web.words import Sign, named

EVERY = 3
"""Seconds between two looks of a page that is left open."""


@dataclass
class Part:
    """One dataset's lots that go tonight."""

    name: str
    register: str
    size: int = 0
    sent: int = 0
    gone: int = 0
    states: set[str] = field(default_factory=set)

    @property
    def stayed(self) -> int:
        return self.sent - self.gone

    @property
    def sign(self) -> Sign:
        if self.sent >= self.size:
            return Sign("done", _("sent and read back"))
        if LotState.CLAIMED in self.states:
            return Sign("run", _("being deleted"))
        return Sign("wait", _("its turn comes"))


@dataclass(frozen=True)
class Live:
    """The whole night. `at`: what is being done now; `steps`: how many of how many are done."""

    running: bool
    at: Sequence[str]
    steps: tuple[int, int]
    parts: Sequence[Part]

    @property
    def size(self) -> int:
        return sum(part.size for part in self.parts)

    @property
    def sent(self) -> int:
        return sum(part.sent for part in self.parts)

    @property
    def gone(self) -> int:
        return sum(part.gone for part in self.parts)


def live(run: Run) -> Live:
    """How the night stands: by its steps, which its workers take, and its lots, whose tallies each chunk adds to."""
    steps = list(NightStep.objects.filter(run=run).only("kind", "register", "state"))
    at = [_doing(run, step) for step in steps if step.state == StepState.RUNNING]
    done = sum(step.state == StepState.DONE for step in steps)
    return Live(
        run.state in {RunState.REQUESTED, RunState.RUNNING},
        list(dict.fromkeys(at)),
        (done, len(steps)),
        list(_parts(run).values()),
    )


def _parts(run: Run) -> dict[str, Part]:
    going = Q(state__in=[LotState.APPROVED, LotState.CLAIMED]) & (
        Q(grace_until=None) | Q(grace_until__lte=run.business_date)
    )
    lots = Lot.objects.filter(organisation=run.organisation_id).filter(going | Q(attempts__run=run)).distinct()
    found: dict[str, Part] = {}
    for lot in lots.only("register", "dataset", "size", "next_position", "tally", "state").order_by("id"):
        if lot.dataset not in found:
            name, register = _name(run, "datasets", lot.dataset), _name(run, "registers", lot.register)
            found[lot.dataset] = Part(name, register)
        part = found[lot.dataset]
        part.size += lot.size
        part.sent += lot.next_position
        part.gone += sum(lot.tally.get(one.value, 0) for one in {*GONE, Outcome.ALREADY_ABSENT})
        part.states.add(lot.state)
    return found


def _name(run: Run, kind: str, code: str) -> str:
    return named(record_of(run.version).name_of(kind, code), code) if run.version is not None else code


def _doing(run: Run, step: NightStep) -> str:
    """What a step does, with the register that it does it in."""
    words: Mapping[str, Any] = {
        "begin": _("getting ready"),
        "collect": _("reading contracts and events"),
        "work": _("finding what is due, and deleting it"),
        "read": _("reading back what is left"),
        "closed": _("looking into closed registers"),
        "forget": _("forgetting what is kept no longer"),
        "close": _("signing the night's head"),
        "part": _("working on a part"),
    }
    doing = str(words.get(step.kind, step.kind))
    return f"{doing}: {_name(run, 'registers', step.register)}" if step.register else doing
