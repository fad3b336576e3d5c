"""A register that is a PostgreSQL of its own, for whoever breaks it on purpose."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count

import pytest

from tests.e2e.fault_house import Crm, House, Stoppable
from tests.own_database import OwnDatabase
from tests.servers.fixtures import need

NUMBERS = count()


@pytest.fixture(scope="module")
def source() -> Iterator[Stoppable]:
    need("postgres")
    one = Stoppable()
    one.start()
    yield one
    one.throw_away()


@pytest.fixture
def crm(source: Stoppable) -> Iterator[Crm]:
    one = Crm(source.port, f"crm_{os.getpid()}_{next(NUMBERS)}")
    one.make()
    yield one
    one.drop()


@pytest.fixture
def house(own_database: OwnDatabase, crm: Crm) -> House:
    """Our own database is SQLite and PostgreSQL in turn."""
    return House(own_database, crm).found()
