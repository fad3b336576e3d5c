"""What a processor destroyed for one of its controllers, when, and on which instruction (GDPR art. 28(3)(g), 28(3)(h)).

A hosting company is the processor of what its customers keep there, and each customer is the controller of its own.
The certificate is made from the leaves that speak of that customer's number, item for item, of datasets whose activity
the organisation carries out as a processor. It says `complete` only if each item that was sent went, or stays for a
reason that came meanwhile, and nothing of it was found when the register was read back, or it was found gone since. It
is data first (canonical JSON, whose digest is an entry of the evidence with a signed head), and the same again as a
page.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from html import escape
from typing import Any, NamedTuple

from django.db import transaction
from django.utils.translation import gettext as _

from retention import leaves, residue
from retention.certificate_page import facts, heading, in_words, named, sheet, table
from retention.domain.errors import EvidenceError
from retention.domain.evidence import canonical, merkle_root, sha256_hex
from retention.domain.lifecycle import FINAL, GONE, LotState, Outcome
from retention.evidence_log import EvidenceLog, sign_head
from retention.exit_certificate import backups_in_words, backups_of
from retention.models import EvidenceEntry, EvidenceHead, Lot
from ropa.models import Organisation, Version

SCHEMA = "seloste.controller/1"
KIND = "controller_certificate"
Document = Mapping[str, Any]

RESIDUE = "residue"
"""In `left`, beside outcomes: items that were destroyed, and something of them was there when it was read back."""


class _Item(NamedTuple):
    """An item as a leaf tells of it; `found`: whether something of it was there when it was read back."""

    night: str
    outcome: str
    lot: int
    found: bool


@dataclass
class _Dataset:
    """What leaves say of one dataset: of each item what was told last, and by which lots."""

    last: dict[str, _Item] = field(default_factory=dict)
    digests: list[str] = field(default_factory=list)
    lots: dict[int, None] = field(default_factory=dict)


def issue(
    organisation: Organisation, kind: str, number: str, controller: str, today: date, by: str
) -> tuple[dict[str, Any], dict[str, str]]:
    """The certificate for the controller whose number this is, and its seal. `controller`: its name, for the page.

    Raises EvidenceError where nothing of a processor's datasets was sent for it, without `by`, or if a key is missing.
    """
    if not by.strip() or not controller.strip():
        raise EvidenceError("a certificate needs the controller's name, and who issues it")
    slug = organisation.slug
    found = _found(slug, leaves.person_digest(kind, number))
    rows = [row for code in sorted(found) if (row := _row(organisation, code, found[code])) is not None]
    if not rows:
        raise EvidenceError(f"{slug}: nothing was sent as a processor for that number")
    told = {
        "schema": SCHEMA,
        "processor": {"slug": slug, "name": organisation.name},
        "controller": {"name": controller, "number": number},
        "until": today.isoformat(),
        "issued_by": by,
        "complete": all(not row["left"] for row in rows),
        "datasets": rows,
        "root": merkle_root(digest for row in rows for digest in found[row["dataset"]].digests),
    }
    with transaction.atomic():
        log = EvidenceLog.apart(slug, KIND, today)
        items = sum(len(found[row["dataset"]].last) for row in rows)
        body = {"sha256": sha256_hex(canonical(told)), "root": told["root"], "items": items, "by": by}
        entry = log.append(KIND, body)
        head = sign_head(slug, today, log.chain, {"controller_certificates": 1})
    seal = {"chain": log.chain, "entry": entry, "head": head.digest, "key": head.key_id, "signature": head.signature}
    return told, seal


def _found(slug: str, person: str) -> dict[str, _Dataset]:
    """By dataset what signed leaves say of the person, the last word of each item."""
    signed = _signed(slug)
    found: dict[str, _Dataset] = defaultdict(_Dataset)
    for entry, digests, theirs in leaves.about(slug, person):
        row = EvidenceEntry.objects.get(organisation=slug, digest=entry, kind=leaves.KIND)
        if row.chain not in signed:
            continue
        about = json.loads(row.body)
        dataset = found[about["dataset"]]
        dataset.lots[about["lot"]] = None
        for index, one in theirs.items():
            leaf = json.loads(one.text)
            dataset.last[leaf["item"]] = _Item(
                about["night"], leaf["outcome"], about["lot"], leaf["read_back"] is False
            )
            dataset.digests.append(digests[index])
    return found


def _signed(slug: str) -> set[str]:
    """The chains that a head signs."""
    bodies = EvidenceHead.objects.filter(organisation=slug).values_list("body", flat=True)
    return {json.loads(body)["chain"] for body in bodies.iterator()}


def _still_there(slug: str, found: _Dataset) -> int:
    """Of how many items something was found when they were read back, and nobody has found it gone since."""
    seen = {(one.lot, item) for item, one in found.last.items() if one.found}
    if not seen:
        return 0
    lots = {lot for lot, _item in seen}
    gone = {(body["lot"], item) for body in _signed_again(slug, lots) for item in body["gone"]}
    verified = set(Lot.objects.filter(pk__in=lots, state=LotState.VERIFIED).values_list("pk", flat=True))
    return sum(lot not in verified for lot, _item in seen - gone)


def _signed_again(slug: str, lots: set[int]) -> Iterator[Document]:
    """What signed evidence says of these lots where what was left of them was looked for again."""
    rows = EvidenceEntry.objects.filter(organisation=slug, kind=residue.AGAIN, chain__in=_signed(slug))
    for body in rows.values_list("body", flat=True).iterator():
        told = json.loads(body)
        if told["lot"] in lots:
            yield told


def _row(organisation: Organisation, code: str, found: _Dataset) -> dict[str, Any] | None:
    """One dataset of the certificate; None where the organisation is no processor of it."""
    entries = {kind: _entries(organisation.slug, kind, set(found.lots)) for kind in ("lot", "claimed")}
    number = max((body["version"] for body in entries["lot"].values()), default=0)
    version = Version.objects.filter(organisation=organisation, number=number).first()
    if version is None:
        return None
    document = json.loads(version.snapshot)
    of: Document = next((d for d in document["datasets"] if code == d["id"] or code.rpartition(".")[0] == d["id"]), {})
    activity: Document = next((a for a in document["activities"] if a["id"] == of.get("activity")), {})
    if activity.get("role") != "processor":
        return None
    register: Document = next((r for r in document["registers"] if r["id"] == of["register"]), {})
    nights: dict[str, Counter[str]] = defaultdict(Counter)
    left: Counter[str] = Counter()
    estimated = 0
    for one in found.last.values():
        final = Outcome(one.outcome) in FINAL
        nights[one.night][one.outcome] += 1
        estimated += bool(final and entries["lot"].get(one.lot, {}).get("estimated"))
        left[one.outcome] += not final
    left[RESIDUE] = _still_there(organisation.slug, found)
    went = [date.fromisoformat(night) for night, outcomes in nights.items() if some_gone(outcomes)]
    rules = {rule["id"]: rule for body in entries["claimed"].values() for rule in body["rules"]["grounds"]}
    agreement = ((activity.get("mandate") or {}).get("agreement") or {}).get("value") or {}
    return {
        "dataset": code,
        "name": dict(of.get("name") or {}),
        "register": of["register"],
        "activity": dict(activity.get("name") or {}),
        "version": number,
        "agreement": {name: agreement[name] for name in ("reference", "signed_on") if agreement.get(name)},
        "rules": [
            {"id": name, "kind": rule["kind"], "period": rule["period"], "from": rule["trigger"]["events"]}
            for name, rule in sorted(rules.items())
        ],
        "actions": sorted({body["action"] for body in entries["lot"].values()}),
        "nights": [
            {"night": night, "outcomes": dict(sorted(of_it.items()))} for night, of_it in sorted(nights.items())
        ],
        "left": dict(sorted((+left).items())),
        "estimated": estimated,
        "backups": backups_of(register.get("backups"), max(went), []) if went else None,
    }


def _entries(slug: str, kind: str, lots: set[int]) -> dict[int, Document]:
    """The entries of these lots, by lot. Read one by one: of a processor's lots there are few."""
    found = {}
    for body in EvidenceEntry.objects.filter(organisation=slug, kind=kind).values_list("body", flat=True).iterator():
        told = json.loads(body)
        if told["lot"] in lots:
            found[told["lot"]] = told
    return found


