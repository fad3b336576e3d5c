"""A night as rows: which steps it has, which may be taken, who may begin it and when it must begin anew.

    begin → collect a register … → work on a register … → read a register … → forget → close

A register that was closed has one step only: whether it is as it was left is asked beside the reading.

Whoever is at a night always holds a lease on one of its steps: ending a step and taking the next is one transaction.
So a night that runs and of which nobody holds any lease was left by everybody, and it begins anew: what it collected
may be hours old, and only tonight's answers may bring anything to its end (V5). What was done stays done.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from django.db import transaction
from django.db.models import Max, Q
from django.db.models.functions import Now

from retention import database_locks
from retention.closed import closings
from retention.domain.errors import NightError
from retention.leases import LeaseLost, Owner, forget_dead_owners, may_be_taken, take, take_unsaved
from retention.models import Lot, NightStep, Run
from retention.models.run import RunState
from retention.models.step import StepState
from retention.plan import LedgerSource, Plan, RegisterPlan
from ropa.models import Organisation

BEGIN, COLLECT, WORK, READ, CLOSED = "begin", "collect", "work", "read", "closed"
FORGET, CLOSE = "forget", "close"

MOST_TRIES = 5
"""A step that was begun so often and never ended would not end the next time either."""


def order(plan: Plan) -> Mapping[str, set[str]]:
    """Register -> the registers whose work must be done before its own."""
    return {register.code: set(plan.goes_before(register.code)) for register in plan.registers}


def collected_after(plan: Plan) -> Mapping[str, set[str]]:
    """Register -> registers that are collected before it, because both may tell the same contract or fact.

    Of two that contradict each other the one that comes later in the inventory is not believed, every night alike.
    """
    found: dict[str, set[str]] = {}
    for n, register in enumerate(plan.registers):
        earlier = (other for other in plan.registers[:n] if _tell_the_same(other, register))
        found[register.code] = {other.code for other in earlier}
    return found


def _tell_the_same(one: RegisterPlan, other: RegisterPlan) -> bool:
    def contracts(source: LedgerSource) -> bool:
        return bool(source.mapping.started or source.mapping.ended)

    return any(
        a.subject_kind == b.subject_kind
        and ((contracts(a) and contracts(b)) or set(a.mapping.facts) & set(b.mapping.facts))
        for a in one.ledger
        for b in other.ledger
    )


def steps_of(whole: Plan, closed: Container[str] = ()) -> list[NightStep]:
    """The night's steps, not yet of any run, in the order in which one process takes them. `closed`: registers.

    Raises NightError naming the registers that wait for each other.
    """
    steps: list[NightStep] = []
    plan = whole.without(closed)

    def add(kind: str, register: str = "", after: Iterable[int] = ()) -> int:
        steps.append(NightStep(position=len(steps), kind=kind, register=register, after=sorted(after)))
        return len(steps) - 1

    begun = add(BEGIN)
    before = collected_after(plan)
    collected: dict[str, int] = {}
    for register in plan.registers:
        if register.ledger:
            waits = {collected[code] for code in before[register.code]}
            collected[register.code] = add(COLLECT, register.code, {begun, *waits})
    worked: dict[str, int] = {}
    waiting = order(plan)
    for code in _sorted(plan, waiting):
        if any(d.enforced_by == "us" and d.mapping is not None for d in plan.datasets_of(code)):
            others = _through(waiting, code) & worked.keys()
            worked[code] = add(WORK, code, {begun, *collected.values(), *(worked[other] for other in others)})
    read = {
        add(READ, register.code, {begun, *collected.values(), *worked.values()})
        for register in plan.registers
        if any(dataset.mapping is not None for dataset in plan.datasets_of(register.code))
    }
    read |= {
        add(CLOSED, register.code, {begun})
        for register in whole.registers
        if register.code in closed and any(d.mapping is not None for d in whole.datasets_of(register.code))
    }
    forgot = add(FORGET, after=set(range(len(steps))))
    add(CLOSE, after={*read, forgot})
    return steps


def _sorted(plan: Plan, waiting: Mapping[str, set[str]]) -> list[str]:
    """The registers in the inventory's order, each after those that it waits for."""
    places = {register.code: n for n, register in enumerate(plan.registers)}
    sorter = TopologicalSorter({code: waiting.get(code, set()) & places.keys() for code in places})
    try:
        sorter.prepare()
    except CycleError as error:
        raise NightError(f"these registers wait for each other: {', '.join(error.args[1])}") from None
    found: list[str] = []
    ready: set[str] = set()
    while sorter.is_active():
        ready |= set(sorter.get_ready())
        code = min(ready, key=places.__getitem__)
        ready.discard(code)
        found.append(code)
        sorter.done(code)
    return found


