"""Holds, stops, and the one gate that orders them against claims (D2).

Placing a hold takes an organisation's gate alone, a claim takes it together with other claims; neither is
kept during an outside call. The order of commits decides: a hold that commits before a claim saves its keys,
and a claim reads the gate's epoch again just before each disposal. On SQLite every transaction is IMMEDIATE,
so the database itself is the gate; on PostgreSQL it is an advisory lock of the transaction (a row lock
FOR SHARE would let a stream of claims starve the hold).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef
from django.utils import timezone
from django.utils.translation import gettext
from simple_history.utils import update_change_reason

from retention import database_locks, remembered
from retention.domain import rules
from retention.domain.errors import DocumentError, EvidenceError, LifecycleError, Problem
from retention.domain.lifecycle import GONE, RETRIED, LotState, Outcome
from retention.ledger import LONGEST, among, known_to_ledger
from retention.lot_keys import unpack
from retention.models import (
    Attempt,
    Gate,
    Hold,
    HoldSubject,
    KeyOutcome,
    LedgerContract,
    LedgerEvent,
    LedgerFact,
    Lot,
    StopEvent,
)
from retention.plan import DatasetPlan, Plan, plan_of
from ropa.models import Organisation, Version
from ropa.selectors import content_of, light, light_in_force

UNNAMED = "\0"
"""Under which key the holds stand that keep items without a person."""

REASONS = ("legal_proceedings", "dispute", "request", "authority")
"""Why a person suspends disposal: proceedings, a dispute, a request under art. 15, 18 or 21, an authority's request."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A hold, and what it came in time for: keys it saved from open lots, keys in flight, keys that are gone.

    In flight is also what other people were asked to dispose of: the order is called back by the next night only.

    Counted over the lots whose keys are still known; what was verified earlier is gone without being counted.

    unknown  persons of whom neither the ledger nor such a lot knows: whose number is written wrong is not protected
    """

    hold: Hold
    saved: int
    in_flight: int
    gone: int
    unknown: int


def place(
    organisation: Organisation,
    subjects: Sequence[tuple[str, str]],
    reason: str,
    note: str,
    owner: str,
    start: date,
    review_by: date,
    register: str = "",
    dataset: str = "",
    by: str = "",
) -> Placed:
    """Suspend disposal for these (subject kind, number); of nobody: for everybody in the scope.

    Never too late to be accepted. Raises DocumentError naming each field that is wrong; a kind of subject that nothing
    here is about is one of them, and so is a register or dataset that is nowhere, or that a version which is published
    for a day ahead takes away, and a number with something in it that nobody sees: such a hold would protect nobody,
    now or from that day on.
    """
    with transaction.atomic():
        together_with_no_publishing(organisation)
        unknown = _unknown_kinds(organisation, {kind for kind, _ in subjects})
        versions = _versions_to_come(organisation)
        scope = lacking([content_of(one) for one in versions], register, dataset)
        scope = scope or list(_losing(versions, register, dataset))
        strangers = _strangers(organisation, subjects)
        _refuse_wrong(subjects, strangers, unknown, scope, reason, owner, start, review_by)
        gate = _gate_alone(organisation)
        Gate.objects.filter(pk=gate.pk).update(epoch=F("epoch") + 1)
        gate.refresh_from_db()
        hold = Hold(
            organisation=organisation,
            register=register,
            dataset=dataset,
            reason=reason,
            note=note,
            owner=owner,
            start=start,
            review_by=review_by,
            epoch=gate.epoch,
        )
        hold.save()
        update_change_reason(hold, f"placed by {by or owner}")
        HoldSubject.objects.bulk_create(
            HoldSubject(hold=hold, subject_kind=kind, subject=number) for kind, number in dict.fromkeys(subjects)
        )
        transaction.on_commit(partial(remembered.tell_hold, hold, tuple(subjects)))
        return _placed(hold, frozenset(subjects), strangers)


def _unknown_kinds(organisation: Organisation, kinds: set[str]) -> set[str]:
    """Of these kinds of subject, those that neither the inventory nor the ledger speaks of."""
    version = organisation.versions.standing().order_by("-number").first()
    if version is None:
        return set()
    plan = plan_of(version)
    known = {dataset.subject_kind for dataset in plan.datasets}
    known |= {source.subject_kind for register in plan.registers for source in register.ledger}
    known |= {kind for register in plan.registers for kind in register.announced}
    return {
        kind
        for kind in kinds - known
        if not any(
            table._default_manager.filter(organisation=organisation, subject_kind=kind).exists()
            for table in (LedgerContract, LedgerEvent, LedgerFact)
        )
    }


def _strangers(organisation: Organisation, subjects: Sequence[tuple[str, str]]) -> frozenset[tuple[str, str]]:
    """Those of whom the ledger does not know."""
    known: set[tuple[str, str]] = set()
    for kind in {kind for kind, _ in subjects}:
        numbers = [number for one, number in subjects if one == kind]
        known |= {(kind, number) for number, _ in known_to_ledger(organisation, kind, numbers)}
    return frozenset(subjects) - known


def _is_all_seen(number: str) -> bool:
    """Whether people see all of it: no spaces around it, nothing without a width, as texts copied from pages have."""
    return number == number.strip() and not any(unicodedata.category(one) in _UNSEEN for one in number)


_UNSEEN = {"Cc", "Cf", "Zl", "Zp"}


def together_with_no_publishing(organisation: Organisation) -> None:
    """In the caller's transaction: of a hold and a version that takes its place away one sees the other.

    No lock on the organisation's row: a claim, which a hold waits for, needs that row itself.
    """
    database_locks.together(f"places of holds {organisation.pk}")


def alone_without_holds(organisation: Organisation) -> None:
    """The same of whoever publishes."""
    database_locks.alone(f"places of holds {organisation.pk}")


def _versions_to_come(organisation: Organisation) -> list[Version]:
    """What nights from today on go by: the version in force, and of each day ahead the last that was published."""
    today = organisation.day_of(timezone.now())
    current = light_in_force(organisation, today)
    ahead = light(organisation.versions.standing().filter(in_force_from__gt=today))
    ahead = ahead if current is None else ahead.filter(number__gt=current.number)
    return [*([] if current is None else [current]), *{version.in_force_from: version for version in ahead}.values()]


def _losing(versions: Sequence[Version], register: str, dataset: str) -> Iterator[Problem]:
    """The first of these that has no more what an earlier one has: publishing it could not see this hold."""
    had = False
    for version in versions:
        problems = lacking([content_of(version)], register, dataset)
        if had and problems:
            told = gettext(
                "version %(number)s, which is in force from %(day)s, does not have it there: the hold would protect "
                "nobody from then on. Hold without naming a register or dataset, or withdraw that version first"
            )
            yield Problem(problems[0].path, told % {"number": version.number, "day": version.in_force_from})
            return
        had = had or not problems


def lacking(inventories: Sequence[Mapping[str, Any]], register: str, dataset: str) -> list[Problem]:
    """What of a hold's scope stands in none of these inventories; "" is everywhere."""
    registers = {one["id"] for inventory in inventories for one in inventory.get("registers") or ()}
    lies_in: dict[str, set[str]] = {}
    for inventory in inventories:
        for one in inventory.get("datasets") or ():
            lies_in.setdefault(one["id"], set()).add(one["register"])
    problems = []
    if register and register not in registers:
        problems.append(Problem("register", gettext("there is no register %(code)r") % {"code": register}))
    if dataset and dataset not in lies_in:
        problems.append(Problem("dataset", gettext("there is no dataset %(code)r") % {"code": dataset}))
    elif dataset and register in registers and register not in lies_in[dataset]:
        problems.append(
            Problem(
                "dataset",
                gettext("the dataset %(code)r is not in the register %(register)r")
                % {"code": dataset, "register": register},
            )
        )
    return problems


