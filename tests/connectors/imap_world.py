"""Accounts and messages on the real Dovecot, made and looked at without the connector."""

from __future__ import annotations

import base64
import re
import socket
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime
from functools import cache
from itertools import count
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import Any

import requests
from imapclient import IMAPClient
from imapclient.exceptions import LoginError

from retention.connectors.imap import ImapConnector
from samples.servers import Running

_numbers: defaultdict[str, Iterator[int]] = defaultdict(lambda: count(1))
ROLE_DOMAIN = "yhtio.example.invalid"
DOMAIN = "example.invalid"
WORLDS = 100
WITHOUT_USES = " ".join(
    f"userdb_namespace/inbox/mailbox/{name}/name=Ei{name} userdb_namespace/inbox/mailbox/{name}/auto=no"
    for name in ("Sent", "Trash")
)
"""The folders of these names are not the ones whose special use is set; those are not there."""
PERSONS = ("1000", "1002", "1003", "1004", "1005", "1", "01", "1.0", "_")


def fresh(name: str) -> str:
    """A word that no other test of this process has."""
    return f"{name}{next(_numbers[name])}"


def moment(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 10, tzinfo=UTC)


def letter(sender: str, to: str = "", *, day: date | None = date(2020, 6, 15), **headers: str) -> bytes:
    lines = {"From": sender, "To": to, "Date": f"{moment(day):%a, %d %b %Y %H:%M:%S} +0000" if day else "eilen"}
    lines |= {"Message-ID": f"<{fresh('viesti')}@example.invalid>", "Subject": "Kysymys", **headers}
    text = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
    return f"{text}\r\nKeksitty viesti.\r\n".encode()


