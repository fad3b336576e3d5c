"""May this entry be touched? Asked anew of what was just read, before anything is written."""

from __future__ import annotations

from dataclasses import dataclass

from retention.connectors.contract import Candidate, Disposal, Outcome, Ref
from retention.connectors.ldap.entries import Entry
from retention.connectors.ldap.mapped import Mapped
from retention.connectors.ldap.values import Unreadable
from retention.connectors.ldap.wire import Answer
from retention.connectors.own_terms import satisfies
from retention.domain.predicates import Expression


@dataclass(frozen=True)
class Verdict:
    """The candidate, if the entry is still its subject's and still due; else what becomes of the key."""

    candidate: Candidate | None
    disposal: Disposal | None = None


def verdict(mapped: Mapped, ref: Ref, entry: Entry, still_due: Expression, own: str | None) -> Verdict:
    """Refused where a machine must not decide: in doubt, unreadable, our own account, one that the system needs."""
    try:
        candidate = mapped.candidate(entry)
    except Unreadable as unreadable:
        return _no(ref, Outcome.REFUSED, str(unreadable))
    if mapped.is_emptied(entry):
        return _no(ref, Outcome.ALREADY_ABSENT)
    if candidate.ref.subject != ref.subject and not candidate.doubt:
        return _no(ref, Outcome.SUPERSEDED)
    if candidate.doubt:
        return _no(ref, Outcome.REFUSED, candidate.doubt)
    if not satisfies(still_due, candidate):
        return _no(ref, Outcome.SUPERSEDED)
    if ref.key == own:
        return _no(ref, Outcome.REFUSED, "the account that this connector is bound as")
    if entry.says_yes("isCriticalSystemObject") or (entry.first("sAMAccountName") or "").lower() == "krbtgt":
        return _no(ref, Outcome.REFUSED, "the directory needs it (isCriticalSystemObject)")
    if entry.first("adminCount") == "1":
        return _no(ref, Outcome.REFUSED, "an administrator's account (adminCount)")
    return Verdict(candidate)


NEEDED = ("isCriticalSystemObject", "adminCount", "sAMAccountName")
"""Attributes that a verdict reads beside the mapping's."""


def refusal(key: str, answer: Answer, doing: str) -> Disposal:
    """What a server's no comes to: `failed` where it may say yes another time."""
    if answer.later:
        return Disposal(key, Outcome.FAILED, f"{doing}: {answer.name}")
    if answer.has_children:
        return Disposal(key, Outcome.REFUSED, "entries lie below it, and the mapping does not say subtree")
    if answer.code == 50:
        return Disposal(key, Outcome.REFUSED, f"no right: {doing}")
    return Disposal(key, Outcome.REFUSED, f"{doing}: {answer.name}")


def _no(ref: Ref, outcome: Outcome, detail: str = "") -> Verdict:
    return Verdict(None, Disposal(ref.key, outcome, detail))
