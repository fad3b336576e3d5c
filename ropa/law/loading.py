"""The library's files, read strictly: an error names the row and the key.

`limits/*.yaml` are lists of rows; two rows of one id are versions of it, oldest first, whose days do not overlap.
`categories.yaml` names the data categories and sectors that rows are for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import yaml

from retention.domain.errors import RuleError
from retention.domain.periods import Period, Rounding
from retention.domain.rules import Condition, Kind
from retention.domain.written import parse_day, parse_trigger
from ropa.law.rows import BOUNDS, GRADES, LANGUAGES, LawRule, Library, YieldsTo

DIRECTORY = Path(__file__).with_name("limits")
CATEGORIES = Path(__file__).with_name("categories.yaml")
BASES = frozenset(f"6(1)({letter})" for letter in "abcdef") | {"9(2)(b)", "10", "28"}
"""What a row may rest on; 28 is a processor's instruction."""

Parsed = TypeVar("Parsed")
Texts = Mapping[str, str]

_REQUIRED = frozenset(
    {"id", "name", "text", "citation", "statute", "section", "categories", "sectors", "bound", "certainty"}
    | {"in_force_from", "checked_on", "source"}
)
_OPTIONAL = frozenset(
    {"kind", "trigger", "period", "rounding", "ends_on", "condition", "yields_to", "legal_basis", "review_every"}
    | {"ceiling", "gives_way_to", "moves_to", "number_certainty", "in_force_to", "successor"}
)
_OF_A_RULE = ("kind", "trigger", "period", "rounding", "ends_on", "condition", "yields_to", "ceiling", "moves_to")


@dataclass(frozen=True, slots=True)
class Categories:
    """Codes and what they are called: what kind of data, and whose line of business."""

    data: Mapping[str, Texts]
    sectors: Mapping[str, Texts]


@cache
def categories() -> Categories:
    """The codes that rows use. Raises RuleError."""
    written = yaml.safe_load(CATEGORIES.read_text(encoding="utf-8"))
    if not isinstance(written, Mapping) or set(written) != {"data", "sectors"}:
        raise RuleError("is not a mapping of data and sectors", CATEGORIES.name)
    data, sectors = (
        MappingProxyType({code: texts(one, f"{part}.{code}") for code, one in written[part].items()})
        for part in ("data", "sectors")
    )
    return Categories(data, sectors)


def load(directory: Path) -> Library:
    """Read every `*.yaml` of a directory. Raises RuleError that names the row, or the file that is not a list."""
    rows: dict[str, tuple[LawRule, ...]] = {}
    for file in sorted(directory.glob("*.yaml")):
        written = yaml.safe_load(file.read_text(encoding="utf-8"))
        if not isinstance(written, list):
            raise RuleError("is not a list of rows", file.name)
        for number, one in enumerate(written, 1):
            row = _row(one, f"{file.name} row {number}")
            rows[row.id] = (*rows.get(row.id, ()), row)
    for id_, versions in rows.items():
        _in_order(id_, versions)
        for row in versions:
            _others(row, rows)
    return Library(rows)


def _in_order(id_: str, versions: tuple[LawRule, ...]) -> None:
    for earlier, later in pairwise(versions):
        if earlier.in_force_to is None or later.in_force_from <= earlier.in_force_to:
            raise RuleError("is there twice on one day: a version ends before the next begins", f"{id_}.in_force_to")


def _others(row: LawRule, rows: Mapping[str, tuple[LawRule, ...]]) -> None:
    """What a row says of other rows holds of them."""
    named: dict[str, tuple[str, ...]] = {"ceiling": (row.ceiling,), "successor": (row.successor,)}
    named |= {"gives_way_to": row.gives_way_to, "moves_to": row.moves_to}
    for key, ids in named.items():
        for other in filter(None, ids):
            if other == row.id or other not in rows:
                raise RuleError(f"{other!r} is no other row of the library", f"{row.id}.{key}")
    if row.ceiling and rows[row.ceiling][-1].bound != "maximum":
        raise RuleError(f"{row.ceiling!r} is no maximum", f"{row.id}.ceiling")


def _row(row: Any, where: str) -> LawRule:
    if not isinstance(row, Mapping) or not isinstance(row.get("id"), str):
        raise RuleError("is not a mapping with an id", where)
    path: str = row["id"]
    if wrong := sorted((set(row) - _REQUIRED - _OPTIONAL) | (_REQUIRED - set(row))):
        raise RuleError(f"missing or unknown: {', '.join(wrong)}", path)

    def read(key: str, parse: Callable[[Any, str], Parsed], missing: Parsed) -> Parsed:
        return parse(row[key], f"{path}.{key}") if row.get(key) is not None else missing

    certainty = _grade(row["certainty"], f"{path}.certainty")
    known = categories()
    rule = LawRule(
        id=path,
        name=texts(row["name"], f"{path}.name"),
        text=texts(row["text"], f"{path}.text"),
        citation=texts(row["citation"], f"{path}.citation"),
        statute=text(row["statute"], f"{path}.statute"),
        section=text(row["section"], f"{path}.section"),
        categories=_codes(row["categories"], f"{path}.categories", known.data),
        sectors=_codes(row["sectors"], f"{path}.sectors", known.sectors),
        bound=one_of(row["bound"], f"{path}.bound", BOUNDS),
        kind=read("kind", _kind, None),
        trigger=read("trigger", parse_trigger, None),
        period=read("period", _period, None),
        rounding=read("rounding", _rounding, Rounding("none")),
        ends_on=read("ends_on", _events, ()),
        condition=read("condition", _condition, None),
        yields_to=read("yields_to", _yields_to, frozenset()),
        legal_basis=read("legal_basis", lambda value, at: _codes(value, at, BASES), ()),
        review_every=read("review_every", _period, None),
        ceiling=read("ceiling", text, ""),
        gives_way_to=read("gives_way_to", _ids, ()),
        moves_to=read("moves_to", _ids, ()),
        certainty=certainty,
        number_certainty=_grade(row.get("number_certainty", certainty), f"{path}.number_certainty"),
        in_force_from=parse_day(row["in_force_from"], f"{path}.in_force_from"),
        in_force_to=read("in_force_to", parse_day, None),
        successor=read("successor", text, ""),
        checked_on=parse_day(row["checked_on"], f"{path}.checked_on"),
        source=text(row["source"], f"{path}.source"),
    )
    _consistent(rule, row)
    return rule


