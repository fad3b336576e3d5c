"""One night of one organisation, from the collected ledger to the signed head.

Collect → evaluate → lots → policy, approval, grace → claim → dispose → read back → independent reader →
evidence → summary. A register that cannot be reached is named and the night goes on with the others.
Every step can be killed and the night started again: what is done is not done twice, and the end is the
same. A finished night started again is a no-op (P7).
"""

from __future__ import annotations

import fcntl
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from time import monotonic
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction

from retention import verification
from retention.collection import collect
from retention.connectors.contract import Connector, ConnectorError
from retention.disposal import OPEN_STATES, advance, approvals_needed, make_lots, open_lots, withdraw
from retention.domain.errors import NightError, SelosteError
from retention.domain.lifecycle import LotState, Outcome
from retention.domain.rules import Action
from retention.evaluation import Due, Question, evaluate
from retention.evidence_log import EvidenceLog, Journal, check_keys, sign_head
from retention.forgetting import forget
from retention.holds import active
from retention.lot_keys import LotKey, unpack
from retention.models import Attempt, Collection, DatasetNight, Lot, Run
from retention.models.run import RunState
from retention.plan import DatasetPlan, Plan, RegisterPlan, plan_of
from retention.purge import CHUNK, Stopped, Work, purge_chunk
from retention.selectors import connector_of
from ropa.models import Organisation
from ropa.selectors import version_in_force

GAP = timedelta(days=7)
"""A longer jump since the last night must be confirmed."""

CLOCK_TOLERANCE_SECONDS = 300.0

Progress = Callable[[str, str, str], None]
"""Told of each step: (step, register, dataset or detail)."""


def _quiet(step: str, register: str, detail: str) -> None:
    """No one listens."""


@dataclass
class _Night:
    """What the steps of one night share."""

    run: Run
    plan: Plan
    log: EvidenceLog
    journal: Journal
    progress: Progress
    chunk: int
    at: Callable[[str], None]
    problems: dict[str, str] = field(default_factory=dict)
    began: float = field(default_factory=monotonic)

    @property
    def organisation(self) -> Organisation:
        return self.run.organisation

    @property
    def today(self) -> date:
        return self.run.business_date


def request(organisation: Organisation, business_date: date, by: str, confirm_gap: bool = False) -> Run:
    """Ask for a night; a worker runs it. The row is the queue: a second request for the date is the first one's."""
    run, _ = Run.objects.get_or_create(
        organisation=organisation,
        business_date=business_date,
        defaults={"requested_by": by, "gap_confirmed": confirm_gap},
    )
    if run.state == RunState.STOPPED or (confirm_gap and not run.gap_confirmed):
        run.gap_confirmed = run.gap_confirmed or confirm_gap
        run.stop_requested = False
        run.state = RunState.REQUESTED if run.state == RunState.STOPPED else run.state
        run.save(update_fields=["gap_confirmed", "stop_requested", "state"])
    return run


def stop(run: Run, by: str, reason: str) -> None:
    """Stop a night within one chunk. Raises NightError if it is over."""
    changed = Run.objects.filter(pk=run.pk, state__in=[RunState.REQUESTED, RunState.RUNNING]).update(
        stop_requested=True, stop_reason=f"{reason} ({by})"
    )
    if not changed:
        raise NightError(f"the night of {run.business_date} is not running")


