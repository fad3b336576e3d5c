"""Who may write a rule as confirmed: the controller decides, the DPO proposes (GDPR art. 38(6), V2).

What is confirmed counts once the controller publishes it. A rule that the DPO writes or changes is a proposal until
somebody of the controller's has confirmed it; what stands confirmed already, and she leaves as it is, stays. That
nothing keeps a dataset, and that nights purge it, are decisions which no status proposes: those she does not write.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext

from retention.domain.errors import DocumentError, Problem
from retention.domain.rules import Status
from ropa.kinds import POLICY
from ropa.models import Role
from ropa.rights import Verb, role_for

RULES = ("grounds", "ceilings", "steps")

Document = Mapping[str, Any]


def may_confirm(by: str) -> bool:
    """Whether whoever history names so (`role:name`, or a role) may; of another house's words nothing is known."""
    role = by.partition(":")[0]
    return role not in Role.values or role_for(Verb.CONFIRM, {role}) is not None


def refuse_confirming(by: str, before: Document, after: Document) -> None:
    """Raises DocumentError naming each rule, and each such decision, that this writes and that would stand confirmed.

    Both are documents with what decides written out.
    """
    if may_confirm(by):
        return
    stood = dict(_confirmed(before))
    told = gettext("the controller confirms a rule: write what you add or change as proposed")
    problems = [Problem(f"{path}.status", told) for path, rule in _confirmed(after) if stood.get(path) != rule]
    problems += _decided(before, after)
    if problems:
        raise DocumentError(problems)


def _confirmed(document: Document) -> Iterator[tuple[str, Document]]:
    for dataset in document.get("datasets") or ():
        for where in RULES:
            for rule in dataset.get(where) or ():
                if rule.get("status") == Status.CONFIRMED.value:
                    yield f"datasets[{dataset['id']}].{where}[{rule['id']}]", rule


def _decided(before: Document, after: Document) -> Iterator[Problem]:
    were = {one["id"]: one for one in before.get("datasets") or ()}
    for dataset in after.get("datasets") or ():
        was, path = were.get(dataset["id"], {}), f"datasets[{dataset['id']}]"
        none = dataset.get("no_reason_to_keep")
        if none and none != was.get("no_reason_to_keep"):
            yield Problem(f"{path}.no_reason_to_keep", gettext("the controller decides that nothing keeps it"))
        if _purges(dataset) and not _purges(was):
            yield Problem(f"{path}.policy.mode", gettext("the controller decides that nights purge here"))


def _purges(dataset: Document) -> bool:
    return bool({**POLICY, **(dataset.get("policy") or {})}["mode"] == "purge")