def page(told: Document, seal: Document, language: str) -> str:
    """The certificate as one page of HTML, in the language that is active."""
    return sheet(_("Certificate of destruction for a controller"), _body(told, language), seal, language)


def _body(told: Document, language: str) -> Iterator[str]:
    yield from facts(
        {
            _("Processor"): told["processor"]["name"],
            _("Controller"): f"{told['controller']['name']} ({told['controller']['number']})",
            _("Until"): in_words(told["until"]),
            _("Issued by"): told["issued_by"],
        }
    )
    yield f"<p>{escape(complete_in_words(told))}</p>"
    for one in told["datasets"]:
        yield heading(named(one["name"], language) or one["dataset"])
        yield from facts(dict(_facts_of(one, language)))
        yield from table((_("Night"), _("Items")), (_cells(night) for night in one["nights"]))
        if one["backups"]:
            yield f"<p>{escape(backups_in_words(one['backups']))}</p>"


def _cells(night: Document) -> str:
    counts = ", ".join(f"{outcome_in_words(name)} {n}" for name, n in night["outcomes"].items())
    return f"<td>{escape(in_words(night['night']))}</td><td>{escape(counts)}</td>"


def _facts_of(one: Document, language: str) -> Iterator[tuple[str, str]]:
    yield _("Processed for"), named(one["activity"], language)
    agreement = one["agreement"]
    if agreement:
        signed = f" ({in_words(agreement['signed_on'])})" if agreement.get("signed_on") else ""
        yield _("Agreement"), f"{agreement.get('reference', '')}{signed}"
    yield _("Instruction"), "; ".join(f"{rule['id']} {rule['period'] or ''}".strip() for rule in one["rules"])
    if one.get("estimated"):
        yield _("Of these by an estimated start date"), str(one["estimated"])
    left = [f"{outcome_in_words(name)} {n}" for name, n in one["left"].items() if name != RESIDUE]
    if left:
        yield _("Not destroyed"), ", ".join(left)
    if one["left"].get(RESIDUE):
        yield _("Destroyed, but something of it is there still"), str(one["left"][RESIDUE])