def run_night(
    organisation: Organisation,
    business_date: date,
    now: datetime,
    confirm_gap: bool = False,
    progress: Progress | None = None,
    by: str = "",
    chunk: int = CHUNK,
    at: Callable[[str], None] = lambda point: None,
) -> Run:
    """Run the night of `business_date`, or finish one that was interrupted. `now` is an aware instant.

    Raises NightError when it may not run: a date ahead, an unconfirmed gap, no version in force, another
    night running; EvidenceError when a key cannot be used. `chunk` is the number of keys sent at once; `at`
    is told of each point between two steps.
    """
    with _only_one(organisation):
        run = request(organisation, business_date, by, confirm_gap)
        if run.state == RunState.FINISHED:
            return run
        if run.state == RunState.REQUESTED and run.stop_requested:
            run.state = RunState.STOPPED
            run.save(update_fields=["state"])
            return run
        version = run.version or version_in_force(organisation, business_date)
        if version is None:
            raise NightError(f"{organisation.slug}: no published version is in force on {business_date}")
        _refuse_wrong_date(run, now)
        check_keys()
        plan = plan_of(version)
        run.version, run.state, run.stop_requested = version, RunState.RUNNING, False
        run.started_at = run.started_at or now
        run.missed_dates = [day.isoformat() for day in _missed(run)]
        run.save(update_fields=["version", "state", "stop_requested", "started_at", "missed_dates"])
        night = _Night(
            run,
            plan,
            EvidenceLog(organisation.slug, business_date.isoformat()),
            Journal(organisation.slug, business_date),
            progress or _quiet,
            chunk,
            at,
        )
        try:
            _walk(night, now)
        except Stopped as stopped:
            run.state, run.stop_reason = RunState.STOPPED, str(stopped)
            run.save(update_fields=["state", "stop_reason"])
            night.progress("stopped", "", str(stopped))
        return run


@contextmanager
def _only_one(organisation: Organisation) -> Iterator[None]:
    """One night at a time per organisation on this machine; the kernel lets go if the process dies."""
    directory = Path(settings.DATA_DIR) / "locks"
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / f"{organisation.slug}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise NightError(f"{organisation.slug}: another night is running") from None
        yield


def _last_finished(run: Run) -> date | None:
    earlier = Run.objects.filter(organisation=run.organisation, state=RunState.FINISHED)
    return (
        earlier.filter(business_date__lt=run.business_date)
        .order_by("-business_date")
        .values_list("business_date", flat=True)
        .first()
    )


def _missed(run: Run) -> list[date]:
    last = _last_finished(run)
    if last is None:
        return []
    return [last + timedelta(days=n) for n in range(1, (run.business_date - last).days)]


def _refuse_wrong_date(run: Run, now: datetime) -> None:
    here = now.astimezone(ZoneInfo(run.organisation.time_zone)).date()
    if run.business_date > here:
        raise NightError(f"{run.business_date} has not begun yet: it is {here}")
    later = Run.objects.filter(organisation=run.organisation, business_date__gt=run.business_date)
    if later.filter(state=RunState.FINISHED).exists():
        raise NightError(f"a later night than {run.business_date} has run already; it covered this date")
    last = _last_finished(run)
    if last is not None and run.business_date - last > GAP and not run.gap_confirmed:
        raise NightError(
            f"{(run.business_date - last).days} days since the last night ({last}): much may fall due at once; "
            "look first, then say --confirm-gap"
        )


def _walk(night: _Night, now: datetime) -> None:
    if not night.log.has("night_started"):
        with transaction.atomic():
            night.log.append(
                "night_started",
                {
                    "organisation": night.organisation.slug,
                    "business_date": night.today.isoformat(),
                    "version": night.run.version.number if night.run.version else None,
                    "version_digest": night.plan.digest,
                    "missed_dates": night.run.missed_dates,
                },
            )
    _void_superseded_rules(night)
    for register in night.plan.registers:
        _collect(night, register)
    for register in night.plan.registers:
        _work_register(night, register)
    for register in night.plan.registers:
        _read_register(night, register)
    _forget(night)
    _close(night, now)


def _void_superseded_rules(night: _Night) -> None:
    """A lot whose rules are no longer in force is taken back; of what was sent already it is found out what went."""
    for lot in open_lots(night.organisation.pk):
        why = _voided(lot, night.plan.find_dataset(lot.dataset))
        if not why:
            continue
        try:
            _find_out(night, lot, why)
        except Stopped:
            raise
        except SelosteError as error:
            night.progress("problem", lot.register, f"{lot.dataset}: {error}")
            continue
        lot.refresh_from_db()
        if lot.state in OPEN_STATES:
            withdraw(lot, why)


