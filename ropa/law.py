"""The statute library: citable time limits, each with how sure we are of it.

Nothing here is legal advice. `certainty` grades the text of the statute, `number_certainty` the number that
is offered: where the law gives no number, the controller chooses one, and a number graded D is a suggestion.
Rows of grade E are kept out. Every file of `ropa/law/` is read once and checked strictly; an error names the row.

A   the statute was read        B   an authority's or court's text was read       C   own knowledge, sure
D   practice: a suggestion      E   uncertain: not offered
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import yaml

from retention.domain.errors import RuleError
from retention.domain.periods import Period, Rounding
from retention.domain.rules import Condition, Kind, Trigger
from retention.domain.written import parse_day, parse_trigger

DIRECTORY = Path(__file__).with_name("law")
LANGUAGES = ("fi", "sv", "en")
GRADES = "ABCDE"

Bound = Literal["minimum", "maximum", "choice"]


@dataclass(frozen=True, slots=True)
class LawRule:
    """One time limit that a rule may cite by its `id`.

    `bound`: a duty to keep at least (minimum), a duty to be rid of (maximum), or the controller's choice. `kind` is
    the ground that it makes; None where it only makes a ceiling. `period` None: no period, a criterion with a
    review. `in_force_from` is the statute's; `checked_on` is the day up to which later changes were looked for.
    `condition`: a fact that must hold, because the row does not bind everybody.
    """

    id: str
    name: Mapping[str, str]
    text: Mapping[str, str]
    citation: Mapping[str, str]
    statute: str
    section: str
    bound: Bound
    kind: Kind | None
    trigger: Trigger
    period: Period | None
    rounding: Rounding
    ends_on: tuple[str, ...]
    condition: Condition | None
    certainty: str
    number_certainty: str
    in_force_from: date
    checked_on: date
    source: str

    @property
    def suggestion(self) -> bool:
        """Whether its number is only a suggestion: the controller must have a reason of its own (art. 5(2))."""
        return self.number_certainty == "D"


@cache
def library() -> Mapping[str, LawRule]:
    """Every row on offer by its id, in the order of the files. Raises RuleError that names the row."""
    return load(DIRECTORY)


def load(directory: Path) -> Mapping[str, LawRule]:
    """Read every `*.yaml` of a directory. Raises RuleError that names the row, or the file that is not a list."""
    rules: dict[str, LawRule] = {}
    for file in sorted(directory.glob("*.yaml")):
        rows = yaml.safe_load(file.read_text(encoding="utf-8"))
        if not isinstance(rows, list):
            raise RuleError("is not a list of rows", file.name)
        for number, row in enumerate(rows, 1):
            rule = _row(row, f"{file.name} row {number}")
            if rule.id in rules:
                raise RuleError("this id is there twice", rule.id)
            rules[rule.id] = rule
    offered = {code: rule for code, rule in rules.items() if "E" not in (rule.certainty, rule.number_certainty)}
    return MappingProxyType(offered)


_KEYS = frozenset(
    [
        "id",
        "name",
        "text",
        "citation",
        "statute",
        "section",
        "bound",
        "kind",
        "trigger",
        "period",
        "rounding",
        "ends_on",
        "condition",
        "certainty",
        "number_certainty",
        "in_force_from",
        "checked_on",
        "source",
    ]
)
_OPTIONAL = frozenset({"kind", "period", "rounding", "ends_on", "condition", "number_certainty"})


def _row(row: Any, where: str) -> LawRule:
    if not isinstance(row, Mapping) or not isinstance(row.get("id"), str):
        raise RuleError("is not a mapping with an id", where)
    path: str = row["id"]
    if wrong := sorted((set(row) - _KEYS) | (_KEYS - _OPTIONAL - set(row))):
        raise RuleError(f"missing or unknown: {', '.join(wrong)}", path)
    bound = row["bound"]
    if bound not in ("minimum", "maximum", "choice"):
        raise RuleError(f"{bound!r} is neither minimum, maximum nor choice", f"{path}.bound")
    kind = _kind(row.get("kind"), f"{path}.kind")
    if (kind is None) != (bound == "maximum"):
        raise RuleError("a maximum makes no ground, and everything else makes one", f"{path}.kind")
    period = row.get("period")
    if period is None and bound != "choice":
        raise RuleError("is missing", f"{path}.period")
    certainty = _grade(row["certainty"], f"{path}.certainty")
    return LawRule(
        id=path,
        name=_texts(row["name"], f"{path}.name"),
        text=_texts(row["text"], f"{path}.text"),
        citation=_texts(row["citation"], f"{path}.citation"),
        statute=_text(row["statute"], f"{path}.statute"),
        section=_text(row["section"], f"{path}.section"),
        bound=bound,
        kind=kind,
        trigger=parse_trigger(row["trigger"], f"{path}.trigger"),
        period=None if period is None else _period(period, f"{path}.period"),
        rounding=_rounding(row.get("rounding", "none"), f"{path}.rounding"),
        ends_on=_events(row.get("ends_on", []), f"{path}.ends_on"),
        condition=_condition(row.get("condition"), f"{path}.condition"),
        certainty=certainty,
        number_certainty=_grade(row.get("number_certainty", certainty), f"{path}.number_certainty"),
        in_force_from=parse_day(row["in_force_from"], f"{path}.in_force_from"),
        checked_on=parse_day(row["checked_on"], f"{path}.checked_on"),
        source=_text(row["source"], f"{path}.source"),
    )


def _text(value: Any, path: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise RuleError("is no text", path)
    return value.strip()


def _texts(value: Any, path: str) -> Mapping[str, str]:
    if not isinstance(value, Mapping) or set(value) != set(LANGUAGES):
        raise RuleError(f"is not a text in {', '.join(LANGUAGES)}", path)
    return MappingProxyType({language: _text(value[language], f"{path}.{language}") for language in LANGUAGES})


def _grade(value: Any, path: str) -> str:
    if not isinstance(value, str) or len(value) != 1 or value not in GRADES:
        raise RuleError(f"{value!r} is no grade from A to E", path)
    return value


def _kind(value: Any, path: str) -> Kind | None:
    if value is None:
        return None
    try:
        return Kind(value)
    except ValueError:
        raise RuleError(f"{value!r} is no kind of ground", path) from None


def _period(value: Any, path: str) -> Period:
    try:
        return Period.parse(value)
    except RuleError as error:
        raise RuleError(error.message, path) from None


def _rounding(value: Any, path: str) -> Rounding:
    try:
        return Rounding(str(value))
    except RuleError as error:
        raise RuleError(error.message, path) from None


def _events(value: Any, path: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise RuleError("is not a list", path)
    return tuple(name for one in value for name in parse_trigger(one, path).events)


def _condition(value: Any, path: str) -> Condition | None:
    if value is None:
        return None
    if not isinstance(value, Mapping) or set(value) != {"fact", "is"} or not isinstance(value["is"], bool):
        raise RuleError("a condition is written {fact: …, is: true or false}", path)
    return Condition(_text(value["fact"], path), value["is"])
