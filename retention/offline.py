"""Check an evidence file or a proof, offline: `python -m retention.offline FILE [--public-key FILE_OR_HEX]`.

`--stamp-ca FILE` also checks the time stamps (RFC 3161) of heads, `--stamps DIRECTORY` writes them out for others.

This file needs Python and `cryptography`, and nothing of ours: no database, no settings, no keys of the organisation;
where there are time stamps it needs `offline_stamps.py` beside it, which needs no more. It shares no code with what
decided and destroyed; the arithmetic of periods is written here once more.
What the lines of a file mean: docs/reference/evidence-file.md. For each chain it recomputes every digest, every root
over leaves and every signature; and for each item why it was due, on which day, under which rules, approved by how
many people, and that no hold lay on it. What does not agree is named with its line; exit code 1.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import unicodedata
from calendar import monthrange
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, BinaryIO

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

EVIDENCE, PROOF = "seloste.evidence/1", "seloste.proof/1"
SIGNERS = b"seloste.signers/1\n"
"""What stands before the body of a link of the chain of keys where it is signed."""
GENESIS = "0" * 64
SHOWN = 50
"""Problems that are named at most; the rest is counted."""
STRENGTH = ("anonymise", "crypto_shred", "destroy_paper", "delete")
"""Final actions, the weakest first: of two on one day the stronger is taken."""
DESTROYED = frozenset({"destroyed", "anonymised", "unlinked"})
LATEST = date.max - timedelta(days=1)
Document = Mapping[str, Any]


class Wrong(Exception):
    """What does not agree."""


# --- bytes, chain and tree


def canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def unhex(text: str) -> bytes:
    """Bytes of lower-case hex: each has one way to be written, so that no letter may change unseen."""
    content = bytes.fromhex(text)
    if content.hex() != text:
        raise ValueError("is no hex")
    return content


def link(previous: str, number: int, kind: str, body: str) -> str:
    return sha256(canonical([previous, number, kind, sha256(body.encode())]))


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def in_tree(digest: str) -> bytes:
    return hashlib.sha256(b"\x00" + digest.encode()).digest()


class Tree:
    """A Merkle root (RFC 6962) of digests that come one by one."""

    def __init__(self) -> None:
        self.size, self._whole = 0, list[tuple[int, bytes]]()

    def add(self, digest: str) -> None:
        size, value = 1, in_tree(digest)
        while self._whole and self._whole[-1][0] == size:
            value, size = node(self._whole.pop()[1], value), 2 * size
        self._whole.append((size, value))
        self.size += 1

    def root(self) -> str:
        if not self._whole:
            return sha256(b"")
        value = self._whole[-1][1]
        for _, left in reversed(self._whole[:-1]):
            value = node(left, value)
        return value.hex()


def climb(digest: str, index: int, size: int, path: Sequence[str]) -> str:
    """The root that a leaf at `index` of `size` leads to along its path."""
    if not 0 <= index < size:
        raise Wrong("its place in the tree is none")
    value, beside = in_tree(digest), [unhex(one) for one in path]
    while size > 1:
        if index % 2 or index + 1 < size:
            if not beside:
                raise Wrong("its path to the root is too short")
            other = beside.pop(0)
            value = node(other, value) if index % 2 else node(value, other)
        index, size = index // 2, (size + 1) // 2
    if beside:
        raise Wrong("its path to the root is too long")
    return value.hex()


# --- days


def last_day(start: date, rule: Document, years: Document) -> date:
    """The last day on which something is kept: the start rounded once, then months and days added once."""
    text, base = rule["rounding"], start
    if text == "end_of_month":
        base = clamped(start.year, start.month, 31)
    elif text == "end_of_quarter":
        base = clamped(start.year, (start.month + 2) // 3 * 3, 31)
    elif text == "end_of_calendar_year":
        base = date(start.year, 12, 31)
    elif text == "end_of_financial_year":
        base = financial_year_end(start, years)
    elif text == "end_of_calendar_year_of_financial_year":
        base = date(financial_year_end(start, years).year, 12, 31)
    elif text.startswith("next "):
        base = yearly(start, int(text[5:7]), int(text[8:10]))
    elif text != "none":
        raise Wrong(f"the rounding {text!r} is unknown")
    months, days = period(rule["period"])
    year, month = divmod(base.year * 12 + base.month - 1 + months, 12)
    if year > LATEST.year:
        return LATEST
    moved = clamped(year, month + 1, base.day)
    return LATEST if (LATEST - moved).days <= days else moved + timedelta(days=days)


def period(text: str) -> tuple[int, int]:
    """ISO 8601 as months and days."""
    months, days, number = 0, 0, ""
    for sign in text.removeprefix("P"):
        if sign.isdecimal():
            number += sign
            continue
        months += {"Y": 12, "M": 1}.get(sign, 0) * int(number)
        days += {"W": 7, "D": 1}.get(sign, 0) * int(number)
        number = ""
    return months, days


def clamped(year: int, month: int, day: int) -> date:
    return date(year, month, min(day, monthrange(year, month)[1]))


def yearly(day: date, month: int, of_month: int) -> date:
    if clamped(day.year, month, of_month) >= day:
        return clamped(day.year, month, of_month)
    return LATEST if day.year == date.max.year else clamped(day.year + 1, month, of_month)


def financial_year_end(day: date, years: Document) -> date:
    """The end of the financial year with this day; a year that is listed wins over the usual end."""
    end = yearly(day, *years["day"])
    for first, last in years["years"]:
        if iso(first) <= day <= iso(last):
            return iso(last)
        if day < iso(first):
            return min(end, iso(first) - timedelta(days=1))
    return end


def iso(text: str) -> date:
    return date.fromisoformat(text)


def is_night(chain: str) -> bool:
    """Whether a chain is a night's by its name: its date."""
    try:
        return iso(chain).isoformat() == chain
    except ValueError:
        return False


