"""What each step of a night does: begin, collect, work, read, forget, close.

Collect → evaluate → lots → policy, approval, grace → claim → dispose → read back → independent reader →
evidence → summary. A register that cannot be reached is named and the night goes on with the others.
Every step can be killed and begun again, by whom ever: what is done is not done twice, and the end is the same.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cached_property, partial

from django.db import transaction

from retention import replay, unchanged, unchanged_sources, verification
from retention.closed import closings
from retention.collection import collect, forget_dropped_sources
from retention.connectors.contract import Connector, ConnectorError
from retention.disposal import (
    OPEN_STATES,
    abandon,
    advance,
    approvals_needed,
    make_lots,
    open_lots,
    waiting_keys,
    withdraw,
)
from retention.domain.errors import NightError, SelosteError
from retention.domain.lifecycle import LotState, Outcome
from retention.domain.rules import Action
from retention.evaluation import Due, Question, evaluate
from retention.evidence_log import EvidenceLog, Journal, sign_head
from retention.flagging import block, taken_back, unblock
from retention.following import asking, question_of
from retention.forgetting import forget
from retention.identity import Names
from retention.leases import LeaseLost, Owner
from retention.lot_keys import LotKey, openable
from retention.models import (
    Attempt,
    Collection,
    DatasetNight,
    DatasetState,
    KeyOutcome,
    Lot,
    NightStep,
    RegisterEvent,
    Run,
)
from retention.models.run import RunState
from retention.plan import DatasetPlan, Plan, RegisterPlan, plan_of
from retention.purge import CHUNK, Stopped, Work, purge_chunk
from retention.runs import summary_row
from retention.selectors import connector_of, reachable
from retention.stepping import stepping, unfinished
from retention.steps import (
    BEGIN,
    CLOSED,
    COLLECT,
    FORGET,
    READ,
    WORK,
    pass_over,
    problems,
)
from retention.suppression_feed import unkept
from ropa.models import Organisation

CLOCK_TOLERANCE_SECONDS = 300.0

Progress = Callable[[str, str, str], None]
"""Told of each step: (step, register, dataset or detail)."""


def quiet(step: str, register: str, detail: str) -> None:
    """No one listens."""


@dataclass
class _Night:
    """What the steps of one night share. `plan`: the inventory without the registers that are
    closed, as it is when the step asks for it first."""

    run: Run
    whole: Plan
    step: NightStep
    log: EvidenceLog
    journal: Journal
    progress: Progress
    chunk: int
    at: Callable[[str], None]
    fence: Callable[[], None]
    now: datetime
    began: float = field(default_factory=time.monotonic)
    told: unchanged_sources.Told = field(default_factory=unchanged_sources.Told)

    @property
    def organisation(self) -> Organisation:
        return self.run.organisation

    @cached_property
    def closed(self) -> Mapping[str, RegisterEvent]:
        return closings(self.organisation)

    @cached_property
    def plan(self) -> Plan:
        return self.whole.without(self.closed)

    @property
    def today(self) -> date:
        return self.run.business_date

    @property
    def problems(self) -> Mapping[str, str]:
        """Dataset -> why it could not be worked on, whoever found it tonight."""
        return problems(self.run)


@dataclass(frozen=True)
class Asked:
    """How somebody wants to be at a night: told of what, and from when on his clock runs."""

    now: datetime
    progress: Progress = quiet
    chunk: int = CHUNK
    at: Callable[[str], None] = lambda point: None
    freed: Callable[[int], None] | None = None
    most_tries: int | None = None
    began: float = field(default_factory=time.monotonic)
    told: unchanged_sources.Told = field(default_factory=unchanged_sources.Told)


def do(run: Run, plan: Plan, step: NightStep, who: Owner, asking: Asked) -> None:
    """Do one step of a night. Raises Stopped if somebody stops it, LeaseLost if it is somebody else's by now."""
    night = _night(run, plan, step, who, asking)
    if step.kind == BEGIN:
        _begin(night)
    elif step.kind == FORGET:
        _forget(night)
    elif step.kind in {COLLECT, WORK, READ, CLOSED}:
        register = night.whole.find_register(step.register)
        if register is None:
            raise NightError(f"{step}: version {night.plan.digest} has no such register")
        {COLLECT: _collect, WORK: _work_register, READ: _read_register, CLOSED: _read_closed}[step.kind](
            night, register
        )
    else:
        _close(night)


