"""YAML in block style, fast: what is plain beyond doubt is written here, everything else by PyYAML at the same place.

The bytes are those that PyYAML's own emitter gives for the whole; for a large inventory it takes many times as long.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

WIDTH = 110
"""Columns after which PyYAML breaks a line at a space."""
_OTHER_BREAKS = re.compile("[\r\x85\u2028\u2029]")
_PLAIN = re.compile(r"[A-Za-zÅÄÖåäö](?:(?:[\w .,()/%+&;@–-]|:(?=[\w/]))*[\w.)/])?")
_PLAIN_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}", re.ASCII)
_NO_TEXT = frozenset({"yes", "no", "on", "off", "true", "false", "null"})
"""Words that PyYAML quotes, whatever their case."""
_ENDED = "\n...\n"
"""What PyYAML writes behind a text that ends in line breaks, if it is the document's last."""


def dump(value: Any) -> str:
    """The value as a YAML document. Raises yaml.YAMLError for what is no text, number, bool, list, mapping or None."""
    if not value or type(value) not in (dict, list):
        return _by_pyyaml(value)
    writing = _Writing()
    writing.block(value, 0)
    return "".join([*writing.pieces, "...\n"] if writing.open_ended else writing.pieces)


class _Dumper(yaml.SafeDumper):
    """Every alias written out, lists indented under their key, several lines as a block."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if _OTHER_BREAKS.search(text) else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


def _by_pyyaml(value: Any) -> str:
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH, default_flow_style=False)


class _Writing:
    """Pieces of the document in its order. `open_ended`: whether the last one would end it with `...`."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.open_ended = False
        self._known: dict[tuple[int, str | None, str], tuple[str, bool]] = {}

    def block(self, value: dict[Any, Any] | list[Any], indent: int, lead: str | None = None) -> None:
        """A mapping or list that is not empty; its first line begins with `lead` in place of the blanks."""
        blanks = " " * indent
        lead = blanks if lead is None else lead
        if type(value) is dict:
            for key, inner in value.items():
                self._entry(lead, key, inner, indent)
                lead = blanks
        else:
            for inner in value:
                self._item(lead, inner, indent)
                lead = blanks

    def _entry(self, lead: str, key: Any, value: Any, indent: int) -> None:
        if type(key) is not str or not _PLAIN_KEY.fullmatch(key) or key.lower() in _NO_TEXT:
            self._elsewhere(lead, {key: value}, indent)
            return
        short = _short(value, WIDTH - indent - len(key) - 2)
        if short is not None:
            self._add(f"{lead}{key}: {short}\n")
        elif value and type(value) in (dict, list):
            self._add(f"{lead}{key}:\n")
            self.block(value, indent + 2)
        else:
            self._elsewhere(lead, {key: value}, indent, key, value)

    def _item(self, lead: str, value: Any, indent: int) -> None:
        short = _short(value, WIDTH - indent - 2)
        if short is not None:
            self._add(f"{lead}- {short}\n")
        elif value and type(value) in (dict, list):
            self.block(value, indent + 2, f"{lead}- ")
        else:
            self._elsewhere(lead, [value], indent, None, value)

    def _elsewhere(self, lead: str, part: Any, indent: int, key: str | None = None, value: Any = None) -> None:
        """A mapping's entry or a list's item as PyYAML writes it that deep inside; the same text once only."""
        known = (indent, key, value) if type(value) is str else None
        found = self._known.get(known) if known else None
        if found is None:
            found = _inside(part, indent)
            if known:
                self._known[known] = found
        self._add(lead + found[0], found[1])

    def _add(self, piece: str, open_ended: bool = False) -> None:
        self.pieces.append(piece)
        self.open_ended = open_ended


def _inside(part: Any, indent: int) -> tuple[str, bool]:
    """A part as PyYAML writes it at an indentation, without its first blanks; whether it would end a document."""
    levels = indent // 2
    for _ in range(levels):
        part = {"x": part}
    text = _by_pyyaml(part)
    around = sum(len("x:\n") + 2 * level for level in range(levels))
    open_ended = text.endswith(_ENDED)
    return text[around + indent :].removesuffix("...\n" if open_ended else ""), open_ended


def _short(value: Any, room: int) -> str | None:
    """A scalar as it is written if there is no doubt and it fits the line; else None."""
    kind = type(value)
    if kind is str:
        plain = len(value) <= room and value.lower() not in _NO_TEXT and _PLAIN.fullmatch(value)
        return value if plain else None
    if kind is bool:
        return "true" if value else "false"
    return str(value) if kind is int else None
