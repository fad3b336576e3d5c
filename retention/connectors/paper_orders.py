"""Orders to the archive keeper, and the certificates with which they come back.

A destruction order takes a whole box, a pull list single papers out of a box that otherwise stays. In the
folder of orders an order NUMBER is

    NUMBER.order.json            what was ordered; never changed
    NUMBER.txt                   the same to print and sign
    NUMBER.withdrawn.json        it was taken back: something in it may no longer go
    NUMBER.certificate.json      what was destroyed, when, and in which role somebody signed for it
    NUMBER.certificate-2.json    a later one, for what the first left out
    NUMBER.done.json             the papers that were then taken off the lists

The number follows from what is ordered, so that asking again finds the same order; one that was taken back is
ordered anew under the next number. What a certificate leaves out was not destroyed. Numbers of papers and
boxes stand here, subjects' never do.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from retention.connectors.contract import ConnectorError
from retention.connectors.paper_lists import alone, replace_file

DESTRUCTION = "destruction_order"
PULL = "pull_list"
NUMBER = re.compile(r"[DP]-[0-9a-f]{12}(?:-[0-9]+)?")
LEVEL = re.compile(r"(?:(?P<protection>[1-3])/)?P-(?P<level>[1-7])")
LEVELS_OF_CLASS = {"1": "123", "2": "345", "3": "567"}
"""DIN 66399-1: the security levels that belong to each class of protection."""


def is_security_level(text: str) -> bool:
    """Whether this is a level of DIN 66399 / ISO/IEC 21964-2 for paper (`P-4`), with its class (`2/P-4`) or without."""
    found = LEVEL.fullmatch(text)
    return found is not None and (found["protection"] is None or found["level"] in LEVELS_OF_CLASS[found["protection"]])


@dataclass(frozen=True)
class Order:
    """What is ordered of one box.

    `papers`: keys, the box's own where it is the item. `staying`: papers that stay in the box; above 0 it is mixed,
    and only a pull list may be written. `latest`: event -> its last day among the papers.
    """

    place: str
    box: Mapping[str, str]
    papers: tuple[str, ...]
    staying: int
    latest: Mapping[str, date] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        return PULL if self.staying else DESTRUCTION

    @property
    def stem(self) -> str:
        """The number of the first order for exactly this."""
        digest = hashlib.sha256("\0".join((self.kind, self.place, self.box["box"], *self.papers)).encode("utf-8"))
        return f"{'P' if self.staying else 'D'}-{digest.hexdigest()[:12]}"

    def content(self, number: str) -> dict[str, Any]:
        return {
            "order": number,
            "kind": self.kind,
            "place": self.place,
            **self.box,
            "papers": list(self.papers),
            "staying": self.staying,
            "latest": {event: day.isoformat() for event, day in sorted(self.latest.items())},
        }


@dataclass(frozen=True)
class Written:
    """An order as it stands in the folder, with all that came of it."""

    number: str
    order: Mapping[str, Any]
    certified: bool
    destroyed: frozenset[str]
    done: frozenset[str]
    withdrawn: bool

    @property
    def open(self) -> bool:
        return not self.withdrawn and not self.certified


@dataclass(frozen=True)
class Orders:
    """The folder of orders and certificates, read once."""

    directory: Path

    @cached_property
    def written(self) -> dict[str, Written]:
        """Number -> order."""
        return {order.number: order for order in self._read_all()}

    def of_place(self, place: str) -> dict[str, list[Written]]:
        """Paper -> the orders that it ever stood in, for one dataset."""
        found: dict[str, list[Written]] = {}
        for order in self.written.values():
            if order.order["place"] == place:
                for paper in order.order["papers"]:
                    found.setdefault(paper, []).append(order)
        return found

    def write(self, order: Order) -> str:
        """Write an order, to be read by machines and by the archive keeper; its number."""
        number, again = order.stem, 1
        while number in self.written:
            again += 1
            number = f"{order.stem}-{again}"
        content = order.content(number)
        replace_file(self.directory / f"{number}.txt", printed(content).encode("utf-8"))
        replace_file(self.directory / f"{number}.order.json", _bytes(content))
        self.written[number] = Written(number, content, False, frozenset(), frozenset(), False)
        return number

    def withdraw(self, number: str) -> None:
        """Take an order back, whole. What stands on paper must be taken back by people: the print says so."""
        order = self.written[number]
        content = dict(order.order)
        replace_file(self.directory / f"{number}.txt", printed(content, withdrawn=True).encode("utf-8"))
        replace_file(self.directory / f"{number}.withdrawn.json", _bytes({"order": number}))
        self.written[number] = Written(number, content, order.certified, order.destroyed, order.done, withdrawn=True)

    def finish(self, number: str, papers: frozenset[str]) -> None:
        """Write down that these papers of an order were taken off the lists."""
        done = self.written[number].done | papers
        replace_file(self.directory / f"{number}.done.json", _bytes({"order": number, "papers": sorted(done)}))

    def _read_all(self) -> Iterator[Written]:
        for path in sorted(self.directory.glob("*.order.json")):
            number = path.name.removesuffix(".order.json")
            order = _read(path, "order", "kind", "place", "box", "papers")
            certificates = [_read(found, "destroyed") for found in certificates_of(self.directory, number)]
            done = self.directory / f"{number}.done.json"
            yield Written(
                number,
                order,
                certified=bool(certificates),
                destroyed=frozenset(paper for one in certificates for paper in one["destroyed"]),
                done=frozenset(_read(done, "papers")["papers"]) if done.exists() else frozenset(),
                withdrawn=(self.directory / f"{number}.withdrawn.json").exists(),
            )


def record_certificate(
    directory: Path,
    number: str,
    destroyed: Sequence[str] | None,
    destroyed_on: date,
    signed_by: str,
    seals: Sequence[str] = (),
) -> Path:
    """Record a signed certificate of destruction beside its order, and give its file.

    `destroyed`: keys of papers as ordered, or the box's number for all of them; None: everything that was ordered.
    `signed_by` is a role, not a name. A later certificate adds what an earlier one left out. Raises
    ConnectorError(permanent) for an unknown order, something that was not in it or was certified already, or a
    sealed box whose seal is not among `seals`.
    """
    path = directory / f"{number}.order.json"
    if not NUMBER.fullmatch(number) or not path.exists():
        raise ConnectorError(f"there is no order {number!r}", permanent=True)
    if not signed_by.strip():
        raise ConnectorError(
            f"the certificate of order {number} does not say in which role it was signed", permanent=True
        )
    order = _read(path, "order", "box", "papers")
    with alone(directory):
        earlier = certificates_of(directory, number)
        before = {paper for found in earlier for paper in _read(found, "destroyed")["destroyed"]}
        named = [order["box"]] if destroyed is None else list(destroyed)
        papers = set(order["papers"]) - before if order["box"] in named else set(named)
        strange = papers - set(order["papers"])
        if strange:
            raise ConnectorError(f"{len(strange)} of the papers were not in order {number}", permanent=True)
        if before and (not papers or papers & before):
            raise ConnectorError(f"a certificate of order {number} tells of them already", permanent=True)
        if order.get("seal") and order["kind"] == DESTRUCTION and papers and order["seal"] not in seals:
            raise ConnectorError(f"the seal that order {number} names is not on the certificate", permanent=True)
        content = {
            "order": number,
            "destroyed": sorted(papers),
            "destroyed_on": destroyed_on.isoformat(),
            "signed_by": signed_by,
            "seals": list(seals),
        }
        beside = f"{number}.certificate{f'-{len(earlier) + 1}' if earlier else ''}.json"
        replace_file(directory / beside, _bytes(content))
    return directory / beside


def certificates_of(directory: Path, number: str) -> list[Path]:
    """An order's certificates, in no order that means anything."""
    return sorted([*directory.glob(f"{number}.certificate.json"), *directory.glob(f"{number}.certificate-*.json")])


