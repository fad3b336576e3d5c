"""Geometry of the pictures: numbers in, places out; templates draw them as SVG with classes only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from web.sums import Bar
from web.words import day, number, short_day

WIDTH, LEFT, TOP, FLOOR = 500.0, 44.0, 30.0, 172.0


@dataclass(frozen=True)
class Column:
    """One column; without a height: nothing happened on that day, and a mark says so."""

    x: float
    y: float
    width: float
    height: float | None
    late: bool
    last: bool
    label: str
    anchor: str
    value: str

    @property
    def middle(self) -> float:
        return round(self.x + self.width / 2, 1)


@dataclass(frozen=True)
class Nights:
    """Columns of the last nights over three hairlines."""

    columns: Sequence[Column]
    lines: Sequence[tuple[float, str]]
    missed: Sequence[str]

    @property
    def ran(self) -> int:
        return sum(one.height is not None for one in self.columns)


def nights(bars: Sequence[Bar]) -> Nights:
    """The picture of the last nights: how many records went in each."""
    most = max((bar.gone or 0 for bar in bars), default=0)
    step = _round_step(most)
    top = max(step * -(-most // step), step)
    pitch = (WIDTH - LEFT - 2) / max(len(bars), 12)
    columns = []
    for place, bar in enumerate(bars):
        last = place == len(bars) - 1
        height = None if bar.gone is None else round((bar.gone / top) * (FLOOR - TOP), 1)
        told = last or (place % 8 == 0 and len(bars) - place > 5)
        columns.append(
            Column(
                round(LEFT + 2 + place * pitch, 1),
                round(FLOOR - (height or 0), 1),
                round(pitch * 0.74, 1),
                height,
                bar.left,
                last,
                short_day(bar.day) if told else "",
                "middle",
                number(bar.gone) if last and bar.gone is not None else "",
            )
        )
    lines = [(round(FLOOR - value / top * (FLOOR - TOP), 1), number(value)) for value in range(step, top + 1, step)]
    return Nights(columns, lines, [day(bar.day) for bar in bars if bar.gone is None])


def _round_step(most: int) -> int:
    """The distance of the hairlines: 1, 2 or 5 times a power of ten, at most three of them up to the most."""
    size = 1
    while True:
        for factor in (1, 2, 5):
            if size * factor * 3 >= most:
                return size * factor
        size *= 10