def _voided(lot: Lot, current: DatasetPlan | None) -> str:
    """Why nothing more of a lot may go as it is; empty where it may."""
    if current is None or current.rules_digest != lot.rules_digest:
        return "its rules are no longer in force"
    if lot.approvals_needed < approvals_needed(current):
        return "its policy wants more approvals now"
    if lot.state == LotState.CLAIMED and current.policy.mode != "purge":
        return f"its policy is {current.policy.mode} now"
    return ""


def _find_out(night: _Night, lot: Lot, why: str) -> None:
    """What became of a chunk in flight, as its own version maps it; what other people were asked for is called back.

    Raises ConnectorError if nobody answers.
    """
    sent = lot.attempts.filter(state="intent").exists()
    if not sent and not lot.exceptions.filter(outcome=Outcome.PENDING).exists():
        return
    plan = plan_of(lot.version)
    dataset, register = plan.find_dataset(lot.dataset), plan.find_register(lot.register)
    if dataset is None or register is None:
        raise NightError(f"version {lot.version.number} does not know it")
    night.progress("recover", lot.register, lot.dataset)
    with connector_of(night.organisation, register) as connector:
        question = Question(night.organisation, plan, dataset, night.today)
        work = replace(_take(night, question, connector, lot), void=why)
        while purge_chunk(work):
            night.progress("recover", lot.register, lot.dataset)


def _collect(night: _Night, register: RegisterPlan) -> None:
    if not register.ledger:
        return
    night.progress("collect", register.code, "")
    try:
        with connector_of(night.organisation, register) as connector:
            collect(night.run, register, connector)
    except (ConnectorError, SelosteError) as error:
        for source in register.ledger:
            Collection.objects.update_or_create(
                run=night.run,
                source=f"{register.code}:{source.code}",
                defaults={"register": register.code, "complete": False, "problem": str(error)},
            )
    night.at(f"collected {register.code}")


def _work_register(night: _Night, register: RegisterPlan) -> None:
    datasets = [d for d in night.plan.datasets_of(register.code) if d.enforced_by == "us" and d.mapping is not None]
    if not datasets:
        return
    try:
        with connector_of(night.organisation, register) as connector:
            health = connector.check()
            offset = health.clock_offset_seconds
            if offset is not None and abs(offset) > CLOCK_TOLERANCE_SECONDS:
                raise ConnectorError(f"its clock is {offset:.0f} seconds off ours", permanent=False)
            for dataset in datasets:
                _work_dataset(night, dataset, connector)
    except ConnectorError as error:
        for dataset in datasets:
            if night.problems.get(dataset.code) is None:
                _problem(night, dataset, str(error))


def _work_dataset(night: _Night, dataset: DatasetPlan, connector: Connector) -> None:
    question = Question(night.organisation, night.plan, dataset, night.today)
    try:
        connector.check([question.mapping])
        blind = _incomplete_sources(night, question)
        _recover(night, question, connector, blind)
        if blind:
            raise ConnectorError(f"the ledger is not complete tonight: {blind}", permanent=False)
        if not DatasetNight.objects.filter(run=night.run, dataset=dataset.code, problem="").exists():
            _evaluate(night, question, connector)
        for lot in open_lots(night.organisation.pk, dataset.code):
            if not _voided(lot, dataset) and advance(lot, dataset, night.today):
                _purge(night, question, connector, lot)
    except Stopped:
        raise
    except SelosteError as error:
        _problem(night, dataset, str(error))


def _recover(night: _Night, question: Question, connector: Connector, blind: str) -> None:
    """Bring every chunk that was in flight when a night was killed to its outcome, before anything is asked.

    On a night that is blind (V5) it is only found out what went; nothing more of it is sent.
    """
    for lot in open_lots(night.organisation.pk, question.dataset.code):
        if _voided(lot, question.dataset) or not lot.attempts.filter(state="intent").exists():
            continue
        night.progress("recover", lot.register, lot.dataset)
        work = replace(_take(night, question, connector, lot), blind=bool(blind))
        while lot.attempts.filter(state="intent").exists():
            purge_chunk(work)


