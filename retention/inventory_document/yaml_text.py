"""YAML as an inventory uses it: texts, whole numbers, true and false, lists and mappings; nothing that surprises.

Only `true`, `false`, `null`, `~` and whole numbers are anything but text: `no`, `on`, `2020-01-01`, `1e3` and
`007` are text as they stand. Duplicate keys are refused (the first would be lost without a word), and so are
tags, merge keys, several documents, and aliases that unfold to more than a document can hold.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import yaml
from django.utils.translation import gettext as _

from retention.domain.errors import DocumentError, Problem
from retention.inventory_document import yaml_blocks

LARGEST = 25_000_000
"""Bytes of a document at most."""
DEEPEST = 24
"""Lists and mappings inside each other at most; the format itself needs nine."""
MOST_NODES = 4_000_000
"""Values at most, each alias counted as what it stands for."""
LONGEST_NUMBER = 15
"""Digits; JSON readers agree on whole numbers up to this length. A longer one is text and is quoted."""

_NUMBER = re.compile(r"[-+]?(0|[1-9][0-9]*)", re.ASCII)
_WORDS: dict[str, bool | None] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
UNWRITABLE = re.compile("[\x00\ud800-\udfff]")
"""What a text of an inventory may not hold."""


def parse(text: str) -> Any:
    """The value that a YAML text stands for. Raises DocumentError that names line and column."""
    if len(text) > LARGEST or len(text.encode("utf-8", "surrogatepass")) > LARGEST:
        raise DocumentError([Problem("document", _("is larger than %(most)s bytes") % {"most": LARGEST})])
    try:
        return _Reading().of(yaml.parse(text, Loader=yaml.CSafeLoader))
    except yaml.MarkedYAMLError as error:
        began = error.context_mark
        since = f" {error.context} from line {began.line + 1}, column {began.column + 1}" if began is not None else ""
        told = _("this is no YAML: %(problem)s") % {"problem": f"{error.problem}{since}"}
        raise _wrong(error.problem_mark or began, told) from None
    except (yaml.YAMLError, UnicodeError):
        raise DocumentError([Problem("document", _("holds characters that YAML does not allow"))]) from None


def write(value: Any) -> str:
    """Block style, in the order given; what `parse` reads back as the same value."""
    return yaml_blocks.dump(value)


def _wrong(mark: Any, message: str) -> DocumentError:
    place = (
        _("line %(line)s, column %(column)s") % {"line": mark.line + 1, "column": mark.column + 1}
        if mark is not None
        else "document"
    )
    return DocumentError([Problem(place, message)])


@dataclass
class _Part:
    """A list or mapping while it is read; a mapping's `key` waits for its value."""

    value: list[Any] | dict[Any, Any]
    anchor: str | None
    mark: Any
    nodes: int = 1
    deepest: int = 0
    waiting: bool = False
    key: Any = None


@dataclass(frozen=True)
class _Whole:
    """A value that is complete, with what it costs to repeat it."""

    value: Any
    nodes: int
    deepest: int


@dataclass
class _Reading:
    """Events to values without recursion, so that no nesting can exhaust the stack."""

    open: list[_Part] = field(default_factory=list)
    anchors: dict[str, _Whole] = field(default_factory=dict)
    unfinished: set[str] = field(default_factory=set)
    nodes: int = 0
    documents: int = 0
    result: Any = None

    def of(self, events: Iterator[Any]) -> Any:
        for event in events:
            match event:
                case yaml.DocumentStartEvent():
                    self.documents += 1
                    if self.documents > 1:
                        raise _wrong(event.start_mark, "a second document begins here; a file holds one")
                case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                    self._begin(event)
                case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                    self._end(event.start_mark)
                case yaml.AliasEvent():
                    self._alias(event)
                case yaml.ScalarEvent():
                    whole = _Whole(_scalar(event), 1, 0)
                    self._remember(event.anchor, whole)
                    self._add(whole, event.start_mark)
        return self.result

    def _begin(self, event: Any) -> None:
        _refuse_tag(event)
        if len(self.open) >= DEEPEST:
            raise _wrong(event.start_mark, f"is nested deeper than {DEEPEST} levels")
        value: list[Any] | dict[Any, Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
        if event.anchor:
            self.unfinished.add(event.anchor)
        self.open.append(_Part(value, event.anchor, event.start_mark))

    def _end(self, mark: Any) -> None:
        part = self.open.pop()
        whole = _Whole(part.value, part.nodes, part.deepest + 1)
        if part.anchor:
            self.unfinished.discard(part.anchor)
            self._remember(part.anchor, whole)
        self._add(whole, part.mark)

    def _alias(self, event: Any) -> None:
        found = self.anchors.get(event.anchor)
        if event.anchor in self.unfinished:
            raise _wrong(event.start_mark, f"the alias *{event.anchor} stands within what it stands for")
        if found is None:
            raise _wrong(event.start_mark, f"there is no anchor &{event.anchor} before this alias")
        if self.nodes + found.nodes > MOST_NODES:
            raise _wrong(event.start_mark, f"aliases unfold to more than {MOST_NODES} values")
        if len(self.open) + found.deepest > DEEPEST:
            raise _wrong(event.start_mark, f"aliases unfold deeper than {DEEPEST} levels")
        self.nodes += found.nodes
        self._add(_Whole(deepcopy(found.value), found.nodes, found.deepest), event.start_mark, counted=True)

    def _remember(self, anchor: str | None, whole: _Whole) -> None:
        if anchor:
            self.anchors[anchor] = whole

    def _add(self, whole: _Whole, mark: Any, counted: bool = False) -> None:
        if not counted:
            self.nodes += 1
            if self.nodes > MOST_NODES:
                raise _wrong(mark, f"is more than {MOST_NODES} values")
        if not self.open:
            self.result = whole.value
            return
        part = self.open[-1]
        part.nodes += whole.nodes
        part.deepest = max(part.deepest, whole.deepest)
        if isinstance(part.value, list):
            part.value.append(whole.value)
        elif not part.waiting:
            part.key, part.waiting = _key(whole.value, part.value, mark), True
        else:
            part.value[part.key] = whole.value
            part.waiting = False


def _key(key: Any, mapping: dict[Any, Any], mark: Any) -> Any:
    if not isinstance(key, Hashable) or not isinstance(key, str):
        raise _wrong(mark, "a key must be text")
    if key == "<<":
        raise _wrong(mark, "merge keys (<<) are not read; write the keys out or give the whole mapping an anchor")
    if key in mapping:
        raise _wrong(mark, f"the key {key!r} stands here a second time")
    return key


def _refuse_tag(event: Any) -> None:
    if event.tag is not None and event.tag not in {"!", "tag:yaml.org,2002:str"}:
        raise _wrong(event.start_mark, f"the tag {event.tag} is not read")


def _scalar(event: Any) -> Any:
    _refuse_tag(event)
    text: str = event.value
    if UNWRITABLE.search(text):
        raise _wrong(event.start_mark, "holds a character that no text may hold")
    if event.style or event.tag:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _NUMBER.fullmatch(text):
        if len(text.lstrip("+-")) > LONGEST_NUMBER:
            raise _wrong(event.start_mark, f"is a number of more than {LONGEST_NUMBER} digits: put it in quotes")
        return int(text)
    return text
