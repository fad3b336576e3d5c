"""Tonight's collection: what each register that is a source of truth tells the ledger, taken in as a whole (V5).

A source is streamed into temporary tables of the connection, outside any transaction and with constant
memory. Only when it came to its end and holds together is the ledger made to say the same, in one short
transaction: what is new or changed is written, what is no longer told is removed. A source that broke off,
contradicts itself or shrank beyond belief changes nothing, and its silence is no evidence tonight. Nothing is
locked while a register is asked: a hold can be placed meanwhile.

What ended stays known when its row has gone, often by our own hand: other registers still need the day. Such a
contract, and all that is known of somebody of whom the source tells nothing any more, is marked `UNTOLD`;
`retention.forgetting` takes it out once no register has anything left of them.

Several rows may tell of the same event (same subject, contract, event and thing). A missing date among them
makes it missing, one that is still awaited makes it not recorded; otherwise the catalogue says which
day counts. Each way the answer is the one that keeps longer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from types import MappingProxyType
from typing import Any

from django.db import connection, transaction

from retention.connectors.contract import Connector, LedgerMapping, LedgerRow
from retention.domain.errors import NightError, SelosteError
from retention.domain.events import NEVER, Absent, event
from retention.domain.items import CONTRACT_EVENTS
from retention.domain.lifecycle import GONE
from retention.domain.rules import Grain
from retention.ledger import LONGEST, UNTOLD, changed
from retention.models import Attempt, Collection, LedgerContract, LedgerEvent, LedgerFact, Run
from retention.models.run import RunState
from retention.plan import LedgerSource, Plan, RegisterPlan, plan_of
from retention.suppression_feed import keep_bans

BATCH = 2_000
"""Rows staged at once."""

FEWEST_ROWS_TO_COMPARE = 4
"""A source that told fewer rows than this the time before may shrink as it likes."""

DATED, AWAITED, MISSING = 0, 1, 2
"""How one row stands with an event; of several rows the largest counts."""


class IncompleteError(SelosteError):
    """A source came to its end and cannot be believed; `rows`: how many it told."""

    def __init__(self, message: str, rows: int) -> None:
        super().__init__(message)
        self.rows = rows


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


def forget_dropped_sources(run: Run, plan: Plan) -> None:
    """Rows of a source that the inventory no longer has: nobody would ever correct them."""
    before = (
        Run.objects.filter(organisation=run.organisation, state=RunState.FINISHED).order_by("-business_date").first()
    )
    if before is not None and before.version_id == run.version_id:
        return  # that night did it
    kept = {f"{register.code}:{source.code}" for register in plan.registers for source in register.ledger}
    known = Collection.objects.filter(run__organisation=run.organisation).values_list("source", flat=True).distinct()
    dropped = sorted(set(known) - kept)
    if dropped:
        with transaction.atomic():
            kinds: set[str] = set()
            for table in (LedgerContract, LedgerEvent, LedgerFact):
                mine = table.objects.filter(organisation=run.organisation, source__in=dropped)
                kinds |= set(mine.values_list("subject_kind", flat=True).distinct())
                mine.delete()
            changed(run.organisation_id, kinds)


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
    staged = _Staged(source.mapping)
    try:
        staged.open()
        rows = staged.fill(connector.collect(source.mapping))
        with transaction.atomic():
            fence()
            problems = [*staged.problems(run.organisation.pk, source.subject_kind, name)]
            problems += _shrunk(run, plan, register, source, name, rows)
            if problems:
                raise IncompleteError("; ".join(problems), rows)
            staged.store(run.organisation.pk, source.subject_kind, name)
            _record(run, register, name, rows, token=token)
    finally:
        staged.close()


def _shrunk(run: Run, plan: Plan, register: RegisterPlan, source: LedgerSource, name: str, rows: int) -> Iterator[str]:
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
    if last is None or last.rows < FEWEST_ROWS_TO_COMPARE:
        return
    expected = last.rows - _taken_since(last, plan, register, source, name)
    if expected > 0 and 2 * rows <= expected:
        yield f"fell from {last.rows} rows on {last.run.business_date} to {rows}"


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


def _gone(last: Collection, register: RegisterPlan, datasets: Iterable[str]) -> int:
    tallies = Attempt.objects.filter(
        lot__organisation=last.run.organisation,
        lot__register=register.code,
        lot__dataset__in=datasets,
        run__business_date__gte=last.run.business_date,
        state="outcome",
    ).values_list("tally", flat=True)
    return sum(tally.get(outcome.value, 0) for tally in tallies for outcome in GONE)


_TABLES = (
    """CREATE TEMPORARY TABLE told_contract AS
        SELECT subject, ref, started, ended, closed FROM retention_ledgercontract WHERE 1 = 0""",
    """CREATE TEMPORARY TABLE told_event AS
        SELECT subject, contract, name, thing, date, 0 AS standing, 0 AS earliest
        FROM retention_ledgerevent WHERE 1 = 0""",
    """CREATE TEMPORARY TABLE told_fact AS SELECT subject, name, value FROM retention_ledgerfact WHERE 1 = 0""",
)
_MERGED = """CREATE TEMPORARY TABLE told_once AS
    SELECT subject, contract, name, thing,
        CASE WHEN max(standing) = 2 THEN NULL WHEN max(earliest) = 1 THEN min(date) ELSE max(date) END AS date
    FROM told_event GROUP BY subject, contract, name, thing HAVING max(standing) <> 1"""
_INDEXES = (
    "CREATE INDEX told_contract_key ON told_contract (subject, ref)",
    "CREATE INDEX told_once_key ON told_once (subject, name, contract, thing)",
    "CREATE INDEX told_fact_key ON told_fact (subject, name)",
)
_DROPPED = (
    "DROP TABLE IF EXISTS told_contract",
    "DROP TABLE IF EXISTS told_event",
    "DROP TABLE IF EXISTS told_once",
    "DROP TABLE IF EXISTS told_fact",
)

# Told twice and not the same; then: told by another register too, which would win on one night and lose on the next.
_CONTRACTS_TWICE = """SELECT count(*) FROM (
    SELECT subject, ref FROM (SELECT DISTINCT subject, ref, started, ended, closed FROM told_contract) AS different
    GROUP BY subject, ref HAVING count(*) > 1) AS twice"""
_FACTS_TWICE = """SELECT count(*) FROM (
    SELECT subject, name FROM (SELECT DISTINCT subject, name, value FROM told_fact) AS different
    GROUP BY subject, name HAVING count(*) > 1) AS twice"""
_SUBJECTS_TWICE = """SELECT count(*) FROM (
    SELECT subject, name FROM told_fact GROUP BY subject, name HAVING count(*) > 1) AS twice"""
_CONTRACTS_OF_OTHERS = """SELECT count(*), min(l.source) FROM retention_ledgercontract AS l
    JOIN (SELECT DISTINCT subject, ref FROM told_contract) AS t ON t.subject = l.subject AND t.ref = l.ref
    WHERE l.organisation_id = %s AND l.subject_kind = %s AND l.source <> %s AND l.source NOT LIKE 'api:%%'
        AND l.revision <> -1"""
_FACTS_OF_OTHERS = """SELECT count(*), min(l.source) FROM retention_ledgerfact AS l
    JOIN (SELECT DISTINCT subject, name FROM told_fact) AS t ON t.subject = l.subject AND t.name = l.name
    WHERE l.organisation_id = %s AND l.subject_kind = %s AND l.source <> %s AND l.source NOT LIKE 'api:%%'
        AND l.revision <> -1"""

_SUBJECTS_OF_SOURCE = """SELECT count(*) FROM (
    SELECT subject FROM retention_ledgercontract WHERE organisation_id = %s AND source = %s
    UNION SELECT subject FROM retention_ledgerevent WHERE organisation_id = %s AND source = %s
    UNION SELECT subject FROM retention_ledgerfact WHERE organisation_id = %s AND source = %s) AS told"""

_REMOVE_CONTRACTS = """DELETE FROM retention_ledgercontract
    WHERE organisation_id = %s AND source = %s AND (subject_kind <> %s OR ended IS NULL AND NOT EXISTS (
        SELECT 1 FROM told_contract AS t
        WHERE t.subject = retention_ledgercontract.subject AND t.ref = retention_ledgercontract.ref))"""
_REMOVE_EVENTS = """DELETE FROM retention_ledgerevent
    WHERE organisation_id = %s AND source = %s AND (subject_kind <> %s OR purpose <> %s OR NOT EXISTS (
        SELECT 1 FROM told_once AS t
        WHERE t.subject = retention_ledgerevent.subject AND t.name = retention_ledgerevent.name
            AND t.contract = retention_ledgerevent.contract AND t.thing = retention_ledgerevent.thing)
        AND (date IS NULL OR EXISTS (SELECT 1 FROM told_once AS t WHERE t.subject = retention_ledgerevent.subject)))"""
_REMOVE_FACTS = """DELETE FROM retention_ledgerfact
    WHERE organisation_id = %s AND source = %s AND (subject_kind <> %s OR NOT EXISTS (
        SELECT 1 FROM told_fact AS t
        WHERE t.subject = retention_ledgerfact.subject AND t.name = retention_ledgerfact.name)
        AND EXISTS (SELECT 1 FROM told_fact AS t WHERE t.subject = retention_ledgerfact.subject))"""

_TOLD_CONTRACT = """(SELECT 1 FROM told_contract AS t
        WHERE t.subject = retention_ledgercontract.subject AND t.ref = retention_ledgercontract.ref)"""
_TOLD_EVENT = "(SELECT 1 FROM told_once AS t WHERE t.subject = retention_ledgerevent.subject)"
_TOLD_FACT = "(SELECT 1 FROM told_fact AS t WHERE t.subject = retention_ledgerfact.subject)"
_MARKS = tuple(
    f"""UPDATE {table} SET revision = {after}
    WHERE organisation_id = %s AND source = %s AND revision {"=" if after == 0 else "<>"} -1
        AND {"" if after == 0 else "NOT "}EXISTS {told}"""  # noqa: S608 - constants of this module
    for table, told in (
        ("retention_ledgercontract", _TOLD_CONTRACT),
        ("retention_ledgerevent", _TOLD_EVENT),
        ("retention_ledgerfact", _TOLD_FACT),
    )
    for after in (UNTOLD, 0)
)

_STORE_CONTRACTS = """
    INSERT INTO retention_ledgercontract
        (organisation_id, subject_kind, subject, ref, source, revision, started, ended, closed)
    SELECT %s, %s, subject, ref, %s, 0, started, ended, closed FROM (
        SELECT subject, ref, started, ended, closed FROM told_contract
        EXCEPT SELECT subject, ref, started, ended, closed FROM retention_ledgercontract
            WHERE organisation_id = %s AND subject_kind = %s AND source = %s) AS changed
    WHERE 1 = 1
    ON CONFLICT (organisation_id, subject_kind, subject, ref) DO UPDATE SET
        source = excluded.source, revision = excluded.revision,
        started = excluded.started, ended = excluded.ended, closed = excluded.closed"""
_STORE_EVENTS = """
    INSERT INTO retention_ledgerevent
        (organisation_id, subject_kind, subject, contract, purpose, name, thing, source, revision, date)
    SELECT %s, %s, subject, contract, %s, name, thing, %s, 0, date FROM (
        SELECT subject, contract, name, thing, date FROM told_once
        EXCEPT SELECT subject, contract, name, thing, date FROM retention_ledgerevent
            WHERE organisation_id = %s AND subject_kind = %s AND source = %s) AS changed
    WHERE 1 = 1
    ON CONFLICT (organisation_id, subject_kind, subject, contract, purpose, name, thing, source) DO UPDATE SET
        date = excluded.date"""
_STORE_FACTS = """
    INSERT INTO retention_ledgerfact (organisation_id, subject_kind, subject, name, source, revision, value)
    SELECT %s, %s, subject, name, %s, 0, value FROM (
        SELECT subject, name, value FROM told_fact
        EXCEPT SELECT subject, name, value FROM retention_ledgerfact
            WHERE organisation_id = %s AND subject_kind = %s AND source = %s) AS changed
    WHERE 1 = 1
    ON CONFLICT (organisation_id, subject_kind, subject, name) DO UPDATE SET
        source = excluded.source, revision = excluded.revision, value = excluded.value"""


def _stage(cursor: Any, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Put rows into one of our temporary tables; on PostgreSQL as one stream, which is several times faster."""
    if not rows:
        return
    if connection.vendor != "postgresql":
        places = ", ".join(["%s"] * len(rows[0]))
        cursor.executemany(f"INSERT INTO {table} VALUES ({places})", rows)  # noqa: S608 - constants of this module
        return
    with cursor.copy(f"COPY {table} FROM STDIN") as stream:
        for row in rows:
            stream.write_row(row)


