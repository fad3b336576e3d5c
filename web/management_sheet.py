"""The management report laid out for paper: the same words and numbers as on the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ropa.render.sheet import Block, Cell, Column, Fact, Facts, Run, Section, Sheet, Table, Text, cell
from web.management_told import SHOWN, Management, Month
from web.words import day, language, number


def sheet(told: Management) -> Sheet:
    """In the language that is active."""
    parts: list[tuple[str, list[Block]]] = [
        (_("Overdue"), list(_overdue(told))),
        (_("Failed or refused"), list(_failed(told))),
        (_("Decisions that are wanted"), list(_decisions(told))),
        (_("Month by month"), list(_months(told.months))),
        (_("What else stands"), list(_else(told))),
    ]
    version = str(told.version.number) if told.version is not None else "–"
    return Sheet(
        lang=language(),
        title=_("Report to the management"),
        short=_("REPORT"),
        under=(_("Retention and disposal of personal data"),),
        sender=told.place.organisation.name,
        day=day(told.place.today),
        say=(Run(told.say, style="strong"),),
        facts=Facts(
            (
                Fact(_("The last night"), cell(_night(told))),
                Fact(_("Version of the record"), cell(version)),
            )
        ),
        contents=_("Contents"),
        sections=tuple(Section(str(n), title, "", tuple(blocks)) for n, (title, blocks) in enumerate(parts, 1)),
        seal=(),
        foot=told.place.organisation.name,
        page="{page} ({pages})",
    )


def _night(told: Management) -> str:
    return day(told.night.business_date) if told.night is not None else _("none has come to its end")


def _number(value: int | None) -> Cell:
    return cell(Run(_("not known"), style="unknown")) if value is None else cell(number(value))


def _more(left: int) -> Iterator[Block]:
    if left > 0:
        text = ngettext("%(n)s more on the pages.", "%(n)s more on the pages.", left) % {"n": number(left)}
        yield Text(cell(text))


def _overdue(told: Management) -> Iterator[Block]:
    if told.overdue:
        columns = (
            Column(_("Dataset"), 5),
            Column(_("Records"), 2, end=True),
            Column(_("People"), 2, end=True),
            Column(_("Since"), 2),
        )
        rows = tuple(
            (cell(f"{one.name}, {one.register}"), _number(one.number), _number(one.people), cell(day(one.since)))
            for one in told.overdue[:SHOWN]
        )
        yield Table(_("Overdue"), columns, rows)
        yield from _more(len(told.overdue) - SHOWN)
    elif told.left.records is None:
        yield Text(cell(Run(_("Not known: no night has come to its end."), style="unknown")))
    else:
        yield Text(cell(_("Of what answered nothing is overdue.")))
    if told.unknown:
        text = _("Not known, because they did not answer: %(names)s.") % {"names": ", ".join(told.unknown)}
        yield Text(cell(Run(text, style="unknown")))


def _failed(told: Management) -> Iterator[Block]:
    if told.failed:
        columns = (
            Column(_("Dataset"), 5),
            Column(_("Failed"), 2, end=True),
            Column(_("Refused by the system"), 2, end=True),
        )
        rows = tuple(
            (cell(f"{one.name}, {one.register}"), _number(one.failed), _number(one.refused))
            for one in told.failed[:SHOWN]
        )
        yield Table(_("Failed or refused"), columns, rows)
        yield from _more(len(told.failed) - SHOWN)
    elif told.night is None:
        yield Text(cell(Run(_("Not known: no night has come to its end."), style="unknown")))
    else:
        yield Text(cell(_("Nothing failed in the last night, and no system refused.")))


def _decisions(told: Management) -> Iterator[Block]:
    if not told.waits:
        yield Text(cell(_("None.")))
        return
    columns = (Column(_("What is decided"), 5), Column(_("Who decides"), 3), Column(_("By"), 2))
    rows = tuple((cell(f"{one.what}. {one.detail}"), cell(one.who), cell(day(one.by))) for one in told.waits[:SHOWN])
    yield Table(_("Decisions that are wanted"), columns, rows)
    yield from _more(len(told.waits) - SHOWN)


def _months(months: Sequence[Month]) -> Iterator[Block]:
    if not months:
        yield Text(cell(Run(_("Not known: no night has come to its end."), style="unknown")))
        return
    columns = (
        Column(_("Month"), 4),
        Column(_("Nights of days"), 2, end=True),
        Column(_("Deleted"), 2, end=True),
        Column(_("Failed at the end"), 2, end=True),
        Column(_("Overdue at the end"), 3, end=True),
    )
    rows = tuple(
        (
            cell(one.name),
            cell(f"{one.nights}/{one.days}"),
            _number(one.deleted if one.nights else None),
            _number(one.failed),
            _number(one.overdue) if one.whole or one.overdue is None else cell(at_least(one.overdue)),
        )
        for one in months
    )
    yield Table(_("Month by month"), columns, rows)


def at_least(value: int) -> str:
    """A number where not everything answered."""
    return _("%(n)s, not all known") % {"n": number(value)}


def _else(told: Management) -> Iterator[Block]:
    holds = ngettext("%(n)s hold stands", "%(n)s holds stand", told.holds) % {"n": number(told.holds)}
    if told.holds_late:
        text = ngettext("%(n)s past its day of review", "%(n)s past their day of review", told.holds_late)
        holds = f"{holds}, {text % {'n': number(told.holds_late)}}"
    dates = ngettext("%(n)s lies near", "%(n)s lie near", told.dates) % {"n": number(told.dates)}
    if told.dates_passed:
        dates = f"{dates}, " + _("%(n)s of them passed") % {"n": number(told.dates_passed)}
    alarms = list(told.alarms[:SHOWN])
    if more := len(told.alarms) - len(alarms):
        alarms.append(ngettext("%(number)s alarm more", "%(number)s alarms more", more) % {"number": number(more)})
    yield Facts(
        (
            Fact(_("Holds"), cell(holds)),
            Fact(_("Dates of rules and agreements"), cell(dates)),
            Fact(_("Alarms"), tuple(line for one in alarms for line in cell(one)) or cell(_("None."))),
        )
    )
