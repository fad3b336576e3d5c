"""Where date and customer stand in a path: `{subject}/sopimus_{subject}_{signed:date}.pdf`.

    {NAME}         text, one character or more; the same name again must hold the same text
    {NAME:date}    YYYY-MM-DD          {NAME:date8}   YYYYMMDD
    {NAME:number}  digits              {NAME:flag}    true or false
    *              any text, even none; at most one in a name      {{ }}  the braces themselves
    /              between a folder and what is in it

A path has one reading or none. In each name one part may be wide: the `*`, or else its last text. What
stands left of it is read from the left and ends before the first character of the text that follows it;
what stands right is read from the right likewise. A pattern that could be read in two ways is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from retention.connectors.contract import ConnectorError
from retention.domain.rules import FactValue

Type = Literal["text", "date", "date8", "number", "flag"]
TYPES: tuple[Type, ...] = ("text", "date", "date8", "number", "flag")
DATES: frozenset[Type] = frozenset({"date", "date8"})
FIXED: Mapping[Type, str] = {
    "date": r"[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "date8": r"[0-9]{8}",
    "flag": r"true|false",
}
TOKEN = re.compile(r"\{\{|\}\}|\{(?P<name>[a-z][a-z0-9_]*)(?::(?P<type>[a-z0-9]+))?\}|(?P<star>\*)|(?P<bad>[{}])", re.S)

Value = date | FactValue | None


@dataclass(frozen=True, slots=True)
class _Part:
    kind: Literal["literal", "star", "placeholder"]
    text: str
    type: Type = "text"

    @property
    def open_ended(self) -> bool:
        """Whether its length is not told by itself."""
        return self.kind == "star" or (self.kind == "placeholder" and self.type in {"text", "number"})


@dataclass(frozen=True)
class Pattern:
    """A compiled pattern. `types`: placeholder -> what it holds; `depth`: names in the path."""

    text: str
    types: Mapping[str, Type]
    depth: int
    prefixes: tuple[re.Pattern[str], ...]
    named: tuple[frozenset[str], ...]
    """The placeholders in each name of the path."""

    def read(self, names: Sequence[str]) -> dict[str, Value] | None:
        """The placeholders' values in this path, None if it does not match.

        A day that the calendar does not have is a value of None: the path matches, its date is missing.
        """
        if len(names) != self.depth:
            return None
        texts = self.texts(names)
        return None if texts is None else {name: _value(self.types[name], text) for name, text in texts.items()}

    def texts(self, names: Sequence[str]) -> dict[str, str] | None:
        """The placeholders' texts in the beginning of a path, None if no path that begins so can match."""
        if not 0 < len(names) <= self.depth:
            return None
        match = self.prefixes[len(names) - 1].fullmatch("/".join(names))
        return None if match is None else match.groupdict()


def compile_pattern(text: str) -> Pattern:
    """Compile a pattern once. Raises ConnectorError(permanent) that quotes it and says what is wrong."""
    types: dict[str, Type] = {}
    prefixes: list[re.Pattern[str]] = []
    named: list[frozenset[str]] = []
    expression = ""
    for name in text.split("/"):
        if name in {"", ".", ".."}:
            raise _wrong(text, f"{name!r} is no name of a file or folder")
        seen = frozenset(types)
        piece = _expression(text, _parts(text, name), types)
        named.append(frozenset(types) - seen)
        expression = f"{expression}/{piece}" if expression else piece
        prefixes.append(re.compile(expression, re.DOTALL))
    return Pattern(text, types, len(prefixes), tuple(prefixes), tuple(named))


def _wrong(text: str, why: str) -> ConnectorError:
    return ConnectorError(f"pattern {text!r}: {why}", permanent=True)


def _parts(text: str, name: str) -> list[_Part]:
    parts: list[_Part] = []
    literal = ""
    at = 0
    for token in TOKEN.finditer(name):
        literal += name[at : token.start()]
        at = token.end()
        if token["bad"]:
            raise _wrong(text, f"a single {token['bad']} (write it twice to mean itself)")
        if token["star"] is None and token["name"] is None:
            literal += token[0][0]
            continue
        if literal:
            parts.append(_Part("literal", literal))
            literal = ""
        if token["star"]:
            parts.append(_Part("star", "*"))
            continue
        kind = token["type"] or "text"
        if kind not in TYPES:
            raise _wrong(text, f"{{{token['name']}:{kind}}} is of no known type; known are {', '.join(TYPES)}")
        parts.append(_Part("placeholder", token["name"], kind))
    literal += name[at:]
    return [*parts, _Part("literal", literal)] if literal else parts


def _expression(text: str, parts: Sequence[_Part], types: dict[str, Type]) -> str:
    """The regular expression for one name of the path; adds to `types`."""
    first_seen: list[bool] = []
    for part in parts:
        known = types.get(part.text) if part.kind == "placeholder" else None
        if known is not None and known != part.type:
            raise _wrong(text, f"{{{part.text}}} stands for {known} and for {part.type}")
        first_seen.append(known is None)
        if part.kind == "placeholder":
            types[part.text] = part.type
    free = [n for n, part in enumerate(parts) if part.open_ended and first_seen[n]]
    stars = [n for n in free if parts[n].kind == "star"]
    if len(stars) > 1:
        raise _wrong(text, "more than one * in a name can be read in two ways")
    wide = stars[0] if stars else (free[-1] if free else -1)
    pieces = []
    for n, part in enumerate(parts):
        if part.kind == "literal":
            pieces.append(re.escape(part.text))
        elif part.kind == "star":
            pieces.append("[^/]*")
        elif not first_seen[n]:
            pieces.append(f"(?P={part.text})")
        elif part.type in FIXED:
            pieces.append(f"(?P<{part.text}>{FIXED[part.type]})")
        else:
            pieces.append(f"(?P<{part.text}>{_characters(text, parts, n, wide)}+)")
    return "".join(pieces)


def _characters(text: str, parts: Sequence[_Part], n: int, wide: int) -> str:
    """The characters that an open-ended placeholder may hold, so that its end is never in doubt."""
    digits = parts[n].type == "number"
    if n == wide:
        return "[0-9]" if digits else "[^/]"
    beside = n + 1 if n < wide else n - 1
    neighbour = parts[beside]
    if neighbour.kind != "literal":
        raise _wrong(text, f"{{{parts[n].text}}} can be read in two ways: put some fixed text beside it")
    stop = neighbour.text[0] if n < wide else neighbour.text[-1]
    if digits:
        if stop in "0123456789":
            raise _wrong(text, f"{{{parts[n].text}}} can be read in two ways: a digit stands beside it")
        return "[0-9]"
    return f"[^/{re.escape(stop)}]"


def _value(kind: Type, text: str) -> Value:
    if kind in DATES:
        try:
            return date.fromisoformat(text)
        except ValueError:
            return None
    if kind == "number":
        return int(text) if len(text) <= 18 else None
    return text == "true" if kind == "flag" else text
