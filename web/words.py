"""Words and shapes of states, numbers and days, in the reader's language. The word carries the state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.text import slugify
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from retention.exit_certificate import REASONS
from retention.models import Hold
from ropa.change_words import text_in, value_in_words
from ropa.wording import day_in_words, number_in_words

SHOWN = 20
"""Names that stand in one cell; of more it is said how many."""


@dataclass(frozen=True)
class Sign:
    """A state: its word, and the shape and colour that repeat it."""

    shape: str
    word: str

    @property
    def colour(self) -> str:
        return {"done": "ok", "absent": "ok", "missing": "late", "refused": "fail"}.get(self.shape, self.shape)


def free_code(stem: str, taken: Iterable[str]) -> str:
    """An id that nothing has yet: the stem, with a number where it is taken."""
    names, code, number = set(taken), stem, 1
    while code in names:
        number += 1
        code = f"{stem}-{number}"
    return code


def stem_of(name: Mapping[str, str], otherwise: str) -> str:
    """What an entry's id begins with: its name, as addresses can have it."""
    return slugify(text_in(name, "fi"))[:50].strip("-") or otherwise


def told_apart(choices: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Ids and names to choose from: what is called as another is has its id beside it."""
    listed = list(choices)
    count = Counter(name for _code, name in listed)
    return [(code, f"{name} ({code})" if count[name] > 1 and name != code else name) for code, name in listed]


def some_of(names: Sequence[str]) -> list[str]:
    """The first names of many, and how many more there are."""
    if len(names) <= SHOWN + 1:
        return list(names)
    more = len(names) - SHOWN
    told = ngettext("%(n)s other", "%(n)s others", more) % {"n": number(more)}
    return [*names[:SHOWN], told]


def number(value: int) -> str:
    """1 284 in Finnish and Swedish, 1,284 in English."""
    return number_in_words(value, language())


def language() -> str:
    return (get_language() or "fi")[:2]


def day(value: date | None) -> str:
    return "–" if value is None else day_in_words(value, language())


def short_day(value: date) -> str:
    """A day without its year, below a picture: 14.10., in English 14 Oct."""
    return date_format(value, "j M") if language() == "en" else f"{value.day}.{value.month}."


def moment(value: datetime, zone: str) -> str:
    """A time of day where the organisation is: 2.41 in Finnish and in Finland's Swedish, 02:41 in English."""
    here = value.astimezone(ZoneInfo(zone))
    return date_format(here, "G.i" if language() in {"fi", "sv"} else "H:i")


def hold_in_words(hold: Hold) -> str:
    """Hold 12, a dispute."""
    return _("Hold %(n)d, %(reason)s") % {"n": hold.pk, "reason": reason_in_words(hold.reason)}


def reason_in_words(reason: str) -> str:
    """Why a hold was placed."""
    return _(REASONS[reason])


def policy_in_words(mode: str) -> str:
    """How far nights go with a dataset."""
    return value_in_words(mode, language(), ("policy", "mode"))


def action_in_words(action: str) -> str:
    return {
        "delete": _("to be deleted"),
        "destroy_paper": _("paper to be destroyed"),
        "crypto_shred": _("key to be destroyed"),
        "anonymise": _("to be anonymised"),
        "unlink": _("to be unlinked"),
    }.get(action, action)


def named(texts: Mapping[str, str], code: str) -> str:
    """A name in the reader's language; where it has none, in another."""
    return text_in(texts, language()) or code
