"""Items counted by person where they lie: as many as `find` gives, on every database."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest

from retention.connectors.contract import ConnectorError, Crowd, DatasetMapping, TellsCrowds
from retention.domain.predicates import TRUE, AtLeast, AtMost, Closed, Not, Recorded
from tests.connectors.sql_servers import any_register, mariadb, postgres, sqlite  # noqa: F401

ROWS = [  # id, number, contract, opened, closed
    (1, "1001", "A", "2020-01-31", None),
    (2, "1001", "A", "2021-06-01", "2022-01-01"),
    (3, "1001", "B", None, None),
    (4, "a1", "A", "2019-12-31", None),
    (5, "A1", "A", "2020-02-01", None),
    (6, "ä1", "A", "2020-02-01", None),
    (7, None, None, "2020-02-01", None),
    (8, None, "A", "1900-01-01", "9999-12-31"),
    (9, "9", "A", "2023-01-01", None),
]
LATE = AtLeast("case_opened", date(2020, 2, 1))
PATTERNS = (LATE, Not(Recorded("case_closed")), TRUE)


@pytest.fixture
def register(any_register):  # noqa: F811
    any_register.run(
        "create table rivi(id bigint primary key, nro varchar(20), sopimus varchar(20), avattu date, suljettu date)"
    )
    any_register.run(
        *(
            f"insert into rivi values ({key}, {_text(nro)}, {_text(ref)}, {_text(opened)}, {_text(closed)})"
            for key, nro, ref, opened, closed in ROWS
        )
    )
    return any_register


def _text(value):
    return "null" if value is None else f"'{value}'"


def mapping(**more):
    return DatasetMapping(
        **{
            "place": "rivi",
            "key": "id",
            "subject": "nro",
            "contract": "sopimus",
            "events": {"case_opened": "avattu", "case_closed": "suljettu"},
            **more,
        }
    )


def found_one_by_one(connector, asked, patterns):
    """The same, by the items that `find` gives."""
    counts: Counter[tuple[str | None, str | None, int]] = Counter()
    for number, where in enumerate(patterns):
        for candidate in connector.find(asked, where):
            counts[candidate.ref.subject, candidate.contract, number] += 1
    whose = {(who, ref) for who, ref, _ in counts}
    return {
        Crowd(who, ref, tuple(counts[who, ref, n] for n in range(len(patterns))), counts[who, ref, len(patterns) - 1])
        for who, ref in whose
    }


@pytest.mark.parametrize("more", [{}, {"contract": None}, {"subject": None, "contract": None}, {"subject": "id"}])
def test_there_are_as_many_as_are_found(register, more):
    with register.connector() as connector:
        assert isinstance(connector, TellsCrowds)
        crowds = list(connector.crowds(mapping(**more), PATTERNS))
        assert len(set(crowds)) == len(crowds)
        assert set(crowds) == found_one_by_one(connector, mapping(**more), PATTERNS)


def test_two_spellings_are_two_people(register):
    with register.connector() as connector:
        told = {crowd.subject for crowd in connector.crowds(mapping(contract=None), ())}
    assert told == {"1001", "a1", "A1", "ä1", None, "9"}


def test_a_persons_crowds_come_together(register):
    with register.connector() as connector:
        order = [crowd.subject for crowd in connector.crowds(mapping(), ())]
    assert order == sorted(order, key=order.index)


def test_what_was_emptied_is_no_item(register):
    emptied = mapping(fields=("avattu", "suljettu"))
    with register.connector() as connector:
        assert sum(crowd.items for crowd in connector.crowds(emptied, ())) == len(ROWS) - 1
        assert set(connector.crowds(emptied, PATTERNS)) == found_one_by_one(connector, emptied, PATTERNS)


def test_the_oldest_day_lies_within(register):
    with register.connector() as connector:
        assert connector.oldest(mapping(), date(1950, 1, 1), date(2026, 1, 1)) == date(2019, 12, 31)
        assert connector.oldest(mapping(), date(2019, 12, 31), date(2019, 12, 31)) == date(2019, 12, 31)
        assert connector.oldest(mapping(), date(2020, 1, 1), date(2020, 1, 30)) is None
        assert connector.oldest(mapping(events={}), date(1950, 1, 1), date(2026, 1, 1)) is None


def test_nobody_is_there(register):
    register.run("delete from rivi")
    nobody = mapping(subject=None, contract=None)
    with register.connector() as connector:
        assert list(connector.crowds(mapping(), PATTERNS)) == []
        assert [crowd.items for crowd in connector.crowds(nobody, PATTERNS)] == [0]


def test_what_is_not_there_is_said(register):
    with register.connector() as connector, pytest.raises(ConnectorError, match="vieras"):
        list(connector.crowds(mapping(subject="vieras"), (Closed(), AtMost("case_opened", date(2020, 1, 1)))))
