"""An order to the archive keeper in words: what it asks for, how it stands, what came back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Any

from django.http import Http404
from django.utils.translation import gettext as _

from retention.connectors.contract import ConnectorError
from retention.connectors.paper_orders import DESTRUCTION, Written
from retention.domain.lifecycle import Outcome
from retention.paper import PaperArchive, archives, kept_back
from retention.plan import Plan
from web.access import Place
from web.barcodes import Barcode, barcode
from web.words import Sign, named


@dataclass(frozen=True)
class Told:
    """One order as pages show it. `plan`: of the version in force; `kept`: papers that may not go now, and why."""

    place: Place
    archive: PaperArchive
    written: Written
    plan: Plan | None
    kept: Mapping[str, Outcome] = field(default_factory=dict)

    @property
    def number(self) -> str:
        return self.written.number

    @property
    def order(self) -> Mapping[str, Any]:
        return self.written.order

    @property
    def whole(self) -> bool:
        """Whether the box goes whole, not single papers out of it."""
        return bool(self.order["kind"] == DESTRUCTION)

    @property
    def one_item(self) -> bool:
        """Whether the box itself is what was ordered: nobody here knows how many papers lie in it."""
        return list(self.order["papers"]) == [self.order["box"]]

    @property
    def kind(self) -> str:
        return _("Destruction order") if self.whole else _("Pull list")

    @property
    def given(self) -> date:
        return self.place.organisation.day_of(self.archive.given(self.written))

    @property
    def withdrawn_on(self) -> date:
        return self.place.organisation.day_of(self.archive.withdrawn(self.written))

    @property
    def papers(self) -> int:
        return len(self.order["papers"])

    @property
    def left(self) -> int:
        return len(self.written.remaining)

    @property
    def gone(self) -> int:
        return len(self.written.destroyed)

    @property
    def missed(self) -> int:
        return len(self.written.not_found)

    @property
    def settled(self) -> bool:
        """Whether a night has read all that certificates say was destroyed."""
        return self.written.destroyed <= self.written.done

    @property
    def waits(self) -> bool:
        """Whether somebody has to do something about it still."""
        return not self.written.withdrawn and bool(self.written.remaining)

    @cached_property
    def sign(self) -> Sign:
        if self.written.withdrawn and not self.written.destroyed:
            return Sign("late", _("withdrawn: do not destroy"))
        if self.kept and self.waits:
            return Sign("hold", _("not all of it may go"))
        if self.waits and self.written.certified:
            return Sign("wait", _("not all of it is gone"))
        if self.waits:
            return Sign("run", _("with the archive keeper"))
        if not self.settled:
            return Sign("run", _("recorded; the next night settles it"))
        return Sign("done", _("destroyed"))

    @cached_property
    def bars(self) -> Barcode | None:
        return barcode(self.number)

    @cached_property
    def box_bars(self) -> Barcode | None:
        return barcode(self.order["box"])

    @property
    def datasets(self) -> list[str]:
        """The names of the datasets whose papers they are."""
        if self.plan is None:
            return []
        return [named(one.name, one.code) for one in self.archive.datasets(self.order["place"], self.plan)]

    @property
    def two(self) -> bool:
        return self.archive.needs_witness(self.written, self.plan)

    @property
    def needs_seal(self) -> bool:
        return self.whole and bool(self.order.get("seal"))


@dataclass(frozen=True)
class Seen:
    """All orders of an organisation; `unknown`: archives whose folder could not be read, and why."""

    orders: tuple[Told, ...]
    unknown: tuple[tuple[str, str], ...]
    archives: int


def archive_name(archive: PaperArchive, plan: Plan | None) -> str:
    """An archive by the names of the registers that lie in it."""
    registers = [one for one in plan.registers if one.connection == archive.code] if plan is not None else []
    return ", ".join(named(one.name, one.code) for one in registers) or archive.code


def all_orders(place: Place, plan: Plan | None) -> Seen:
    """Every order of every archive, by shelf and box."""
    found, unknown, every = [], [], archives(place.organisation)
    for archive in every:
        try:
            found += [Told(place, archive, one, plan) for one in archive.orders.written.values()]
        except ConnectorError as error:
            unknown.append((archive_name(archive, plan), str(error)))
    found.sort(key=lambda one: (one.archive.code, one.order.get("shelf", ""), one.order["box"], one.number))
    return Seen(tuple(found), tuple(unknown), len(every))


def with_kept(orders: Sequence[Told]) -> list[Told]:
    """The same, each with what of it may not go now. Lots are read once for all orders of a place."""
    papers: dict[tuple[str, str], set[str]] = {}
    for told in orders:
        papers.setdefault(_where(told), set()).update(told.written.remaining)
    kept = {
        _where(told): kept_back(told.archive, told.order["place"], papers[_where(told)], told.plan, told.place.today)
        for told in {_where(told): told for told in orders}.values()
        if told.plan is not None
    }
    return [
        replace(told, kept={key: why for key, why in kept.get(_where(told), {}).items() if key in told.order["papers"]})
        for told in orders
    ]


def _where(told: Told) -> tuple[str, str]:
    return told.archive.code, told.order["place"]


def one_order(place: Place, plan: Plan | None, code: str, number: str) -> Told:
    """One order. Raises Http404 where the organisation has none of that number; ConnectorError."""
    archive = next((one for one in archives(place.organisation) if one.code == code), None)
    written = archive.orders.written.get(number) if archive is not None else None
    if archive is None or written is None:
        raise Http404
    return with_kept([Told(place, archive, written, plan)])[0]


def method_in_words(method: str) -> str:
    return {
        "shredder": _("Shredded here"),
        "contractor": _("Destroyed by a service provider"),
        "burnt": _("Burnt"),
    }.get(method, method)
