"""A SQLite file from a schema and rows: the same rows give the same bytes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

Value = str | int | float | bytes | None
Rows = Iterable[Sequence[Value]]


def write(path: Path, schema: str, tables: dict[str, Rows], then: str = "") -> None:
    """Make the file: `schema`, then each table's rows in column order, then `then` (triggers, indexes)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as database:
        database.executescript(schema)
        with database:
            for table, rows in tables.items():
                every = list(rows)
                if every:
                    marks = ", ".join("?" * len(every[0]))
                    database.executemany(f"INSERT INTO {table} VALUES ({marks})", every)  # noqa: S608 - our own names
        database.executescript(then)