class Dovecot:
    """One server, with what a test does to it."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.port = running.port

    def role(self) -> str:
        """A role account that nobody has used yet, empty."""
        return f"{fresh('info')}@{ROLE_DOMAIN}"

    def without_uses(self) -> str:
        """The same, of an account whose folders have no special use."""
        return f"{fresh('vanha')}@{ROLE_DOMAIN}"

    def open_accounts(self) -> None:
        """Make all accounts that tests may use, at once: the server looks for new ones once a second at most."""
        names = [f"info{n}@{ROLE_DOMAIN}" for n in range(1, 400)]
        for world in range(1, WORLDS):
            names += [f"1001@a{n}.w{world}.{DOMAIN}" for n in range(1, 31)]
            names += [f"{name}@a{n}.w{world}.{DOMAIN}" for name in PERSONS for n in (1, 2, 3)]
            names += [f"{name}@k{world}.{DOMAIN}" for name in ("1001", "1002")]
        with (self.running.directory / "passwd").open("a") as file:
            file.writelines(f"vanha{n}@{ROLE_DOMAIN}:{{PLAIN}}oma::::::{WITHOUT_USES}\n" for n in range(1, 20))
            file.writelines(f"{name}:{{PLAIN}}oma::::::\n" for name in names)
        while not (self._can_log_in(names[-1]) and names[-1] in self.doveadm("user", userMask=["*"])["userList"]):
            pass

    def _can_log_in(self, account: str) -> bool:
        try:
            with self.as_owner(account):
                return True
        except LoginError:
            return False

    def config(self, **other: str) -> dict[str, str]:
        return {
            "host": "127.0.0.1",
            "port": str(self.port),
            "tls": "none",
            "master_user": "master",
            "password": "secret",
            "doveadm_url": f"http://127.0.0.1:{self.port + 1}",
            "doveadm_key": "secret",
            "own_domains": ROLE_DOMAIN,
            **other,
        }

    def connector(self, **other: str) -> ImapConnector:
        return ImapConnector(**self.config(**other))

    @contextmanager
    def as_owner(self, account: str) -> Iterator[IMAPClient]:
        with IMAPClient("127.0.0.1", self.port, ssl=False, timeout=20) as client:
            client.login(account, "oma")
            yield client

    def put(self, account: str, messages: Sequence[tuple[bytes, date]], folder: str = "INBOX") -> list[str]:
        """Append, and tell the keys that the messages have."""
        with self.as_owner(account) as client:
            if not client.folder_exists(folder):
                client.create_folder(folder)
            told = client.folder_status(folder, ["UIDNEXT", "UIDVALIDITY"])
            client.multiappend(folder, [{"msg": message, "date": moment(day)} for message, day in messages])
        at = f"{account}/{folder.replace('/', '%2F')}/{told[b'UIDVALIDITY']:010}"
        return [f"{at}/{told[b'UIDNEXT'] + n:010}" for n in range(len(messages))]

    def everything(self, account: str) -> dict[str, Any]:
        """Every message of an account by its key: flags, time and content."""
        found = {}
        with self.as_owner(account) as client:
            for flags, _, folder in client.list_folders():
                if rb"\Noselect" in flags:
                    continue
                validity = client.select_folder(folder, readonly=True)[b"UIDVALIDITY"]
                told = client.fetch(client.search("ALL"), ["FLAGS", "INTERNALDATE", "BODY.PEEK[]"])
                for uid, items in told.items():
                    marks = sorted(set(items[b"FLAGS"]) - {rb"\Recent"})
                    key = f"{account}/{folder.replace('/', '%2F')}/{validity:010}/{uid:010}"
                    found[key] = (marks, items[b"INTERNALDATE"], items[b"BODY[]"])
        return found

    def doveadm(self, command: str, **parameters: Any) -> Any:
        key = base64.b64encode(b"secret").decode()
        answer = requests.post(
            f"http://127.0.0.1:{self.port + 1}/doveadm/v1",
            json=[[command, parameters, "t"]],
            headers={"Authorization": f"X-Dovecot-API {key}"},
            timeout=20,
        )
        return answer.json()[0][1]

    def on_disk(self, account: str, text: str) -> list[str]:
        """Files of an account that hold a text."""
        name, _, domain = account.partition("@")
        box = self.running.directory / "mail" / domain / name
        return sorted(
            str(p.relative_to(box)) for p in box.rglob("*") if p.is_file() and text.encode() in p.read_bytes()
        )


def uidvalidity(world: Dovecot, account: str, folder: str = "INBOX") -> int:
    with world.as_owner(account) as client:
        return int(client.folder_status(folder, ["UIDVALIDITY"])[b"UIDVALIDITY"])


class _Forgetful(StreamRequestHandler):
    """What is said to the server and answered is passed on, but for uses in the answer to a LIST without RETURN."""

    def handle(self) -> None:
        asked: list[bytes] = [b""]
        with socket.create_connection(("127.0.0.1", self.server.inner)) as inner, inner.makefile("rb") as told:  # type: ignore[attr-defined]

            def pass_on() -> None:
                with suppress(OSError):
                    for line in self.rfile:
                        asked[0] = line
                        inner.sendall(line)

            passing = Thread(target=pass_on)
            passing.start()
            for line in told:
                hidden = line.startswith(b"* LIST ") and b" RETURN " not in asked[0]
                self.wfile.write(re.sub(rb" ?\\(Sent|Trash)\b", b"", line) if hidden else line)
            passing.join()


@contextmanager
def who_asks_is_told_uses(port: int) -> Iterator[int]:
    """The server's port as one that shows special uses only to who asks for them, as RFC 6154 allows."""
    with ThreadingTCPServer(("127.0.0.1", 0), _Forgetful) as server:
        server.inner = port  # type: ignore[attr-defined]
        serving = Thread(target=server.serve_forever)
        serving.start()
        try:
            yield int(server.server_address[1])
        finally:
            server.shutdown()
            serving.join()


@cache
def opened(running: Running) -> Dovecot:
    """The server with accounts for every test; each test takes its own."""
    dovecot = Dovecot(running)
    dovecot.open_accounts()
    return dovecot