def _through(waiting: Mapping[str, set[str]], code: str) -> set[str]:
    """All that a register waits for, also through registers that have no step of their own."""
    found: set[str] = set()
    open_ = set(waiting.get(code, set()))
    while open_:
        other = open_.pop()
        found.add(other)
        open_ |= waiting.get(other, set()) - found
    return found


def begin(run: Run, plan: Plan, who: Owner) -> NightStep | None:
    """Begin a night, or begin it anew if everybody who was at it has gone, and take its first step.

    None if somebody is at it: whoever calls may help. The run is saved as it was given, RUNNING. Raises NightError
    while another night of the organisation is running, or this one is still being stopped.
    """
    with transaction.atomic():
        database_locks.alone(name_of(run.organisation), lasts=False)  # a night that seems not to have begun begins anew
        ours = Q(organisation=run.organisation)
        runs = {one.pk: one for one in Run.objects.filter(Q(pk=run.pk) | (ours & Q(state=RunState.RUNNING)))}
        was = runs.pop(run.pk)
        if was.state == RunState.FINISHED:
            return None
        held = NightStep.objects.filter(run__organisation=run.organisation, state=StepState.RUNNING)
        others = list(held.annotate(clock=Now()))
        living = [step for step in others if not may_be_taken(step, step.clock)]
        if any(step.run_id != run.pk for step in living):
            raise NightError(f"{run.organisation.slug}: another night is running")
        if living and was.state == RunState.RUNNING:
            return None
        if living:
            raise NightError(
                f"{run.organisation.slug}: another process is still at a step of the night that was stopped"
            )
        if others:  # before the run, as whoever is at one of them locks it first
            NightStep.objects.filter(pk__in=[step.pk for step in others], state=StepState.RUNNING).update(
                state=StepState.WAITING, lease_owner="", lease_until=None
            )
            # whoever was at one of them may have ended the night while we waited for it
            if Run.objects.select_for_update(no_key=True).get(pk=run.pk).state == RunState.FINISHED:
                return None
        if runs:  # left by everybody
            Run.objects.filter(pk__in=runs, state=RunState.RUNNING).update(state=RunState.REQUESTED)
        before = _broken_off(was)
        steps = steps_of(plan, closings(run.organisation))
        if was.started_at is not None:
            was.steps.all().delete()
            last = Lot.objects.filter(run=run).aggregate(last=Max("pk"))["last"]
            steps[0].about = {"lots_before": last or 0}
        for step in steps:
            step.run = run
            if (old := before.get((step.kind, step.register))) is not None:
                step.tries, step.problem = old.tries, old.problem
        run.state = RunState.RUNNING
        run.save(update_fields=["version", "state", "started_at", "missed_dates"])
        first = steps[0]  # the beginning, which waits for nobody
        if not was.stop_requested:
            take_unsaved(first, who)
        NightStep.objects.bulk_create(steps)
        forget_dead_owners(who)
        return None if was.stop_requested else first


def _broken_off(was: Run) -> Mapping[tuple[str, str], NightStep]:
    """The steps that were begun and never ended; of a night that somebody asked for again they are not counted."""
    if was.state != RunState.RUNNING:
        return {}
    return {(step.kind, step.register): step for step in was.steps.exclude(state=StepState.DONE)}


