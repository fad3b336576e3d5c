"""What a rule would mean: on an example, beside the law and the other rules, and for the records that there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.utils.translation import gettext as _

from retention.domain.decisions import State
from retention.domain.errors import RuleError
from retention.domain.periods import FinancialYears, Period, last_day, parse_financial_years
from retention.domain.rules import Ceiling, Ground, Kind, Status, Trigger
from retention.domain.written import parse_ceiling, parse_day, parse_ground
from retention.rule_impact import UNMAPPED
from ropa.citing import citing, said
from ropa.wording import rule_in_words
from web.words import day, language, number

Document = Mapping[str, Any]
WIDTH = 1094.0


@dataclass(frozen=True)
class Example:
    """A record whose event is today: from when it is counted, its last day, and the first on which it may go."""

    start: date
    counted: date
    last: date
    goes: date

    @property
    def bend(self) -> float:
        """Where in the picture the rounding ends."""
        whole = (self.last - self.start).days or 1
        return round(WIDTH * (self.counted - self.start).days / whole, 1)


def example_of(document: Document, rule: Document, today: date) -> Example | None:
    """None where no day can be counted: a criterion."""
    if rule.get("period") is None:
        return None
    years = years_of(document)
    rounding = str(rule.get("rounding") or "none")
    last = last_day(today, rule["period"], rounding, years)
    return Example(today, last_day(today, Period(0, 0), rounding, years), last, last + timedelta(days=1))


def years_of(document: Document) -> FinancialYears:
    head = document["organisation"]
    written = [
        (parse_day(one["start"], "start"), parse_day(one["end"], "end")) for one in head.get("financial_years") or ()
    ]
    return parse_financial_years(head.get("financial_year_end") or "12-31", written)


def remarks(document: Document, dataset: Document, where: str, rule: Document, today: date) -> list[str]:
    """What is doubtful: otherwise than the law that it cites, and against which rule of the same dataset it stands."""
    return [*_beside_the_law(document, dataset, where, rule, today), *_conflicts(document, dataset, today)]


def _beside_the_law(document: Document, dataset: Document, where: str, rule: Document, today: date) -> Iterator[str]:
    place = f"datasets[{dataset['id']}].{where}[{rule['id']}]"
    for one in citing(document, rule.get("law") or "", today) if rule.get("law") else ():
        if not one.path.startswith(place):
            continue
        if one.state == "otherwise":
            keys = ", ".join(said(key, language()) for key in one.differs)
            yield _("It is written otherwise than the statute: %(keys)s.") % {"keys": keys}
        elif one.state != "as_law":
            yield _("The statute that it cites is not in force.")


def _conflicts(document: Document, dataset: Document, today: date) -> Iterator[str]:
    """Duties by law that a longest time cuts, where both count from the same event: nothing goes, by either (2.4)."""
    try:
        grounds = [parse_ground(one, "grounds") for one in dataset.get("grounds") or ()]
        ceilings = [parse_ceiling(one, "ceilings") for one in dataset.get("ceilings") or ()]
    except RuleError:
        return  # the form says so itself
    for ground in grounds:
        for ceiling in ceilings:
            if ground.kind is Kind.OBLIGATION and ceiling.cuts(ground.kind) and _cuts(document, ground, ceiling, today):
                yield _(
                    "Conflict: the law demands “%(duty)s”, and a longest time says “%(limit)s”. "
                    "What both meet does not go before one of them is mended."
                ) % {
                    "duty": _in_words(dataset, "grounds", ground.id),
                    "limit": _in_words(dataset, "ceilings", ceiling.id),
                }


def _cuts(document: Document, ground: Ground, ceiling: Ceiling, today: date) -> bool:
    if ground.period is None or Status.UNCONFIRMED in (ground.status, ceiling.status):
        return False
    same: tuple[Trigger, Trigger] = (ground.trigger, ceiling.trigger)
    if same[0] != same[1]:
        return False
    years = years_of(document)
    return last_day(today, ceiling.period, ceiling.rounding, years) < last_day(
        today, ground.period, ground.rounding, years
    )


def _in_words(dataset: Document, where: str, code: str) -> str:
    return rule_in_words(next(one for one in dataset[where] if one["id"] == code), language())


@dataclass(frozen=True)
class Line:
    """One number before and after, and by how much it differs."""

    text: str
    before: str
    after: str
    differs: str


@dataclass(frozen=True)
class Column:
    """What becomes due in a month, earlier than before or only now, and what no longer does."""

    x: float
    gained: tuple[float, float]
    lost: tuple[float, float]
    month: str
    told: bool
    numbers: tuple[int, int]


def lines(effect: Document) -> list[Line]:
    """A dataset's effect as a table: what may go on the first day, what does not and why."""
    before, after = effect["states"]
    words = {
        State.HELD: _("Kept under a hold"),
        State.KEEP: _("Kept by a rule"),
        State.OPEN: _("Not ended yet"),
        State.TRIGGER_MISSING: _("Start event missing"),
        State.REVIEW: _("A person has to decide"),
        State.RULE_CONFLICT: _("Rules in conflict"),
    }
    asked = [
        (_("May go on the first night"), *effect["due"]),
        *((text, before.get(state.value, 0), after.get(state.value, 0)) for state, text in words.items()),
    ]
    return [Line(text, number(was), number(now), differing(now - was)) for text, was, now in asked if was or now]


def differing(by: int) -> str:
    """+1 912, −40, 0."""
    if by == 0:
        return "0"
    return f"+{number(by)}" if by > 0 else f"−{number(-by)}"


FLOOR, HEIGHT, PICTURE = 120.0, 96.0, 520.0


def columns(effect: Document) -> list[Column]:
    """The months ahead: what goes earlier from the floor up, what goes later in outline beside it."""
    months = {one["month"]: [one["gained"], one["lost"]] for one in effect["months"]}
    if months:
        first = months[next(iter(months))]
        first[0] += effect["at_once"]["gained"]
        first[1] += effect["at_once"]["lost"]
    most = max((max(pair) for pair in months.values()), default=0)
    if not most:
        return []
    pitch = PICTURE / len(months)
    found = []
    for place, (name, (gained, lost)) in enumerate(sorted(months.items())):
        heights = [round(HEIGHT * value / most, 1) for value in (gained, lost)]
        found.append(
            Column(
                round(place * pitch, 1),
                (round(FLOOR - heights[0], 1), heights[0]),
                (round(FLOOR - heights[1], 1), heights[1]),
                f"{int(name[5:])}/{name[2:4]}",
                place % 6 == 0,
                (gained, lost),
            )
        )
    return found


def moved(effect: Document) -> str:
    """What the effect comes to, in one sentence."""
    if effect["problem"] == UNMAPPED:
        return _(UNMAPPED)
    if effect["problem"]:
        return _("Not every register could be asked: the effect is not known.")
    if not effect["gained"] and not effect["lost"]:
        return _("No record goes earlier or later than by the rules in force.")
    return _("%(gained)s records go earlier than by the rules in force, and %(lost)s later.") % {
        "gained": number(effect["gained"]),
        "lost": number(effect["lost"]),
    }


def told_of(example: Example) -> str:
    return _("An event of today, %(day)s: the last day is %(last)s, and it goes on %(goes)s at the earliest.") % {
        "day": day(example.start),
        "last": day(example.last),
        "goes": day(example.goes),
    }
