"""The record, its rules, its draft, and the ways in which it begins, in every state."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.browser.state import State, one_after_the_other, open_all, press, send
from tests.browser.world import EMPTY, HOUSE, KASENET, LONG

DEMO, NOTHING, NAMES = (f"/o/{slug}/" for slug in (KASENET, EMPTY, LONG))
RULE = "datasets/crm-laskut/grounds/tosite/"
RECORD = (
    "Käsittelytoimi;Käsittelyn tarkoitus;Rekisteröidyt\nPalkanlaskenta;Palkat maksetaan;Henkilöstö\n;Ilman nimeä;\n"
)
"""A record as somebody kept it, with a row that has an error."""


def bring(content: bytes, name: str):
    """Choose a file and send it."""

    def act(page: Page) -> None:
        page.locator("main input[type=file]").set_input_files(
            {"name": name, "mimeType": "text/plain", "buffer": content}
        )
        page.locator("main form[enctype] button").first.click()

    return act


RECORD_BROUGHT = bring(RECORD.encode(), "seloste.csv")


def choose_all(page: Page) -> None:
    for one in page.locator("main input[type=checkbox]").all():
        one.check()


def states() -> list[State]:
    everywhere = [
        State(page, what, where + address)
        for page, address in (
            ("rules", "rules/"),
            ("draft", "draft/"),
            ("library", "library/"),
            ("ahead", "ahead/"),
            ("begin", "begin/"),
            ("begin-document", "begin/document/"),
            ("begin-record", "begin/record/"),
            ("begin-notice", "begin/notice/"),
            ("record", "record/"),
            ("head", "record/organisation/"),
            ("entry-new", "record/activities/new/"),
        )
        for what, where in (("demo", DEMO), ("empty", NOTHING), ("long names", NAMES))
    ]
    entries = [
        State("entries", f"{kind}, {what}", f"{where}record/{kind}/")
        for kind in ("activities", "registers", "datasets", "notices")
        for what, where in (("demo", DEMO), ("empty", NOTHING), ("long names", NAMES))
    ]
    activity = f"{DEMO}record/activities/asiakassuhde/"
    return [
        *everywhere,
        *entries,
        State("rules", "nothing found", f"{DEMO}rules/?q=olematon"),
        State("rules", "auditor's", f"{DEMO}rules/", "aino"),
        State("rules", "to be confirmed", f"{NAMES}rules/", HOUSE, choose_all),
        State("rule", "opened", DEMO + RULE, "alice", open_all),
        State("rule", "auditor's", DEMO + RULE, "aino"),
        State("rule", "wrong form", DEMO + RULE, "alice", send(("number", "x"))),
        State("rule", "no reason", DEMO + RULE, "alice", send(("number", "5"))),
        State("rule", "effect counted", DEMO + RULE, "alice", one_after_the_other(_five_years, press("effect"))),
        State("rule", "new", f"{DEMO}datasets/crm-laskut/grounds/new/"),
        State("rule", "new ceiling", f"{DEMO}datasets/crm-laskut/ceilings/new/"),
        State("rule", "months and days", f"{DEMO}datasets/crm-sopimukset/grounds/poistojen-ohjaus/"),
        State("rule", "long names", f"{NAMES}datasets/laskutus-0/grounds/new/"),
        State("draft", "controller's", f"{DEMO}draft/", "alice", open_all),
        State("draft", "counted", f"{DEMO}draft/", "alice", one_after_the_other(_count, open_all)),
        State("draft", "long names, opened", f"{NAMES}draft/", act=open_all),
        State("draft", "advice without words", f"{DEMO}draft/", act=_advise_against),
        State("library", "looked at", f"{NOTHING}library/", act=one_after_the_other(choose_all, press("look"))),
        State(
            "library",
            "no reason",
            f"{NOTHING}library/",
            act=one_after_the_other(choose_all, press("look"), press("take")),
        ),
        State("library", "nothing chosen", f"{NOTHING}library/", act=press("look")),
        State("begin-record", "no record", f"{DEMO}begin/record/", act=bring(b"%PDF-1.4", "seloste.pdf")),
        State("begin-columns", "asked", f"{DEMO}begin/record/", act=one_after_the_other(RECORD_BROUGHT, open_all)),
        State("begin-columns", "wrong form", f"{DEMO}begin/record/", act=one_after_the_other(RECORD_BROUGHT, _misname)),
        State(
            "begin-preview",
            "looked at",
            f"{DEMO}begin/record/",
            act=one_after_the_other(RECORD_BROUGHT, press("look"), open_all),
        ),
        State("begin-notice", "no notice", f"{DEMO}begin/notice/", act=bring(b"\0\1\2", "seloste.pdf")),
        State("begin-passages", "demo", f"{DEMO}begin/notice/tietosuojaseloste/"),
        State("begin-passages", "opened", f"{DEMO}begin/notice/tietosuojaseloste/", act=_first_passage),
        State("begin-document", "no document", f"{DEMO}begin/document/", act=bring(b"- 1", "seloste.yaml")),
        State("head", "edited", f"{DEMO}record/organisation/?edit=organisation"),
        State("entry", "activity", activity),
        State("entry", "auditor's", activity, "aino", open_all),
        *(
            State("entry", f"activity, {section} edited", f"{activity}?edit={section}", act=open_all)
            for section in ("what", "recipients", "transfers", "security", "dpia", "purposes-new")
        ),
        State("entry", "wrong form", f"{activity}?edit=what", act=send(("change_reason", ""))),
        State("entry", "register", f"{DEMO}record/registers/asiakashallinta/?edit=what"),
        State("entry", "register, reach edited", f"{DEMO}record/registers/asiakashallinta/?edit=reach", act=open_all),
        State("entry", "dataset", f"{DEMO}record/datasets/crm-laskut/"),
        State("entry", "dataset, mapping edited", f"{DEMO}record/datasets/crm-laskut/?edit=where"),
        State("entry", "long names", f"{NAMES}record/registers/laskutus/?edit=what"),
        State("entry-history", "activity", f"{activity}history/"),
        State("entry-history", "dataset", f"{DEMO}record/datasets/kysely-vastaukset/history/", "aino"),
        State("entry-history", "rules of a dataset", f"{DEMO}record/datasets/kysely-vastaukset/history/?section=rules"),
        State("entry-history", "long names", f"{NAMES}record/registers/laskutus/history/"),
        State("head-history", "demo", f"{DEMO}record/organisation/history/"),
        State("entries", "taken out", f"{DEMO}record/registers/?gone=1"),
        State("entry-new", "wrong form", f"{DEMO}record/activities/new/", act=send()),
        State("entry-new", "dataset", f"{DEMO}record/datasets/new/?register=asiakashallinta"),
    ]


def _five_years(page: Page) -> None:
    page.locator("main [name=number]").fill("5")


def _count(page: Page) -> None:
    page.locator("main form[action$='/draft/count/'] button").click()


def _advise_against(page: Page) -> None:
    page.locator("main [name=stance]").select_option("advises_against")
    page.locator("main form[action$='/draft/advise/'] button").click()


def _misname(page: Page) -> None:
    page.locator("main [name=name]").fill("Vanha seloste")
    press("look")(page)


def _first_passage(page: Page) -> None:
    page.locator("main table a").first.click()
    page.wait_for_load_state()
    open_all(page)
