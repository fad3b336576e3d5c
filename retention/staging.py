"""Rows of a source of truth on their way into the ledger: staged in temporary tables of our connection.

Several rows may tell of the same event (same subject, contract, event and thing). A missing date among them
makes it missing, one that is still awaited makes it not recorded; otherwise the catalogue says which
day counts. Each way the answer is the one that keeps longer. What is still awaited is stored by itself (`LedgerOpen`),
each source's own: it outweighs what another tells as ended, whichever of them was collected first.

A source that was read as a whole is `store`d: what it no longer tells is removed. What it told of some people only is
`take_in`: of the others, and of what of theirs has gone, nothing follows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import islice
from typing import Any, NamedTuple

from django.db import connection

from retention.connectors.contract import LedgerMapping, LedgerRow
from retention.domain.errors import SelosteError
from retention.domain.events import CATALOGUE, NEVER, OUTWEIGHING, Absent, event
from retention.domain.items import CONTRACT_EVENTS, last_told
from retention.domain.rules import Grain
from retention.ledger import LONGEST, UNTOLD, changed, changed_whole, contracts_told
from ropa.models import Organisation

BATCH = 2_000
"""Rows staged at once."""

ASKED = 10_000
"""People whose contracts are compared at once."""

NOTHING, DATED, AWAITED, MISSING = -1, 0, 1, 2
"""How one row stands with an event; of several rows the largest counts."""


MANY = 10_000
"""After so many rows that are new, the database counts anew: the night would ask by what it knew of an empty ledger."""

_Statement = tuple[str, tuple[int | str, ...]]


class IncompleteError(SelosteError):
    """A source came to its end and cannot be believed; `rows`: how many it told."""

    def __init__(self, message: str, rows: int) -> None:
        super().__init__(message)
        self.rows = rows


_TABLES = (
    """CREATE TEMPORARY TABLE told_contract AS
        SELECT subject, ref, started, ended, closed FROM retention_ledgercontract WHERE 1 = 0""",
    """CREATE TEMPORARY TABLE told_event AS
        SELECT subject, contract, name, thing, date, 0 AS standing, 0 AS earliest
        FROM retention_ledgerevent WHERE 1 = 0""",
    """CREATE TEMPORARY TABLE told_fact AS SELECT subject, name, value FROM retention_ledgerfact WHERE 1 = 0""",
)
_OUTWEIGHING = ", ".join(f"'{name}'" for name in sorted(OUTWEIGHING))
_MERGED = f"""CREATE TEMPORARY TABLE told_once AS
    SELECT subject, contract, name, thing,
        CASE WHEN max(standing) = 2 THEN NULL WHEN max(earliest) = 1 THEN min(date) ELSE max(date) END AS date,
        CASE WHEN max(standing) IN (0, 2) THEN 1 ELSE 0 END AS recorded,
        CASE WHEN max(standing) = 1 AND name IN ({_OUTWEIGHING}) THEN 1 ELSE 0 END AS still_open
    FROM told_event GROUP BY subject, contract, name, thing"""  # noqa: S608 - names of the catalogue's
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

_ANALYSED = tuple(f"ANALYZE retention_ledger{what}" for what in ("contract", "event", "open", "fact"))

# Told twice and not the same; then: told by another register too, which would win on one night and lose on the next.
_CONTRACTS_TWICE = """SELECT count(*) FROM (
    SELECT subject, ref FROM (SELECT DISTINCT subject, ref, started, ended, closed FROM told_contract) AS different
    GROUP BY subject, ref HAVING count(*) > 1) AS twice"""
_FACTS_TWICE = """SELECT count(*) FROM (
    SELECT subject, name FROM (
        SELECT DISTINCT subject, name, value FROM told_fact WHERE value IS NOT NULL) AS different
    GROUP BY subject, name HAVING count(*) > 1) AS twice"""
_SUBJECTS_TWICE = """SELECT count(*) FROM (
    SELECT subject, name FROM told_fact WHERE value IS NOT NULL
    GROUP BY subject, name HAVING count(*) > 1) AS twice"""
_CONTRACTS_OF_OTHERS = """SELECT count(*), min(l.source) FROM retention_ledgercontract AS l
    JOIN (SELECT DISTINCT subject, ref FROM told_contract) AS t ON t.subject = l.subject AND t.ref = l.ref
    WHERE l.organisation_id = %s AND l.subject_kind = %s AND l.source <> %s AND l.source NOT LIKE 'api:%%'
        AND l.revision <> -1"""
_FACTS_OF_OTHERS = """SELECT count(*), min(l.source) FROM retention_ledgerfact AS l
    JOIN (SELECT DISTINCT subject, name FROM told_fact WHERE value IS NOT NULL) AS t
        ON t.subject = l.subject AND t.name = l.name
    WHERE l.organisation_id = %s AND l.subject_kind = %s AND l.source <> %s AND l.source NOT LIKE 'api:%%'
        AND l.revision <> -1"""

_RUN = "l.organisation_id = %s AND l.subject_kind = %s AND l.source = %s AND l.revision <> -1 AND l.ended IS NULL"
_RUNNING = f"SELECT count(*) FROM retention_ledgercontract AS l WHERE {_RUN} AND NOT l.closed"  # noqa: S608 - constants
_ENDED = f"""SELECT count(*) FROM (SELECT DISTINCT subject, ref FROM told_contract WHERE closed OR ended <= %s) AS t
    JOIN retention_ledgercontract AS l ON l.subject = t.subject AND l.ref = t.ref
    WHERE {_RUN} AND NOT l.closed"""  # noqa: S608 - constants of this module
_VANISHED = f"""SELECT count(*) FROM retention_ledgercontract AS l WHERE {_RUN} AND NOT l.closed AND NOT EXISTS (
    SELECT 1 FROM told_contract AS t WHERE t.subject = l.subject AND t.ref = l.ref)"""  # noqa: S608 - constants
_TOLD_CONTRACTS = "SELECT count(*) FROM (SELECT DISTINCT subject, ref FROM told_contract) AS told"

# Of somebody who still has another contract one whose end nobody told is not taken out, unless another one runs: the
# end of the other, years ago perhaps, would become theirs. It is marked, and counts as closed since nobody knows when.
_REMOVE_CONTRACTS = """DELETE FROM retention_ledgercontract
    WHERE organisation_id = %s AND source = %s AND (subject_kind <> %s OR ended IS NULL AND NOT EXISTS (
        SELECT 1 FROM told_contract AS t
        WHERE t.subject = retention_ledgercontract.subject AND t.ref = retention_ledgercontract.ref)
        AND (EXISTS (
            SELECT 1 FROM told_contract AS t
            WHERE t.subject = retention_ledgercontract.subject AND t.ended IS NULL AND NOT t.closed)
        OR NOT EXISTS (
            SELECT 1 FROM told_contract AS t WHERE t.subject = retention_ledgercontract.subject)
        AND NOT EXISTS (
            SELECT 1 FROM retention_ledgercontract AS l
            WHERE l.organisation_id = retention_ledgercontract.organisation_id
                AND l.subject_kind = retention_ledgercontract.subject_kind
                AND l.subject = retention_ledgercontract.subject
                AND (l.ended IS NOT NULL OR l.source <> retention_ledgercontract.source))))"""
_REMOVE_EVENTS = """DELETE FROM retention_ledgerevent
    WHERE organisation_id = %s AND source = %s AND (subject_kind <> %s OR purpose <> %s OR NOT EXISTS (
        SELECT 1 FROM told_once AS t
        WHERE t.recorded = 1 AND t.subject = retention_ledgerevent.subject AND t.name = retention_ledgerevent.name
            AND t.contract = retention_ledgerevent.contract AND t.thing = retention_ledgerevent.thing)
        AND (date IS NULL OR EXISTS (SELECT 1 FROM told_once AS t WHERE t.subject = retention_ledgerevent.subject)))"""
# What its person's rows say no more is not open; of whom nothing is told any more nobody knows whether it has ended.
_REMOVE_OPEN = """DELETE FROM retention_ledgeropen
    WHERE organisation_id = %s AND source = %s AND (subject_kind <> %s OR purpose <> %s OR NOT EXISTS (
        SELECT 1 FROM told_once AS t
        WHERE t.still_open = 1 AND t.subject = retention_ledgeropen.subject AND t.name = retention_ledgeropen.name
            AND t.contract = retention_ledgeropen.contract AND t.thing = retention_ledgeropen.thing)
        AND EXISTS (SELECT 1 FROM told_once AS t WHERE t.subject = retention_ledgeropen.subject))"""
_REMOVE_FACTS = """DELETE FROM retention_ledgerfact
    WHERE organisation_id = %s AND source = %s AND (subject_kind <> %s OR NOT EXISTS (
        SELECT 1 FROM told_fact AS t
        WHERE t.subject = retention_ledgerfact.subject AND t.name = retention_ledgerfact.name
            AND t.value IS NOT NULL)
        AND EXISTS (SELECT 1 FROM told_fact AS t WHERE t.subject = retention_ledgerfact.subject))"""

_TOLD_CONTRACT = """(SELECT 1 FROM told_contract AS t
        WHERE t.subject = retention_ledgercontract.subject AND t.ref = retention_ledgercontract.ref)"""
_TOLD_EVENT = "(SELECT 1 FROM told_once AS t WHERE t.subject = retention_ledgerevent.subject)"
_TOLD_OPEN = "(SELECT 1 FROM told_once AS t WHERE t.subject = retention_ledgeropen.subject)"
_TOLD_FACT = "(SELECT 1 FROM told_fact AS t WHERE t.subject = retention_ledgerfact.subject)"


# What a source told that the inventory no longer has goes once another one tells of the same: the contract and the
# fact are overwritten, since they are one source's alone; an event has a row of each. Where nothing tells one debt or
# dispute from the next (no thing, no contract) it is the same only if it stands the same.
_NAMED = {
    grain: ", ".join(f"'{name}'" for name, entry in sorted(CATALOGUE.items()) if entry.grain is grain)
    for grain in (Grain.SUBJECT, Grain.CONTRACT)
}


def _told_elsewhere(table: str, alike: str) -> str:
    return f"""DELETE FROM {table}
    WHERE organisation_id = %s AND subject_kind = %s AND purpose = %s AND source = %s AND revision = -1 AND EXISTS (
        SELECT 1 FROM told_once AS t
        WHERE (t.recorded = 1 OR t.still_open = 1) AND t.subject = {table}.subject AND t.name = {table}.name
            AND t.contract = {table}.contract AND t.thing = {table}.thing
            AND ({table}.thing <> '' OR {table}.name IN ({_NAMED[Grain.SUBJECT]})
                OR {table}.contract <> '' AND {table}.name IN ({_NAMED[Grain.CONTRACT]}) OR {alike}))"""  # noqa: S608 - constants of this module


_TOLD_ELSEWHERE = (
    _told_elsewhere(
        "retention_ledgerevent",
        "t.date = retention_ledgerevent.date OR t.date IS NULL AND retention_ledgerevent.date IS NULL"
        " OR t.still_open = 1 AND retention_ledgerevent.date IS NULL",
    ),
    _told_elsewhere("retention_ledgeropen", "t.still_open = 1"),
)


def _mark(table: str, told: str, after: int) -> str:
    there, now = ("=", "") if after == 0 else ("<>", "NOT ")
    closed = ", closed = closed OR ended IS NULL" if after == UNTOLD and table == "retention_ledgercontract" else ""
    return f"""UPDATE {table} SET revision = {after}{closed}
    WHERE organisation_id = %s AND source = %s AND revision {there} -1 AND {now}EXISTS {told}"""  # noqa: S608 - constants of this module


_TOLD = (
    ("retention_ledgercontract", _TOLD_CONTRACT),
    ("retention_ledgerevent", _TOLD_EVENT),
    ("retention_ledgeropen", _TOLD_OPEN),
    ("retention_ledgerfact", _TOLD_FACT),
)
_TOLD_NO_MORE = tuple(_mark(table, told, UNTOLD) for table, told in _TOLD)
_TOLD_AGAIN = tuple(_mark(table, told, 0) for table, told in _TOLD)

# New or changed rows; {among}: which of the ledger's own rows they are held against.
_STORE_CONTRACTS = """
    INSERT INTO retention_ledgercontract
        (organisation_id, subject_kind, subject, ref, source, revision, started, ended, closed)
    SELECT %s, %s, subject, ref, %s, 0, started, ended, closed FROM (
        SELECT subject, ref, started, ended, closed FROM told_contract
        EXCEPT SELECT subject, ref, started, ended, closed FROM retention_ledgercontract
            WHERE organisation_id = %s AND subject_kind = %s AND source = %s{among}) AS changed
    WHERE 1 = 1
    ON CONFLICT (organisation_id, subject_kind, subject, ref) DO UPDATE SET
        source = excluded.source, revision = excluded.revision,
        started = excluded.started, ended = excluded.ended, closed = excluded.closed"""
_STORE_EVENTS = """
    INSERT INTO retention_ledgerevent
        (organisation_id, subject_kind, subject, contract, purpose, name, thing, source, revision, date)
    SELECT %s, %s, subject, contract, %s, name, thing, %s, 0, date FROM (
        SELECT subject, contract, name, thing, date FROM told_once WHERE recorded = 1
        EXCEPT SELECT subject, contract, name, thing, date FROM retention_ledgerevent
            WHERE organisation_id = %s AND subject_kind = %s AND source = %s{among}) AS changed
    WHERE 1 = 1
    ON CONFLICT (organisation_id, subject_kind, subject, contract, purpose, name, thing, source) DO UPDATE SET
        date = excluded.date"""
_STORE_OPEN = """
    INSERT INTO retention_ledgeropen
        (organisation_id, subject_kind, subject, contract, purpose, name, thing, source, revision)
    SELECT %s, %s, subject, contract, %s, name, thing, %s, 0 FROM (
        SELECT subject, contract, name, thing FROM told_once WHERE still_open = 1
        EXCEPT SELECT subject, contract, name, thing FROM retention_ledgeropen
            WHERE organisation_id = %s AND subject_kind = %s AND source = %s{among}) AS changed
    WHERE 1 = 1
    ON CONFLICT (organisation_id, subject_kind, subject, contract, purpose, name, thing, source) DO NOTHING"""
_STORE_FACTS = """
    INSERT INTO retention_ledgerfact (organisation_id, subject_kind, subject, name, source, revision, value)
    SELECT %s, %s, subject, name, %s, 0, value FROM (
        SELECT subject, name, value FROM told_fact WHERE value IS NOT NULL
        EXCEPT SELECT subject, name, value FROM retention_ledgerfact
            WHERE organisation_id = %s AND subject_kind = %s AND source = %s{among}) AS changed
    WHERE 1 = 1
    ON CONFLICT (organisation_id, subject_kind, subject, name) DO UPDATE SET
        source = excluded.source, revision = excluded.revision, value = excluded.value"""
_STORES = tuple(one.replace("{among}", "") for one in (_STORE_CONTRACTS, _STORE_EVENTS, _STORE_OPEN, _STORE_FACTS))
_STORES_OF_SOME = (
    _STORE_CONTRACTS.replace("{among}", " AND subject IN (SELECT subject FROM told_contract)"),
    _STORE_EVENTS.replace("{among}", " AND subject IN (SELECT subject FROM told_once)"),
    _STORE_OPEN.replace("{among}", " AND subject IN (SELECT subject FROM told_once)"),
    _STORE_FACTS.replace("{among}", " AND subject IN (SELECT subject FROM told_fact)"),
)

# What rows that were told now say no more: an end that was taken back, a debt that is open again, a fact of none.
_TAKEN_BACK_EVENTS = """DELETE FROM retention_ledgerevent WHERE id IN (
    SELECT l.id FROM (SELECT subject, contract, name, thing FROM told_once WHERE recorded = 0) AS t
    JOIN retention_ledgerevent AS l ON l.subject = t.subject AND l.contract = t.contract AND l.name = t.name
        AND l.thing = t.thing
    WHERE l.organisation_id = %s AND l.subject_kind = %s AND l.source = %s AND l.purpose = %s)"""
_TAKEN_BACK_OPEN = """DELETE FROM retention_ledgeropen WHERE id IN (
    SELECT l.id FROM (SELECT subject, contract, name, thing FROM told_once WHERE still_open = 0) AS t
    JOIN retention_ledgeropen AS l ON l.subject = t.subject AND l.contract = t.contract AND l.name = t.name
        AND l.thing = t.thing
    WHERE l.organisation_id = %s AND l.subject_kind = %s AND l.source = %s AND l.purpose = %s)"""
_TAKEN_BACK_FACTS = """DELETE FROM retention_ledgerfact WHERE id IN (
    SELECT l.id FROM (
        SELECT subject, name FROM told_fact GROUP BY subject, name HAVING count(value) = 0) AS t
    JOIN retention_ledgerfact AS l ON l.subject = t.subject AND l.name = t.name
    WHERE l.organisation_id = %s AND l.subject_kind = %s AND l.source = %s)"""


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


class Ends(NamedTuple):
    """Contracts that run by what the ledger knows; of them those told to have ended, and those told no more."""

    running: int = 0
    ended: int = 0
    vanished: int = 0


class Staged:
    """One source's rows in temporary tables of the connection."""

    def __init__(self, mapping: LedgerMapping, *, of_some: bool = False) -> None:
        """`of_some`: of some people only, so that nothing follows of whoever has no row."""
        self.mapping = mapping
        self.of_some = of_some
        self.tells_contracts = bool(mapping.started or mapping.ended)
        self.backwards = self.unreadable = 0
        self._open = False
        mapped = sorted(CONTRACT_EVENTS & set(mapping.events))
        if mapped:
            raise SelosteError(f"{', '.join(mapped)} of a contract is mapped as started and ended, not as an event")

    def close(self) -> None:
        if self._open:
            self._run(*_DROPPED)
            self._open = False

    def _run(self, *statements: str) -> None:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def fill(self, told: Iterable[LedgerRow]) -> int:
        """Stage every row; how many had a number. A row without one is nobody's.

        Of some people who have no row nothing is staged, and nothing can be taken in.
        """
        rows = 0
        stream = (row for row in told if row.subject.strip())
        batch = list(islice(stream, BATCH))
        if self.of_some and not batch:
            return 0
        self._run(*_DROPPED, *_TABLES)
        self._open = True
        while batch:
            rows += len(batch)
            readable = [row for row in batch if self._readable(row)]
            with connection.cursor() as cursor:
                if self.tells_contracts:
                    values = [(r.subject, r.contract or "", r.started, last_told(r.ended), r.closed) for r in readable]
                    _stage(cursor, "told_contract", values)
                if self.mapping.events:
                    _stage(cursor, "told_event", [told for row in readable for told in self._events(row)])
                if self.mapping.facts:
                    facts = [
                        (row.subject, name, None if value is None else json.dumps(value))
                        for row in readable
                        for name, value in row.facts.items()
                    ]
                    _stage(cursor, "told_fact", facts)
            batch = list(islice(stream, BATCH))
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
            else:
                yield (*key, None, NOTHING, earliest)

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

    def ended(self, organisation: int, subject_kind: str, source: str, today: date) -> Ends:
        """What became of the contracts that run, by what the ledger knows."""
        if not self.tells_contracts:
            return Ends()
        mine = (organisation, subject_kind, source)
        with connection.cursor() as cursor:
            cursor.execute(_ENDED, (today.isoformat(), *mine))
            (ended,) = cursor.fetchone()
            cursor.execute(_VANISHED, mine)
            (vanished,) = cursor.fetchone()
            running = 0
            if ended or vanished:
                cursor.execute(_RUNNING, mine)
                (running,) = cursor.fetchone()
        return Ends(running, ended, vanished)

    def contracts(self) -> int:
        """How many contracts were told, one that was told twice counted once."""
        with connection.cursor() as cursor:
            cursor.execute(_TOLD_CONTRACTS)
            (told,) = cursor.fetchone()
        return int(told)

    def store(self, organisation: int, subject_kind: str, source: str, dropped: Iterable[str] = ()) -> None:
        """Make the ledger say what the source told, in the caller's transaction.

        `dropped`: sources that the inventory no longer has; what they told of the same goes.
        """
        mine = (organisation, source, subject_kind)
        statements = [
            (_REMOVE_CONTRACTS, mine),
            (_REMOVE_EVENTS, (*mine, self.mapping.purpose)),
            (_REMOVE_OPEN, (*mine, self.mapping.purpose)),
            (_REMOVE_FACTS, mine),
            *self._stored(_STORES, organisation, subject_kind, source),
            *((mark, (organisation, source)) for mark in (*_TOLD_NO_MORE, *_TOLD_AGAIN)),
            *(
                (once, (organisation, subject_kind, self.mapping.purpose, gone))
                for gone in dropped
                for once in _TOLD_ELSEWHERE
            ),
        ]
        rows = _write(statements, organisation, subject_kind)
        if rows:
            changed_whole(organisation, subject_kind)
        if rows > MANY and connection.vendor == "postgresql":
            self._run(*_ANALYSED)

    def take_in(self, organisation: int, subject_kind: str, source: str) -> bool:
        """Make the ledger say what was told of some people, in the caller's transaction; whether that was new to it."""
        mine = (organisation, subject_kind, source)
        statements = [
            (_TAKEN_BACK_EVENTS, (*mine, self.mapping.purpose)),
            (_TAKEN_BACK_OPEN, (*mine, self.mapping.purpose)),
            (_TAKEN_BACK_FACTS, mine),
            *self._stored(_STORES_OF_SOME, organisation, subject_kind, source),
            *((mark, (organisation, source)) for mark in _TOLD_AGAIN),
        ]
        return bool(_write(statements, organisation, subject_kind))

    def _stored(
        self, stores: tuple[str, ...], organisation: int, subject_kind: str, source: str
    ) -> Iterator[_Statement]:
        mine = (organisation, subject_kind, source)
        contracts, events, still_open, facts = stores
        yield contracts, (*mine, *mine)
        yield events, (organisation, subject_kind, self.mapping.purpose, source, *mine)
        yield still_open, (organisation, subject_kind, self.mapping.purpose, source, *mine)
        yield facts, (*mine, *mine)


def nothing_new(organisation: Organisation, subject_kind: str, source: str, told: Sequence[LedgerRow]) -> bool:
    """Whether the ledger has each of these contracts from the source just as it is told now, and tells no less."""
    contracts = {(row.subject, row.contract, row.started, last_told(row.ended), row.closed) for row in told}
    subjects, known = sorted({row.subject for row in told}), set()
    for start in range(0, len(subjects), ASKED):
        known |= contracts_told(organisation, subject_kind, source, subjects[start : start + ASKED])
    return contracts <= known


def _write(statements: Iterable[_Statement], organisation: int, subject_kind: str) -> int:
    """The number of rows that are other ones now."""
    rows = 0
    with connection.cursor() as cursor:
        for statement, values in statements:
            cursor.execute(statement, values)
            rows += cursor.rowcount
    if rows:
        changed(organisation, [subject_kind])
    return rows
