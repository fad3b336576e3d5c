"""What a draft shortens, in a sentence each, in the reader's language."""

from __future__ import annotations

from django.utils.translation import gettext as _

from ropa.shortening import Shortened


def in_words(one: Shortened) -> str:
    """One sentence, without its place."""
    values = {"before": one.before or "–", "after": one.after or "–"}
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
