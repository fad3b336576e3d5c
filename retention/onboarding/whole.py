"""An inventory document in place of the draft: looked at first, with what would differ, then taken like that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from retention.domain.errors import DocumentError, LifecycleError, Problem
from retention.domain.evidence import canonical, sha256_hex
from retention.inventory_document import import_document, normalised, refuse_connecting, warnings_of, whole_draft
from retention.inventory_document.files import document_in
from ropa.models import Organisation
from ropa.services import lock


@dataclass(frozen=True)
class Looked:
    """The draft as it is and as the file would have it, what is doubtful in that, and the digest of both."""

    before: Mapping[str, Any]
    after: Mapping[str, Any]
    warnings: tuple[Problem, ...]
    digest: str


def look(organisation: Organisation, content: bytes, today: date, *, connects: bool) -> Looked:
    """What a file would make of the draft; nothing is changed. Raises DocumentError with every problem.

    `connects`: as `import_document` has it.
    """
    document = _document(organisation, content)
    if not connects:
        refuse_connecting(organisation, document)
    draft = whole_draft(organisation)
    digest = sha256_hex(canonical([draft, sha256(content).hexdigest()]))
    return Looked(normalised(draft), normalised(document), warnings_of(document, today), digest)


@transaction.atomic
def take(
    organisation: Organisation, content: bytes, by: str, reason: str, digest: str, today: date, *, connects: bool
) -> None:
    """Make the file the draft, all of it or nothing. Nothing is published.

    `digest`: of what was looked at. Raises LifecycleError where draft or file is another by now, DocumentError.
    """
    if not reason.strip():
        raise DocumentError([Problem("reason", _("is missing: the history says why"))])
    organisation = lock(organisation)
    if look(organisation, content, today, connects=connects).digest != digest:
        raise LifecycleError(_("the draft or the file is not what was looked at: look at it again"))
    import_document(_document(organisation, content), by, reason, connects=connects)


def _document(organisation: Organisation, content: bytes) -> dict[str, Any]:
    document = document_in(content)
    if document["organisation"]["slug"] != organisation.slug:
        raise DocumentError([Problem("organisation.slug", _("the file is about another organisation"))])
    return document
