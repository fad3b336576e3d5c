"""Dovecot's own interface over HTTP. requests is imported here and nowhere else.

It answers with status 200 whatever happened, so an answer is judged by its content, and only by that.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import requests

from retention.connectors.contract import ConnectorError
from retention.connectors.imap.settings import Settings

NO_SUCH_USER, NOT_FOUND, TEMPORARY = 67, 68, 75
UNAUTHORISED = (401, 403)


class Doveadm:
    """One server's interface."""

    def __init__(self, settings: Settings) -> None:
        self._address = f"{settings.doveadm_url}/doveadm/v1"
        self._timeout = settings.timeout
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy and no .netrc between us and the server
        self._session.verify = settings.ca_file or True
        key = base64.b64encode(settings.doveadm_key.encode()).decode()
        self._session.headers["Authorization"] = f"X-Dovecot-API {key}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()

    def accounts(self) -> list[str]:
        """Every account that the server can list."""
        told = self._call("user", {"userMask": ["*"]})
        names = told.get("userList") if isinstance(told, dict) else None
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ConnectorError("doveadm: the list of accounts cannot be read", permanent=True)
        return names

    def forget_cached(self, account: str, folders: Sequence[str]) -> None:
        """Purge the index caches of these folders, which keep the addresses of messages that are gone."""
        for folder in folders:
            self._call("mailboxCachePurge", {"user": account, "mailbox": [folder]}, passing=NOT_FOUND)

    def _call(self, command: str, parameters: Mapping[str, Any], passing: int | None = None) -> Any:
        try:
            answer = self._session.post(
                self._address, json=[[command, parameters, "1"]], timeout=self._timeout, allow_redirects=False
            )
            told = answer.json() if answer.status_code == requests.codes.ok else None
        except requests.exceptions.JSONDecodeError:
            raise ConnectorError(f"doveadm: the answer to {command} cannot be read", permanent=True) from None
        except (requests.RequestException, OSError):
            raise ConnectorError(f"doveadm: no answer to {command}", permanent=False) from None
        if told is None:
            status = answer.status_code
            why = "the key is not accepted" if status in UNAUTHORISED else f"status {status}"
            raise ConnectorError(f"doveadm: {command}: {why}", permanent=status < requests.codes.server_error)
        match told:
            case [["doveadmResponse", content, "1"]]:
                return content
            case [["error", {"exitCode": int(code)}, "1"]] if code == passing:
                return None
            case [["error", {"type": kind, "exitCode": code}, "1"]]:
                why = "no such account" if code == NO_SUCH_USER else f"{kind} {code}"
                raise ConnectorError(f"doveadm: {command}: {why}", permanent=code != TEMPORARY)
        raise ConnectorError(f"doveadm: the answer to {command} cannot be read", permanent=True)
