"""Geometry of the picture of months: a column each, a cross where nothing is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from web.words import number

LEFT, FLOOR, TOP, PITCH, WIDE = 8.0, 96.0, 20.0, 40.0, 26.0


@dataclass(frozen=True)
class MonthColumn:
    """`value` "": nothing is known of it."""

    x: float
    y: float
    height: float
    label: str
    value: str
    late: bool

    @property
    def middle(self) -> float:
        return round(self.x + WIDE / 2, 1)


@dataclass(frozen=True)
class MonthChart:
    columns: Sequence[MonthColumn]
    wide: float = WIDE

    @property
    def width(self) -> float:
        return LEFT + PITCH * max(len(self.columns), 6)


def month_chart(values: Sequence[tuple[str, int | None]], late: bool) -> MonthChart:
    """`values`: a short name and a number each. `late`: whether a number above nought is bad."""
    most = max((value or 0 for _label, value in values), default=0) or 1
    columns = []
    for place, (label, value) in enumerate(values):
        height = round((value or 0) / most * (FLOOR - TOP), 1)
        shown = "" if value is None else number(value)
        x = round(LEFT + place * PITCH, 1)
        columns.append(MonthColumn(x, round(FLOOR - height, 1), height, label, shown, late and bool(value)))
    return MonthChart(columns)
