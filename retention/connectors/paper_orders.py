"""Orders to the archive keeper, and the certificates with which they come back.

A destruction order takes whole boxes, a pull list single papers out of boxes that otherwise stay. An order is
a file named by what it orders, so that the same paper is never ordered twice and asking again finds the same
order. It is done when its certificate stands beside it; what a certificate leaves out was not destroyed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from retention.connectors.contract import ConnectorError
from retention.connectors.paper_lists import replace_file

DESTRUCTION = "destruction_order"
PULL = "pull_list"


@dataclass(frozen=True)
class Order:
    """One order: `papers` by number, of one box. `security`: DIN 66399 / ISO/IEC 21964 level, such as P-4."""

    number: str
    kind: str
    box: str
    shelf: str
    description: str
    security: str
    papers: tuple[str, ...]
    staying: int
    """Papers that stay in the box: above 0 it is mixed, and only a pull list may be written."""

    @classmethod
    def of(cls, box: Mapping[str, str], papers: Sequence[str], staying: int) -> Order:
        """An order for these papers of a box; its number follows from what it orders."""
        kind = PULL if staying else DESTRUCTION
        ordered = tuple(sorted(papers))
        digest = hashlib.sha256("\0".join((kind, box["box"], *ordered)).encode("utf-8")).hexdigest()
        number = f"{'P' if staying else 'D'}-{digest[:12]}"
        return cls(number, kind, box["box"], box["shelf"], box["description"], box["security"], ordered, staying)

    def content(self) -> dict[str, Any]:
        return {
            "order": self.number,
            "kind": self.kind,
            "box": self.box,
            "shelf": self.shelf,
            "description": self.description,
            "security": self.security,
            "papers": list(self.papers),
            "staying": self.staying,
        }


@dataclass(frozen=True)
class Orders:
    """The folder of orders and certificates."""

    directory: Path

    def open_orders(self) -> dict[str, str]:
        """Paper -> number of the order without a certificate that it stands in."""
        found: dict[str, str] = {}
        for path in sorted(self.directory.glob("*.order.json")):
            order = _read(path)
            if not self._certificate(order["order"]).exists():
                found |= dict.fromkeys(order["papers"], order["order"])
        return found

    def certified(self) -> dict[str, tuple[str, bool]]:
        """Paper -> (order, whether its certificate says that it was destroyed), of every order with a certificate."""
        found: dict[str, tuple[str, bool]] = {}
        for path in sorted(self.directory.glob("*.order.json")):
            order = _read(path)
            certificate = self._certificate(order["order"])
            if certificate.exists():
                destroyed = frozenset(_read(certificate)["destroyed"])
                found |= {paper: (order["order"], paper in destroyed) for paper in order["papers"]}
        return found

    def write(self, order: Order) -> None:
        """Write an order, to be read by machines and by the archive keeper. Writing it again changes nothing."""
        path = self.directory / f"{order.number}.order.json"
        if path.exists():
            return
        replace_file(self.directory / f"{order.number}.txt", _printed(order).encode("utf-8"))
        replace_file(path, _bytes(order.content()))

    def record_certificate(
        self,
        number: str,
        destroyed: Sequence[str] | None,
        destroyed_on: date,
        signed_by: str,
        seals: Sequence[str] = (),
    ) -> None:
        """Record a signed certificate of destruction; `destroyed` None: everything that was ordered.

        `signed_by` is a role. Raises ConnectorError(permanent) for an unknown order, a paper that was not in it, or
        a certificate that stands already.
        """
        path = self.directory / f"{number}.order.json"
        if not path.exists():
            raise ConnectorError(f"there is no order {number}", permanent=True)
        order = _read(path)
        papers = order["papers"] if destroyed is None else list(destroyed)
        strange = sorted(set(papers) - set(order["papers"]))
        if strange:
            raise ConnectorError(f"{len(strange)} of the papers were not in order {number}", permanent=True)
        certificate = self._certificate(number)
        if certificate.exists():
            raise ConnectorError(f"the certificate of order {number} stands already", permanent=True)
        content = {
            "order": number,
            "destroyed": sorted(papers),
            "destroyed_on": destroyed_on.isoformat(),
            "signed_by": signed_by,
            "seals": list(seals),
        }
        replace_file(certificate, _bytes(content))

    def _certificate(self, number: str) -> Path:
        return self.directory / f"{number}.certificate.json"


def _read(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError):
        raise ConnectorError(f"{path.name} cannot be read", permanent=True) from None
    return content


def _bytes(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode("utf-8")


def _printed(order: Order) -> str:
    """The order as it is handed over, in Finnish: the archive keeper's language."""
    whole = order.kind == DESTRUCTION
    lines = [
        ("HÄVITYSTILAUS " if whole else "POIMINTALISTA ") + order.number,
        "",
        f"Laatikko:      {order.box}",
        f"Hylly:         {order.shelf or '–'}",
        f"Sisältö:       {order.description or '–'}",
        f"Turvaluokka:   {order.security or '–'} (DIN 66399 / ISO/IEC 21964)",
        f"Asiakirjoja:   {len(order.papers)}",
        "",
    ]
    if whole:
        lines.append("Koko laatikko hävitetään. Siinä ei ole mitään säilytettävää.")
    else:
        stays = "1 säilytettävä asiakirja" if order.staying == 1 else f"{order.staying} säilytettävää asiakirjaa"
        lines.append(f"HUOM. Laatikkoon jää {stays}. Hävitetään vain luetellut:")
        lines += [f"  [ ] {paper}" for paper in order.papers]
    lines += [
        "",
        "Hävitetty (pvm): ____________   Sinetit: ____________",
        "Allekirjoitus: ________________________",
        "",
    ]
    return "\n".join(lines)
