"""A document against `inventory.schema.json`: every error, with its place by ids, in plain words.

The words are in the reader's language; what the schema itself says of a part stands in `schema_words` for that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from retention.domain.errors import Problem
from retention.inventory_document.yaml_text import UNWRITABLE

SCHEMA_FILE = Path(__file__).resolve().parents[1] / "inventory.schema.json"
Steps = tuple[str | int, ...]
"""Where something stands in a document: keys and list positions."""

_TYPES = {
    "string": gettext_noop("a text"),
    "object": gettext_noop("a mapping"),
    "array": gettext_noop("a list"),
    "boolean": gettext_noop("true or false"),
    "integer": gettext_noop("a whole number"),
    "null": gettext_noop("nothing"),
}


@cache
def schema() -> Mapping[str, Any]:
    """The committed JSON Schema (2020-12)."""
    found: Mapping[str, Any] = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    return found


def _whole_pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """A pattern speaks of the whole text: Python's `$` would let a line break pass behind it."""
    if isinstance(instance, str) and not re.fullmatch(pattern, instance):
        yield ValidationError(f"{instance!r} does not match")


@cache
def _validator() -> Any:
    checked = extend(Draft202012Validator, {"pattern": _whole_pattern})  # type: ignore[no-untyped-call]
    return checked(schema(), format_checker=FormatChecker(["date"]))


def shape_problems(document: Any) -> list[tuple[Steps, Problem]]:
    """Everything that the schema refuses, in the document's order; the steps say which part is broken."""
    found: dict[tuple[str, str], tuple[Steps, Problem]] = {}
    for error in _leaves(_validator().iter_errors(document)):
        steps: Steps = tuple(error.absolute_path)
        for extra, message in _messages(error):
            problem = Problem(path_of(document, (*steps, *extra)), message)
            found.setdefault((problem.path, problem.message), ((*steps, *extra), problem))
    for steps in _unwritable(document, ()):
        problem = Problem(path_of(document, steps), _("holds a character that cannot be kept: NUL, or half of one"))
        found.setdefault((problem.path, problem.message), (steps, problem))
    return sorted(found.values(), key=lambda one: [_rank(document, one[0][:n]) for n in range(1, len(one[0]) + 1)])


def _unwritable(value: Any, steps: Steps) -> Iterator[Steps]:
    """Where a text stands that no database, no YAML and no digest can have."""
    if isinstance(value, str):
        if UNWRITABLE.search(value):
            yield steps
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if isinstance(key, str) and UNWRITABLE.search(key):
                yield steps
            else:
                yield from _unwritable(inner, (*steps, key))
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from _unwritable(inner, (*steps, position))


def path_of(document: Any, steps: Steps) -> str:
    """`datasets[crm-asiakkaat].grounds[sopimus].period`: by id where there is one, else by position from 0."""
    path, here = "", document
    for step in steps:
        if isinstance(step, int):
            here = here[step] if isinstance(here, Sequence) and step < len(here) else None
            id_ = here.get("id") if isinstance(here, Mapping) else None
            path += f"[{id_ if isinstance(id_, str) and id_ else step}]"
        else:
            here = here.get(step) if isinstance(here, Mapping) else None
            path += f".{step}" if path else step
    return path or "document"


def _near(name: str, known: Iterable[str]) -> str:
    spelt = {one.lower(): one for one in known}
    near = get_close_matches(name.lower(), list(spelt), n=1, cutoff=0.6)
    return spelt[near[0]] if near else ""


