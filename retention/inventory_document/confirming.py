"""Who may write a rule as confirmed: the controller decides, the DPO proposes (GDPR art. 38(6), V2).

What is confirmed counts once the controller publishes it. A rule that the DPO writes or changes is a proposal until
somebody of the controller's has confirmed it; what stands confirmed already, and she leaves as it is, stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext

from retention.domain.errors import DocumentError, Problem
from retention.domain.rules import Status
from ropa.models import Role
from ropa.rights import Verb, role_for

RULES = ("grounds", "ceilings")

Document = Mapping[str, Any]


def may_confirm(by: str) -> bool:
    """Whether whoever history names so (`role:name`, or a role) may; of another house's words nothing is known."""
    role = by.partition(":")[0]
    return role not in Role.values or role_for(Verb.CONFIRM, {role}) is not None


def refuse_confirming(by: str, before: Document, after: Document) -> None:
    """Raises DocumentError naming each rule that this writes or changes and that would stand confirmed.

    Both are documents with what decides written out.
    """
    if may_confirm(by):
        return
    stood = dict(_confirmed(before))
    told = gettext("the controller confirms a rule: write what you add or change as proposed")
    if problems := [Problem(f"{path}.status", told) for path, rule in _confirmed(after) if stood.get(path) != rule]:
        raise DocumentError(problems)


def _confirmed(document: Document) -> Iterator[tuple[str, Document]]:
    for dataset in document.get("datasets") or ():
        for where in RULES:
            for rule in dataset.get(where) or ():
                if rule.get("status") == Status.CONFIRMED.value:
                    yield f"datasets[{dataset['id']}].{where}[{rule['id']}]", rule
