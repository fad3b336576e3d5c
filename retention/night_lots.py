"""What a night does with lots: take back what is void, finish what was in flight, purge, block, tell what is left."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from django.db import transaction

from retention import breakers, replay, residue, waves
from retention.connectors.contract import Connector
from retention.disposal import (
    abandon,
    advance,
    approvals_needed,
    make_lots,
    open_lots,
    withdraw,
)
from retention.domain.errors import NightError, SelosteError
from retention.domain.lifecycle import LotState, Outcome
from retention.flagged_since import Changed
from retention.flagging import block, taken_back, unblock
from retention.identity import Names
from retention.leases import LeaseLost
from retention.lot_keys import openable
from retention.models import (
    Lot,
)
from retention.night_context import Night, tell_problem
from retention.night_parts import in_hand
from retention.order import in_order, needed
from retention.plan import DatasetPlan, RegisterPlan, plan_of
from retention.purge import Stopped, Work, purge_chunk, refuse_if_stopped
from retention.question import Question
from retention.stepping import unfinished


def worked(night: Night, register: RegisterPlan) -> list[DatasetPlan]:
    """The datasets of a register that we dispose of ourselves, in their order."""
    ours = [d for d in night.plan.worked_of(register.code) if d.enforced_by == "us" and d.mapping is not None]
    return in_order(ours, register.code)


def withdraw_void_lots(night: Night) -> None:
    """Take back every lot that may no longer be carried out; one with keys under way when its register is worked on."""
    ours = {dataset.code for register in night.plan.registers for dataset in worked(night, register)}
    for lot in open_lots(night.organisation.pk):
        if not openable(lot):
            abandon(lot, "its keys cannot be opened: what is due is flagged anew, and the reader tells what is left")
            tell_problem(night, lot.register, lot.dataset, f"lot {lot.pk} could not be opened and was given up")
            continue
        why = void(night, lot)
        if not why or (_under_way(lot) and lot.dataset in ours):
            continue
        try:
            take_back(night, lot, why)
        except SelosteError as error:
            tell_problem(night, lot.register, lot.dataset, str(error))


def lift_blocks(night: Night) -> None:
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
            tell_problem(night, lot.register, lot.dataset, str(error))


def void(night: Night, lot: Lot) -> str:
    """Why a lot may no longer be carried out, whoever approved it; "" if it may (V1, V3)."""
    current = night.plan.find_dataset(lot.dataset)
    if current is None or (current.rules_digest, current.register) != (lot.rules_digest, lot.register):
        return "its rules are no longer in force"
    if current.policy.mode == "observe" or (current.policy.mode != "purge" and lot.state == LotState.CLAIMED):
        return "its policy purges no longer"
    if approvals_needed(current) > lot.approvals_needed:
        return "its policy asks for more approvals now"
    if _without_its_wave(lot, current):
        return "its policy asks for waves now"
    return ""


def _without_its_wave(lot: Lot, current: DatasetPlan) -> bool:
    """Whether it is of a backlog that goes in waves by now, and was flagged as a whole; of what has begun to go, no."""
    if not current.policy.waves or lot.wave is not None or lot.anew or lot.why == replay.WHY:
        return False
    return lot.state in {LotState.FLAGGED, LotState.APPROVED} and waves.asked_for(lot)


def _under_way(lot: Lot) -> bool:
    """Whether a chunk was in flight when a night was killed, or people were asked to dispose of something."""
    asked = lot.exceptions.filter(outcome=Outcome.PENDING)
    return bool(lot.attempts.filter(state="intent").exists() or asked.exists())


def take_back(night: Night, lot: Lot, why: str) -> None:
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


def recover(night: Night, question: Question, connector: Connector, names: Names, blind: str) -> None:
    """Bring every chunk that was in flight when a night was killed to its outcome, before anything is asked.

    On a night that is blind (V5) it is only found out what went; nothing more of it is sent. What a living worker has
    in flight, in a part of the step whose former worker died, is not touched.
    """
    for lot in Lot.objects.filter(
        organisation=night.organisation, dataset=question.dataset.code, attempts__state="intent"
    ).distinct():
        if lot.pk in in_hand(night, lot.dataset):
            continue
        night.progress("recover", lot.register, lot.dataset)
        work = replace(_take(night, question, connector, lot, names), blind=bool(blind))
        while lot.attempts.filter(state="intent").exists():
            purge_chunk(work)
        _flag_anew(night, question, work)


def asked_again(question: Question, lot: Lot) -> Question:
    """The question for a lot: what is due by substitutes is asked again by them; of what a backup brought back the
    group has gone, and its former destruction decides."""
    return question if lot.why == replay.WHY else replace(question, estimated=tuple(lot.estimated))


def _take(night: Night, question: Question, connector: Connector, lot: Lot, names: Names) -> Work:
    question = asked_again(question, lot)
    names_needed = partial(needed, night.organisation, night.plan, names, question.dataset)
    due = partial(unfinished, question, connector)
    return Work(
        lot,
        night.run,
        question,
        connector,
        night.log,
        night.journal,
        night.limits(lot.register).chunk(night.chunk),
        night.at,
        needed=names_needed,
        unfinished=due,
        closed=night.closed_now,
        changed=Changed(question, connector, lot, fresh=lot.run_id == night.run.pk and lot.pk > night.lots_before),
    )


def purge(night: Night, question: Question, connector: Connector, names: Names, lot: Lot) -> None:
    work = _take(night, question, connector, lot, names)
    limits = night.limits(lot.register)
    began, before = time.monotonic(), work.lot.next_position
    while purge_chunk(work):
        sent = f"{lot.dataset} {work.lot.next_position}/{work.lot.size}"
        night.progress("purge", lot.register, sent)
        if wait := limits.wait(work.lot.next_position - before, time.monotonic() - began):
            time.sleep(wait)
    for new in _flag_anew(night, question, work):  # of this very night: nothing drops out of it
        if advance(new, question.dataset, night.today):
            purge(night, question, connector, names, new)
        else:
            block_lot(night, question, connector, new)


def _flag_anew(night: Night, question: Question, work: Work) -> list[Lot]:
    """What is due otherwise and so dropped out of its lot waits in another, of the same wave, unapproved (V3).

    Where that is much, it waits for a person under every policy.
    """
    if not isinstance(work.changed, Changed) or not work.changed.otherwise:
        return []
    dataset = question.dataset
    with transaction.atomic():
        lots = [
            lot
            for (action, why), keys in sorted(work.changed.lots().items())
            for lot in make_lots(night.run, dataset, action, why.value, keys, night.log, wave=work.lot.wave, anew=True)
        ]
        breaker = breakers.trip_anew(night.run, dataset, lots, night.log)
    if breaker is not None:
        night.progress("breaker", dataset.register, f"{dataset.code}: {breaker.value}")
    return lots


def block_lot(night: Night, question: Question, connector: Connector, lot: Lot) -> None:
    """A lot that cannot be blocked keeps no other of the dataset from going. A stop is heard before each chunk."""
    if night.closed_now(lot.register):
        return
    question = asked_again(question, lot)

    def at(point: str) -> None:
        night.at(point)
        refuse_if_stopped(night.run, lot.register)

    try:
        block(lot, question, connector, question.holds(), night.log, at)
    except SelosteError as error:
        if isinstance(error, Stopped | LeaseLost):
            raise
        tell_problem(night, lot.register, lot.dataset, str(error))


def see_to_residue(night: Night, lots: Sequence[Lot]) -> None:
    """What was found of deleted items is looked for again, and a problem as long as it is there and nobody said why.

    Where it lies is what the lot's own version says: a later one may name another place, or not have the dataset. The
    reader, who asks for items, sees none of it.
    """
    named = frozenset(night.problems)
    for lot in lots:
        if residue.kept(lot, night.today):
            continue
        try:
            told = _left_of(night, lot)
        except SelosteError as error:
            if isinstance(error, LeaseLost):
                raise
            told = str(error)
        if told and lot.dataset not in named:
            tell_problem(night, lot.register, lot.dataset, told)


def _left_of(night: Night, lot: Lot) -> str:
    """What is left of a lot's items, in words; of tonight's lots that was read already."""
    if lot.attempts.exclude(run=night.run).exists():
        residue.look_at_night(lot, night.log)
    where = residue.where(lot)
    if not where:
        return ""
    shown = f"{', '.join(where[:3])}{' …' if len(where) > 3 else ''}"
    return f"of {residue.items(lot)} deleted items something is there still: {shown} (lot {lot.pk})"
