"""What each step of a night does: begin, collect, work, read, forget, close.

Collect → evaluate → lots → policy, approval, grace → claim → dispose → read back → independent reader →
evidence → summary. A register that cannot be reached is named and the night goes on with the others.
Every step can be killed and begun again, by whom ever: what is done is not done twice, and the end is the same.
"""

from __future__ import annotations

from collections import Counter, defaultdict

from django.db import transaction

from retention import canaries, replay, unchanged
from retention.collection import forget_dropped_sources
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
    Canary,
    Collection,
    DatasetNight,
    Lot,
    NightStep,
    Run,
)
from retention.models.canary import CanaryState
from retention.models.run import RunState
from retention.night_context import Asked, Night
from retention.night_lots import lift_blocks, withdraw_void_lots
from retention.night_reading import read_closed, read_register
from retention.night_work import collect_register, do_part, work_register
from retention.parts import PART
from retention.plan import Plan
from retention.runs import summary_row
from retention.steps import (
    BEGIN,
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
    with transaction.atomic():
        if fresh:
            _tell_start(night)
        if still is not None:
            still.write(night.run, night.log)
            pass_over(night.run, (COLLECT, WORK, READ, FORGET))
    _have_replay_keys(night)
    if still is not None:
        night.progress("unchanged", "", str(len(still.standing)))
        return
    withdraw_void_lots(night)
    lift_blocks(night)
    forget_dropped_sources(night.run, night.whole)


def _tell_start(night: Night) -> None:
    night.log.append(
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


def _have_replay_keys(night: Night) -> None:
    lost = replay.begin(night.organisation, night.whole, night.today)
    if lost:
        months = ", ".join(sorted(lost))
        night.step.problems["replay"] = (
            f"the key of {months} is lost: what went then is not known again if it comes back"
        )
        with transaction.atomic():
            night.step.save(update_fields=["problems"])
            night.log.append("replay_keys_lost", {"months": lost})


def _forget(night: Night) -> None:
    """Only where every register answered: what one of them did not tell may still need the ledger."""
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


def _of_canaries(run: Run) -> dict[str, dict[str, int]]:
    """How many are as they should be, and how many are not; nothing where nobody has declared any."""
    states = Counter(canaries.live(run.organisation).values_list("state", flat=True))
    states["vanished"] = Canary.objects.filter(
        organisation=run.organisation, state=CanaryState.VANISHED, looked_on=run.business_date
    ).count()
    return {"canaries": dict(sorted((+states).items()))} if +states else {}


def _close(night: Night) -> None:
    rows = []
    with transaction.atomic():
        standing = DatasetNight.objects.filter(run=night.run).exclude(unchanged_since=None)
        canaries.stand(night.run, night.plan, set(standing.values_list("dataset", flat=True)))
        outcomes: dict[str, Counter[str]] = defaultdict(Counter)
        estimated: dict[str, Counter[str]] = defaultdict(Counter)
        attempts = Attempt.objects.filter(run=night.run, state="outcome").order_by()
        for dataset, tally, by in attempts.values_list("lot__dataset", "tally", "lot__estimated"):
            outcomes[dataset].update(tally)
            if by:
                estimated[dataset].update(tally)
        for row in DatasetNight.objects.filter(run=night.run).order_by("register", "dataset"):
            counts = {**row.counts, "outcomes": dict(sorted(outcomes[row.dataset].items()))}
            if estimated[row.dataset]:
                counts["outcomes_estimated"] = dict(sorted(estimated[row.dataset].items()))
            if counts != row.counts:
                row.counts = counts
                row.save(update_fields=["counts"])
            rows.append(summary_row(row))
        run = night.run
        run.summary = {
            "datasets": rows,
            "problems": {**night.problems, **{row["dataset"]: row["problem"] for row in rows if row["problem"]}},
            "unheard": dict(
                Collection.objects.filter(run=run, complete=False).order_by("source").values_list("source", "problem")
            ),
            "unexplained": sum(row["unexplained"] or 0 for row in rows),
            "purged": sum(row["destroyed"] for row in rows),
            **_of_canaries(run),
            "waiting_lots": Lot.objects.filter(organisation=run.organisation, state__in=OPEN_STATES).count(),
        }
        ended = night.instant
        earlier = Run.objects.filter(organisation=run.organisation, business_date__lt=run.business_date)
        earlier.filter(state__in=[RunState.REQUESTED, RunState.RUNNING]).update(
            state=RunState.STOPPED, stop_reason=f"the night of {run.business_date} covered it"
        )
        run.state, run.finished_at, run.stop_reason = RunState.FINISHED, ended, ""
        run.save(update_fields=["state", "finished_at", "stop_reason", "summary"])
        night.log.append("night_finished", {"business_date": night.today.isoformat(), "summary": run.summary})
        sign_head(
            night.organisation.slug,
            night.today,
            night.log.chain,
            {key: run.summary[key] for key in ("unexplained", "purged", "waiting_lots")},
            signed_at=ended,
        )
    night.at("closed")
