"""What a draft shortens, in a sentence each, in the reader's language."""

from __future__ import annotations

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from ropa.change_words import value_in_words
from ropa.rule_words import counted_from
from ropa.shortening import Shortened

WITHIN = {
    "confirmed": ("grounds", "status"),
    "stronger": ("grounds", "action"),
    "destroys": ("policy", "mode"),
    "approval": ("policy", "approval"),
    "grace": ("policy", "grace"),
}
"""In which field of the document the words stand that a way tells of."""


def in_words(one: Shortened) -> str:
    """One sentence, without its place."""
    values = dict(zip(("before", "after"), _values(one), strict=True))
    sentence = {
        "period": _("the period is shorter: %(before)s → %(after)s"),
        "ground_gone": _("a reason to keep is gone"),
        "ground_changed": _("the reason to keep applies, starts or ends otherwise: it may end earlier"),
        "confirmed": _("the rule is confirmed, so that it decides by machine: %(before)s → %(after)s"),
        "ceiling_new": _("there is a new longest time: %(after)s"),
        "ceiling_gone": _("a longest time is gone: what lacked its start date is no longer stopped by it"),
        "ceiling_changed": _("the longest time applies, starts or yields otherwise: it may cut earlier"),
        "begins": _("nobody had decided why it is kept; now it ends by rules"),
        "stronger": _("more is destroyed in the end: %(before)s → %(after)s"),
        "follows": _("it no longer ends with the same things: %(before)s → %(after)s"),
        "step": _("a step before the end is new, earlier, otherwise or gone: %(before)s → %(after)s"),
        "reading": _("what decides about it is read from elsewhere, or otherwise"),
        "destroys": _("nights begin to destroy here: %(before)s → %(after)s"),
        "approval": _("fewer persons approve: %(before)s → %(after)s"),
        "grace": _("less time passes after approval: %(before)s → %(after)s"),
        "waves": _("a backlog no longer goes in waves"),
    }[one.way]
    return sentence % values


def _values(one: Shortened) -> tuple[str, str]:
    if one.way in WITHIN:
        before, after = (_word(value, WITHIN[one.way]) for value in (one.before, one.after))
        return before, after
    times = [_time(value) for value in (one.before, one.after)]
    alike = len({rounding for _period, rounding in times if rounding}) < 2
    before, after = (
        period if alike or not rounding else f"{period} ({counted_from(rounding)})" for period, rounding in times
    )
    return before, after


def _time(value: str) -> tuple[str, str]:
    """A period in words, and the rounding that is written after it; what is no period stays as it is written."""
    period, _space, rounding = value.partition(" ")
    return (_word(period, ("period",)), rounding) if period.startswith("P") else (value or "–", "")


def _word(value: str, within: tuple[str, ...]) -> str:
    return value_in_words(value, (get_language() or "fi")[:2], within, {}) if value else "–"
