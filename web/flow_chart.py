"""Geometry of the picture of data flows: three columns of names, and curves between them."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from web.flows_told import Flows

LINE, PAD, GAP = 17.0, 9.0, 10.0
TOP = 30.0
MOST = 24
"""Names in one column; of more only the table is shown."""
COLUMNS = ((0.0, 250.0, 30), (320.0, 270.0, 33), (670.0, 230.0, 26))
"""Left edge, width, and letters on a line, of each column."""


@dataclass(frozen=True)
class Node:
    """A name in its box; `lines`: with their places."""

    x: float
    y: float
    width: float
    height: float
    lines: Sequence[tuple[str, float]]
    kind: str = ""

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


@dataclass(frozen=True)
class Curve:
    path: str
    kind: str


@dataclass(frozen=True)
class FlowChart:
    """The whole picture."""

    nodes: Sequence[Node]
    curves: Sequence[Curve]
    height: float
    abroad: bool

    @property
    def width(self) -> float:
        """Of two columns or three."""
        x, width, _letters = COLUMNS[2 if self.abroad else 1]
        return x + width + 2


def flow_chart(flows: Flows) -> FlowChart | None:
    """The picture; None where there is nothing to draw, or too much for anybody to follow."""
    countries = flows.countries
    if not flows.flows or max(len(flows.registers), len(flows.flows), len(countries)) > MOST:
        return None
    order = {code: n for n, code in enumerate(flows.registers)}
    middle = sorted(flows.flows, key=lambda one: _mean([order[code] for code in one.registers], len(order)))
    names: list[dict[str, tuple[str, str]]] = [
        {code: (name, "") for code, name in flows.registers.items()},
        {flow.code: (flow.name, "") for flow in middle},
        {one.country: (one.name, one.kind) for one in countries},
    ]
    heights = [sum(_height(name, n) + GAP for name, _kind in column.values()) for n, column in enumerate(names)]
    whole = max(heights) - GAP
    columns = [_column(n, column, TOP + (whole - heights[n] + GAP) / 2) for n, column in enumerate(names)]
    curves = []
    for flow in middle:
        here = columns[1][flow.code]
        curves += [Curve(_path(columns[0][code], here), "") for code in flow.registers]
        curves += [Curve(_path(here, columns[2][one.country]), one.kind) for one in flow.abroad]
    nodes = [node for column in columns for node in column.values()]
    return FlowChart(nodes, curves, TOP + whole + 2, bool(countries))


def _mean(places: Sequence[int], otherwise: int) -> float:
    return sum(places) / len(places) if places else otherwise


def _wrapped(name: str, column: int) -> list[str]:
    return textwrap.wrap(name, COLUMNS[column][2]) or [name]


def _height(name: str, column: int) -> float:
    return len(_wrapped(name, column)) * LINE + PAD


def _column(n: int, names: Mapping[str, tuple[str, str]], y: float) -> dict[str, Node]:
    x, width, _letters = COLUMNS[n]
    found = {}
    for key, (name, kind) in names.items():
        height = _height(name, n)
        lines = [(line, round(y + PAD / 2 + (place + 0.76) * LINE, 1)) for place, line in enumerate(_wrapped(name, n))]
        found[key] = Node(x, round(y, 1), width, height, lines, kind)
        y += height + GAP
    return found


def _path(left: Node, right: Node) -> str:
    start, end = left.x + left.width, right.x
    bend = (start + end) / 2
    return f"M{start:g} {left.middle:g}C{bend:g} {left.middle:g} {bend:g} {right.middle:g} {end:g} {right.middle:g}"