def _night(run: Run, plan: Plan, step: NightStep, who: Owner, asking: Asked) -> _Night:
    def fence() -> None:
        who.fence(step)

    def at(point: str) -> None:
        asking.at(point)
        fence()

    return _Night(
        run,
        plan,
        step,
        EvidenceLog(run.organisation.slug, run.business_date.isoformat(), fence),
        Journal(run.organisation.slug, run.business_date),
        asking.progress,
        asking.chunk,
        at,
        fence,
        asking.now,
        asking.began,
        asking.told,
    )


def _begin(night: _Night) -> None:
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
    _withdraw_void_lots(night)
    _lift_blocks(night)
    forget_dropped_sources(night.run, night.whole)


def _tell_start(night: _Night) -> None:
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


def _have_replay_keys(night: _Night) -> None:
    lost = replay.begin(night.organisation, night.whole, night.today)
    if lost:
        months = ", ".join(sorted(lost))
        night.step.problems["replay"] = (
            f"the key of {months} is lost: what went then is not known again if it comes back"
        )
        with transaction.atomic():
            night.step.save(update_fields=["problems"])
            night.log.append("replay_keys_lost", {"months": lost})


def _withdraw_void_lots(night: _Night) -> None:
    """Take back every lot that may no longer be carried out; one with keys under way when its register is worked on."""
    worked = {dataset.code for register in night.plan.registers for dataset in _worked(night, register)}
    for lot in open_lots(night.organisation.pk):
        if not openable(lot):
            abandon(lot, "its keys cannot be opened: what is due is flagged anew, and the reader tells what is left")
            _problem(night, lot.register, lot.dataset, f"lot {lot.pk} could not be opened and was given up")
            continue
        why = _void(night, lot)
        if not why or (_under_way(lot) and lot.dataset in worked):
            continue
        try:
            _take_back(night, lot, why)
        except SelosteError as error:
            _problem(night, lot.register, lot.dataset, str(error))


def _lift_blocks(night: _Night) -> None:
    """What was blocked for a lot that will not be carried out is unblocked, as the lot's own version maps it."""
    for lot in taken_back(night.organisation.pk):
        plan = plan_of(lot.version)
        dataset = plan.find_dataset(lot.dataset)
        try:
            if dataset is None:
                raise NightError(f"lot {lot.pk} is of a dataset that its own version does not have")
            with Names(night.organisation, plan) as names, names.connect(dataset) as connector:
                unblock(lot, Question(night.organisation, plan, dataset, night.today), connector, night.log)
        except SelosteError as error:
            _problem(night, lot.register, lot.dataset, str(error))


def _void(night: _Night, lot: Lot) -> str:
    """Why a lot may no longer be carried out, whoever approved it; "" if it may (V1, V3)."""
    current = night.plan.find_dataset(lot.dataset)
    if current is None or (current.rules_digest, current.register) != (lot.rules_digest, lot.register):
        return "its rules are no longer in force"
    if current.policy.mode == "observe" or (current.policy.mode != "purge" and lot.state == LotState.CLAIMED):
        return "its policy purges no longer"
    if approvals_needed(current) > lot.approvals_needed:
        return "its policy asks for more approvals now"
    return ""


def _under_way(lot: Lot) -> bool:
    """Whether a chunk was in flight when a night was killed, or people were asked to dispose of something."""
    asked = lot.exceptions.filter(outcome=Outcome.PENDING)
    return bool(lot.attempts.filter(state="intent").exists() or asked.exists())