# --- why it was due


def decide(rules: Document, basis: Sequence[Sequence[Any]]) -> tuple[str, date | None, str]:
    """Why, since when (None: nothing says it) and what then happens, from the days that each rule began on."""
    lines = {line[0]: line for line in basis}
    if len(lines) != len(basis) or set(lines) != {r["id"] for r in (*rules["grounds"], *rules["ceilings"])}:
        raise Wrong("its basis does not speak of each rule once")
    years = rules["financial_years"]
    ceilings = [
        (day, rule) for rule in rules["ceilings"] if (day := ceiling(rule, lines[rule["id"]], years)) is not None
    ]
    ends = []  # (last day, whether a ceiling cut it, what then may happen)
    for rule in rules["grounds"]:
        cutting = [(day, one) for day, one in ceilings if cuts(one, rule["kind"])]
        first = min((day for day, _ in cutting), default=None)
        day, cut = ground(rule, lines[rule["id"]], years, first)
        if day is not None and first is not None and day > first and rule["kind"] != "obligation":
            raise Wrong(f"{rule['id']} was to be cut on {first}")
        actions = [one["action"] for when, one in cutting if when == first] if cut else [rule["action"]]
        if day is not None:
            ends.append((day, cut, actions))
    if not rules["grounds"] and not rules["no_reason_to_keep"]:
        alone = [(day, rule["action"]) for day, rule in ceilings if rule["yields_to"] != "any_basis"]
        if not alone:
            raise Wrong("no ground and no ceiling ended")
        first = min(day for day, _ in alone)
        return "CEILING", first + timedelta(days=1), strongest([action for day, action in alone if day == first])
    if not ends:
        if rules["is_step"]:
            raise Wrong("the day of its step never came")
        return "NO_GROUND", None, strongest([rule["action"] for _, rule in ceilings] or ["delete"])
    until = max(day for day, _, _ in ends)
    last = [(cut, actions) for day, cut, actions in ends if day == until]
    action = strongest([one for _, actions in last for one in actions])
    why = "CEILING" if all(cut for cut, actions in last if action in actions) else "GROUNDS_ENDED"
    return why, until + timedelta(days=1), action


def ground(rule: Document, line: Sequence[Any], years: Document, first: date | None) -> tuple[date | None, bool]:
    """The last day of a ground, None if it does not count; and whether a ceiling cut it."""
    name, code, start, day, by, told = line[:6]
    if code == "condition_false":
        must_not_count(rule, by, told)
        return None, False
    if code == "never_began":
        return None, False
    if code == "cut":
        if rule["kind"] == "obligation" or first is None or day != first.isoformat():
            raise Wrong(f"{name} is said to be cut on {day}, and no ceiling cuts it then")
        return first, True
    if rule["status"] != "confirmed" or code not in {"ended", "ended_by_event"}:
        raise Wrong(f"{name} is {code}: nothing was due by it")
    if code == "ended":
        must_start(rule, by)
    natural = last_day(iso(start), rule, years) if start is not None and rule["period"] is not None else None
    if code == "ended" and (natural is None or day != natural.isoformat()):
        raise Wrong(f"{name}: from {start} it lasts until {natural}, not {day}")
    ending = [*rule["ends_on"], *(["consent_withdrawn"] if rule["kind"] == "consent" else [])]
    if code == "ended_by_event" and (not ending or by != " ".join(ending)):
        raise Wrong(f"{name} is not ended by {by or 'an event'}")
    if code == "ended_by_event" and natural is not None and iso(day) >= natural:
        raise Wrong(f"{name}: it had ended on {natural}, before the event of {day}")
    return iso(day), False


