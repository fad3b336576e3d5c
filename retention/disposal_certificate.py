"""What one night destroyed and what it left, as its signed evidence says it (GDPR art. 5(2)).

Made from the night's chain alone, so that it is the same whenever it is asked for: nothing is signed anew. It is data
first (canonical JSON), and the same again as a page. It says `complete` only if each item that was sent went, or stays
for a reason that came meanwhile, nothing of it was found again, every dataset could be asked, and the independent
reader found nothing overdue.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from html import escape
from typing import Any

from django.utils.translation import gettext as _

from retention import leaves
from retention.certificate_page import facts, heading, in_words, named, sheet, table
from retention.controller_certificate import kept, outcome_in_words, some_gone
from retention.domain.errors import EvidenceError
from retention.domain.lifecycle import FINAL, Outcome
from retention.exit_certificate import backups_in_words, backups_of
from retention.models import EvidenceEntry, EvidenceHead
from ropa.models import Organisation, Version

SCHEMA = "seloste.disposal/1"
Document = Mapping[str, Any]
KINDS = ("night_started", "outcome", leaves.KIND, "night_finished")


def certificate(organisation: Organisation, night: date) -> tuple[dict[str, Any], dict[str, str]]:
    """The night's certificate and its seal: the signed head that names the end of its chain.

    Raises EvidenceError where the night has not come to its end, or no head signs it.
    """
    slug, chain = organisation.slug, night.isoformat()
    entries = _entries(slug, chain)
    head = _head(slug, chain)
    if head is None or not entries["night_finished"]:
        raise EvidenceError(f"{slug}: no signed night of {chain}")
    (began, *_others), (*_earlier, (end, finished)) = entries["night_started"], entries["night_finished"]
    version = Version.objects.filter(organisation=organisation, digest=began[1]["version_digest"]).last()
    document = json.loads(version.snapshot) if version is not None else {}
    rows = [
        _row(row, document, entries, night)
        for row in sorted(finished["summary"]["datasets"], key=lambda row: (row["register"], row["dataset"]))
    ]
    told = {
        "schema": SCHEMA,
        "organisation": {"slug": slug, "name": organisation.name},
        "night": chain,
        "version": began[1]["version"],
        "version_digest": began[1]["version_digest"],
        "complete": all(_is_whole(row) for row in rows),
        "datasets": rows,
    }
    seal = {"chain": chain, "entry": end, "head": head.digest, "key": head.key_id, "signature": head.signature}
    return told, seal


def _entries(slug: str, chain: str) -> dict[str, list[tuple[str, Document]]]:
    """The night's entries by kind, each with its digest, in their order."""
    found: dict[str, list[tuple[str, Document]]] = {kind: [] for kind in KINDS}
    rows = EvidenceEntry.objects.filter(organisation=slug, chain=chain, kind__in=KINDS).order_by("number")
    for kind, digest, body in rows.values_list("kind", "digest", "body").iterator():
        found[kind].append((digest, json.loads(body)))
    return found


def _head(slug: str, chain: str) -> EvidenceHead | None:
    """The last head that names this chain."""
    heads = EvidenceHead.objects.filter(organisation=slug, business_date=chain).order_by("-number")
    return next((one for one in heads if json.loads(one.body)["chain"] == chain), None)


def _row(
    row: Document, document: Document, entries: Mapping[str, list[tuple[str, Document]]], night: date
) -> dict[str, Any]:
    code = row["dataset"]
    of: Document = next((d for d in document.get("datasets", ()) if code.partition(".")[0] == d["id"]), {})
    register: Document = next((r for r in document.get("registers", ()) if r["id"] == row["register"]), {})
    outcomes: Counter[str] = Counter()
    residue = 0
    for _digest, body in entries["outcome"]:
        if body["dataset"] == code:
            outcomes.update(body["tally"])
            residue += body["residue"]
    mine = [body for _digest, body in entries[leaves.KIND] if body["dataset"] == code]
    return {
        "dataset": code,
        "name": dict(of.get("name") or {}),
        "register": row["register"],
        "register_name": dict(register.get("name") or {}),
        "outcomes": dict(sorted(outcomes.items())),
        "residue": residue,
        "problem": row["problem"],
        "overdue": row["overdue_left"],
        "unexplained": row["unexplained"],
        "actions": sorted({body["action"] for body in mine}),
        "roots": [body["root"] for body in mine],
        "backups": backups_of(register.get("backups"), night, []) if some_gone(outcomes) else None,
    }


def _is_whole(row: Document) -> bool:
    """Nothing that was sent is still to go; and whether anything else is overdue is known, and nothing is."""
    stayed = any(Outcome(name) not in FINAL for name in row["outcomes"])
    return not stayed and not row["residue"] and not row["problem"] and row["overdue"] == 0


def page(told: Document, seal: Document, language: str) -> str:
    """The certificate as one page of HTML, in the language that is active."""
    return sheet(_("Certificate of a night's deletion"), _body(told, language), seal, language)


def _body(told: Document, language: str) -> Iterator[str]:
    yield from facts(
        {
            _("Organisation"): told["organisation"]["name"],
            _("Night"): in_words(told["night"]),
            _("Inventory version"): str(told["version"]),
        }
    )
    yield f"<p>{escape(complete_in_words(told))}</p>"
    sent = [row for row in told["datasets"] if row["outcomes"]]
    if sent:
        yield heading(_("What was sent to be destroyed"))
        heads = (_("Dataset"), _("Register"), _("Items"), _("Backups"))
        yield from table(heads, (_cells(row, language) for row in sent))
    else:
        nothing = _("Nothing was sent to be deleted.")
        yield f"<p>{escape(nothing)}</p>"
    others = [row for row in told["datasets"] if row["problem"] or row["overdue"] != 0]
    if others:
        yield heading(_("What is overdue or not known"))
        yield from table((_("Dataset"), _("Register"), _("State")), (_other_cells(row, language) for row in others))


def _names(row: Document, language: str) -> str:
    dataset = named(row["name"], language) or row["dataset"]
    register = named(row["register_name"], language) or row["register"]
    return f"<td>{escape(dataset)}</td><td>{escape(register)}</td>"


def _cells(row: Document, language: str) -> str:
    lines = [f"{outcome_in_words(name)} {n}" for name, n in row["outcomes"].items()]
    if row["residue"]:
        lines.append(_("traces found afterwards %(n)d") % {"n": row["residue"]})
    backups = escape(backups_in_words(row["backups"])) if row["backups"] else ""
    return f"{_names(row, language)}<td>{escape(', '.join(lines))}</td><td>{backups}</td>"


def _other_cells(row: Document, language: str) -> str:
    told = []
    if row["unexplained"]:
        told.append(_("overdue without an explanation: %(n)d") % {"n": row["unexplained"]})
    if waiting := (row["overdue"] or 0) - (row["unexplained"] or 0):
        told.append(_("due, and waiting for a decision or the end of its grace: %(n)d") % {"n": waiting})
    if not told:
        told.append(_("not known"))
    return f"{_names(row, language)}<td>{escape(', '.join(told))}</td>"


def complete_in_words(told: Document) -> str:
    """Whether the night left nothing behind, in the language that is active."""
    if told["complete"] and (n := kept(row["outcomes"] for row in told["datasets"])):
        return _(
            "Each item that was sent to be destroyed is gone or is rightly kept (kept: %(n)d), "
            "and nothing else is overdue."
        ) % {"n": n}
    if told["complete"]:
        return _("Each item that was sent to be destroyed is gone, and nothing else is overdue.")
    return _("Not everything is destroyed, or not everything is known: the certificate says what, and how many.")