def _read(path: Path, *needed: str) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError):
        raise ConnectorError(f"{path.name} cannot be read", permanent=True) from None
    missing = [name for name in needed if not isinstance(content, dict) or name not in content]
    if missing:
        raise ConnectorError(f"{path.name} says nothing of {missing[0]!r}", permanent=True)
    lists = [name for name in ("papers", "destroyed") if name in content and not isinstance(content[name], list)]
    if lists:
        raise ConnectorError(f"{path.name}: {lists[0]!r} is no list", permanent=True)
    found: dict[str, Any] = content
    return found


def _bytes(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode("utf-8")


def printed(content: Mapping[str, Any], withdrawn: bool = False) -> str:
    """The order as it is handed over, in Finnish: the archive keeper's language."""
    whole = content["kind"] == DESTRUCTION
    latest = ", ".join(sorted(content["latest"].values())[-1:])
    lines = [
        ("HÄVITYSTILAUS " if whole else "POIMINTALISTA ") + content["order"],
        "",
        *(["PERUUTETTU: ÄLÄ HÄVITÄ. Jotakin tästä ei enää saa hävittää.", ""] if withdrawn else []),
        f"Laatikko:      {content['box']}",
        f"Hylly:         {content['shelf'] or '–'}",
        f"Sisältö:       {content['description'] or '–'}",
        f"Turvaluokka:   {content['security']} (DIN 66399 / ISO/IEC 21964)",
        f"Sinetti:       {content['seal'] or '–'}",
        f"Viimeisin pvm: {latest or '–'}",
        f"Hävitettäviä:  {len(content['papers'])}",
        "",
    ]
    if whole:
        lines.append("Koko laatikko hävitetään. Siihen ei jää mitään säilytettävää.")
    else:
        lines.append(
            f"HUOM. Sekalaatikko: siihen jää {content['staying']} säilytettävää paperia. Vain luetellut hävitetään:"
        )
        lines += [f"  [ ] {paper}" for paper in content["papers"]]
    if content["digitised"]:
        lines += ["", f"Aineisto on myös digitoitu ({content['digitised']}): sähköinen kopio poistetaan erikseen."]
    lines += [
        "",
        "Hävitetty (pvm): ____________   Sinetit: ____________",
        "Rooli ja allekirjoitus: ________________________",
        "",
    ]
    return "\n".join(lines)
