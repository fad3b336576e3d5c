"""KaseNet's registers in real systems: CRM in PostgreSQL, tickets in MariaDB, the map in PostGIS, customers'
accounts in OpenLDAP and in Active Directory, mail in Dovecot; documents and paper as in the demo.

The sample's SQLite files are the story; this module tells it again to the real systems, and looks into each of them
in a way that has nothing to do with our connectors.
"""

from __future__ import annotations

import sqlite3
import ssl
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pymysql

from retention.connectors.ldap.wire import ldap3
from retention.inventory_document import yaml_text
from samples.documents import whole
from samples.kasenet import COMPANY
from samples.kasenet.story import Customer, Story, tell
from samples.kasenet.systems import build
from samples.servers import Running

TODAY = date(2026, 6, 1)
SEED, CUSTOMERS = 9, 90
LDAP_BASE = "dc=isp,dc=example"
AD_BASE = "DC=isp,DC=example"
AD_PEOPLE = f"OU=Asiakkaat,{AD_BASE}"
SHOW_DELETED = [("1.2.840.113556.1.4.417", True, None), ("1.2.840.113556.1.4.2064", True, None)]
ROLE = "info@isp.example"


@dataclass
class RealKaseNet:
    """The servers, the data directory, and the story that they were told."""

    data: Path
    postgres: Running
    mariadb: Running
    slapd: Running
    ad: Running
    dovecot: Running
    story: Story

    # how the connectors reach them ------------------------------------------------------------------------

    def connections(self) -> dict[str, Any]:
        """Instead of the sample's; passwords by reference, as files of the data directory."""
        secrets = self.data / "secrets"
        secrets.mkdir(exist_ok=True)
        for name, value in {
            "crm": f"postgresql+psycopg://postgres@127.0.0.1:{self.postgres.port}/crm",
            "kartta": f"postgresql+psycopg://postgres@127.0.0.1:{self.postgres.port}/kartta",
            "tiketit": f"mariadb+pymysql://test:test@127.0.0.1:{self.mariadb.port}/tiketit",
            "ldap": "ropa",
            "ad": "Passw0rd-Test",
            "posti": "secret",
        }.items():
            (secrets / name).write_text(value + "\n")
        secret = lambda name: {"secret": f"file:{{data}}/secrets/{name}"}  # noqa: E731
        return {
            "crm": {"kind": "sql", "config": {"url": secret("crm")}},
            "kuitukartta": {"kind": "sql", "config": {"url": secret("kartta")}},
            "tiketit": {"kind": "sql", "config": {"url": secret("tiketit")}},
            "hakemisto": {
                "kind": "ldap",
                "config": {
                    "url": f"ldap://127.0.0.1:{self.slapd.port}",
                    "tls": "off",
                    "bind_dn": f"cn=ropa,{LDAP_BASE}",
                    "password": secret("ldap"),
                    "accesslog": "cn=accesslog",
                },
            },
            "toimialue": {
                "kind": "ldap",
                "config": {
                    "url": f"ldaps://{self.ad.address}",
                    "bind_dn": "Administrator@isp.example",
                    "password": secret("ad"),
                    "ca_file": str(self.ad.directory / "ad/private/tls/ca.pem"),
                    "server_name": "dc1.isp.example",
                },
            },
            "posti": {
                "kind": "imap",
                "config": {
                    "host": "127.0.0.1",
                    "port": self.dovecot.port,
                    "tls": "none",
                    "master_user": "master",
                    "password": secret("posti"),
                    "own_domains": "isp.example info@example.invalid",
                    "doveadm_url": f"http://127.0.0.1:{self.dovecot.port + 1}",
                    "doveadm_key": secret("posti"),
                },
            },
        }

    def document(self) -> dict[str, Any]:
        """KaseNet's inventory, with the real systems in the place of the embedded ones."""
        found: dict[str, Any] = whole(replace(COMPANY, further=()), yaml_text.parse)
        found["connections"] = {**found["connections"], **self.connections()}
        registers = {register["id"]: register for register in found["registers"]}
        registers["asiakashallinta"]["identities"] = [
            {
                "id": "sahkopostit",
                "kind": "email",
                "subject_kind": "customer",
                "place": "asiakas",
                "subject": "asiakasnro",
                "value": "sahkoposti",
                "valid_from": "luotu",
            }
        ]
        for code, name in (("hakemisto", "Asiakastunnukset"), ("toimialue", "Asiakasportaalin toimialue")):
            found["registers"].append(
                {"id": code, "name": {"fi": name}, "medium": "directory", "connection": code, "declared": False}
            )
        datasets = {dataset["id"]: dataset for dataset in found["datasets"]}
        account = {
            "activity": "asiakassuhde",
            "grain": "subject",
            "subject_kind": "customer",
            "enforced_by": "us",
            "grounds": datasets["posti-asiakkaat"]["grounds"][:1],
        }
        account["grounds"] = [{**account["grounds"][0], "purpose": "palvelut"}]
        found["datasets"] += [
            {
                "id": "hakemisto-tunnukset",
                "name": {"fi": "Asiakkaiden tunnukset"},
                "register": "hakemisto",
                "mapping": {
                    "place": f"ou=customers,{LDAP_BASE}",
                    "key": "entryUUID",
                    "subject": "employeeNumber",
                    "options": {"filter": {"objectClass": "inetOrgPerson"}, "groups": f"ou=groups,{LDAP_BASE}"},
                },
                **account,
            },
            {
                "id": "toimialue-tunnukset",
                "name": {"fi": "Portaalin tunnukset"},
                "register": "toimialue",
                "mapping": {
                    "place": AD_PEOPLE,
                    "key": "objectGUID",
                    "subject": "employeeNumber",
                    "options": {"filter": {"objectClass": "user"}, "mark_attribute": "adminDescription"},
                },
                **account,
            },
        ]
        for code in ("crm-henkilotunnukset", "crm-asiakkaat"):
            datasets[code]["mapping"]["options"] = {"history": [{"place": "asiakas_historia", "key": "id"}]}
        datasets["posti-asiakkaat"]["mapping"] = {
            "place": "*@isp.example",
            "key": "account",
            "subject": "local_part",
            "options": {"unit": "mailbox", "without": [ROLE, "test@isp.example"]},
        }
        roles = datasets["posti-roolit"]
        roles["subject_kind"] = "customer"
        roles["mapping"] = {
            "place": ROLE,
            "key": "uid",
            "subject": "correspondent",
            "subject_key": {"kind": "email", "via": "asiakashallinta", "at": "occurred"},
            "events": {"occurred": "received"},
            "options": {"unit": "message"},
        }
        became, never = ({"fact": "became_customer", "is": value} for value in (True, False))
        roles["grounds"] = [
            {**roles["grounds"][0], "trigger": "contract_ended", "period": "P1Y", "condition": became},
            {**roles["grounds"][0], "id": "ei-asiakas", "period": "P1Y", "condition": never},
        ]
        found["datasets"] = [d for d in found["datasets"] if d["id"] != "posti-henkilosto"]
        return found

    # what lies in them, looked at without a connector --------------------------------------------------------

    def rows(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """(system, place, row) of every row, entry, message and file of the real systems."""
        for name in ("crm", "kartta"):
            for table, row in self._postgres_rows(name):
                yield f"PostgreSQL {name}", table, row
        for table, row in self._mariadb_rows():
            yield "MariaDB", table, row
        for base in (f"ou=customers,{LDAP_BASE}", "cn=accesslog", f"ou=groups,{LDAP_BASE}"):
            for dn, entry in self._entries(self._slapd(), base, None):
                yield "OpenLDAP", base, {"dn": dn, **entry}
        for dn, entry in self._entries(self._domain(), AD_BASE, SHOW_DELETED):
            yield "Active Directory", AD_BASE, {"dn": dn, **entry}
        mail = self.dovecot.directory / "mail"
        for path in sorted(mail.rglob("*")):
            if path.is_file() and (path.parent.name in {"cur", "new"} or path.name.startswith("dovecot.index.cache")):
                # an account without a message is an empty box: who may have one is told elsewhere
                place = path if path.parent.name in {"cur", "new"} else Path(mail, "index", path.name)
                yield "Dovecot", str(place.relative_to(mail)), {"content": path.read_bytes()}
        documents = self.data / "demo" / "kasenet" / "dokumentit"
        for path in sorted(documents.rglob("*.pdf")):
            yield "documents", str(path.relative_to(documents)), {"content": path.read_bytes()}

    def of(self, customer: Customer) -> dict[str, list[str]]:
        """Where something of this customer lies: system -> places."""
        needles = (customer.number, customer.person.name, customer.person.email)
        found: dict[str, list[str]] = {}
        for system, place, row in self.rows():
            if any(_says(place, needle) or any(_says(value, needle) for value in row.values()) for needle in needles):
                found.setdefault(system, []).append(place)
        return found

    def snapshot(self, customer: Customer) -> list[tuple[str, str, str]]:
        """Everything of this customer, byte for byte; what a directory counts by itself is left out."""
        needles = (customer.number, customer.person.name, customer.person.email)
        kept = []
        for system, place, row in self.rows():
            if system == "Dovecot" and Path(place).parent.name not in {"cur", "new"}:
                continue  # the server's own indexes and folder marks
            if place == "cn=accesslog":
                continue
            if place.startswith("ou=groups") and "member" in row:
                row["member"] = [one for one in row["member"] if _says(one, customer.number)]  # others leave it
            if any(_says(place, needle) or any(_says(value, needle) for value in row.values()) for needle in needles):
                kept.append((system, place, repr(sorted(row.items()))))
        return sorted(kept)

    def _postgres_rows(self, database: str) -> Iterator[tuple[str, dict[str, Any]]]:
        with psycopg.connect(f"host=127.0.0.1 port={self.postgres.port} user=postgres dbname={database}") as connection:
            tables = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
            for (table,) in tables:
                if table == "spatial_ref_sys":
                    continue
                cursor = connection.execute(f'select * from "{table}" order by 1')
                names = [column.name for column in cursor.description or ()]
                for row in cursor:
                    yield table, dict(zip(names, row, strict=True))

    def _mariadb_rows(self) -> Iterator[tuple[str, dict[str, Any]]]:
        with closing(_mariadb(self.mariadb, "tiketit")) as connection, connection.cursor() as cursor:
            cursor.execute("show tables")
            for (table,) in cursor.fetchall():
                cursor.execute(f"select * from `{table}` order by 1")
                names = [column[0] for column in cursor.description]
                for row in cursor.fetchall():
                    yield table, dict(zip(names, row, strict=True))

    def _slapd(self) -> ldap3.Connection:
        server = ldap3.Server("127.0.0.1", port=self.slapd.port)
        return ldap3.Connection(server, f"cn=admin,{LDAP_BASE}", "secret", auto_bind=True)

    def _domain(self) -> ldap3.Connection:
        tls = ldap3.Tls(validate=ssl.CERT_NONE)
        server = ldap3.Server(self.ad.address, port=636, use_ssl=True, tls=tls)
        return ldap3.Connection(server, "Administrator@isp.example", "Passw0rd-Test", auto_bind=True)

    def _entries(self, connection: ldap3.Connection, base: str, controls: Any) -> Iterator[tuple[str, dict[str, Any]]]:
        try:
            found = connection.extend.standard.paged_search(
                base, "(objectClass=*)", attributes=["*"], paged_size=200, controls=controls
            )
            for entry in found:
                if entry["type"] == "searchResEntry":
                    yield entry["dn"], dict(entry["raw_attributes"])
        finally:
            connection.unbind()


def _says(value: object, needle: str) -> bool:
    match value:
        case bytes():
            return needle.encode() in value
        case list():
            return any(_says(one, needle) for one in value)
        case _:
            return needle in str(value)


@contextmanager
def real_kasenet(data: Path, servers: Mapping[str, Running]) -> Iterator[RealKaseNet]:
    """Build the sample and tell its story to the real systems."""
    directory = data / "demo" / "kasenet"
    directory.parent.mkdir(parents=True)
    build(directory, TODAY, SEED, CUSTOMERS)
    world = RealKaseNet(
        data,
        servers["postgres"],
        servers["mariadb"],
        servers["slapd"],
        servers["ad"],
        servers["dovecot"],
        tell(TODAY, SEED, CUSTOMERS),
    )
    _fill_postgres(world, directory)
    _fill_mariadb(world, directory)
    _fill_slapd(world)
    _fill_domain(world)
    _fill_dovecot(world)
    yield world


def _schema(path: Path, tables: tuple[str, ...] | None = None) -> tuple[list[str], dict[str, list[tuple[Any, ...]]]]:
    """The statements that made a SQLite file, and its rows in an order that foreign keys allow."""
    with closing(sqlite3.connect(path)) as source:
        statements = source.execute(
            "select sql, name, tbl_name from sqlite_master"
            " where sql is not null and name not like 'sqlite_%' order by rowid"
        ).fetchall()
        wanted = [(sql, name) for sql, name, table in statements if tables is None or table in tables]
        names = [name for sql, name in wanted if sql.startswith("CREATE TABLE")]
        return [sql for sql, _ in wanted if not sql.startswith("CREATE TRIGGER")], {
            name: source.execute(f"select * from {name} order by 1").fetchall() for name in names
        }


def _fill_postgres(world: RealKaseNet, directory: Path) -> None:
    address = f"host=127.0.0.1 port={world.postgres.port} user=postgres"
    with psycopg.connect(f"{address} dbname=postgres", autocommit=True) as admin:
        admin.execute("create database crm")
        admin.execute("create database kartta")
    statements, tables = _schema(directory / "crm.sqlite3")
    with psycopg.connect(f"{address} dbname=crm") as crm:
        for statement in statements:
            crm.execute(statement)
        for table, rows in tables.items():
            for row in rows:
                values = [bool(v) if table == "asiakas" and n == 7 and v is not None else v for n, v in enumerate(row)]
                crm.execute(f"insert into {table} values ({', '.join(['%s'] * len(row))})", values)
        _history(crm)
    _, layers = _schema(directory / "kuitukartta.gpkg", ("liittyma", "kaapeli", "sijoituslupa"))
    with psycopg.connect(f"{address} dbname=kartta") as kartta:
        kartta.execute("create extension postgis")
        kartta.execute(
            "create table liittyma (fid integer primary key, geom geometry(Point, 3067), liittymatunnus text not null,"
            " rakennettu date, asiakasnro text, asiakas_nimi text, asiakas_puhelin text)"
        )
        kartta.execute("create index on liittyma (asiakasnro)")
        kartta.execute(
            "create table sijoituslupa (fid integer primary key, geom geometry(Point, 3067), lupatunnus text not null,"
            " myonnetty date not null, purettu date, maanomistaja text)"
        )
        for table in ("liittyma", "sijoituslupa"):
            for fid, _, *rest in layers[table]:
                marks = ", ".join(["%s"] * len(rest))
                point = "ST_SetSRID(ST_MakePoint(%s, 7000000), 3067)"
                kartta.execute(f"insert into {table} values (%s, {point}, {marks})", [fid, 380_000 + fid, *rest])


def _history(crm: psycopg.Connection[Any]) -> None:
    """What a real CRM has and nobody remembers: a trigger that keeps every former row."""
    crm.execute(
        "create table asiakas_historia (id integer, asiakasnro text, nimi text, sahkoposti text, muutettu timestamptz)"
    )
    crm.execute("create index on asiakas_historia (id)")
    crm.execute(
        "create function muista() returns trigger language plpgsql as $$ begin"
        " insert into asiakas_historia values (old.id, old.asiakasnro, old.nimi, old.sahkoposti, now());"
        " return null; end $$"
    )
    crm.execute("create trigger muista after update or delete on asiakas for each row execute function muista()")
    crm.execute("update asiakas set puhelin = puhelin")


def _mariadb(running: Running, database: str | None = None) -> Any:
    return pymysql.connect(
        host="127.0.0.1", port=running.port, user="test", password="test", database=database, charset="utf8mb4"
    )


def _fill_mariadb(world: RealKaseNet, directory: Path) -> None:
    _, tables = _schema(directory / "tiketit.sqlite3")
    with closing(_mariadb(world.mariadb)) as connection, connection.cursor() as cursor:
        cursor.execute("create database tiketit character set utf8mb4")
        cursor.execute("use tiketit")
        cursor.execute(
            "create table tiketti (id integer primary key, asiakasnro varchar(20) not null, otsikko text not null,"
            " avattu date not null, suljettu date, tila varchar(20) not null, key (asiakasnro))"
        )
        cursor.execute(
            "create table viesti (id integer primary key, tiketti_id integer not null, lahetetty date not null,"
            " teksti text not null, foreign key (tiketti_id) references tiketti (id))"
        )
        cursor.execute(
            "create table liite (id integer primary key, viesti_id integer not null, asiakasnro varchar(20) not null,"
            " lisatty date not null, nimi text not null, sisalto blob not null,"
            " foreign key (viesti_id) references viesti (id), key (asiakasnro))"
        )
        for table in ("tiketti", "viesti", "liite"):
            for row in tables[table]:
                cursor.execute(f"insert into {table} values ({', '.join(['%s'] * len(row))})", row)
        connection.commit()


def _fill_slapd(world: RealKaseNet) -> None:
    server = ldap3.Server("127.0.0.1", port=world.slapd.port)
    connection = ldap3.Connection(server, f"cn=ropa,{LDAP_BASE}", "ropa", auto_bind=True)
    try:
        members = []
        for customer in world.story.customers:
            if not customer.contracts:
                continue
            dn = f"uid=k{customer.number},ou=customers,{LDAP_BASE}"
            attributes = {
                "cn": customer.person.name,
                "sn": customer.person.name.split()[-1],
                "mail": customer.person.email,
                "employeeNumber": customer.number,
            }
            assert connection.add(dn, "inetOrgPerson", attributes), connection.result
            members.append(dn)
        group = f"cn=laajakaista,ou=groups,{LDAP_BASE}"
        assert connection.add(group, "groupOfNames", {"member": members}), connection.result
    finally:
        connection.unbind()


def _fill_domain(world: RealKaseNet) -> None:
    connection = world._domain()
    try:
        assert connection.add(AD_PEOPLE, "organizationalUnit"), connection.result
        for customer in world.story.customers:
            if not customer.contracts:
                continue
            attributes = {
                "sAMAccountName": f"k{customer.number}",
                "employeeNumber": customer.number,
                "displayName": customer.person.name,
                "mail": customer.person.email,
                "streetAddress": customer.person.address,
            }
            dn = f"CN={customer.person.name} {customer.number},{AD_PEOPLE}"
            kinds = ["top", "person", "organizationalPerson", "user"]
            assert connection.add(dn, kinds, attributes), connection.result
    finally:
        connection.unbind()


def _fill_dovecot(world: RealKaseNet) -> None:
    """Customers' mailboxes and one role's, delivered as the sample delivered them."""
    import imaplib

    source = world.data / "demo" / "kasenet" / "posti"
    boxes = {f"{box.name}@isp.example": box for box in sorted((source / "asiakkaat").iterdir())}
    boxes[ROLE] = source / "roolit" / "info"
    with (world.dovecot.directory / "passwd").open("a") as passwd:
        passwd.writelines(f"{account}:{{PLAIN}}keksitty::::::\n" for account in boxes)
    for account, box in boxes.items():
        with imaplib.IMAP4("127.0.0.1", world.dovecot.port) as client:
            client.login(f"{account}*master", "secret")
            for message in sorted((box / "cur").iterdir()):
                moment = int(message.name.split(".")[0])
                stamp = imaplib.Time2Internaldate(moment)
                answer, _ = client.append("INBOX", r"(\Seen)", stamp, message.read_bytes())
                assert answer == "OK"
    with imaplib.IMAP4("127.0.0.1", world.dovecot.port) as client:
        client.login(f"{ROLE}*master", "secret")
        for customer in world.story.customers:
            if customer.contracts:
                day = max(customer.contracts[0].started, customer.recorded)
                noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
                text = f"From: {customer.person.email}\r\nTo: {ROLE}\r\nSubject: Kiitos\r\n\r\nTeksti\r\n"
                stamp = imaplib.Time2Internaldate(noon)
                assert client.append("INBOX", r"(\Seen)", stamp, text.encode())[0] == "OK"