def ceiling(rule: Document, line: Sequence[Any], years: Document) -> date | None:
    """The last day that a ceiling allows; None if it does not count."""
    name, code, start, day, by, told = line[:6]
    if code == "condition_false":
        must_not_count(rule, by, told)
        return None
    if code == "ceiling_not_begun":
        return None
    if rule["status"] != "confirmed" or code not in {"ceiling_passed", "ceiling_ahead"} or start is None:
        raise Wrong(f"{name} is {code}: nothing was due beside it")
    must_start(rule, by)
    found = last_day(iso(start), rule, years)
    if day != found.isoformat():
        raise Wrong(f"{name}: from {start} it allows until {found}, not {day}")
    return found


def must_start(rule: Document, by: str) -> None:
    if by != " ".join(rule["trigger"]["events"]):
        raise Wrong(f"{rule['id']} does not start with {by!r}")


def must_not_count(rule: Document, fact: str, told: Any) -> None:
    if not any(one["fact"] == fact and one["value"] != told for one in rule["conditions"]):
        raise Wrong(f"{rule['id']}: {fact} is {told!r}, and that is not against its conditions")


def cuts(rule: Document, kind: str) -> bool:
    if rule["yields_to"] == "any_basis":
        return False
    same = {"need", "instruction"}
    return not (same if kind in same else {kind}) & set(rule["yields_to"])


def strongest(actions: Sequence[str]) -> str:
    return max(actions, key=STRENGTH.index)


def claim_agrees(claim: Document, night: date) -> None:
    """Enough people, and the grace over. Raises Wrong."""
    people = {"shell" if role == "shell" else who for role, who in claim["approved_by"]}
    makers = {who for _, who in claim.get("made_by", ())}
    if len(people) < claim["approvals_needed"]:
        raise Wrong(f"lot {claim['lot']}: {len(people)} approved it, and {claim['approvals_needed']} had to")
    if claim["approvals_needed"] and len(people) == 1 and makers & {who for _, who in claim["approved_by"]}:
        raise Wrong(f"lot {claim['lot']}: nobody approved it but one who wrote or published its rules")
    if claim["grace_until"] is None or iso(claim["grace_until"]) > night:
        raise Wrong(f"lot {claim['lot']}: its grace lasts until {claim['grace_until']}, and it went on {night}")


@dataclass
class Campaign:
    """What was said of one substitute for missing dates, so far: kind of entry -> its body."""

    said: dict[str, Document] = field(default_factory=dict)

    def stands(self, dataset: str, went: date | None) -> Document:
        """What was decided. Raises Wrong where it was not by two, for this dataset.

        `went`: the night in which it was destroyed by it, before which it may not be taken back; None of what was not:
        what was under way is settled, and what was asked of people called back, in a later night.
        """
        steps = [self.said.get(f"campaign_{step}") for step in ("proposed", "decided", "confirmed")]
        proposed, decided, confirmed = steps
        if proposed is None or decided is None or confirmed is None:
            raise Wrong("it went by an estimated date that nobody had decided, or no other person confirmed")
        first, *rest = ({n: b[n] for n in SAME} for b in (proposed, decided, confirmed))
        if any(one != first for one in rest) or first["dataset"] != dataset.partition(".")[0]:
            raise Wrong("it went by an estimated date of another group than the one that was decided")
        role, name = whom(confirmed)
        before = [whom(proposed), whom(decided)]
        if not name or any(name == n or role == r == "shell" for r, n in before):
            raise Wrong("it went by an estimated date, and nobody but who had proposed or decided it confirmed it")
        ended = [b["day"] for kind, b in self.said.items() if kind in {"campaign_withdrawn", "campaign_refused"}]
        if went is not None and any(iso(day) < went for day in ended):
            raise Wrong(f"it went by an estimated date that was taken back on {ended[0]}")
        return decided


SAME = ("register", "dataset", "event", "cause", "same_day", "substitute", "items", "gaps", "root")


def whom(said: Document) -> tuple[str, str]:
    """Role and name, as names are held against each other."""
    role, _, name = said["by"].partition(":")
    return role, unicodedata.normalize("NFKC", name).strip().casefold()


def estimate_agrees(leaf: Document, about: Document, claim: Document, campaigns: Mapping[int, Campaign]) -> None:
    """What a leaf says of estimated dates, its lot says too, and persons had answered for each. Raises Wrong."""
    numbers = leaf.get("estimated", [])
    if numbers != claim.get("estimated", []):
        raise Wrong(f"it went by the estimates {numbers}, and its lot by {claim.get('estimated', [])}")
    went = iso(about["night"]) if leaf["outcome"] in DESTROYED else None
    decided = [campaigns.get(number, Campaign()).stands(about["dataset"], went) for number in numbers]
    if leaf["basis"] is None:
        return  # what a backup brought back: by its former destruction
    estimated = {one["event"] for one in decided}
    starts = {
        rule["id"]: set(rule["trigger"]["events"]) for rule in (*claim["rules"]["grounds"], *claim["rules"]["ceilings"])
    }
    marked = {line[0] for line in leaf["basis"] if len(line) > 6}
    if marked != {rule for rule, events in starts.items() if events & estimated}:
        raise Wrong(f"it is told to rest on estimates in {sorted(marked)}, and not where its lot's campaigns say so")


