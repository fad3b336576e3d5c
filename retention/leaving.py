"""Closing a register: a controller's decision that the real system must bear out, and its certificate.

A register closes only when each of its datasets is empty, migrated and verified, or held (`leaving_survey`). It is
asked without anything locked; the decision is then one transaction with its certificate, an entry of the evidence
under a chain and a signed head of its own, that first makes sure that nothing has changed since: no night began,
no hold was placed or released, no other version came into force. Of a closing and a night one wins, and the other
is told. From then on no night asks the register for what is due; each asks whether it is as it was left.

Nothing rests on a closed register: one that still tells contracts, facts or names cannot close. Nor is anything
forgotten by it: what is known to be left of deleted items is gone, or a person has recorded why it stays.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.db.models.functions import Now

from retention import database_locks, residue
from retention.campaign_told import estimated_of
from retention.closed import CLOSED, REOPENED, closings
from retention.connectors.contract import ConnectorError
from retention.disposal import OPEN_STATES
from retention.domain.errors import LifecycleError, Problem
from retention.domain.evidence import canonical
from retention.domain.lifecycle import Outcome
from retention.evidence_log import EvidenceLog, check_keys, sign_head
from retention.exit_certificate import SCHEMA, backups_of, read
from retention.holds import alone_at_gate, epoch_of
from retention.leases import may_be_taken
from retention.leaving_survey import OVER, Left, beside, children_left, survey
from retention.ledger import UNTOLD
from retention.models import (
    EvidenceHead,
    Hold,
    LedgerContract,
    LedgerEvent,
    LedgerFact,
    LedgerOpen,
    Lot,
    Migration,
    NightStep,
    RegisterEvent,
    Run,
)
from retention.models.run import RunState
from retention.models.step import StepState
from retention.plan import Plan, RegisterPlan, plan_of
from retention.steps import name_of
from ropa.models import Organisation, Register, Version
from ropa.selectors import version_in_force
from ropa.services import lock


class LeavingRefused(LifecycleError):
    """A register may not close: each thing that is in the way, with the dataset or part that it is about."""

    def __init__(self, register: str, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(f"{register} cannot be closed: " + "; ".join(map(str, problems)))


@dataclass(frozen=True)
class Checked:
    """What a register answered when it was asked whether it may close, and what is in the way of that."""

    organisation: Organisation
    register: RegisterPlan
    version: Version
    datasets: tuple[Left, ...]
    beside: Mapping[str, int]
    residue: tuple[Mapping[str, Any], ...]
    backups: Mapping[str, Any]
    problems: tuple[Problem, ...]
    mark: object = field(repr=False)

    @property
    def may_close(self) -> bool:
        return not self.problems


def check(organisation: Organisation, code: str, today: date) -> Checked:
    """Ask the register's real system what is left in it. Changes nothing.

    Raises LifecycleError where there is no such register, or it is closed already.
    """
    version, plan, register = _register(organisation, code, today)
    if code in closings(organisation):
        raise LifecycleError(f"register {code} is closed already")
    mark = _mark(organisation, today)
    document = _document(version, code)
    left = survey(organisation, plan, register, document.get("lifecycle") or "active", today)
    problems = [Problem(one.dataset, one.why) for one in left if one.state not in OVER]
    if not any(one.state in OVER for one in left) and not problems:
        problems.append(Problem(code, "it has no dataset that could be asked: nobody knows that it is empty"))
    lying: dict[str, int] = {}
    try:
        lying = beside(organisation, plan, register) if left else {}
    except ConnectorError as error:
        problems.append(Problem(code, f"what else lies there could not be asked: {error}"))
    for place, rows in children_left(plan, register, lying).items():
        problems.append(Problem(place, f"{rows} rows are there that belong to items which have gone"))
    problems += _leans_on(organisation, plan, register)
    problems += _under_way(organisation, code, today)
    return Checked(
        organisation,
        register,
        version,
        tuple(left),
        lying,
        tuple(_kept(organisation, code)),
        backups_of(document.get("backups"), today, left),
        tuple(problems),
        mark,
    )


def close(
    organisation: Organisation,
    code: str,
    by: str,
    reason: str,
    now: datetime,
    at: Callable[[str], None] = lambda point: None,
) -> RegisterEvent:
    """Close a register, if it may be. `by`: the controller who decides. `at` is told of each point on the way.

    Raises LeavingRefused naming all that is in the way; LifecycleError without a reason, or where something has
    changed while the register was asked; EvidenceError where it could not be signed.
    """
    _need_words(by, reason)
    check_keys()
    today = organisation.day_of(now)
    found = check(organisation, code, today)
    at("asked")
    if not found.may_close:
        raise LeavingRefused(code, found.problems)
    with transaction.atomic():
        _alone(organisation)
        lock(organisation)
        if _mark(organisation, today) != found.mark:
            raise LifecycleError(
                f"{code}: a night began, or a hold, the inventory or a decision changed, while it was asked; ask again"
            )
        log = EvidenceLog.apart(organisation.slug, "register", today)
        certificate = canonical(_certificate(found, by, reason, today, now)).decode("utf-8")
        digest = log.append("register_closed", json.loads(certificate))
        at("certificate")
        event = RegisterEvent.objects.create(
            organisation=organisation,
            register=code,
            what=CLOSED,
            day=today,
            by=by,
            reason=reason,
            at=now,
            certificate=certificate,
            chain=log.chain,
            digest=digest,
            remaining={one.dataset: one.remaining for one in found.datasets if one.remaining},
            backups_until=found.backups["expire_on"],
        )
        _say(organisation, code, CLOSED, f"closed by {by}: {reason}")
        at("state")
        sign_head(organisation.slug, today, log.chain, {"registers_closed": 1})
        at("signed")
    at("closed")
    event.refresh_from_db()
    return event


def reopen(organisation: Organisation, code: str, by: str, reason: str, now: datetime) -> RegisterEvent:
    """Take a closing back: the next night asks the register again. Raises LifecycleError if it is not closed."""
    _need_words(by, reason)
    check_keys()
    today = organisation.day_of(now)
    with transaction.atomic():
        _alone(organisation)
        lock(organisation)
        before = closings(organisation).get(code)
        if before is None:
            raise LifecycleError(f"register {code} is not closed")
        _refuse_while_running(organisation)
        log = EvidenceLog.apart(organisation.slug, "register", today)
        body = {
            "register": code,
            "reopened_on": today.isoformat(),
            "decided_by": by,
            "reason": reason,
            "closed_by": before.digest,
        }
        digest = log.append("register_reopened", body)
        event = RegisterEvent.objects.create(
            organisation=organisation,
            register=code,
            what=REOPENED,
            day=today,
            by=by,
            reason=reason,
            at=now,
            chain=log.chain,
            digest=digest,
        )
        _say(organisation, code, "active", f"reopened by {by}: {reason}")
        sign_head(organisation.slug, today, log.chain, {"registers_reopened": 1})
    return event


def record_migration(
    organisation: Organisation,
    dataset: str,
    to_dataset: str,
    items: int,
    by: str,
    reason: str,
    today: date,
    key_template: str = "",
    key_column: str = "",
    destroy_by: date | None = None,
) -> Migration:
    """A person says that a dataset was moved, with how many items. It is compared when its register closes.

    `key_template` is how the new place writes an old `{key}`, `key_column` where the new place keeps the old key;
    without either the keys are the same. Raises LeavingRefused naming what is wrong.
    """
    _need_words(by, reason)
    version = version_in_force(organisation, today)
    plan = None if version is None else plan_of(version)
    old, new = (None, None) if plan is None else (plan.find_dataset(dataset), plan.find_dataset(to_dataset))
    problems = [
        Problem(code, "is no dataset of the version in force")
        for code, found in ((dataset, old), (to_dataset, new))
        if found is None
    ]
    if old is not None and new is not None and old.register == new.register:
        problems.append(Problem(to_dataset, "lies in the same register"))
    if items < 0:
        problems.append(Problem("items", "is a number of items"))
    if key_template and key_column:
        problems.append(Problem("key_column", "a key is written in one way: by a template or in a column"))
    if key_template and key_template.count("{key}") != 1:
        problems.append(Problem("key_template", "has the old key once, as {key}"))
    if destroy_by is not None and destroy_by < today:
        problems.append(Problem("destroy_by", f"{destroy_by} has passed"))
    if problems:
        raise LeavingRefused(dataset, problems)
    with transaction.atomic():
        return Migration.objects.create(
            organisation=organisation,
            dataset=dataset,
            to_dataset=to_dataset,
            items=items,
            key_template=key_template,
            key_column=key_column,
            destroy_by=destroy_by,
            day=today,
            by=by,
            reason=reason,
        )


def seal_of(event: RegisterEvent) -> dict[str, str]:
    """What lets an outsider check a certificate: its entry's digest, and the signed head that names it."""
    for head in EvidenceHead.objects.filter(organisation=event.organisation.slug, business_date=event.day):
        if json.loads(head.body)["chain"] == event.chain:
            return {
                "chain": event.chain,
                "entry": event.digest,
                "head": head.digest,
                "key": head.key_id,
                "signature": head.signature,
            }
    return {"chain": event.chain, "entry": event.digest}