def _take(night: _Night, question: Question, connector: Connector, lot: Lot) -> Work:
    return Work(lot, night.run, question, connector, night.log, night.journal, night.chunk, night.at)


def _purge(night: _Night, question: Question, connector: Connector, lot: Lot) -> None:
    work = _take(night, question, connector, lot)
    while purge_chunk(work):
        sent = f"{lot.dataset} {work.lot.next_position}/{work.lot.size}"
        night.progress("purge", lot.register, sent)


def _incomplete_sources(night: _Night, question: Question) -> str:
    """Which of tonight's collections, that this dataset's rules rest on, did not complete (V5)."""
    if not question.asks_ledger:
        return ""
    wanted = question.ledger_events | question.opening_events
    wanted |= question.dataset.rules.facts - question.own_facts
    asked = Collection.objects.filter(run=night.run)
    problems = dict(asked.filter(complete=False).values_list("source", "problem"))
    complete = set(asked.filter(complete=True).values_list("source", flat=True))
    blind = []
    for register in night.plan.registers:
        for source in register.ledger:
            name = f"{register.code}:{source.code}"
            if source.subject_kind == question.dataset.subject_kind and source.tells & wanted and name not in complete:
                blind.append(f"{name}: {problems.get(name, 'was not collected')}")
    return "; ".join(blind)


def _evaluate(night: _Night, question: Question, connector: Connector) -> None:
    dataset = question.dataset
    night.progress("evaluate", dataset.register, dataset.code)
    holds = active(night.organisation, dataset.register, dataset.code, dataset.subject_kind)
    waiting = frozenset(
        entry.key
        for lot in open_lots(night.organisation.pk, dataset.code)
        if lot.keys is not None
        for entry in unpack(bytes(lot.keys))
    )
    found = evaluate(question, connector, holds, waiting)
    grouped: dict[tuple[Action, str], list[Due]] = defaultdict(list)
    for due in found.due:
        grouped[due.action, due.why.value].append(due)
    with transaction.atomic():
        counts = {state.value: n for state, n in sorted(found.counts.items())}
        DatasetNight.objects.update_or_create(
            run=night.run,
            dataset=dataset.code,
            defaults={"register": dataset.register, "counts": counts, "problem": ""},
        )
        night.log.append("evaluated", {"register": dataset.register, "dataset": dataset.code, "counts": counts})
        if dataset.policy.mode != "observe":
            for (action, why), items in sorted(grouped.items()):
                keys = [LotKey(item.key, item.subject, item.due_from, item.contract) for item in items]
                make_lots(night.run, dataset, action, why, keys, night.log)
    night.at(f"evaluated {dataset.code}")


def _problem(night: _Night, dataset: DatasetPlan, problem: str) -> None:
    night.problems[dataset.code] = problem
    night.progress("problem", dataset.register, f"{dataset.code}: {problem}")
    with transaction.atomic():
        DatasetNight.objects.update_or_create(
            run=night.run, dataset=dataset.code, defaults={"register": dataset.register, "problem": problem}
        )
        night.log.append("problem", {"register": dataset.register, "dataset": dataset.code, "problem": problem})


def _read_register(night: _Night, register: RegisterPlan) -> None:
    """The independent reader asks again, with other code."""
    datasets = [dataset for dataset in night.plan.datasets_of(register.code) if dataset.mapping is not None]
    if not datasets:
        return
    night.progress("read", register.code, "")
    try:
        with connector_of(night.organisation, register) as connector:
            for dataset in datasets:
                try:
                    reading = verification.read(night.plan, dataset, connector, night.organisation, night.today)
                except SelosteError as error:
                    if dataset.code not in night.problems:
                        _problem(night, dataset, str(error))
                    continue
                row, _ = DatasetNight.objects.get_or_create(
                    run=night.run, dataset=dataset.code, defaults={"register": register.code}
                )
                row.counts = {
                    **row.counts,
                    **{f"left_{state}": n for state, n in sorted(reading.by_state.items())},
                }
                row.overdue_left = reading.overdue
                row.unexplained = reading.unexplained
                row.people_overdue = reading.people_overdue
                row.overdue_since = reading.overdue_since
                row.oldest_kept = reading.oldest_kept
                row.save()
    except ConnectorError as error:
        for dataset in datasets:
            if dataset.code not in night.problems:
                _problem(night, dataset, str(error))