def _take_back(night: _Night, lot: Lot, why: str) -> None:
    """Withdraw a lot; what is under way is settled first, as the lot's own version maps it, and nothing more is sent.

    Raises SelosteError, and leaves the lot as it is, where the register cannot be asked.
    """
    if _under_way(lot):
        plan = plan_of(lot.version)
        register, dataset = plan.find_register(lot.register), plan.find_dataset(lot.dataset)
        if register is None or dataset is None:
            raise NightError(f"lot {lot.pk} is of a dataset that its own version does not have")
        with Names(night.organisation, plan) as names, names.connect(dataset) as connector:
            question = Question(night.organisation, plan, dataset, night.today)
            work = replace(_take(night, question, connector, lot, names), void=why)
            while purge_chunk(work):
                night.progress("recover", lot.register, lot.dataset)
    withdraw(lot, why)


def _collect(night: _Night, register: RegisterPlan, believe: bool = True) -> None:
    """Collect what a register tells the ledger; `believe`: leave out what stands, since nobody wrote it."""
    if not register.ledger:
        return
    night.progress("collect", register.code, "")
    try:
        with connector_of(night.organisation, register) as connector:
            tokens = unchanged_sources.sources(night.run, night.plan, night.told, register, connector)
            standing = unchanged_sources.take_over_sources(night.run, register, tokens) if believe else ()
            collect(night.run, register, connector, night.fence, tokens, standing)
    except (ConnectorError, SelosteError) as error:
        for source in register.ledger:
            Collection.objects.update_or_create(
                run=night.run,
                source=f"{register.code}:{source.code}",
                defaults={
                    "register": register.code,
                    "complete": False,
                    "problem": str(error),
                    "unchanged_since": None,
                    "token": "",
                },
            )
    night.at(f"collected {register.code}")


def _worked(night: _Night, register: RegisterPlan) -> list[DatasetPlan]:
    """The datasets of a register that we dispose of ourselves: those that follow others before those."""
    ours = [d for d in night.plan.worked_of(register.code) if d.enforced_by == "us" and d.mapping is not None]
    return sorted(ours, key=lambda dataset: not dataset.rules.follows)


def _work_register(night: _Night, register: RegisterPlan) -> None:
    datasets = _worked(night, register)
    standing = unchanged.basis(night.run, night.plan, night.told).standing(datasets, night.problems)
    if _collect_for(night, [dataset for dataset in datasets if dataset.code not in standing]):
        standing = unchanged.basis(night.run, night.plan, night.told).standing(datasets, night.problems)
    unchanged.take_over(night.run, datasets, standing, night.log)
    datasets = [dataset for dataset in datasets if dataset.code not in standing]
    if not datasets:
        return
    try:
        with connector_of(night.organisation, register) as connector, _names(night) as names:
            before = night.told.of(night.run, night.plan, register, connector)
            night.told.forget()
            health = connector.check()
            offset = health.clock_offset_seconds
            if offset is not None and abs(offset) > CLOCK_TOLERANCE_SECONDS:
                raise ConnectorError(f"its clock is {offset:.0f} seconds off ours", permanent=False)
            for dataset in datasets:
                _work_on(night, dataset, names.speaking(dataset, connector), names)
            unchanged_sources.account_for_own(night.run, night.plan, night.told, register, before, connector)
    except ConnectorError as error:
        for dataset in datasets:
            if night.problems.get(dataset.code) is None:
                _problem(night, dataset.register, dataset.code, str(error))


def _collect_for(night: _Night, datasets: Sequence[DatasetPlan]) -> bool:
    """Read what stood of the sources that these rest on: nothing goes because something seems not to have changed (V5).

    Whether anything was read.
    """
    kinds = {dataset.subject_kind for dataset in datasets if dataset.mapping is not None and dataset.mapping.subject}
    registers = unchanged_sources.believed(night.run, night.plan, kinds)
    for register in registers:
        _collect(night, register, believe=False)
    return bool(registers)


def _names(night: _Night) -> Names:
    return Names(night.organisation, night.plan)


def _work_on(night: _Night, dataset: DatasetPlan, connector: Connector, names: Names) -> None:
    """With what it follows at hand, and a step with what it makes something for."""
    asked = Question(night.organisation, night.plan, dataset, night.today)
    try:
        with asking(asked, names.connect) as question, stepping(asked, connector, names.connect) as carrying:
            _work_dataset(night, question, carrying, names)
    except Stopped:
        raise
    except SelosteError as error:
        _problem(night, dataset.register, dataset.code, str(error))


