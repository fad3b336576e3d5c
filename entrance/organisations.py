"""A new organisation of this installation: an empty record, and nobody in it yet."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from retention import database_locks
from retention.domain.errors import DocumentError, Problem
from retention.inventory_document import import_document
from ropa.models import Organisation, Role

SUPERUSER = "superuser"
"""Who makes one on the pages: `superuser:` and the user name; no role of an organisation is meant."""

FIRST_ROLES = (Role.ADMINISTRATOR, Role.CONTROLLER)
"""Without these nobody gives a role, and nobody confirms one."""


@transaction.atomic
def make_organisation(slug: str, name: str, language: str, by: str) -> Organisation:
    """Make it. Nothing is published, and nobody has a role in it. Raises DocumentError.

    `slug`: its id, in addresses; `by`: who makes it, for the history.
    """
    database_locks.alone("new organisation")  # of two with one id the second would empty the first's record
    if Organisation.objects.filter(slug=slug).exists():
        told = _("there is an organisation with this id already")
        raise DocumentError([Problem("organisation.slug", told)])
    head = {"slug": slug, "name": name, "language": language}
    document = {"seloste": 1, "organisation": head, "registers": [], "activities": [], "datasets": []}
    return import_document({**document, "connections": {}}, by, "new organisation")


def first_roles(slug: str, by: str) -> list[str]:
    """What whoever runs the machine writes there, so that the organisation has its first people."""
    return [
        f"./run manage people give {slug} --role {role.value} --user NAME --by {by} --reason first"
        for role in FIRST_ROLES
    ]
