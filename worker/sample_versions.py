"""The samples' companies as versions: 1 is the notice as published, 2 has our additions, all of them proposed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from retention.connectors.registry import kinds
from retention.domain.evidence import canonical, sha256_hex
from retention.inventory_document import import_document, yaml_text
from retention.publishing import publish
from ropa.draft import normalised
from ropa.models import Organisation, Version
from samples.documents import Document, as_published, unreached, whole
from samples.frame import Company

GDPR_APPLIES = date(2018, 5, 25)
"""From this day a notice without a date is taken to be in force."""


class OtherVersionsError(Exception):
    """What is published of the company is not what its notice says; nothing was touched."""


def additions_included(company: Company) -> Document:
    """The company's document with every addition, without connections that no installed connector reaches."""
    document = whole(company, yaml_text.parse)
    return unreached(document, [code for code, one in document["connections"].items() if one["kind"] not in kinds()])


def load(
    company: Company, document: Document, in_force_from: date, by: str, now: datetime | None = None
) -> list[Version]:
    """Publish what the notice says, then `document`, from `in_force_from` on; what is published already stays.

    Each is published at `now`, or where that is left out, at the beginning of its first day. Returns the versions
    that were made, by number. Raises OtherVersionsError for a company whose first version is another one.
    """
    made = []
    for number, (content, first_day) in enumerate(_versions(company, document, in_force_from), start=1):
        standing = Version.objects.filter(organisation__slug=company.slug, number=number).first()
        if standing is None:
            made.append(_publish(content, first_day, by, now))
        elif number == 1 and standing.digest != sha256_hex(canonical(normalised(content))):
            raise OtherVersionsError(
                f"version 1 of {company.slug} is not its notice as published; it was left as it is"
            )
    return made


def _versions(company: Company, document: Document, in_force_from: date) -> Iterator[tuple[Document, date]]:
    """What is published in turn, and from when it is in force."""
    if company.published.exists():
        first_day = company.notice_date or GDPR_APPLIES
        yield as_published(company, yaml_text.parse), first_day
        in_force_from = max(in_force_from, first_day)
    yield document, in_force_from


def _publish(content: Document, first_day: date, by: str, now: datetime | None) -> Version:
    addition = any(content.get("datasets") or ())
    reason = (
        "ehdotetut lisäykset tietosuojaselosteeseen"
        if addition
        else "tietosuojaseloste sellaisena kuin se on julkaistu"
    )
    organisation: Organisation = import_document(content, by=by, reason=reason)
    at = now or datetime.combine(first_day, time(), ZoneInfo(organisation.time_zone))
    return publish(organisation, first_day, at, publisher=by, reason=reason)


def proposed(version: Version) -> bool:
    """Whether a version has additions that nobody has confirmed."""
    snapshot: Mapping[str, Any] = json.loads(version.snapshot)
    rules = (rule for one in snapshot["datasets"] for rule in (*one["grounds"], *one["ceilings"]))
    return any(rule.get("addition") and rule["status"] == "proposed" for rule in rules)
