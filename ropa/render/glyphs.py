"""Which characters a TrueType font can draw: its `cmap`, formats 4 and 12 (ISO/IEC 14496-22, 5.2.1)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path


def covered(font: Path) -> frozenset[int]:
    """The code points of every Unicode table of the font. Raises ValueError for a file that has none."""
    data = font.read_bytes()
    (tables,) = struct.unpack_from(">H", data, 4)
    for number in range(tables):
        tag, _, offset, _ = struct.unpack_from(">4sLLL", data, 12 + 16 * number)
        if tag == b"cmap":
            return frozenset(_characters(data, offset))
    raise ValueError(f"{font.name} has no cmap table")


def _characters(data: bytes, cmap: int) -> Iterator[int]:
    (subtables,) = struct.unpack_from(">H", data, cmap + 2)
    for number in range(subtables):
        _, _, offset = struct.unpack_from(">HHL", data, cmap + 4 + 8 * number)
        (kind,) = struct.unpack_from(">H", data, cmap + offset)
        if kind == 4:
            yield from _segments(data, cmap + offset)
        elif kind == 12:
            (groups,) = struct.unpack_from(">L", data, cmap + offset + 12)
            for group in range(groups):
                first, last = struct.unpack_from(">LL", data, cmap + offset + 16 + 12 * group)
                yield from range(first, last + 1)


def _segments(data: bytes, start: int) -> Iterator[int]:
    """Format 4: segments of consecutive characters; a glyph number of 0 inside one means that it is not drawn."""
    (doubled,) = struct.unpack_from(">H", data, start + 6)
    count = doubled // 2
    last = struct.unpack_from(f">{count}H", data, start + 14)
    first = struct.unpack_from(f">{count}H", data, start + 16 + doubled)
    delta = struct.unpack_from(f">{count}H", data, start + 16 + 2 * doubled)
    offsets = start + 16 + 3 * doubled
    for segment in range(count):
        (jump,) = struct.unpack_from(">H", data, offsets + 2 * segment)
        for character in range(first[segment], min(last[segment], 0xFFFE) + 1):
            glyph = character
            if jump:
                place = offsets + 2 * segment + jump + 2 * (character - first[segment])
                (glyph,) = struct.unpack_from(">H", data, place)
                if not glyph:
                    continue
            if (glyph + delta[segment]) & 0xFFFF:
                yield character
