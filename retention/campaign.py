"""Campaigns: a substitute for a group's missing dates is proposed, decided, confirmed, refused or withdrawn.

Three steps by at least two persons, each an entry of the evidence under a chain and a signed head of its own: somebody
proposes; the owner's side decides; one who has neither proposed nor decided confirms. Each signs the group's root.
Until the last of these nothing of the group is touched. Registers are read with nothing locked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils.translation import gettext

from retention.campaign_people import need_another, need_somebody, said
from retention.campaign_survey import Forecast, Group, Heap, groups, members
from retention.campaign_told import lots_of
from retention.closed import closings
from retention.connectors.contract import ConnectorError
from retention.disposal import OPEN_STATES
from retention.domain.errors import DocumentError, LifecycleError, Problem
from retention.domain.events import CATALOGUE, NEVER
from retention.domain.evidence import MerkleTree
from retention.domain.lifecycle import GONE, Outcome
from retention.domain.substitutes import Cause, estimable, rules_starting
from retention.evidence_log import EvidenceLog, check_keys, sign_head, subject_digest
from retention.holds import next_epoch
from retention.identity import Names
from retention.models import Campaign, CampaignEvent, CampaignGap
from retention.plan import DatasetPlan, Plan, plan_of
from retention.question import Question
from retention.substitutes import BATCH, gap_digest, in_force, of_campaign, stands_alone
from ropa.models import Organisation, Version
from ropa.persons import Person
from ropa.selectors import version_in_force
from ropa.services import lock

READING, PROPOSED, DECIDED, CONFIRMED = "reading", "proposed", "decided", "confirmed"
REFUSED, WITHDRAWN = "refused", "withdrawn"

MOVES: Mapping[str, tuple[str, ...]] = {
    DECIDED: (PROPOSED,),
    CONFIRMED: (DECIDED,),
    REFUSED: (PROPOSED, DECIDED),
    WITHDRAWN: (READING, PROPOSED, DECIDED, CONFIRMED),
}
"""What a campaign may become, and from which states."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody proposes for a group: `day` or `by` (another event of the same items) in place of its dates."""

    dataset: str
    event: str
    cause: str
    evidence: str
    same_day: date | None = None
    day: date | None = None
    by: str = ""
    attachments: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """What a withdrawal came in time for: items in open lots that stay, items being sent, items that are gone."""

    saved: int
    in_flight: int
    gone: int


def survey(organisation: Organisation, now: datetime, heap: Heap | None = None, dataset: str = "") -> list[Group]:
    """The groups of every dataset that we reach, or of one. Raises LifecycleError. Changes nothing."""
    today = organisation.day_of(now)
    _, plan = _plan(organisation, today)
    if dataset and plan.find_dataset(dataset) is None:
        raise LifecycleError(gettext("the version in force has no dataset %(dataset)s") % {"dataset": dataset})
    found: list[Group] = []
    with Names(organisation, plan) as names:
        for one in plan.datasets:
            if one.mapping is None or not stands_alone(plan, one) or (dataset and one.code != dataset):
                continue
            with _asked(one), names.connect(one) as connector:
                found += groups(Question(organisation, plan, one, today), connector, heap)
    return found


