"""A period as a form has it: a number and one unit."""

from __future__ import annotations

import re

from django.utils.translation import pgettext

_ONE_PART = re.compile(r"P([0-9]{1,5})([YMWD])")


def units() -> list[tuple[str, str]]:
    """The units, as they stand behind a number."""
    return [
        ("Y", pgettext("for so many", "years")),
        ("M", pgettext("for so many", "months")),
        ("W", pgettext("for so many", "weeks")),
        ("D", pgettext("for so many", "days")),
    ]


def in_one_unit(written: str) -> tuple[int, str] | None:
    """`P3Y` as 3 and Y; None for a period of several units, or none."""
    one = _ONE_PART.fullmatch(written)
    return (int(one[1]), one[2]) if one is not None else None