def complete_in_words(told: Document) -> str:
    """Whether a certificate is one of all that was to go, in the language that is active."""
    if told["complete"] and (n := kept(night["outcomes"] for row in told["datasets"] for night in row["nights"])):
        return _("Each item that was to be destroyed is gone or is rightly kept (kept: %(n)d).") % {"n": n}
    if told["complete"]:
        return _("Each item that was to be destroyed is gone.")
    return _(
        "Some items are NOT destroyed yet, or something of them is there still: the certificate says how many, and why."
    )


def some_gone(outcomes: Mapping[str, int]) -> bool:
    """Whether anything went by us, which backups may keep."""
    return any(outcomes.get(name, 0) for name in GONE)


def kept(told: Iterable[Mapping[str, int]]) -> int:
    """How many items were sent and stay after all, as where a contract runs again: no certificate calls them gone."""
    return sum(outcomes.get(Outcome.SUPERSEDED, 0) for outcomes in told)


def outcome_in_words(outcome: str) -> str:
    """An outcome of an item, in the language that is active."""
    return {
        "destroyed": _("destroyed"),
        "anonymised": _("anonymised"),
        "recovered": _("destroyed (found after an interruption)"),
        "already_absent": _("was absent already"),
        "unlinked": _("unlinked"),
        "refused": _("refused by the register"),
        "pending": _("asked of people"),
        "failed": _("failed"),
        "held": _("on hold"),
        "waiting": _("waiting for another register"),
        "superseded": _("to be kept after all"),
    }[outcome]
