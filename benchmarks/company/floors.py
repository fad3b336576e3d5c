"""The floors: what SQL written by hand for these five tables can do.

F  the deletion alone. The due keys lie in memory, a lot of 20,000 is one array and one transaction, and the statement
   asks the row's own condition, the holds and the debts again.
H  the whole night in the database: evaluate, flag into a table, delete lot by lot with the same conditions.

Both are durable (a synced commit a lot), and neither tells what went, reads back, or survives a kill with its count.
The arrays stand in a subselect, where the planner does not look into them and always takes the index; whom holds and
debts keep is asked once a customer in a hashed subplan, which `is true` and `offset 0` keep from being pulled up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import perf_counter

import psycopg

from benchmarks.company.rules import BY_HAND, FREE, Written

LOT = 20_000
Connection = psycopg.Connection[tuple[object, ...]]
Lot = tuple[list[int], list[int]]
"""Keys, and the customers whose they are, each once."""


def _delete(table: Written, keys: str, subjects: str) -> bytes:
    return (
        f"delete from {table.table} t where t.id = any(({keys})::int8[]) and {table.again}"  # noqa: S608 - constants
        f" and (t.{table.subject} in (select s.k from unnest(({subjects})::int8[]) s(k)"
        f" where {FREE.format('s.k')} offset 0)) is true"
    ).encode()


def lots(db: Connection, size: int = LOT) -> Mapping[str, Sequence[Lot]]:
    """What F deletes, asked before its clock starts."""
    found: dict[str, list[Lot]] = {}
    for table in BY_HAND:
        asked = (
            f"select t.id, t.{table.subject} from {table.table} t where {table.due}"  # noqa: S608 - constants
            f" and {FREE.format(f't.{table.subject}')} order by t.id"
        )
        rows = [(int(str(key)), int(str(subject))) for key, subject in db.execute(asked.encode())]
        parts = [rows[start : start + size] for start in range(0, len(rows), size)]
        found[table.table] = [([key for key, _ in part], sorted({who for _, who in part})) for part in parts]
    return found


def _array(numbers: Sequence[int]) -> str:
    return "{" + ",".join(map(str, numbers)) + "}"


def floor(db: Connection, chosen: Mapping[str, Sequence[Lot]]) -> float:
    """F: seconds of deleting these."""
    begun = perf_counter()
    for table in BY_HAND:
        statement = _delete(table, "select %s::int8[]", "select %s::int8[]")
        for keys, subjects in chosen[table.table]:
            gone = db.execute(statement, (_array(keys), _array(subjects))).rowcount
            if gone != len(keys):
                raise SystemExit(f"{table.table}: {gone} of {len(keys)} keys went")
    return perf_counter() - begun


FLAGS = "create table flag(dataset int2 not null, lot int4 not null, key int8 not null, subject int8 not null)"
FLAG_INDEX = "create index on flag(dataset, lot)"


def night(db: Connection) -> float:
    """H: seconds of evaluating, flagging and deleting. Nothing is known beforehand."""
    begun = perf_counter()
    db.execute(FLAGS)
    counts = []
    for number, table in enumerate(BY_HAND):
        chosen = (
            f"insert into flag select {number}, (row_number() over () - 1) / {LOT}, t.id, t.{table.subject}"  # noqa: S608
            f" from {table.table} t where {table.due} and {FREE.format(f't.{table.subject}')}"
        )
        counts.append(db.execute(chosen.encode()).rowcount)
    db.execute(FLAG_INDEX)
    for number, table in enumerate(BY_HAND):
        mine = f"from flag where dataset = {number} and lot = %s"
        statement = _delete(table, f"select array_agg(key) {mine}", f"select array_agg(distinct subject) {mine}")
        for lot in range(-(-counts[number] // LOT)):
            with db.transaction():
                db.execute(statement, (lot, lot))
                db.execute(f"delete {mine}".encode(), (lot,))
    return perf_counter() - begun
