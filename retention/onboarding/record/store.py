"""Column mappings under a name, and a foreign record in the draft: looked at first, then made part of it, or not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from retention.domain.errors import DocumentError, LifecycleError, Problem
from retention.domain.evidence import canonical, sha256_hex
from retention.inventory_document import import_document, whole_draft
from retention.onboarding.record.becoming import Preview, becoming
from retention.onboarding.record.columns import column_map
from retention.onboarding.record.foreign import record_in
from ropa.models import ColumnMapping, Organisation
from ropa.services import lock

_NAME = re.compile(r"[A-Za-z0-9_-]{1,60}")


@transaction.atomic
def save_mapping(organisation: Organisation, name: str, said: Any, by: str, reason: str = "") -> ColumnMapping:
    """Keep a mapping under a name, in place of the one before. Raises DocumentError for one that says nothing sound."""
    if not _NAME.fullmatch(name):
        raise DocumentError([Problem("name", _("is up to 60 letters a–z, digits, - and _"))])
    column_map(said, organisation.language)
    row = ColumnMapping.objects.select_for_update().filter(organisation=organisation, name=name).first()
    row = row or ColumnMapping(organisation=organisation, name=name)
    if row.pk is None or canonical(row.said) != canonical(said):
        row.said = said
        row._change_reason = f"{by}: {reason}" if reason else by  # type: ignore[attr-defined]
        row.save()
    return row


def mapping_of(organisation: Organisation, name: str) -> dict[str, Any]:
    """A mapping as it was said. Raises LookupError."""
    row = ColumnMapping.objects.filter(organisation=organisation, name=name).first()
    if row is None:
        raise LookupError(f"there is no column mapping {name[:60]!r}")
    said: dict[str, Any] = row.said
    return said


def preview(organisation: Organisation, content: bytes, said: Mapping[str, Any]) -> tuple[Preview, str]:
    """What would become of each row, and the digest of draft, file and mapping. Raises DocumentError for no record."""
    draft = whole_draft(organisation)
    found = becoming(draft, record_in(content), column_map(said, organisation.language))
    return found, sha256_hex(canonical([draft, sha256(content).hexdigest(), dict(said)]))


@transaction.atomic
def apply(
    organisation: Organisation, content: bytes, said: Mapping[str, Any], by: str, reason: str, digest: str | None = None
) -> Preview:
    """Make the record part of the draft: all of it, or nothing and DocumentError with every problem.

    `digest`: of the preview that was looked at; LifecycleError if draft, file or mapping are others by now. Nothing
    is published.
    """
    if not reason.strip():
        raise DocumentError([Problem("reason", _("is missing: the history says why"))])
    organisation = lock(organisation)
    found, now = preview(organisation, content, said)
    if digest is not None and digest != now:
        raise LifecycleError(_("the draft, the file or the mapping is not what was looked at: look at it again"))
    if found.problems:
        raise DocumentError(found.problems)
    if any(row.outcome != "nothing" for row in found.rows):
        import_document(found.document, by, reason, connects=False)
    return found
