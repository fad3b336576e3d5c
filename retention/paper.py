"""What people carry out: the orders of every paper archive, and the certificates with which they come back.

The one way in which an answer is taken for paper, at a command line or on a page: it is written beside its order, where
the next night finds it and settles what it tells of (`connectors.paper`). Who recorded it, and the digest of what was
recorded, are signed into evidence in the same transaction; the file is written last in it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path

from django.db import transaction

from retention.connectors.contract import ConnectorError
from retention.connectors.paper_orders import Answer, Orders, Written, certificates_of, record_certificate
from retention.domain.errors import LifecycleError
from retention.domain.evidence import sha256_hex
from retention.domain.lifecycle import FINAL, LotState, Outcome
from retention.domain.rules import Hold
from retention.evidence_log import EvidenceLog, sign_head
from retention.holds import active, holding
from retention.lot_keys import unpack
from retention.models import Connection, EvidenceEntry, Lot
from retention.plan import DatasetPlan, Plan
from retention.selectors import resolve
from ropa.models import Organisation

KIND = "paper_certified"


@dataclass(frozen=True)
class PaperArchive:
    """An archive by the code of its connection. What its folder says is read when it is asked for."""

    code: str
    connection: Connection

    @property
    def known(self) -> bool:
        """Whether the folder for orders is there. Raises ConnectorError where the config cannot be resolved."""
        return self._configured.is_dir()

    @cached_property
    def _configured(self) -> Path:
        return Path(resolve(self.connection.config, f"connection {self.code}")["orders"])

    @property
    def directory(self) -> Path:
        """Raises ConnectorError where the config cannot be resolved or the folder is not there."""
        if not self.known:
            raise ConnectorError("the folder for orders is not there", permanent=True)
        return self._configured

    @cached_property
    def orders(self) -> Orders:
        """Raises ConnectorError."""
        return Orders(self.directory)

    def given(self, written: Written) -> datetime:
        """When an order was given: it is never changed, so its file's time is that."""
        return self._time_of(f"{written.number}.order.json")

    def withdrawn(self, written: Written) -> datetime:
        """When it was taken back."""
        return self._time_of(f"{written.number}.withdrawn.json")

    def _time_of(self, name: str) -> datetime:
        return datetime.fromtimestamp((self.directory / name).stat().st_mtime, UTC)

    def datasets(self, place: str, plan: Plan) -> Iterator[DatasetPlan]:
        """Whose papers an order of this place is about: the datasets that a version keeps there in this archive."""
        here = {one.code for one in plan.registers if one.connection == self.code}
        for dataset in plan.datasets:
            if dataset.register in here and dataset.mapping and dataset.mapping.place == place:
                yield dataset

    def needs_witness(self, written: Written, plan: Plan | None) -> bool:
        """Whether two have to be there: where two persons approve what goes, two see to it that it does."""
        return plan is not None and any(
            one.policy.approval == "two" for one in self.datasets(written.order["place"], plan)
        )


def archives(organisation: Organisation) -> list[PaperArchive]:
    """Every paper archive."""
    return [PaperArchive(one.code, one) for one in Connection.objects.filter(organisation=organisation, kind="paper")]


def record(
    archive: PaperArchive,
    number: str,
    answer: Answer,
    by: str,
    now: datetime,
    plan: Plan | None,
    earlier: int | None = None,
) -> Path:
    """Record the signed certificate that an order came back with; its file.

    `by`: who records it, role and name. `plan`: of the version in force. Raises LifecycleError for a day that lies
    ahead, or without a witness where two have to be there; ConnectorError as `record_certificate` does; EvidenceError.
    """
    organisation = archive.connection.organisation
    today = organisation.day_of(now)
    if answer.destroyed_on > today:
        raise LifecycleError(f"{answer.destroyed_on} lies ahead: nothing was destroyed on it")
    written = archive.orders.written.get(number)
    if written is not None and archive.needs_witness(written, plan) and not answer.witness.strip():
        raise LifecycleError(f"order {number} asks for two persons: say in which role the other was there")
    with transaction.atomic():
        log = EvidenceLog.apart(organisation.slug, "paper", today)

        def tell(content: bytes, destroyed: int, not_found: int) -> None:
            log.append(KIND, _body(archive, number, answer.destroyed_on, content, destroyed, not_found, by))
            sign_head(organisation.slug, today, log.chain, {KIND: 1}, now)

        return record_certificate(archive.directory, number, answer, earlier, tell)


