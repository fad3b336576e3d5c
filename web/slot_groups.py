"""Slots that hold others: a group, a list of them, and an answer that may be "none, because …"."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from web.slots import Slot, TextSlot, Told
from web.words import free_code, language, stem_of


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
            "hint_id": f"hint-{self.prefix}",
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
