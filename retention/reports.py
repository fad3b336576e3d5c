"""The authority report of an organisation as of a day: what to read, and from where; `ropa.report` makes it.

It is a function of the version in force on the day, the evidence signed up to it, the options, the language and the
release, all of which stand on it: made again it is the same, byte for byte. Its files go out as one sealed set.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from retention.closed import closings
from retention.domain.errors import SelosteError
from retention.models import DatasetNight, EvidenceHead, Run
from retention.models.run import RunState
from retention.release import release
from retention.signing_keys import signing_key
from ropa.models import Organisation
from ropa.render import FORMATS, begun
from ropa.report import build, records_of
from ropa.seal import sealed
from ropa.selectors import NoVersionError as NoVersionError
from ropa.selectors import version_in_force

MEDIA_TYPES = {
    "json": "application/json",
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "zip": "application/zip",
}
PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; font-src data:; img-src data:; frame-ancestors 'none'"
"""The report as a page loads nothing and runs nothing."""
REVIEW = ("review", "trigger_missing", "rule_conflict")
DESTROYED = ("destroyed", "anonymised", "unlinked", "recovered")


class NoRecordError(SelosteError):
    """The organisation keeps no record under that paragraph of Article 30."""


@dataclass(frozen=True)
class Given:
    """What a report is made from: the published document, and the evidence signed up to the day."""

    document: Mapping[str, Any]
    version: Mapping[str, Any]
    evidence: Mapping[str, Any] | None
    as_of: date
    previous: Callable[[], Mapping[str, Any] | None] = lambda: None
    """The version before it, read when a report is built: of a large organisation it is a hundred megabytes."""

    @property
    def records(self) -> tuple[str, ...]:
        """The records that it is: the controller's, the processor's, or both as two documents."""
        return records_of(self.document)

    def report(self, record: str, language: str = "fi", extras: bool = True) -> dict[str, Any]:
        """One record as data. Raises NoRecordError; ValueError for a language that has no words."""
        if record not in self.records:
            raise NoRecordError(f"there is no {record}'s record: no activity of that role is published")
        return build(
            {
                "document": self.document,
                "as_of": self.as_of.isoformat(),
                "language": language,
                "record": record,
                "extras": extras,
                "release": release(),
                "version": self.version,
                "previous": self.previous(),
                "evidence": self.evidence,
            }
        )


def given(organisation: Organisation, as_of: date) -> Given:
    """What stood on the day. Raises NoVersionError."""
    found = version_in_force(organisation, as_of)
    if found is None:
        raise NoVersionError(f"{organisation.slug}: no published version is in force on {as_of}")
    version = {
        "number": found.number,
        "in_force_from": found.in_force_from.isoformat(),
        "digest": found.digest,
        "publisher": found.publisher,
        "published_on": organisation.day_of(found.published_at).isoformat(),
        "reason": found.reason,
        "opinion": found.opinion,
        "opinion_reason": found.opinion_reason,
    }
    number = found.number

    def previous() -> dict[str, Any] | None:
        return _previous(organisation, number)

    document = _with_closings(json.loads(found.snapshot), organisation, as_of)
    return Given(document, version, _evidence(organisation, as_of), as_of, previous)


def _previous(organisation: Organisation, number: int) -> dict[str, Any] | None:
    """The version that was in force before that one; None where it is the first."""
    before = organisation.versions.standing().filter(number__lt=number).order_by("-number").first()
    if before is None:
        return None
    return {
        "number": before.number,
        "in_force_from": before.in_force_from.isoformat(),
        "document": json.loads(before.snapshot),
    }


def _with_closings(document: dict[str, Any], organisation: Organisation, as_of: date) -> dict[str, Any]:
    """A register that was closed until the day is shown as closed, also where the version in force is older."""
    closed = closings(organisation, as_of)
    for register in document.get("registers") or ():
        if register["id"] in closed:
            register |= {"lifecycle": "closed", "closed_on": closed[register["id"]].day.isoformat()}
    return document


def authority_report(
    organisation: Organisation, as_of: date, language: str = "fi", record: str | None = None, extras: bool = True
) -> dict[str, Any]:
    """The report as data (art. 30(4)); the controller's record if there is one and none is asked for.

    Raises NoVersionError, NoRecordError; ValueError for a language that has no words.
    """
    found = given(organisation, as_of)
    return found.report(record or found.records[0], language, extras)


def sealed_report(
    organisation: Organisation,
    as_of: date,
    language: str = "fi",
    records: Sequence[str] | None = None,
    extras: bool = True,
    formats: Sequence[str] = tuple(FORMATS),
) -> dict[str, bytes]:
    """Every file of a report by name, with its manifest and seal; all the organisation's records if none are named.

    Unsigned where this installation has no signing key. Raises NoVersionError, NoRecordError; EvidenceError for a
    key that cannot be used.
    """
    about, files = _begun(organisation, as_of, language, records, extras, formats)
    return sealed({name: make() for name, make in files.items()}, about, _key())


def report_file(
    organisation: Organisation, as_of: date, language: str, record: str | None, extras: bool, extension: str
) -> tuple[str, bytes]:
    """One record in one format, with its file's name; the controller's if there is one and none is asked for.

    Raises NoVersionError, NoRecordError; TypesettingError.
    """

    def started() -> tuple[str, Callable[[], bytes]]:
        found = given(organisation, as_of)
        kept = record or found.records[0]
        return file_name(organisation.slug, as_of, kept, extension), begun(
            extension, found.report(kept, language, extras)
        )

    name, finished = started()
    return name, finished()


def _begun(
    organisation: Organisation,
    as_of: date,
    language: str,
    records: Sequence[str] | None,
    extras: bool,
    formats: Sequence[str],
) -> tuple[dict[str, Any], dict[str, Callable[[], bytes]]]:
    """What the manifest says, and the files by name, begun. Document and reports end with this function."""
    found = given(organisation, as_of)
    files: dict[str, Callable[[], bytes]] = {}
    for record in records or found.records:
        report = found.report(record, language, extras)
        for extension in formats:
            files[file_name(organisation.slug, as_of, record, extension)] = begun(extension, report)
        del report  # before the next one is built
    about = {
        "organisation": {"slug": organisation.slug, "name": found.document["organisation"]["name"]},
        "version": {key: found.version[key] for key in ("number", "in_force_from", "digest")},
        "evidence_head": dict(found.evidence["head"]) if found.evidence else None,
        "as_of": as_of.isoformat(),
        "language": language,
        "options": {"extras": extras, "formats": sorted(formats), "records": sorted(records or found.records)},
        "release": release(),
    }
    return about, files


def file_name(slug: str, as_of: date, record: str, extension: str) -> str:
    return f"{slug}-{as_of.isoformat()}-{record}.{extension}"


def _key() -> Ed25519PrivateKey | None:
    """The key that signs heads; None where there is none. Raises EvidenceError for one that cannot be used."""
    return signing_key() if (Path(settings.DATA_DIR) / "keys" / "evidence.pem").exists() else None


def _evidence(organisation: Organisation, as_of: date) -> dict[str, Any] | None:
    """The last signed head up to the day and the numbers of its night; None before the first signed night."""
    heads = EvidenceHead.objects.filter(organisation=organisation.slug, business_date__lte=as_of)
    head = heads.order_by("-number").first()
    if head is None:
        return None
    nights = Run.objects.filter(
        organisation=organisation, state=RunState.FINISHED, business_date__lte=head.business_date
    ).order_by("business_date")
    destroyed: Counter[str] = Counter()
    estimated: Counter[str] = Counter()
    answered: dict[str, str] = {}
    last_successful = None
    for day, summary in nights.values_list("business_date", "summary").iterator():
        for row in summary.get("datasets", ()):
            destroyed[row["dataset"]] += row["destroyed"]
            estimated[row["dataset"]] += row.get("destroyed_estimated", 0)
            if not row["problem"]:
                answered[row["dataset"]] = row.get("unchanged_since") or day.isoformat()
        if not summary.get("unexplained") and not summary.get("problems"):
            last_successful = day.isoformat()
    run = nights.select_related("version").last()
    if run is None:
        return None
    rows = DatasetNight.objects.filter(run=run).order_by("register", "dataset")
    return {
        "head": {
            "number": head.number,
            "business_date": head.business_date.isoformat(),
            "digest": head.digest,
        },
        "night": {
            "business_date": run.business_date.isoformat(),
            "version": run.version.number if run.version else None,
            "missed_dates": run.missed_dates,
            "succeeded": last_successful == run.business_date.isoformat(),
        },
        "nights": nights.count(),
        "last_successful": last_successful,
        "datasets": {
            row.dataset: {
                **_numbers(row),
                "destroyed_ever": destroyed[row.dataset],
                "estimated_ever": estimated[row.dataset],
                "last_answered": answered.get(row.dataset),
            }
            for row in rows
        },
    }


def _numbers(row: DatasetNight) -> dict[str, Any]:
    """A dataset's night in the report's words. What the independent reader left (`left_…`) wins over the evaluation."""
    outcomes = row.counts.get("outcomes", {})

    def state(name: str) -> int:
        return int(row.counts.get(f"left_{name}", row.counts.get(name, 0)))

    return {
        "problem": row.problem,
        "destroyed": sum(outcomes.get(name, 0) for name in DESTROYED),
        "held": state("held"),
        "review": sum(state(name) for name in REVIEW),
        "refused": outcomes.get("refused", 0),
        "failed": outcomes.get("failed", 0),
        "pending": outcomes.get("pending", 0),
        "overdue": row.overdue_left,
        "unexplained": row.unexplained,
        "people_overdue": row.people_overdue,
        "overdue_since": row.overdue_since.isoformat() if row.overdue_since else None,
        "oldest_kept": row.oldest_kept.isoformat() if row.oldest_kept else None,
    }
