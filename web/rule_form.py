"""A retention rule as a sentence with slots, and back: what the form shows is what the document says.

What the sentence has no slot for (conditions, events that end it early, records, what a step does) stays as it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy

from retention.domain.events import CATALOGUE
from retention.domain.periods import ROUNDINGS, Period
from retention.domain.rules import Action, Kind, Status
from ropa.law import LANGUAGES, LawRule
from ropa.rule_words import counted_from
from ropa.wording import table
from web.times import in_one_unit, units
from web.words import language

GROUNDS, CEILINGS = "grounds", "ceilings"
CRITERION = "-"
"""In the place of a unit: no fixed time, but a need that is looked at again."""

Document = Mapping[str, Any]


class RuleForm(forms.Form):
    """One ground or ceiling. `events`: those that the dataset's register tells come first."""

    kind = forms.ChoiceField(label=gettext_lazy("Kind of reason"), required=False)
    number = forms.IntegerField(label=gettext_lazy("How long"), min_value=0, max_value=99_999, required=False)
    unit = forms.ChoiceField(label=gettext_lazy("Unit of time"))
    trigger = forms.ChoiceField(label=gettext_lazy("From which event on"))
    rounding = forms.ChoiceField(label=gettext_lazy("Counted from which day"))
    action = forms.ChoiceField(label=gettext_lazy("What happens then"))
    law = forms.ChoiceField(label=gettext_lazy("Statute"), required=False, widget=forms.RadioSelect)
    purpose = forms.ChoiceField(label=gettext_lazy("For which purpose"), required=False)
    review_by = forms.DateField(
        label=gettext_lazy("The need is looked at again by"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        required=False,
    )
    yields_to = forms.ChoiceField(label=gettext_lazy("What goes before this longest time"), required=False)
    status = forms.ChoiceField(label=gettext_lazy("Standing"))
    why_fi = forms.CharField(label="Suomi", widget=forms.Textarea(attrs={"rows": 3, "lang": "fi"}), required=False)
    why_sv = forms.CharField(label="Svenska", widget=forms.Textarea(attrs={"rows": 3, "lang": "sv"}), required=False)
    why_en = forms.CharField(label="English", widget=forms.Textarea(attrs={"rows": 3, "lang": "en"}), required=False)
    change_reason = forms.CharField(
        label=gettext_lazy("Why you change it"),
        help_text=gettext_lazy("Stands in the history, beside your name."),
        max_length=2_000,
        required=False,
    )

    def __init__(
        self,
        sent: Any,
        where: str,
        rule: Document,
        told: Iterable[str],
        purposes: Iterable[tuple[str, str]],
        laws: Mapping[str, LawRule],
        confirms: bool = True,
    ) -> None:
        super().__init__(sent, initial=_initial(rule, confirms), label_suffix="")
        self.where, self.rule = where, rule
        offered = [rule, *(from_law(law) for law in laws.values())]
        self._offer("kind", [(one.value, kind_in_words(one)) for one in Kind])
        self._offer("unit", _units(where))
        self._offer("trigger", _triggers(offered, self._chosen("trigger"), set(told)))
        self._offer("rounding", _roundings(rule))
        self._offer("action", [(one.value, _actions()[one]) for one in Action])
        self._offer("law", [("", _("None: our own judgement")), *((one, one) for one in laws)])
        self._offer("purpose", [("", _("None")), *purposes])
        self._offer("yields_to", _yields(offered, self._chosen("yields_to")))
        self._offer(
            "status", [(one.value, _statuses()[one]) for one in Status if confirms or one is not Status.CONFIRMED]
        )
        if not confirms:
            self._field("status").help_text = _("The controller confirms a rule: what you change is a proposal.")
        if rule.get("law") and rule["law"] not in laws:
            self._offer("law", [*self._field("law").choices, (rule["law"], rule["law"])])
        dropped = ("kind", "purpose", "review_by") if where == CEILINGS else ("yields_to",)
        for name in dropped:
            del self.fields[name]
        for name, field in self.fields.items():
            if name in SLOTS:
                field.widget.attrs["aria-label"] = str(field.label)
        self.fields["number"].widget = forms.TextInput(
            attrs={"inputmode": "numeric", "maxlength": 5, "aria-label": str(self.fields["number"].label)}
        )

    def _field(self, name: str) -> Any:
        return self.fields[name]

    def _chosen(self, name: str) -> str:
        """What stands in a slot now: as it was sent, else as the rule has it."""
        found = self.data.get(name) if self.is_bound else self.initial.get(name)
        return str(found or "")

    def _offer(self, name: str, choices: list[Any]) -> None:
        self._field(name).choices = choices

    def clean(self) -> dict[str, Any]:
        told: dict[str, Any] = super().clean() or {}
        if told.get("unit") == CRITERION:
            if not told.get("review_by"):
                self.add_error("review_by", _("Say until when the need is looked at again."))
        elif told.get("number") is None and "number" not in self.errors:
            self.add_error("number", _("Say how long: 0 means until the event itself."))
        return told

    def document(self) -> dict[str, Any]:
        """The rule as the inventory document has it, with what the sentence leaves alone. Of a valid form."""
        told = self.cleaned_data
        kept = {key: value for key, value in self.rule.items() if key not in WRITTEN}
        written: dict[str, Any] = {
            **kept,
            "trigger": _trigger(told["trigger"]),
            "action": told["action"],
            "status": told["status"],
            "period": self._period(),
            "rounding": told["rounding"] if told["unit"] != CRITERION else None,
            "law": told["law"],
            "reason": {code: text for code in LANGUAGES if (text := told[f"why_{code}"].strip())},
        }
        if self.where == GROUNDS:
            review = told["review_by"]
            written |= {
                "kind": told["kind"],
                "purpose": told["purpose"],
                "review_by": review.isoformat() if review else None,
            }
        else:
            written["yields_to"] = json.loads(told["yields_to"]) if told["yields_to"] else "none"
        return {key: value for key, value in written.items() if value not in (None, "", {}, [])}

    def _period(self) -> str | None:
        told = self.cleaned_data
        if told["unit"] == CRITERION:
            return None
        written = f"P{told['number']}{told['unit']}"
        before = self.rule.get("period")
        return before if before and Period.parse(before) == Period.parse(written) else written


SLOTS = frozenset({"number", "unit", "trigger", "rounding", "action"})
WRITTEN = frozenset(
    {"trigger", "action", "status", "period", "rounding", "law", "reason", "kind", "purpose", "review_by", "yields_to"}
)


def can_be_a_sentence(rule: Document) -> bool:
    """Whether the form has a slot for its time: not for one of months and days at once."""
    period = Period.parse(rule["period"]) if rule.get("period") else Period(0, 0)
    return not (period.months and period.days)


def from_law(row: LawRule) -> dict[str, Any]:
    """What a rule says that is written as this row is: the keys that the row decides."""
    trigger: Any = None
    if row.trigger is not None:
        events = list(row.trigger.events)
        trigger = events[0] if row.trigger.choose == "only" else {row.trigger.choose: events}
    told: dict[str, Any] = {
        "law": row.id,
        "kind": row.kind.value if row.kind is not None else None,
        "trigger": trigger,
        "period": str(row.period) if row.period is not None else None,
        "rounding": str(row.rounding),
        "ends_on": list(row.ends_on),
        "condition": [{"fact": row.condition.fact, "is": row.condition.value}] if row.condition is not None else [],
    }
    if row.bound == "maximum":
        told["yields_to"] = (
            row.yields_to if isinstance(row.yields_to, str) else sorted(one.value for one in row.yields_to) or "none"
        )
        del told["kind"]
    return {key: value for key, value in told.items() if value not in (None, [])}


def kind_in_words(kind: Kind) -> str:
    words: str = table(language())["kinds"][kind.value]
    return words[0].upper() + words[1:]


def _initial(rule: Document, confirms: bool) -> dict[str, Any]:
    number, unit = _time(rule)
    why = rule.get("reason") or {}
    status = rule.get("status") or Status.PROPOSED.value
    return {
        "kind": rule.get("kind") or Kind.NEED.value,
        "number": number,
        "unit": unit,
        "trigger": _written(rule.get("trigger") or "contract_ended"),
        "rounding": rule.get("rounding") or "none",
        "action": rule.get("action") or Action.DELETE.value,
        "law": rule.get("law") or "",
        "purpose": rule.get("purpose") or "",
        "review_by": rule.get("review_by"),
        "yields_to": "" if rule.get("yields_to") in (None, "none") else json.dumps(rule["yields_to"]),
        "status": status if confirms or status != Status.CONFIRMED.value else Status.PROPOSED.value,
        **{f"why_{code}": why.get(code, "") for code in LANGUAGES},
    }


def _time(rule: Document) -> tuple[int | None, str]:
    """Number and unit of a rule's time, in the unit that it is written in."""
    written = rule.get("period")
    if written is None:
        return (None, CRITERION) if rule else (3, "Y")
    if one := in_one_unit(written):
        return one
    period = Period.parse(written)
    return (period.days, "D") if period.days else (period.months, "M")


def _written(trigger: Any) -> str:
    return trigger if isinstance(trigger, str) else json.dumps(trigger, sort_keys=True)


def _trigger(chosen: str) -> Any:
    return json.loads(chosen) if chosen.startswith("{") else chosen


def _units(where: str) -> list[tuple[str, str]]:
    criterion = (CRITERION, pgettext("instead of a time", "as long as it is needed, reckoned"))
    return [*units(), *([criterion] if where == GROUNDS else [])]


def event_from(name: str) -> str:
    """From which event on: in the form that languages with cases need."""
    forms_of: list[str] = table(language())["events"][name]
    return forms_of[2] if len(forms_of) > 2 else forms_of[0]


def _triggers(offered: Sequence[Document], chosen: str, told: set[str]) -> list[Any]:
    """Single events; of several at once the rule's own (the first offered), and what stands there now of a statute."""
    several: dict[str, str] = {}
    for n, written in enumerate(one.get("trigger") for one in offered):
        if isinstance(written, Mapping) and (n == 0 or _written(written) == chosen):
            (choose, names), *_rest = written.items()
            events = ", ".join(event_from(name) for name in names)
            text = _("the latest of: %(events)s") if choose == "latest_of" else _("the earliest of: %(events)s")
            several[_written(written)] = text % {"events": events}
    ours = [(name, event_from(name)) for name in CATALOGUE if name in told]
    others = [(name, event_from(name)) for name in CATALOGUE if name not in told]
    return [*several.items(), (_("Told by its registers"), ours), (_("Others: nobody tells them yet"), others)]


def _roundings(rule: Document) -> list[tuple[str, str]]:
    own = rule.get("rounding")
    names = [*ROUNDINGS, *([own] if own and own not in ROUNDINGS else [])]
    return [(name, counted_from(name)) for name in names]


def _actions() -> Mapping[Action, str]:
    return {
        Action.DELETE: pgettext("then", "delete it"),
        Action.DESTROY_PAPER: pgettext("then", "destroy the paper"),
        Action.CRYPTO_SHRED: pgettext("then", "destroy its key"),
        Action.ANONYMISE: pgettext("then", "anonymise it"),
    }


def _statuses() -> Mapping[Status, str]:
    return {
        Status.CONFIRMED: _("Confirmed: nights carry it out once it is published"),
        Status.PROPOSED: _("Proposed: it decides nothing yet"),
        Status.UNCONFIRMED: _("Not confirmed: it decides nothing yet"),
    }


def _yields(offered: Sequence[Document], chosen: str) -> list[tuple[str, str]]:
    known = [
        ("", _("Nothing: it is final")),
        (json.dumps("any_basis"), _("Every other reason to keep")),
        (json.dumps([Kind.OBLIGATION.value]), kind_in_words(Kind.OBLIGATION)),
    ]
    for own in (one.get("yields_to") for one in offered):
        if own not in (None, "none") and json.dumps(own) == chosen and chosen not in dict(known):
            kinds = own if isinstance(own, list) else [own]
            known.append((chosen, ", ".join(kind_in_words(Kind(one)) for one in kinds)))
    return known


KINDS_OF_RULES: Mapping[str, Any] = {
    GROUNDS: pgettext_lazy("rule", "A reason to keep"),
    CEILINGS: pgettext_lazy("rule", "A longest time"),
}
