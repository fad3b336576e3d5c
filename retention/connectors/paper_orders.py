"""Orders to the archive keeper, and the certificates with which they come back.

A destruction order takes a whole box, a pull list single papers out of a box that otherwise stays. In the
folder of orders an order NUMBER is

    NUMBER.order.json            what was ordered; never changed
    NUMBER.txt                   the same to print and sign
    NUMBER.withdrawn.json        it was taken back: something in it may no longer go
    NUMBER.certificate.json      what was destroyed and what was not found, when, how, and in which role somebody signed
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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
METHODS = ("shredder", "contractor", "burnt")
"""How paper is destroyed: cut up on the spot, by whoever does it for others, in a fire."""
LEVELS_OF_CLASS = {"1": "123", "2": "345", "3": "567"}
"""DIN 66399-1: the security levels that belong to each class of protection."""


def is_security_level(text: str) -> bool:
    """Whether this is a level of DIN 66399 / ISO/IEC 21964-2 for paper (`P-4`), with its class (`2/P-4`) or without."""
    found = LEVEL.fullmatch(text)
    return found is not None and (found["protection"] is None or found["level"] in LEVELS_OF_CLASS[found["protection"]])


def fineness(text: str) -> int:
    """How finely paper of this security level is cut: 4 of `2/P-4`, 0 of what is no level."""
    found = LEVEL.fullmatch(text)
    return int(found["level"]) if found is not None else 0


@dataclass(frozen=True)
class Order:
    """What is ordered of one box.

    `papers`: keys, the box's own where it is the item. `staying`: papers that stay in the box; above 0 it is mixed,
    and only a pull list may be written. `latest`: event -> its last day among the papers (ISO 8601). `lines`: how many
    the list has of a box that is the item, None of papers.
    """

    place: str
    box: Mapping[str, str]
    papers: tuple[str, ...]
    staying: int
    latest: Mapping[str, str] = field(default_factory=dict)
    lines: int | None = None

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
            "latest": dict(sorted(self.latest.items())),
            **({} if self.lines is None else {"lines": self.lines}),
        }


@dataclass(frozen=True)
class Written:
    """An order as it stands in the folder, with all that came of it. `certificates`: the earliest first."""

    number: str
    order: Mapping[str, Any]
    certificates: Sequence[Mapping[str, Any]] = ()
    done: frozenset[str] = frozenset()
    withdrawn: bool = False

    @property
    def certified(self) -> bool:
        return bool(self.certificates)

    @property
    def open(self) -> bool:
        return not self.withdrawn and not self.certified

    @cached_property
    def destroyed(self) -> frozenset[str]:
        """What some certificate says was destroyed."""
        return frozenset(paper for one in self.certificates for paper in one["destroyed"])

    @cached_property
    def not_found(self) -> frozenset[str]:
        """What was looked for and not found, and no later certificate says was destroyed."""
        missed = (paper for one in self.certificates for paper in one.get("not_found", ()))
        return frozenset(missed) - self.destroyed

    @cached_property
    def remaining(self) -> tuple[str, ...]:
        """What no certificate says was destroyed, as ordered."""
        return tuple(paper for paper in self.order["papers"] if paper not in self.destroyed)


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
        self.written[number] = Written(number, content)
        return number

    def withdraw(self, number: str) -> None:
        """Take an order back, whole. What stands on paper must be taken back by people: the print says so."""
        order = self.written[number]
        replace_file(self.directory / f"{number}.txt", printed(order.order, withdrawn=True).encode("utf-8"))
        replace_file(self.directory / f"{number}.withdrawn.json", _bytes({"order": number}))
        self.written[number] = replace(order, withdrawn=True)

    def finish(self, number: str, papers: frozenset[str]) -> None:
        """Write down that these papers of an order were taken off the lists."""
        done = self.written[number].done | papers
        replace_file(self.directory / f"{number}.done.json", _bytes({"order": number, "papers": sorted(done)}))

    def _read_all(self) -> Iterator[Written]:
        for path in sorted(self.directory.glob("*.order.json")):
            number = path.name.removesuffix(".order.json")
            done = self.directory / f"{number}.done.json"
            yield Written(
                number,
                _read(path, "order", "kind", "place", "box", "papers"),
                tuple(_read(found, "destroyed") for found in certificates_of(self.directory, number)),
                frozenset(_read(done, "papers")["papers"]) if done.exists() else frozenset(),
                (self.directory / f"{number}.withdrawn.json").exists(),
            )


@dataclass(frozen=True)
class Answer:
    """What a signed certificate says.

    `destroyed`: keys of papers as ordered, or the box's number for all of them; None: everything that was ordered and
    is not among those `not_found`. `signed_by` and `witness` are roles, not names. `method` is one of METHODS, `level`
    how finely it was cut, `seals` are those of the container.
    """

    destroyed: Sequence[str] | None
    destroyed_on: date
    signed_by: str
    seals: Sequence[str] = ()
    not_found: Sequence[str] = ()
    method: str = ""
    level: str = ""
    witness: str = ""

    def of(self, number: str, papers: set[str]) -> dict[str, Any]:
        """The file; what nobody said does not stand there."""
        more = {"method": self.method, "level": self.level, "witness": self.witness}
        return {
            "order": number,
            "destroyed": sorted(papers),
            "destroyed_on": self.destroyed_on.isoformat(),
            "signed_by": self.signed_by,
            "seals": list(self.seals),
            **({"not_found": sorted(set(self.not_found))} if self.not_found else {}),
            **{name: text for name, text in more.items() if text},
        }


class Answered(ConnectorError):
    """Somebody has recorded a certificate of the same order since it was looked at."""


def record_certificate(
    directory: Path,
    number: str,
    answer: Answer,
    earlier: int | None = None,
    before: Callable[[bytes, int, int], None] = lambda content, destroyed, not_found: None,
) -> Path:
    """Record a signed certificate of destruction beside its order, and give its file.

    A later certificate adds what an earlier one left out; `earlier`: how many there were when the order was looked at.
    `before` is told, just before it is written, the file's content and how many papers were destroyed and not found.
    Raises ConnectorError(permanent) for an unknown order, something that was not in it or was certified already, what
    was cut less finely than ordered, or a sealed box whose seal is not among the answer's; Answered.
    """
    path = directory / f"{number}.order.json"
    if not NUMBER.fullmatch(number) or not path.exists():
        raise ConnectorError(f"there is no order {number!r}", permanent=True)
    if not answer.signed_by.strip():
        raise ConnectorError(
            f"the certificate of order {number} does not say in which role it was signed", permanent=True
        )
    order = _read(path, "order", "box", "papers")
    with alone(directory):
        certificates = certificates_of(directory, number)
        if earlier is not None and earlier != len(certificates):
            raise Answered(f"a certificate of order {number} was recorded meanwhile", permanent=False)
        certified = {paper for found in certificates for paper in _read(found, "destroyed")["destroyed"]}
        papers = _certified_now(order, answer, certified)
        content = _bytes(answer.of(number, papers))
        before(content, len(papers), len(set(answer.not_found)))
        beside = f"{number}.certificate{f'-{len(certificates) + 1}' if certificates else ''}.json"
        replace_file(directory / beside, content)
    return directory / beside


def _certified_now(order: Mapping[str, Any], answer: Answer, before: set[str]) -> set[str]:
    """The papers that an answer says were destroyed and no certificate before it. Raises ConnectorError(permanent)."""
    number, ordered, missed = order["order"], set(order["papers"]), set(answer.not_found)
    named = set(answer.destroyed or ())
    # a box may be called like one of the papers in it: then that paper is meant
    whole = answer.destroyed is None or (order["box"] in named and order["box"] not in ordered)
    papers = ordered - before - missed if whole else named
    strange = (papers | missed) - ordered
    if strange:
        raise ConnectorError(f"{len(strange)} of the papers were not in order {number}", permanent=True)
    if before and (not (papers | missed) or (papers | missed) & before):
        raise ConnectorError(f"a certificate of order {number} tells of them already", permanent=True)
    if papers & missed:
        raise ConnectorError(
            f"{len(papers & missed)} papers of order {number} are both gone and missing", permanent=True
        )
    if order.get("seal") and order["kind"] == DESTRUCTION and papers and order["seal"] not in answer.seals:
        raise ConnectorError(f"the seal that order {number} names is not on the certificate", permanent=True)
    if answer.level and fineness(answer.level) < fineness(order["security"]):
        raise ConnectorError(f"order {number} asks for {order['security']}, which is finer", permanent=True)
    return papers


def certificates_of(directory: Path, number: str) -> list[Path]:
    """An order's certificates, the earliest first."""
    later = directory.glob(f"{number}.certificate-*.json")
    counted = sorted(later, key=lambda path: (len(path.name), path.name))
    return [*directory.glob(f"{number}.certificate.json"), *counted]


def _read(path: Path, *needed: str) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError):
        raise ConnectorError(f"{path.name} cannot be read", permanent=True) from None
    missing = [name for name in needed if not isinstance(content, dict) or name not in content]
    if missing:
        raise ConnectorError(f"{path.name} says nothing of {missing[0]!r}", permanent=True)
    listed = ("papers", "destroyed", "not_found")
    lists = [name for name in listed if name in content and not isinstance(content[name], list)]
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
        f"Asiakirjoja:   {content.get('lines', len(content['papers']))}",
        "",
    ]
    if whole:
        lines.append("Koko laatikko hävitetään. Siinä ei ole mitään säilytettävää.")
    else:
        staying = content["staying"]
        stays = "1 säilytettävä asiakirja" if staying == 1 else f"{staying} säilytettävää asiakirjaa"
        lines.append(f"HUOM. Sekalaatikko: siihen jää {stays}. Hävitetään vain luetellut:")
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
