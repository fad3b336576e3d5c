"""Texts that are no key exactly and may mean one all the same: the column itself takes them for one it has."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from retention.connectors.contract import ComparesLoosely, DatasetMapping
from retention.identity import Named
from tests.connectors.sql_servers import any_register, mariadb, postgres, sqlite  # noqa: F401 - fixtures

MAPPING = DatasetMapping(place="asia", key="id", fields=("nimi",))
MANY = 250


@pytest.fixture
def register(any_register):  # noqa: F811
    loose = {
        "sqlite": "varchar(40) collate nocase",
        "mariadb": "varchar(40)",
        "postgresql": "varchar(40) collate loose",
    }
    if any_register.kind == "postgresql":
        any_register.run("create collation loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false)")
    any_register.run(f"create table asia(id {loose[any_register.kind]} primary key, nimi varchar(40))")
    any_register.run("insert into asia values (%s, %s)", rows=[(f"INC-{n}", "a") for n in range(MANY)])
    any_register.run("insert into asia values (%s, %s)", rows=[("GONE-1", None)])
    return any_register


def test_many_are_told_in_few_statements(register):
    statements: list[str] = []

    def heard(*told):
        statements.append(told[2])

    asked = [*(f"inc-{n}" for n in range(MANY)), *(f"none-{n}" for n in range(MANY))]
    with register.connector() as connector:
        assert isinstance(connector, ComparesLoosely)
        assert connector.not_sure(MAPPING, ["nobody"], by_subject=False) == frozenset()
        sa.event.listen(sa.Engine, "before_cursor_execute", heard)
        try:
            told = connector.not_sure(MAPPING, asked, by_subject=False)
        finally:
            sa.event.remove(sa.Engine, "before_cursor_execute", heard)
    assert told == {f"inc-{n}" for n in range(MANY)}
    assert 0 < len([one for one in statements if "asia" in one]) <= 1 + 2 * MANY / 100 + 1


def test_a_row_whose_columns_were_emptied_is_no_item(register):
    with register.connector() as connector:
        assert connector.not_sure(MAPPING, ["GONE-1", "gone-1", "Inc-2"], by_subject=False) == {"Inc-2"}


def test_through_a_connector_that_speaks_in_numbers_too(register):
    with Named(register.connector(), None, None) as connector:  # type: ignore[arg-type]
        assert isinstance(connector, ComparesLoosely)
        assert connector.not_sure(MAPPING, ["inc-3"], by_subject=False) == {"inc-3"}
        assert connector.not_sure(MAPPING, ["1001"], by_subject=True) == frozenset()