def _work_dataset(night: _Night, question: Question, connector: Connector, names: Names) -> None:
    dataset = question.dataset
    try:
        missing_rights = connector.check([question.mapping]).missing_rights
        for lot in open_lots(night.organisation.pk, dataset.code):
            why = _void(night, lot)
            if why:
                _take_back(night, lot, why)
        blind = _incomplete_sources(night, question) or unkept(night.run, night.plan, dataset.subject_kind)
        _recover(night, question, connector, names, blind)
        if blind:
            raise ConnectorError(f"the ledger is not complete tonight: {blind}", permanent=False)
        tonight = DatasetNight.objects.filter(run=night.run, dataset=dataset.code, problem="", unchanged_since=None)
        if not tonight.exists():
            _evaluate(night, question, connector)
        if missing_rights:  # before anything is sent: a chunk that half may go is none
            raise ConnectorError(f"rights are missing: {', '.join(missing_rights)}", permanent=True)
        for lot in open_lots(night.organisation.pk, dataset.code):
            if advance(lot, dataset, night.today):
                _purge(night, question, connector, names, lot)
            else:
                _block(night, question, connector, lot)
        _tell_residue(night, dataset)
    except Stopped:
        raise
    except SelosteError as error:
        _problem(night, dataset.register, dataset.code, str(error))


def _recover(night: _Night, question: Question, connector: Connector, names: Names, blind: str) -> None:
    """Bring every chunk that was in flight when a night was killed to its outcome, before anything is asked.

    On a night that is blind (V5) it is only found out what went; nothing more of it is sent.
    """
    for lot in Lot.objects.filter(
        organisation=night.organisation, dataset=question.dataset.code, attempts__state="intent"
    ).distinct():
        night.progress("recover", lot.register, lot.dataset)
        work = replace(_take(night, question, connector, lot, names), blind=bool(blind))
        while lot.attempts.filter(state="intent").exists():
            purge_chunk(work)


def _take(night: _Night, question: Question, connector: Connector, lot: Lot, names: Names) -> Work:
    needed = partial(names.still_needed, question.dataset)
    due = partial(unfinished, question, connector)
    return Work(
        lot,
        night.run,
        question,
        connector,
        night.log,
        night.journal,
        night.chunk,
        night.at,
        needed=needed,
        unfinished=due,
    )


def _purge(night: _Night, question: Question, connector: Connector, names: Names, lot: Lot) -> None:
    work = _take(night, question, connector, lot, names)
    while purge_chunk(work):
        sent = f"{lot.dataset} {work.lot.next_position}/{work.lot.size}"
        night.progress("purge", lot.register, sent)


def _block(night: _Night, question: Question, connector: Connector, lot: Lot) -> None:
    """A lot that cannot be blocked keeps no other of the dataset from going."""
    try:
        block(lot, question, connector, question.holds(), night.log, night.at)
    except SelosteError as error:
        if isinstance(error, Stopped | LeaseLost):
            raise
        _problem(night, lot.register, lot.dataset, str(error))


def _tell_residue(night: _Night, dataset: DatasetPlan) -> None:
    """What was found of deleted items when reading back is a problem: the reader, who asks for items, sees none."""
    found = KeyOutcome.objects.filter(attempt__run=night.run, lot__dataset=dataset.code).exclude(residue="")
    if where := sorted(set(found.values_list("residue", flat=True))):
        shown = f"{', '.join(where[:3])}{' …' if len(where) > 3 else ''}"
        _problem(
            night,
            dataset.register,
            dataset.code,
            f"of {found.count()} deleted items something is there still: {shown}",
        )


def _incomplete_sources(night: _Night, question: Question) -> str:
    """Which of tonight's collections, that this dataset's rules or those of what it follows rest on, failed (V5)."""
    theirs = (question_of(question, follow) for follow in question.dataset.rules.follows)
    return "; ".join(filter(None, (_incomplete(night, one) for one in (question, *theirs))))