def propose(organisation: Organisation, wanted: Wanted, by: Person, now: datetime) -> Campaign:
    """Close a group, and propose what stands in for its dates. Nothing of it is touched by that.

    One that was killed while its register was read is begun anew by proposing the same once more.
    Raises DocumentError naming each field that is wrong, LifecycleError.
    """
    need_somebody(by)
    check_keys()
    today = organisation.day_of(now)
    version, plan = _plan(organisation, today)
    dataset = plan.find_dataset(wanted.dataset)
    if problems := _problems(plan, dataset, wanted, today):
        raise DocumentError(problems)
    assert dataset is not None  # noqa: S101 - a missing one is a problem
    campaign = _begin(organisation, version, dataset, wanted)
    substitute = of_campaign(campaign)
    forecast, finished = Forecast(), False
    try:
        with _asked(dataset), Names(organisation, plan) as names, names.connect(dataset) as connector:
            under = replace(dataset, substitutes=(*dataset.substitutes, substitute))  # so that what stands in is asked
            question = Question(organisation, plan, under, today)
            for rows in members(question, connector, substitute, forecast):
                CampaignGap.objects.bulk_create(
                    (
                        CampaignGap(campaign=campaign, item=subject_digest(key), gap=gap_digest(dataset.code, key, gap))
                        for key, gap in rows
                    ),
                    batch_size=BATCH,
                )
        if not forecast.items:
            raise DocumentError([Problem("event", gettext("nothing has such a gap: there is no group"))])
        with transaction.atomic():
            lock(organisation)
            if not Campaign.objects.filter(pk=campaign.pk, state=READING).exists():
                raise LifecycleError(
                    gettext("it was withdrawn, or proposed anew by somebody, while its register was read")
                )
            campaign.items, campaign.gaps = forecast.items, forecast.gaps
            campaign.root, campaign.forecast, campaign.state = _root(campaign), forecast.as_dict(), PROPOSED
            campaign.save(update_fields=["items", "gaps", "root", "forecast", "state"])
            _tell(campaign, PROPOSED, by, wanted.evidence, now)
        finished = True
    except IntegrityError as error:  # its row went while gaps were being added to it
        raise LifecycleError(gettext("it was proposed anew by somebody while its register was read")) from error
    finally:
        if not finished:
            CampaignGap.objects.filter(campaign_id=campaign.pk).delete()
            Campaign.objects.filter(pk=campaign.pk, state=READING).delete()
    return campaign


def decide(campaign: Campaign, by: Person, reason: str, root: str, now: datetime) -> CampaignEvent:
    """The owner's decision on exactly this group. Raises LifecycleError. Nothing is touched before it is confirmed."""
    with transaction.atomic():
        campaign = _taken(campaign, DECIDED, by, reason)
        _same_group(campaign, root)
        return _move(campaign, DECIDED, by, reason, now)


def confirm(campaign: Campaign, by: Person, reason: str, root: str, now: datetime) -> CampaignEvent:
    """Another person's confirmation: from the next night on the substitute counts.

    Raises LifecycleError where that person has proposed or decided it, or the group is not the one that was decided.
    """
    with transaction.atomic():
        next_epoch(campaign.organisation)  # before any row: whoever is at the gate may need it
        campaign = _taken(campaign, CONFIRMED, by, reason)
        _same_group(campaign, root)
        need_another(campaign, by, said(campaign.events.filter(what__in=[PROPOSED, DECIDED])))
        return _move(campaign, CONFIRMED, by, reason, now)


def refuse(campaign: Campaign, by: Person, reason: str, now: datetime) -> CampaignEvent:
    """Turn a proposal down, before or after its decision. Raises LifecycleError."""
    with transaction.atomic():
        campaign = _taken(campaign, REFUSED, by, reason)
        event = _move(campaign, REFUSED, by, reason, now)
        campaign.members.all().delete()
    return event


def withdraw(campaign: Campaign, by: Person, reason: str, now: datetime) -> Withdrawn:
    """Take a campaign back: what it made due and is not gone stays. Raises LifecycleError."""
    with transaction.atomic():
        next_epoch(campaign.organisation)
        campaign = _taken(campaign, WITHDRAWN, by, reason)
        _move(campaign, WITHDRAWN, by, reason, now)
        campaign.members.all().delete()
        return _in_time_for(campaign)


def take_back_confirmed(organisation: Organisation, by: str, reason: str, now: datetime) -> None:
    """In the caller's transaction: what our own database, restored, believes to be confirmed counts no more (D9)."""
    next_epoch(organisation)
    believed = Campaign.objects.select_for_update(of=("self",)).select_related("organisation")
    for campaign in believed.filter(organisation=organisation, state=CONFIRMED).order_by("number"):
        _move(campaign, WITHDRAWN, Person(by), reason, now)
        campaign.members.all().delete()


