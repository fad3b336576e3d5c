"""How a raw value reads: keys, days and facts. What cannot be read is named by its attribute, never by itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from uuid import UUID
from zoneinfo import ZoneInfo

from retention.connectors.contract import ConnectorError
from retention.connectors.ldap.entries import Entry
from retention.connectors.ldap.filters import Filter, equal
from retention.connectors.ldap.schema import Attribute, Directory, Kind
from retention.domain.rules import FactValue

NEVER = date(9999, 12, 31)
"""What an end that is written down as never reads as: not yet (semantics P1)."""

_KEY = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)
_MOMENT = re.compile(
    r"(\d{4})(\d{2})(\d{2})(\d{2})(?:(\d{2})(?:(\d{2})(?:[.,]\d+)?)?)?(Z|[+-][01]\d(?:[0-5]\d)?)", re.ASCII
)
_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII)
_INTEGER = re.compile(r"0|-?[1-9]\d*", re.ASCII)
_TICKS_BEGIN = datetime(1601, 1, 1, tzinfo=UTC)
_TICKS_NEVER = 2**63 - 1
_EPOCH = date(1970, 1, 1)
_DAY_COUNTS = frozenset({"shadowexpire", "shadowlastchange"})
KEYS = {Directory.OPENLDAP: "entryUUID", Directory.ACTIVE_DIRECTORY: "objectGUID"}


class Unreadable(ConnectorError):
    """A value that is not what its attribute must hold."""

    def __init__(self, name: str, what: str) -> None:
        super().__init__(f"{name} holds a value that is not {what}", permanent=True)


def is_key(text: str) -> bool:
    """Whether a text can be a key, as we write it: a lower-case UUID."""
    return bool(_KEY.fullmatch(text))


def key_of(entry: Entry, directory: Directory) -> str:
    """The immutable id of an entry. Raises ConnectorError(permanent) where the directory does not show it."""
    name = KEYS[directory]
    found = entry.all(name)
    if not found:
        raise ConnectorError(f"the directory does not show {name} to this account", permanent=True)
    if directory is Directory.ACTIVE_DIRECTORY:
        return str(UUID(bytes_le=found[0]))
    return found[0].decode().lower()


def key_filter(key: str, directory: Directory) -> Filter:
    """The entry with this key."""
    if directory is Directory.ACTIVE_DIRECTORY:
        return equal(KEYS[directory], UUID(key).bytes_le)
    return equal(KEYS[directory], key)


def text_of(raw: bytes, name: str) -> str:
    """Raises Unreadable."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise Unreadable(name, "text") from None


def fact_of(raw: bytes, attribute: Attribute) -> FactValue:
    """A stored fact. Raises Unreadable."""
    text = text_of(raw, attribute.name)
    if attribute.kind is Kind.BOOLEAN:
        if text not in {"TRUE", "FALSE"}:
            raise Unreadable(attribute.name, "true or false")
        return text == "TRUE"
    if attribute.kind in {Kind.INTEGER, Kind.TICKS}:
        return number_of(raw, attribute.name)
    return text


def number_of(raw: bytes, name: str) -> int:
    """Raises Unreadable."""
    text = text_of(raw, name)
    if not _INTEGER.fullmatch(text) or len(text) > 20:
        raise Unreadable(name, "a whole number")
    return int(text)


def tells_days(attribute: Attribute) -> bool:
    """Whether an attribute can be an event's date."""
    if attribute.kind is Kind.INTEGER:
        return attribute.name.lower() in _DAY_COUNTS
    return attribute.kind in {Kind.MOMENT, Kind.TICKS, Kind.TEXT}


@dataclass(frozen=True, slots=True)
class Days:
    """The local day of a stored moment (semantics P1), and the moment at which a local day begins."""

    zone: ZoneInfo

    def of(self, raw: bytes, attribute: Attribute) -> date | None:
        """The day; None where the directory says so by 0, NEVER where it says never. Raises Unreadable."""
        if attribute.kind is Kind.TICKS:
            return self._of_ticks(number_of(raw, attribute.name), attribute.name)
        if attribute.kind is Kind.INTEGER:
            return self._of_count(number_of(raw, attribute.name), attribute.name)
        text = text_of(raw, attribute.name)
        if attribute.kind is Kind.TEXT and (plain := _DAY.fullmatch(text)):
            return self._day(attribute.name, *(int(part) for part in plain.groups()))
        return self._of_moment(text, attribute.name)

    def _of_ticks(self, ticks: int, name: str) -> date | None:
        """100 ns since 1601. Where an account's end is concerned, 0 means never too."""
        if ticks == 0:
            return NEVER if name.lower() == "accountexpires" else None
        if ticks == _TICKS_NEVER:
            return NEVER
        if ticks < 0:
            raise Unreadable(name, "a moment")
        try:
            return self._local(_TICKS_BEGIN + timedelta(microseconds=ticks // 10))
        except OverflowError:
            return NEVER

    def _of_count(self, days: int, name: str) -> date | None:
        """Days since 1970. What lies not after it says something else: no end, or change it at the next log-in."""
        if days <= 0:
            return NEVER if days == -1 and name.lower() == "shadowexpire" else None
        try:
            return _EPOCH + timedelta(days=days)
        except OverflowError:
            raise Unreadable(name, "a day") from None

    def _of_moment(self, text: str, name: str) -> date:
        return self._local(_moment(text, name))

    def moment_of(self, raw: bytes, attribute: Attribute) -> datetime:
        """A generalized time. Raises Unreadable."""
        return _moment(text_of(raw, attribute.name), attribute.name)

    def _day(self, name: str, year: int, month: int, day: int) -> date:
        try:
            return date(year, month, day)
        except ValueError:
            raise Unreadable(name, "a date") from None

    def _local(self, moment: datetime) -> date:
        try:
            return moment.astimezone(self.zone).date()
        except OverflowError:  # a placeholder at an end of the calendar
            return moment.date()

    def begin(self, day: date) -> datetime | None:
        """The moment at which a local day begins; None at an end of the calendar."""
        try:
            return datetime(day.year, day.month, day.day, tzinfo=self.zone).astimezone(UTC)
        except OverflowError:
            return None


def _moment(text: str, name: str) -> datetime:
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise Unreadable(name, "a date")
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    try:
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=_offset(found[7]))
    except ValueError:
        raise Unreadable(name, "a date") from None


def as_moment(moment: datetime, directory: Directory) -> str:
    """A moment as a filter asks for it."""
    text = f"{moment.year:04}{moment.month:02}{moment.day:02}{moment.hour:02}{moment.minute:02}{moment.second:02}"
    return text + (".0Z" if directory is Directory.ACTIVE_DIRECTORY else "Z")


def as_ticks(moment: datetime) -> int:
    """A moment in 100 ns since 1601; negative before."""
    return (moment - _TICKS_BEGIN) // timedelta(microseconds=1) * 10


def _offset(text: str) -> timezone:
    if text == "Z":
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[3:5] or 0)
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))
