"""The benchmark's company: the same seed gives the same rows, in the shares that its numbers speak of, and what is
written by hand means what the inventory document means."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from itertools import islice
from uuid import uuid4

import pytest

from benchmarks.company import data, floors, measured, rules, source
from retention.domain.periods import cutoff
from tests.servers.fixtures import need

CUSTOMERS = 3_000


def of(seed: int, customers: int = 200, size: int = 20_000) -> dict[str, list[str]]:
    rows: dict[str, list[str]] = {table: [] for table in data.TABLES}
    for block in data.blocks(customers, seed, size):
        for table, lines in block.items():
            rows[table] += lines
    return rows


def test_same_seed_same_rows():
    assert of(1) == of(1) == of(1, size=7)
    assert all(of(1)[table] != of(2)[table] for table in data.TABLES if table != "customer")


def test_more_customers_begin_with_the_same():
    few, many = of(1, 100), of(1, 140)
    for table, lines in few.items():
        assert list(islice(many[table], len(lines))) == lines


def test_no_date_comes_due_on_the_next_nights():
    days = {day for lines in of(1, 2_000).values() for line in lines for day in re.findall(r"\d{4}-\d\d-\d\d", line)}
    assert len(days) > 1_000
    for last in data.CUTOFFS:
        assert not [day for day in days if 0 < (date.fromisoformat(day) - last).days <= data.QUIET_DAYS]


@pytest.mark.parametrize(
    ("period", "rounding", "last"),
    [
        ("P3Y", "none", data.CONTACT_LAST),
        ("P1Y", "none", data.DEVICE_LAST),
        ("P6Y", "end_of_calendar_year_of_financial_year", data.INVOICE_LAST),
        ("P7Y", "none", data.CONTRACT_LAST),
        ("P10Y", "none", data.DEBT_LAST),
    ],
)
def test_the_days_written_by_hand_are_the_rules(period, rounding, last):
    assert cutoff(data.TODAY, period, rounding) == last


@pytest.fixture(scope="module")
def company(postgres_server) -> Iterator[tuple[source.Source, str]]:
    """A database of this module's own."""
    found, name = source.Source(f"postgresql://postgres@127.0.0.1:{postgres_server.port}"), f"c{uuid4().hex[:12]}"
    source.fill(found, CUSTOMERS, name=name)
    yield found, name
    found.drop(name)


def test_twelve_percent_are_due_and_five_percent_held(company):
    found, name = company
    with found.connect(name) as db:
        rows, due, with_kept = source.rows(db), source.due(db), source.due(db, free=False)
    whole = sum(rows.values()) - rows["hold"]
    assert 12.3 < whole / CUSTOMERS < 12.8
    assert 0.115 < sum(due.values()) / whole < 0.125
    assert rows["hold"] == CUSTOMERS * 5 // 100
    assert 0.05 < 1 - sum(due.values()) / sum(with_kept.values()) < 0.10
    assert all(due.values())


def test_every_foreign_key_has_an_index(company):
    found, name = company
    asked = """select conrelid::regclass::text, conname from pg_constraint c where contype = 'f' and not exists (
        select from pg_index i where i.indrelid = c.conrelid and i.indkey[0] = c.conkey[1] and i.indpred is null)"""
    with found.connect(name) as db:
        assert db.execute(asked).fetchall() == []
        assert db.execute("select count(*) from pg_constraint where contype = 'f'").fetchone() == (6,)


def test_both_floors_leave_the_same_rows_and_nothing_due(company):
    found, name = company
    copies = [f"{name}_f", f"{name}_h"]
    left = []
    try:
        for copy, act in zip(copies, (_deletion, floors.night), strict=True):
            found.administer(f"create database {copy} template {name}")
            with found.connect(copy) as db:
                before, due = source.rows(db), source.due(db)
                act(db)
                after = source.rows(db)
                assert {table: before[table] - after[table] for table in due} == due
                assert not any(source.due(db).values())
                left.append(source.left(db))
    finally:
        for copy in copies:
            found.drop(copy)
    assert left[0] == left[1]


def _deletion(db: floors.Connection) -> float:
    return floors.floor(db, floors.lots(db, 1_000))


def test_a_floor_deletes_nothing_of_who_was_held_meanwhile(company):
    found, name = company
    copy = f"{name}_late"
    found.administer(f"create database {copy} template {name}")
    try:
        with found.connect(copy) as db:
            lots = floors.lots(db)
            (customer,) = lots["device"][0][1][:1]
            db.execute("insert into hold values (%s)", (customer,))
            with pytest.raises(SystemExit, match="device: "):
                floors.floor(db, lots)
            kept = db.execute("select count(*) from device where customer_id = %s", (customer,)).fetchone()
            assert kept is not None
            assert kept != (0,)
    finally:
        found.drop(copy)


def test_the_document_names_the_tables_in_the_floors_order():
    datasets = rules.document("X")["datasets"]
    assert [dataset["mapping"]["place"] for dataset in datasets] == [written.table for written in rules.BY_HAND]


def test_ours_leaves_what_the_floors_leave(capsys):
    need("postgres")
    result = measured.main(["--customers", "150", "--rounds", "1", "--tracked-rows", "50"])
    told = capsys.readouterr().out
    assert result == 1 if "NOT KEPT" in told else result == 0
    for name in ("F: deletion by hand", "H: night by hand", "our purge", "our night", "django-simple-history"):
        assert re.search(rf"^{re.escape(name)} +1 ", told, re.MULTILINE), told
