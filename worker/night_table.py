"""A night as a table for a terminal: one row per register, and one sentence that says whether all is well."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from retention.models import Run
from retention.plan import plan_of
from retention.runs import succeeded
from ropa.wording import number_in_words
from worker.decision_words import day

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

WIDTH = 120
"""As many characters as a row should have at most; names are folded for it, never cut."""
SUMMED = ("due", "destroyed", "held", "review", "pending", "overdue_left")
"""What the table of companies shows of each."""
COLUMNS = ("due", "held", "review", "destroyed", "pending", "refused", "failed", "overdue_left")


def number(value: int) -> str:
    """A number with its thousands apart, in the active language."""
    return number_in_words(value, (get_language() or "en")[:2])


def step(name: str) -> str:
    """A step of the night in the active language; one without words keeps its name."""
    words = {
        "collect": _("collecting"),
        "evaluate": _("evaluating"),
        "purge": _("deleting"),
        "recover": _("recovering"),
        "read": _("verifying"),
        "forget": _("forgetting"),
        "problem": _("problem"),
        "stopped": _("stopped"),
        "returned": _("back from a backup"),
        "breaker": _("out of proportion"),
        "unchanged": _("unchanged"),
    }
    return words.get(name, name)


def headings() -> dict[str, str]:
    """The columns' names in the active language; a line break parts a long one."""
    return {
        "due": _("Due"),
        "held": _("On hold"),
        "review": _("To review"),
        "destroyed": _("Deleted"),
        "pending": _("Ordered"),
        "refused": _("Refused"),
        "failed": _("Failed"),
        "overdue_left": _("Overdue\nleft"),
        "oldest_kept": _("Oldest kept"),
    }


def register_rows(run: Run, language: str = "fi") -> list[dict[str, Any]]:
    """One row per register that the night is about: numbers summed over its datasets; None where it did not answer.

    One that no connection reaches and that has no dataset stands in the record only.
    """
    names = {}
    if run.version is not None:
        plan = plan_of(run.version)
        about = [one for one in plan.registers if one.connection or plan.datasets_of(one.code)]
        names = {register.code: register.name for register in about}
    grouped: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for dataset in run.summary.get("datasets", []):
        grouped[dataset["register"]].append(dataset)
    said = [dataset["problem"] for dataset in run.summary.get("datasets", [])]
    unheard = {  # what no dataset said already
        source: problem
        for source, problem in run.summary.get("unheard", {}).items()
        if not any(problem in text for text in said)
    }
    rows = []
    for code in names:
        datasets = grouped.get(code, [])
        texts = names[code]
        row: dict[str, Any] = {
            "register": code,
            "name": texts.get(language) or next(iter(texts.values())),
            "problems": [f"{d['dataset']}: {d['problem']}" for d in datasets if d["problem"]]
            + [f"{source}: {problem}" for source, problem in unheard.items() if source.startswith(f"{code}:")],
        }
        for column in COLUMNS:
            numbers = [d[column] for d in datasets]
            row[column] = None if not numbers or None in numbers else sum(numbers)
        oldest = [d["oldest_kept"] for d in datasets if d["oldest_kept"]]
        row["oldest_kept"] = min(oldest) if oldest else None
        row["unexplained"] = sum(d["unexplained"] or 0 for d in datasets)
        rows.append(row)
    return rows


def verdict(run: Run, again: bool = False) -> str:
    """The night in one paragraph; `again`: it had run before, and these are the numbers of that time."""
    if run.state != "finished":
        words = {"date": day(run.business_date), "reason": run.stop_reason}
        if run.stop_reason:
            return _("The night of %(date)s is not finished: %(reason)s") % words
        return _("The night of %(date)s is not finished.") % words
    return " ".join(_sentences(run, again))


def _sentences(run: Run, again: bool) -> Iterator[str]:
    purged = run.summary["purged"]
    if again:
        none = _("When the night ran, nothing was deleted.")
        text = ngettext(
            "When the night ran, %(n)s record was deleted.", "When the night ran, %(n)s records were deleted.", purged
        )
    else:
        none = _("Nothing was deleted.")
        text = ngettext("%(n)s record was deleted.", "%(n)s records were deleted.", purged)
    yield text % {"n": number(purged)} if purged else none
    if problems := len(run.summary["problems"]):
        text = ngettext("%(n)s dataset could not be worked on.", "%(n)s datasets could not be worked on.", problems)
        yield text % {"n": number(problems)}
    if unasked := sum(bool(dataset.get("unchanged_since")) for dataset in run.summary["datasets"]):
        text = ngettext(
            "%(n)s dataset had not changed and was not asked again.",
            "%(n)s datasets had not changed and were not asked again.",
            unasked,
        )
        yield text % {"n": number(unasked)}
    unexplained = run.summary["unexplained"]
    explained = sum(row["overdue_left"] or 0 for row in run.summary["datasets"]) - unexplained
    if explained > 0:
        text = ngettext(
            "%(n)s record is overdue and waits for an order, an approval or its days of grace.",
            "%(n)s records are overdue and wait for an order, an approval or their days of grace.",
            explained,
        )
        yield text % {"n": number(explained)}
    if unexplained:
        text = ngettext(
            "%(n)s record is overdue without an explanation.",
            "%(n)s records are overdue without an explanation.",
            unexplained,
        )
        yield text % {"n": number(unexplained)}
    if succeeded(run):
        yield _("Nothing is overdue without an explanation.")