def certificate_of(event: RegisterEvent) -> dict[str, Any]:
    """The certificate of a closing, as data."""
    return read(event.certificate)


def _register(organisation: Organisation, code: str, today: date) -> tuple[Version, Plan, RegisterPlan]:
    version = version_in_force(organisation, today)
    if version is None:
        raise LifecycleError(f"{organisation.slug}: no published version is in force on {today}")
    plan = plan_of(version)
    register = plan.find_register(code)
    if register is None:
        raise LifecycleError(f"version {version.number} has no register {code}")
    return version, plan, register


def _document(version: Version, code: str) -> Mapping[str, Any]:
    registers = json.loads(version.snapshot).get("registers", ())
    return next((register for register in registers if register["id"] == code), {})


def _need_words(by: str, reason: str) -> None:
    if not by.strip() or not reason.strip():
        raise LifecycleError("a decision needs somebody who takes it, and a reason")


def _leans_on(organisation: Organisation, plan: Plan, register: RegisterPlan) -> Iterator[Problem]:
    """What else rests on the register: it must be somebody else's before it closes."""
    for source in register.ledger:
        name = f"{register.code}:{source.code}"
        if any(
            table._default_manager.filter(organisation=organisation, source=name).exclude(revision=UNTOLD).exists()
            for table in (LedgerContract, LedgerEvent, LedgerOpen, LedgerFact)
        ):
            yield Problem(name, "still tells the ledger of people: let another register tell it, and publish that")
    closed = closings(organisation)
    for dataset in plan.named_through(register.code):
        if dataset.register != register.code and dataset.register not in closed:
            yield Problem(dataset.code, "is found by the names that this register tells")
    if register.identities and any(
        source.bans for other in plan.registers if other.code not in closed for source in other.ledger
    ):
        yield Problem("identities", "tells the addresses under which marketing bans are kept")


