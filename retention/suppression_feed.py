"""What the ledger tells of marketing bans is kept in the suppression list before anybody's data goes (D10).

A source whose `options.bans` say so tells objections to marketing and their liftings. After it was collected, each
is written under the person's number and under every e-mail address and telephone number that a register
tells of them, so that the ban stays when number, address and the objection itself are gone. Where that did not
succeed tonight, nothing of such persons is disposed of (`unkept`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from retention.connectors.contract import ConnectorError, Identity, IdentityMapping, TellsIdentities
from retention.domain.errors import IdentifierError, SelosteError
from retention.identifiers import Identifier, normal
from retention.models import Collection, LedgerEvent, LedgerFact, Run
from retention.plan import Bans, LedgerSource, Plan, RegisterPlan
from retention.selectors import connector_of
from retention.suppression import ALL, BAN, CHANNELS, LIFT, Entry, check_many, record
from ropa.models import Organisation

BATCH = 1_000
"""Persons whose bans are written at once."""

TOLD = {"objection": BAN, "ban_lifted": LIFT}
NAMES = ("email", "phone")
"""The kinds of name that a list of addresses may know a person by."""

_Told = tuple[str, date | None, tuple[str, ...]]
"""(what, since when: None where nobody knows, the channels)."""


def keep_bans(run: Run, plan: Plan, register: RegisterPlan, fence: Callable[[], None] = lambda: None) -> None:
    """Write what this register's sources tell of bans into the list, and record for each source how that went.

    Done again it adds nothing. `fence` is asked in each transaction that adds something, and raises to undo it.
    """
    for source in register.ledger:
        if source.bans is None:
            continue
        rows, problem = 0, ""
        try:
            with ExitStack() as opened:
                tellers = list(_tellers(run.organisation, plan, source.subject_kind, opened))
                rows = _keep(run, plan, source, source.bans, f"{register.code}:{source.code}", tellers, fence)
        except SelosteError as error:
            problem = str(error)
        Collection.objects.update_or_create(
            run=run,
            source=_name(register, source),
            defaults={"register": register.code, "rows": rows, "complete": not problem, "problem": problem},
        )


def unkept(run: Run, plan: Plan, subject_kind: str) -> str:
    """Why nothing of such persons may go tonight: bans that were told are perhaps not in the list; "" if it may."""
    kept = {row.source: row for row in Collection.objects.filter(run=run, source__startswith="bans:")}
    found = []
    for register in plan.registers:
        for source in register.ledger:
            row = kept.get(_name(register, source))
            if source.bans is not None and source.subject_kind == subject_kind and (row is None or not row.complete):
                found.append(f"{register.code}:{source.code}: {row.problem if row else 'was not collected'}")
    return f"marketing bans could not be kept: {'; '.join(found)}" if found else ""


def _name(register: RegisterPlan, source: LedgerSource) -> str:
    return f"bans:{register.code}:{source.code}"[:120]


@dataclass(frozen=True)
class _Teller:
    """One place that tells e-mail addresses or telephone numbers of such persons."""

    connector: TellsIdentities
    mapping: IdentityMapping


def _tellers(organisation: Organisation, plan: Plan, subject_kind: str, opened: ExitStack) -> Iterator[_Teller]:
    for register in plan.registers:
        sources = [s for s in register.identities if s.subject_kind == subject_kind and s.mapping.kind in NAMES]
        if not sources:
            continue
        connector = connector_of(organisation, register)
        if not isinstance(connector, TellsIdentities):
            raise ConnectorError(
                f"register {register.code}: a connection of kind {connector.kind} tells no names", permanent=True
            )
        opened.enter_context(connector)
        for source in sources:
            yield _Teller(connector, source.mapping)


def _keep(
    run: Run,
    plan: Plan,
    source: LedgerSource,
    bans: Bans,
    name: str,
    tellers: Sequence[_Teller],
    fence: Callable[[], None],
) -> int:
    """Go through everybody of whom something is told, a batch of numbers at a time; how many persons that were."""
    people = 0
    for told in _told(run.organisation, source, bans):
        people += len(told)
        named: dict[str, list[tuple[str, Identity]]] = defaultdict(list)
        for teller in tellers:
            for identity in teller.connector.resolve(teller.mapping, subjects=sorted(told)):
                named[identity.subject].append((teller.mapping.kind, identity))
        entries = [
            entry
            for subject, events in told.items()
            for entry in _entries(run, source, name, subject, events, named.get(subject, ()))
        ]
        with transaction.atomic():
            fence()
            record(run.organisation, entries)
    return people


def _entries(
    run: Run,
    source: LedgerSource,
    name: str,
    subject: str,
    events: Sequence[_Told],
    named: Sequence[tuple[str, Identity]],
) -> Iterator[Entry]:
    number = Identifier("number", subject, source.subject_kind)
    for what, day, channels in events:
        identifiers = [number, *_known_by(named, day)]
        if what == LIFT and (day is None or day > run.business_date):
            continue  # not before its day: a later night is told of it again
        if day is None:  # banned, and nobody knows since when: since today, unless the list says so already
            verdicts = zip(identifiers, check_many(run.organisation, [[one] for one in identifiers]), strict=True)
            identifiers = [one for one, verdict in verdicts if not _covers(verdict.banned, channels)]
        for identifier in identifiers:
            for channel in channels:
                yield Entry(what, identifier, channel, day or run.business_date, name)


def _covers(banned: frozenset[str], channels: Sequence[str]) -> bool:
    return banned >= set(CHANNELS if ALL in channels else channels)


def _known_by(named: Sequence[tuple[str, Identity]], day: date | None) -> Iterator[Identifier]:
    """The names that meant this person when they said it, or later; one that cannot be read cannot pass a check."""
    for kind, identity in named:
        if day is not None and identity.valid_to is not None and identity.valid_to < day:
            continue
        identifier = Identifier(kind, identity.value)
        try:
            normal(identifier)
        except IdentifierError:
            continue
        yield identifier


def _told(organisation: Organisation, source: LedgerSource, bans: Bans) -> Iterator[Mapping[str, list[_Told]]]:
    """Person -> what the ledger tells of their bans, a batch of persons at a time."""
    mine = {"organisation": organisation, "subject_kind": source.subject_kind}
    events = LedgerEvent.objects.filter(**mine, purpose=source.mapping.purpose, name__in=list(TOLD))
    for subjects in _pages(events):
        found: dict[str, list[_Told]] = defaultdict(list)
        rows = list(events.filter(subject__in=subjects).values_list("subject", "name", "date", "thing"))
        objected = {(subject, thing, day) for subject, name, day, thing in rows if TOLD[name] == BAN}
        for subject, name, day, thing in rows:
            # a ban and a lifting of one day: nobody knows which came last, and so it stays a ban
            if TOLD[name] == BAN or (subject, thing, day) not in objected:
                found[subject].append((TOLD[name], day, bans.by_thing.get(thing, bans.channels)))
        yield found
    if bans.fact:
        facts = LedgerFact.objects.filter(**mine, name=bans.fact, value=True)
        for subjects in _pages(facts):
            yield {subject: [(BAN, None, bans.channels)] for subject in subjects}


def _pages(rows: QuerySet[Any]) -> Iterator[list[str]]:
    """Each person once, in the database's own order: a page goes on where the one before it ended."""
    numbers = rows.order_by("subject").values_list("subject", flat=True).distinct()
    last = ""
    while page := list(numbers.filter(subject__gt=last)[:BATCH]):
        yield page
        last = page[-1]