def leaf_agrees(leaf: Document, about: Document, claim: Document | None) -> bool:
    """Whether the decision was recomputed, False where the leaf only states it. Raises Wrong."""
    night = iso(about["night"])
    if iso(leaf["due_from"]) > night:
        raise Wrong(f"it was due from {leaf['due_from']}, and went on {night}")
    if leaf["rules"] != about["rules_digest"]:
        raise Wrong("it went by other rules than the others of its lot")
    active = [hold for hold in leaf["holds"] if hold[1] is None or iso(hold[1]) > night]
    if leaf["outcome"] in DESTROYED and active:
        raise Wrong(f"it was {leaf['outcome']}, and a hold lay on it since {active[0][0]}")
    if leaf["basis"] is None or claim is None or claim["rules"]["follows"]:
        return False
    why, due_from, action = decide(claim["rules"], leaf["basis"])
    if leaf["why"] != why or (due_from is not None and leaf["due_from"] != due_from.isoformat()):
        raise Wrong(f"it was due from {due_from} ({why}), not {leaf['due_from']} ({leaf['why']})")
    if not claim["rules"]["is_step"] and about["action"] != action:
        raise Wrong(f"its action was {action}, not {about['action']}")
    return True


# --- keys


def signers(links: Sequence[Document]) -> tuple[list[str], dict[str, datetime]]:
    """The public keys that a chain of keys names, the oldest first, and since when which are revoked, by their ids.

    Each key is signed by the one before it, and signs itself what came before: from any of them all others follow.
    """
    keys: list[str] = []
    revoked: dict[str, datetime] = {}
    previous = GENESIS
    for number, link in enumerate(links, 1):
        body = link["body"]
        if body["number"] != number or body["previous"] != previous:
            raise Wrong(f"link {number} of the chain of keys does not follow")
        previous = sha256(canonical(link))
        if body["kind"] == "rotated":
            keys = keys or [body["from"]]
            if body["from"] != keys[-1] or body["to"] in keys:
                raise Wrong(f"link {number} of the chain of keys does not follow")
            keys.append(body["to"])
            by = keys[-2:]
        elif body["kind"] == "revoked" and body["key"] in {sha256(unhex(key)) for key in keys[:-1]}:
            since = datetime.fromisoformat(body["since"]).astimezone(UTC)
            revoked[body["key"]] = min(since, revoked.get(body["key"], since))
            by = keys[-1:]
        else:
            raise Wrong(f"link {number} of the chain of keys says what is unknown")
        for key in by:
            try:
                signature = unhex(link["signatures"][sha256(unhex(key))])
                Ed25519PublicKey.from_public_bytes(unhex(key)).verify(signature, SIGNERS + canonical(body))
            except (InvalidSignature, KeyError, ValueError):
                raise Wrong(f"link {number} of the chain of keys is not signed by {key}") from None
    return keys, revoked


def signed_before(body: Document, since: datetime) -> bool:
    """Whether a head says that it was signed before this instant; one that names none must be of a day before it."""
    if "signed_at" in body:
        return datetime.fromisoformat(body["signed_at"]) < since
    return iso(body["business_date"]) < since.date()


# --- time stamps


@cache
def time_stamps() -> Any:
    """The file beside this one that reads them, also where both were copied away; None if it is not there."""
    if __package__:
        return import_module(f"{__package__}.offline_stamps")
    path = Path(__file__).with_name("offline_stamps.py")
    if not path.exists():
        return None
    spec = spec_from_file_location("offline_stamps", path)
    if spec is None or spec.loader is None:
        return None
    module = sys.modules["offline_stamps"] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# --- files


@dataclass
class Checked:
    """What was recomputed. `keys`: public keys, hex, the oldest first. `revoked`: by key id, since when.

    Counted as `unsigned`: chains of nights since the last signed one, which nothing holds yet but the end of the file;
    as `stated`: decisions told without what they rest on. `stamps`: by the number of a head, when its time
    stamp says that it was there; `unstamped`: heads without one. Who gave them was asked only with `authorities`.
    """

    schema: str = ""
    organisation: str = ""
    keys: tuple[str, ...] = ()
    revoked: dict[str, datetime] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    stamps: dict[int, datetime] = field(default_factory=dict)
    unstamped: list[int] = field(default_factory=list)
    problems: list[tuple[int, str]] = field(default_factory=list)


@dataclass
class _Lot:
    claim: Document | None = None
    size: int = 0
    root: str = ""
    due_from: Sequence[str] = ()
    sent: Tree = field(default_factory=Tree)
    intents: dict[int, tuple[int, str]] = field(default_factory=dict)
    tallies: dict[int, Document] = field(default_factory=dict)


