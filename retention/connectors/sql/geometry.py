"""Stand-ins for the functions that a GeoPackage's R-tree triggers call (OGC 12-128, annex F.3).

Without them every UPDATE of a feature table fails in plain SQLite. A geometry is the GeoPackage header,
mostly with an envelope, and then well-known binary; points are commonly written without an envelope.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

ENVELOPE_DOUBLES = (0, 4, 6, 6, 8)
"""Doubles of the header's envelope, by its indicator."""

Bounds = tuple[float, float, float, float]
"""(least x, greatest x, least y, greatest y)."""


def is_empty(blob: bytes | None) -> int | None:
    """ST_IsEmpty."""
    if blob is None:
        return None
    return int(_header(blob)[0])


def bound(blob: bytes | None, which: int) -> float | None:
    """ST_MinX, ST_MaxX, ST_MinY, ST_MaxY by number; None of an empty geometry."""
    if blob is None:
        return None
    empty, order, doubles = _header(blob)
    if empty:
        return None
    if doubles:
        return float(struct.unpack_from(f"{order}4d", blob, 8)[which])
    bounds = _Walk(blob, 8).bounds()
    return bounds[which] if bounds is not None else None


def _header(blob: bytes) -> tuple[bool, str, int]:
    """(empty, byte order, doubles of the envelope). Raises ValueError if it is none."""
    if len(blob) < 8 or blob[:2] != b"GP":
        raise ValueError("no GeoPackage geometry")
    flags = blob[3]
    indicator = flags >> 1 & 7
    if indicator >= len(ENVELOPE_DOUBLES):
        raise ValueError("no GeoPackage geometry")
    return bool(flags >> 4 & 1), "<" if flags & 1 else ">", ENVELOPE_DOUBLES[indicator]


@dataclass
class _Walk:
    """Through the coordinates of one well-known binary."""

    blob: bytes
    at: int

    def bounds(self) -> Bounds | None:
        points: list[tuple[float, float]] = []
        self._geometry(points)
        if not points:
            return None
        xs, ys = [x for x, _ in points], [y for _, y in points]
        return min(xs), max(xs), min(ys), max(ys)

    def _take(self, form: str) -> tuple[float, ...]:
        values = struct.unpack_from(form, self.blob, self.at)
        self.at += struct.calcsize(form)
        return values

    def _count(self, order: str) -> int:
        return int(self._take(f"{order}I")[0])

    def _geometry(self, points: list[tuple[float, float]]) -> None:
        order = "<" if self._take("B")[0] else ">"
        thousands, kind = divmod(self._count(order), 1000)
        width = {0: 2, 1: 3, 2: 3, 3: 4}.get(thousands)
        if width is None or not 1 <= kind <= 7:
            raise ValueError("a kind of geometry whose bounds are not its points'")
        if kind == 1:
            self._points(points, order, width, 1)
        elif kind == 2:
            self._points(points, order, width, self._count(order))
        elif kind == 3:
            for _ in range(self._count(order)):
                self._points(points, order, width, self._count(order))
        else:
            for _ in range(self._count(order)):
                self._geometry(points)

    def _points(self, points: list[tuple[float, float]], order: str, width: int, count: int) -> None:
        for _ in range(count):
            x, y = self._take(f"{order}{width}d")[:2]
            if not (math.isnan(x) or math.isnan(y)):
                points.append((x, y))