def _consistent(rule: LawRule, row: Mapping[str, Any]) -> None:
    """What the bound of a row asks of its other keys."""
    path, bound = rule.id, rule.bound
    if bound == "follows":
        if has := [key for key in _OF_A_RULE if key in row]:
            raise RuleError(f"follows another record's time, and so has no {', '.join(has)}", f"{path}.bound")
    elif (rule.kind is None) != (bound == "maximum"):
        raise RuleError("a maximum makes no ground, and everything else makes one", f"{path}.kind")
    elif rule.trigger is None:
        raise RuleError("is missing", f"{path}.trigger")
    elif rule.period is None and bound != "choice":
        raise RuleError("is missing", f"{path}.period")
    elif rule.period is None and rule.review_every is None:
        raise RuleError(
            "is missing: without a period this is a criterion, reviewed from time to time", f"{path}.period"
        )
    _bound(rule)
    _times(rule)


def _bound(rule: LawRule) -> None:
    """What only one bound may say."""
    path, bound = rule.id, rule.bound
    if (rule.kind is Kind.OBLIGATION) != (bound == "minimum"):
        raise RuleError("a duty to keep is a minimum, and nothing else is", f"{path}.kind")
    if bound == "minimum" and rule.suggestion:
        raise RuleError("a duty's number is the law's, not a suggestion", f"{path}.number_certainty")
    if rule.ends_on and bound != "choice":
        raise RuleError("only a choice ends earlier than its period", f"{path}.ends_on")
    if rule.yields_to and bound != "maximum":
        raise RuleError("only a maximum yields to anything", f"{path}.yields_to")


def _times(rule: LawRule) -> None:
    """Where the data go on, and when the row was law."""
    path = rule.id
    if rule.moves_to and rule.condition is None:
        raise RuleError("names where the data go on, but no condition under which they stay", f"{path}.moves_to")
    if rule.in_force_to is not None and rule.in_force_to < rule.in_force_from:
        raise RuleError("ends before it begins", f"{path}.in_force_to")
    if rule.successor and rule.in_force_to is None:
        raise RuleError("only what is repealed has a successor", f"{path}.successor")


def text(value: Any, path: str) -> str:
    """A text that says something. Raises RuleError."""
    if not isinstance(value, str) or not value.strip():
        raise RuleError("is no text", path)
    return value.strip()


def texts(value: Any, path: str) -> Texts:
    """A text in each language. Raises RuleError."""
    if not isinstance(value, Mapping) or set(value) != set(LANGUAGES):
        raise RuleError(f"is not a text in {', '.join(LANGUAGES)}", path)
    return MappingProxyType({language: text(value[language], f"{path}.{language}") for language in LANGUAGES})


def one_of(value: Any, path: str, known: Collection[Parsed]) -> Parsed:
    """A value that is among those known. Raises RuleError that names them."""
    for one in known:
        if value == one:
            return one
    raise RuleError(f"{value!r} is none of {', '.join(map(str, known))}", path)


def _codes(value: Any, path: str, known: Collection[str]) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or len(set(value)) != len(value):
        raise RuleError("is not a list of different codes", path)
    return tuple(one_of(code, path, known) for code in value)


def _ids(value: Any, path: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise RuleError("is not a list of rows", path)
    return tuple(text(one, path) for one in value)


def _grade(value: Any, path: str) -> str:
    if not isinstance(value, str) or len(value) != 1 or value not in GRADES:
        raise RuleError(f"{value!r} is no grade from A to E", path)
    return value


def _kind(value: Any, path: str) -> Kind | None:
    try:
        return Kind(value)
    except ValueError:
        raise RuleError(f"{value!r} is no kind of ground", path) from None


def _period(value: Any, path: str) -> Period | None:
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
    if not isinstance(value, Mapping) or set(value) != {"fact", "is"} or not isinstance(value["is"], bool):
        raise RuleError("a condition is written {fact: …, is: true or false}", path)
    return Condition(text(value["fact"], path), value["is"])


def _yields_to(value: Any, path: str) -> YieldsTo:
    if value == "any_basis":
        return "any_basis"
    if not isinstance(value, list) or not value:
        raise RuleError("is neither any_basis nor a list of kinds of ground", path)
    return frozenset(one_of(kind, path, tuple(Kind)) for kind in value)