def _incomplete(night: _Night, question: Question) -> str:
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


def _lot_key(item: Due) -> LotKey:
    return LotKey(item.key, item.subject, item.due_from, item.contract, item.name, item.dates)


def _evaluate(night: _Night, question: Question, connector: Connector) -> None:
    dataset = question.dataset
    night.progress("evaluate", dataset.register, dataset.code)
    holds = question.holds()
    lots = open_lots(night.organisation.pk, dataset.code)
    waiting = frozenset(key for lot in lots for key in waiting_keys(lot))
    found = evaluate(question, connector, holds, waiting)
    back = replay.returned(night.organisation, dataset.code, [_lot_key(item) for item in found.due])
    grouped: dict[tuple[Action, str], list[Due]] = defaultdict(list)
    for due in found.due:
        grouped[due.action, due.why.value].append(due)
    with transaction.atomic():
        counts = {state.value: n for state, n in sorted(found.counts.items())}
        DatasetNight.objects.update_or_create(
            run=night.run,
            dataset=dataset.code,
            defaults={"register": dataset.register, "counts": counts, "problem": "", "unchanged_since": None},
        )
        night.log.append("evaluated", {"register": dataset.register, "dataset": dataset.code, "counts": counts})
        _tell_returned(night, dataset, len(back))
        if dataset.policy.mode != "observe":
            for (action, why), items in sorted(grouped.items()):
                keys = [_lot_key(item) for item in items]
                make_lots(night.run, dataset, action, why, keys, night.log)
    night.at(f"evaluated {dataset.code}")


def _tell_returned(night: _Night, dataset: DatasetPlan, number: int) -> None:
    """In the caller's transaction: what had been destroyed is back, so its source was restored from a backup."""
    if number:
        night.log.append("returned", {"register": dataset.register, "dataset": dataset.code, "items": number})
        night.progress("returned", dataset.register, f"{dataset.code} {number}")


def _purge_returned(
    night: _Night, dataset: DatasetPlan, entries: Sequence[LotKey], went: Mapping[str, replay.Went]
) -> None:
    """What is back and whose person nobody knows any more goes again: its lot waits for the next night (D9)."""
    waiting = {key for lot in open_lots(night.organisation.pk, dataset.code) for key in waiting_keys(lot)}
    fresh = [entry for entry in entries if entry.key not in waiting]
    if not fresh or dataset.enforced_by != "us":
        return
    with transaction.atomic():
        _tell_returned(night, dataset, len(fresh))
        if dataset.policy.mode != "observe":
            for name in sorted({went[entry.key].action for entry in fresh}):
                keys = [entry for entry in fresh if went[entry.key].action == name]
                make_lots(night.run, dataset, Action(name), replay.WHY, keys, night.log)
        _problem(
            night,
            dataset.register,
            dataset.code,
            f"{len(fresh)} items are back that had been destroyed: the register was restored from a backup; "
            "from the next night on they go again, as far as the policy lets them",
        )


def _problem(night: _Night, register: str, dataset: str, problem: str) -> None:
    night.progress("problem", register, f"{dataset}: {problem}")
    night.step.problems[dataset] = problem
    with transaction.atomic():
        night.step.save(update_fields=["problems"])
        DatasetNight.objects.update_or_create(
            run=night.run, dataset=dataset, defaults={"register": register, "problem": problem}
        )
        night.log.append("problem", {"register": register, "dataset": dataset, "problem": problem})


