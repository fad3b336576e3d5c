"""What is killed: a night on a real database, one that blocks accounts in a real directory, the closing of a register.

Each is prepared in a place of its own, acted once, and begun again by the command that a person would type.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from io import StringIO
from typing import Any

from django.core.management import call_command

from benchmarks import a_django as a_django
from benchmarks.fault_world import Place
from benchmarks.kill_points import Point
from retention.closed import closings
from retention.connectors.ldap.wire import ldap3
from retention.connectors.suite import Given
from retention.leaving import close
from retention.models import Attempt, Connection, DatasetNight, EvidenceHead, Lot, Run
from retention.night import run_night
from ropa.models import Organisation, Version
from samples.servers import Running
from tests.connectors.ldap_worlds import SUFFIX, SlapdWorld, entries, raw
from tests.retention import leaving_company
from tests.retention.company import (
    CONTRACTS,
    NOW,
    SCHEMA,
    TICKETS,
    TODAY,
    document,
    found_company,
    ground,
    publish,
)

CHUNK = 2
At = Callable[[str], None]


class Scenario(ABC):
    """Something that may be killed at each of its points."""

    name = ""

    def __init__(self, place: Place) -> None:
        self.place = place

    @staticmethod
    @abstractmethod
    def mine(point: Point) -> bool:
        """Whether a point is one of this protocol's."""

    @abstractmethod
    def prepare(self) -> None:
        """In a process of its own, before anything begins."""

    @abstractmethod
    def act(self, at: At) -> None:
        """Do it, told of each point."""

    @abstractmethod
    def again(self) -> None:
        """Begin again by the ordinary command. Raises SystemExit where it did not succeed."""

    @abstractmethod
    def end(self) -> dict[str, Any]:
        """What must be the same whoever was killed how often."""


