"""From which day a rule's time is counted, in the reader's language."""

from __future__ import annotations

from django.utils.translation import pgettext


def counted_from(rounding: str) -> str:
    """What a start is rounded to before the period is added, as it stands after "counted from"."""
    words = {
        "none": pgettext("counted from", "the same day"),
        "end_of_month": pgettext("counted from", "the end of that month"),
        "end_of_quarter": pgettext("counted from", "the end of that quarter"),
        "end_of_calendar_year": pgettext("counted from", "the end of that calendar year"),
        "end_of_financial_year": pgettext("counted from", "the end of that financial year"),
        "end_of_calendar_year_of_financial_year": pgettext(
            "counted from", "the end of the calendar year in which that financial year ended"
        ),
    }
    if rounding in words:
        return words[rounding]
    return pgettext("counted from", "the next %(day)s") % {"day": rounding.removeprefix("next ")}
