"""Every page and the states in which it is looked at: driven by the addresses, so that a new page has to have one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.urls import URLPattern, URLResolver, get_resolver
from playwright.sync_api import Page

from tests.browser.conftest import Served
from tests.browser.world import EMPTY, EVERYWHERE, KASENET, LINK, LONG

ACTIONS = frozenset(
    {"alarm-acknowledge", "night-ask", "night-stop", "stop", "stop-resume", "hold-release", "logout", "set_language"}
)
"""Addresses that are only sent to: they show no page of their own."""
ELSEWHERE = ("admin", "api", "healthz")
"""What is no page of ours: Django's administration, the API, and the address for machines."""


@dataclass(frozen=True)
class State:
    """A page as somebody meets it. `page`: its address's name; `act`: what is done there before one looks."""

    page: str
    what: str
    address: str
    who: str | None = EVERYWHERE
    act: Callable[[Page], None] | None = None
    status: int = 200

    @property
    def name(self) -> str:
        return f"{self.page}, {self.what}"


def send(*filled: tuple[str, str]) -> Callable[[Page], None]:
    """Fill fields by their names and send the page's main form."""

    def act(page: Page) -> None:
        for field, value in filled:
            page.locator(f"main [name={field}]").fill(value)
        page.locator("main .btn-1").first.click()

    return act


def open_all(page: Page) -> None:
    """Everything that is folded up."""
    for summary in page.locator("main summary").all():
        summary.click()


def states(served: Served) -> list[State]:
    """Of the morning's world."""
    ((today,),) = served.own.rows("select max(business_date) from retention_run")
    ((customer,),) = served.own.rows("select min(subject) from retention_holdsubject where length(subject) > 0")
    link = (served.own.directory / LINK).read_text()
    demo, empty, long = (f"/o/{slug}/" for slug in (KASENET, EMPTY, LONG))
    everywhere = [
        State(page, what, where + address)
        for page, address in (
            ("morning", ""),
            ("lots", "lots/"),
            ("alarms", "alarms/"),
            ("nights", "nights/"),
            ("registers", "registers/"),
            ("person", "person/"),
            ("reports", "reports/"),
            ("evidence", "evidence/"),
            ("holds", "holds/"),
        )
        for what, where in (("demo", demo), ("empty", empty), ("long names", long))
    ]
    return [
        *everywhere,
        State("login", "signed out", "/login/", None),
        State("login", "wrong password", "/login/", None, send(("username", "nobody"), ("password", "wrong"))),
        State("portfolio", "three organisations", "/"),
        State("portfolio", "no role", "/", "stranger"),
        State("morning", "controller's", demo, "alice"),
        State("lots", "controller's", f"{demo}lots/", "alice"),
        State("lots", "opened", f"{demo}lots/", "alice", open_all),
        State("lots", "nothing chosen", f"{demo}lots/", "alice", send()),
        State("nights", "controller's", f"{demo}nights/", "alice", open_all),
        State("night", "demo", f"{demo}nights/{today}/"),
        State("register", "demo", f"{demo}registers/asiakashallinta/"),
        State(
            "register", "reached", f"{demo}registers/asiakashallinta/", act=lambda p: p.locator(".acts button").click()
        ),
        State("register", "long names", f"{long}registers/laskutus/"),
        State("registers", "nothing found", f"{demo}registers/?q=olematon"),
        State("person", "answered", f"{demo}person/", act=send(("number", str(customer)))),
        State("person", "unknown", f"{demo}person/", act=send(("number", "0"))),
        State("person", "not reached", f"{long}person/", act=send(("number", "1"))),
        State("holds", "controller's", f"{demo}holds/", "alice", open_all),
        State("holds", "wrong form", f"{demo}holds/", act=send(("review_by", "2020-01-01"))),
        State("reports", "wrong day", f"{demo}reports/?as_of=2999-01-01&format=json", status=422),
        State("evidence", "verified", f"{demo}evidence/", act=send()),
        State("review", "asked", link, None),
        State("review", "unknown", "/review/nothing/", None, status=404),
        State("error", "missing", f"{demo}nothing/", status=404),
        State("error", "no right", f"{demo}person/", "aino", status=403),
    ]


def named_pages() -> set[str]:
    """Every address of ours that somebody can open, by its name."""
    found = set()

    def collect(patterns: list[URLPattern | URLResolver], within: str) -> None:
        for one in patterns:
            path = within + str(one.pattern)
            if path.startswith(ELSEWHERE):
                continue
            if isinstance(one, URLResolver):
                collect(one.url_patterns, path)
            elif one.name not in ACTIONS:
                found.add(str(one.name))

    collect(get_resolver().url_patterns, "")
    return found
