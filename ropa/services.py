"""Draft and published: what people edit, and what nights execute.

A draft never executes. Publishing freezes it: canonical JSON without connections, its SHA-256, and the day from
which it is in force. When that day may lie in the past:

- The first version of an organisation may: it writes down a practice that exists already.
- A later one may not. The nights of past days have run under the version before; it stays the answer to which
  rules they ran under. Today is allowed: a night that has begun keeps the version it pinned.
- No version comes into force before the one it follows, so that the later number always wins. One that is not in
  force yet may be withdrawn; it stays on record, never comes into force, and nothing follows it.

A draft that shortens is published by one person and approved by another (`ropa.agreeing`).

The DPO advises and the controller decides (art. 38(6)): an opinion belongs to exactly the draft it was given on, by its
digest. Where an organisation has a DPO, publishing without an opinion on this draft needs a reason, and so does
publishing against one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import Max, QuerySet
from django.utils.translation import gettext

from retention.domain.errors import DocumentError, LifecycleError, Problem, RuleError
from retention.domain.evidence import canonical, sha256_hex
from retention.domain.periods import Period, parse_financial_years
from retention.domain.rules import Status
from retention.domain.written import parse_ceiling, parse_day, parse_follow, parse_ground, parse_step
from ropa.agreeing import CHANGED, impact_named, last_standing, second_person, shortens
from ropa.agreeing import draft_digest as draft_digest
from ropa.agreeing import lock as lock
from ropa.draft import delete_entry, document_of, write_entry, write_head, write_rows
from ropa.hands import hands_in
from ropa.kinds import POLICY, kind_of
from ropa.models import Ceiling, Ground, Opinion, Organisation, Role, Stance, Version, Withdrawal
from ropa.persons import Person

MODES = ("observe", "flag", "purge")
APPROVALS = ("automatic", "one", "two")
OPINION_REASON = "why publishing does not wait for the DPO's opinion on this draft, or goes against it"


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


def digest_of(document: Mapping[str, Any]) -> str:
    """SHA-256 of a document's canonical JSON, in hex: the digest that a version of it has."""
    return sha256_hex(canonical(document))


def document_at(organisation: Organisation, which: str) -> dict[str, Any]:
    """The document of a version by its number, or of the `draft`. Raises LookupError for what there is not."""
    if which == "draft":
        return document_of(organisation)
    number = int(which) if which.isascii() and which.isdecimal() and len(which) <= 9 else None
    version = organisation.versions.filter(number=number).first() if number is not None else None
    if version is None:
        raise LookupError(gettext("there is no version %(which)s") % {"which": which[:60]})
    document: dict[str, Any] = json.loads(version.snapshot)
    return document


@transaction.atomic
def give_opinion(
    organisation: Organisation, digest: str, stance: str, text: str, now: datetime, giver: str, user: Any = None
) -> Opinion:
    """Record the DPO's opinion on the draft with this digest: the one that was looked at.

    `giver` is a role and name as text. Raises LifecycleError where the draft has changed since it was looked at,
    DocumentError for an unknown stance, and for advice against it that does not say why.
    """
    _aware(now)
    problems = []
    if stance not in Stance.values:
        problems.append(
            Problem(
                "stance",
                gettext("%(stance)r is none of %(known)s") % {"stance": stance, "known": ", ".join(Stance.values)},
            )
        )
    if stance == Stance.ADVISES_AGAINST and not text.strip():
        problems.append(Problem("text", gettext("is missing: advice against a draft says why")))
    if problems:
        raise DocumentError(problems)
    organisation = lock(organisation)
    if digest != draft_digest(organisation):
        raise LifecycleError(CHANGED)
    return Opinion.objects.create(
        organisation=organisation, digest=digest, given_by=user, giver=giver, given_at=now, stance=stance, text=text
    )


