"""A real browser before the real application, on SQLite and on PostgreSQL.

Everything here ends with the last test of this folder: Playwright runs an event loop in the thread of the tests,
under which no other test could use Django's database. For the same reason these tests never use it themselves: they
look at pages, and into the databases with their own drivers (`OwnDatabase.rows`).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from samples.servers import missing
from tests.browser import world
from tests.browser.server import collect_static, serving
from tests.browser.visits import Visit, Watched, open_context, sign_in
from tests.own_database import OwnDatabase
from tests.servers.fixtures import need

expect.set_options(timeout=60_000)

HERE = Path(__file__).parent
VENDORS = ("sqlite", "postgresql")
ALONE = [
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    *(["--no-sandbox"] if os.geteuid() == 0 else []),
]
"""How the browser is started: it knows no host but this one."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("browser"))


@dataclass(frozen=True)
class World:
    """One database server's evening and morning, to be copied, and the folder of static files."""

    evening: OwnDatabase
    morning: OwnDatabase
    static: Path


@dataclass(frozen=True)
class Served:
    """An application with a copy of a world of its own."""

    own: OwnDatabase
    address: str

    @property
    def log(self) -> str:
        return (self.own.directory / "server.log").read_text()

    def register(self, file: str) -> Path:
        """A register's own database or folder, as KaseNet's demo built it."""
        return self.own.directory / "demo" / "kasenet" / file


@pytest.fixture(scope="package")
def worlds(
    request: pytest.FixtureRequest,
    migrated: Callable[[str], OwnDatabase],
    tmp_path_factory: pytest.TempPathFactory,
    django_db_blocker: Any,
) -> Iterator[dict[str, World]]:
    """Built once, for those databases that the tests of this run ask for, before the browser starts."""
    need("chromium")
    specs = [getattr(item, "callspec", None) for item in request.session.items]
    asked = {one.params.get("vendor") for one in specs if one is not None}
    static = collect_static(tmp_path_factory.mktemp("static"))
    found: dict[str, World] = {}
    with ExitStack() as stack:
        for vendor in VENDORS:
            if vendor == "postgresql" and (vendor not in asked or missing("postgres")):
                continue
            with django_db_blocker.unblock():
                empty = migrated(vendor)
                evening = stack.enter_context(empty.copy(tmp_path_factory.mktemp(f"evening-{vendor}")))
                assert evening.in_process(world.evening) == 0
                morning = stack.enter_context(evening.copy(tmp_path_factory.mktemp(f"morning-{vendor}")))
                assert morning.in_process(world.morning) == 0
            found[vendor] = World(evening, morning, static)
        yield found


@pytest.fixture(scope="package")
def chromium(worlds: dict[str, World]) -> Iterator[Browser]:
    """Debian's."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ALONE)
        yield browser
        browser.close()


@pytest.fixture(params=VENDORS)
def vendor(request: pytest.FixtureRequest) -> str:
    if request.param == "postgresql":
        need("postgres")
    return str(request.param)


def _served(own: OwnDatabase, static: Path, directory: Path, stack: ExitStack) -> Served:
    copy = stack.enter_context(own.copy(directory))
    (directory / "static").symlink_to(static)
    return Served(copy, stack.enter_context(serving(copy)))


@pytest.fixture
def morning(vendor: str, worlds: dict[str, World], chromium: Browser, tmp_path: Path) -> Iterator[Served]:
    """After the night, on each database."""
    with ExitStack() as stack:
        yield _served(worlds[vendor].morning, worlds[vendor].static, tmp_path / "own", stack)


@pytest.fixture
def evening(vendor: str, worlds: dict[str, World], chromium: Browser, tmp_path: Path) -> Iterator[Served]:
    """Before the night, on each database."""
    with ExitStack() as stack:
        yield _served(worlds[vendor].evening, worlds[vendor].static, tmp_path / "own", stack)


@pytest.fixture(scope="package")
def shared(
    worlds: dict[str, World], chromium: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str, str], Served]]:
    """By vendor and purpose: a morning that several tests share, served when first asked for."""
    found: dict[tuple[str, str], Served] = {}
    with ExitStack() as stack:

        def of(vendor: str, purpose: str) -> Served:
            if (vendor, purpose) not in found:
                directory = tmp_path_factory.mktemp(f"{purpose}-{vendor}")
                found[vendor, purpose] = _served(worlds[vendor].morning, worlds[vendor].static, directory, stack)
            return found[vendor, purpose]

        yield of


@pytest.fixture
def standing(vendor: str, shared: Callable[[str, str], Served]) -> Served:
    """The morning on each database, one for all tests that only look."""
    return shared(vendor, "standing")


@pytest.fixture(scope="package")
def standing_once(shared: Callable[[str, str], Served]) -> Served:
    """The same where the database makes no difference."""
    return shared("sqlite", "standing")


@pytest.fixture
def worked(vendor: str, shared: Callable[[str, str], Served]) -> Served:
    """The morning on each database, one for all tests that decide something and count only what they added."""
    return shared(vendor, "worked")


@pytest.fixture
def edited(vendor: str, shared: Callable[[str, str], Served]) -> Served:
    """The morning on each database, one for all tests that change the record and publish it."""
    return shared(vendor, "edited")


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Visit]:
    """Open the browser at an address, as somebody; afterwards nothing may have gone wrong in any of them."""
    watched = Watched()
    with ExitStack() as stack:

        def opened(address: str, name: str | None = None, **given: object) -> Page:
            context = open_context(chromium, watched, address, **given)
            stack.callback(context.close)
            page = context.new_page()
            if name is not None:
                sign_in(page, name)
            return page

        yield opened
        assert watched.troubles == []
