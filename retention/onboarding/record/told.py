"""A preview as data, for whoever shows it."""

from __future__ import annotations

from typing import Any

from retention.domain.errors import Problem
from retention.onboarding.record.becoming import Preview


def as_dict(found: Preview) -> dict[str, Any]:
    """Rows with their outcome and changes, problems and warnings by place, headings that are not read."""
    return {
        "rows": [
            {
                "sheet": row.sheet,
                "row": row.row,
                "activity": row.activity,
                "outcome": row.outcome,
                "changes": [{"path": one.path, "what": one.what, "text": one.text} for one in row.changes],
            }
            for row in found.rows
        ],
        "problems": [_problem(one) for one in found.problems],
        "warnings": [_problem(one) for one in found.warnings],
        "unread": list(found.unread),
    }


def _problem(problem: Problem) -> dict[str, str]:
    return {"path": problem.path, "message": problem.message}