class NightOnSql(Scenario):
    """The small company's night, its register on the database that the place has."""

    name = "night"

    @staticmethod
    def mine(point: Point) -> bool:
        return point.module != "leaving" and point.name != "before blocking"

    def prepare(self) -> None:
        found_company(self.place.own.directory)
        source = self.place.source
        source.run(*[statement for statement in SCHEMA.split(";") if statement.strip()])
        numbers = sorted({row[0] for row in CONTRACTS})
        source.run(
            "insert into asiakas values (%s, %s, 'Testihenkilö', 'Esimerkkikatu')",
            rows=[(key, number) for key, number in enumerate(numbers, 1)],
        )
        source.run(
            "insert into sopimus(id, asiakasnro, sopimusnro, alku, loppu, tila) values (%s, %s, %s, %s, %s, %s)",
            rows=[(key, *row) for key, row in enumerate(CONTRACTS, 1)],
        )
        source.run(
            "insert into tiketti(id, asiakasnro, aihe, avattu, suljettu, tila) values (%s, %s, 'vika', %s, %s, %s)",
            rows=[(key, *row) for key, row in enumerate(TICKETS, 1)],
        )
        source.run(
            "insert into viesti(id, tiketti_id, teksti) values (%s, %s, 'viesti')",
            rows=[(key, (key + 1) // 2) for key in range(1, 2 * len(TICKETS) + 1)],
        )
        Connection.objects.update(config={"url": source.url()})

    def act(self, at: At) -> None:
        run_night(Organisation.objects.get(), TODAY, NOW, chunk=CHUNK, at=at)

    def again(self) -> None:
        call_command("nightly", on=TODAY, stdout=StringIO())

    def end(self) -> dict[str, Any]:
        tables = ("asiakas", "sopimus", "tiketti", "viesti")
        left = {table: sorted(map(repr, self.place.source.rows(f"select * from {table}"))) for table in tables}  # noqa: S608
        return {"rows": left, **night_end()}


class NightInDirectory(NightOnSql):
    """The night that makes a lot of a directory's accounts, which waits for its approval, and blocks them meanwhile."""

    name = "blocking"
    directory: Running

    @staticmethod
    def mine(point: Point) -> bool:
        return point.name == "before blocking"

    @cached_property
    def ou(self) -> str:
        return str(self.world_place())

    def world_place(self) -> str:
        with self._admin() as admin:
            world = SlapdWorld(self.directory, admin)
            world.add([Given(subject=number, day=None) for number in ("1001", "1002", "1005", "1008")])
            return str(world.place)

    def _admin(self) -> Any:
        return raw(ldap3.Server("127.0.0.1", port=self.directory.port), f"cn=admin,{SUFFIX}", "secret")

    def prepare(self) -> None:
        super().prepare()
        organisation = Organisation.objects.get()
        config = {"url": f"ldap://127.0.0.1:{self.directory.port}", "bind_dn": f"cn=ropa,{SUFFIX}"}
        config |= {"password": "ropa", "tls": "off", "timeout": "20"}
        Connection.objects.create(organisation=organisation, code="hakemisto", kind="ldap", config=config)
        content = document({"mode": "purge", "approval": "one", "grace": "P0D", "waves": False})
        content["registers"].append(
            {"id": "hakemisto", "name": {"fi": "Hakemisto"}, "medium": "directory", "connection": "hakemisto"}
        )
        flag = {"attribute": "businessCategory", "value": "poistuu"}
        mapping: dict[str, Any] = {"place": self.ou, "key": "entryUUID", "subject": "employeeNumber"}
        mapping["options"] = {"mark_attribute": "description", "flag": flag}
        accounts = {**content["datasets"][1], "id": "tilit", "register": "hakemisto", "mapping": mapping}
        content["datasets"] = [{**accounts, "grounds": [ground("sopimus")]}]
        Version.objects.all().delete()
        publish(organisation, content)

    def end(self) -> dict[str, Any]:
        names = ("employeeNumber", "businessCategory", "description")
        with self._admin() as admin:
            found = sorted(map(repr, (sorted(told.items()) for told in entries(admin, self.ou, names=names).values())))
        return {**super().end(), "accounts": found}


class Closing(Scenario):
    """A register that its company leaves."""

    name = "closing"

    @staticmethod
    def mine(point: Point) -> bool:
        return point.module == "leaving"

    def prepare(self) -> None:
        leaving_company.found(self.place.own.directory)
        self.place.source.run(*leaving_company.OLD)
        Connection.objects.filter(code="vanha").update(config={"url": self.place.source.url()})

    def act(self, at: At) -> None:
        if "vanha" in closings(Organisation.objects.get()):
            return
        close(Organisation.objects.get(), "vanha", "controller", "uusi järjestelmä", datetime.now(UTC), at=at)

    def again(self) -> None:
        if "vanha" not in closings(Organisation.objects.get()):
            decided = {"by": "controller", "reason": "uusi järjestelmä"}
            call_command("close_register", "testi", "vanha", **decided, stdout=StringIO())

    def end(self) -> dict[str, Any]:
        ((code, event),) = closings(Organisation.objects.get()).items()
        told = json.loads(event.certificate)
        states = {one["dataset"]: (one["state"], one["items"]) for one in told["datasets"]}
        return {"closed": code, "datasets": states, "heads": EvidenceHead.objects.count()}


def night_end() -> dict[str, Any]:
    """Lots, tallies, outcomes and the reader's answer. Raises AssertionError where D3's identity does not hold."""
    lots = []
    for lot in Lot.objects.order_by("dataset", "id"):
        outcomes = Counter(lot.tally)
        if sum(outcomes.values()) != lot.next_position:
            raise AssertionError(f"lot {lot.pk}: {lot.tally} for {lot.next_position} keys")
        gone = outcomes.pop("destroyed", 0) + outcomes.pop("recovered", 0)
        kept = sorted(lot.exceptions.values_list("position", "outcome"))
        lots.append([lot.dataset, lot.size, lot.next_position, lot.state, gone, dict(outcomes), kept])
    settled: Counter[int] = Counter()
    for attempt in Attempt.objects.all():
        if attempt.state != "outcome" or sum(attempt.tally.values()) != len(attempt.positions):
            raise AssertionError(f"attempt {attempt.pk} is {attempt.state}: {attempt.tally} of {attempt.positions}")
        settled[attempt.lot_id] += len(attempt.positions)
    for lot in Lot.objects.all():
        if settled[lot.pk] != lot.next_position:  # each key once in one night
            raise AssertionError(f"lot {lot.pk}: its attempts have {settled[lot.pk]} keys, it has {lot.next_position}")
    run = Run.objects.get()
    reader = sorted(DatasetNight.objects.values_list("dataset", "overdue_left", "unexplained", "problem"))
    return {"lots": lots, "run": run.state, "summary": run.summary, "reader": reader}
