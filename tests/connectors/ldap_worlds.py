"""Real directories for the connector's tests: a subtree of OpenLDAP, or of a Samba domain, for each test."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from retention.connectors.contract import ClosedWhen, Connector, DatasetMapping, Outcome
from retention.connectors.ldap.wire import ldap3
from retention.connectors.registry import connect
from retention.connectors.suite import Given, World
from samples.servers import Running

HELSINKI = ZoneInfo("Europe/Helsinki")
SUFFIX = "dc=isp,dc=example"
RELAX = [("1.3.6.1.4.1.4203.666.5.12", True, None)]
TREE_DELETE = [("1.2.840.113556.1.4.805", True, None)]


@contextmanager
def raw(server: ldap3.Server, user: str, password: str) -> Iterator[ldap3.Connection]:
    """A bound connection that is not the connector's."""
    connection = ldap3.Connection(server, user, password, check_names=False)
    try:
        assert connection.bind()
        yield connection
    finally:
        connection.unbind()


def done(connection: ldap3.Connection) -> None:
    """What was asked last went well."""
    assert connection.result["result"] == 0, connection.result


def entries(connection: ldap3.Connection, base: str, asked: str = "(objectClass=*)", names: Sequence[str] = ("*", "+")):
    """DN -> raw attributes, by name, of all that is under a DN."""
    found: dict[str, dict[str, list[bytes]]] = {}
    cookie = None
    while True:
        connection.search(base, asked, attributes=list(names), paged_size=500, paged_cookie=cookie)
        done(connection)
        for one in connection.response or ():
            if one["type"] == "searchResEntry":
                found[one["dn"]] = dict(one["raw_attributes"])
        cookie = connection.result["controls"]["1.2.840.113556.1.4.319"]["value"]["cookie"]
        if not cookie:
            return found


class SlapdWorld(World):
    """People of one subtree, whose day stands as a plain date in a text."""

    event = "contract_ended"
    fact = "active"
    many = 1_200

    def __init__(self, running: Running, admin: ldap3.Connection) -> None:
        self.running = running
        self.admin = admin
        self.place = f"ou={uuid.uuid4().hex[:12]},ou=customers,{SUFFIX}"
        self.count = 0
        self.accesslog = ""
        self.began = datetime.now(UTC)
        admin.add(self.place, ["organizationalUnit"])
        done(admin)
        self.mapping = self.mapped()

    def mapped(self, **more) -> DatasetMapping:
        told = {
            "place": self.place,
            "key": "entryUUID",
            "subject": "employeeNumber",
            "events": {"contract_ended": "roomNumber"},
            "facts": {"active": "olcReadOnly"},
            "closed": ClosedWhen("employeeType", ("suljettu",)),
        }
        return DatasetMapping(**{**told, **more})

    def config(self, **more: str) -> dict[str, str]:
        told = {"url": f"ldap://127.0.0.1:{self.running.port}", "bind_dn": f"cn=ropa,{SUFFIX}", "password": "ropa"}
        log = {"accesslog": self.accesslog} if self.accesslog else {}
        return {**told, "tls": "off", "timeout": "20", **log, **more}

    def connect(self) -> Connector:
        return connect("ldap", self.config())

    def broken(self) -> tuple[Connector, str]:
        return connect("ldap", self.config(password="salaisuus-1234")), "salaisuus-1234"

    def day_of(self, day: date) -> dict[str, str]:
        return {"roomNumber": day.isoformat()}

    def add(self, items: Sequence[Given]) -> list[str]:
        return [entry["entryUUID"][0].decode() for entry in self.put(items).values()]

    def put(self, items: Sequence[Given]) -> dict[str, dict[str, list[bytes]]]:
        """DN -> attributes of what was added, in the order of the items."""
        names = []
        for item in items:
            self.count += 1
            names.append(f"uid=c{self.count},{self.place}")
            attributes = {"cn": f"Testi {self.count}", "sn": "Testi", "mail": f"c{self.count}@example.invalid"}
            if item.subject is not None:
                attributes["employeeNumber"] = item.subject
            if item.day is not None:
                attributes |= self.day_of(item.day)
            if item.fact is not None:
                attributes["olcReadOnly"] = str(item.fact).upper()
            attributes["employeeType"] = "suljettu" if item.closed else "auki"
            self.admin.add(names[-1], ["inetOrgPerson", "extensibleObject"], attributes, controls=RELAX)
            done(self.admin)
        there = entries(self.admin, self.place)
        return {name: there[name] for name in names}

    def snapshot(self) -> Mapping[str, object]:
        shown = {}
        for dn, attributes in entries(self.admin, self.place).items():
            attributes.pop("hasSubordinates")
            shown[attributes["entryUUID"][0].decode()] = (dn, attributes)
        return shown

    def can_hold(self, subject: str) -> bool:
        return subject not in {"", "\ud800"}

    def clean(self) -> None:
        for dn in sorted(entries(self.admin, self.place, names=()), key=lambda dn: -dn.count(",")):
            self.admin.delete(dn)


