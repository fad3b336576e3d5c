"""What is offered and what would be taken, as data, for whoever shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from retention.domain.errors import Problem
from retention.onboarding.activities import Preview
from retention.onboarding.activities.part import part_of
from ropa.places import at
from ropa.ready_made import Offered, ready_made


def offered_as_dict(offered: Offered, language: str) -> dict[str, Any]:
    """One ready-made activity in one language."""
    return {
        "id": offered.id,
        "sector": offered.sector,
        "name": offered.name[language],
        "summary": offered.summary[language],
        "decide": [question[language] for question in offered.decide],
    }


def contents(*offered: Offered) -> dict[str, list[dict[str, Any]]]:
    """The entries that ready-made activities bring, in all languages, as one inventory document has them."""
    brings: dict[str, list[str]] = {}
    for one in offered:
        for name, codes in one.brings.items():
            brings.setdefault(name, []).extend(codes)
    return dict(part_of(ready_made().document, [one.id for one in offered], brings).lists)


def as_dict(found: Preview, language: str) -> dict[str, Any]:
    """Places added, kept and linked, each with its name; what stays behind; questions, problems and warnings."""
    document = found.joined.document
    return {
        "digest": found.digest,
        "added": [_named(place, document, language) for place in found.joined.added],
        "kept": [_named(place, document, language) for place in found.joined.kept],
        "linked": list(found.joined.linked),
        "renamed": [{"path": place, "id": code} for place, code in found.joined.renamed.items()],
        "left_out": list(found.joined.left_out),
        "decide": [{"path": place, "question": question[language]} for place, question in found.decide],
        "problems": [_problem(one) for one in found.joined.problems],
        "warnings": [_problem(one) for one in found.warnings],
    }


def _named(place: str, document: Mapping[str, Any], language: str) -> dict[str, str]:
    name: Mapping[str, str] = at(document, f"{place}.name")
    return {"path": place, "name": name.get(language) or next(iter(name.values()))}


def _problem(problem: Problem) -> dict[str, str]:
    return {"path": problem.path, "message": problem.message}
