"""What templates say in the house's way: days, numbers, states, and long Finnish words that may break."""

from __future__ import annotations

import re
import secrets
from datetime import date, datetime
from typing import Any

from django import template
from django.conf import settings
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from ropa.models import Role
from ropa.render.sheet import bound, jointed
from web import standing, words
from web.access import ONCE, Place
from web.shell import role_in_words

register = template.Library()

SHY = "\u00ad"
LONG, LONGEST = 13, 25
"""Letters from which on a word may break between syllables: in Finnish; in another language, where only a Finnish
name is so long."""
VOWELS = "aeiouyäöåAEIOUYÄÖÅ"
_BREAK = re.compile(rf"(?=[^\W\d_{VOWELS}][{VOWELS}])")
_WORD = {least: re.compile(rf"[^\W\d_]{{{least},}}") for least in (LONG, LONGEST)}


@register.filter
def shy(text: str) -> str:
    """A number stays with its section sign. Long words get soft hyphens, since no browser hyphenates Finnish: a
    compound parts at its joints; what is long still, between syllables, three letters from both ends."""
    language = words.language()
    parts = jointed(bound(str(text)), language)
    broken = _WORD[LONG if language == "fi" else LONGEST].sub(lambda found: _broken(found.group()), parts)
    return mark_safe(broken) if isinstance(text, SafeString) else broken  # noqa: S308 - as safe as it was


def _broken(word: str) -> str:
    places = [at.start() for at in _BREAK.finditer(word) if 3 <= at.start() <= len(word) - 3]
    parts = [word[start:end] for start, end in zip([0, *places], [*places, len(word)], strict=True)]
    return SHY.join(parts)


@register.filter
def together(text: str) -> str:
    """Running text: a number stays with its section sign, article or unit; no word breaks."""
    return bound(str(text))


@register.filter
def num(value: int | None) -> str:
    """A number with its thousands apart; of what nobody knows, a dash."""
    return "–" if value is None else words.number(value)


@register.filter
def place_in(value: float) -> str:
    """A place in a picture: with a point in every language."""
    return f"{value:g}"


@register.filter
def add_to(value: float, more: float) -> str:
    """A place in a picture, so far to the right of another."""
    return f"{value + more:g}"


@register.filter
def on(value: date | datetime | None) -> str:
    return words.day(value.date() if isinstance(value, datetime) else value)


@register.filter
def day_in(value: datetime | None, place: Place) -> str:
    """The day on which an instant lies where the organisation is."""
    return "–" if value is None else words.day(place.organisation.day_of(value))


@register.filter
def at(value: datetime | None, place: Place) -> str:
    """The time of day of an instant where the organisation is."""
    return "–" if value is None else words.moment(value, place.organisation.time_zone)


@register.filter
def when(value: datetime | None, place: Place) -> str:
    """The day and the time of day of an instant where the organisation is."""
    return "–" if value is None else _("%(day)s, at %(now)s") % {"day": day_in(value, place), "now": at(value, place)}


@register.filter
def by_whom(written: str) -> str:
    """Who did it: the role in words and the account's name, of `controller:alice`."""
    role, _colon, name = written.partition(":")
    return f"{role_in_words(role)} {name}" if name and role in Role.values else written


@register.filter
def fours(digest: str) -> str:
    """A digest in groups of four."""
    return " ".join(digest[start : start + 4] for start in range(0, len(digest), 4))


@register.simple_tag
def nothing_in_force(place: Place) -> str:
    """Why no version is in force."""
    return standing.nothing_in_force(place)


@register.simple_tag
def tongues() -> list[tuple[str, str]]:
    """The languages, each by its own name."""
    return [(code, str(name)) for code, name in settings.LANGUAGES]


@register.simple_tag
def icon(shape: str) -> SafeString:
    """The shape that repeats a state's word; nothing for who cannot see it."""
    return format_html('<svg class="i" aria-hidden="true"><use href="#i-{}"/></svg>', shape)


@register.simple_tag
def sign(state: words.Sign, text: Any = "") -> SafeString:
    """A state: its shape and its word, in its colour."""
    return format_html(
        '<span class="st st-{}"><svg class="i" aria-hidden="true"><use href="#i-{}"/></svg>{}</span>',
        state.colour,
        {"done": "ok", "absent": "ok", "missing": "late", "refused": "fail"}.get(state.shape, state.shape),
        text or state.word,
    )


@register.simple_tag
def once() -> SafeString:
    """Beside the form's token: what is sent with it a second time is not done again."""
    return format_html('<input type="hidden" name="{}" value="{}">', ONCE, secrets.token_urlsafe(12))
