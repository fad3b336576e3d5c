"""Code 128 (ISO/IEC 15417) in code set B: any text in ASCII as bars, for scanners and for people's phones."""

from __future__ import annotations

from dataclasses import dataclass

START_B, STOP = 104, 106
QUIET = 10
"""Modules left white on both sides."""
HEIGHT = 30

_WIDTHS = (
    "212222222122222221121223121322131222122213122312132212221213221312231212112232122132122231113222123122123221"
    "223211221132221231213212223112312131311222321122321221312212322112322211212123212321232121111323131123131321"
    "112313132113132311211313231113231311112133112331132131113123113321133121313121211331231131213113213311213131"
    "311123311321331121312113312311332111314111221411431111111224111422121124121421141122141221112214112412122114"
    "122411142112142211241211221114413111241112134111111242121142121241114212124112124211411212421112421211212141"
    "214121412121111143111341131141114113114311411113411311113141114131311141411131211412211214211232"
)
"""Of each symbol but the last the widths of bar, gap, bar, gap, bar, gap in modules, by its value."""
_STOP_WIDTHS = "2331112"


@dataclass(frozen=True)
class Barcode:
    """A picture: `path` draws the bars, `width` is that of the whole with its quiet zones."""

    text: str
    path: str
    width: int
    height: int = HEIGHT


def symbols(text: str) -> list[int]:
    """Start, each character, the check sum modulo 103, stop."""
    values = [ord(letter) - 32 for letter in text]
    check = (START_B + sum(place * value for place, value in enumerate(values, 1))) % 103
    return [START_B, *values, check, STOP]


def barcode(text: str) -> Barcode | None:
    """The bars of a text; None where it is empty or has a letter that code set B does not."""
    if not text or any(not " " <= letter <= "~" for letter in text):
        return None
    x, parts = QUIET, []
    for value in symbols(text):
        for place, width in enumerate(map(int, _widths(value))):
            if place % 2 == 0:
                parts.append(f"M{x} 0h{width}v{HEIGHT}h-{width}z")
            x += width
    return Barcode(text, "".join(parts), x + QUIET)


def _widths(value: int) -> str:
    return _STOP_WIDTHS if value == STOP else _WIDTHS[6 * value : 6 * value + 6]
