"""One database: its connections and transactions, and its errors without anything that it holds.

Other people's databases are left as they are: nothing is written but what `dispose` destroys (and its receipts).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from retention.connectors.contract import ConnectorError
from retention.connectors.sql.catalogue import Catalogue
from retention.connectors.sql.changes import Counts, Written
from retention.connectors.sql.idiom import Idiom
from retention.connectors.sql.values import Days


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to wait: for another program's lock, for a connection, for one statement."""

    lock: float
    connect: float
    statement: float


@dataclass(frozen=True, slots=True)
class Need:
    """What is done to one table, for the rights that it takes: SELECT on columns, DELETE, UPDATE of columns, INSERT."""

    table: str
    select: tuple[str, ...] = ()
    delete: bool = False
    update: tuple[str, ...] = ()
    insert: tuple[str, ...] = ()
    lock: bool = False


class Database(ABC):
    """Each `connect` is a connection of its own. Subclasses say which database it is."""

    idiom: Idiom
    _engine: sa.Engine

    def __init__(self, days: Days, patience: Patience) -> None:
        self.days = days
        self.patience = patience

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    @abstractmethod
    def catalogue(self, connection: sa.Connection) -> Catalogue:
        """What is declared there now."""

    @abstractmethod
    def missing_rights(self, connection: sa.Connection, catalogue: Catalogue, needs: Sequence[Need]) -> tuple[str, ...]:
        """Which of these rights we lack, as a person would be asked for them."""

    def clock(self, connection: sa.Connection) -> datetime | None:
        """The server's clock, with its offset; None where the database has no clock of its own."""
        return None

    def written(self, connection: sa.Connection, places: Sequence[str]) -> Mapping[str, Written]:
        """Place -> what was written there; without those of which it cannot be told."""
        return {}

    def own_writes(self, connection: sa.Connection) -> Mapping[int, Counts] | None:
        """What the transaction has written so far, as `written` will count it; None where that cannot be told."""
        return None

    @abstractmethod
    def classified(self, error: DBAPIError) -> ConnectorError:
        """A driver's error as ours, with no value, statement, name or path of theirs."""

    @abstractmethod
    def refuses(self, error: DBAPIError) -> bool:
        """Whether a constraint or trigger keeps a row, which is no failure of the database."""

    @contextmanager
    def connect(self) -> Iterator[sa.Connection]:
        """A connection; every statement stands alone until `transaction`. Raises ConnectorError."""
        with self.told(), self._engine.connect() as connection:
            yield connection

    def open(self) -> sa.Connection:
        """A connection that the caller closes. Raises ConnectorError."""
        with self.told():
            return self._engine.connect()

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """All of it is kept, or nothing. Here: by the rules of SQL alone, for a subclass to say more."""
        with self.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def streamed(self, question: sa.Select[Any], size: int) -> Iterator[sa.MappingResult]:
        """The rows of one statement, a few in memory at a time, on a connection that does nothing else."""
        with self.snapshot() as connection:
            options = {"stream_results": True, "max_row_buffer": size}
            with connection.execute(question, execution_options=options) as result:
                yield result.mappings()

    @contextmanager
    def snapshot(self) -> Iterator[sa.Connection]:
        """A connection for one long answer."""
        with self.connect() as connection:
            yield connection

    @abstractmethod
    def rewrite(self) -> None:
        """Leave no deleted byte behind, where that is ours to do."""

    @contextmanager
    def told(self) -> Iterator[None]:
        """Turns a database's error into one that names its kind, and no value, statement or path."""
        try:
            yield
        except DBAPIError as error:
            raise self._first_of(error) from None
        except SQLAlchemyError as error:
            raise ConnectorError(f"the database could not be asked ({type(error).__name__})", permanent=True) from None

    def _first_of(self, error: DBAPIError) -> ConnectorError:
        """Of a failure and the failures to clean up after it, the first: a savepoint is gone with its deadlock."""
        found = [error]
        context = error.__context__
        while context is not None:
            if isinstance(context, DBAPIError):
                found.append(context)
            context = context.__context__
        return self.classified(found[-1])