def print_table(
    run: Run,
    out: SupportsWrite[str],
    language: str = "fi",
    again: bool = False,
    unreachable: Mapping[str, str] | None = None,
) -> None:
    """Write the table and the paragraph.

    `unreachable`: registers that nobody could ask here -> why; the total leaves them out.
    """
    rows = register_rows(run, language)
    for row in rows:
        if why := (unreachable or {}).get(row["register"]):
            row["problems"].append(_("not reachable: %(why)s") % {"why": why})
    total = _total([row for row in rows if row["register"] not in (unreachable or {})])
    titles = [title.split("\n") for title in headings().values()]
    body = [_cells(row) for row in (*rows, total)]
    widths = [max([5, *map(len, title), *(len(cells[place]) for cells in body)]) for place, title in enumerate(titles)]
    others = sum(width + 2 for width in widths)
    width = min(max(20, WIDTH - others), max(len(row["name"]) for row in (*rows, total)))

    def line(name: str, cells: Sequence[str]) -> None:
        numbers = "".join("  " + cell.rjust(size) for cell, size in zip(cells, widths, strict=True))
        out.write((name.ljust(width) + numbers).rstrip() + "\n")

    deep = max(map(len, titles))
    for place in range(deep):
        said = [([""] * (deep - len(title)) + title)[place] for title in titles]
        line(_("Register") if place == deep - 1 else "", said)
    out.write("─" * (width + others) + "\n")
    for row in rows:
        first, *rest = _folded(row["name"], width)
        line(first, _cells(row))
        for more in rest:
            out.write(f"  {more}\n")
        for problem in row["problems"]:
            out.write(f"    {problem}\n")
    out.write("─" * (width + others) + "\n")
    line(total["name"], _cells(total))
    out.write("\n" + verdict(run, again) + "\n")


@dataclass(frozen=True)
class CompanyNight:
    """One company's night. `unreachable`: register -> why nobody could ask it here."""

    name: str
    run: Run
    unreachable: Mapping[str, str]


def print_companies(nights: Sequence[CompanyNight], out: SupportsWrite[str]) -> None:
    """One row per company, and one of them all; what cannot be reached here is counted and in no other number."""
    titles = [_("Company"), _("Registers"), *(headings()[column] for column in SUMMED)]
    titles.append(_("Not reachable").replace(" ", "\n"))
    above, below = zip(*(title.rpartition("\n")[::2] for title in titles), strict=True)
    body: list[tuple[str, ...]] = []
    sums: list[list[int | None]] = []
    for night in nights:
        rows = register_rows(night.run)
        total = _total([row for row in rows if row["register"] not in night.unreachable])
        numbers = [len(rows), *(total[column] for column in SUMMED), len(night.unreachable)]
        sums.append(numbers)
        body.append((night.name, *map(_cell, numbers)))
    every = [None if None in column else sum(map(int, column)) for column in zip(*sums, strict=True)]
    body.append((_("Total"), *map(_cell, every)))
    widths = [max(map(len, cells)) for cells in zip(above, below, *body, strict=True)]
    rule = "─" * (sum(widths) + 2 * (len(widths) - 1))

    def line(cells: Sequence[str]) -> None:
        first, *numbers = [cell.rjust(width) for cell, width in zip(cells, widths, strict=True)]
        out.write("  ".join([first.strip().ljust(widths[0]), *numbers]).rstrip() + "\n")

    line(above)
    line(below)
    out.write(rule + "\n")
    for row in body[:-1]:
        line(row)
    out.write(rule + "\n")
    line(body[-1])
    out.write("\n")
    for night in nights:
        if not succeeded(night.run):
            out.write(f"{night.name}: {verdict(night.run)}\n")
    if any(night.unreachable for night in nights):
        out.write(
            _("A register that cannot be reached from this machine does not fail the demo; nothing of it was touched.")
            + "\n"
        )
    if all(succeeded(night.run) for night in nights):
        out.write(_("Every night succeeded.") + "\n")


def _total(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the registers' numbers make together; what one of them does not know is not known of all."""
    total: dict[str, Any] = {"name": _("Total"), "oldest_kept": None}
    for column in COLUMNS:
        numbers = [row[column] for row in rows]
        total[column] = None if None in numbers else sum(numbers)
    return total


def _cell(value: int | None) -> str:
    return _("not known") if value is None else number(value)


def _cells(row: Mapping[str, Any]) -> list[str]:
    numbers = [_cell(row[column]) for column in COLUMNS]
    oldest = row["oldest_kept"]
    return [*numbers, day(date.fromisoformat(oldest)) if oldest else "–"]


def _folded(name: str, width: int) -> list[str]:
    """A name in lines of at most `width`, parted after a space, a slash or a hyphen; a longer word stays whole."""
    lines = [""]
    for part in re.findall(r"[^\s/-]+[\s/-]*|[\s/-]+", name):
        if lines[-1] and len((lines[-1] + part).rstrip()) > width - (2 if len(lines) > 1 else 0):
            lines.append("")
        lines[-1] += part
    return [line.rstrip() for line in lines]