class Reader:
    """A file, line by line; what is kept meanwhile is one chain's end and the lots that are not done."""

    def __init__(
        self,
        file: BinaryIO,
        trusted: str = "",
        authorities: Sequence[x509.Certificate] = (),
        stamps: Path | None = None,
    ) -> None:
        self.file, self.trusted, self.found = file, trusted, Checked()
        self.authorities, self.stamps = authorities, stamps
        self.keys: dict[str, Ed25519PublicKey] = {}
        self.spans: dict[int, tuple[int, int]] = {}
        """By the place of a key among the keys: the numbers of the first and the last head that it signed."""
        self.line, self.first, self.sum = 0, "", hashlib.sha256()
        self.chain, self.number, self.ends, self.tree = "", 0, {GENESIS}, Tree()
        self.head, self.head_number, self.heads = {GENESIS}, 0, dict[str, Document]()
        self.lost: dict[str, int] = {}
        self.open, self.headless = "", dict[str, int]()
        """The chain above whose head has not come; and those whose head never came, by the line that ended them."""
        self.nights: set[str] = set()
        """Those whose chain is here, with its head."""
        self.adopts, self.adopted = list[str](), set[str]()
        """Lost nights: as the chain above says, and as signed chains said."""
        self.bare: set[tuple[int, int]] = set()
        """Lots and attempts of outcomes in the chain above whose leaves have not come."""
        self.person: str | None = None
        """Whom a proof is about."""
        self.lots: dict[int, _Lot] = {}
        self.campaigns: dict[int, Campaign] = {}
        self.about: Document | None = None
        self.before = 0
        self.about_line, self.left, self.leaves, self.items = 0, 0, Tree(), Tree()
        self.outcomes: Counter[str] = Counter()
        self.ended = False

    def wrong(self, said: str, line: int = 0) -> None:
        self.found.counts["problems"] += 1
        if len(self.found.problems) < SHOWN:
            self.found.problems.append((line or self.line, said))

    def read(self) -> Checked:
        for kind, told in self._lines():
            try:
                if self.ended:
                    raise Wrong("stands after the end")
                getattr(self, f"_{kind}")(told)
            except Wrong as error:
                self.wrong(str(error))
            except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
                self.wrong("is not what such a line must be")
        self._close_chain()
        if not self.ended:
            self.wrong("the end is missing: the file was cut off", self.line + 1)
        for name, line in self.lost.items():
            if name not in self.adopted:
                self.wrong(f"the chain {name} is missing, and its head is here", line)
        self._headless()
        self.found.problems.sort(key=lambda problem: problem[0])
        return self.found

    def _lines(self) -> Iterator[tuple[str, Any]]:
        for raw in self.file:
            self.line += 1
            try:
                line = json.loads(raw.decode("utf-8"))
                if canonical(line) + b"\n" != raw or not isinstance(line, dict):
                    raise ValueError
                kind = "schema" if "schema" in line else next(iter(line))
                if (
                    kind not in KINDS
                    or (len(line) != 1) is (kind != "schema")
                    or (self.line == 1) is (kind != "schema")
                ):
                    raise ValueError
            except (ValueError, StopIteration, RecursionError):
                self.wrong("cannot be read as it was written")
            else:
                yield kind, line if kind == "schema" else line[kind]
            if self.line == 1:
                self.first = sha256(raw)
            if not self.ended:
                self.sum.update(raw)

    def _schema(self, line: Document) -> None:
        self.found.schema, self.found.organisation = line["schema"], line["organisation"]
        for public in line["public_keys"]:
            self.keys[sha256(unhex(public))] = Ed25519PublicKey.from_public_bytes(unhex(public))
        self.found.keys = tuple(line["public_keys"])
        keys, self.found.revoked = signers(line.get("signers", ()))
        if list(self.found.keys) != (keys or [*self.found.keys[:1]]):
            raise Wrong("names keys that the chain of keys does not lead to")
        if self.trusted and self.trusted not in line["public_keys"]:
            raise Wrong("was signed with another key than the one given")
        if line["schema"] not in {EVIDENCE, PROOF}:
            raise Wrong(f"{line['schema']!r} is no evidence that this version reads")
        if line["schema"] == PROOF:
            self.person = str(line["person"])

    def _only_in(self, schema: str) -> None:
        if self.found.schema != schema:
            raise Wrong(f"is a line of {schema} alone")

    def _signed(self, told: Document, signed: bytes) -> None:
        if told["key_id"] not in self.keys:
            raise Wrong("is signed with a key that the first line does not name")
        try:
            self.keys[told["key_id"]].verify(unhex(told["signature"]), signed)
        except (InvalidSignature, ValueError):
            raise Wrong("has a signature that is not its own") from None

    def _chain(self, told: Document) -> None:
        self._only_in(EVIDENCE)
        self._close_chain()
        self.chain, self.number, self.ends, self.tree = str(told["name"]), 0, {GENESIS}, Tree()
        self.open = self.chain
        self.found.counts["chains"] += 1
        if sha256(self.chain.encode()) != told["digest"]:
            raise Wrong("the name of the chain was changed: its digest is another")

    def _entry(self, told: Document) -> None:
        self._only_in(EVIDENCE)
        self._close_leaves()
        digest = link(told["previous"], told["number"], told["kind"], told["body"])
        before, number = self.ends, self.number + 1
        self.number, self.ends = told["number"], {digest, told["digest"]}
        self.tree.add(told["digest"])
        self.found.counts["entries"] += 1
        where = f"entry {told['number']} ({told['kind']}) of {self.chain}"
        if digest != told["digest"]:
            raise Wrong(f"{where} was changed: its digest is another")
        if told["number"] != number or told["previous"] not in before:
            raise Wrong(f"{where} does not follow the entry before it")
        body = json.loads(told["body"])
        if told["kind"] == "adopted" and number == 1 and self.chain.startswith("adopted-"):
            self.adopts = list(body["nights"])
        self._meaning(told["kind"], body)

    def _close_chain(self) -> None:
        """The chain above is over, and if no head has come none will."""
        self._close_entries()
        if self.open:
            self.headless.setdefault(self.open, self.line)
        self.open, self.adopts = "", []

    def _close_entries(self) -> None:
        """No entry of the chain above comes any more; an outcome and its leaves are written at once."""
        self._close_leaves()
        for lot, attempt in sorted(self.bare):
            self.wrong(f"lot {lot}: of what attempt {attempt} did there are no leaves above")
        self.bare.clear()

    def _headless(self) -> None:
        """Only nights since the last one that was signed may lack a head: whoever signs a night signs those before."""
        last = max(self.nights, default="")
        for name, line in self.headless.items():
            if is_night(name) and name > last:
                self.found.counts["unsigned"] += 1
            else:
                said = f"the chain {name} above has no head, and only a night since the last signed one"
                self.wrong(f"{said} ({last or 'none'}) may lack it", line)

    def _meaning(self, kind: str, body: Document) -> None:
        """What later lines must agree with."""
        if kind.startswith("campaign_"):
            self._said_of_campaign(kind, body)
        elif kind in {"lot", "claimed", "intent", "outcome", "leaves", "done"}:
            self._said_of_lot(kind, body)

    def _said_of_lot(self, kind: str, body: Document) -> None:
        lot = self.lots.setdefault(body["lot"], _Lot())
        if kind == "lot":
            lot.size, lot.root, lot.due_from = body["size"], body["root"], body["due_from"]
        elif kind == "claimed":
            lot.claim = body
            claim_agrees(body, iso(self.chain))
        elif kind == "intent":
            lot.intents[body["attempt"]] = (len(body["keys"]), body["root"])
            for key in body["keys"][: max(0, lot.size - lot.sent.size)]:
                lot.sent.add(key)
        elif kind == "outcome":
            lot.tallies[body["attempt"]] = body["tally"]
            if any(body["tally"].values()):
                self.bare.add((body["lot"], body["attempt"]))
        elif kind == "leaves":
            self.bare.discard((body["lot"], body["attempt"]))
            self.about, self.about_line, self.left = body, self.line, body["leaves"]
            self.leaves, self.items, self.outcomes = Tree(), Tree(), Counter()
            self.before = self.found.counts["problems"]
            if lot.claim is not None and lot.claim["rules_digest"] != body["rules_digest"]:
                raise Wrong(f"lot {body['lot']} went by other rules than it was claimed by")
        else:
            del self.lots[body["lot"]]
            if lot.size and (lot.sent.size, lot.sent.root()) != (lot.size, lot.root):
                raise Wrong(f"lot {body['lot']}: what was sent is not what was flagged")

    def _said_of_campaign(self, kind: str, body: Document) -> None:
        campaign = self.campaigns.setdefault(body["campaign"], Campaign())
        if kind in campaign.said:
            raise Wrong(f"campaign {body['campaign']}: {kind} is told twice")
        campaign.said[kind] = body

    def _leaf(self, told: Document) -> None:
        if "path" in told or self.found.schema == PROOF:
            self._proven_leaf(told)
            return
        if self.about is None or self.left == 0:
            raise Wrong("is a leaf of no entry")
        self.left -= 1
        self.leaves.add(told["digest"])
        self.found.counts["leaves"] += 1
        if set(told) == {"digest"}:
            self.found.counts["forgotten"] += 1
            self.items = Tree()
            self.items.size = -1
            return
        self._one_leaf(told)

    def _one_leaf(self, told: Document) -> None:
        if set(told) - ({"index", "path"} if self.found.schema == PROOF else set()) != {"digest", "key", "text"}:
            raise Wrong("is not what a leaf must be")
        digest = hashlib.blake2b(told["text"].encode(), key=unhex(told["key"]), digest_size=32).hexdigest()
        if digest != told["digest"]:
            raise Wrong("was changed: its digest is another")
        leaf = json.loads(told["text"])
        self.outcomes[leaf["outcome"]] += 1
        if self.items.size >= 0:
            self.items.add(leaf["item"])
        about: Document = self.about or {}
        claim = self.lots.get(about["lot"], _Lot()).claim
        try:
            if self.person is not None and leaf["person"] != self.person:
                raise Wrong("it is of another person than the proof")
            if claim is None and (self.found.schema == PROOF or not self.adopted):  # else it may be lost with a night
                raise Wrong(f"lot {about['lot']} was never claimed: nothing says by which rules it went, or who agreed")
            recomputed = leaf_agrees(leaf, about, claim)
            if claim is not None:
                estimate_agrees(leaf, about, claim, self.campaigns)
        except Wrong as error:
            raise Wrong(f"item {leaf['item'][:16]}…: {error}") from None
        self.found.counts["recomputed" if recomputed else "stated"] += 1
        if leaf.get("estimated"):
            self.found.counts["estimated"] += 1
        self.found.counts[f"outcome {leaf['outcome']}"] += 1

    def _close_leaves(self) -> None:
        """All leaves of an entry were read: do they come to its root, its intent and its tally?"""
        about, self.about = self.about, None
        if about is None or self.found.schema == PROOF:
            return
        lot, attempt = self.lots.get(about["lot"], _Lot()), about["attempt"]
        intent, tally = lot.intents.pop(attempt, None), lot.tallies.pop(attempt, None)
        if self.found.counts["problems"] > self.before:
            return  # one of its lines was named already
        if self.left or self.leaves.root() != about["root"]:
            self.wrong(f"its {about['leaves']} leaves come to another root, or are not all here", self.about_line)
        elif self.items.size < 0:
            return  # somebody's leaves were forgotten: the rest cannot be held against intent and tally
        elif intent is not None and intent != (self.items.size, self.items.root()):
            self.wrong("its leaves are of other items than were to be sent", self.about_line)
        elif tally is not None and dict(self.outcomes) != dict(tally):
            self.wrong("its leaves have other outcomes than were counted", self.about_line)

    def _head(self, told: Document) -> None:
        self._close_entries()
        above, self.open = self.open, ""
        digest, body = sha256(told["body"].encode()), json.loads(told["body"])
        before, number = self.head, self.head_number + 1
        self.head, self.head_number = {digest, told["digest"]}, body["number"]
        self.found.counts["heads"] += 1
        self._stamp(told, digest, body)
        if digest != told["digest"]:
            raise Wrong("the head was changed: its digest is another")
        self._signed(told, unhex(digest))
        self._key_of_head(told["key_id"], body)
        if body["organisation"] != self.found.organisation:
            raise Wrong(f"the head is {body['organisation']}'s")
        if self.found.schema == PROOF:
            self.heads[body["chain"]] = body
            return
        if body["number"] != number or body["previous"] not in before:
            raise Wrong(f"head {body['number']} does not follow head {number - 1}")
        if above and body["chain"] != above:
            raise Wrong(f"is the head of {body['chain']}, and stands below {above}")
        if body["chain"] != self.chain:
            self.lost[body["chain"]] = self.line
        elif self.number != body["entries"] or body["last"] not in self.ends or self.tree.root() != body["root"]:
            raise Wrong(f"{self.chain} has {self.number} entries, and its head signs {body['entries']} or others")
        else:
            self.adopted.update(self.adopts)
            if self.chain == body["business_date"]:
                self.nights.add(self.chain)

    def _stamp(self, told: Document, digest: str, body: Document) -> None:
        if "stamp" not in told:
            self.found.unstamped.append(body["number"])
            return
        where = f"the time stamp of head {body['number']}"
        answer = unhex(told["stamp"]["answer"])
        if sha256(answer) != told["stamp"]["digest"]:
            self.wrong(f"{where} was changed: its digest is another")
            return
        if self.stamps is not None:
            (self.stamps / f"{int(body['number'])}.tsr").write_bytes(answer)
        beside = time_stamps()
        if beside is None:
            self.wrong(f"{where} cannot be read: offline_stamps.py does not lie beside this file")
            return
        try:
            self.found.stamps[body["number"]] = beside.stamp_of_head(answer, digest, body, self.authorities).time
        except beside.StampError as error:
            self.wrong(f"{where} {error}")

    def _key_of_head(self, key: str, body: Document) -> None:
        """A key that was retired signs no head after one of its follower's, and a stolen one none after it was."""
        place, number = list(self.keys).index(key), body["number"]
        first, last = self.spans.get(place, (number, number))
        self.spans[place] = min(first, number), max(last, number)
        earlier = any(last > number for one, (_, last) in self.spans.items() if one < place)
        later = any(first < number for one, (first, _) in self.spans.items() if one > place)
        if earlier or later:
            raise Wrong("is signed with a key that was retired before the head before it")
        if key in self.found.revoked and not signed_before(body, self.found.revoked[key]):
            raise Wrong(f"is signed with a key that is revoked since {self.found.revoked[key].isoformat()}")

    def _proven(self, told: Document) -> None:
        """An entry of a proof: on the way to the root that its night's head signs."""
        self._only_in(PROOF)
        head, self.chain = self.heads[told["chain"]], told["chain"]
        digest = link(told["previous"], told["number"], told["kind"], told["body"])
        if climb(digest, told["number"] - 1, head["entries"], told["path"]) != head["root"]:
            raise Wrong(f"entry {told['number']} ({told['kind']}) of {told['chain']} is not what its night signed")
        self.found.counts["entries"] += 1
        self._meaning(told["kind"], json.loads(told["body"]))

    def _proven_leaf(self, told: Document) -> None:
        self._only_in(PROOF)
        if self.about is None:
            raise Wrong("is a leaf of no entry")
        if climb(told["digest"], told["index"], self.about["leaves"], told["path"]) != self.about["root"]:
            raise Wrong("is not one of the leaves of its entry")
        self.found.counts["leaves"] += 1
        self._one_leaf(told)

    def _end(self, told: Document) -> None:
        self._close_chain()
        self.ended = True
        signed = {name: told[name] for name in ("first", "lines", "sha256")}
        other_first = told["first"] != self.first
        try:
            self._signed(told, self.found.schema.encode() + b"\n" + canonical(signed))
        except Wrong:
            if other_first and told["key_id"] not in self.keys:
                self.wrong("was changed: the file was signed with another first line", 1)
            raise
        if other_first:
            self.wrong("was changed: the file was signed with another first line", 1)
        if told["key_id"] != list(self.keys)[-1]:
            raise Wrong("is signed with a key that was retired")
        if told["lines"] != self.line or told["sha256"] != self.sum.hexdigest():
            raise Wrong("the lines above are not those that were signed")