def _refuse_wrong(
    subjects: Sequence[tuple[str, str]],
    strangers: Collection[tuple[str, str]],
    unknown: set[str],
    scope: Sequence[Problem],
    reason: str,
    owner: str,
    start: date,
    review_by: date,
) -> None:
    problems = list(scope)
    for n, (kind, number) in enumerate(subjects):
        if not number.strip() or len(number) > LONGEST:
            problems.append(
                Problem(
                    f"subjects[{n}].number",
                    gettext("is missing or longer than %(most)s characters") % {"most": LONGEST},
                )
            )
        elif (kind, number) in strangers and not _is_all_seen(number):
            problems.append(
                Problem(f"subjects[{n}].number", gettext("has spaces around it, or something in it that nobody sees"))
            )
        if not kind or len(kind) > 20:
            problems.append(Problem(f"subjects[{n}].kind", gettext("is missing or longer than 20 characters")))
        elif kind in unknown:
            problems.append(
                Problem(f"subjects[{n}].kind", gettext("nothing here is about a %(kind)r") % {"kind": kind})
            )
    if reason not in REASONS:
        problems.append(
            Problem(
                "reason", gettext("%(reason)r is none of %(known)s") % {"reason": reason, "known": ", ".join(REASONS)}
            )
        )
    if not owner.strip():
        problems.append(Problem("owner", gettext("is missing: somebody must own a hold")))
    if review_by < start:
        problems.append(
            Problem("review_by", gettext("%(review_by)s lies before the hold starts") % {"review_by": review_by})
        )
    if problems:
        raise DocumentError(problems)


