"""Fields for one entry of the inventory document, drawn from its JSON Schema: what the document can say, a form can.

Each part of an entry is a *slot*: it knows which form fields it needs, what stands in them, and what they say again
as the document has it. What no form does justice to (a condition, a connector's options) is written as there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

import yaml
from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from retention.domain.errors import DocumentError
from retention.domain.events import CATALOGUE
from retention.domain.items import CONTRACT_EVENTS
from retention.domain.periods import Period
from retention.inventory_document import yaml_text
from retention.inventory_document.shape import schema
from ropa.change_words import label, value_in_words
from ropa.law import LANGUAGES
from web.times import in_one_unit, units
from web.words import free_code, language, stem_of

Told = Mapping[str, Any]
Offered = Callable[[str], Sequence[tuple[str, str]]]
"""The entries of a list that may be chosen: id and name."""
NAMES_OF_TONGUES = {"fi": "Suomi", "sv": "Svenska", "en": "English"}
ID_LISTS = {"register": "registers", "activity": "activities", "connection": "connections"}
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

    def drawn(self, form: forms.Form) -> dict[str, Any]:
        hint = _("One on each line; the same line is the same in every language.") if self.lines else ""
        return {**super().drawn(form), "hint": hint}


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


@dataclass
class PairsSlot(Slot):
    """`event = column`, one on each line. `known`: names that the catalogue has, and what each is called."""

    known: Sequence[tuple[str, str]] = ()

    shape = "block"

    def fields(self) -> Iterator[tuple[str, forms.Field]]:
        widget = forms.Textarea(attrs={"rows": 4, "spellcheck": "false"})
        yield self.prefix, forms.CharField(label=self.label, required=False, max_length=LONGEST, widget=widget)

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

    def drawn(self, form: forms.Form) -> dict[str, Any]:
        return {**super().drawn(form), "hint": _("Each line is written: name = column."), "known": self.known}


@dataclass
class LinesSlot(Slot):
    """Words, one on each line."""

    shape = "block"

    def fields(self) -> Iterator[tuple[str, forms.Field]]:
        widget = forms.Textarea(attrs={"rows": 3, "spellcheck": "false"})
        yield self.prefix, forms.CharField(label=self.label, required=False, max_length=LONGEST, widget=widget)

    def initial(self, value: Any) -> dict[str, Any]:
        return {self.prefix: "\n".join(value or ())}

    def value(self, told: Told) -> Any:
        return [line.strip() for line in told.get(self.prefix, "").splitlines() if line.strip()] or None

    def drawn(self, form: forms.Form) -> dict[str, Any]:
        return {**super().drawn(form), "hint": _("One on each line.")}


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

    def drawn(self, form: forms.Form) -> dict[str, Any]:
        hint = _('One on each line. Text that looks like a number stands in quotation marks: "9".')
        return {**super().drawn(form), "hint": hint}


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
        yield self.prefix, forms.CharField(label=self.label, required=False, max_length=LONGEST, widget=widget)

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

    def drawn(self, form: forms.Form) -> dict[str, Any]:
        return {**super().drawn(form), "hint": _("Written as in the inventory document, in YAML.")}


@dataclass
class GroupSlot(Slot):
    """Several slots under one heading; keys that no slot shows stay as they are."""

    slots: Sequence[Slot] = ()
    before: Mapping[str, Any] = field(default_factory=dict)

    shape = "group"

    def fields(self) -> Iterator[tuple[str, forms.Field]]:
        for one in self.slots:
            yield from one.fields()

    def initial(self, value: Any) -> dict[str, Any]:
        self.before = value or {}
        return {name: told for one in self.slots for name, told in one.initial(self.before.get(one.key)).items()}

    def value(self, told: Told) -> Any:
        shown = {one.key for one in self.slots}
        kept = {key: value for key, value in self.before.items() if key not in shown}
        said = {one.key: found for one in self.slots if (found := one.value(told)) is not None}
        return {**kept, **said} or None

    def drawn(self, form: forms.Form) -> dict[str, Any]:
        return {
            "shape": self.shape,
            "label": self.label,
            "fields": [],
            "inside": [one.drawn(form) for one in self.slots],
        }


@dataclass
class EntrySlot(GroupSlot):
    """Such a group that has an id: folded, under its name."""

    shape = "entry"

    def drawn(self, form: forms.Form) -> dict[str, Any]:
        asked = (f"name-{language()}", "name-fi", "place", "id")
        named = (form[f"{self.prefix}-{key}"].value() for key in asked if f"{self.prefix}-{key}" in form.fields)
        title = next((one for one in named if one), "")
        refused = bool(form.non_field_errors()) and bool(title)  # by the document, which names no field of the form
        wrong = refused or any(form[name].errors for name, _field in self.fields())
        return {**super().drawn(form), "label": title or self.label, "open": wrong}


@dataclass
class RowsSlot(Slot):
    """A list of such groups: those there are, and one more to write.

    `with_ids`: each has an id; one that is left empty is made from its name, or the place that it names.
    """

    make: Callable[[str], GroupSlot] | None = None
    count: int = 1
    with_ids: bool = False

    shape = "rows"

    @cached_property
    def rows(self) -> list[GroupSlot]:
        """Those that `initial` was told of, and one more."""
        return [self.make(f"{self.prefix}-{at}") for at in range(self.count)] if self.make is not None else []

    def fields(self) -> Iterator[tuple[str, forms.Field]]:
        for one in self.rows:
            yield from one.fields()

    def initial(self, value: Any) -> dict[str, Any]:
        self.count = len(value or ()) + 1
        vars(self).pop("rows", None)
        filled = zip(self.rows, [*(value or ()), {}], strict=True)
        return {name: told for row, entry in filled for name, told in row.initial(entry).items()}

    def value(self, told: Told) -> Any:
        said = [(row, found) for row in self.rows if (found := row.value(told)) is not None]
        if not self.with_ids:
            return [found for _row, found in said] or None
        # an id that is emptied stays: the evidence and the ledger know it
        return self._named([{**_id_of(row), **found} for row, found in said]) or None

    def _named(self, found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        taken, named = {one["id"] for one in found if "id" in one}, []
        for one in found:
            name = one["name"] if isinstance(one.get("name"), Mapping) else {"fi": one.get("place", "")}
            code = one.get("id") or free_code(stem_of(name, self.key), taken)
            taken.add(code)
            named.append({"id": code, **one})
        return named

    def drawn(self, form: forms.Form) -> dict[str, Any]:
        rows = [one.drawn(form) for one in self.rows]
        if not self.with_ids:
            rows = [{**row, "label": f"{self.label} {n + 1}"} for n, row in enumerate(rows)]
        rows[-1].setdefault("open", any(form[name].errors for name, _field in self.rows[-1].fields()))
        return {
            "shape": self.shape,
            "label": self.label,
            "fields": [],
            "inside": rows[:-1],
            "another": rows[-1],
            "hint": _("One whose fields are all emptied is taken out."),
        }


def _id_of(row: GroupSlot) -> dict[str, Any]:
    return {"id": row.before["id"]} if "id" in row.before else {}


@dataclass
class StatementSlot(Slot):
    """A value; "none, because …", which is a full answer; or nothing yet, which is a gap."""

    inner: Slot | None = None
    before: Mapping[str, Any] = field(default_factory=dict)
    shown: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What stood in the fields of either answer."""

    shape = "statement"

    @property
    def _why(self) -> TextSlot:
        return TextSlot("none_because", f"{self.prefix}-none", self.within, called=_("Why there is none"))

    def fields(self) -> Iterator[tuple[str, forms.Field]]:
        choices = [
            ("value", _("Yes, as follows")),
            ("none", _("None, because …")),
            ("", _("Not said yet: a gap")),
        ]
        yield (
            f"{self.prefix}-said",
            forms.ChoiceField(label=self.label, choices=choices, required=False, widget=forms.RadioSelect),
        )
        if self.inner is not None:
            yield from self.inner.fields()
        yield from self._why.fields()

    def initial(self, value: Any) -> dict[str, Any]:
        self.before = value or {}
        said = "value" if "value" in self.before else "none" if "none_because" in self.before else ""
        inner = self.inner.initial(self.before.get("value")) if self.inner is not None else {}
        why = self._why.initial(self.before.get("none_because"))
        self.shown = {"value": inner, "none": why}
        return {f"{self.prefix}-said": said, **inner, **why}

    def value(self, told: Told) -> Any:
        kept = {"addition": True} if self.before.get("addition") else {}
        self._refuse_unheard(told, str(told.get(f"{self.prefix}-said") or ""))
        match told.get(f"{self.prefix}-said"):
            case "value":
                found = self.inner.value(told) if self.inner is not None else None
                if found is None:
                    raise forms.ValidationError({f"{self.prefix}-said": _("Write what it is, or that there is none.")})
                return {"value": found, **kept}
            case "none":
                why = self._why.value(told)
                if why is None:
                    raise forms.ValidationError({f"{self.prefix}-said": _("Write why there is none.")})
                return {"none_because": why, **kept}
        return None

    def _refuse_unheard(self, told: Told, said: str) -> None:
        """What is typed under an answer that is not the chosen one would be lost without a word."""
        for answer, shown in self.shown.items():
            if answer != said and any(_typed(told.get(name), before) for name, before in shown.items()):
                raise forms.ValidationError(
                    {f"{self.prefix}-said": _("Something is written under an answer that is not chosen: choose one.")}
                )

    def drawn(self, form: forms.Form) -> dict[str, Any]:
        return {
            "shape": self.shape,
            "label": self.label,
            "said": form[f"{self.prefix}-said"],
            "fields": [],
            "inside": [self.inner.drawn(form) if self.inner is not None else None, self._why.drawn(form)],
        }


