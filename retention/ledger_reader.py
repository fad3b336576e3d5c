"""What the ledger knows of people, asked by the independent reader in its own words and only for what its rules ask.

Whoever the ledger knows and of whom the rules ask nothing that is there are all the same item, and the same object.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection

from retention.connectors.sql.arrays import array_of_texts
from retention.domain.events import OUTWEIGHING
from retention.domain.items import Contract, Item, Occurrence

_AMONG = {
    "postgresql": "subject = any(%s::text[])",
    "sqlite": "subject in (select value from json_each(%s))",
}

_NOT_CONTRACTS = " and name not in ('contract_started', 'contract_ended')"
"""These are the contracts' own to tell: an event of that name would hide a running one."""

_GONE = -1
"""The revision of a row of a person of whom its source tells nothing any more."""

KNOWN = Item()
WITH_CONTRACTS = Item(contracts=(Contract("", None),))
"""People of whom the rules ask nothing that the ledger tells: whether they have contracts says what may be missing."""


@dataclass(frozen=True)
class LedgerReader:
    """The ledger of one kind of subject, as some rules see it: events and facts that they ask, contracts if they do."""

    organisation: int
    subject_kind: str
    events: frozenset[str]
    facts: frozenset[str]
    contracts: bool

    def people(self, numbers: Sequence[str]) -> Mapping[str, Item]:
        """Of these numbers, whom the ledger knows: a person who has not a single row there is not in the answer."""
        if not numbers:
            return {}
        contracts: dict[str, list[Contract]] = defaultdict(list)
        found: dict[str, Item] = dict.fromkeys(self._who("ledgerevent", numbers), KNOWN)
        found |= dict.fromkeys(self._who("ledgerfact", numbers), KNOWN)
        if not self.contracts:
            found |= dict.fromkeys(self._who("ledgercontract", numbers), WITH_CONTRACTS)
        else:
            for subject, ref, started, ended, closed in self._rows(
                "ledgercontract", "ref, started, ended, closed", numbers
            ):
                contracts[subject].append(Contract(ref, _day(started), _day(ended), bool(closed)))
            found |= {subject: Item(contracts=tuple(theirs)) for subject, theirs in contracts.items()}
        events: dict[str, dict[str, list[Occurrence]]] = defaultdict(lambda: defaultdict(list))
        if self.events:
            for subject, name, day, thing, purpose, contract in self._rows(
                "ledgerevent", "name, date, thing, purpose, contract", numbers, sorted(self.events)
            ):
                events[subject][name].append(Occurrence(_day(day), thing, purpose, contract))
        still_open = self._still_open(events)
        facts: dict[str, dict[str, Any]] = defaultdict(dict)
        if self.facts:
            for subject, name, value in self._rows("ledgerfact", "name, value", numbers, sorted(self.facts)):
                facts[subject][name] = json.loads(value) if isinstance(value, str) else value
        for subject in {*events, *facts}:
            told = {name: tuple(happened) for name, happened in events[subject].items()}
            found[subject] = Item(
                contracts=found[subject].contracts,
                events=told,
                facts=facts[subject],
                still_open={name: tuple(those) for name, those in still_open[subject].items()},
            )
        return found

    def _still_open(
        self, events: Mapping[str, dict[str, list[Occurrence]]]
    ) -> Mapping[str, Mapping[str, list[Occurrence]]]:
        """What a source has open beside what these people have of the same name.

        Of whom the source tells nothing any more its end is missing too, and put among the events.
        """
        found: dict[str, dict[str, list[Occurrence]]] = defaultdict(lambda: defaultdict(list))
        names = sorted({name for theirs in events.values() for name in theirs} & OUTWEIGHING)
        if names:
            columns = "name, thing, purpose, contract, revision"
            for subject, name, thing, purpose, contract, revision in self._rows(
                "ledgeropen", columns, sorted(events), names
            ):
                if name in events[subject]:
                    found[subject][name].append(Occurrence(None, thing, purpose, contract))
                    if revision == _GONE:
                        events[subject][name].append(Occurrence(None, thing, purpose, contract))
        return found

    def _who(self, table: str, numbers: Sequence[str]) -> list[str]:
        return [subject for (subject,) in self._rows(table, "", numbers)]

    def _rows(
        self, table: str, columns: str, numbers: Sequence[str], names: Sequence[str] = ()
    ) -> list[tuple[Any, ...]]:
        """Rows of these people, or without columns the people who have any, by the table's first index."""
        shown = f"subject, {columns}" if columns else "distinct subject"
        named = f" and name in ({', '.join(['%s'] * len(names))})" if names else ""
        if table == "ledgerevent":
            named += _NOT_CONTRACTS
        question = (
            f"select {shown} from retention_{table}"  # noqa: S608 - names of this module's own
            f" where organisation_id = %s and subject_kind = %s and {_AMONG[connection.vendor]}{named}"
        )
        given = array_of_texts(numbers) if connection.vendor == "postgresql" else json.dumps(list(numbers))
        with connection.cursor() as cursor:
            cursor.execute(question, (self.organisation, self.subject_kind, given, *names))
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _day(value: Any) -> date | None:
    """SQLite has dates as text."""
    return date.fromisoformat(value) if isinstance(value, str) else value
