"""Documents that the inventory's schema allows, drawn from the schema itself: no kind and no field is named here.

They make no sense as inventories. What writes and reads documents must give them back all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from retention.inventory_document.shape import schema

AWKWARD = (
    "007",
    "2020-01-01",
    "1.5",
    "1e3",
    "true",
    "null",
    "=1+1",
    "+358 40",
    "-1",
    "@SUM(A1)",
    "\tx",
    "\rx",
    "a\r\nb",
    " x ",
    "\n",
    "'x",
    "''",
    '"',
    '""',
    '"""',
    "#REF!",
    "_x000D_",
    "_x0041_x0042_",
    "_x005F_x0041_",
    "a;b,c",
    "[1]",
    '{"a": 1}',
    "ä€😀",
    "\x00\x1f",
    "\ufeff",
    "\u2028\x85",
    "＝1",
    "none",
    "any_basis",
)
CHARACTERS = st.characters(exclude_categories=["Cs"])


def documents() -> st.SearchStrategy[dict[str, Any]]:
    """Whole documents, each list of entries with few of them; an id names one thing in its list."""
    return _value(schema())


def _resolved(rule: Mapping[str, Any]) -> Mapping[str, Any]:
    name = rule.get("$ref", "").removeprefix("#/$defs/")
    found: Mapping[str, Any] = schema()["$defs"][name] if name else rule
    return found


def _value(rule: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    rule = _resolved(rule)
    if "const" in rule:
        return st.just(rule["const"])
    if "enum" in rule:
        return st.sampled_from(rule["enum"])
    kinds = rule["type"] if isinstance(rule.get("type"), list) else [rule.get("type", "object")]
    return st.one_of([_of(kind, rule) for kind in kinds])


def _of(kind: str, rule: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    match kind:
        case "string":
            return _text(rule)
        case "integer":
            low, high = rule.get("minimum", -(10**15) + 1), rule.get("maximum", 10**15 - 1)
            return st.integers(low, high)
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
        case "array":
            return _list(rule)
    return _mapping(rule)


def _text(rule: Mapping[str, Any]) -> st.SearchStrategy[str]:
    if rule.get("format") == "date":
        return st.dates().map(str)
    if "pattern" in rule:
        return st.from_regex(rule["pattern"].replace("(?!\\n)", "").rstrip("$") + r"\Z", fullmatch=True)
    low, high = rule.get("minLength", 0), min(rule.get("maxLength", 40), 40)
    fitting = [text for text in AWKWARD if low <= len(text) <= high]
    return st.one_of(st.sampled_from(fitting), st.text(CHARACTERS, min_size=low, max_size=high))


def _list(rule: Mapping[str, Any]) -> st.SearchStrategy[list[Any]]:
    items = _resolved(rule.get("items") or rule.get("else", {}).get("items") or {"type": "string"})
    if "id" in items.get("properties", {}):
        return st.lists(_value(items), max_size=2, unique_by=lambda one: one["id"])
    unique = str if rule.get("uniqueItems") else None
    return st.lists(_value(items), min_size=rule.get("minItems", 0), max_size=3, unique_by=unique)


def _mapping(rule: Mapping[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    if "then" in rule and "properties" not in rule:
        return _mapping(_resolved(rule["then"]))
    if "oneOf" in rule:
        ways = [one["required"][0] for one in rule["oneOf"]]
        return st.one_of([_mapping(_only(rule, way, ways)) for way in ways])
    properties = rule.get("properties", {})
    needed = rule.get("required", [])
    fixed = {key: _value(one) for key, one in properties.items() if key in needed}
    other = {key: _value(one) for key, one in properties.items() if key not in needed}
    drawn: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(fixed, optional=other)
    for pattern, one in rule.get("patternProperties", {}).items():
        names = _text({"pattern": pattern})
        drawn = st.dictionaries(names, _value(one), max_size=2)
    low, high = rule.get("minProperties", 0), rule.get("maxProperties", 10**6)
    return drawn.filter(lambda made: low <= len(made) <= high) if low else drawn


def _only(rule: Mapping[str, Any], way: str, ways: list[str]) -> dict[str, Any]:
    """A mapping of which exactly one of some keys is there, as that one."""
    kept = {key: one for key, one in rule["properties"].items() if key == way or key not in ways}
    return {"type": "object", "properties": kept, "required": [way]}