def release(hold: Hold, day: date, by: str) -> None:
    """End a hold: on `day` it holds no more. Raises LifecycleError if it has ended already or had not begun."""
    if day < hold.start:
        raise LifecycleError(
            gettext("hold %(pk)s starts on %(start)s: it cannot be released on %(day)s")
            % {"pk": hold.pk, "start": hold.start, "day": day}
        )
    with transaction.atomic():
        if Hold.objects.filter(pk=hold.pk, released=None).update(released=day, released_by=by) != 1:
            raise LifecycleError(gettext("hold %(pk)s was released already") % {"pk": hold.pk})
        hold.refresh_from_db()
        hold.save()  # writes its history
        update_change_reason(hold, f"released by {by}")
        transaction.on_commit(partial(remembered.tell_release, hold))


def active(
    organisation: Organisation,
    register: str,
    dataset: str,
    subject_kind: str,
    subjects: Collection[str | None] | None = None,
) -> Mapping[str, Sequence[rules.Hold]]:
    """Every hold in this scope, by subject; "" holds everybody. Released ones are there too: they move overdue days.

    With `subjects` only what holds one of them, or whoever has no number: a lot's people are few, those held are many.
    A hold on persons that names this register or dataset is under `UNNAMED` too: it keeps what tells no person (D2).
    """
    found: dict[str, tuple[rules.Hold, ...]] = {}
    holds = list(
        Hold.objects.filter(organisation=organisation, register__in=["", register], dataset__in=["", dataset])
        .annotate(named=Exists(HoldSubject.objects.filter(hold=OuterRef("pk"))))
        .order_by("start", "pk")
    )  # read once: one that comes meanwhile is not half there
    meant = {hold.pk: rules.Hold(hold.start, hold.released, hold.reason) for hold in holds}
    everybody = tuple(meant[hold.pk] for hold in holds if not hold.named)
    unnamed = tuple(meant[hold.pk] for hold in holds if hold.named and (hold.register or hold.dataset))
    found.update({who: on for who, on in (("", everybody), (UNNAMED, unnamed)) if on})
    persons = HoldSubject.objects.filter(hold__in=list(meant), subject_kind=subject_kind)
    if subjects is not None:
        persons = persons.filter(among([subject for subject in subjects if subject is not None]))
    told = persons.order_by("hold__start", "hold", "pk")
    once: dict[tuple[rules.Hold, ...], tuple[rules.Hold, ...]] = {}  # tens of thousands may be held alike
    for pk, subject in told.values_list("hold", "subject").iterator():
        theirs = (*found.get(subject, ()), meant[pk])
        found[subject] = once.setdefault(theirs, theirs)
    return found


