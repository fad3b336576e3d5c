"""A rule and the row of the law library that it cites: on a day, and what lies ahead of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from retention.domain.rules import Trigger
from retention.inventory_document.findings import Finding, Law, Whole, unknown
from retention.inventory_document.shape import Steps


def law_findings(whole: Whole, code: str, written: Mapping[str, Any], steps: Steps) -> Iterator[Finding]:
    """Whether the row is there, is law on the day, and says what the rule says (`written`: what is held against it).

    Everything but a row that is not there is a warning.
    """
    versions = whole.laws.get(code)
    if versions is None:
        yield from unknown(code, whole.laws, pgettext("what is not there", "row of the law library"), (*steps, "law"))
    elif whole.today is not None:
        yield from _on(whole.today, code, versions, written, steps)


def _on(today: date, code: str, versions: Sequence[Law], written: Mapping[str, Any], steps: Steps) -> Iterator[Finding]:
    now = next((one for one in versions if _in_force(one, today)), None)
    ahead = next((one for one in versions if today < one.in_force_from), None)
    place = (*steps, "law")
    if now is not None:
        if now.trigger is None:
            yield Finding(
                place,
                _("%(code)s has no time of its own: its data go with the record that they stand in") % {"code": code},
                True,
            )
        for key, said in _differs(now, written if now.trigger is not None else {}):
            yield Finding(
                (*steps, key),
                _("is written otherwise than %(code)s says: %(said)s") % {"code": code, "said": said},
                True,
            )
        if ahead is None and now.in_force_to is not None:
            yield Finding(
                place,
                _("%(code)s is in force until %(in_force_to)s only")
                % {"code": code, "in_force_to": now.in_force_to.isoformat()},
                True,
            )
    elif ahead is not None:
        yield Finding(
            place,
            _("%(code)s is not in force before %(in_force_from)s")
            % {"code": code, "in_force_from": ahead.in_force_from.isoformat()},
            True,
        )
    else:
        ended = max(one.in_force_to for one in versions if one.in_force_to is not None)
        yield Finding(
            place,
            _("%(code)s is not in force: it was until %(ended)s") % {"code": code, "ended": ended.isoformat()},
            True,
        )
    if ahead is not None:
        for key, said in _differs(ahead, written):
            day = ahead.in_force_from.isoformat()
            yield Finding(
                (*steps, key),
                _("is written otherwise than %(code)s says from %(day)s on: %(said)s")
                % {"code": code, "day": day, "said": said},
                True,
            )


def _in_force(law: Law, day: date) -> bool:
    return law.in_force_from <= day and (law.in_force_to is None or day <= law.in_force_to)


def _differs(law: Law, written: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Keys in which a rule says otherwise, with what the row says; what a row does not say cannot differ."""
    for key, value in written.items():
        wanted = getattr(law, key)
        if wanted is not None and wanted != value:
            yield key, _said(wanted)


def _said(value: Any) -> str:
    if isinstance(value, Trigger):
        return value.events[0] if value.choose == "only" else f"{value.choose} {', '.join(value.events)}"
    return str(value)