def find(organisation: Organisation, number: int) -> Campaign:
    """Raises LifecycleError if there is none of that number."""
    found = Campaign.objects.filter(organisation=organisation, number=number).first()
    if found is None:
        raise LifecycleError(gettext("there is no campaign %(number)s") % {"number": number})
    return found


def _plan(organisation: Organisation, today: date) -> tuple[Version, Plan]:
    version = version_in_force(organisation, today)
    if version is None:
        raise LifecycleError(
            gettext("%(slug)s: no published version is in force on %(today)s")
            % {"slug": organisation.slug, "today": today}
        )
    return version, in_force(organisation, plan_of(version).without(closings(organisation)))


@contextmanager
def _asked(dataset: DatasetPlan) -> Iterator[None]:
    """A register that does not answer leaves everything as it is. Raises LifecycleError that says so."""
    try:
        yield
    except ConnectorError as error:
        raise LifecycleError(
            gettext("%(register)s / %(code)s could not be asked: %(error)s")
            % {"register": dataset.register, "code": dataset.code, "error": error}
        ) from error


def _problems(plan: Plan, dataset: DatasetPlan | None, wanted: Wanted, today: date) -> list[Problem]:
    if dataset is None or dataset.mapping is None:
        return [Problem("dataset", gettext("is no dataset that we reach in the version in force"))]
    found = []
    if dataset.enforced_by != "us":
        found.append(Problem("dataset", gettext("is ended by others, not by us")))
    if not stands_alone(plan, dataset):
        what = gettext("follows others, is followed or has steps: an estimate of one would end, or skip, another")
        found.append(Problem("dataset", what))
    if wanted.event not in estimable(dataset.rules):
        found.append(Problem("event", gettext("starts no rule of the dataset, or is a person's own act")))
    causes = [cause.value for cause in Cause]
    if wanted.cause not in causes:
        found.append(Problem("cause", gettext("is none of %(known)s") % {"known": ", ".join(causes)}))
    if (wanted.cause == Cause.SAME_DAY) != (wanted.same_day is not None):
        found.append(
            Problem("same_day", gettext("is the day that is not believed, of the cause same_day and of no other"))
        )
    if wanted.same_day is not None and wanted.same_day >= NEVER:
        found.append(
            Problem("same_day", gettext("says that nothing has ended yet; close what has ended in the register"))
        )
    found += _wrong_substitute(dataset, wanted, today)
    if not wanted.evidence.strip():
        found.append(Problem("evidence", gettext("is missing: say why the day is right enough")))
    for n, (name, digest) in enumerate(wanted.attachments):
        if not name.strip() or len(name) > 200 or len(digest) != 64 or set(digest) - set("0123456789abcdef"):
            found.append(Problem(f"attachments[{n}]", gettext("has a name and a SHA-256 in lower-case hex")))
    return found


def _wrong_substitute(dataset: DatasetPlan, wanted: Wanted, today: date) -> list[Problem]:
    if (wanted.day is None) == (not wanted.by):
        return [Problem("day", gettext("a substitute is either a day or another event"))]
    if wanted.day is not None and not dataset.rules.first_plausible_day <= wanted.day <= today:
        return [Problem("day", gettext("lies ahead, or before the first plausible day"))]
    if wanted.day is not None and wanted.day == wanted.same_day:
        return [Problem("day", gettext("is the day that is not believed"))]
    if wanted.by and (wanted.by not in CATALOGUE or wanted.by == wanted.event):
        return [Problem("by", gettext("is no other event of the catalogue"))]
    return []


def _begin(organisation: Organisation, version: Version, dataset: DatasetPlan, wanted: Wanted) -> Campaign:
    with transaction.atomic():
        lock(organisation)
        # what was killed while its register was read said nothing to anybody; a reading that lives finds its row gone
        same = {"dataset": dataset.code, "event": wanted.event, "cause": wanted.cause, "same_day": wanted.same_day}
        Campaign.objects.filter(organisation=organisation, state=READING, **same).delete()
        last = Campaign.objects.filter(organisation=organisation).aggregate(last=Max("number"))["last"] or 0
        return Campaign.objects.create(
            organisation=organisation,
            number=last + 1,
            version=version,
            register=dataset.register,
            dataset=dataset.code,
            rules=list(rules_starting(dataset.rules, wanted.event)),
            event=wanted.event,
            cause=wanted.cause,
            same_day=wanted.same_day,
            substitute_day=wanted.day,
            substitute_event=wanted.by,
            evidence=wanted.evidence,
            attachments=[{"name": name, "sha256": digest} for name, digest in wanted.attachments],
            items=0,
            gaps=0,
            root="",
            forecast={},
            state=READING,
        )