def _typed(sent: Any, shown: Any) -> bool:
    """Whether somebody wrote this in a field that showed something else."""

    def plain(value: Any) -> str:
        if isinstance(value, list | tuple):
            return " ".join(sorted(map(str, value)))
        return "" if value is None else str(value).replace("\r\n", "\n").strip()

    return bool(plain(sent)) and plain(sent) != plain(shown)


def slots_of(definition: str, keys: Sequence[str], offered: Offered, within: tuple[str, ...]) -> list[Slot]:
    """The slots of these keys of an entry; `definition`: its name in the schema."""
    told = schema()["$defs"][definition]
    required = set(told.get("required") or ())
    return [_slot(key, told["properties"][key], key, offered, within, key in required) for key in keys]


def keys_of(definition: str) -> list[str]:
    """Every key of such an entry, but its id, in the schema's order."""
    return [key for key in schema()["$defs"][definition]["properties"] if key != "id"]


def _slot(key: str, told: Told, prefix: str, offered: Offered, within: tuple[str, ...], required: bool = False) -> Slot:
    name, told = _resolved(told)
    here = (*within, key)
    refers = told.get("refers_to") or (ID_LISTS.get(key) if name == "id" else None)
    if name in ("text", "texts"):
        return TextSlot(key, prefix, here, required, lines=name == "texts")
    if name.startswith("statement_of_"):
        inner = _slot("value", told["properties"]["value"], f"{prefix}-value", offered, here)
        inner.called = label(key, language())
        return StatementSlot(key, prefix, here, required, inner=inner)
    if name == "day":
        return DaySlot(key, prefix, here, required)
    if name == "period":
        return PeriodSlot(key, prefix, here, required)
    if name in ("columns_of_events", "columns_of_facts"):
        known = () if name == "columns_of_facts" else CATALOGUE.keys() - (CONTRACT_EVENTS if "ledger" in here else ())
        called = [(one, value_in_words(one, language(), ("event",))) for one in sorted(known)]
        return PairsSlot(key, prefix, here, required, known=called)
    if "enum" in told:
        choices = [(one, value_in_words(one, language(), here)) for one in told["enum"]]
        return ChoiceSlot(key, prefix, here, required, choices=choices)
    if refers is not None and told["type"] in ("string", "array"):
        return ChoiceSlot(key, prefix, here, required, choices=offered(refers), several=told["type"] == "array")
    return _by_type(key, told, prefix, offered, here, required)