def _read_register(night: _Night, register: RegisterPlan) -> None:
    """The independent reader asks again, with other code."""
    datasets = [dataset for dataset in night.plan.worked_of(register.code) if dataset.mapping is not None]
    basis = unchanged.basis(night.run, night.plan, night.told)
    standing = _not_read(night, basis, datasets)
    datasets = [dataset for dataset in datasets if dataset.code not in standing]
    if not datasets:
        return
    night.progress("read", register.code, "")
    unchanged.something_was_read(night.run)
    try:
        with connector_of(night.organisation, register) as connector, _names(night) as names:
            for dataset in datasets:
                try:
                    digest = basis.digest(dataset)
                    spoken = names.speaking(dataset, connector)
                    reading = verification.read(
                        night.plan, dataset, spoken, night.organisation, night.today, names.connect
                    )
                except SelosteError as error:
                    if dataset.code not in night.problems:
                        _problem(night, dataset.register, dataset.code, str(error))
                    continue
                _record_reading(night, dataset, reading)
                if reading.returned:
                    went = replay.returned(night.organisation, dataset.code, reading.returned)
                    _purge_returned(night, dataset, reading.returned, went)
                else:
                    unchanged.remember(basis, dataset, digest, connector, reading.overdue)
    except ConnectorError as error:
        for dataset in datasets:
            if dataset.code not in night.problems:
                _problem(night, dataset.register, dataset.code, str(error))


def _not_read(night: _Night, basis: unchanged.Basis, datasets: Sequence[DatasetPlan]) -> Mapping[str, DatasetState]:
    """Of these, what stands, and was not asked tonight either: its last reading stays with its own day."""
    asked = {code for code, row in basis.rows.items() if row.unchanged_since is None}
    standing = basis.standing(datasets, {*night.problems, *asked})
    unchanged.take_over(night.run, [d for d in datasets if d.code not in basis.rows], standing, night.log)
    return standing


def _read_closed(night: _Night, register: RegisterPlan) -> None:
    """A closed register that answers must be as it was left; one that does not answer is as it should be.

    It is asked as long as its connection is there, also after its backups have expired: what a forgotten password
    still opens, somebody still fills.
    """
    closing = night.closed.get(register.code)
    datasets = [dataset for dataset in night.whole.datasets_of(register.code) if dataset.mapping is not None]
    if closing is None or not reachable(night.organisation, register):
        return
    night.progress("read", register.code, "")
    told: dict[str, int | None] = {}
    with Names(night.organisation, night.whole) as names:
        for dataset in datasets:
            try:
                with names.connect(dataset) as connector:
                    reading = verification.verify_closed(dataset, connector, night.organisation, closing, night.today)
            except SelosteError:
                told[dataset.code] = None
                continue
            told[dataset.code] = reading.items
            if reading.alarm:
                _problem(night, dataset.register, dataset.code, reading.alarm)
                continue
            answer = verification.Reading(by_state=Counter({"held": reading.items} if reading.items else {}))
            _record_reading(night, dataset, answer)
    with transaction.atomic():
        night.log.append("closed_register_asked", {"register": register.code, "items": told})


def _record_reading(night: _Night, dataset: DatasetPlan, reading: verification.Reading) -> None:
    with transaction.atomic():
        night.fence()
        row, _ = DatasetNight.objects.get_or_create(
            run=night.run, dataset=dataset.code, defaults={"register": dataset.register}
        )
        row.counts = {**row.counts, **{f"left_{state}": n for state, n in sorted(reading.by_state.items())}}
        row.overdue_left = reading.overdue
        row.unexplained = reading.unexplained
        row.people_overdue = reading.people_overdue
        row.overdue_since = reading.overdue_since
        row.oldest_kept = reading.oldest_kept
        row.unchanged_since = None
        row.save()


def _forget(night: _Night) -> None:
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


def _close(night: _Night) -> None:
    rows = []
    with transaction.atomic():
        outcomes: dict[str, Counter[str]] = defaultdict(Counter)
        attempts = Attempt.objects.filter(run=night.run, state="outcome").order_by()
        for dataset, tally in attempts.values_list("lot__dataset", "tally"):
            outcomes[dataset].update(tally)
        for row in DatasetNight.objects.filter(run=night.run).order_by("register", "dataset"):
            counts = {**row.counts, "outcomes": dict(sorted(outcomes[row.dataset].items()))}
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
            "waiting_lots": Lot.objects.filter(organisation=run.organisation, state__in=OPEN_STATES).count(),
        }
        ended = night.now + timedelta(seconds=time.monotonic() - night.began)
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
