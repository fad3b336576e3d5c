"""The minutes of a campaign, to print: which group, on what evidence, who decided when, and what followed.

Data in, a sheet out; drawn as the authority report is (`ropa.render`), so HTML and PDF say the same. Persons stand by
their role: who had it, the evidence says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any

from django.utils.translation import get_language, gettext_noop
from django.utils.translation import gettext as _

from retention.campaign_people import said
from retention.campaign_told import as_dict
from retention.certificate_page import named
from retention.models import Campaign
from retention.plan import plan_of
from ropa.persons import persons_apart
from ropa.render import sheet_to_html, sheet_to_pdf
from ropa.render.sheet import Block, Column, Fact, Facts, Heading, Run, Section, Sheet, Table, Text, cell, fours
from ropa.wording import day_in_words, number_in_words, table

CAUSES = {
    "no_date": gettext_noop("the date is missing"),
    "implausible": gettext_noop("the date cannot be true"),
    "same_day": gettext_noop("too many have the same date"),
    "unknown_subject": gettext_noop("nobody tells anything of the person"),
    "not_yet": gettext_noop("the date says that it has not ended yet"),
}
STEPS = {
    "proposed": gettext_noop("Proposed"),
    "decided": gettext_noop("Decided"),
    "confirmed": gettext_noop("Confirmed by another person"),
    "refused": gettext_noop("Refused"),
    "withdrawn": gettext_noop("Withdrawn"),
}
STATES = {
    "reading": gettext_noop("being prepared"),
    "proposed": gettext_noop("proposed, awaiting the owner's decision"),
    "decided": gettext_noop("decided, awaiting confirmation by another person"),
    "confirmed": gettext_noop("in force"),
    "refused": gettext_noop("refused"),
    "withdrawn": gettext_noop("withdrawn"),
}
ROLES = {
    "owner": gettext_noop("register owner"),
    "controller": gettext_noop("controller's management"),
    "shell": gettext_noop("at the command line"),
}
FORECAST = {
    "due": gettext_noop("may go at once"),
    "held": gettext_noop("would go, but a hold suspends it"),
    "open": gettext_noop("another reason to keep it is still open"),
    "still_undecided": gettext_noop("still undecided for another reason"),
    "unfilled": gettext_noop("the substitute cannot be used"),
}
OUTCOMES = {
    "destroyed": gettext_noop("destroyed"),
    "anonymised": gettext_noop("anonymised"),
    "unlinked": gettext_noop("unlinked"),
    "recovered": gettext_noop("destroyed (found after an interruption)"),
    "already_absent": gettext_noop("was absent already"),
    "superseded": gettext_noop("stays: no longer due"),
    "held": gettext_noop("stays: on hold"),
    "refused": gettext_noop("refused by the register"),
    "failed": gettext_noop("failed"),
    "pending": gettext_noop("asked of people"),
    "waiting": gettext_noop("waiting for another register"),
}

Data = Mapping[str, Any]


def minutes(campaign: Campaign, extension: str, day: date) -> bytes:
    """The minutes as of `day` in the language that is active: `html` or `pdf`. Raises KeyError, TypesettingError."""
    made: Mapping[str, Callable[[], bytes]] = {
        "html": lambda: sheet_to_html(sheet(campaign, day)),
        "pdf": lambda: sheet_to_pdf(sheet(campaign, day), day.isoformat()),
    }
    return made[extension]()


def sheet(campaign: Campaign, day: date) -> Sheet:
    """The minutes laid out, in the language that is active."""
    told, language = as_dict(campaign), _language()
    register, dataset = _names(campaign, language)
    parts: list[tuple[str, list[Block]]] = [
        (_("The group"), list(_group(told))),
        (_("The substitute and its evidence"), list(_evidence(told))),
        (_("What it was going to do"), [_forecast(told)]),
        (_("Who decided, and when"), list(_decisions(told, len(persons_apart(said(campaign.events.all())))))),
        (_("What followed"), list(_followed(told))),
    ]
    return Sheet(
        lang=language,
        title=_("Minutes of putting a substitute for missing start dates, no. %(number)d") % {"number": told["number"]},
        short=_("MINUTES"),
        under=(_("General Data Protection Regulation (EU) 2016/679, Article 5(1)(e) and (2)"),),
        sender=campaign.organisation.name,
        day=_day(day.isoformat()),
        say=(
            Run(
                _("A date that was put in place of a missing one is an estimate, and what goes by it is marked so."),
                style="mark",
            ),
        ),
        facts=Facts(
            (
                Fact(_("State"), cell(_said(STATES, told["state"]))),
                Fact(_("Register"), cell(register)),
                Fact(_("Dataset"), cell(dataset)),
                Fact(_("Items"), cell(_number(told["items"]))),
            )
        ),
        contents=_("Contents"),
        sections=tuple(Section(str(n), title, "", tuple(blocks)) for n, (title, blocks) in enumerate(parts, 1)),
        seal=((_("Group"), fours(told["root"])),),
        foot=" ".join((_("Group"), fours(told["root"]))),
        page="{page} ({pages})",
    )


def event_name(name: str) -> str:
    """An event's name in the language that is active."""
    words = table((get_language() or "en")[:2])["events"]
    return str(words.get(name, [name])[0])


