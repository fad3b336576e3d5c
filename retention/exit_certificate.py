"""The exit certificate of a register: item for item what it answered when it closed, and what is still to do.

It is data first (canonical JSON, an entry of the evidence), and the same again as a page for people to read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date
from html import escape
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from retention.certificate_page import facts, heading, in_words, named, sheet, table
from retention.domain.periods import last_day
from retention.leaving_survey import HELD, MIGRATED, Left

SCHEMA = "seloste.exit/1"

Document = Mapping[str, Any]

STATES = {
    "empty": gettext_noop("empty"),
    "migrated": gettext_noop("migrated and compared"),
    "held": gettext_noop("on hold"),
    "left": gettext_noop("items are left"),
    "unknown": gettext_noop("could not be asked"),
}
REASONS = {
    "legal_proceedings": gettext_noop("legal proceedings"),
    "dispute": gettext_noop("dispute"),
    "request": gettext_noop("request of the data subject"),
    "authority": gettext_noop("request of an authority"),
}
BACKUPS = {
    "none": gettext_noop("No backups are taken of this register."),
    "unknown": gettext_noop("How long its backups are kept is not recorded, so nobody knows when they expire."),
    "held": gettext_noop("Items that are on hold remain and are backed up: when the backups expire is not known yet."),
}


def backups_of(statement: Document | None, day: date, left: list[Left]) -> dict[str, Any]:
    """When the register's backups expire, as its inventory says: `expire_on`, or null and `why` nobody knows.

    Generations without a longest time say no day. What stays until a day of destruction is backed up until then.
    """
    if statement is not None and "none_because" in statement:
        return {"expire_on": None, "why": "none"}
    value = (statement or {}).get("value") or {}
    said = [value[name] for name in ("at_most", "keep_for") if value.get(name)]
    if not said or ("keep_generations" in value and not value.get("at_most")):
        return {"expire_on": None, "why": "unknown"}
    if any(one.state == HELD or one.holds for one in left):
        return {"expire_on": None, "why": "held"}
    ends = [day]
    for one in left:
        if one.state == MIGRATED and one.moved is not None and one.moved.destroy_by:
            ends.append(date.fromisoformat(one.moved.destroy_by))
    last = max(last_day(max(ends), str(period)) for period in said)
    return {"expire_on": last.isoformat(), "why": ""}


def page(certificate: Document, seal: Document, language: str) -> str:
    """The certificate as one page of HTML, in the language that is active."""
    return sheet(_("Exit certificate of a register"), _body(certificate, language), seal, language)


def _body(told: Document, language: str) -> Iterator[str]:
    yield from facts(
        {
            _("Organisation"): told["organisation"]["name"],
            _("Register"): f"{named(told['name'], language)} ({told['register']})",
            _("Closed on"): in_words(told["closed_on"]),
            _("Decided by"): told["decided_by"],
            _("Reason"): told["reason"],
            _("Inventory version"): str(told["version"]["number"]),
        }
    )
    yield heading(_("What each dataset answered"))
    heads = (_("Dataset"), _("State"), _("Items"), _("Digest over its items"))
    yield from table(heads, (_cells(one, told, language) for one in told["datasets"]))
    if told.get("estimated"):
        yield heading(_("What went by an estimated start date"))
        heads = (_("Campaign"), _("Dataset"), _("Items destroyed"), _("Digest over the group"))
        yield from table(heads, (_estimated_cells(one, told, language) for one in told["estimated"]))
    if told["beside"]:
        yield heading(_("What lies there that no dataset asks for"))
        yield from facts({place: str(rows) for place, rows in told["beside"].items()})
    if told.get("residue"):
        yield heading(_("What is left of deleted items"))
        heads = (_("Dataset"), _("Items"), _("Where"), _("Stays until"))
        yield from table(heads, (_residue_cells(one, told, language) for one in told["residue"]))
    yield heading(_("What is still to come"))
    yield f"<ul><li>{escape(backups_in_words(told['backups']))}</li>"
    yield "<li>" + escape(credentials_in_words(told["connection"])) + "</li></ul>"


def _cells(one: Document, told: Document, language: str) -> str:
    state = STATES[one["state"]]
    lines = "<br>".join(escape(line) for line in (_(state), *_said(one)))
    name = escape(named(told["names"].get(one["dataset"], {}), language) or one["dataset"])
    root = f'<td class="digest">{escape(one["root"])}</td>'
    return f"<td>{name}</td><td>{lines}</td><td>{one['items']}</td>{root}"


def _estimated_cells(one: Document, told: Document, language: str) -> str:
    name = escape(named(told["names"].get(one["dataset"], {}), language) or one["dataset"])
    root = f'<td class="digest">{escape(one["root"])}</td>'
    return f"<td>{one['campaign']}</td><td>{name}</td><td>{one['destroyed']}</td>{root}"


def _residue_cells(one: Document, told: Document, language: str) -> str:
    name = escape(named(told["names"].get(one["dataset"], {}), language) or one["dataset"])
    where = escape("; ".join(one["where"]))
    return f"<td>{name}</td><td>{one['items']}</td><td>{where}</td><td>{escape(in_words(one['until']))}</td>"


def backups_in_words(backups: Document) -> str:
    """When the backups expire, or that nobody knows, in the language that is active."""
    if backups["expire_on"]:
        return _("Destroyed in production; backups of this register expire on %(day)s.") % {
            "day": in_words(backups["expire_on"])
        }
    why = BACKUPS[backups["why"]]
    return _(why)


def credentials_in_words(connection: str) -> str:
    """What is to become of the rights by which the register was reached, in the language that is active."""
    if not connection:
        return _("No connection reached this register.")
    return _(
        "Revoke the credentials of the connection %(code)s in the register itself, then remove the connection. "
        "Until then the register is asked every night whether anything is there."
    ) % {"code": connection}


def _said(one: Document) -> Iterator[str]:
    for hold in one["holds"]:
        yield _("Hold %(hold)d (%(reason)s), to be reviewed by %(day)s: items %(items)d") % {
            "hold": hold["hold"],
            "reason": _(REASONS.get(hold["reason"], hold["reason"])),
            "day": in_words(hold["review_by"]),
            "items": hold["items"],
        }
    if moved := one["moved"]:
        yield _("Migrated to %(dataset)s (%(register)s); items there %(there)d, not found there %(missing)d") % {
            "dataset": moved["to_dataset"],
            "register": moved["to_register"],
            "there": moved["there"],
            "missing": moved["missing"],
        }
        if moved["destroy_by"]:
            yield _("What is left here is destroyed by %(day)s") % {"day": in_words(moved["destroy_by"])}


def read(text: str) -> dict[str, Any]:
    """A certificate as it was kept."""
    return dict(json.loads(text))
