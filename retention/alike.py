"""People of whom the rules see the same, told apart by the database: who has nothing due is never read.

Of most people a dataset's rules see nothing but between which edges (`Sight`) their contracts' days lie. The database
sorts them by that; each sort has one verdict, found from a person made up, and only the numbers of a sort of which
something is asked leave the database. Whoever has events that the rules ask is set apart and read one by one.
A property test holds the evaluation, sorted so, against `decide` item by item.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, NamedTuple

from django.db import connection

from retention.domain.compiled import Verdicts
from retention.domain.items import CONTRACT_EVENTS
from retention.domain.sight import ContractTold
from retention.ledger import Known, with_contracts
from retention.question import BATCH, Question, Scope

MOST_LOOKS = 60
"""So many looks of a contract at most: a person's are the bits of one whole number of the database's."""

_ALL_BITS = {"postgresql": "bit_or({0})", "sqlite": "sum(DISTINCT {0})"}
_SPAN = "organisation_id = %s AND subject_kind = %s AND subject > %s AND (%s = '' OR subject <= %s)"

# Each part pages through its own index; the first page of both lies within the two first pages.
_WITH_MORE = f"""
    SELECT subject FROM (SELECT DISTINCT subject FROM retention_ledgerevent
        WHERE {_SPAN} AND subject > %s ORDER BY subject LIMIT %s) AS a
    UNION
    SELECT subject FROM (SELECT DISTINCT subject FROM retention_ledgerfact
        WHERE {_SPAN} AND subject > %s ORDER BY subject LIMIT %s) AS b
    ORDER BY subject LIMIT %s"""  # noqa: S608 - constants of this module


class Sort(NamedTuple):
    """One sort of people, or of contracts where these are the grain.

    looks     how their contracts look, as bits; 0: they have none
    verdicts  what the rules say of them
    """

    looks: int
    verdicts: Verdicts


class _Look(NamedTuple):
    """How the database calls one look of a contract, and a contract that looks so."""

    number: int
    contract: ContractTold


@dataclass(frozen=True)
class Sorting:
    """Everybody in a question's span whom the ledger knows: `sorts`, their `members`, and who is `apart`."""

    question: Question

    @classmethod
    def of(cls, question: Question) -> Sorting | None:
        """None where facts of the ledger, substitutes, days that are each seen or too many looks leave it to reading
        each person.
        """
        sorting = cls(question)
        facts = question.dataset.rules.facts - question.own_facts
        each_day = question.sight.each_day
        if facts or each_day or question.dataset.substitutes or len(sorting._looks) > MOST_LOOKS:
            return None
        return sorting

    def sorts(self) -> Iterator[Sort]:
        """Each sort that there may be, and what the rules say of it."""
        verdicts = self.question.verdicts_of
        if self.question.contract_grain:
            for bit, look in self._looks.items():
                yield Sort(bit, verdicts(("", look.contract[0]), Known(contracts=[look.contract])))
            return
        for looks in (0, *self._together):
            theirs = [look.contract for bit, look in self._looks.items() if looks & bit]
            yield Sort(looks, verdicts(("", None), Known(contracts=theirs)))

    def members(self, looks: Collection[int]) -> Iterator[list[Scope]]:
        """Whoever is of sorts with these looks and not apart, by number, a batch at a time."""
        some = [one for one in looks if one]
        if some and self.question.contract_grain:
            yield from self._contracts(some)
        elif some:
            yield from self._people(some)
        if 0 in looks:
            yield from self._without_contracts()

    def apart(self) -> Iterator[list[str]]:
        """Whoever has events that the rules ask, by number, a batch at a time."""
        if not self._events:
            return
        last, asked = "", self._with_events("subject > %s", "LIMIT %s")
        while page := [subject for (subject,) in _rows(asked, *self._span, last, *self._events, BATCH)]:
            yield page
            last = page[-1]

    def _contracts(self, looks: Collection[int]) -> Iterator[list[Scope]]:
        numbers = ", ".join(str(self._looks[bit].number) for bit in looks)
        asked = f"""SELECT subject, ref FROM retention_ledgercontract WHERE {_SPAN} AND (subject, ref) > (%s, %s)
            AND {self._look} IN ({numbers}) ORDER BY subject, ref LIMIT %s"""  # noqa: S608 - numbers and days of our own
        last = ("", "")
        while page := _rows(asked, *self._span, *last, BATCH):
            yield self._but_apart([(subject, ref) for subject, ref in page])
            last = page[-1]

    def _people(self, looks: Collection[int]) -> Iterator[list[Scope]]:
        chosen = f"HAVING {self._bits} IN ({', '.join(map(str, looks))})" if {*self._together} - {*looks} else ""
        asked = f"""SELECT subject FROM retention_ledgercontract WHERE {_SPAN} AND subject > %s
            GROUP BY subject {chosen} ORDER BY subject LIMIT %s"""  # noqa: S608 - numbers and days of our own
        last = ""
        while page := _rows(asked, *self._span, last, BATCH):
            yield self._but_apart([(subject, None) for (subject,) in page])
            last = page[-1][0]

    def _without_contracts(self) -> Iterator[list[Scope]]:
        last = ""
        while page := _rows(_WITH_MORE, *(*self._span, last, BATCH) * 2, BATCH):
            others = with_contracts(self._span[0], self._span[1], [subject for (subject,) in page])
            yield self._but_apart([(subject, None) for (subject,) in page if subject not in others])
            last = page[-1][0]

    def _but_apart(self, page: list[Scope]) -> list[Scope]:
        if not self._events or not page:
            return page
        asked = self._with_events("subject BETWEEN %s AND %s", "")
        others = {subject for (subject,) in _rows(asked, *self._span, page[0][0], page[-1][0], *self._events)}
        return [scope for scope in page if scope[0] not in others]

    def _with_events(self, where: str, most: str) -> str:
        names = ", ".join(["%s"] * len(self._events))
        return f"""SELECT DISTINCT subject FROM retention_ledgerevent WHERE {_SPAN} AND {where} AND name IN ({names})
            ORDER BY subject {most}"""  # noqa: S608 - constants and marks of this module

    @cached_property
    def _events(self) -> tuple[str, ...]:
        return tuple(sorted(self.question.sight.events - CONTRACT_EVENTS))

    @cached_property
    def _span(self) -> tuple[int, str, str, str, str]:
        after, until = self.question.span
        return self.question.organisation.pk, self.question.dataset.subject_kind, after, until, until

    @cached_property
    def _look(self) -> str:
        """How a contract looks: a whole number, in the database's words."""
        sight = self.question.sight
        if not sight.contracts:
            return "0"
        started, ended = _lies("started", sight.edges), _lies("ended", sight.edges)
        return f"(({started} * {len(sight.edges) + 2} + {ended}) * 2 + CASE WHEN closed THEN 1 ELSE 0 END)"

    @cached_property
    def _looks(self) -> dict[int, _Look]:
        """Bit -> look, of each look that a contract in the span has. Any day between two edges looks the same."""
        asked = f"""SELECT {self._look}, min(started), min(ended), max(CASE WHEN closed THEN 1 ELSE 0 END)
            FROM retention_ledgercontract WHERE {_SPAN} GROUP BY 1 ORDER BY 1"""  # noqa: S608 - days of our own
        return {
            1 << place: _Look(number, ("", _day(started), _day(ended), bool(closed)))
            for place, (number, started, ended, closed) in enumerate(_rows(asked, *self._span))
        }

    @property
    def _bits(self) -> str:
        """How all contracts of a person look: a whole number, in the database's words."""
        cases = " ".join(f"WHEN {look.number} THEN {bit}" for bit, look in self._looks.items())
        return _ALL_BITS[connection.vendor].format(f"CASE {self._look} {cases} END")

    @cached_property
    def _together(self) -> list[int]:
        """How all contracts of somebody look, each that there is."""
        if len(self._looks) == 1:
            return list(self._looks)
        if not self._looks:
            return []
        asked = f"""SELECT DISTINCT looks FROM (SELECT {self._bits} AS looks FROM retention_ledgercontract
            WHERE {_SPAN} GROUP BY subject) AS people ORDER BY 1"""  # noqa: S608 - numbers and days of our own
        return [looks for (looks,) in _rows(asked, *self._span)]


def _lies(column: str, edges: Sequence[date]) -> str:
    """Between which edges a day lies, in the database's words: 0 of none, 1 before the first."""
    behind = " + ".join(f"CASE WHEN {column} >= '{edge}' THEN 1 ELSE 0 END" for edge in edges)
    return f"CASE WHEN {column} IS NULL THEN 0 ELSE 1 + {behind} END"


def _rows(asked: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(asked, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _day(value: Any) -> date | None:
    """SQLite has dates as text."""
    return date.fromisoformat(value) if isinstance(value, str) else value
