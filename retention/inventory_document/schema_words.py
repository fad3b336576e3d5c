"""What the schema says of its parts, marked for translation: JSON cannot mark it itself."""

from __future__ import annotations

from django.utils.translation import gettext_noop

DESCRIPTIONS = (
    gettext_noop("connection id: {kind, config, limits}"),
    gettext_noop("an id: up to 60 letters a–z, digits, - and _"),
    gettext_noop("a kind of subject such as customer or staff, up to 20 small letters"),
    gettext_noop("a day such as 2026-06-30"),
    gettext_noop("a time of day such as 22:00"),
    gettext_noop("a text: {fi: …, sv: …, en: …}, at least one of them"),
    gettext_noop("a country's two letters such as US"),
    gettext_noop("event name: column"),
    gettext_noop("fact name: column"),
    gettext_noop("the connector's own options"),
    gettext_noop("either {value: …} or {none_because: …}; beside it perhaps addition: true"),
    gettext_noop("an article, or the ground in words where nobody has mapped it yet"),
    gettext_noop("an article of the GDPR such as 6(1)(b), 9(2)(h) or 10"),
    gettext_noop("an event's or a fact's name"),
    gettext_noop("a note's name and what it says"),
    gettext_noop("an event's name, {latest_of: […]} or {earliest_of: […]}"),
    gettext_noop("a fact's name"),
    gettext_noop("a reference such as env:CRM_URL or file:/etc/seloste/crm"),
    gettext_noop("fact name: value"),
    gettext_noop("9(2)(a) … 9(2)(j), or 10"),
    gettext_noop("kind of entries: complete, examples or maximum"),
    gettext_noop("who answers for it: a role, and its e-mail address"),
    gettext_noop("how often it is looked over, and when it last was"),
    gettext_noop("what binds the processor to the controller (art. 28(3))"),
)
"""Every `description` of `inventory.schema.json`, in its order."""
