"""The one module that knows ldap3: a bound session, and what the server answered.

Searches are always paged, and the paging control is critical: a server that cannot page, or that stops half way,
is an error and never a short answer. Referrals are not followed, because that would send our password elsewhere.
No text of the server or of ldap3 gets into an error, since both repeat names and values of entries.
"""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from retention.connectors.contract import ConnectorError
from retention.connectors.ldap.entries import Entry, parts_of
from retention.connectors.ldap.filters import EVERYTHING, Filter

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # ldap3 asks pyasn1 for names of long ago
    import ldap3 as ldap3
    from ldap3.core.exceptions import LDAPException, LDAPStartTLSError
    from ldap3.operation.search import compile_filter, parse_filter
    from ldap3.utils import asn1

PAGE = 500
PAGED = "1.2.840.113556.1.4.319"
ASSERTION = "1.3.6.1.1.12"
SHOW_DELETED = "1.2.840.113556.1.4.417"
SHOW_RECYCLED = "1.2.840.113556.1.4.2064"

SUCCESS, REFERRAL, NO_SUCH_OBJECT, INVALID_DN = 0, 10, 32, 34
_SCOPES: Mapping[str, Literal["SUBTREE", "LEVEL"]] = {"subtree": "SUBTREE", "one": "LEVEL"}
_FOREIGN_PARTS = ("cn=configuration", "dc=forestdnszones", "dc=domaindnszones", "cn=schema")
_PARTIAL = frozenset({4, 11})
_LATER = frozenset({3, 51, 52, 80})

Values = Sequence[str | bytes]
Change = tuple[str, Values]
ADD, DELETE, REPLACE = ldap3.MODIFY_ADD, ldap3.MODIFY_DELETE, ldap3.MODIFY_REPLACE


