"""Draft and published: what people edit, and what nights execute.

A draft never executes. Publishing freezes it: canonical JSON without connections, its SHA-256, and the day from
which it is in force. When that day may lie in the past:

- The first version of an organisation may: it writes down a practice that exists already.
- A later one may not. The nights of past days have run under the version before; it stays the answer to which
  rules they ran under. Today is allowed: a night that has begun keeps the version it pinned.
- No version comes into force before the one it follows, so that the later number always wins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction

from retention.domain.errors import DocumentError, Problem, RuleError
from retention.domain.evidence import canonical, sha256_hex
from retention.domain.periods import Period, parse_financial_years
from retention.domain.rules import Status
from retention.domain.written import parse_ceiling, parse_day, parse_ground
from ropa.draft import delete_entry, document_of, write_entry, write_head, write_rows
from ropa.kinds import POLICY, kind_of
from ropa.models import Ceiling, Ground, Organisation, Version

MODES = ("observe", "flag", "purge")
APPROVALS = ("automatic", "one", "two")


@transaction.atomic
def save_draft(document: Mapping[str, Any], by: str, reason: str) -> Organisation:
    """Make the organisation's draft equal to a checked document, in one transaction.

    History gets who and why, and no row for what did not change. Connections are not part of a draft.
    """
    return write_rows(document, _why(by, reason))


@transaction.atomic
def save_entry(organisation: Organisation, kind: str, entry: Mapping[str, Any], by: str, reason: str) -> None:
    """Make one entry of the draft (`kind`: the list it stands in) equal to a checked one; a new one comes last."""
    write_entry(organisation, kind_of(kind), entry, _why(by, reason))


@transaction.atomic
def remove_entry(organisation: Organisation, kind: str, code: str, by: str, reason: str) -> None:
    """Take one entry out of the draft. What is published keeps it."""
    delete_entry(organisation, kind_of(kind), code, _why(by, reason))


@transaction.atomic
def save_head(organisation: Organisation, head: Mapping[str, Any], by: str, reason: str) -> None:
    """Make what the draft says of the organisation itself equal to a checked document's head."""
    write_head(organisation, head, _why(by, reason))


def draft_of(organisation: Organisation) -> dict[str, Any]:
    """The draft as a document, without connections; defaults that decide are written out."""
    return document_of(organisation)


@transaction.atomic
def publish(
    organisation: Organisation, in_force_from: date, now: datetime, publisher: str, user: Any = None, reason: str = ""
) -> Version:
    """Freeze the draft as the next version. `now` is an aware instant; `publisher` a role and name as text.

    The same draft published again for the same day is the version that is there already. Raises DocumentError
    for a day that is not allowed, and for rules that could not be executed.
    """
    if now.tzinfo is None:
        raise ValueError("now must be an aware instant")
    organisation = Organisation.objects.select_for_update().get(pk=organisation.pk)
    content = document_of(organisation)
    problems = list(_unexecutable(content))
    if problems:
        raise DocumentError(problems)
    snapshot = canonical(content)
    digest = sha256_hex(snapshot)
    last = organisation.versions.order_by("-number").first()
    if last is not None:
        if (last.digest, last.in_force_from) == (digest, in_force_from):
            return last
        _refuse_past(last, in_force_from, now.astimezone(ZoneInfo(organisation.time_zone)).date())
    return Version.objects.create(
        organisation=organisation,
        number=last.number + 1 if last is not None else 1,
        in_force_from=in_force_from,
        published_at=now,
        published_by=user,
        publisher=publisher,
        reason=reason,
        snapshot=snapshot.decode("utf-8"),
        digest=digest,
    )


def _refuse_past(last: Version, in_force_from: date, today: date) -> None:
    if in_force_from < last.in_force_from:
        raise DocumentError(
            [
                Problem(
                    "in_force_from", f"{in_force_from} is before version {last.number}, in force {last.in_force_from}"
                )
            ]
        )
    if in_force_from < today:
        raise DocumentError(
            [
                Problem(
                    "in_force_from",
                    f"{in_force_from} is past: it is {today}, and those nights ran under version {last.number}",
                )
            ]
        )


@transaction.atomic
def confirm_additions(
    organisation: Organisation, by: str, reason: str, mode: str = "purge", approval: str = "automatic"
) -> int:
    """The controller's explicit step: every proposed addition of the draft is confirmed; how many there were.

    The datasets whose rules were confirmed, and that a mapping lets us reach, get this policy, without waves.
    Nothing is published. Raises DocumentError without a reason, or for a word that no policy has.
    """
    problems = [
        *([] if reason.strip() else [Problem("reason", "is missing: confirming a period is a decision (art. 5(2))")]),
        *([] if mode in MODES else [Problem("mode", f"{mode!r} is none of {', '.join(MODES)}")]),
        *([] if approval in APPROVALS else [Problem("approval", f"{approval!r} is none of {', '.join(APPROVALS)}")]),
    ]
    if problems:
        raise DocumentError(problems)
    why = _why(by, reason)
    confirmed = 0
    for dataset in organisation.datasets.select_for_update():
        rules: list[Ground | Ceiling] = [
            rule
            for rules_of in (dataset.grounds, dataset.ceilings)
            for rule in rules_of.filter(addition=True, status=Status.PROPOSED.value)
        ]
        for rule in rules:
            rule.status = Status.CONFIRMED.value
            _save(rule, why)
        confirmed += len(rules)
        policy = {**POLICY, **dataset.policy, "mode": mode, "approval": approval, "waves": False}
        if rules and dataset.mapping is not None and policy != dataset.policy:
            dataset.policy = policy
            _save(dataset, why)
    return confirmed


def _save(row: Any, why: str) -> None:
    row._change_reason = why
    row.save()


def _why(by: str, reason: str) -> str:
    return f"{by}: {reason}" if reason else by


def _unexecutable(content: Mapping[str, Any]) -> Iterator[Problem]:
    """What a night could not read; an import has found it already, an edit of single rows may not have."""
    head = content["organisation"]
    try:
        years = [
            (parse_day(year["start"], "start"), parse_day(year["end"], "end"))
            for year in head.get("financial_years", ())
        ]
        parse_financial_years(head["financial_year_end"], years)
    except RuleError as error:
        yield Problem("organisation.financial_years", error.message)
    for dataset in content["datasets"]:
        path = f"datasets[{dataset['id']}]"
        for name, parse in (("grounds", parse_ground), ("ceilings", parse_ceiling)):
            for rule in dataset[name]:
                try:
                    parse(rule, f"{path}.{name}[{rule['id']}]")
                except RuleError as error:
                    yield Problem(error.path, error.message)
        try:
            Period.parse(dataset["policy"]["grace"])
        except RuleError as error:
            yield Problem(f"{path}.policy.grace", error.message)
