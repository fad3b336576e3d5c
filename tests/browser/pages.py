"""Every page and the states in which it is looked at: driven by the addresses, so that a new page has to have one."""

from __future__ import annotations

import json
from pathlib import Path

from django.urls import URLPattern, URLResolver, get_resolver

from tests.browser import account_states, record_states
from tests.browser.conftest import Served
from tests.browser.state import State, open_all, press, send
from tests.browser.world import EMPTY, HOUSE, KASENET, LINK, LONG, SUPERUSER

ACTIONS = frozenset(
    {
        "alarm-acknowledge",
        "night-ask",
        "night-stop",
        "stop",
        "stop-resume",
        "hold-release",
        "account_logout",
        "set_language",
        "draft-count",
        "draft-advise",
        "draft-approve",
        "draft-publish",
        "version-withdraw",
        "campaign-answer",
        "role-act",
        "role-decide",
        "token-revoke",
        "tokens-revoke",
    }
)
"""Addresses that are only sent to: they show no page of their own."""
LEADS = frozenset({"account_inactive", "mfa_index", "mfa_list_webauthn", "welcome-link"})
"""Addresses that only lead on: django-allauth asks for them by name, and a link's address does not stay in sight."""
PARTS = frozenset({"night-live", "begin-file", "night-certificate"})
"""A part of a page that runs, asked for by its script, and files to be taken away: none is a page."""
ELSEWHERE = ("admin", "api", "healthz")
"""What is no page of ours: Django's administration, the API, and the address for machines."""


def states(served: Served) -> list[State]:
    """Of the morning's world."""
    ((today,),) = served.own.rows("select max(business_date) from retention_run")
    ((customer,),) = served.own.rows("select min(subject) from retention_holdsubject where length(subject) > 0")
    order, box = paper_orders(served)
    link = (served.own.directory / LINK).read_text()
    ((lot,),) = served.own.rows("select min(id) from retention_lot where state = 'flagged'")
    ((bob,),) = served.own.rows("select id from auth_user where username = 'bob'")
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
            ("campaigns", "estimates/"),
            ("paper", "paper/"),
            ("paper-print", "paper/print/"),
            ("connections", "connections/"),
            ("law", "law/"),
            ("roles", "roles/"),
            ("flows", "flows/"),
            ("management", "reports/management/"),
        )
        for what, where in (("demo", demo), ("empty", empty), ("long names", long))
    ]
    return [
        *everywhere,
        *record_states.states(),
        *account_states.states(served),
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
        State("lot-sample", "closed", f"{demo}lots/{lot}/sample/", "alice"),
        State("campaigns", "groups", f"{demo}estimates/", "olga", press("look")),
        State("campaign", "proposed", f"{demo}estimates/1/", "olga"),
        State("campaign", "reader's", f"{demo}estimates/1/"),
        State("campaign", "no reason", f"{demo}estimates/1/", "olga", press("decide")),
        State("campaign-new", "asked", f"{demo}estimates/new/?{GROUP}", "olga"),
        State("campaign-new", "wrong form", f"{demo}estimates/new/?{GROUP}", "olga", send()),
        State("campaign-minutes", "to print", f"{demo}estimates/1/minutes/html/"),
        State("paper", "unknown number", f"{demo}paper/", act=lambda p: p.locator("main form button").first.click()),
        State("paper-order", "destroyed", f"{demo}paper/arkisto/{box}/", "olga"),
        State("paper-order", "papers", f"{demo}paper/arkisto/{order}/", "olga", open_all),
        State("paper-order", "reader's", f"{demo}paper/arkisto/{order}/"),
        State("paper-order", "wrong form", f"{demo}paper/arkisto/{order}/", "olga", send()),
        State("paper-sheet", "to print", f"{demo}paper/arkisto/{order}/print/"),
        State("paper-certificate", "demo", f"{demo}paper/arkisto/{box}/certificate/"),
        State("connections", "administrator's", f"{demo}connections/", "adam"),
        State("connection", "opened", f"{demo}connections/crm/", "adam"),
        State("connection", "reached", f"{demo}connections/crm/", "adam", lambda p: p.locator("[name=reach]").click()),
        State("connection", "wrong form", f"{demo}connections/crm/", "adam", send(("field-url", ""))),
        State("connections", "one changed", f"{long}connections/", HOUSE),
        State("connection", "changed", f"{long}connections/crm/", HOUSE),
        State("connection-confirm", "asked", f"{long}connections/crm/confirm/", HOUSE),
        State("connection-confirm", "nothing waits", f"{demo}connections/crm/confirm/", "alice"),
        State("connection-add", "asked", f"{demo}connections/add/sql/", "adam"),
        State("connection-add", "wrong form", f"{demo}connections/add/files/", "adam", send()),
        State("status", "administrator's", f"{demo}status/", "adam"),
        State("roles", "administrator's", f"{demo}roles/", "adam"),
        State("roles", "wrong form", f"{demo}roles/", "adam", send()),
        State("role-person", "another's", f"{demo}roles/{bob}/", "adam", open_all),
        State("organisations", "superuser's", "/organisations/", SUPERUSER),
        State("organisations", "wrong form", "/organisations/", SUPERUSER, send()),
        State(
            "organisations", "taken", "/organisations/", SUPERUSER, send(("organisation", "Kuitu"), ("slug", KASENET))
        ),
        State("error", "missing", f"{demo}nothing/", status=404),
        State("error", "no right", f"{demo}person/", "aino", status=403),
    ]


GROUP = "dataset=crm-sopimukset&event=contract_ended&cause=no_date"
"""Records of the demo that have no date to count from, for which nobody has proposed one."""


def paper_orders(served: Served) -> tuple[str, str]:
    """The demo's order of papers that are pulled out of a box, and that of a whole box."""
    found = [json.loads(one.read_text())["order"] for one in orders_of(served)]
    return max(found), min(found)


def orders_of(served: Served) -> list[Path]:
    return sorted(served.register("arkisto/havitystilaukset").glob("*.order.json"))


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
            elif one.name not in ACTIONS | LEADS | PARTS:
                found.add(str(one.name))

    collect(get_resolver().url_patterns, "")
    return found
