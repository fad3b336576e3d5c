"""Slots: each part of an entry of the inventory document knows which form fields it needs and what they say.

A slot tells what stands in its fields, and what they say again as the document has it. What no form does justice to
(a condition, a connector's options) is written as there. `slot_groups`: slots that hold others; `slot_form`: which
slots an entry has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import yaml
from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from retention.domain.errors import DocumentError
from retention.domain.periods import Period
from retention.inventory_document import yaml_text
from ropa.change_words import label, value_in_words
from ropa.law import LANGUAGES
from web.times import in_one_unit, units
from web.words import language

Told = Mapping[str, Any]
Offered = Callable[[str], Sequence[tuple[str, str]]]
"""The entries of a list that may be chosen: id and name."""
NAMES_OF_TONGUES = {"fi": "Suomi", "sv": "Svenska", "en": "English"}
LONGEST = 20_000


@dataclass
class Slot:
    """One part of an entry. `prefix`: under which name its fields stand in the form."""

    key: str
    prefix: str
    within: tuple[str, ...] = ()
    required: bool = False
    called: str = ""

    shape = "line"

    @property
    def label(self) -> str:
        return self.called or label(self.key, language())

    @property
    def hint(self) -> str:
        """How it is written, where that has to be said."""
        return ""

    def fields(self) -> Iterator[tuple[str, forms.Field]]:
        yield self.prefix, forms.CharField(label=self.label, max_length=400, required=self.required)

    def initial(self, value: Any) -> dict[str, Any]:
        return {self.prefix: value}

    def value(self, told: Told) -> Any:
        """What the fields say, as the document has it; None: nothing. Raises ValidationError."""
        return told.get(self.prefix, "").strip() or None

    def drawn(self, form: forms.Form) -> dict[str, Any]:
        """What a template needs: shape, label, bound fields and what lies inside."""
        return {
            "shape": self.shape,
            "label": self.label,
            "hint": self.hint,
            "hint_id": f"hint-{self.prefix}",
            "fields": [form[name] for name, _field in self.fields()],
            "inside": [],
        }


@dataclass
class TextSlot(Slot):
    """One text in the languages, side by side. `lines`: several, one on each line, matched by their place."""

    lines: bool = False

    shape = "langs"

    def fields(self) -> Iterator[tuple[str, forms.Field]]:
        for code in LANGUAGES:
            rows = 5 if self.lines else 2
            widget = forms.Textarea(attrs={"rows": rows, "lang": code, "aria-label": f"{self.label}: {code}"})
            yield (
                f"{self.prefix}-{code}",
                forms.CharField(label=NAMES_OF_TONGUES[code], max_length=LONGEST, required=False, widget=widget),
            )

    def initial(self, value: Any) -> dict[str, Any]:
        texts = list(value or ()) if self.lines else [value or {}]
        return {
            f"{self.prefix}-{code}": "\n".join(one.get(code, "") for one in texts).rstrip("\n") for code in LANGUAGES
        }

    def value(self, told: Told) -> Any:
        said = {code: told.get(f"{self.prefix}-{code}", "").replace("\r\n", "\n") for code in LANGUAGES}
        if not self.lines:
            text = {code: one.strip() for code, one in said.items() if one.strip()}
            if self.required and not text:
                raise forms.ValidationError({f"{self.prefix}-{LANGUAGES[0]}": _("Write it in one language at least.")})
            return text or None
        columns = {code: [line.strip() for line in one.split("\n")] for code, one in said.items()}
        most = max(len(column) for column in columns.values())
        rows = [
            {code: column[at] for code, column in columns.items() if at < len(column) and column[at]}
            for at in range(most)
        ]
        return [row for row in rows if row] or None

    @property
    def hint(self) -> str:
        return _("One on each line; the same line is the same in every language.") if self.lines else ""

    def drawn(self, form: forms.Form) -> dict[str, Any]:
        node = super().drawn(form)
        for one in node["fields"] if self.hint else ():  # it stands once, for every language
            told = [node["hint_id"], one.aria_describedby]
            one.field.widget.attrs.setdefault("aria-describedby", " ".join(filter(None, told)))
        return node


@dataclass
class ChoiceSlot(Slot):
    """One of some words, or an id of a list. `several`: any number of them."""

    choices: Sequence[tuple[str, str]] = ()
    several: bool = False
    before: Sequence[str] = ()

    @property
    def shape(self) -> str:  # type: ignore[override]
        return "boxes" if self.several else "line"

    def fields(self) -> Iterator[tuple[str, forms.Field]]:
        if self.several:
            widget = forms.CheckboxSelectMultiple
            yield (
                self.prefix,
                forms.MultipleChoiceField(label=self.label, choices=self.choices, required=False, widget=widget),
            )
        else:
            choices = [("", "–"), *self.choices]
            yield self.prefix, forms.ChoiceField(label=self.label, choices=choices, required=self.required)

    def initial(self, value: Any) -> dict[str, Any]:
        known = {code for code, _name in self.choices}
        extra = [one for one in (value if isinstance(value, list) else [value]) if one and one not in known]
        self.choices = [*self.choices, *((one, one) for one in extra)]
        self.before = list(value or ()) if self.several else ()
        return {self.prefix: value}

    def value(self, told: Told) -> Any:
        chosen = told.get(self.prefix) or None
        if not self.several or chosen is None:
            return chosen
        return [*(one for one in self.before if one in chosen), *(one for one in chosen if one not in self.before)]


@dataclass
class FlagSlot(Slot):
    """Yes, no, or not said."""

    def fields(self) -> Iterator[tuple[str, forms.Field]]:
        choices = [("", "–"), ("true", pgettext("answer", "yes")), ("false", pgettext("answer", "no"))]
        yield self.prefix, forms.ChoiceField(label=self.label, choices=choices, required=False)

    def initial(self, value: Any) -> dict[str, Any]:
        return {self.prefix: "" if value is None else "true" if value else "false"}

    def value(self, told: Told) -> Any:
        return {"true": True, "false": False}.get(told.get(self.prefix, ""))


@dataclass
class DaySlot(Slot):
    def fields(self) -> Iterator[tuple[str, forms.Field]]:
        widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
        yield self.prefix, forms.DateField(label=self.label, required=self.required, widget=widget)

    def value(self, told: Told) -> Any:
        day: date | None = told.get(self.prefix)
        return day.isoformat() if day is not None else None


@dataclass
class NumberSlot(Slot):
    def fields(self) -> Iterator[tuple[str, forms.Field]]:
        yield self.prefix, forms.IntegerField(label=self.label, min_value=0, required=self.required)

    def value(self, told: Told) -> Any:
        return told.get(self.prefix)


@dataclass
class PeriodSlot(Slot):
    """A number and its unit; one of several units stays as it is written."""

    written: str = ""

    shape = "pair"

    def fields(self) -> Iterator[tuple[str, forms.Field]]:
        own = [(self.written, value_in_words(self.written, language(), ("period",)))] if self.written else []
        yield f"{self.prefix}-n", forms.IntegerField(label=self.label, min_value=0, max_value=99_999, required=False)
        yield (
            f"{self.prefix}-unit",
            forms.ChoiceField(label=_("Unit of time"), choices=[*own, *units()], required=False),
        )

    def initial(self, value: Any) -> dict[str, Any]:
        if one := in_one_unit(value or ""):
            return {f"{self.prefix}-n": one[0], f"{self.prefix}-unit": one[1]}
        self.written = value or ""
        return {f"{self.prefix}-n": None, f"{self.prefix}-unit": value or "Y"}

    def value(self, told: Told) -> Any:
        number, unit = told.get(f"{self.prefix}-n"), told.get(f"{self.prefix}-unit") or ""
        if number is None:
            return unit if unit.startswith("P") else None
        written = f"P{number}{unit}"
        Period.parse(written)
        return written


def _block(slot: Slot, widget: forms.Textarea) -> forms.CharField:
    return forms.CharField(label=slot.label, help_text=slot.hint, required=False, max_length=LONGEST, widget=widget)


@dataclass
class PairsSlot(Slot):
    """`event = column`, one on each line. `known`: names that the catalogue has, and what each is called."""

    known: Sequence[tuple[str, str]] = ()

    shape = "block"

    def fields(self) -> Iterator[tuple[str, forms.Field]]:
        widget = forms.Textarea(attrs={"rows": 4, "spellcheck": "false"})
        yield self.prefix, _block(self, widget)

    def initial(self, value: Any) -> dict[str, Any]:
        return {self.prefix: "\n".join(f"{name} = {column}" for name, column in (value or {}).items())}

    def value(self, told: Told) -> Any:
        found = {}
        codes = {called.lower(): name for name, called in self.known}
        for line in told.get(self.prefix, "").splitlines():
            if not line.strip():
                continue
            name, equals, column = line.partition("=")
            if not equals or not name.strip() or not column.strip():
                raise forms.ValidationError({self.prefix: _("Each line is written: name = column.")})
            found[codes.get(name.strip().lower(), name.strip())] = column.strip()
        return found or None

    @property
    def hint(self) -> str:
        return _("Each line is written: name = column.")

    def drawn(self, form: forms.Form) -> dict[str, Any]:
        return {**super().drawn(form), "known": self.known}


@dataclass
class LinesSlot(Slot):
    """Words, one on each line."""

    shape = "block"

    def fields(self) -> Iterator[tuple[str, forms.Field]]:
        widget = forms.Textarea(attrs={"rows": 3, "spellcheck": "false"})
        yield self.prefix, _block(self, widget)

    def initial(self, value: Any) -> dict[str, Any]:
        return {self.prefix: "\n".join(value or ())}

    def value(self, told: Told) -> Any:
        return [line.strip() for line in told.get(self.prefix, "").splitlines() if line.strip()] or None

    @property
    def hint(self) -> str:
        return _("One on each line.")


@dataclass
class ValuesSlot(LinesSlot):
    """Values as a column has them, one on each line: numbers, true and false; what looks like one in quotes is text."""

    def initial(self, value: Any) -> dict[str, Any]:
        return super().initial([_as_line(one) for one in value or ()])

    def value(self, told: Told) -> Any:
        try:
            return [_of_line(line) for line in super().value(told) or ()] or None
        except ValueError:
            raise forms.ValidationError({self.prefix: _("What stands in quotation marks cannot be read.")}) from None

    @property
    def hint(self) -> str:
        return _('One on each line. Text that looks like a number stands in quotation marks: "9".')


def _of_line(line: str) -> str | int | bool:
    """Raises ValueError."""
    if line in ("true", "false"):
        return line == "true"
    if re.fullmatch(r"-?(0|[1-9][0-9]{0,99})", line):
        return int(line)
    return str(json.loads(line)) if line.startswith('"') else line


def _as_line(value: str | int | bool) -> str:
    if isinstance(value, bool) or not isinstance(value, str):
        return json.dumps(value)
    plain = [value] == value.splitlines() and value == value.strip() and not value.startswith('"')
    return value if plain and _of_line(value) == value else json.dumps(value)


@dataclass
class WrittenSlot(Slot):
    """What is written as in the inventory document, in YAML."""

    shape = "block"

    def fields(self) -> Iterator[tuple[str, forms.Field]]:
        widget = forms.Textarea(attrs={"rows": 6, "spellcheck": "false", "class": "code"})
        yield self.prefix, _block(self, widget)

    def initial(self, value: Any) -> dict[str, Any]:
        return {self.prefix: "" if value is None else yaml_text.write(value)}

    def value(self, told: Told) -> Any:
        text = told.get(self.prefix, "")
        if not text.strip():
            return None
        try:
            return yaml_text.parse(text)
        except (DocumentError, yaml.YAMLError) as error:
            raise forms.ValidationError({self.prefix: str(error)}) from None

    @property
    def hint(self) -> str:
        return _("Written as in the inventory document, in YAML.")