def on(
    organisation: Organisation, plan: Plan, *datasets: DatasetPlan, subjects: Collection[str | None] | None = None
) -> Mapping[str, Sequence[rules.Hold]]:
    """`active` of any of these datasets, and of those whose rows go with their items.

    What keeps such rows because they tell no person keeps every item: whose row each takes along nobody knows.
    """
    found: dict[str, tuple[rules.Hold, ...]] = {}
    once: dict[tuple[rules.Hold, ...], tuple[rules.Hold, ...]] = {}
    along = [one for dataset in datasets for one in plan.going_with(dataset)]
    nobodys = {_scope(one) for one in along if one.mapping is not None and one.mapping.subject is None}
    for scope in dict.fromkeys(map(_scope, (*datasets, *along))):
        for subject, holds in active(organisation, *scope, subjects).items():
            who = "" if subject == UNNAMED and scope in nobodys else subject
            theirs = tuple(dict.fromkeys((*found.get(who, ()), *holds)))
            found[who] = once.setdefault(theirs, theirs)
    return found


def _scope(dataset: DatasetPlan) -> tuple[str, str, str]:
    return dataset.register, dataset.held_as, dataset.subject_kind


def of_item(holds: Mapping[str, Sequence[rules.Hold]], subject: str | None) -> tuple[rules.Hold, ...]:
    """The holds on one item: those on everybody, and those on its person; of an item that tells none, `UNNAMED`."""
    return (*holds.get("", ()), *holds.get(subject or UNNAMED, ()))


def holding(holds: Mapping[str, Sequence[rules.Hold]], subject: str | None, today: date) -> bool:
    """Whether one holds the item. Also one that starts later: a night may run past midnight, and it was placed."""
    return any(hold.released is None or hold.released > today for hold in of_item(holds, subject))


def alone_at_gate(organisation: Organisation) -> None:
    """Take the gate, and nobody else, until the caller's transaction ends.

    One order everywhere, or two wait for each other: the locks of steps and of places first, then the gate, then rows
    (the organisation's too), then chains of evidence and heads.
    """
    database_locks.alone(f"gate {organisation.pk}")


def _gate_alone(organisation: Organisation) -> Gate:
    alone_at_gate(organisation)
    gate, _ = Gate.objects.get_or_create(organisation=organisation)
    return gate


def next_epoch(organisation: Organisation) -> None:
    """In the caller's transaction: what is about to be sent is looked at once more before it is."""
    gate = _gate_alone(organisation)
    Gate.objects.filter(pk=gate.pk).update(epoch=F("epoch") + 1)


def claim_gate(organisation: Organisation) -> Gate:
    """Take the gate as a claim does, together with others, until the transaction ends; holds are read after it."""
    database_locks.together(f"gate {organisation.pk}")
    gate, _ = Gate.objects.get_or_create(organisation=organisation)
    return gate


def epoch_of(organisation: Organisation) -> int:
    """How many times a hold was placed or a stop pulled: another number than before says to read them again."""
    return Gate.objects.filter(organisation=organisation).values_list("epoch", flat=True).first() or 0


def stopped(organisation: Organisation) -> str:
    """Why nothing at all may be claimed: the master stop's reason; "" if it may."""
    gate = Gate.objects.filter(organisation=organisation).first()
    return (gate.stop_reason or "it was stopped") if gate is not None and gate.stopped else ""


def register_stopped(organisation: Organisation, register: str) -> str:
    """Why nothing may be claimed of this register; "" if it may."""
    gate = Gate.objects.filter(organisation=organisation).first()
    if gate is None or register not in gate.stopped_registers:
        return ""
    return gate.stop_reason or "it was stopped"


def refuse_unknown(organisation: Organisation, registers: Sequence[str]) -> None:
    """Raises DocumentError naming each of these that no published inventory has as a register."""
    known = {
        register.code for version in organisation.versions.standing() for register in plan_of(version).registers
    }  # of earlier ones too: what is stopped there must be able to go on
    if problems := [
        Problem(f"registers[{n}]", gettext("there is no register %(code)r") % {"code": code})
        for n, code in enumerate(registers)
        if code not in known
    ]:
        raise DocumentError(problems)


