"""Receipts: a row in a table of the register, written in the transaction in which an item goes.

Where the answer to a disposal was lost, the receipt says that it was ours: the same key is then `recovered`, not
`already_absent`, however often it is asked. A token tells nobody which item it was, nor what of it went: of columns
that were emptied it is another than of the row, so that whoever deletes that row later is not taken for us.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from retention.connectors.contract import ConnectorError
from retention.connectors.sql.catalogue import Catalogue, Relation
from retention.connectors.sql.idiom import Idiom
from retention.domain.rules import Action

COLUMNS = ("token", "action", "at")


@dataclass(frozen=True)
class Receipts:
    """Where receipts are written, and the key under which an item's token is made."""

    table: str
    secret: bytes = field(repr=False)

    def token(self, place: str, key: str, emptied: Collection[str] = ()) -> str:
        """HMAC-SHA256 of place, key, and what went: the row, or these columns; in hexadecimal."""
        what = ("columns", *sorted(emptied)) if emptied else ("row",)
        message = b"\0".join(text.encode("utf-8", "surrogatepass") for text in (place, key, *what))
        return hmac.new(self.secret, message, sha256).hexdigest()

    def relation(self, catalogue: Catalogue, idiom: Idiom) -> Relation:
        """The table. Raises ConnectorError(permanent) with the statement that makes it; we never make tables."""
        found = catalogue.relations.get(self.table)
        if found is None or found.view:
            raise ConnectorError(
                f"the table of receipts is not there; run: {create_statement(self.table, idiom)}", permanent=True
            )
        lacking = [name for name in COLUMNS if name not in found.columns]
        if lacking or not found.is_unique("token"):
            what = f"no column {lacking[0]}" if lacking else "no unique token"
            raise ConnectorError(
                f"the table of receipts {self.table} has {what}; it must be as: {create_statement(self.table, idiom)}",
                permanent=True,
            )
        return found

    def write(
        self,
        connection: sa.Connection,
        relation: Relation,
        place: str,
        keys: Iterable[str],
        action: Action,
        emptied: Collection[str] = (),
    ) -> None:
        """One row for each key, by the server's clock; an older one of the same disposal is replaced."""
        tokens = sorted(self.token(place, key, emptied) for key in keys)
        if not tokens:
            return
        table = relation.table
        column = relation.column("token")
        connection.execute(sa.delete(table).where(relation.idiom.among(column, table.c.token, tokens)))
        rows = [{"token": token, "action": action.value, "at": relation.idiom.now()} for token in tokens]
        connection.execute(sa.insert(table).values(rows))

    def of(
        self,
        connection: sa.Connection,
        relation: Relation,
        place: str,
        keys: Iterable[str],
        emptied: Collection[str] = (),
    ) -> set[str]:
        """Which of these keys have a receipt of the same disposal."""
        tokens: Mapping[str, str] = {self.token(place, key, emptied): key for key in keys}
        if not tokens:
            return set()
        column = relation.column("token")
        own = relation.table.c.token
        asked = sa.select(relation.idiom.value(column, own)).where(relation.idiom.among(column, own, list(tokens)))
        return {tokens[token] for token in connection.execute(asked).scalars()}


def create_statement(name: str, idiom: Idiom) -> str:
    """The statement that a database's owner may run."""
    moment = sa.DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
    schema, _, bare = name.rpartition(".")
    table = sa.Table(
        bare,
        sa.MetaData(),
        sa.Column("token", sa.VARCHAR(64), primary_key=True),
        sa.Column("action", sa.VARCHAR(40), nullable=False),
        sa.Column("at", moment, nullable=False),
        schema=schema or None,
    )
    return " ".join(str(sa.schema.CreateTable(table).compile(dialect=idiom.dialect())).split())
