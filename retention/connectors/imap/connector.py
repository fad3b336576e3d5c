"""The verbs. Which of the two shapes a mapping has is told by its `options.unit`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, ClassVar, Self

from retention.connectors.contract import (
    Candidate,
    ConfigField,
    ConnectorError,
    DatasetMapping,
    Disposal,
    Health,
    LedgerMapping,
    LedgerRow,
    Outcome,
    Place,
    Ref,
    Residue,
)
from retention.connectors.imap import mailboxes, mailboxes_disposal, messages, messages_disposal
from retention.connectors.imap.layout import Layout, read_layout
from retention.connectors.imap.server import Server
from retention.connectors.imap.session import INBOX, SPECIAL, LoginRefusedError, ReadOnlyError, Session
from retention.connectors.imap.settings import FIELDS, read_settings
from retention.connectors.personal import guess
from retention.domain.predicates import TRUE, Expression
from retention.domain.rules import Action

OTHERS = "other folders"
"""In `describe`, all folders that people made themselves: their names are theirs."""


class ImapConnector:
    """One mail server."""

    kind: ClassVar[str] = "imap"
    folds_names: ClassVar[bool] = True
    fields: ClassVar[tuple[ConfigField, ...]] = FIELDS

    def __init__(self, **config: str) -> None:
        self._config = {**{field.name: field.default for field in FIELDS if field.default is not None}, **config}
        self._entered: Server | None = None
        self._memory = messages_disposal.Memory()

    def __enter__(self) -> Self:
        self._entered = Server(read_settings(self._config))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        server, self._entered = self._entered, None
        if server is not None:
            server.close()

    def check(self, mappings: Sequence[DatasetMapping] = ()) -> Health:
        """Reach the server, open each role account and one personal one, see folders and rights.

        Raises ConnectorError(permanent) for a mapping that cannot be carried out there. Rights: may messages
        be deleted in each folder? What hinders: folders meant by a special use, of which the server shows none.
        """
        missing: list[str] = []
        hindrances: list[str] = []
        layouts = [read_layout(mapping) for mapping in mappings]
        if self._server.lists_accounts:
            self._server.accounts()
        for layout in layouts:
            if layout.unit == "message":
                missing += self._check_messages(layout)
                hindrances += layout.hindrances(self._server.session(layout.mapping.place).folders())
            else:
                self._check_mailboxes(layout)
        return Health(tuple(missing), tuple(dict.fromkeys(hindrances)))

    def describe(self) -> Iterator[Place]:
        """Each account's INBOX, special folders and all its other folders together, as counts of messages."""
        for account in self._server.accounts():
            try:
                found = mailboxes.contents(self._server.session(account))
            except LoginRefusedError as error:
                if not self._server.is_this_account_only(error):
                    raise
                yield Place(account, None, {}, guess({"account": [account]}))
                continue
            uses = {folder.name: bool(folder.use & SPECIAL) for folder in found.folders}
            counts: dict[str, int] = {}
            for name, count in found.counts.items():
                shown = name if name == INBOX or uses[name] else OTHERS
                counts[shown] = counts.get(shown, 0) + count
            for shown, count in counts.items():
                columns = {"received": "date", "sent": "date", "correspondent": "text"}
                yield Place(f"{account}/{shown}", count, columns, guess({"account": [account]}))

    def collect(self, mapping: LedgerMapping) -> Iterator[LedgerRow]:
        """Mail tells of no contracts: always raises ConnectorError(permanent)."""
        raise ConnectorError(f"{mapping.place}: mail tells of no contracts and no events of subjects", permanent=True)

    def find(
        self,
        mapping: DatasetMapping,
        where: Expression = TRUE,
        subjects: Sequence[str] | None = None,
        contracts: Sequence[str] | None = None,
    ) -> Iterator[Candidate]:
        """Items in key order, paged by ranges of UIDs or by mailbox; nothing is marked as read."""
        layout = read_layout(mapping)
        if contracts is not None or (subjects is not None and mapping.subject is None):
            raise layout.wrong("asked for subjects or contracts, which the mapping does not name")
        find = messages.find if layout.unit == "message" else mailboxes.find
        return find(self._server, layout, where, subjects)

    def find_keys(self, mapping: DatasetMapping, keys: Sequence[str], where: Expression = TRUE) -> Iterator[Candidate]:
        """The same of these keys: only the folders and messages that they name are asked for."""
        layout = read_layout(mapping)
        find_keys = messages.find_keys if layout.unit == "message" else mailboxes.find_keys
        return find_keys(self._server, layout, where, keys)

    def export(self, mapping: DatasetMapping, refs: Sequence[Ref]) -> Iterator[Mapping[str, Any]]:
        """Of a role mailbox the messages themselves; of a personal one folders and counts only."""
        layout = read_layout(mapping)
        export = messages.export if layout.unit == "message" else mailboxes.export
        return export(self._server, layout, refs)

    def dispose(
        self, mapping: DatasetMapping, refs: Sequence[Ref], action: Action, still_due: Expression
    ) -> list[Disposal]:
        """Delete. Any other action is refused: a message cannot be emptied or made anonymous."""
        layout = read_layout(mapping)
        if action is not Action.DELETE:
            return [Disposal(ref.key, Outcome.REFUSED, f"mail cannot be disposed of by {action}") for ref in refs]
        if layout.unit == "message":
            return messages_disposal.dispose(self._server, layout, refs, still_due, self._memory)
        return mailboxes_disposal.dispose(self._server, layout, refs, still_due)

    def verify(self, mapping: DatasetMapping, refs: Sequence[Ref], action: Action) -> Iterator[Residue]:
        """Read back over IMAP; of messages, copies in the folders that keep deleted mail too."""
        layout = read_layout(mapping)
        if layout.unit == "message":
            return messages_disposal.verify(self._server, layout, refs, self._memory)
        return mailboxes_disposal.verify(self._server, layout, refs)

    def unseen(self, mapping: DatasetMapping) -> str:
        """Of messages, copies in the folders that keep deleted mail: what to look for went with them."""
        layout = read_layout(mapping)
        if layout.unit != "message":
            return ""
        kept = messages_disposal.keeping_deleted(self._server.session(mapping.place))
        return f"a copy in {', '.join(kept)}" if kept else ""

    def absent(self, mapping: DatasetMapping, keys: Sequence[str]) -> frozenset[str]:
        """Those that their own folder or mailbox has no more: not those whose folder is gone or made anew."""
        layout = read_layout(mapping)
        absent = messages_disposal.absent if layout.unit == "message" else mailboxes_disposal.absent
        return absent(self._server, layout, keys)

    @property
    def _server(self) -> Server:
        if self._entered is None:
            raise ConnectorError("the connector was not entered", permanent=True)
        return self._entered

    def _check_messages(self, layout: Layout) -> Iterator[str]:
        session = self._opened(layout, layout.mapping.place)
        locked = []
        chosen = layout.chosen(session.folders())
        for name in chosen:
            try:
                selected = session.select(name, write=True)
            except ReadOnlyError:
                selected = None
            if selected is None or not selected.may_delete:
                locked.append(name)
        if "*" in layout.folders and locked:  # the names of all folders are their owner's
            yield f"delete in {len(locked)} of {len(chosen)} folders"
        else:
            yield from (f"delete in {name}" for name in locked)

    def _check_mailboxes(self, layout: Layout) -> None:
        accounts = mailboxes.accounts_of(self._server, layout)
        if not accounts:
            raise layout.wrong("no account fits it")
        self._opened(layout, accounts[0])

    def _opened(self, layout: Layout, account: str) -> Session:
        try:
            session = self._server.session(account)
        except LoginRefusedError as error:
            why = "the server refused the login: wrong master user or password, or no such account"
            raise ConnectorError(f"{layout.mapping.place}: {why} ({error.code})", permanent=error.permanent) from None
        messages_disposal.require_uidplus(session, layout)
        return session