def following(
    run: Run, who: Owner, done: NightStep | None = None, most_tries: int | None = None, leave: bool = False
) -> NightStep | None:
    """End a step of ours and take the next, in one transaction; None if none may be taken now.

    `leave`: none is taken if somebody else is at the night. Raises LeaseLost if the step is no longer ours.
    """
    with transaction.atomic():
        # two who leave at once must not both find each other there
        lock = database_locks.alone if leave else database_locks.together
        lock(name_of(run.organisation), lasts=False)  # a step that seems not to have ended is begun again
        if done is not None:
            mine = NightStep.objects.filter(pk=done.pk, lease_owner=who.token, state=StepState.RUNNING)
            if mine.update(state=StepState.DONE, lease_owner="", lease_until=None, problem="") != 1:
                raise LeaseLost(f"{done}: somebody else has taken it")
        if run.state == RunState.FINISHED or (leave and workers_at(run)):
            return None
        return _claim(run, who, most_tries)


def _claim(run: Run, who: Owner, most_tries: int | None = None) -> NightStep | None:
    for step in _ready(run, stopping=False):
        if most_tries is not None and step.tries >= most_tries:
            _give_up(run, step)
            return None
        if take(step, who):
            return step
    return None


def _ready(run: Run, *, stopping: bool) -> list[NightStep]:
    """The steps that may be taken now, none unless the night runs; `stopping`: also while it is being stopped."""
    running = Q(run__state=RunState.RUNNING) if stopping else Q(run__state=RunState.RUNNING, run__stop_requested=False)
    asked = NightStep.objects.filter(running, run=run).order_by("position")
    # the database's clock is asked with them: one for all machines
    steps = list(asked.annotate(clock=Now()))
    done = {step.position for step in steps if step.state == StepState.DONE}
    return [step for step in steps if set(step.after) <= done and may_be_taken(step, step.clock)]


def _give_up(run: Run, step: NightStep) -> None:
    why = f"{step}: begun {step.tries} times and never ended"
    NightStep.objects.filter(pk=step.pk).update(state=StepState.FAILED, lease_owner="", lease_until=None)
    reason = f"{why}: {step.problem}" if step.problem else why
    Run.objects.filter(pk=run.pk, state=RunState.RUNNING).update(state=RunState.STOPPED, stop_reason=reason)


def free(run: Run) -> int:
    """How many steps could be taken now."""
    return len(_ready(run, stopping=True))


def workers_at(run: Run) -> int:
    """How many are at it now."""
    running = run.steps.filter(state=StepState.RUNNING).annotate(clock=Now())
    return len({step.lease_owner for step in running if not may_be_taken(step, step.clock)})


def is_left(run: Run) -> bool:
    """Whether nobody is at any step of it."""
    return not workers_at(run)


def release(step: NightStep, who: Owner, problem: str = "") -> None:
    """Let go of a step that did not end: it may be taken again."""
    mine = NightStep.objects.filter(pk=step.pk, lease_owner=who.token, state=StepState.RUNNING)
    mine.update(state=StepState.WAITING, lease_owner="", lease_until=None, problem=problem)


def pass_over(run: Run, kinds: Iterable[str]) -> None:
    """Say that the steps of these kinds are done, in the transaction that did what they would have done."""
    NightStep.objects.filter(run=run, kind__in=list(kinds)).update(state=StepState.DONE)


def problems(run: Run) -> dict[str, str]:
    """Dataset -> why it could not be worked on, as the steps of the night as it was begun last have found."""
    found: dict[str, str] = {}
    for told in (
        NightStep.objects.filter(~Q(problems={}), run=run).order_by("position").values_list("problems", flat=True)
    ):
        found = {**found, **told}
    return found


def name_of(organisation: Organisation) -> str:
    """The lock under which a night begins and its steps are taken."""
    return f"steps {organisation.pk}"
