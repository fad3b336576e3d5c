"""What would become of each row of a foreign record: nothing is changed but a copy of the draft.

A row is about one activity, found by its name or new. Entries it names (recipients, data categories …) are found by
their names too; they come to reach its activity and registers, if they say what they reach at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from retention.domain.errors import DocumentError, Problem
from retention.inventory_document.checks import check
from retention.inventory_document.findings import Law
from retention.inventory_document.workbook.spots import spot
from retention.onboarding.record import cells
from retention.onboarding.record.columns import ACTIVITY, ENTRIES, LISTS, NONE, NOTHING, Column, ColumnMap, plain
from retention.onboarding.record.foreign import Foreign, Line, Table, twice
from retention.onboarding.record.names import Names

MOST_PROBLEMS = 500


@dataclass(frozen=True, slots=True)
class Becomes:
    """One change of the draft: its place, `new` or `changed`, and what it says then; of a list that grew, what came."""

    path: str
    what: str
    text: str


@dataclass(frozen=True)
class RowPreview:
    """One row: `outcome` is new (an activity), changes, nothing or error."""

    sheet: str
    row: int
    activity: str
    outcome: str
    changes: tuple[Becomes, ...] = ()


@dataclass(frozen=True)
class Preview:
    """Every row, every error, what is doubtful, which headings are not read, and the draft as it would be."""

    rows: tuple[RowPreview, ...]
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    unread: tuple[str, ...]
    document: Mapping[str, Any] = field(repr=False)


def becoming(
    draft: Mapping[str, Any], found: Foreign, said: ColumnMap, laws: Mapping[str, Sequence[Law]] | None = None
) -> Preview:
    """What the file makes of this draft. Everything that is wrong is in the preview; nothing is raised."""
    reading = _Reading(draft, said)
    for table in reading.chosen(found):
        reading.table(table)
    return reading.preview(laws)


@dataclass(frozen=True)
class _Cell:
    """One cell of a mapped column."""

    column: Column
    place: str
    text: str


class _Reading:
    def __init__(self, draft: Mapping[str, Any], said: ColumnMap) -> None:
        self._said = said
        self._document: dict[str, Any] = deepcopy(dict(draft))
        self._names = {kind: Names(self._document.setdefault(kind, [])) for kind in (*ENTRIES, "activities")}
        self._purpose_ids = {one["id"] for act in self._names["activities"].entries for one in act.get("purposes", ())}
        self._rows: list[RowPreview] = []
        self._problems: list[Problem] = []
        self._warnings: list[Problem] = []
        self._unread: list[str] = []
        self._headings: set[str] = set()
        self._where: dict[str, str] = {}
        self._changes: list[Becomes] = []
        self._bare: set[tuple[str, int]] = set()
        self._told: dict[tuple[str, str], tuple[Any, str]] = {}

    def chosen(self, found: Foreign) -> Iterator[Table]:
        """The sheets that are read: those named, else those that are not hidden."""
        for name in self._said.sheets:
            if name not in {table.name for table in found.tables}:
                self._problems.append(Problem(spot(name), _("is not in the file")))
        for table in found.tables:
            if self._said.sheets:
                if table.name in self._said.sheets:
                    yield table
                elif table.lines:
                    self._warnings.append(Problem(spot(table.name), _("is not read: the mapping does not name it")))
            elif table.hidden:
                self._warnings.append(Problem(spot(table.name), _("is hidden, and is not read")))
            else:
                yield table

    def table(self, table: Table) -> None:
        row = self._said.sheets.get(table.name)
        heading = table.heading(row)
        if heading is None:
            where = spot(table.name, row)
            self._problems.append(Problem(where, _("holds nothing: where are the headings?")))
            return
        columns = self._columns(table, heading)
        read = {place: column for place, column in columns.items() if column.to != NOTHING}
        if not read:
            self._warnings.append(Problem(spot(table.name), _("is not read: none of its headings is mapped")))
        elif not any(column.to == ACTIVITY for column in read.values()):
            self._problems.append(Problem(table.where(heading.number), _("no heading is that of the activity")))
        else:
            for line in table.lines:
                if line.number > heading.number:
                    self._line(table, heading, line, read)

    def _columns(self, table: Table, heading: Line) -> dict[int, Column]:
        columns = {}
        repeated = twice(heading)
        for place, why in heading.wrong.items():
            self._problems.append(Problem(table.where(heading.number, place), why))
        for place, text in heading.cells.items():
            column = self._said.columns.get(plain(text))
            if column is None:
                self._unread.append(f"{table.name}: {text}")
                continue
            self._headings.add(plain(text))
            columns[place] = column
            if plain(text) in repeated and column.to != NOTHING:
                self._problems.append(Problem(table.where(heading.number, place, text), _("is a heading twice")))
        return columns

    def _line(self, table: Table, heading: Line, line: Line, columns: Mapping[int, Column]) -> None:
        said: dict[str, list[_Cell]] = {}
        problems = list(self._outside(table, heading, line))
        for place, column in columns.items():
            where = table.where(line.number, place, heading.cells[place])
            if place in line.wrong:
                problems.append(Problem(where, line.wrong[place]))
            elif place in line.cells:
                said.setdefault(column.to, []).append(_Cell(column, where, line.cells[place]))
        if not said and not problems:
            return
        self._changes = []
        name, outcome = "", "error"
        if ACTIVITY in said:
            name = said[ACTIVITY][0].text
        elif not problems:
            named_by = next(place for place, column in columns.items() if column.to == ACTIVITY)
            problems.append(
                Problem(table.where(line.number, named_by, heading.cells[named_by]), _("is missing: whose row is it?"))
            )
        if not problems:
            try:
                outcome = self._row(name, said)
            except DocumentError as error:
                problems += error.problems
        for change in self._changes:
            self._where.setdefault(change.path, table.where(line.number))
        self._problems += problems
        changes = tuple(self._changes) if outcome != "error" else ()
        self._rows.append(RowPreview(table.name, line.number, " ".join(name.split()), outcome, changes))

    def _outside(self, table: Table, heading: Line, line: Line) -> Iterator[Problem]:
        """Cells under no heading: of a CSV file most likely a cell with a delimiter in it, which moved the others."""
        for place in line.cells:
            if place not in heading.cells and place not in heading.wrong:
                where = table.where(line.number, place)
                if table.parted and place > max(heading.cells):
                    yield Problem(
                        where, _("stands behind the last heading: is a cell with a delimiter in it not in quotes?")
                    )
                elif (table.name, place) not in self._bare:
                    self._bare.add((table.name, place))
                    self._warnings.append(
                        Problem(where, _("stands under no heading, and is not read; so the whole column"))
                    )

    def _row(self, name: str, said: Mapping[str, list[_Cell]]) -> str:
        """Make the row part of the copy; what became of it. Raises DocumentError with everything wrong in it."""
        first = said[ACTIVITY][0]
        activities = self._names["activities"]
        activity = activities.found(name, first.place)
        new = activity is None
        problems: list[Problem] = []
        if activity is None:
            cells.words(first.text, first.place)
            activity = activities.add(" ".join(name.split()), self._said.language, **self._marked())
            self._change(f"activities[{activity['id']}]", "new", name)
        registers = self._each(problems, said, "registers", activity, [])
        for target in ENTRIES:
            if target != "registers":
                self._each(problems, said, target, activity, registers)
        for target, write in self._of_activity().items():
            for cell in said.get(target, ()):
                try:
                    write(activity, cell, said)
                except DocumentError as error:
                    problems += error.problems
        if problems:
            raise DocumentError(problems)
        return "new" if new else "changes" if self._changes else "nothing"

    def _of_activity(self) -> Mapping[str, Any]:
        """What is said at the activity itself; purposes come before their legal basis."""
        return {
            "role": self._role,
            "purposes": self._purposes,
            "legal_basis": self._legal_basis,
            "on_behalf_of": self._on_behalf_of,
            "owner": self._owner,
            "ended_on": self._ended_on,
        }

    def _each(
        self,
        problems: list[Problem],
        said: Mapping[str, list[_Cell]],
        target: str,
        activity: dict[str, Any],
        registers: list[str],
    ) -> list[str]:
        """The ids of the entries of one list that the row names."""
        named = []
        for cell in said.get(target, ()):
            try:
                for name in self._listed(activity, cell):
                    named.append(self._entry(target, name, cell, activity, registers))
            except DocumentError as error:
                problems += error.problems
        return named

    def _listed(self, activity: dict[str, Any], cell: _Cell) -> list[str]:
        """The entries that a cell names; none where it says that there is none."""
        target = cell.column.to
        statement = activity.get(target)
        if plain(cell.text) in cell.column.none:
            if isinstance(statement, Mapping) and "value" in statement:
                raise DocumentError([Problem(cell.place, _("says that there is none; the draft names some"))])
            if statement is None:
                activity[target] = {"none_because": {self._said.language: cell.text}}
                self._change(f"activities[{activity['id']}].{target}", "new", cell.text)
            return []
        if target in NONE and isinstance(statement, Mapping) and "none_because" in statement:
            raise DocumentError([Problem(cell.place, _("names some; the draft says that there is none"))])
        if target in LISTS and cells.reads_as_none(cell.text):
            self._warnings.append(
                Problem(cell.place, _("reads as if there were none; if so, name its words under none"))
            )
        if target != "time_limits" and not cell.column.separators and re.search(r"[;\n]", cell.text):
            self._warnings.append(
                Problem(cell.place, _("is taken for one; if it names several, say what parts them: separator"))
            )
        return cells.listed(cell.text, cell.column.separators, cell.place)

    def _entry(self, target: str, name: str, cell: _Cell, activity: dict[str, Any], registers: list[str]) -> str:
        names = self._names[target]
        entry = names.found(name, cell.place)
        reach = {} if target == "registers" else {"activities": [activity["id"]], "registers": registers}
        if entry is None:
            fields = {**ENTRIES[target], **{key: list(ids) for key, ids in reach.items() if ids}, **self._marked()}
            if target == "registers":
                if not cell.column.medium:
                    said = _("is a new register: say in the mapping of which medium the registers of this column are")
                    raise DocumentError([Problem(cell.place, said)])
                fields["medium"] = cell.column.medium
            entry = names.add(name, self._said.language, **fields)
            self._change(f"{target}[{entry['id']}]", "new", name)
        else:
            self._reach(target, entry, reach, cell)
        return str(entry["id"])

    def _reach(self, target: str, entry: dict[str, Any], reach: Mapping[str, list[str]], cell: _Cell) -> None:
        """An entry that says what it reaches comes to reach this too; one that says nothing reaches all already."""
        widened = []
        for key, ids in reach.items():
            missing = [one for one in ids if one not in entry.get(key, ())]
            if entry.get(key) and missing:
                entry[key] += missing
                widened.append(key)
                self._change(f"{target}[{entry['id']}].{key}", "changed", ", ".join(missing))
        if "registers" in widened and len(entry.get("activities", ())) > 1:
            said = _("%(entry)s is now about each of its activities in each of its registers") % {
                "entry": f"{target}[{entry['id']}]"
            }
            self._warnings.append(Problem(cell.place, said))

    def _marked(self) -> dict[str, Any]:
        return {"addition": True} if self._said.addition else {}

    def _change(self, path: str, what: str, text: str) -> None:
        self._changes.append(Becomes(path, what, " ".join(text.split())))

    def _once(self, activity: dict[str, Any], cell: _Cell, value: Any) -> None:
        """Of what an activity has one, rows of a file say the same. Raises DocumentError: nobody could choose."""
        before, where = self._told.setdefault((activity["id"], cell.column.to), (value, cell.place))
        if before != value:
            raise DocumentError(
                [Problem(cell.place, _("says otherwise of the same activity than %(where)s") % {"where": where})]
            )

    def _set(self, activity: dict[str, Any], key: str, value: Any, text: str) -> None:
        if activity.get(key) != value:
            what = "changed" if key in activity else "new"
            activity[key] = value
            self._change(f"activities[{activity['id']}].{key}", what, text)

    def _role(self, activity: dict[str, Any], cell: _Cell, said: Any) -> None:
        role = cells.role(cell.text, cell.place)
        self._once(activity, cell, role)
        if activity.get("role", "controller") != role:
            self._set(activity, "role", role, role)

    def _owner(self, activity: dict[str, Any], cell: _Cell, said: Any) -> None:
        words = cells.words(cell.text, cell.place)
        self._once(activity, cell, plain(words))
        before = activity.get("owner") or {}
        role = {**before.get("role", {}), self._said.language: words}
        self._set(activity, "owner", {**before, "role": role}, cell.text)

    def _ended_on(self, activity: dict[str, Any], cell: _Cell, said: Any) -> None:
        day = cells.day(cell.text, cell.place)
        self._once(activity, cell, day)
        self._set(activity, "ended_on", day, day)

    def _on_behalf_of(self, activity: dict[str, Any], cell: _Cell, said: Any) -> None:
        named = self._listed(activity, cell)
        before = (activity.get("on_behalf_of") or {}).get("value", [])
        known = {plain(party.get("name", "")) for party in before}
        new = [{"name": name} for name in named if plain(name) not in known]
        if new:
            statement = {**(activity.get("on_behalf_of") or {}), "value": [*before, *new]}
            self._set(activity, "on_behalf_of", statement, "; ".join(party["name"] for party in new))

    def _purposes(self, activity: dict[str, Any], cell: _Cell, said: Any) -> None:
        names = Names(activity.setdefault("purposes", []), self._purpose_ids)
        for name in self._listed(activity, cell):
            if names.found(name, cell.place) is None:
                purpose = names.add(name, self._said.language, **self._marked())
                self._change(f"activities[{activity['id']}].purposes[{purpose['id']}]", "new", name)

    def _legal_basis(self, activity: dict[str, Any], cell: _Cell, said: Mapping[str, list[_Cell]]) -> None:
        """In words, as the file has it: which article that is, a person decides."""
        words = cells.words(cell.text, cell.place)
        names = Names(activity.get("purposes") or [], self._purpose_ids)
        listed = [
            names.found(name, one.place)
            for one in said.get("purposes", ())
            for name in cells.listed(one.text, one.column.separators, one.place)
        ]
        if not listed:
            raise DocumentError([Problem(cell.place, _("is the basis of no purpose: the row names none"))])
        basis = {"value": {"text": {self._said.language: words}}}
        for purpose in listed:
            if purpose is None or purpose.get("legal_basis") == basis:
                continue
            if "legal_basis" in purpose:
                said_already = _("%(purpose)s has a legal basis already, which stays as it is") % {
                    "purpose": f"purposes[{purpose['id']}]"
                }
                self._warnings.append(Problem(cell.place, said_already))
                continue
            purpose["legal_basis"] = basis
            self._change(f"activities[{activity['id']}].purposes[{purpose['id']}].legal_basis", "new", words)

    def preview(self, laws: Mapping[str, Sequence[Law]] | None) -> Preview:
        for heading, column in self._said.columns.items():
            if heading not in self._headings and column.to != NOTHING:
                self._problems.append(Problem(f"columns[{heading}]", _("no sheet that is read has this heading")))
        if not self._problems:
            self._problems += [self._located(problem) for problem in check(self._document, laws).errors]
        for kind in (*ENTRIES, "activities"):
            if not self._document[kind] and kind not in {"registers", "activities"}:
                del self._document[kind]
        return Preview(
            tuple(self._rows),
            tuple(self._problems[:MOST_PROBLEMS]),
            tuple(self._warnings[:MOST_PROBLEMS]),
            tuple(self._unread),
            self._document,
        )

    def _located(self, problem: Problem) -> Problem:
        """The problem by the row that the entry came from."""
        rows = [path for path in self._where if re.match(rf"{re.escape(path)}(?![A-Za-z0-9_-])", problem.path)]
        return Problem(self._where[max(rows, key=len)], str(problem)) if rows else problem