@transaction.atomic
def publish(
    organisation: Organisation,
    in_force_from: date,
    now: datetime,
    publisher: str,
    user: Any = None,
    reason: str = "",
    opinion_reason: str = "",
    digest: str | None = None,
    impact: str = "",
) -> Version:
    """Freeze the draft as the next version. `now` is an aware instant; `publisher` a role and name as text.

    `digest`: of the draft that was looked at; left out, whatever stands there is meant. `opinion_reason`: why it does
    not wait for the DPO's opinion on this draft, or goes against it; kept only where one of both is so. The same draft
    published again for the same day is the version that is there already. `impact`: the digest of what was shown of
    the draft's effect (`keep_impact`), which must be this draft's, against the version in force. A draft that shortens
    needs it, and another person's approval of both (`approve_draft`). Raises DocumentError for a day that
    is not allowed, for rules that could not be executed, and where that reason or that approval is missing;
    LifecycleError where the draft is no longer the one that was looked at.
    """
    _aware(now)
    organisation = lock(organisation)
    content = document_of(organisation)
    problems = list(_unexecutable(content))
    if problems:
        raise DocumentError(problems)
    snapshot = canonical(content)
    frozen = sha256_hex(snapshot)
    if digest is not None and digest != frozen:
        raise LifecycleError(CHANGED)
    last = last_standing(organisation)
    if last is not None:
        if (last.digest, last.in_force_from) == (frozen, in_force_from):
            return last
        _refuse_past(last, in_force_from, _today(organisation, now))
    opinion = opinion_on(organisation, frozen)
    departs = _departs(organisation, opinion, frozen, opinion_reason)
    days = (_today(organisation, now), in_force_from)
    shown = impact_named(organisation, impact, frozen, days) if impact else None
    shortened = shortens(organisation, content, days[0])
    approval = second_person(organisation, frozen, impact, shortened, publisher, user) if shortened else None
    highest = organisation.versions.aggregate(highest=Max("number"))["highest"] or 0
    return Version.objects.create(
        organisation=organisation,
        number=highest + 1,
        in_force_from=in_force_from,
        published_at=now,
        published_by=user,
        publisher=publisher,
        reason=reason,
        opinion=opinion.as_text() if opinion is not None else None,
        opinion_reason=opinion_reason if departs else "",
        impact=shown.as_text() if shown is not None else None,
        shortened=[one.as_data() for one in shortened],
        approval=approval.as_text() if approval is not None else None,
        hands=hands_in(organisation, last, content, Person(publisher, None if user is None else user.pk)),
        snapshot=snapshot.decode("utf-8"),
        digest=frozen,
    )


def stale_opinion(organisation: Organisation, digest: str) -> Opinion | None:
    """The DPO's last opinion since the last version, if it is on another draft than the one with this digest."""
    return _opinions(organisation).exclude(digest=digest).last()


def opinion_on(organisation: Organisation, digest: str) -> Opinion | None:
    """The DPO's last opinion on exactly the draft with this digest, unless another version was published after it.

    A draft that returns to what it once was is decided about anew: what was advised before the last decision advised
    on that one.
    """
    return _opinions(organisation).filter(digest=digest).last()


def _opinions(organisation: Organisation) -> QuerySet[Opinion]:
    last = last_standing(organisation)
    return organisation.opinions.filter(given_at__gt=last.published_at) if last else organisation.opinions.all()


def _departs(organisation: Organisation, opinion: Opinion | None, digest: str, why: str) -> bool:
    """Whether publishing does not follow an opinion that it has or should have. Raises DocumentError without a why."""
    if opinion is not None:
        if opinion.stance != Stance.ADVISES_AGAINST:
            return False
        missing = gettext("the DPO advises against this draft; say why it is published all the same (art. 38(6) GDPR)")
    elif not organisation.memberships.filter(role=Role.DPO, user__is_active=True).exists():
        return False
    else:
        missing = gettext("the DPO has given no opinion on this draft; wait for it, or say why not (art. 38(1) GDPR)")
        if stale_opinion(organisation, digest) is not None:
            missing = gettext(
                "the draft has changed since the DPO gave an opinion, which therefore does not count; "
                "ask for another, or say why not (art. 38(1) GDPR)"
            )
    if not why.strip():
        raise DocumentError([Problem("opinion_reason", gettext("is missing: %(missing)s") % {"missing": missing})])
    return True


