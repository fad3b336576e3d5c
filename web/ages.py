"""How old records are against their limits, of what was counted already: no register is asked for a page.

Left of the limit line stand the months in which records come to it, as they were counted last for 24 months ahead;
right of it what is past it, as the independent reader saw it after the last night. What neither knows is not known.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from retention.models import DatasetNight, Outlook
from ropa.models import Organisation
from web.words import number

LIMIT, FLOOR, HIGH = 250.0, 38.0, 32.0
PITCH, MONTH, PAST = 10.0, 8.4, 18.0
"""Of the picture: where the line stands, its floor and height; a month, its bar, and a bar beyond the line."""


@dataclass(frozen=True)
class Bar:
    """One bar of the picture; `style`: what it means, by texture."""

    x: float
    y: float
    width: float
    height: float
    style: str


@dataclass(frozen=True)
class Ages:
    """One dataset. `months`: how many come to their limit in each month, the nearest first; None: nobody has counted.

    later    their limit lies further ahead, or has no day yet
    due      may go, as it was counted with the months
    overdue  past it, and nothing explains why
    waiting  past it, and an approval, grace or a paper order is waited for
    held     on hold
    """

    months: Sequence[int] | None = None
    later: int | None = None
    due: int | None = None
    overdue: int | None = None
    waiting: int | None = None
    held: int | None = None
    bars: Sequence[Bar] = field(default=())

    @property
    def year(self) -> int | None:
        return None if self.months is None else sum(self.months[:12])

    @property
    def second_year(self) -> int | None:
        return None if self.months is None else sum(self.months[12:])

    @property
    def known(self) -> bool:
        """Whether both sides of the line are."""
        return self.months is not None and self.overdue is not None

    @property
    def anything(self) -> bool:
        """Whether either side is."""
        return self.months is not None or self.overdue is not None

    def sentences(self) -> list[str]:
        """What the picture says, with its numbers."""
        return [*self._ahead(), *self._past()]

    def _ahead(self) -> list[str]:
        if self.months is None or self.later is None:
            return [_("When records come to their limit is not known.")]
        near = sum(self.months)
        text = ngettext(
            "%(n)s record comes to its limit within 24 months; %(later)s later, or without a day yet.",
            "%(n)s records come to their limit within 24 months; %(later)s later, or without a day yet.",
            near,
        )
        return [text % {"n": number(near), "later": number(self.later)}]

    def _past(self) -> list[str]:
        if self.overdue is None or self.waiting is None or self.held is None:
            return [_("What is past its limit is not known.")]
        if not (self.overdue or self.waiting or self.held):
            return [_("Nothing is past its limit.")]
        found = []
        if self.overdue:
            text = ngettext("%(n)s record is overdue.", "%(n)s records are overdue.", self.overdue)
            found.append(text % {"n": number(self.overdue)})
        if self.waiting:
            text = ngettext(
                "%(n)s record past its limit waits for a decision.",
                "%(n)s records past their limit wait for a decision.",
                self.waiting,
            )
            found.append(text % {"n": number(self.waiting)})
        if self.held:
            text = ngettext("%(n)s record is on hold.", "%(n)s records are on hold.", self.held)
            found.append(text % {"n": number(self.held)})
        return found


def outlook_of(organisation: Organisation) -> Outlook | None:
    """The last count of what comes to its limit, without the version's text."""
    found = Outlook.objects.filter(organisation=organisation).select_related("version")
    return found.defer("version__snapshot", "version__impact", "version__shortened", "version__hands").first()


def ages_of(outlook: Outlook | None, seen: Mapping[str, DatasetNight], datasets: Collection[str]) -> dict[str, Ages]:
    """Each of these datasets by what was counted last, and by the last night."""
    counted = {one["dataset"]: one for one in outlook.datasets} if outlook is not None else {}
    return {code: _ages(counted.get(code), seen.get(code)) for code in datasets}


def _ages(counted: Mapping[str, Any] | None, night: DatasetNight | None) -> Ages:
    told: dict[str, Any] = {}
    if counted is not None and not counted["problem"]:
        months = [one["gained"] for one in sorted(counted["months"], key=lambda one: str(one["month"]))]
        due = counted["at_once"]["gained"]
        told |= {"months": months, "due": due, "later": counted["items"] - due - sum(months)}
    if night is not None and night.overdue_left is not None and night.unexplained is not None:
        told |= {
            "overdue": night.unexplained,
            "waiting": night.overdue_left - night.unexplained,
            "held": night.counts.get("left_held", 0),
        }
    return Ages(**told, bars=_bars(told))


def _bars(told: Mapping[str, Any]) -> list[Bar]:
    """Linear, from nought, on one scale on both sides of the line."""
    months: Sequence[int] = told.get("months") or ()
    past = [("f-late", told.get("overdue")), ("o-wait", told.get("waiting")), ("o-hold", told.get("held"))]
    most = max((*months, *(items or 0 for _style, items in past)), default=0)
    if not most:
        return []
    ahead = [
        _bar(LIMIT - PITCH * (place + 1) + 0.8, MONTH, items / most, "f-keep") for place, items in enumerate(months)
    ]
    beyond = [
        _bar(LIMIT + 4 + place * (PAST + 4), PAST, (items or 0) / most, style)
        for place, (style, items) in enumerate(past)
    ]
    return [one for one in (*ahead, *beyond) if one.height]


def _bar(x: float, width: float, share: float, style: str) -> Bar:
    height = round(max(share * HIGH, 1.0 if share else 0.0), 1)  # one of many is still seen
    return Bar(round(x, 1), round(FLOOR - height, 1), width, height, style)
