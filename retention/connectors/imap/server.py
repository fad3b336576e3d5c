"""One mail server as a connector uses it: a few open accounts, the list of accounts, the index caches."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from retention.connectors.contract import ConnectorError
from retention.connectors.imap.doveadm import Doveadm
from retention.connectors.imap.session import LoginRefusedError, Session
from retention.connectors.imap.settings import Settings, accounts_in, is_account

KEPT = 4
"""Accounts that are open at the same time; the one that was not used for longest is closed first."""


class Server:
    """Connections are made when they are needed."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._stack = ExitStack()
        self._sessions: dict[str, Session] = {}
        self._opened_one = False
        self._doveadm = self._stack.enter_context(Doveadm(settings)) if settings.doveadm_url else None

    def close(self) -> None:
        """Hang up."""
        for account in list(self._sessions):
            self._sessions.pop(account).close()
        self._stack.close()

    def session(self, account: str) -> Session:
        """The account, open. Raises LoginRefusedError (permanent) where it cannot be opened."""
        session = self._sessions.pop(account, None)
        if session is not None and session.lost:
            session.close()
            session = None
        if session is None:
            while len(self._sessions) >= KEPT:
                self._sessions.pop(next(iter(self._sessions))).close()
            session = Session(self.settings, account)
            self._opened_one = True
        self._sessions[account] = session
        return session

    def is_this_account_only(self, error: LoginRefusedError) -> bool:
        """Whether a refused login says something of one account, not of the master user or the password."""
        return self._opened_one or error.code == "AUTHORIZATIONFAILED"

    @property
    def lists_accounts(self) -> bool:
        """Whether anything tells which accounts there are."""
        return self._doveadm is not None or bool(self.settings.accounts_file)

    def accounts(self) -> list[str]:
        """Every account, sorted. Raises ConnectorError(permanent) where nothing tells them."""
        if self.settings.accounts_file:
            names = accounts_in(self.settings.accounts_file)
        elif self._doveadm is not None:
            names = self._doveadm.accounts()
        else:
            raise ConnectorError(
                "nothing tells which accounts there are: doveadm_url or accounts_file is needed", permanent=True
            )
        if not all(is_account(name) for name in names):
            raise ConnectorError("the list of accounts has a name that no account can have", permanent=True)
        return sorted(set(names))

    def forget_cached(self, account: str, folders: Sequence[str]) -> None:
        """Purge index caches, where the server has an interface for it."""
        if self._doveadm is not None:
            self._doveadm.forget_cached(account, folders)