def stop(organisation: Organisation, registers: Sequence[str] | None, by: str, reason: str) -> None:
    """Claim nothing more, of these registers or (None) of any, from the next chunk on. Raises LifecycleError."""
    if not reason.strip():
        raise LifecycleError(gettext("a stop needs a reason"))
    with transaction.atomic():
        gate = _gate_alone(organisation)
        gate.stopped = gate.stopped or registers is None
        gate.stopped_registers = sorted({*gate.stopped_registers, *(registers or ())})
        gate.stop_reason = f"{reason} ({by})"
        _change(gate, by)


def resume(organisation: Organisation, registers: Sequence[str] | None, by: str) -> None:
    """Take a stop back: of these registers, or (None) every one."""
    with transaction.atomic():
        gate = _gate_alone(organisation)
        if registers is None:
            gate.stopped, gate.stopped_registers = False, []
        else:
            gate.stopped_registers = sorted(set(gate.stopped_registers) - set(registers))
        if not gate.stopped and not gate.stopped_registers:
            gate.stop_reason = ""
        _change(gate, by)


def _change(gate: Gate, by: str) -> None:
    gate.epoch += 1
    gate.save()
    StopEvent.objects.create(
        organisation_id=gate.organisation_id,
        epoch=gate.epoch,
        by=by,
        everything=gate.stopped,
        registers=gate.stopped_registers,
        reason=gate.stop_reason,
    )
    transaction.on_commit(partial(remembered.tell_stops, gate.organisation.slug))


def _placed(hold: Hold, subjects: frozenset[tuple[str, str]], strangers: frozenset[tuple[str, str]]) -> Placed:
    """Counted while the gate is held alone: nothing new is claimed, but what was claimed may come to its outcome."""
    saved = in_flight = gone = 0
    unknown = set(strangers)
    scoped = bool(hold.register or hold.dataset)
    for pk in _lots_in_scope(hold):
        # in this order: what is not in flight now changes no more, and a lot that has its keys had its outcomes before
        intents = Attempt.objects.filter(lot_id=pk, state="intent").values_list("positions", flat=True)
        flying = {position for positions in intents for position in positions}
        outcomes = dict(KeyOutcome.objects.filter(lot_id=pk).values_list("position", "outcome"))
        lot = Lot.objects.select_related("version").filter(pk=pk, keys__isnull=False).first()
        if lot is None:
            continue
        kind = _subject_kind(lot)
        try:
            keys = unpack(bytes(lot.keys or b""))
        except EvidenceError:
            continue  # the hold stands; what is in a lot that cannot be opened cannot be carried out either
        for position, key in enumerate(keys):
            if subjects and (kind, key.subject) not in subjects and (key.subject or not scoped):
                continue
            unknown.discard((kind, key.subject or ""))
            if position in flying or outcomes.get(position) == Outcome.PENDING:
                in_flight += 1
            elif position >= lot.next_position:
                saved += 1
            elif position not in outcomes or Outcome(outcomes[position]) in GONE:
                gone += 1
            elif Outcome(outcomes[position]) in RETRIED:
                saved += 1
    return Placed(hold, saved, in_flight, gone, len(unknown))


def _subject_kind(lot: Lot) -> str:
    dataset = plan_of(lot.version).find_dataset(lot.dataset)
    return dataset.subject_kind if dataset is not None else ""


def _lots_in_scope(hold: Hold) -> list[int]:
    lots = Lot.objects.filter(organisation_id=hold.organisation_id, keys__isnull=False).exclude(
        state__in=[LotState.REJECTED, LotState.WITHDRAWN]
    )
    if hold.register:
        lots = lots.filter(register=hold.register)
    if hold.dataset:
        lots = lots.filter(dataset=hold.dataset)
    return list(lots.values_list("pk", flat=True))
