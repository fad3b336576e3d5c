"""What each step of a night does: begin, collect, work, read, forget, close.

Collect → evaluate → lots → policy, approval, grace → claim → dispose → read back → independent reader →
evidence → summary. A register that cannot be reached is named and the night goes on with the others.
Every step can be killed and begun again, by whom ever: what is done is not done twice, and the end is the same.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Mapping, Sequence
from typing import Any

from django.db import transaction

from retention import canaries, replay, residue, unchanged
from retention.collection import set_aside_dropped_sources
from retention.connectors.contract import ConnectorError
from retention.disposal import (
    OPEN_STATES,
)
from retention.domain.errors import NightError
from retention.evidence_log import EvidenceLog, Journal, sign_head
from retention.forgetting import forget
from retention.leases import Owner
from retention.models import (
    Attempt,
    Collection,
    DatasetNight,
    Lot,
    NightStep,
    Run,
)
from retention.models.run import RunState
from retention.night_context import Asked, Night
from retention.night_lots import lift_blocks, see_to_residue, withdraw_void_lots
from retention.night_reading import read_closed, read_register
from retention.night_work import collect_register, do_part, work_register
from retention.parts import PART
from retention.plan import Plan
from retention.purge import Stopped
from retention.runs import summary_row, uncounted
from retention.steps import (
    BEGIN,
    CLOSE,
    CLOSED,
    COLLECT,
    FORGET,
    READ,
    WORK,
    pass_over,
)


def do(run: Run, plan: Plan, step: NightStep, who: Owner, asking: Asked) -> None:
    """Do one step of a night. Raises Stopped if somebody stops it, LeaseLost if it is somebody else's by now."""
    night = _night(run, plan, step, who, asking)
    if step.kind == BEGIN:
        _begin(night)
    elif step.kind == FORGET:
        _forget(night)
    elif step.kind in {COLLECT, WORK, READ, CLOSED, PART}:
        register = night.whole.find_register(step.register)
        if register is None:
            raise NightError(f"{step}: version {night.plan.digest} has no such register")
        {
            COLLECT: collect_register,
            WORK: work_register,
            READ: read_register,
            CLOSED: read_closed,
            PART: do_part,
        }[step.kind](night, register)
    else:
        _close(night)


def _night(run: Run, plan: Plan, step: NightStep, who: Owner, asking: Asked) -> Night:
    def fence() -> None:
        who.fence(step)

    def at(point: str) -> None:
        asking.at(point)
        fence()

    return Night(
        run,
        plan,
        step,
        EvidenceLog(run.organisation.slug, run.business_date.isoformat(), fence),
        Journal(run.organisation.slug, run.business_date),
        asking.progress,
        asking.chunk,
        at,
        fence,
        lambda part: do(run, plan, part, who, asking),
        who,
        asking,
        asking.now,
        asking.began,
        asking.told,
    )


def _begin(night: Night) -> None:
    fresh = not night.log.has("night_started")
    still = unchanged.quiet(night.run, night.plan, night.told) if fresh else None
    if still is not None:
        _pass_quietly(night, still)
        return
    if fresh:
        with transaction.atomic():
            night.log.append(*_start(night))
    with transaction.atomic():
        if lost := _lost_replay_keys(night):
            night.log.append(*lost)
    withdraw_void_lots(night)
    lift_blocks(night)
    set_aside_dropped_sources(night.run, night.whole)


def _pass_quietly(night: Night, still: unchanged.Quiet) -> None:
    """The night from its beginning to its head, in one transaction: of its other steps nothing is left to be done.

    Where registers are closed they are asked in their own steps, whether they are as they were left, and it ends after
    them: of a closed register nothing stands.
    """
    with transaction.atomic():
        night.fence()  # our step first, then others, then the run: who begins it anew locks them in this order too
        rows = still.write(night.run)
        told = [_start(night)]
        if rows:
            told.append(still.told(rows))
        if lost := _lost_replay_keys(night):
            told.append(lost)
        pass_over(night.run, (COLLECT, WORK, READ, FORGET, *(() if night.closed else (CLOSE,))))
        if night.closed:
            night.log.append_all(told)
        else:
            _end(night, rows, night.step.problems, {}, told)
    night.progress("unchanged", "", str(len(still.standing)))
    if not night.closed:
        night.asking.at("closed")


_Entry = tuple[str, Mapping[str, Any]]
"""The kind and the body of an entry of the evidence."""


def _start(night: Night) -> _Entry:
    return (
        "night_started",
        {
            "organisation": night.organisation.slug,
            "business_date": night.today.isoformat(),
            "version": night.run.version.number if night.run.version else None,
            "version_digest": night.plan.digest,
            "missed_dates": night.run.missed_dates,
            **({"falls_confirmed": night.run.falls_confirmed} if night.run.falls_confirmed else {}),
        },
    )


def _lost_replay_keys(night: Night) -> _Entry | None:
    """Have the keys by which what went is known again; in the caller's transaction, which tells which are lost."""
    lost = replay.begin(night.organisation, night.whole, night.today)
    if not lost:
        return None
    months = ", ".join(sorted(lost))
    night.step.problems["replay"] = f"the key of {months} is lost: what went then is not known again if it comes back"
    night.step.save(update_fields=["problems"])
    return "replay_keys_lost", {"months": lost}


