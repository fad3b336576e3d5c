"""The authority report as data (GDPR art. 30(4)): the record, its executed retention column, and the evidence.

`build` is a function of what it is given and of nothing else: no clock, no database, no random order; the same
input gives the same report. A text of the inventory is `{text, lang}`, since it may not exist in the report's
language; everything else that is for reading is already in that language. A demanded field is `{state: value, lines}`,
`{state: none_because, reason}`, `{state: entries}` (entries of the list of that name answer it) or
`{state: missing, article}`, and is shown as what it is. What is not in the published notice has `addition: true`, said
once (`ropa.report.marks`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from retention.domain.written import parse_day
from ropa import article30
from ropa.report.activities import activities, controller, measures_article, register
from ropa.report.entries import SHOWN, entry
from ropa.report.execution import execution, execution_of
from ropa.report.extras import KINDS as EXTRA_KINDS
from ropa.report.extras import extras
from ropa.report.gaps import gaps
from ropa.report.history import changes, decided
from ropa.report.inventory import Inventory
from ropa.report.marks import marked_once
from ropa.report.records import CONTROLLER, PARAGRAPHS, PROCESSOR, RECORDS, part_of, records_of
from ropa.report.retention import RULE_KEYS, retention
from ropa.report.texts import Report, field, text_in
from ropa.wording import table

SCHEMA = "seloste.report/2"

__all__ = [
    "CONTROLLER",
    "PROCESSOR",
    "RECORDS",
    "RULE_KEYS",
    "SCHEMA",
    "build",
    "execution_of",
    "part_of",
    "records_of",
    "text_in",
]

Document = Mapping[str, Any]

BEYOND = ("sources",)
"""Lists of the activities' own part that Article 30 does not ask for."""


def build(data: Document) -> Report:
    """One record from `document`, `as_of`, `language`, `release`, `version` and `evidence` (or None: no night yet).

    `record`: controller (30(1)) or processor (30(2)); the first that the document is, if left out. `extras`: whether
    what Article 30 does not ask for is said too (legal bases, sources, systems, rights); true if left out.
    `version` may tell how it was decided (`publisher`, `published_on`, `reason`, `opinion`, `opinion_reason`), and
    `previous` {number, in_force_from, document} is the version before it.
    `evidence`: `head` {number, business_date, digest}, `night` {business_date, version, missed_dates, succeeded},
    `nights`, `last_successful`, and `datasets`: per dataset the night's numbers as `retention.reports` reads them.
    Raises RuleError for a rule that could not be executed, ValueError for a language without words or a record that
    the document is not.
    """
    data = {**data, "document": marked_once(data["document"])}
    language = data["language"]
    record = data.get("record") or records_of(data["document"])[0]
    wider = bool(data.get("extras", True))
    inventory = Inventory(part_of(data["document"], record), language, record, wider, data["as_of"], data["document"])
    organisation = inventory.document["organisation"]
    evidence = data["evidence"]
    paragraph = PARAGRAPHS[record]
    listed = [kind for kind in SHOWN if kind not in (*EXTRA_KINDS, "items") and (wider or kind not in BEYOND)]
    return {
        "schema": SCHEMA,
        "record": record,
        "extras_included": wider,
        "language": language,
        "as_of": data["as_of"],
        "release": data["release"],
        "organisation": {
            "slug": organisation["slug"],
            "name": organisation["name"],
            "business_id": organisation.get("business_id", ""),
        },
        "version": {key: data["version"][key] for key in ("number", "in_force_from", "digest")},
        "evidence_head": dict(evidence["head"]) if evidence else None,
        "headings": {paragraph: dict(table(language)["article30"][paragraph])},
        "controller": controller(inventory),
        "security_measures": field(organisation, "security_measures", measures_article(inventory), language),
        "listings": dict(organisation.get("listings") or {}),
        "entries": {
            kind: [entry(inventory, kind, one) for one in inventory.entries(kind)]
            for kind in listed
            if inventory.entries(kind)
        },
        "activities": activities(inventory),
        "registers": [register(inventory, one) for one in inventory.entries("registers")],
        "retention": list(retention(inventory)),
        "execution": execution(inventory, evidence),
        "gaps": gaps(inventory),
        "extras": extras(inventory, parse_day(data["as_of"], "as_of")) if wider else None,
        "decided": decided(data["version"], language),
        "changes": changes(inventory.document, data.get("previous"), record, language, data["document"]),
    }


def is_both(document: Document) -> bool:
    """Whether the organisation keeps both records."""
    return article30.controls(document) and article30.processes(document)
