"""Canaries: people who do not exist, declared by a person who has entered them into a register (semantics D8).

One whose time is over must go by our own hand, on its day; one that is under a hold must stay. Nothing in the night
knows them: they are collected, decided and purged as anybody is. Only after the independent reader has read a dataset
it is asked for their numbers, with a question of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, Literal, cast

from django.db import transaction
from django.db.models import Q, QuerySet

from retention.connectors.contract import Connector
from retention.domain.canaries import FINAL, Seen, judge
from retention.domain.errors import LifecycleError
from retention.evidence_log import EvidenceLog, sign_head, subject_digest, subject_digests
from retention.holds import holding, on
from retention.models import Canary, EvidenceEntry, Run
from retention.models.canary import CanaryProblem, CanaryState, Expects
from retention.plan import DatasetPlan, Plan, plan_of
from ropa.models import Organisation
from ropa.selectors import version_in_force

OVER = (CanaryState.VANISHED, CanaryState.WITHDRAWN)

STILL_THERE = (CanaryProblem.LEFT, CanaryProblem.UNHELD)
"""What is wrong with a canary that was in the register when it was asked for last."""


class CanaryError(LifecycleError):
    """A canary cannot be declared or withdrawn so."""


def declare(
    organisation: Organisation,
    dataset: str,
    subject: str,
    expects: str,
    due_on: date,
    gone_by: date,
    by: str,
    now: datetime,
) -> Canary:
    """Declare a made-up person who was entered, or is about to be. Raises CanaryError.

    `due_on`: the day on which its items fall due, reckoned by hand. `gone_by`: the last day on which one that is to
    vanish may still be there (approvals and grace take time), and by which each must have been entered.
    """
    version = version_in_force(organisation, organisation.day_of(now))
    if version is None:
        raise CanaryError(f"{organisation.slug}: no published version is in force")
    found = plan_of(version).find_dataset(dataset)
    if found is None or found.mapping is None or found.mapping.subject is None:
        raise CanaryError(f"dataset {dataset!r} is not read by us, or does not say whose its items are")
    if found.enforced_by != "us":
        raise CanaryError(f"dataset {dataset!r} is ended by somebody else: a canary would say nothing of our deletion")
    if not subject.strip():
        raise CanaryError("a canary has a number")
    if gone_by < due_on:
        raise CanaryError("`gone_by` lies before `due_on`")
    if live(organisation).filter(dataset=dataset, subject=subject).exists():
        raise CanaryError(f"dataset {dataset!r} has this canary already")
    with transaction.atomic():
        canary = Canary.objects.create(
            organisation=organisation,
            dataset=dataset,
            subject_kind=found.subject_kind,
            subject=subject,
            expects=Expects(expects),
            due_on=due_on,
            gone_by=gone_by,
            declared_by=by,
            declared_at=now,
        )
        _tell(canary, "canary_declared", by, "", now)
    return canary


def withdraw(canary: Canary, reason: str, by: str, now: datetime) -> Canary:
    """Look for it no more: it was a mistake, or what was wrong with it is understood. Raises CanaryError."""
    if not reason.strip():
        raise CanaryError("withdrawing a canary needs a reason")
    with transaction.atomic():
        canary = Canary.objects.select_for_update(of=("self",)).select_related("organisation").get(pk=canary.pk)
        if canary.state in OVER:
            raise CanaryError(f"canary {canary.pk} is over already")
        canary.state, canary.ended_by, canary.ended_reason = CanaryState.WITHDRAWN, by, reason
        canary.save(update_fields=["state", "ended_by", "ended_reason"])
        _tell(canary, "canary_withdrawn", by, reason, now)
    return canary


def live(organisation: Organisation) -> QuerySet[Canary]:
    """The canaries that are still looked for."""
    return Canary.objects.filter(organisation=organisation).exclude(state__in=OVER)


def look(run: Run, plan: Plan, dataset: DatasetPlan, connector: Connector, log: EvidenceLog) -> list[Canary]:
    """Ask a register for the dataset's canaries by themselves, judge and record them. Raises ConnectorError.

    `connector` speaks in numbers. `log`: the night's, which says of each how it stands, without its number.
    """
    waiting = list(live(run.organisation).filter(dataset=dataset.code, subject_kind=dataset.subject_kind))
    if not waiting or dataset.mapping is None:
        return []
    keys: dict[str, list[str]] = {}
    for candidate in connector.find(dataset.mapping, subjects=sorted({one.subject for one in waiting})):
        keys.setdefault(candidate.ref.subject or "", []).append(candidate.ref.key)
    subjects = {one.subject for one in waiting}
    holds = on(run.organisation, plan, dataset, subjects=subjects)
    today = run.business_date
    with transaction.atomic():
        for one in waiting:
            one.looked_on = today
            _judge(one, subject_digests(keys.get(one.subject, [])), holding(holds, one.subject, today), today)
        log.append("canaries", {"dataset": dataset.code, "canaries": [_told(one) for one in waiting]})
    return waiting


def of_night(run: Run) -> list[Canary]:
    """Those that are still looked for, and those that this night saw to be gone."""
    seen_gone = Q(state=CanaryState.VANISHED, looked_on=run.business_date)
    return list(Canary.objects.filter(~Q(state__in=OVER) | seen_gone, organisation=run.organisation))


def counts(canary: Canary, today: date) -> bool:
    """Whether a night tells of it: one that is over is told of by the night that saw it."""
    return canary.state not in OVER or (canary.state == CanaryState.VANISHED and canary.looked_on == today)


def stand(run: Run, plan: Plan, unasked: Iterable[Canary]) -> None:
    """Judge by the day alone those of datasets in which nothing has changed since they were asked for last."""
    for one in unasked:
        dataset = plan.find_dataset(one.dataset)
        if dataset is None:
            continue
        there = one.items if one.state == CanaryState.THERE or one.problem in STILL_THERE else ()
        holds = on(run.organisation, plan, dataset, subjects={one.subject})
        _judge(one, there, holding(holds, one.subject, run.business_date), run.business_date)


def unread(plan: Plan, canaries: Iterable[Canary]) -> None:
    """Wrong are those of a dataset that nobody reads any more: it is not in the version, or its register is closed."""
    for one in canaries:
        dataset = plan.find_dataset(one.dataset)
        if (dataset is None or dataset.mapping is None) and one.problem not in FINAL:
            one.state, one.problem = CanaryState.WRONG, CanaryProblem.UNREAD
            one.save(update_fields=["state", "problem"])


def _judge(canary: Canary, there: Sequence[str], held: bool, today: date) -> None:
    if canary.problem in FINAL:
        canary.save(update_fields=["looked_on"])
        return
    seen = Seen(bool(there), canary.seen_on is not None, not there and _went_by_us(canary), held)
    expects = cast(Literal["vanish", "survive"], canary.expects)
    state, problem = judge(expects, canary.due_on, canary.gone_by, today, seen)
    canary.state, canary.problem = CanaryState(state), problem
    if there:
        canary.items = list(there)
        canary.seen_on = canary.seen_on or today
    canary.save(update_fields=["state", "problem", "items", "seen_on", "looked_on"])


def _went_by_us(canary: Canary) -> bool:
    """Whether each of its items, as they were last seen, was sent for disposal by us."""
    if canary.seen_on is None:
        return False
    intents = EvidenceEntry.objects.filter(
        organisation=canary.organisation.slug, kind="intent", chain__gte=canary.seen_on.isoformat()
    )
    return all(intents.filter(body__contains=item).exists() for item in canary.items)


def _told(canary: Canary) -> dict[str, Any]:
    return {
        "canary": canary.pk,
        "expects": canary.expects,
        "state": canary.state,
        "problem": canary.problem,
        "items": canary.items,
    }


def _tell(canary: Canary, what: str, by: str, reason: str, now: datetime) -> None:
    """In the caller's transaction: an entry in a chain of its own, and a signed head."""
    organisation = canary.organisation
    today = organisation.day_of(now)
    log = EvidenceLog.apart(organisation.slug, "canary", today)
    told = {
        "canary": canary.pk,
        "dataset": canary.dataset,
        "person": subject_digest(canary.subject),
        "expects": canary.expects,
        "due_on": canary.due_on.isoformat(),
        "gone_by": canary.gone_by.isoformat(),
        "by": by,
        "reason": reason,
    }
    log.append(what, told)
    sign_head(log.slug, today, log.chain, {what: 1})
