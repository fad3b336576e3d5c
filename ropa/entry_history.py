"""The history of one entry of the draft: each change of it, and what it said before and after.

One save writes several rows, the entry's own and those that stand inside it, each with an instant of its own. What one
account writes for one reason within a minute is one change, as long as it writes no row a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from ropa.draft import alike, in_document
from ropa.kinds import ORGANISATION, Kind, kind_of
from ropa.models import Organisation
from ropa.row_values import row_values

ONE_SAVE = timedelta(minutes=1)
CREATED, DELETED = "+", "-"
_TOLD = ("history_id", "history_date", "history_type", "history_change_reason", "history_user__username", "id")

Entry = Mapping[str, Any]


@dataclass(frozen=True)
class Past:
    """One change. `who`: role and name as text, "" where nobody knows; `before`, `after`: the entry, None: not there.

    `known`: whether what it said before is; not where the rows are older than their history.
    """

    when: datetime
    who: str
    why: str
    before: Entry | None
    after: Entry | None
    known: bool = True


@dataclass(frozen=True)
class _Written:
    """A row as it was written once. `where`: which row of the entry it is, "" in front for the entry's own."""

    where: tuple[str, str]
    row: Mapping[str, Any]

    @property
    def when(self) -> datetime:
        at: datetime = self.row["history_date"]
        return at

    @property
    def number(self) -> int:
        return int(self.row["history_id"])

    @property
    def because(self) -> tuple[str, str]:
        return (self.row["history_change_reason"] or "", self.row["history_user__username"] or "")


def history_of(kind: Kind, organisation: Organisation, code: str) -> list[Past]:
    """Every change of an entry, the newest first; of one that was taken out too. A query for each of its tables."""
    own: Any = kind.model.history  # type: ignore[attr-defined]
    rows = _rows(own.filter(organisation=organisation, code=code), kind, *(f"{key}_id" for key in kind.refers))
    written = [_Written(("", code), row) for row in rows]
    numbers = {row["id"] for row in rows}
    for child in kind.children:
        inside: Any = child.model.history  # type: ignore[attr-defined]
        parent = f"{child.parent}_id"
        here = inside.filter(**{f"{parent}__in": numbers}).values("id")  # where it went from here is told too
        found = _rows(inside.filter(id__in=here), child, "position", parent)
        written += [_Written((child.name, str(row["code"])), row) for row in found]
    codes = {key: _codes(name, {row[f"{key}_id"] for row in rows}) for key, name in kind.refers.items()}
    return _told(written, lambda state: state.entry(kind, codes))


def history_of_head(organisation: Organisation) -> list[Past]:
    """The same of what the draft says of the organisation itself."""
    rows = _rows(Organisation.history.filter(id=organisation.pk), ORGANISATION)
    return _told([_Written(("", ""), row) for row in rows], lambda state: state.head())


def _rows(found: Any, of: Kind | Sequence[Any], *more: str) -> list[dict[str, Any]]:
    keys = of.keys if isinstance(of, Kind) else of
    return list(row_values(found.order_by(), *_TOLD, *(key.field for key in keys), *more))


def _codes(name: str, numbers: Iterable[int]) -> dict[int, str]:
    rows: Any = kind_of(name).model.history  # type: ignore[attr-defined]
    return dict(rows.filter(id__in=list(numbers)).order_by().values_list("id", "code").distinct())


class _State:
    """The rows of an entry, as they stand after some of its changes."""

    def __init__(self) -> None:
        self._own: Mapping[str, Any] | None = None
        self._inside: dict[str, dict[int, Mapping[str, Any]]] = {}

    def write(self, one: _Written) -> None:
        name, row = one.where[0], one.row
        gone = row["history_type"] == DELETED
        if not name:
            self._own = None if gone else row
        elif gone:
            self._inside.get(name, {}).pop(row["id"], None)
        else:
            self._inside.setdefault(name, {})[row["id"]] = row

    def entry(self, kind: Kind, codes: Mapping[str, Mapping[int, str]]) -> Entry | None:
        if self._own is None:
            return None
        return {
            **in_document(kind.keys, self._own),
            **{key: codes[key].get(self._own[f"{key}_id"], "") for key in kind.refers},
            **{child.name: self._children(child, self._own["id"]) for child in kind.children},
        }

    def head(self) -> Entry | None:
        return None if self._own is None else in_document(ORGANISATION, self._own)

    def _children(self, child: Kind, number: int) -> list[dict[str, Any]]:
        rows = [one for one in self._inside.get(child.name, {}).values() if one[f"{child.parent}_id"] == number]
        return [in_document(child.keys, one) for one in sorted(rows, key=lambda one: (one["position"], one["id"]))]


def _told(written: Iterable[_Written], entry: Callable[[_State], Entry | None]) -> list[Past]:
    state, found = _State(), []
    before = None
    for save in _saves(sorted(written, key=attrgetter("when", "number"))):
        for one in save:
            state.write(one)
        after = entry(state)
        if not alike(before, after):
            known = before is not None or any(not one.where[0] and one.row["history_type"] == CREATED for one in save)
            found.append(Past(save[-1].when, *_by(*save[-1].because), before, after, known))
        before = after
    return found[::-1]


def _saves(written: Iterable[_Written]) -> list[list[_Written]]:
    """What was written together."""
    found: list[list[_Written]] = []
    for one in written:
        last = found[-1] if found else []
        together = (
            last
            and last[-1].because == one.because
            and one.when - last[-1].when <= ONE_SAVE
            and all(other.where != one.where for other in last)
        )
        if together:
            last.append(one)
        else:
            found.append([one])
    return found


def _by(reason: str, account: str) -> tuple[str, str]:
    """Who and why: a reason begins with whom it is by (`ropa.services`), where a form did not leave that out."""
    who, _colon, why = reason.partition(": ")
    return (who, why) if ":" in who or not account else (account, reason)
