"""What a connector is. It reaches one system; it never decides.

A connector is made from a frozen config and is a context manager. It speaks in the catalogue's event
and fact names; a `Mapping` tells it where they lie. It may over-select in `find`, but `dispose` repeats
`still_due` and the subject's number in the system's own conditional statement, and `verify` reads back
over the system's own protocol. Streams, not lists; no personal data and no secret in any error.

Third parties register a class under the entry-point group `seloste.connectors` and run
`retention.connectors.suite` against it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType, TracebackType
from typing import Any, ClassVar, NamedTuple, Protocol, Self, runtime_checkable

from retention.domain.errors import SelosteError
from retention.domain.lifecycle import Outcome as Outcome
from retention.domain.predicates import TRUE, Expression
from retention.domain.rules import Action, FactValue


class ConnectorError(SelosteError):
    """The system could not be reached or did not do as asked. `permanent`: trying again will not help."""

    def __init__(self, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.permanent = permanent


@dataclass(frozen=True, slots=True)
class ConfigField:
    """One field of a connector's config, as a form or a document shows it."""

    name: str
    help: str
    required: bool = True
    secret: bool = False
    default: str | None = None


@dataclass(frozen=True, slots=True)
class ClosedWhen:
    """The row's own state column, and the values of it that mean closed."""

    column: str
    values: tuple[str, ...]


_NONE: Mapping[str, Any] = MappingProxyType({})


def _frozen() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True)
class DatasetMapping:
    """Where one dataset lies in its register.

    place    table, layer, folder or box list
    key      the column (or name part) that identifies one item there; never reused
    subject  where the data subject's number stands, contract: the contract's; None where neither does
    events   event name -> column; facts: fact name -> column
    fields   the columns that are the dataset, where it is not the whole row; emptied instead of deleted
    children tables that go with an item: only what the mapping names is ever cascaded to
    options  the connector's own
    """

    place: str
    key: str
    subject: str | None = None
    contract: str | None = None
    events: Mapping[str, str] = field(default_factory=_frozen)
    facts: Mapping[str, str] = field(default_factory=_frozen)
    closed: ClosedWhen | None = None
    fields: tuple[str, ...] = ()
    children: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=_frozen)


