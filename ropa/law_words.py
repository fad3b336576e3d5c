"""A row of the law library for people, and as data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from retention.domain.rules import Trigger
from ropa.citing import said
from ropa.law import LawRule
from ropa.wording import day_in_words, period_in_words


def row_as_data(row: LawRule) -> dict[str, Any]:
    """Every key of a row as JSON has it; what it does not have is null or empty."""
    return {
        "id": row.id,
        "name": dict(row.name),
        "text": dict(row.text),
        "citation": dict(row.citation),
        "categories": list(row.categories),
        "sectors": list(row.sectors),
        "bound": row.bound,
        "kind": row.kind and row.kind.value,
        "trigger": _trigger(row.trigger),
        "period": row.period and str(row.period),
        "rounding": str(row.rounding),
        "ends_on": list(row.ends_on),
        "condition": row.condition and {"fact": row.condition.fact, "is": row.condition.value},
        "yields_to": row.yields_to if isinstance(row.yields_to, str) else sorted(kind.value for kind in row.yields_to),
        "legal_basis": list(row.legal_basis),
        "review_every": row.review_every and str(row.review_every),
        "ceiling": row.ceiling,
        "gives_way_to": list(row.gives_way_to),
        "moves_to": list(row.moves_to),
        "certainty": row.certainty,
        "number_certainty": row.number_certainty,
        "suggestion": row.suggestion,
        "in_force_from": row.in_force_from.isoformat(),
        "in_force_to": row.in_force_to and row.in_force_to.isoformat(),
        "successor": row.successor,
        "checked_on": row.checked_on.isoformat(),
        "source": row.source,
    }


def _trigger(trigger: Trigger | None) -> Mapping[str, list[str]] | str | None:
    if trigger is None:
        return None
    return trigger.events[0] if trigger.choose == "only" else {trigger.choose: list(trigger.events)}


def row_in_words(row: LawRule, language: str, whole: bool = False) -> str:
    """One line: the row, its time, its citation; `whole` adds what it says, since when, and how sure we are of it."""
    if row.period is not None:
        time = period_in_words(str(row.period), language)
    else:
        time = said("criterion" if row.executable else "follows", language)
    if row.suggestion:
        time += f" ({said('suggestion', language)})"
    line = f"{row.id}: {row.name[language]}: {time}; {row.citation[language]}"
    if not whole:
        return line
    first = day_in_words(row.in_force_from, language)
    if row.in_force_to is None:
        valid = said("since", language, first=first)
    else:
        valid = said("until", language, first=first, last=day_in_words(row.in_force_to, language))
    day = day_in_words(row.checked_on, language)
    sure = said("checked", language, certainty=row.certainty, number=row.number_certainty, day=day)
    return f"{line}\n  {row.text[language]}\n  {valid}; {sure}"