def _forget(night: Night) -> None:
    """Only where every register answered: what one of them did not tell may still need the ledger."""
    worked = set(NightStep.objects.filter(run=night.run, kind=WORK).values_list("register", flat=True))
    see_to_residue(night, [lot for lot in residue.lots(night.organisation) if lot.register not in worked])
    if night.problems or Collection.objects.filter(run=night.run, complete=False).exists():
        return
    before = unchanged.ledgers(night.run, night.plan)
    if unchanged.nothing_to_forget(night.run, night.plan, before):
        return
    night.progress("forget", "", "")
    try:
        forgotten = forget(night.organisation, night.plan)
    except ConnectorError as error:
        night.progress("problem", "", str(error))
        night.step.problems["forgetting"] = str(error)
        with transaction.atomic():
            night.fence()
            night.step.save(update_fields=["problems"])
        return
    if forgotten.subjects or forgotten.contracts:
        with transaction.atomic():
            body = {"subjects": forgotten.subjects, "contracts": forgotten.contracts}
            night.log.append("ledger_forgot", body)
    unchanged.nothing_is_left_to_forget(before)
    night.at("forgot")


def _sign_uncounted(night: Night) -> None:
    """What a night that never came to its end destroyed stands in its own chain, with which no later night goes on."""
    for before in uncounted(night.run):
        slug, chain = night.organisation.slug, before.business_date.isoformat()
        if EvidenceLog(slug, chain).digests():
            sign_head(slug, before.business_date, chain, {"nights_broken_off": 1}, signed_at=night.instant)


def _of_canaries(night: Night, unchanged: Container[str]) -> dict[str, dict[str, int]]:
    """How many are as they should be, and how many are not; nothing where nobody has declared any.

    `unchanged`: datasets of which nobody was asked, so that theirs are judged by the day alone.
    """
    tonight = canaries.of_night(night.run)
    standing = [one for one in tonight if one.dataset in unchanged and one.state not in canaries.OVER]
    if standing:
        canaries.stand(night.run, night.plan, standing)
    canaries.unread(night.plan, (one for one in tonight if one.state not in canaries.OVER))
    states = Counter(one.state for one in tonight if canaries.counts(one, night.today))
    return {"canaries": dict(sorted(states.items()))} if states else {}


def _close(night: Night) -> None:
    with transaction.atomic():
        night.fence()
        rows = _with_outcomes(night.run)
        unheard = Collection.objects.filter(run=night.run, complete=False).order_by("source")
        _end(night, rows, night.problems, dict(unheard.values_list("source", "problem")))
    night.asking.at("closed")


def _with_outcomes(run: Run) -> list[DatasetNight]:
    """The night's table with what became of what was sent, tonight and in nights that never came to their end."""
    outcomes: dict[str, Counter[str]] = defaultdict(Counter)
    estimated: dict[str, Counter[str]] = defaultdict(Counter)
    attempts = Attempt.objects.filter(run__in=[run, *uncounted(run)], state="outcome").order_by()
    registers: dict[str, str] = {}
    for register, dataset, tally, by in attempts.values_list(
        "lot__register", "lot__dataset", "tally", "lot__estimated"
    ):
        registers[dataset] = register
        outcomes[dataset].update(tally)
        if by:
            estimated[dataset].update(tally)
    rows = list(DatasetNight.objects.filter(run=run))
    for dataset in sorted(registers.keys() - {row.dataset for row in rows}):  # which this version has no more
        rows.append(DatasetNight.objects.create(run=run, register=registers[dataset], dataset=dataset, counts={}))
    for row in rows:
        counts = {**row.counts, "outcomes": dict(sorted(outcomes[row.dataset].items()))}
        if estimated[row.dataset]:
            counts["outcomes_estimated"] = dict(sorted(estimated[row.dataset].items()))
        if counts != row.counts:
            row.counts = counts
            row.save(update_fields=["counts"])
    return rows


def _end(
    night: Night,
    rows: Sequence[DatasetNight],
    problems: Mapping[str, str],
    unheard: Mapping[str, str],
    told: Sequence[_Entry] = (),
) -> None:
    """Sum up, finish the run and sign its head, in the caller's transaction. `told`: entries not written yet.

    Raises Stopped if somebody stops it in this moment: then it is not finished.
    """
    run = night.run
    datasets = [summary_row(row) for row in sorted(rows, key=lambda row: (row.register, row.dataset))]
    run.summary = {
        "datasets": datasets,
        "problems": {**problems, **{row.dataset: row.problem for row in rows if row.problem}},
        "unheard": dict(unheard),
        "unexplained": sum(row.unexplained or 0 for row in rows),
        "purged": sum(row["destroyed"] for row in datasets),
        **_of_canaries(night, {row.dataset for row in rows if row.unchanged_since is not None}),
        "waiting_lots": Lot.objects.filter(organisation=run.organisation, state__in=OPEN_STATES).count(),
    }
    ended = night.instant
    _sign_uncounted(night)
    earlier = Run.objects.filter(organisation=run.organisation, business_date__lt=run.business_date)
    earlier.filter(state__in=[RunState.REQUESTED, RunState.RUNNING]).update(
        state=RunState.STOPPED, stop_reason=f"the night of {run.business_date} covered it"
    )
    state = {"state": RunState.FINISHED, "finished_at": ended, "stop_reason": "", "summary": run.summary}
    if not Run.objects.filter(pk=run.pk, stop_requested=False).update(**state):
        raise Stopped(Run.objects.values_list("stop_reason", flat=True).get(pk=run.pk))
    run.state, run.finished_at, run.stop_reason = RunState.FINISHED, ended, ""
    finished = {"business_date": night.today.isoformat(), "summary": run.summary}
    night.log.append_all([*told, ("night_finished", finished)])
    sign_head(
        night.organisation.slug,
        night.today,
        night.log.chain,
        {key: run.summary[key] for key in ("unexplained", "purged", "waiting_lots")},
        signed_at=ended,
    )