KINDS = frozenset({"schema", "chain", "entry", "leaf", "head", "proven", "end"})


def check(
    place: Path, trusted: str = "", authorities: Sequence[x509.Certificate] = (), stamps: Path | None = None
) -> Checked:
    """Read a file once, with memory for one line. `trusted`: the public key in hex that must have signed it.

    `authorities`: CA certificates that the time stamps must lead to; `stamps`: a directory to write them into.
    """
    with place.open("rb") as file:
        return Reader(file, trusted, authorities, stamps).read()


def public_key(told: str) -> str:
    """A public key in hex, from 64 hex digits or a PEM file."""
    if len(told) == 64 and not Path(told).exists():
        return bytes.fromhex(told).hex()
    key = serialization.load_pem_public_key(Path(told).read_bytes())
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("is no Ed25519 key")
    return key.public_bytes_raw().hex()


def about_stamps(found: Checked, checked: bool) -> Iterator[str]:
    """Which heads carry a time stamp and which do not; nothing where none does and nobody asked."""
    if not found.stamps and not checked:
        return
    said = "" if checked else ", NOT CHECKED: say with --stamp-ca whose they should be"
    yield f"heads with a time stamp{said}: {spans(found.stamps)}"
    yield f"heads without a time stamp: {spans(found.unstamped)}"
    if found.stamps:
        newest = max(found.stamps)
        yield f"the newest stamp: head {newest}, {found.stamps[newest].isoformat()}"