@dataclass(frozen=True, slots=True)
class Answer:
    """A result code of RFC 4511 and its name. The server's own text is left out: it names entries."""

    code: int
    name: str

    @property
    def ok(self) -> bool:
        return self.code == SUCCESS

    @property
    def absent(self) -> bool:
        """There is no such entry."""
        return self.code == NO_SUCH_OBJECT

    @property
    def changed(self) -> bool:
        """The assertion does not hold, or a value that was to go is another one now."""
        return self.code in {122, 16}

    @property
    def has_children(self) -> bool:
        return self.code == 66

    @property
    def later(self) -> bool:
        """The server may do it another time."""
        return self.code in _LATER


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens and how its certificate is checked."""

    host: str
    port: int
    ldaps: bool
    starttls: bool
    ca_file: str | None
    server_name: str
    timeout: float

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class _Checked(ldap3.Tls):
    """TLS whose certificate and name are checked by the ssl module itself, always."""

    def __init__(self, address: Address, context: ssl.SSLContext) -> None:
        super().__init__(validate=ssl.CERT_REQUIRED)
        self.address = address
        self.context = context
        self.failure = ""

    def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:
        plain = connection.socket
        try:
            connection.socket = self.context.wrap_socket(plain, server_hostname=self.address.server_name)
        except ssl.SSLCertVerificationError as error:
            self.failure = f"its certificate is not valid ({error.verify_message or 'not trusted'})"
            plain.close()
            raise
        except (ssl.SSLError, OSError):
            plain.close()
            raise


AN_ITEM = "an item"
"""What an error calls an entry of somebody."""


class Session:
    """A bound connection. Raises ConnectorError; not for several threads at once."""

    def __init__(self, address: Address, user: str, password: str) -> None:
        self.address = address
        self._tls = _Checked(address, _context(address)) if address.ldaps or address.starttls else None
        server = ldap3.Server(
            address.host,
            port=address.port,
            use_ssl=address.ldaps,
            get_info=ldap3.NONE,
            tls=self._tls,
            connect_timeout=address.timeout,
        )
        self._connection: Any = ldap3.Connection(  # its stubs leave half of it without types
            server,
            user,
            password,
            authentication=ldap3.SIMPLE,
            check_names=False,
            auto_referrals=False,
            auto_escape=False,
            auto_encode=False,
            return_empty_attributes=False,
        )
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        try:
            self._connection.open()
            if self.address.starttls and not (self._connection.start_tls() and self._connection.tls_started):
                raise self._wrong("it did not begin TLS", permanent=True)
            bound = self._connection.bind()
        except (LDAPException, OSError) as error:
            if self._tls is not None and self._tls.failure:
                why = f"{self._tls.failure}; set ca_file, or server_name where the name differs"
                raise self._wrong(why, permanent=True) from None
            if isinstance(error, LDAPStartTLSError):
                raise self._wrong("it does not offer StartTLS, or breaks it off", permanent=True) from None
            raise self._wrong("it cannot be reached", permanent=False) from None
        if bound:
            return
        answer = self._answer()
        if answer.code == 49:
            raise self._wrong("bind_dn or password is wrong, or the account is locked", permanent=True)
        raise self._wrong(f"the bind was refused ({answer.name})", permanent=not answer.later)

    def close(self) -> None:
        """End the session; nothing that goes wrong then matters any more."""
        socket = self._connection.socket
        try:
            if not self._connection.closed:
                self._connection.unbind()
        except (LDAPException, OSError):
            pass
        finally:
            if socket is not None:
                socket.close()

    def search(
        self,
        base: str,
        asked: Filter,
        attributes: Sequence[str],
        *,
        scope: str = "subtree",
        controls: Sequence[str] = (),
        page: int = PAGE,
        label: str = "",
    ) -> Iterator[Entry]:
        """Entries page by page. Raises ConnectorError for anything but a whole answer; `label`: what it calls the base.

        An item's own name tells who it is: then it is `AN_ITEM`.
        """
        cookie: bytes | None = None
        while True:
            entries, cookie = self._page(base, asked, attributes, scope, controls, page, cookie, label or base)
            yield from entries
            if not cookie:
                return

    def _page(
        self,
        base: str,
        asked: Filter,
        attributes: Sequence[str],
        scope: str,
        controls: Sequence[str],
        page: int,
        cookie: bytes | None,
        label: str,
    ) -> tuple[list[Entry], bytes | None]:
        with self._told():
            self._connection.search(
                base,
                asked,
                _SCOPES[scope],
                dereference_aliases=ldap3.DEREF_NEVER,
                attributes=list(attributes) or None,
                controls=[(control, True, None) for control in controls] or None,
                paged_size=page,
                paged_criticality=True,
                paged_cookie=cookie,
            )
        answer = self._answer()
        if not answer.ok:
            raise self._incomplete(label, answer)
        told = self._connection.result.get("controls", {}).get(PAGED)
        if told is None:
            raise self._wrong("it does not answer page by page; its answer may be cut", permanent=True)
        return self._entries(base), told["value"]["cookie"]

    def _incomplete(self, base: str, answer: Answer) -> ConnectorError:
        if answer.code in {NO_SUCH_OBJECT, INVALID_DN}:
            return ConnectorError(f"ldap {self.address}: there is no entry {base}", permanent=True)
        if answer.code in _PARTIAL:
            return self._wrong(
                f"it gave only a part of {base} ({answer.name}); allow the service account paged results "
                "without a limit",
                permanent=True,
            )
        if answer.code == REFERRAL:
            return self._wrong(f"{base} lies on another server (referral); connect that one", permanent=True)
        return self._wrong(f"searching {base} failed ({answer.name})", permanent=not answer.later)

    def _entries(self, base: str) -> list[Entry]:
        found = []
        for one in self._connection.response or ():
            if one["type"] == "searchResEntry":
                values = {name.lower(): tuple(values) for name, values in one["raw_attributes"].items() if values}
                found.append(Entry(one["dn"], values))
            elif one["type"] == "searchResRef" and not all(_is_foreign_part(uri) for uri in one["uri"]):
                raise self._wrong(
                    f"a part of {base} lies on another server (referral); connect both with narrower places",
                    permanent=True,
                )
        return found

    def read(self, dn: str, attributes: Sequence[str], controls: Sequence[str] = ()) -> Entry | None:
        """One entry by its DN; None where there is none that we may see."""
        with self._told():
            self._connection.search(
                dn,
                EVERYTHING,
                ldap3.BASE,
                dereference_aliases=ldap3.DEREF_NEVER,
                attributes=list(attributes) or None,
                controls=[(control, True, None) for control in controls] or None,
            )
        answer = self._answer()
        if answer.code in {NO_SUCH_OBJECT, INVALID_DN}:
            return None
        if not answer.ok:
            raise self._incomplete(AN_ITEM, answer)
        return next(iter(self._entries(dn)), None)

    def delete(self, dn: str, assertion: Filter | None = None) -> Answer:
        """Delete a leaf, only if the assertion holds (RFC 4528)."""
        with self._told():
            self._connection.delete(dn, controls=_asserting(assertion))
        return self._answer()

    def modify(self, dn: str, changes: Mapping[str, Sequence[Change]], assertion: Filter | None = None) -> Answer:
        """Change one entry, all or nothing, only if the assertion holds."""
        with self._told():
            self._connection.modify(
                dn,
                {name: [(how, list(values)) for how, values in ways] for name, ways in changes.items()},
                controls=_asserting(assertion),
            )
        return self._answer()

    def rename(self, dn: str, name: str) -> Answer:
        """Give an entry another relative name in its place; the old one goes."""
        with self._told():
            self._connection.modify_dn(dn, name, delete_old_dn=True)
        return self._answer()

    def _answer(self) -> Answer:
        result = self._connection.result
        return Answer(int(result["result"]), str(result["description"]))

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (LDAPException, OSError):
            raise self._wrong("the connection was lost or timed out", permanent=False) from None

    def _wrong(self, what: str, *, permanent: bool) -> ConnectorError:
        return ConnectorError(f"ldap {self.address}: {what}", permanent=permanent)


def _asserting(assertion: Filter | None) -> list[tuple[str, bool, bytes]] | None:
    if assertion is None:
        return None
    parsed = parse_filter(assertion, None, False, False, None, False)  # type: ignore[no-untyped-call]
    return [(ASSERTION, True, asn1.encode(compile_filter(parsed.elements[0])))]  # type: ignore[attr-defined, no-untyped-call]


def _is_foreign_part(uri: str) -> bool:
    """A part of every Active Directory domain in which no persons are."""
    dn = uri.partition("://")[2].partition("/")[2].partition("?")[0]
    return parts_of(dn)[0].lower() in _FOREIGN_PARTS


def _context(address: Address) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=address.ca_file)
    except (OSError, ssl.SSLError):
        raise ConnectorError("ca_file cannot be read as certificates (PEM)", permanent=True) from None