def _body(
    archive: PaperArchive, number: str, day: date, content: bytes, destroyed: int, not_found: int, by: str
) -> dict[str, object]:
    """Numbers and a digest: what stands in the certificate is its keeper's, and may be destroyed with the archive."""
    return {
        "archive": archive.code,
        "order": number,
        "destroyed": destroyed,
        "not_found": not_found,
        "destroyed_on": day.isoformat(),
        "certificate": sha256_hex(content),
        "by": by,
    }


def kept_back(
    archive: PaperArchive, place: str, papers: Collection[str], plan: Plan, today: date
) -> dict[str, Outcome]:
    """Paper -> why it may not go now, though it was ordered: held, also since the last night, or no longer due.

    Only what a lot that is under way still asks for may go. The next night takes an open order back for the rest; what
    a certificate left out is in no order that could be.
    """
    organisation = archive.connection.organisation
    wanted = frozenset(papers)
    found = dict.fromkeys(wanted, Outcome.SUPERSEDED)
    for dataset in archive.datasets(place, plan):
        lots = Lot.objects.filter(organisation=organisation, dataset=dataset.code, state=LotState.CLAIMED)
        for lot in lots.exclude(keys=None).order_by("pk"):
            entries = {n: one for n, one in enumerate(unpack(bytes(lot.keys or b""))) if one.key in wanted}
            outcomes = dict(lot.exceptions.filter(position__in=list(entries)).values_list("position", "outcome"))
            holds = _holds(organisation, dataset, plan, {one.subject for one in entries.values()})
            for position, entry in entries.items():
                told = outcomes.get(position, "")
                if told == Outcome.HELD or holding(holds, entry.subject, today):
                    found[entry.key] = Outcome.HELD
                elif told in FINAL:
                    found[entry.key] = Outcome.SUPERSEDED
                else:
                    found.pop(entry.key, None)
    return found


def _holds(
    organisation: Organisation, dataset: DatasetPlan, plan: Plan, subjects: set[str | None]
) -> dict[str, Sequence[Hold]]:
    """The holds on a dataset as they are now, and on what it follows."""
    found: dict[str, list[Hold]] = {}
    for one in (dataset, *(plan.find_dataset(follow.dataset) for follow in dataset.rules.follows)):
        if one is not None:
            of = active(
                organisation, one.register, one.held_as, one.subject_kind, None if one is not dataset else subjects
            )
            for subject, holds in of.items():
                found.setdefault(subject, []).extend(holds)
    return dict(found)


@dataclass(frozen=True)
class Recorded:
    """What evidence says of one certificate: the entry's digest and who recorded it; empty: evidence has none."""

    certificate: str
    entry: str = ""
    by: str = ""


def evidence_of(archive: PaperArchive, written: Written) -> list[Recorded]:
    """Each certificate of an order held against the evidence, the earliest first: a changed file is in none."""
    mine = EvidenceEntry.objects.filter(
        organisation=archive.connection.organisation.slug, chain__startswith="paper-", kind=KIND
    )
    told = {}
    for body, digest in mine.filter(body__contains=written.number).values_list("body", "digest"):
        said = json.loads(body)
        if said["order"] == written.number and said["archive"] == archive.code:
            told[said["certificate"]] = (digest, said["by"])
    sums = [sha256_hex(path.read_bytes()) for path in certificates_of(archive.directory, written.number)]
    return [Recorded(one, *told.get(one, ("", ""))) for one in sums]