def spans(numbers: Iterable[int]) -> str:
    """1-3, 7 of 1, 2, 3, 7."""
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in found) or "none"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="offline", description="Check an evidence file or a proof, offline.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--public-key", default="", help="PEM file or 64 hex digits: who must have signed it")
    parser.add_argument("--stamp-ca", type=Path, help="PEM file: certificates of CAs that time stamps must lead to")
    parser.add_argument("--stamps", type=Path, metavar="DIRECTORY", help="write each head's time stamp into it")
    options = parser.parse_args(arguments)
    try:
        authorities = x509.load_pem_x509_certificates(options.stamp_ca.read_bytes()) if options.stamp_ca else []
        if options.stamps:
            options.stamps.mkdir(parents=True, exist_ok=True)
        trusted = public_key(options.public_key) if options.public_key else ""
        found = check(options.file, trusted, authorities, options.stamps)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for line, said in found.problems:
        sys.stdout.write(f"line {line}: {said}\n")
    for name, number in sorted(found.counts.items()):
        sys.stdout.write(f"{name}: {number}\n")
    for key in found.keys:
        since = found.revoked.get(sha256(bytes.fromhex(key)))
        said = f" (revoked since {since.isoformat()})" if since else ""
        sys.stdout.write(
            f"signed with key {key}{said}{'' if options.public_key else ': compare it with one you know'}\n"
        )
    for about in about_stamps(found, bool(authorities)):
        sys.stdout.write(f"{about}\n")
    sys.stdout.write("NOT intact\n" if found.problems else f"intact: {found.organisation}, {found.schema}\n")
    return 1 if found.problems else 0


if __name__ == "__main__":
    sys.exit(main())