class _Staged:
    """One source's rows in temporary tables of the connection."""

    def __init__(self, mapping: LedgerMapping) -> None:
        self.mapping = mapping
        self.tells_contracts = bool(mapping.started or mapping.ended)
        self.backwards = self.unreadable = 0
        mapped = sorted(CONTRACT_EVENTS & set(mapping.events))
        if mapped:
            raise SelosteError(f"{', '.join(mapped)} of a contract is mapped as started and ended, not as an event")

    def open(self) -> None:
        self.close()
        self._run(*_TABLES)

    def close(self) -> None:
        self._run(*_DROPPED)

    def _run(self, *statements: str) -> None:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def fill(self, told: Iterable[LedgerRow]) -> int:
        """Stage every row; how many had a number. A row without one is nobody's."""
        rows = 0
        stream = (row for row in told if row.subject.strip())
        while batch := list(islice(stream, BATCH)):
            rows += len(batch)
            readable = [row for row in batch if self._readable(row)]
            with connection.cursor() as cursor:
                if self.tells_contracts:
                    values = [(r.subject, r.contract or "", r.started, r.ended, r.closed) for r in readable]
                    _stage(cursor, "told_contract", values)
                if self.mapping.events:
                    _stage(cursor, "told_event", [told for row in readable for told in self._events(row)])
                if self.mapping.facts:
                    facts = [
                        (row.subject, name, json.dumps(value))
                        for row in readable
                        for name, value in row.facts.items()
                        if value is not None
                    ]
                    _stage(cursor, "told_fact", facts)
        self._run(_MERGED, *_INDEXES)
        return rows

    def _readable(self, row: LedgerRow) -> bool:
        texts = (row.subject, row.contract or "", row.thing)
        numbered = bool(row.contract) or not self.tells_contracts
        if not numbered or any(len(text) > LONGEST or "\x00" in text for text in texts):
            self.unreadable += 1
            return False
        if row.started is not None and row.ended is not None and row.ended < row.started:
            self.backwards += 1
            return False
        return True

    def _events(self, row: LedgerRow) -> Iterator[tuple[Any, ...]]:
        for name, day in row.events.items():
            entry = event(name)
            contract = "" if entry.grain is Grain.SUBJECT else row.contract or ""
            key = (row.subject, contract, name, row.thing)
            earliest = int(entry.many == "first")
            if day is not None and not (day >= NEVER and entry.absent is Absent.AWAITED):
                yield (*key, day, DATED, earliest)
            elif entry.absent is Absent.MISSING or (entry.absent is Absent.AWAITED and row.closed):
                yield (*key, None, MISSING, earliest)
            elif entry.absent is Absent.AWAITED and row.events.get(entry.opened_by, NEVER) is not None:
                yield (*key, None, AWAITED, earliest)

    def problems(self, organisation: int, subject_kind: str, source: str) -> Iterator[str]:
        """What is wrong with the source as a whole, counted."""
        if self.unreadable:
            yield f"{self.unreadable} rows have a number that is left out, too long or not text"
        if self.backwards:
            yield f"{self.backwards} contracts end before they start"
        # a table of facts alone is a list of subjects: a number that stands there twice is a mistake in any case
        subjects = bool(self.mapping.facts) and not (self.mapping.events or self.tells_contracts)
        with connection.cursor() as cursor:
            for statement, what in (
                (_CONTRACTS_TWICE, "contracts are told twice, and differently"),
                (_SUBJECTS_TWICE if subjects else _FACTS_TWICE, "facts are told twice"),
            ):
                cursor.execute(statement)
                (twice,) = cursor.fetchone()
                if twice:
                    yield f"{twice} {what}"
            for what, statement in (("contracts", _CONTRACTS_OF_OTHERS), ("facts", _FACTS_OF_OTHERS)):
                cursor.execute(statement, (organisation, subject_kind, source))
                others, other = cursor.fetchone()
                if others:
                    yield f"{others} {what} are told by {other} too"

    def store(self, organisation: int, subject_kind: str, source: str) -> None:
        """Make the ledger say what the source told, in the caller's transaction."""
        mine = (organisation, subject_kind, source)
        gone = (organisation, source, subject_kind)
        statements = [
            (_REMOVE_CONTRACTS, gone),
            (_REMOVE_EVENTS, (*gone, self.mapping.purpose)),
            (_REMOVE_FACTS, gone),
            (_STORE_CONTRACTS, (*mine, *mine)),
            (_STORE_EVENTS, (organisation, subject_kind, self.mapping.purpose, source, *mine)),
            (_STORE_FACTS, (*mine, *mine)),
            *((mark, (organisation, source)) for mark in _MARKS),
        ]
        rows = 0
        with connection.cursor() as cursor:
            for statement, values in statements:
                cursor.execute(statement, values)
                rows += cursor.rowcount
        if rows:
            changed(organisation, [subject_kind])
