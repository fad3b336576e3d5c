"""Tonight's collection: what each register that is a source of truth tells the ledger, taken in as a whole (V5).

A source is streamed into temporary tables of the connection, outside any transaction and with constant
memory. Only when it came to its end and holds together is the ledger made to say the same, in one short
transaction: what is new or changed is written, what is no longer told is removed. A source that broke off,
contradicts itself, shrank or ended its contracts beyond belief changes nothing, and its silence is no evidence tonight.
Nothing is locked while a register is asked: a hold can be placed meanwhile.

What ended stays known when its row has gone, often by our own hand: other registers still need the day. Such a
contract, and all that is known of somebody of whom the source tells nothing any more, is marked `UNTOLD`;
`retention.forgetting` takes it out once no register has anything left of them. So is a contract that ran and is told
no more, where an earlier one of the person is still known: it is over, nobody knows since when, and people decide.
And so is all that a source told which the inventory no longer has, until another one tells of the same.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from itertools import islice
from types import MappingProxyType

from django.db import connection, transaction
from django.db.models import JSONField, QuerySet, Value

from retention.connectors.contract import Connector
from retention.domain.breakers import too_many_ends
from retention.domain.errors import NightError, SelosteError
from retention.domain.items import CONTRACT_EVENTS
from retention.domain.lifecycle import GONE
from retention.ledger import BATCH, UNTOLD, changed
from retention.models import Attempt, Collection, LedgerContract, LedgerEvent, LedgerFact, LedgerOpen, Run
from retention.models.run import RunState
from retention.plan import LedgerSource, Plan, RegisterPlan, plan_of
from retention.staging import IncompleteError, Staged
from retention.suppression_feed import keep_bans

FEWEST_ROWS_TO_COMPARE = 4
"""A source that told fewer rows than this the time before may shrink as it likes."""

UNKNOWN = Value(None, JSONField())
"""The value of a fact that nobody tells any more: unknown, whatever the organisation says of everybody."""

_NO_TOKENS: Mapping[str, str] = MappingProxyType({})


def collect(
    run: Run,
    register: RegisterPlan,
    connector: Connector,
    fence: Callable[[], None] = lambda: None,
    tokens: Mapping[str, str] = _NO_TOKENS,
    unchanged: Container[str] = (),
) -> None:
    """Bring the ledger to what the register's sources tell, and record for each how that went.

    `tokens`: source -> what stood for it before it is read here. Sources that are `unchanged` were recorded already.

    A source that fails is recorded as incomplete, and the others go on. Doing it again on the same night changes
    nothing but the record. `fence` is asked in each transaction that changes the ledger, and raises to undo it.
    Raises NightError if the run has no version.
    """
    if run.version is None:
        raise NightError(f"the night of {run.business_date} has no version pinned")
    plan = plan_of(run.version)
    for source in register.ledger:
        name = f"{register.code}:{source.code}"
        if name in unchanged:
            continue
        try:
            _collect_source(run, plan, register, source, name, connector, fence, tokens.get(name, ""))
        except SelosteError as error:
            rows = error.rows if isinstance(error, IncompleteError) else 0
            _record(run, register, name, rows, str(error))
    keep_bans(run, plan, register, fence)


def _record(run: Run, register: RegisterPlan, name: str, rows: int, problem: str = "", token: str = "") -> None:
    Collection.objects.update_or_create(
        run=run,
        source=name,
        defaults={
            "register": register.code,
            "rows": rows,
            "complete": not problem,
            "problem": problem,
            "unchanged_since": None,
            "token": token,
        },
    )


def set_aside_dropped_sources(run: Run, plan: Plan) -> None:
    """What a source told that the inventory no longer has stays known, as untold: that it is gone ends nothing.

    What was open there has ended on a day that nobody knows, or perhaps not; its facts are unknown, since nobody would
    ever correct them. What no source is declared to tell any more has no date. It goes where another source, read as
    a whole, tells of the same (`Staged.store`), or with its person (`retention.forgetting`).
    """
    before = (
        Run.objects.filter(organisation=run.organisation, state=RunState.FINISHED).order_by("-business_date").first()
    )
    if before is not None and before.version_id == run.version_id:
        return  # that night did it
    dropped = _dropped(run, plan)
    if not dropped:
        return
    mine = {"organisation": run.organisation, "source__in": dropped}
    contracts, events = LedgerContract.objects.filter(**mine), LedgerEvent.objects.filter(**mine)
    still_open, facts = LedgerOpen.objects.filter(**mine), LedgerFact.objects.filter(**mine)
    with transaction.atomic():
        _end_unknown(still_open.exclude(revision=UNTOLD))
        contracts.filter(ended=None).update(closed=True)
        facts.exclude(revision=UNTOLD).update(value=UNKNOWN)
        kinds: set[str] = set()
        for table in (LedgerContract, LedgerEvent, LedgerOpen, LedgerFact):
            rows = table.objects.filter(**mine).order_by()
            rows.update(revision=UNTOLD)
            kinds |= set(rows.values_list("subject_kind", flat=True).distinct())
        for kind in kinds:
            told = plan.told(kind)
            if CONTRACT_EVENTS.isdisjoint(told):
                contracts.filter(subject_kind=kind).update(ended=None, closed=True)
            events.filter(subject_kind=kind).exclude(name__in=told).update(date=None)
            facts.filter(subject_kind=kind).exclude(name__in=told).update(value=UNKNOWN)
        changed(run.organisation_id, kinds)


def _dropped(run: Run, plan: Plan) -> list[str]:
    """The sources that nights have collected and that the inventory no longer has."""
    known = Collection.objects.filter(run__organisation=run.organisation).values_list("source", flat=True).distinct()
    return sorted(set(known) - plan.source_names)


def _end_unknown(still_open: QuerySet[LedgerOpen]) -> None:
    """Record of each that its end is not known: what is open alone says no more than that none is recorded."""
    fields = ("organisation_id", "subject_kind", "subject", "contract", "purpose", "name", "thing", "source")
    rows = still_open.values(*fields).iterator(BATCH)
    while batch := [LedgerEvent(**row, revision=UNTOLD, date=None) for row in islice(rows, BATCH)]:
        LedgerEvent.objects.bulk_create(batch, ignore_conflicts=True)


def _collect_source(
    run: Run,
    plan: Plan,
    register: RegisterPlan,
    source: LedgerSource,
    name: str,
    connector: Connector,
    fence: Callable[[], None],
    token: str,
) -> None:
    staged = Staged(source.mapping)
    try:
        rows = staged.fill(connector.collect(source.mapping))
        with transaction.atomic():
            fence()
            problems = [*staged.problems(run.organisation.pk, source.subject_kind, name)]
            problems += _shrunk(run, plan, register, source, name, rows, staged)
            problems += _ended(run, staged, source, name)
            if problems:
                raise IncompleteError("; ".join(problems), rows)
            staged.store(run.organisation.pk, source.subject_kind, name, _dropped(run, plan))
            _record(run, register, name, rows, token=token)
    finally:
        staged.close()


def _shrunk(
    run: Run, plan: Plan, register: RegisterPlan, source: LedgerSource, name: str, rows: int, staged: Staged
) -> Iterator[str]:
    """Half or less of what it told on an earlier night, our own disposals set aside, is no complete answer."""
    last = (
        Collection.objects.filter(
            run__organisation=run.organisation,
            run__business_date__lt=run.business_date,
            source=name,
            complete=True,
            unchanged_since=None,
        )
        .select_related("run")
        .order_by("-run__business_date")
        .first()
    )
    if last is None or last.rows < FEWEST_ROWS_TO_COMPARE or name in run.falls_confirmed:
        return
    expected = last.rows - _taken_since(last, plan, register, source, name)
    if expected > 0 and 2 * rows <= expected and not _told_more_than_once(run, name, staged):
        yield (
            f"fell from {last.rows} rows on {last.run.business_date} to {rows}; "
            f"if that is true, say --confirm-fall {name}"
        )


def _ended(run: Run, staged: Staged, source: LedgerSource, name: str) -> Iterator[str]:
    """Contracts that end or vanish all at once are a mistake of the source's until somebody says otherwise (D5).

    Our own disposals explain none of it: they take what has ended.
    """
    if name in run.falls_confirmed:
        return
    running, ended, vanished = staged.ended(run.organisation.pk, source.subject_kind, name, run.business_date)
    if too_many_ends(running, ended + vanished) or (running >= FEWEST_ROWS_TO_COMPARE and 2 * vanished >= running):
        what = " or ".join(how for n, how in ((ended, "have ended"), (vanished, "are told no more")) if n)
        gone = f"{ended + vanished} of {running} running contracts {what} at once"
        yield f"{gone}; if that is true, say --confirm-fall {name}"


def _told_more_than_once(run: Run, name: str, staged: Staged) -> bool:
    """Whether only repetitions can be missing: the ledger knows no more contracts of the source than it tells now."""
    known = LedgerContract.objects.filter(organisation=run.organisation, source=name).exclude(revision=UNTOLD).count()
    return staged.tells_contracts and 0 < known <= staged.contracts()


def _taken_since(last: Collection, plan: Plan, register: RegisterPlan, source: LedgerSource, name: str) -> int:
    """Rows of the source that our own disposals took since.

    What went as a child of other rows was not counted; it is put at twice the source's rows per subject.
    """
    organisation = last.run.organisation
    own, as_child = set(), set()
    for dataset in plan.worked_of(register.code):
        if dataset.mapping is None or dataset.mapping.fields:
            continue
        if dataset.mapping.place == source.mapping.place:
            own.add(dataset.code)
        elif source.mapping.place in dataset.mapping.children:
            as_child.add(dataset.code)
    taken = _gone(last, register, own)
    parents = _gone(last, register, as_child)
    if parents:
        mine = (organisation.pk, name)
        with connection.cursor() as cursor:
            cursor.execute(_SUBJECTS_OF_SOURCE, (*mine, *mine, *mine))
            (subjects,) = cursor.fetchone()
        taken += parents * 2 * -(-last.rows // max(1, subjects))
    return taken


_SUBJECTS_OF_SOURCE = """SELECT count(*) FROM (
    SELECT subject FROM retention_ledgercontract WHERE organisation_id = %s AND source = %s
    UNION SELECT subject FROM retention_ledgerevent WHERE organisation_id = %s AND source = %s
    UNION SELECT subject FROM retention_ledgerfact WHERE organisation_id = %s AND source = %s) AS told"""


def _gone(last: Collection, register: RegisterPlan, datasets: Iterable[str]) -> int:
    tallies = Attempt.objects.filter(
        lot__organisation=last.run.organisation,
        lot__register=register.code,
        lot__dataset__in=datasets,
        run__business_date__gte=last.run.business_date,
        state="outcome",
    ).values_list("tally", flat=True)
    return sum(tally.get(outcome.value, 0) for tally in tallies for outcome in GONE)