class MomentWorld(SlapdWorld):
    """The same people, whose day is the moment at which the directory made their entry."""

    undated = False
    many = 20

    def mapped(self, **more) -> DatasetMapping:
        return super().mapped(**{"events": {"contract_ended": "createTimestamp"}, **more})

    def day_of(self, day: date) -> dict[str, str]:
        return {"createTimestamp": utc(day).strftime("%Y%m%d%H%M%SZ")}


class UnlinkedWorld(SlapdWorld):
    """The person's attributes go, the entry stays."""

    many = 20
    disposed = Outcome.UNLINKED

    def mapped(self, **more) -> DatasetMapping:
        return super().mapped(**{"fields": ("employeeNumber", "mail"), **more})


class AdWorld(World):
    """Accounts of one organisational unit of a domain whose recycle bin is on."""

    event = "contract_ended"
    fact = "active"
    many = 80
    base = "DC=isp,DC=example"

    def __init__(self, running: Running, admin: ldap3.Connection) -> None:
        self.running = running
        self.admin = admin
        self.mark = uuid.uuid4().hex[:8]
        self.place = f"OU={self.mark},{self.base}"
        self.count = 0
        admin.add(self.place, ["organizationalUnit"])
        done(admin)
        self.mapping = self.mapped()

    def mapped(self, **more) -> DatasetMapping:
        told = {
            "place": self.place,
            "key": "objectGUID",
            "subject": "employeeNumber",
            "events": {"contract_ended": "msTSExpireDate"},
            "facts": {"active": "msTSAllowLogon"},
            "closed": ClosedWhen("userAccountControl", ("disabled",)),
        }
        return DatasetMapping(**{**told, **more})

    def config(self, **more: str) -> dict[str, str]:
        told = {
            "url": f"ldaps://{self.running.address}",
            "bind_dn": "Administrator@isp.example",
            "password": "Passw0rd-Test",
            "ca_file": str(self.running.directory / "ad/private/tls/ca.pem"),
            "server_name": "DC1.isp.example",
        }
        return {**told, **more}

    def connect(self) -> Connector:
        return connect("ldap", self.config())

    def broken(self) -> tuple[Connector, str]:
        return connect("ldap", self.config(password="salaisuus-1234")), "salaisuus-1234"

    def add(self, items: Sequence[Given]) -> list[str]:
        return list(self.put(items))

    def put(self, items: Sequence[Given]) -> dict[str, str]:
        """Key -> DN of what was added, in the order of the items."""
        names = []
        for item in items:
            self.count += 1
            attributes = {
                "sAMAccountName": f"{self.mark}{self.count}",
                "displayName": f"Testi {self.count}",
                "mail": f"{self.mark}{self.count}@example.invalid",
                "userAccountControl": "546" if item.closed else "544",
            }
            if item.subject is not None:
                attributes["employeeNumber"] = item.subject
            if item.day is not None:
                attributes["msTSExpireDate"] = utc(item.day).strftime("%Y%m%d%H%M%S.0Z")
            if item.fact is not None:
                attributes["msTSAllowLogon"] = str(item.fact).upper()
            names.append(f"CN=Testi {self.count},{self.place}")
            self.admin.add(names[-1], ["top", "person", "organizationalPerson", "user"], attributes)
            done(self.admin)
        there = entries(self.admin, self.place, names=("objectGUID",))
        return {str(uuid.UUID(bytes_le=there[name]["objectGUID"][0])): name for name in names}

    def snapshot(self) -> Mapping[str, object]:
        return {
            str(uuid.UUID(bytes_le=attributes["objectGUID"][0])): (dn, attributes)
            for dn, attributes in entries(self.admin, self.place, names=("*",)).items()
        }

    def can_hold(self, subject: str) -> bool:
        return subject not in {"", "\ud800"}

    def clean(self) -> None:
        self.admin.delete(self.place, controls=TREE_DELETE)
        done(self.admin)


def utc(day: date) -> datetime:
    """The moment at which a day begins in Helsinki."""
    return datetime(day.year, day.month, day.day, tzinfo=HELSINKI).astimezone(UTC)