@transaction.atomic
def withdraw(version: Version, now: datetime, withdrawer: str, reason: str, user: Any = None) -> Withdrawal:
    """Take a version back that is not in force yet: it never comes into force. What stands in the draft stays there.

    `withdrawer` is a role and name as text. Raises DocumentError without a reason; LifecycleError where the version's
    day has come, since nights run under it, or where it is withdrawn already.
    """
    _aware(now)
    if not reason.strip():
        raise DocumentError(
            [Problem("reason", gettext("is missing: a version that was decided is not withdrawn without one"))]
        )
    organisation = lock(version.organisation)
    if Withdrawal.objects.filter(version=version).exists():
        raise LifecycleError(gettext("version %(number)s is withdrawn already") % {"number": version.number})
    if version.in_force_from <= _today(organisation, now):
        raise LifecycleError(
            gettext("version %(number)s is in force since %(in_force_from)s: publish another one that follows it")
            % {"number": version.number, "in_force_from": version.in_force_from}
        )
    return Withdrawal.objects.create(
        version=version, withdrawn_at=now, withdrawn_by=user, withdrawer=withdrawer, reason=reason
    )


def _today(organisation: Organisation, now: datetime) -> date:
    return organisation.day_of(now)


def _aware(now: datetime) -> None:
    if now.tzinfo is None:
        raise ValueError("now must be an aware instant")


def _refuse_past(last: Version, in_force_from: date, today: date) -> None:
    if in_force_from < last.in_force_from:
        raise DocumentError(
            [
                Problem(
                    "in_force_from",
                    gettext("%(day)s is before version %(number)s, in force %(since)s")
                    % {"day": in_force_from, "number": last.number, "since": last.in_force_from},
                )
            ]
        )
    if in_force_from < today:
        raise DocumentError(
            [
                Problem(
                    "in_force_from",
                    gettext("%(day)s is past: it is %(today)s, and those nights ran under version %(number)s")
                    % {"day": in_force_from, "today": today, "number": last.number},
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
        *(
            []
            if reason.strip()
            else [Problem("reason", gettext("is missing: confirming a period is a decision (art. 5(2))"))]
        ),
        *(
            []
            if mode in MODES
            else [Problem("mode", gettext("%(mode)r is none of %(known)s") % {"mode": mode, "known": ", ".join(MODES)})]
        ),
        *(
            []
            if approval in APPROVALS
            else [
                Problem(
                    "approval",
                    gettext("%(approval)r is none of %(known)s")
                    % {"approval": approval, "known": ", ".join(APPROVALS)},
                )
            ]
        ),
    ]
    if problems:
        raise DocumentError(problems)
    organisation = lock(organisation)
    why = _why(by, reason)
    confirmed = 0
    for dataset in organisation.datasets.all():
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
        for name, parse in (("grounds", parse_ground), ("ceilings", parse_ceiling), ("steps", parse_step)):
            for rule in dataset.get(name) or ():
                try:
                    parse(rule, f"{path}.{name}[{rule['id']}]")
                except RuleError as error:
                    yield Problem(error.path, error.message)
        for number, follow in enumerate(dataset.get("follows") or ()):
            try:
                parse_follow(follow, f"{path}.follows[{number}]")
            except RuleError as error:
                yield Problem(error.path, error.message)
        try:
            Period.parse(dataset["policy"]["grace"])
        except RuleError as error:
            yield Problem(f"{path}.policy.grace", error.message)
