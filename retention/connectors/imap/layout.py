"""A mapping of the `imap` connector, checked before anything is asked.

`options`:

    unit      message (a role mailbox) or mailbox (a personal one, only whole)
    folders   message: names, special uses such as \\Sent, or * for all; left out: INBOX and \\Sent.
              The folders of special use \\Trash and \\Junk are always searched too. Where the server shows no
              special uses, these and that of sent mail must be named
    without   mailbox: accounts or patterns of accounts that are not meant by the place
    account   mailbox: keep (left out) or report: whether `verify` tells that the emptied account is still there
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from retention.connectors.contract import ConnectorError, DatasetMapping
from retention.connectors.imap.question import RECEIVED, SENT
from retention.connectors.imap.session import INBOX, SPECIAL, Folder
from retention.connectors.imap.settings import is_account

Unit = Literal["message", "mailbox"]
KEYS: Mapping[str, str] = {"message": "uid", "mailbox": "account"}
SUBJECTS: Mapping[str, tuple[str, ...]] = {"message": ("correspondent",), "mailbox": ("local_part", "address")}
EVENTS: Mapping[str, tuple[str, ...]] = {"message": (RECEIVED, SENT), "mailbox": ("latest", "oldest")}
OPTIONS: Mapping[str, tuple[str, ...]] = {
    "message": ("unit", "folders"),
    "mailbox": ("unit", "without", "account"),
}
DEFAULT_FOLDERS = (INBOX, "\\Sent")
ALWAYS = frozenset({"\\trash", "\\junk"})
"""What was moved there is not deleted."""


@dataclass(frozen=True)
class Layout:
    """A mapping that can be carried out."""

    mapping: DatasetMapping
    unit: Unit
    folders: tuple[str, ...]
    without: tuple[str, ...]
    report_account: bool

    def chosen(self, folders: Sequence[Folder]) -> list[str]:
        """Of an account's folders, those that the dataset lies in, in the order of their names.

        Raises ConnectorError(permanent) for one that is named and not there.
        """
        by_name = {folder.name: folder for folder in folders if folder.selectable}
        names = {name for name, folder in by_name.items() if folder.use & ALWAYS}
        for wanted in self.folders:
            if wanted == "*":
                names |= set(by_name)
            elif wanted.startswith("\\"):
                found = {name for name, folder in by_name.items() if wanted.lower() in folder.use}
                if not found and wanted not in DEFAULT_FOLDERS:
                    raise self.wrong(f"no folder has the special use {wanted}")
                names |= found
            elif wanted in by_name:
                names.add(wanted)
            else:
                raise self.wrong(f"there is no folder {wanted}")
        return sorted(names)

    def hindrances(self, folders: Sequence[Folder]) -> Iterator[str]:
        """That folders are meant by their special use alone, and nothing tells which of those there are it is.

        Their names say nothing certain, and whoever names folders knows them.
        """
        others = [folder for folder in folders if folder.selectable and folder.name != INBOX]
        named = [name for name in self.folders if name != INBOX and not name.startswith("\\")]
        by_use = any(name.startswith("\\") for name in self.folders)
        if others and by_use and not named and not any(folder.use & SPECIAL for folder in others):
            yield (
                f"{self.mapping.place}: the server shows no special use of any folder, so only INBOX would be "
                "searched; name the folders for sent, deleted and junk mail in options.folders"
            )

    def means(self, account: str) -> bool:
        """Whether a personal mailbox belongs to the dataset."""
        return _fits(self.mapping.place, account) and not any(_fits(pattern, account) for pattern in self.without)

    def subject_of(self, account: str) -> str | None:
        """Whose mailbox it is, by its name."""
        if self.mapping.subject is None:
            return None
        return account if self.mapping.subject == "address" else account.rpartition("@")[0] or account

    def wrong(self, why: str) -> ConnectorError:
        """An error that names the place."""
        return ConnectorError(f"{self.mapping.place}: {why}", permanent=True)


def read_layout(mapping: DatasetMapping) -> Layout:
    """Raises ConnectorError(permanent) that names the place and what is wrong with it."""
    unit = str(mapping.options.get("unit"))
    if unit not in KEYS:
        raise _wrong(mapping, f"options.unit is needed: {' or '.join(KEYS)}")
    unknown = sorted(set(mapping.options) - set(OPTIONS[unit]))
    if unknown:
        known = ", ".join(OPTIONS[unit])
        raise _wrong(mapping, f"unknown option {', '.join(unknown)}; a {unit} has {known}")
    if mapping.key != KEYS[unit]:
        raise _wrong(mapping, f"the key of a {unit} is {KEYS[unit]!r}, not {mapping.key!r}")
    if mapping.subject is not None and mapping.subject not in SUBJECTS[unit]:
        raise _wrong(mapping, f"the subject of a {unit} is {' or '.join(SUBJECTS[unit])}, not {mapping.subject!r}")
    for event, column in mapping.events.items():
        if column not in EVENTS[unit]:
            raise _wrong(mapping, f"events.{event}: a {unit} has {' and '.join(EVENTS[unit])}, not {column!r}")
    if mapping.contract or mapping.facts or mapping.closed or mapping.fields or mapping.children:
        raise _wrong(mapping, "mail has no contract, facts, closed, fields or children")
    if unit == "message" and not is_account(mapping.place):
        raise _wrong(mapping, "the place of messages is one account, as it logs in")
    account = mapping.options.get("account", "keep")
    if account not in {"keep", "report"}:
        raise _wrong(mapping, "options.account: keep or report is needed")
    return Layout(
        mapping,
        cast(Unit, unit),
        _texts(mapping, "folders") or DEFAULT_FOLDERS,
        _texts(mapping, "without"),
        account == "report",
    )


def _texts(mapping: DatasetMapping, option: str) -> tuple[str, ...]:
    value = mapping.options.get(option, ())
    if not isinstance(value, list | tuple) or not all(isinstance(text, str) and text.isprintable() for text in value):
        raise _wrong(mapping, f"options.{option}: a list of texts is needed")
    return tuple(INBOX if text.upper() == INBOX else text for text in value)


def _fits(pattern: str, account: str) -> bool:
    """`*` stands for any characters; nothing else stands for anything."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), account, re.DOTALL) is not None


def _wrong(mapping: DatasetMapping, why: str) -> ConnectorError:
    return ConnectorError(f"{mapping.place}: {why}", permanent=True)
