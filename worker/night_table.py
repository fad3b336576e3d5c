"""A night as a table for a terminal: one row per register, and one sentence that says whether all is well."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from retention.models import Run
from retention.night import succeeded
from retention.plan import plan_of

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

COLUMNS = ("due", "held", "review", "destroyed", "pending", "refused", "failed", "overdue_left")


def headings() -> dict[str, str]:
    """The columns' names in the active language."""
    return {
        "due": _("Due"),
        "held": _("On hold"),
        "review": _("To review"),
        "destroyed": _("Deleted"),
        "pending": _("Ordered"),
        "refused": _("Refused"),
        "failed": _("Failed"),
        "overdue_left": _("Overdue left"),
        "oldest_kept": _("Oldest kept"),
    }


def register_rows(run: Run, language: str = "fi") -> list[dict[str, Any]]:
    """One row per register: numbers summed over its datasets; None where it did not answer."""
    names = {}
    if run.version is not None:
        names = {register.code: register.name for register in plan_of(run.version).registers}
    grouped: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for dataset in run.summary.get("datasets", []):
        grouped[dataset["register"]].append(dataset)
    rows = []
    for code in names:
        datasets = grouped.get(code, [])
        texts = names[code]
        row: dict[str, Any] = {
            "register": code,
            "name": texts.get(language) or next(iter(texts.values())),
            "problems": [f"{d['dataset']}: {d['problem']}" for d in datasets if d["problem"]],
        }
        for column in COLUMNS:
            numbers = [d[column] for d in datasets]
            row[column] = None if not numbers or None in numbers else sum(numbers)
        oldest = [d["oldest_kept"] for d in datasets if d["oldest_kept"]]
        row["oldest_kept"] = min(oldest) if oldest else None
        row["unexplained"] = sum(d["unexplained"] or 0 for d in datasets)
        rows.append(row)
    return rows


def verdict(run: Run) -> str:
    """The night in one sentence."""
    if run.state != "finished":
        return _("The night of %(date)s is not finished: %(reason)s") % {
            "date": run.business_date,
            "reason": run.stop_reason or run.state,
        }
    purged = run.summary["purged"]
    parts = [
        ngettext("%(n)d record was deleted.", "%(n)d records were deleted.", purged) % {"n": purged}
        if purged
        else _("Nothing was deleted.")
    ]
    unexplained = run.summary["unexplained"]
    problems = len(run.summary["problems"])
    if problems:
        parts.append(
            ngettext("%(n)d dataset could not be worked on.", "%(n)d datasets could not be worked on.", problems)
            % {"n": problems}
        )
    if unexplained:
        parts.append(
            ngettext(
                "%(n)d record is overdue without an explanation.",
                "%(n)d records are overdue without an explanation.",
                unexplained,
            )
            % {"n": unexplained}
        )
    if succeeded(run):
        parts.append(_("Nothing is overdue without an explanation."))
    return " ".join(parts)


def print_table(run: Run, out: SupportsWrite[str], language: str = "fi") -> None:
    """Write the table and the sentence."""
    titles = headings()
    rows = register_rows(run, language)
    width = max([len(_("Register")), *(len(row["name"]) for row in rows)])
    columns = (*COLUMNS, "oldest_kept")
    widths = {name: max(len(titles[name]), 10 if name == "oldest_kept" else 5) for name in columns}
    out.write(_("Register").ljust(width) + "".join("  " + titles[n].rjust(widths[n]) for n in columns) + "\n")
    out.write("─" * (width + sum(w + 2 for w in widths.values())) + "\n")
    for row in rows:
        cells = "".join(
            "  " + (_("not known") if row[n] is None and n != "oldest_kept" else _number(row[n])).rjust(widths[n])
            for n in columns
        )
        out.write(row["name"].ljust(width) + cells + "\n")
        for problem in row["problems"]:
            out.write(f"    {problem}\n")
    out.write("\n" + verdict(run) + "\n")


def _number(value: Any) -> str:
    return "–" if value is None else str(value)
