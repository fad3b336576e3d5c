"""No room on the disk, in mid-night: it stops and says why, what went is in the journal and in an attempt, and when
there is room again the same night comes to its end. docs/explanation/faults.md tells what is tried and what is not.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from functools import partial
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection

from tests.e2e.fault_house import TOMORROW, House
from tests.e2e.full_disk import SmallDisk, night_until, no_room, small_disk
from tests.e2e.restore_house import CopiedCrm
from tests.own_database import OwnDatabase, administer
from tests.retention.company import DUE_CUSTOMERS, SURVIVORS, TODAY

pytestmark = pytest.mark.xdist_group("test_full_disk")

on_postgresql = pytest.mark.parametrize("own_database", ["postgresql"], indirect=True)
on_sqlite = pytest.mark.parametrize("own_database", ["sqlite"], indirect=True)

MOMENTS = [("", 0), ("collected crm", 1), ("intent committed", 2), ("disposed", 1), ("outcome committed", 3)]


def without_room(stack: ExitStack) -> None:
    stack.enter_context(no_room())


def resumed(house: House) -> None:
    """What went before is told; the ordinary command comes to the end."""
    house.sound()
    house.traced()
    assert house.run()[0] != "finished"
    assert house.nightly(TODAY) == 0
    house.whole(TODAY)
    house.traced()


class TestData:
    """The data directory, with our own database in it where that is a file."""

    @pytest.mark.parametrize(("point", "number"), MOMENTS)
    def test_no_file_can_be_written(self, house, point, number):
        assert house.own.in_process(partial(night_until, point, number, without_room)) == 1
        if house.own.server and point == "intent committed":
            assert house.own.rows("select problem from retention_nightstep where kind = 'work'") == [
                ("OSError: File too large",)
            ]
        if point:
            resumed(house)
        else:
            assert not house.own.rows("select 1 from retention_attempt")
            assert house.nightly(TODAY) == 0
            house.whole(TODAY)

    @on_postgresql
    def test_the_copy_of_the_head_cannot_be_written(self, house):
        """The night is over and signed; asked for once more, it is not run again, and its head is copied."""
        assert house.own.in_process(partial(night_until, "forgot", 1, without_room)) == 1
        copy = house.own.directory / "heads" / "testi" / "1.json"
        assert house.run()[0] == "finished"
        assert not copy.exists()
        assert house.nightly(TODAY) == 0
        assert copy.exists()
        house.whole(TODAY)

    @pytest.mark.parametrize(("point", "number"), MOMENTS[1:])
    @on_sqlite
    def test_the_file_system_is_full(self, own_database, crm, point, number):
        with small_disk(8) as disk, own_database.copy(disk.directory / "own") as own:
            house = House(own, crm).found()
            assert own.in_process(partial(night_until, point, number, disk.fill)) == 1
            disk.make_room()
            resumed(house)

    def test_what_a_start_that_failed_left_is_cleared_away(self, house):
        for _ in range(3):
            assert house.own.in_process(partial(night_until, "", 0, without_room)) == 1
        assert house.nightly(TODAY) == 0
        assert list((house.own.directory / "locks").glob("*")) == []


class TestOurDatabase:
    @pytest.mark.parametrize("point", ["collected crm", "intent journalled", "disposed"])
    @on_sqlite
    def test_a_file_that_may_not_grow(self, house, point):
        def no_page_more(stack: ExitStack) -> None:
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA max_page_count = 1")  # it is never less than there are

        assert house.own.in_process(partial(night_until, point, 1, no_page_more)) == 1
        resumed(house)

    @pytest.fixture
    def in_tablespace(self, own_database: OwnDatabase, postgres_server, crm) -> Iterator[tuple[House, SmallDisk]]:
        """Our tables in a small file system; each entry of the evidence takes a page of its own."""
        space = f"small_{os.getpid()}"
        with small_disk(64) as disk:
            owner = (Path(postgres_server.directory) / "data").stat()
            os.chown(disk.directory, owner.st_uid, owner.st_gid)
            administer(own_database.server, f"CREATE TABLESPACE {space} LOCATION '{disk.directory}'")
            administer(own_database.server, f"ALTER DATABASE {own_database.name} SET TABLESPACE {space}")
            own_database.rows("alter table retention_evidenceentry set (fillfactor = 10)")
            yield House(own_database, crm).found(), disk
            disk.make_room()
            administer(own_database.server, f"ALTER DATABASE {own_database.name} SET TABLESPACE pg_default")
            administer(own_database.server, f"DROP TABLESPACE {space}")

    @pytest.mark.parametrize("point", ["collected crm", "intent journalled", "disposed"])
    @on_postgresql
    def test_its_tablespace_is_full(self, in_tablespace, point):
        house, disk = in_tablespace
        assert house.own.in_process(partial(night_until, point, 1, disk.fill)) == 1
        disk.make_room()
        ((problem,),) = house.own.rows("select problem from retention_nightstep where problem <> ''")
        assert problem == "OperationalError 53100: our own database has no room on its disk"
        resumed(house)


class TestSource:
    """The register has no room: that is its problem, and the night names it and goes on."""

    def test_it_can_write_nothing(self, own_database):
        with small_disk(8) as disk:
            crm = CopiedCrm(disk.directory / "crm.sqlite3")
            house = House(own_database, crm).found()
            assert own_database.in_process(partial(night_until, "before disposal", 1, disk.fill)) == 0
            assert "disk with the database file is full" in house.problems()["tiketit"]
            house.named()
            house.traced()
            disk.make_room()
            assert house.nightly(TOMORROW) == 0
            house.whole()
            house.traced()


class TestCommand:
    def test_it_says_what_there_is_no_room_for_and_goes_on_with_others(self, house, tmp_path):
        said = tmp_path / "said"

        def nightly() -> None:
            err = StringIO()
            code = 0
            connection.ensure_connection()  # the disk is full from here on
            try:
                with no_room():
                    call_command("nightly", on=TODAY, stdout=StringIO(), stderr=err)
            except SystemExit as ended:
                code = int(str(ended.code))
            said.write_text(f"{code} {err.getvalue()}")

        assert house.own.in_process(nightly) == 0
        wanted = "OSError: File too large" if house.own.server else "OperationalError SQLITE_IOERR_WRITE"
        assert said.read_text().startswith(f"1 testi: {wanted}")
        assert house.crm.customers() > DUE_CUSTOMERS
        assert house.nightly(TODAY) == 0
        assert house.crm.customers() == SURVIVORS


def test_a_full_disk_is_full(tmp_path):
    with small_disk(1) as disk:
        disk.fill()
        with closing(sqlite3.connect(disk.directory / "x")) as database, pytest.raises(sqlite3.OperationalError):
            database.execute("create table x(y)")