def _root(campaign: Campaign) -> str:
    tree = MerkleTree()
    for digest in campaign.members.order_by("gap").values_list("gap", flat=True).iterator():
        tree.add(digest)
    return tree.root()


def _taken(campaign: Campaign, after: str, by: Person, reason: str) -> Campaign:
    """The campaign, locked in the caller's transaction, if it may become that."""
    need_somebody(by)
    if not reason.strip():
        raise LifecycleError(gettext("campaign %(number)s: a decision needs a reason") % {"number": campaign.number})
    check_keys()
    found = Campaign.objects.select_for_update(of=("self",)).select_related("organisation").get(pk=campaign.pk)
    if found.state not in MOVES[after]:
        raise LifecycleError(
            gettext("campaign %(number)s is %(state)s: it cannot be %(after)s")
            % {"number": found.number, "state": found.state, "after": after}
        )
    return found


def _same_group(campaign: Campaign, root: str) -> None:
    if root != campaign.root:
        raise LifecycleError(
            gettext("campaign %(number)s is not what was looked at: its root is %(root)s")
            % {"number": campaign.number, "root": campaign.root}
        )
    if _root(campaign) != campaign.root:
        raise LifecycleError(
            gettext("campaign %(number)s: its group is not the one that was proposed") % {"number": campaign.number}
        )


def _move(campaign: Campaign, after: str, by: Person, reason: str, now: datetime) -> CampaignEvent:
    campaign.state = after
    campaign.save(update_fields=["state"])
    return _tell(campaign, after, by, reason, now)


def _tell(campaign: Campaign, what: str, by: Person, reason: str, now: datetime) -> CampaignEvent:
    """In the caller's transaction: the event, its entry in the evidence, and a signed head."""
    organisation, today = campaign.organisation, campaign.organisation.day_of(now)
    log = EvidenceLog.apart(organisation.slug, "campaign", today)
    told = {
        "campaign": campaign.number,
        "register": campaign.register,
        "dataset": campaign.dataset,
        "event": campaign.event,
        "cause": campaign.cause,
        "same_day": campaign.same_day.isoformat() if campaign.same_day else None,
        "substitute": campaign.substitute_day.isoformat() if campaign.substitute_day else campaign.substitute_event,
        "attachments": campaign.attachments,
        "items": campaign.items,
        "gaps": campaign.gaps,
        "root": campaign.root,
        "forecast": campaign.forecast,
        "day": today.isoformat(),
        "by": by.who,
        "reason": reason,
    }
    digest = log.append(f"campaign_{what}", told)
    event = CampaignEvent.objects.create(
        campaign=campaign,
        what=what,
        day=today,
        at=now,
        by=by.who,
        account=by.account,
        reason=reason,
        chain=log.chain,
        digest=digest,
    )
    sign_head(organisation.slug, today, log.chain, {f"campaigns_{what}": 1})
    return event


def _in_time_for(campaign: Campaign) -> Withdrawn:
    saved = in_flight = gone = 0
    for lot in lots_of(campaign):
        flying = sum(len(p) for p in lot.attempts.filter(state="intent").values_list("positions", flat=True))
        pending = lot.tally.get(Outcome.PENDING.value, 0)
        gone += sum(lot.tally.get(outcome.value, 0) for outcome in GONE)
        if lot.state in OPEN_STATES:
            in_flight += flying + pending
            saved += max(lot.size - lot.next_position - flying, 0)
    return Withdrawn(saved, in_flight, gone)