def going_along(children: Sequence[str], options: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """(where a mapping says so, place) of all whose rows go with an item: children, and history that has its key.

    What is no history at all is the connector's to refuse.
    """
    for position, child in enumerate(children):
        yield ("children", position), child
    listed = options.get("history")
    for position, entry in enumerate(listed if isinstance(listed, (list, tuple)) else ()):
        place = entry.get("place") if isinstance(entry, Mapping) and entry.get("key") is not None else entry
        if isinstance(place, str):
            yield ("options", "history", position), place


@dataclass(frozen=True)
class LedgerMapping:
    """Where contracts or events of data subjects stand, when a register is their source of truth.

    With `started`/`ended`, a row is a contract; `closed` marks one that is over, with or without a date.
    `events`: event name -> column, one event a row and name; `thing` names what the event is about (`of`).
    `purpose` is the purpose that all these events are about (consent, objection), if any.
    `facts`: fact name -> column, of the row's subject.
    """

    place: str
    subject: str
    contract: str | None = None
    started: str | None = None
    ended: str | None = None
    closed: ClosedWhen | None = None
    events: Mapping[str, str] = field(default_factory=_frozen)
    facts: Mapping[str, str] = field(default_factory=_frozen)
    thing: str | None = None
    purpose: str = ""
    options: Mapping[str, Any] = field(default_factory=_frozen)


@dataclass(frozen=True)
class IdentityMapping:
    """Where a register knows persons by other names: a number and, beside it, an e-mail address, a user name …

    kind                  what sort of name `value` is: email, uid, phone, ip …
    subject, value        where the number and the name stand
    valid_from, valid_to  since and until when the name meant this person (both days included); a missing
                          `valid_to` of a row means that it still does
    """

    kind: str
    place: str
    subject: str
    value: str
    valid_from: str | None = None
    valid_to: str | None = None
    options: Mapping[str, Any] = field(default_factory=_frozen)


@dataclass(frozen=True, slots=True)
class Identity:
    """One name of one person, and the days for which it meant them. Personal data: never logged."""

    subject: str
    value: str
    valid_from: date | None = None
    valid_to: date | None = None


class Ref(NamedTuple):
    """One item of a register, with the subject it was found under (asked again when it is disposed of).

    `name` is what the register itself calls that person, where it is not the number (`retention.identity`);
    a connector never sees it: its own refs have the name as their subject.
    """

    key: str
    subject: str | None = None
    name: str | None = None


class Candidate(NamedTuple):
    """One item as the register tells it: dates as they stand there, None for NULL.

    `doubt` says why it is not certain whose item this is (two persons in one message, a name without a
    time); such an item is shown for review and never disposed of by machine. `maybe`: everybody whose it may be then.
    """

    ref: Ref
    contract: str | None = None
    events: Mapping[str, date | None] = _NONE
    facts: Mapping[str, FactValue | None] = _NONE
    closed: bool = False
    doubt: str = ""
    maybe: tuple[str, ...] = ()


class LedgerRow(NamedTuple):
    """One row of the ledger's source."""

    subject: str
    contract: str | None = None
    started: date | None = None
    ended: date | None = None
    closed: bool = False
    events: Mapping[str, date | None] = _NONE
    facts: Mapping[str, FactValue | None] = _NONE
    thing: str = ""


class Disposal(NamedTuple):
    """What a connector says became of one key; `detail` is a reason or a token, never personal data."""

    key: str
    outcome: Outcome
    detail: str = ""


class Residue(NamedTuple):
    """Something of a disposed item that is still there, and where.

    `copy`: the item itself is gone; it is what its system keeps of it elsewhere: in a history table, a log, a bin.
    `seen_once`: only the connector that disposed of the item can see it: another one that sees nothing has not looked.
    """

    key: str
    where: str
    copy: bool = False
    seen_once: bool = False


@dataclass(frozen=True, slots=True)
class Health:
    """What `check` found: the server's clock if it tells one, rights that are missing, and what else hinders.

    `hindrances`: why nothing may be disposed of yet, though all of it can be read.
    """

    missing_rights: tuple[str, ...] = ()
    hindrances: tuple[str, ...] = ()
    clock_offset_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """One table, layer or folder as `describe` found it."""

    name: str
    rows: int | None
    columns: Mapping[str, str]
    personal: Mapping[str, str] = field(default_factory=_frozen)
    unindexed_foreign_keys: tuple[str, ...] = ()
    history: tuple[str, ...] = ()
    """Tables that seem to keep old rows of this one."""


@runtime_checkable
class Connector(Protocol):
    """The verbs. Every one may raise ConnectorError; none decides what is due."""

    kind: ClassVar[str]
    fields: ClassVar[tuple[ConfigField, ...]]

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def check(self, mappings: Sequence[DatasetMapping] = ()) -> Health:
        """Reach the system, authenticate, and hold each mapping against what is there.

        Raises ConnectorError(permanent) naming the table or column that is not there or of the wrong type.
        """

    def describe(self) -> Iterator[Place]:
        """What is in there, with a guess of personal data from names and identifier check digits."""

    def collect(self, mapping: LedgerMapping) -> Iterator[LedgerRow]:
        """Stream contracts or events for the ledger."""

    def find(
        self,
        mapping: DatasetMapping,
        where: Expression = TRUE,
        subjects: Sequence[str] | None = None,
        contracts: Sequence[str] | None = None,
    ) -> Iterator[Candidate]:
        """Items that satisfy `where`, of these subjects or contracts if given (a batch of up to 5,000).

        Keyset-paged in key order; no item twice; may over-select.
        """

    def export(self, mapping: DatasetMapping, refs: Sequence[Ref]) -> Iterator[Mapping[str, Any]]:
        """What will go: for review and for answers under art. 15. Holds personal data; never logged."""

    def dispose(
        self, mapping: DatasetMapping, refs: Sequence[Ref], action: Action, still_due: Expression
    ) -> Iterable[Disposal]:
        """Dispose of up to 500 items (or `InBulk.at_once`), each only if it is still due and still its subject's.

        Exactly one Disposal per ref, in their order. Idempotent: an absent item is `already_absent`, one that
        no longer fits is `superseded`. Durable when this returns.
        """

    def verify(self, mapping: DatasetMapping, refs: Sequence[Ref], action: Action) -> Iterable[Residue]:
        """Read back: what is still there of these items, copies that the system is known to keep included."""


# A connector whose register finds a name in any spelling has `folds_names = True`; the others are read whole where
# names are addresses or user names, because they compare letter by letter.


@runtime_checkable
class TellsIdentities(Protocol):
    """A connector whose system knows other names of a person: the verb `resolve`, where a kind has it."""

    def resolve(
        self, mapping: IdentityMapping, subjects: Sequence[str] | None = None, values: Sequence[str] | None = None
    ) -> Iterator[Identity]:
        """Every name of these subjects, or everyone who ever had one of these names (a batch of up to 5,000).

        Exactly one of the two is given. Names are compared as the kind is: an e-mail address without case.
        """


@runtime_checkable
class CollectsOfSome(Protocol):
    """A connector whose system can be asked what it tells the ledger of some people only."""

    def collect_of(self, mapping: LedgerMapping, subjects: Sequence[str]) -> Iterator[LedgerRow]:
        """`collect`, of these subjects alone: as many as a chunk has. What the system cannot hold matches nothing."""


@dataclass(frozen=True, slots=True)
class Change:
    """`token` is the same later only if nothing was written that the place shows, by anybody.

    `but_own`: the token, had this connector written nothing since it was entered; "" where that cannot be told.
    """

    token: str
    but_own: str = ""


@runtime_checkable
class TellsChanges(Protocol):
    """A connector whose system knows whether anything was written, without being read."""

    def changes(self, places: Sequence[str]) -> Mapping[str, Change]:
        """Place -> what stands for all that was written there; a place of which that cannot be told is left out."""

    def earliest(self, mapping: DatasetMapping, asked: Sequence[tuple[str, date]]) -> Sequence[date | None]:
        """For each (event, day): the earliest day from that one on that any row has for the event; None: no row has."""

    def own(self) -> Mapping[str, Sequence[int]] | None:
        """What it wrote since it was entered, for another connector of the register to know; None: cannot be told."""

    def count_as_own(self, written: Mapping[str, Sequence[int]] | None) -> None:
        """Take what another connector wrote, as its `own` says, for written by this one."""


class Crowd(NamedTuple):
    """How many items of one data subject (and contract) there are: of each pattern, and in all. Personal data."""

    subject: str | None
    contract: str | None
    matching: tuple[int, ...]
    items: int


@runtime_checkable
class TellsCrowds(Protocol):
    """A connector whose system can count its items by person without sending them."""

    def crowds(self, mapping: DatasetMapping, patterns: Sequence[Expression]) -> Iterator[Crowd]:
        """Everybody who has an item that `find` would give, a person's crowds together; constant memory.

        By subject and contract, where the mapping names them; nobody's items are the crowd of None.
        """

    def oldest(self, mapping: DatasetMapping, since: date, until: date) -> date | None:
        """The earliest day of any event of any item, within these days (both included); None: there is none."""


@runtime_checkable
class FindsByKey(Protocol):
    """A connector whose system can be asked for items by their keys."""

    def find_keys(self, mapping: DatasetMapping, keys: Sequence[str], where: Expression = TRUE) -> Iterator[Candidate]:
        """Of the items that `find` would give, those with these keys, in key order. Raises as `find` does."""


@runtime_checkable
class ComparesLoosely(Protocol):
    """A connector in whose system a key or a number may be written in more than one way, or not be one at all."""

    def not_sure(self, mapping: DatasetMapping, texts: Sequence[str], *, by_subject: bool) -> frozenset[str]:
        """Of these, by which no item was found: those of which that says nothing.

        An item has it by the system's own comparison (`INC-1` and `inc-1`), or none could (`0001` of a whole number).
        Raises ConnectorError.
        """


@runtime_checkable
class TellsAbsence(Protocol):
    """A connector whose `verify` may find nothing of an item because the place in which it lay is another one now."""

    def absent(self, mapping: DatasetMapping, keys: Sequence[str]) -> frozenset[str]:
        """Of these keys those whose own place was looked at, and in which they are no more. Raises ConnectorError."""


@runtime_checkable
class SeesOnce(Protocol):
    """A connector that sees something of an item only while it disposes of it (`Residue.seen_once`)."""

    def unseen(self, mapping: DatasetMapping) -> str:
        """What may be left of an item that went in a call which was broken off, in words; empty: nothing may be.

        Raises ConnectorError.
        """


@runtime_checkable
class InBulk(Protocol):
    """A connector whose system disposes of more than 500 items in one call, at no greater risk."""

    def at_once(self, mapping: DatasetMapping) -> int:
        """How many items of the dataset one call of `dispose` may be given."""


@dataclass(frozen=True)
class HandOver:
    """What is made of items before they go: rows of another place, or numbers in it.

    columns    column there -> column of the item; condensed: also `count`, `sum COLUMN`, `month COLUMN`, `year COLUMN`
    condensed  the items are added up, by whatever is neither count nor sum
    """

    place: str
    key: str
    columns: Mapping[str, str]
    condensed: bool = False


@runtime_checkable
class HandsOver(Protocol):
    """A connector whose system can hand its items over to another place, of its own or of another such system."""

    def check_hand_over(self, mappings: Sequence[DatasetMapping], into: HandOver, *, here: bool) -> tuple[str, ...]:
        """Hold what is handed over, and (`here`) the place that takes it, against what is there: the missing rights.

        Raises ConnectorError(permanent) naming the table or column that is not as it must be.
        """

    def hand_over(
        self,
        mapping: DatasetMapping,
        refs: Sequence[Ref],
        action: Action,
        still_due: Expression,
        into: HandOver,
        receiver: HandsOver | None,
    ) -> Iterable[Disposal]:
        """As `dispose`; but each item only once it was taken and read back there (receiver None: by this system)."""

    def receive(self, into: HandOver, rows: Mapping[str, Mapping[str, Any]]) -> Mapping[str, str]:
        """Take these rows, by their key, once: key -> why it was not taken. Durable when this returns."""


@runtime_checkable
class Flags(Protocol):
    """A connector whose system can show that an item is about to go, by blocking its use: a disabled account."""

    def flag(self, mapping: DatasetMapping, refs: Sequence[Ref], still_due: Expression) -> Iterable[Disposal]:
        """Block up to 500 items, each only if still due. `pending` where it is blocked now, else as `dispose` says.

        Nothing is destroyed. Idempotent; an item that somebody else had blocked already stays theirs.
        """

    def unflag(self, mapping: DatasetMapping, refs: Sequence[Ref]) -> Iterable[Disposal]:
        """Take back our own blocks, and nobody else's: `superseded` where it was taken back or never was ours."""
