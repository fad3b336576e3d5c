"""Which slots an entry of the inventory document has, by its JSON Schema: what the document can say, a form can."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from retention.domain.events import CATALOGUE
from retention.domain.items import CONTRACT_EVENTS
from retention.inventory_document.shape import schema
from ropa.change_words import label, value_in_words
from web.choice_words import choice_in_words
from web.slot_groups import EntrySlot, GroupSlot, RowsSlot, StatementSlot
from web.slots import (
    ChoiceSlot,
    DaySlot,
    FlagSlot,
    LinesSlot,
    NumberSlot,
    Offered,
    PairsSlot,
    PeriodSlot,
    Slot,
    TextSlot,
    Told,
    ValuesSlot,
    WrittenSlot,
)
from web.words import language

ID_LISTS = {"register": "registers", "activity": "activities", "connection": "connections"}


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
        choices = [(one, choice_in_words(one, here)) for one in told["enum"]]
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
    if "properties" in inside and not {"trigger", "grounds"} & inside["properties"].keys():  # rules have their own page
        with_ids = "id" in inside["properties"]

        def row(at: str) -> GroupSlot:
            return _group(key, inside, at, offered, here, EntrySlot if with_ids else GroupSlot)

        return RowsSlot(key, prefix, here, required, make=row, with_ids=with_ids)
    if "enum" in inside:
        choices = [(one, choice_in_words(one, here)) for one in inside["enum"]]
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