def substitute_in_words(told: Data) -> str:
    """What stands in: a day, or the day of another event."""
    if told["substitute_day"]:
        return _day(told["substitute_day"])
    return _("the day of another event of the same item: %(event)s") % {"event": event_name(told["substitute_event"])}


def cause_in_words(cause: str, same_day: str | None) -> str:
    """Why a date is missing or not believed."""
    text = _said(CAUSES, cause)
    return f"{text}: {_day(same_day)}" if same_day else text


def _names(campaign: Campaign, language: str) -> tuple[str, str]:
    """What the inventory calls its register and its dataset, with their codes."""
    plan = plan_of(campaign.version)
    register, dataset = plan.find_register(campaign.register), plan.find_dataset(campaign.dataset)

    def told(code: str, names: Mapping[str, str]) -> str:
        return f"{named(names, language)} ({code})" if names else code

    return (
        told(campaign.register, register.name if register else {}),
        told(campaign.dataset, dataset.name if dataset else {}),
    )


def _group(told: Data) -> Iterator[Block]:
    yield Facts(
        (
            Fact(_("Start event"), cell(event_name(told["event"]))),
            Fact(_("Cause"), cell(cause_in_words(told["cause"], told["same_day"]))),
            Fact(_("Rules that start with it"), cell(", ".join(told["rules"]))),
            Fact(_("Items"), cell(_number(told["items"]))),
            Fact(_("Missing dates"), cell(_number(told["gaps"]))),
            Fact(_("Inventory version"), cell(str(told["version"]))),
            Fact(_("Digest over the group"), cell(Run(fours(told["root"]), style="digest"))),
        )
    )
    yield Text(cell(_("The group was closed when it was proposed: what turns up later does not belong to it.")))


def _evidence(told: Data) -> Iterator[Block]:
    yield Facts((Fact(_("Substitute"), cell(Run(substitute_in_words(told), style="strong"))),))
    yield Text(tuple((Run(line),) for line in told["evidence"].splitlines() if line.strip()))
    if told["attachments"]:
        columns = (Column(_("Attachment"), 40), Column("SHA-256", 60))
        rows = tuple((cell(a["name"]), cell(Run(fours(a["sha256"]), style="digest"))) for a in told["attachments"])
        yield Table(_("Attachments"), columns, rows)


def _forecast(told: Data) -> Block:
    forecast = told["forecast"]
    rows = [(cell(_said(FORECAST, key)), cell(_number(forecast[key]))) for key in FORECAST if forecast.get(key)]
    rows += [
        (cell(_("may go in %(year)s") % {"year": year}), cell(_number(n)))
        for year, n in forecast.get("later", {}).items()
    ]
    columns = (Column(_("What was going to happen"), 75), Column(_("Items"), 25, end=True))
    return Table(_("Forecast"), columns, tuple(rows))


def _decisions(told: Data, persons: int) -> Iterator[Block]:
    columns = (Column(_("Step"), 22), Column(_("Role"), 18), Column(_("Day"), 13), Column(_("Reason"), 47))
    rows = []
    for one in told["events"]:
        role = one["by"].partition(":")[0]
        reason = one["reason"] if one["what"] != "proposed" else _("as above")
        lines = ((Run(reason),), (Run(fours(one["digest"]), style="digest"),))
        step = cell(Run(_said(STEPS, one["what"]), style="strong"))
        rows.append((step, cell(_said(ROLES, role)), cell(_day(one["day"])), lines))
    yield Table(_("Who decided, and when"), columns, tuple(rows))
    yield Text(
        cell(
            _(
                "These steps were taken by %(persons)d different persons; whoever confirms has neither proposed nor "
                "decided. The digest below each reason is that of its entry in the evidence."
            )
            % {"persons": persons}
        )
    )


def _followed(told: Data) -> Iterator[Block]:
    followed = told["followed"]
    if not followed["lots"]:
        yield Text(cell(_("No night has made anything of the group due so far.")))
    else:
        columns = (Column(_("Outcome"), 75), Column(_("Items"), 25, end=True))
        outcomes = followed["outcomes"]
        rows = [(cell(_said(OUTCOMES, name)), cell(_number(n))) for name, n in outcomes.items()]
        waiting = sum(lot["size"] for lot in followed["lots"]) - sum(outcomes.values())
        if waiting > 0:
            rows.append((cell(_("in a lot that waits, or was taken back")), cell(_number(waiting))))
        yield Table(_("What followed"), columns, tuple(rows))
        yield Heading(_("Lots"))
        lots = tuple(
            (
                cell(str(lot["lot"])),
                cell(_day(lot["night"])),
                cell(_number(lot["size"])),
                cell(Run(fours(lot["digest"]), style="digest")),
            )
            for lot in followed["lots"]
        )
        heads = (Column(_("Lot"), 10), Column(_("Night"), 14), Column(_("Items"), 14), Column(_("Digest"), 62))
        yield Table(_("Lots"), heads, lots)
    left = _number(followed["gaps_left"])
    yield Text(cell(_("Missing dates of the group that are still there: %(number)s.") % {"number": left}))


def _said(words: Mapping[str, str], key: str) -> str:
    """A word of a table in the language that is active; what the table does not have stays as it is."""
    text = words.get(key)
    return key if text is None else _(text)


def _number(value: int) -> str:
    return number_in_words(value, _language())


def _day(iso: str) -> str:
    return day_in_words(iso, _language())


def _language() -> str:
    return (get_language() or "en")[:2]