def _by_type(key: str, told: Told, prefix: str, offered: Offered, here: tuple[str, ...], required: bool) -> Slot:
    match told.get("type"):
        case "boolean":
            return FlagSlot(key, prefix, here, required)
        case "integer":
            return NumberSlot(key, prefix, here, required)
        case "string":
            return Slot(key, prefix, here, required)
        case "object" if "properties" in told:
            return _group(key, told, prefix, offered, here)
        case "array":
            return _list(key, told, prefix, offered, here, required)
    return WrittenSlot(key, prefix, here, required)


def _list(key: str, told: Told, prefix: str, offered: Offered, here: tuple[str, ...], required: bool) -> Slot:
    _name, inside = _resolved(told["items"])
    if "properties" in inside and not {"trigger", "grounds"} & inside["properties"].keys():
        with_ids = "id" in inside["properties"]

        def row(at: str) -> GroupSlot:
            return _group(key, inside, at, offered, here, EntrySlot if with_ids else GroupSlot)

        return RowsSlot(key, prefix, here, required, make=row, with_ids=with_ids)
    if "enum" in inside:
        choices = [(one, value_in_words(one, language(), here)) for one in inside["enum"]]
        return ChoiceSlot(key, prefix, here, required, choices=choices, several=True)
    if inside.get("type") == "string":
        return LinesSlot(key, prefix, here, required)
    if isinstance(inside.get("type"), list) and "object" not in inside["type"]:
        return ValuesSlot(key, prefix, here, required)
    return WrittenSlot(key, prefix, here, required)


