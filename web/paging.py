"""Long lists, a page at a time; what was searched for stays in the address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest

ROWS = 50
"""Rows of a page."""


@dataclass(frozen=True)
class Pages:
    """One page of a list. `before` and `after`: the addresses of its neighbours, "" where there is none."""

    rows: list[Any]
    every: int
    first: int
    last: int
    before: str
    after: str


def paged(request: HttpRequest, found: Sequence[Any] | QuerySet[Any], size: int = ROWS) -> Pages:
    """The page that is asked for as `page`; the nearest one where there is no such."""
    page = Paginator(found, size).get_page(request.GET.get("page"))
    return Pages(
        list(page.object_list),
        page.paginator.count,
        page.start_index(),
        page.end_index(),
        _address(request, page.number - 1) if page.has_previous() else "",
        _address(request, page.number + 1) if page.has_next() else "",
    )


def _address(request: HttpRequest, number: int) -> str:
    asked = request.GET.copy()
    asked["page"] = str(number)
    return f"?{asked.urlencode()}"