def _forget(night: _Night) -> None:
    """Only where every register answered: what one of them did not tell may still need the ledger."""
    if night.problems or Collection.objects.filter(run=night.run, complete=False).exists():
        return
    night.progress("forget", "", "")
    try:
        forgotten = forget(night.organisation, night.plan)
    except ConnectorError as error:
        night.progress("problem", "", str(error))
        return
    if forgotten.subjects or forgotten.contracts:
        with transaction.atomic():
            body = {"subjects": forgotten.subjects, "contracts": forgotten.contracts}
            night.log.append("ledger_forgot", body)
    night.at("forgot")


def _close(night: _Night, now: datetime) -> None:
    rows = []
    with transaction.atomic():
        for row in DatasetNight.objects.filter(run=night.run).order_by("register", "dataset"):
            outcomes: dict[str, int] = defaultdict(int)
            for tally in Attempt.objects.filter(run=night.run, lot__dataset=row.dataset, state="outcome").values_list(
                "tally", flat=True
            ):
                for outcome, n in tally.items():
                    outcomes[outcome] += n
            row.counts = {**row.counts, "outcomes": dict(sorted(outcomes.items()))}
            row.save(update_fields=["counts"])
            rows.append(summary_row(row))
        run = night.run
        run.summary = {
            "datasets": rows,
            "problems": {row["dataset"]: row["problem"] for row in rows if row["problem"]},
            "unheard": dict(
                Collection.objects.filter(run=run, complete=False).order_by("source").values_list("source", "problem")
            ),
            "unexplained": sum(row["unexplained"] or 0 for row in rows),
            "purged": sum(row["destroyed"] for row in rows),
            "waiting_lots": Lot.objects.filter(organisation=run.organisation, state__in=OPEN_STATES).count(),
        }
        ended = now + timedelta(seconds=monotonic() - night.began)
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
        )
    night.at("closed")


def summary_row(row: DatasetNight) -> dict[str, object]:
    """One dataset's numbers of a night, as the table, the API and the evidence show them; None: nobody answered."""
    outcomes = row.counts.get("outcomes", {})
    review = ("review", "trigger_missing", "rule_conflict")
    asked = not row.problem or any(name != "outcomes" and not name.startswith("left_") for name in row.counts)
    seen = asked or row.overdue_left is not None
    held = row.counts.get("left_held", row.counts.get("held", 0))
    to_review = sum(row.counts.get(f"left_{state}", row.counts.get(state, 0)) for state in review)
    return {
        "register": row.register,
        "dataset": row.dataset,
        "problem": row.problem,
        "due": row.counts.get("due", 0) if asked else None,
        "held": held if seen else None,
        "review": to_review if seen else None,
        "destroyed": sum(outcomes.get(name, 0) for name in ("destroyed", "anonymised", "unlinked", "recovered")),
        "refused": outcomes.get("refused", 0),
        "failed": outcomes.get("failed", 0),
        "pending": outcomes.get("pending", 0),
        "overdue_left": row.overdue_left,
        "unexplained": row.unexplained,
        "oldest_kept": row.oldest_kept.isoformat() if row.oldest_kept else None,
    }


def succeeded(run: Run) -> bool:
    """Whether nothing is overdue and unexplained, and every register that should answer did."""
    told = not run.summary["problems"] and not run.summary.get("unheard")
    return run.state == RunState.FINISHED and not run.summary["unexplained"] and told
