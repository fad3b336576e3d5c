"""`checks.yaml`: each check's name, article, severity and words in three languages. Read strictly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Formatter
from types import MappingProxyType
from typing import Any

import yaml

from ropa.findings.finding import Decision, Finding, Status, Text, Verdict
from ropa.law import LANGUAGES

FILE = Path(__file__).with_name("checks.yaml")
GROUPS = ("listed", "further")
SEVERITIES = ("error", "warning", "info")
_KEYS = {"id", "article", "severity", "label", "messages", "remedy"}
_MAY = {"decision", "binds"}
_DECISION = {"id", "name", "about", "year", "amount", "currency", "under_appeal"}


class TableError(ValueError):
    """A row of the table is not whole; the text names it."""


@dataclass(frozen=True, slots=True)
class Check:
    """One row. `binds_controller`: the duty is a controller's, and a processor alone does not have it."""

    id: str
    group: str
    article: str
    severity: str
    label: Text
    messages: Mapping[str, Text]
    remedy: Text
    decision: Decision | None
    binds_controller: bool

    def finding(self, verdict: Verdict, where: tuple[str, ...]) -> Finding:
        """What a verdict is in words. Raises KeyError for a status that the check has no words for."""
        status = verdict.status
        key = f"{status}.{verdict.about}" if verdict.about else str(status)
        named = {"label": self.label, **verdict.named}
        message = {
            language: text.format(**{name: _in(value, language) for name, value in named.items()})
            for language, text in self.messages[key].items()
        }
        return Finding(
            check=self.id,
            group=self.group,
            status=status,
            severity=self.severity,
            article=self.article,
            label=self.label,
            message=message,
            remedy=None if status.well else self.remedy,
            where=where,
            decision=None if status.well else self.decision,
        )


def _in(value: str | Text, language: str) -> str:
    return value if isinstance(value, str) else value[language]


@cache
def checks() -> tuple[Check, ...]:
    """Every check, in the order of the table. Raises TableError that names the row."""
    return read(yaml.safe_load(FILE.read_text(encoding="utf-8")))


def read(table: Any) -> tuple[Check, ...]:
    """A table's checks. Raises TableError."""
    _exactly(table, {"general", "decisions", *GROUPS}, set(), "the table")
    general = table["general"]
    _exactly(general, {"present", "not_applicable"}, set(), "general")
    for status, text in general.items():
        _text(text, f"general.{status}")
    decisions = {one.id: one for one in map(_decision, table["decisions"])}
    found = [_check(row, group, general, decisions) for group in GROUPS for row in table[group]]
    if twice := _twice(one.id for one in found):
        raise TableError(f"{twice} stands twice")
    return tuple(found)


def _check(row: Any, group: str, general: Mapping[str, Text], decisions: Mapping[str, Decision]) -> Check:
    where = str(row.get("id")) if isinstance(row, Mapping) else "a row"
    _exactly(row, _KEYS, _MAY, where)
    if row["severity"] not in SEVERITIES:
        raise TableError(f"{where}.severity is none of {', '.join(SEVERITIES)}")
    if row.get("decision") is not None and row["decision"] not in decisions:
        raise TableError(f"{where}.decision {row['decision']!r} is not there")
    if row.get("binds", "controller") != "controller":
        raise TableError(f"{where}.binds is not controller")
    for key in ("label", "remedy"):
        _text(row[key], f"{where}.{key}")
    bad = {status.value for status in Status if not status.well}
    for key, text in row["messages"].items():
        if key.partition(".")[0] not in bad:
            raise TableError(f"{where}.messages.{key}: {key} is no status that asks for something")
        _text(text, f"{where}.messages.{key}")
    return Check(
        id=row["id"],
        group=group,
        article=_line(row["article"], f"{where}.article"),
        severity=row["severity"],
        label=row["label"],
        messages=MappingProxyType({**general, **row["messages"]}),
        remedy=row["remedy"],
        decision=decisions.get(row.get("decision") or ""),
        binds_controller=row.get("binds") == "controller",
    )


def _decision(row: Any) -> Decision:
    where = f"decisions {row.get('id') if isinstance(row, Mapping) else row}"
    _exactly(row, _DECISION, set(), where)
    _text(row["name"], f"{where}.name")
    _text(row["about"], f"{where}.about")
    return Decision(**row)


def _exactly(row: Any, keys: set[str], may: set[str], where: str) -> None:
    if not isinstance(row, Mapping):
        raise TableError(f"{where} is not a mapping")
    if wrong := sorted((set(row) - keys - may) | (keys - set(row))):
        raise TableError(f"{where}: missing or unknown: {', '.join(map(str, wrong))}")


def _text(text: Any, where: str) -> None:
    """A text in each language, with the same blanks to fill in each."""
    if not isinstance(text, Mapping) or set(text) != set(LANGUAGES):
        raise TableError(f"{where} is not a text in {', '.join(LANGUAGES)}")
    blanks = set()
    for language in LANGUAGES:
        _line(text[language], f"{where}.{language}")
        blanks.add(frozenset(name for _, name, _, _ in Formatter().parse(text[language]) if name))
    if len(blanks) > 1:
        raise TableError(f"{where} does not name the same in each language")


def _line(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise TableError(f"{where} is no text")
    return value


def _twice(names: Iterable[str]) -> str:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return ""