def _group(
    key: str,
    told: Told,
    prefix: str,
    offered: Offered,
    here: tuple[str, ...],
    made: type[GroupSlot] = GroupSlot,
) -> GroupSlot:
    slots = [_slot(name, inner, f"{prefix}-{name}", offered, here) for name, inner in told["properties"].items()]
    return made(key, prefix, here, slots=slots)


def _resolved(told: Told) -> tuple[str, Told]:
    if "$ref" not in told:
        return "", told
    name = told["$ref"].rpartition("/")[2]
    return name, schema()["$defs"][name]


class SlotForm(forms.Form):
    """Some slots of one entry, and why they are changed."""

    change_reason = forms.CharField(max_length=2_000, required=False)

    def __init__(self, sent: Any, slots: Sequence[Slot], entry: Told) -> None:
        self.slots = slots
        initial = {name: told for slot in slots for name, told in slot.initial(entry.get(slot.key)).items()}
        super().__init__(sent, initial=initial, label_suffix="")
        reason = self.fields.pop("change_reason")
        for slot in slots:
            self.fields |= dict(slot.fields())
        reason.label = _("Why you change it")
        reason.help_text = _("Stands in the history, beside your name.")
        reason.widget.attrs["aria-describedby"] = "hint-change_reason"
        self.fields["change_reason"] = reason
        self.said: dict[str, Any] = {}

    def clean(self) -> dict[str, Any]:
        told: dict[str, Any] = super().clean() or {}
        for slot in self.slots:
            try:
                self.said[slot.key] = slot.value(told)
            except forms.ValidationError as error:
                for name, errors in error.message_dict.items():
                    self.add_error(name, errors)
        if not told.get("change_reason", "").strip():
            self.add_error("change_reason", _("Say why: the history keeps it."))
        return told

    def drawn(self) -> list[dict[str, Any]]:
        return [slot.drawn(self) for slot in self.slots]

    def changed(self, entry: Told) -> dict[str, Any]:
        """The entry with what the form says in the place of its slots. Of a valid form."""
        kept = {key: value for key, value in entry.items() if key not in self.said}
        return {**kept, **{key: value for key, value in self.said.items() if value is not None}}