def meant(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'grounds'?` in the reader's language, or nothing where no known name is near."""
    near = _near(name, known)
    return _("; did you mean %(name)r?") % {"name": near} if near else ""


def ordered(document: Any, rule: Mapping[str, Any] | None = None) -> Any:
    """The document with every key in the schema's order, free names in the alphabet's: the same from any database."""
    rule = _resolved(schema() if rule is None else rule)
    if isinstance(document, Mapping):
        properties = {key: _resolved(value) for key, value in _properties(rule).items()}
        free: Mapping[str, Any] = next(iter(rule.get("patternProperties", {}).values()), {})
        keys = [*(key for key in properties if key in document), *sorted(set(document) - set(properties))]
        return {key: ordered(document[key], properties.get(key, free)) for key in keys}
    if isinstance(document, list):
        return [ordered(member, rule.get("items", rule.get("else", {}).get("items", {}))) for member in document]
    return document


def properties_of(rule: str | Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """What a mapping may hold, key by key: of a rule of the schema, of a list's entries, or ("") of the document."""
    if isinstance(rule, str):
        lists = _properties(schema())
        return _resolved_all(lists) if not rule else properties_of(lists[rule].get("items", lists[rule]))
    return _resolved_all(_properties(_resolved(rule)))


def _resolved_all(properties: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    return {key: _resolved(value) for key, value in properties.items()}


def _properties(rule: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = rule.get("properties") or _resolved(rule.get("then", {})).get("properties", {})
    return found


def _resolved(rule: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = rule.get("$ref")
    return schema()["$defs"][reference.removeprefix("#/$defs/")] if reference else rule


def _leaves(errors: Iterable[Any]) -> Iterator[Any]:
    for error in errors:
        if error.validator == "oneOf":
            yield error
        elif error.context:
            yield from _leaves(error.context)
        else:
            yield error


def _rank(document: Any, steps: Steps) -> tuple[int, str]:
    """Where the last of these steps stands in the document, so that problems come in its order."""
    here = document
    for step in steps[:-1]:
        here = here[step]
    last = steps[-1]
    if isinstance(last, int):
        return last, ""
    keys = list(here) if isinstance(here, Mapping) else []
    return (keys.index(last) if last in keys else len(keys)), str(last)


def _messages(error: Any) -> Iterator[tuple[Steps, str]]:
    if error.validator == "additionalProperties":
        yield from _unknown_keys(error.instance, error.schema)
    elif error.validator == "required":
        yield from (((key,), _("is missing")) for key in error.validator_value if key not in error.instance)
    else:
        yield (), _message(error)


def _unknown_keys(value: Mapping[str, Any], rule: Mapping[str, Any]) -> Iterator[tuple[Steps, str]]:
    known, patterns = list(rule.get("properties", {})), list(rule.get("patternProperties", {}))
    described = rule.get("description", "")
    for key in value:
        if key not in known and not any(re.fullmatch(pattern, key) for pattern in patterns):
            hint = meant(key, known)
            if not known and described:
                hint = _("; write %(what)s") % {"what": _(described)}
            yield (key,), _("unknown key %(name)r") % {"name": key} + hint


def _message(error: Any) -> str:
    value, limit, described = error.instance, error.validator_value, error.schema.get("description", "")
    wanted = _(described) if described else ""
    seen = _seen(value)
    if error.absolute_path and error.absolute_path[-1] == "secret":
        seen = _("what stands here")  # it may be the secret itself
    parts: dict[str, Any] = {"seen": seen, "limit": limit, "wanted": wanted}
    match error.validator:
        case "type":
            names = [limit] if isinstance(limit, str) else limit
            between = " " + _("or") + " "
            parts["wanted"] = wanted or between.join(_(_TYPES[name]) for name in names)
            return _("is %(seen)s, not %(wanted)s") % parts
        case "enum":
            known = {"seen": seen, "known": ", ".join(limit)}
            return _("%(seen)s is none of %(known)s") % known + (meant(value, limit) if isinstance(value, str) else "")
        case "const":
            return _("is %(seen)s, not %(limit)s, the version of this format") % parts
        case "pattern" | "format":
            return _("%(seen)s is not %(wanted)s") % parts
        case "minProperties" | "maxProperties":
            return _("is not %(wanted)s") % parts if wanted else _("is empty")
        case "minItems" | "minLength":
            return _("is empty")
        case "oneOf":
            return _("is not %(wanted)s") % parts
        case "maxLength":
            return _("is longer than %(limit)s characters") % parts
        case "uniqueItems":
            return _("names something twice")
        case "minimum" | "maximum":
            return _("%(seen)s is out of bounds") % parts
        case other:
            return _("does not fit: %(rule)s") % {"rule": other}


def _seen(value: Any) -> str:
    match value:
        case None:
            return _("empty")
        case bool():
            return str(value).lower()
        case str():
            return repr(value if len(value) <= 60 else value[:59] + "…")
        case int() | float():
            return _("the number %(number)s") % {"number": value}
        case Mapping():
            return _("a mapping")
        case _other:
            return _("a list")