def _under_way(organisation: Organisation, code: str, today: date) -> Iterator[Problem]:
    for lot in Lot.objects.filter(organisation=organisation, register=code, state__in=OPEN_STATES).defer("keys"):
        asked = lot.exceptions.filter(outcome__in=[Outcome.PENDING, Outcome.WAITING]).exists()
        if lot.flagged_there or asked or lot.attempts.filter(state="intent").exists():
            yield Problem(f"lot {lot.pk}", "is under way there, or its items are blocked there: let a night end it")
    for lot in _with_residue(organisation, code):
        if not residue.kept(lot, today):
            why = "remove it, and have it looked for again, or record why it stays and until when"
            yield Problem(
                f"lot {lot.pk}", f"of {residue.items(lot)} deleted items something is there still: {why} (residue)"
            )


def _with_residue(organisation: Organisation, code: str) -> list[Lot]:
    return [lot for lot in residue.lots(organisation) if lot.register == code]


def _kept(organisation: Organisation, code: str) -> Iterator[dict[str, Any]]:
    """What is known to be left of deleted items, as the certificate has it: a register closes only if each is kept."""
    for lot in _with_residue(organisation, code):
        if lot.residue_kept_until is not None:
            yield {
                "lot": lot.pk,
                "dataset": lot.dataset,
                "items": residue.items(lot),
                "where": residue.where(lot),
                "until": lot.residue_kept_until.isoformat(),
            }


def _alone(organisation: Organisation) -> None:
    """In the caller's transaction: no night begins, no step is taken and no hold placed until it ends."""
    database_locks.alone(name_of(organisation))
    alone_at_gate(organisation)


def _mark(organisation: Organisation, today: date) -> object:
    """What must not have changed between asking and deciding. Raises LifecycleError while a night is running."""
    _refuse_while_running(organisation)

    def latest(rows: Any) -> Any:
        return rows.aggregate(last=Max("pk"))["last"]

    version = version_in_force(organisation, today)
    return (
        None if version is None else version.pk,
        epoch_of(organisation),
        tuple(Hold.objects.filter(organisation=organisation).order_by("pk").values_list("pk", "released")),
        latest(NightStep.objects.filter(run__organisation=organisation)),
        latest(Lot.objects.filter(organisation=organisation)),
        latest(Migration.objects.filter(organisation=organisation)),
        latest(RegisterEvent.objects.filter(organisation=organisation)),
    )


def _refuse_while_running(organisation: Organisation) -> None:
    running = Run.objects.filter(organisation=organisation, state=RunState.RUNNING).first()
    if running is not None:
        raise LifecycleError(f"the night of {running.business_date} is running or was left: let it end first")
    held = NightStep.objects.filter(run__organisation=organisation, state=StepState.RUNNING).select_related("run")
    for step in held.annotate(clock=Now()):
        if not may_be_taken(step, step.clock):
            raise LifecycleError(f"the night of {step.run.business_date} is still being stopped")


def _certificate(found: Checked, by: str, reason: str, today: date, now: datetime) -> dict[str, Any]:
    plan = plan_of(found.version)
    return {
        "schema": SCHEMA,
        "organisation": {"slug": found.organisation.slug, "name": found.organisation.name},
        "register": found.register.code,
        "name": dict(found.register.name),
        "names": {one.code: dict(one.name) for one in plan.datasets_of(found.register.code)},
        "closed_on": today.isoformat(),
        "decided_at": now.isoformat(),
        "decided_by": by,
        "reason": reason,
        "version": {"number": found.version.number, "digest": found.version.digest},
        "datasets": [one.as_dict() for one in found.datasets],
        "estimated": estimated_of(found.organisation, found.register.code),
        "beside": dict(sorted(found.beside.items())),
        "residue": list(found.residue),
        "backups": dict(found.backups),
        "connection": found.register.connection,
    }


def _say(organisation: Organisation, code: str, lifecycle: str, why: str) -> None:
    """The draft says so too, so that the next published version does."""
    draft = Register.objects.filter(organisation=organisation, code=code).first()
    if draft is not None and draft.lifecycle != lifecycle:
        draft.lifecycle = lifecycle
        draft._change_reason = why  # type: ignore[attr-defined]
        draft.save()
