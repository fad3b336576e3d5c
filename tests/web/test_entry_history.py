"""The history of an entry by field: when, who, why, and of each field what was and what came, in every language."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from lxml import html  # type: ignore[import-untyped]

from retention.inventory_document import edit_entry
from ropa.services import publish, withdraw
from tests.web.test_pages import client, text
from tests.web.test_record_pages import RULE, fields, of_draft
from web.entry_history import CHANGES, MOST_MEMBERS

DATASET = "/o/testi/record/datasets/crm-0/history/"
REGISTER = "/o/testi/record/registers/crm/history/"
PAGES = (DATASET, REGISTER, "/o/testi/record/organisation/history/", f"{DATASET}?section=rules")


def edit(house, kind: str, code: str, reason: str = "Syy", by: str = "owner:olga", **over: Any) -> None:
    """Change keys of an entry, as a page does; None takes one away."""

    def change(now: Any) -> Any:
        return {key: value for key, value in {**(now or {}), **over}.items() if value is not None}

    edit_entry(house.testi, kind, code, change, by, reason)


def changes(answer: Any) -> list[dict[str, Any]]:
    """The page's changes as they are read: heading, who and why, and each field with its sides."""

    def read(node: Any) -> str:
        return re.sub(r"\s+", " ", node.text_content().replace("\u00ad", "").replace("\u00a0", " ")).strip()

    found = []
    for one in html.fromstring(answer.content.decode()).xpath("//main//section[contains(@class,'past')]"):
        rows = [[read(cell) for cell in row.xpath("./td")] for row in one.xpath(".//tbody/tr")]
        found.append(
            {
                "heading": read(one.xpath("./header")[0]),
                "told": [read(each) for each in one.xpath("./dl//dd")],
                "fields": {row[0]: tuple(row[1:]) for row in rows},
            }
        )
    return found


@pytest.mark.parametrize("at", PAGES)
def test_who_reads_the_record_reads_its_history_and_nobody_writes_it(house, at):
    assert client(None).get(at).status_code == 302
    assert {client(name).get(at).status_code for name in ("alice", "bob", "olga", "aino", "adam")} == {200}
    assert client("ines").get(at).status_code == 403
    assert client("charlie").get(at).status_code == 404
    assert client("olga").post(at, {}).status_code == 405


@pytest.mark.parametrize(
    ("language", "heading", "who", "field", "was", "came"),
    [
        ("fi", "Muutettu", "Rekisterin omistaja olga", "Säilytysaika", "3 vuotta", "5 vuotta"),
        ("sv", "Ändrat", "Registerägare olga", "Lagringstid", "3 år", "5 år"),
        ("en", "Changed", "Register owner olga", "Storage period", "3 years", "5 years"),
    ],
)
def test_a_period_that_was_changed_on_its_page_is_told_in_every_language(
    house, language, heading, who, field, was, came
):
    sent = {**fields(client("olga").get(RULE)), "number": "5", "do": "save", "change_reason": "Hallituksen päätös"}
    assert client("olga").post(RULE, sent).status_code == 302
    answer = client("aino", language).get(DATASET)
    newest, oldest = changes(answer)
    assert heading in newest["heading"]
    assert newest["told"] == [who, "Hallituksen päätös"]
    ((place, sides),) = newest["fields"].items()
    assert place.endswith(field)
    assert sides == (was, came)
    assert oldest["told"] == ["–", "–"]  # nobody knows who made the rows of this test
    assert {len(sides) for sides in oldest["fields"].values()} == {1}
    assert next(iter(oldest["fields"].values())) == ("Perustiedot",)  # its name stands first, as on its page
    page = answer.content.decode()
    assert f'<html lang="{language}">' in page
    assert not re.search(r"<(script|link|img)[^>]*https?://| style=| onclick", page)


def test_lists_come_by_item_days_as_the_language_writes_them_and_entries_by_their_names(house):
    edit(house, "registers", "crm", alias=[{"fi": "Asiakkuus"}, {"fi": "CRM"}], closed_on="2026-03-01")
    edit(house, "registers", "uusi", name={"fi": "Uusi järjestelmä"}, medium="database", addition=True)
    edit(house, "registers", "crm", alias=[{"fi": "CRM"}, {"fi": "Kanta"}], migrates_to="uusi", lifecycle="migrating")
    newest, older, _first = changes(client("bob").get(REGISTER))
    assert older["fields"]["Suljettu"] == ("–", "1.3.2026")
    assert newest["fields"]["Muu nimi"] == ("Asiakkuus", "Kanta")
    assert "Uusi järjestelmä" in {after for _before, after in newest["fields"].values()}
    edit(house, "registers", "crm", migrates_to=None, lifecycle="active")
    edit_entry(house.testi, "registers", "uusi", lambda now: None, "owner:olga", "Peruttu")
    assert "Uusi järjestelmä" in {
        before for before, _after in changes(client("bob").get(REGISTER))[0]["fields"].values()
    }


def test_what_comes_into_a_dataset_and_goes_is_told_with_it(house):
    dataset = client("olga").get("/o/testi/record/datasets/crm-0/").content.decode()
    assert f'href="{DATASET}"' in dataset
    assert f'href="{DATASET}?section=rules"' in dataset
    stood = of_draft(house, "datasets", "crm-0")["ceilings"]
    ceiling = {"id": "katto", "trigger": "contract_ended", "period": "P20Y", "action": "delete", "status": "proposed"}
    edit(house, "datasets", "crm-0", "Yläraja", ceilings=[*stood, ceiling])
    edit(house, "datasets", "crm-0", "Ilman", ceilings=stood)
    gone, came, _first = changes(client("bob").get(DATASET))
    ((_place, (before, after)),) = came["fields"].items()
    assert before == "–"
    assert "20 vuotta" in after
    assert "20 vuotta" in next(iter(gone["fields"].values()))[0]
    inside = client("bob").get(f"{DATASET}?section=ceilings-katto")
    assert [one["told"][1] for one in changes(inside)] == ["Ilman", "Yläraja"]
    assert changes(inside)[1]["fields"]["Säilytysaika"] == ("20 vuotta",)
    assert client("bob").get(f"{DATASET}?section=ceilings-olematon").status_code == 404


def test_a_section_has_only_what_is_about_its_fields(house):
    edit(house, "datasets", "crm-0", "Nimi", name={"fi": "Asiakkaan tiedot"})
    edit(house, "datasets", "crm-0", "Omistaja", owner={"role": {"fi": "Asiakaspalvelu"}})
    edit(house, "datasets", "crm-0", "Molemmat", owner={"role": {"fi": "Talous"}}, name={"fi": "Tiedot"})
    said = changes(client("bob").get(f"{DATASET}?section=owner"))
    assert [one["told"][1] for one in said] == ["Molemmat", "Omistaja"]
    assert len(said[0]["fields"]) == 1
    assert next(iter(said[0]["fields"].values())) == ("Asiakaspalvelu", "Talous")
    assert "Omistaja" not in {one["told"][1] for one in changes(client("bob").get(f"{DATASET}?section=what"))}
    assert client("bob").get(f"{DATASET}?section=olematon").status_code == 404
    beside = text(client("olga").get("/o/testi/record/datasets/crm-0/", {"edit": "owner"}))
    assert "Rekisterin omistaja olga: Molemmat" in beside
    assert "olga: Nimi" not in beside


def test_what_was_taken_out_is_found_in_its_list_and_its_history_says_what_it_was(house):
    edit(house, "recipients", "tulostaja", "Uusi", name={"fi": "Tulostaja Oy"}, role="processor", addition=True)
    edit_entry(house.testi, "recipients", "tulostaja", lambda now: None, "controller:alice", "Sopimus päättyi")
    address = "/o/testi/record/recipients/tulostaja/"
    assert client("bob").get(address).status_code == 404
    listed = client("bob").get("/o/testi/record/recipients/", {"gone": "1"})
    assert f'href="{address}history/"' in listed.content.decode()
    assert "Tulostaja Oy" in text(listed)
    assert "Tulostaja Oy" not in text(client("bob").get("/o/testi/record/recipients/"))
    page = client("bob").get(f"{address}history/")
    gone, came = changes(page)
    assert ("Poistettu" in gone["heading"], "Lisätty" in came["heading"]) == (True, True)
    assert gone["told"] == ["Rekisterinpitäjä alice", "Sopimus päättyi"]
    assert gone["fields"]["Nimi"] == came["fields"]["Nimi"] == ("Tulostaja Oy",)
    assert f'href="{address}"' not in page.content.decode()  # there is nothing to lead back to
    edit(house, "recipients", "tulostaja", "Taas", name={"fi": "Tulostaja Oy"}, role="processor", addition=True)
    assert "Tulostaja Oy" not in text(client("bob").get("/o/testi/record/recipients/", {"gone": "1"}))


def test_a_change_says_as_which_version_it_was_published_and_one_that_was_overtaken_says_none(house):
    edit(house, "registers", "crm", "Ensin", medium="files")
    edit(house, "registers", "crm", "Sitten", medium="mail")
    today, now = house.testi.day_of(timezone.now()), timezone.now()
    publish(house.testi, today, now, "controller:alice", opinion_reason="kiire")
    edit(house, "registers", "crm", "Jälkeen", medium="database")
    later, published, overtaken, _first = changes(client("bob").get(REGISTER))
    assert published["told"][1] == "Sitten"
    assert "versiona 2" in published["heading"]
    assert "versiona" not in later["heading"] + overtaken["heading"]


def test_a_version_that_was_taken_back_published_nothing(house):
    edit(house, "registers", "crm", "Ensin", medium="files")
    now = timezone.now()
    day = house.testi.day_of(now) + timedelta(days=30)
    version = publish(house.testi, day, now, "controller:alice", opinion_reason="kiire")
    assert "versiona 2" in changes(client("bob").get(REGISTER))[0]["heading"]
    withdraw(version, now, "controller:alice", "Liian aikaisin")
    assert "versiona" not in changes(client("bob").get(REGISTER))[0]["heading"]


def test_the_organisation_itself_has_its_history(house):
    here = "/o/testi/record/organisation/"
    sent = {**fields(client("olga").get(here, {"edit": "who"})), "section": "who", "change_reason": "Uusi nimi"}
    assert client("olga").post(here, {**sent, "name": "Testi Verkot Oy"}).status_code == 302
    newest = changes(client("bob").get(f"{here}history/"))[0]
    assert newest["told"] == ["Rekisterin omistaja olga", "Uusi nimi"]
    assert newest["fields"] == {"Nimi": ("Testi Oy", "Testi Verkot Oy")}
    assert changes(client("bob").get(f"{here}history/?section=dpo")) == []
    assert client("bob").get(f"{here}history/?section=olematon").status_code == 404


def test_a_long_history_comes_a_page_at_a_time_and_asks_no_more(house):
    def asked() -> int:
        bob.get(DATASET)
        with CaptureQueriesContext(connection) as queries:
            assert bob.get(DATASET).status_code == 200
        return len(queries)

    bob = client("bob")
    edit(house, "datasets", "crm-0", "0", items={"value": [{"fi": "Tieto"}]})
    before = asked()
    for n in range(1, CHANGES + 5):
        ground = {"id": f"syy-{n}", "kind": "need", "trigger": "contract_ended", "period": f"P{n}Y", "action": "delete"}
        edit(house, "datasets", "crm-0", str(n), grounds=[{**ground, "status": "proposed"}])
    assert asked() == before <= 30
    first, second = (bob.get(DATASET, {"page": n}) for n in (1, 2))
    reasons = [one["told"][1] for page in (first, second) for one in changes(page)]
    assert reasons == [*(str(n) for n in range(CHANGES + 4, -1, -1)), "–"]
    assert f"1–{CHANGES} / {CHANGES + 6}" in text(first)


def test_of_a_very_long_list_the_rest_is_counted(house):
    names = [{"fi": f"Nimi {n}"} for n in range(MOST_MEMBERS + 7)]
    edit(house, "registers", "crm", alias=names)
    shown = text(client("bob").get(REGISTER))
    assert f"Nimi {MOST_MEMBERS - 1} " in shown
    assert f"Nimi {MOST_MEMBERS} " not in shown
    assert "ja 7 muuta" in shown


@pytest.mark.parametrize("at", ["record/registers/olematon/history/", "record/nonsense/crm/history/"])
def test_of_what_never_was_there_is_no_history(house, at):
    assert client("bob").get(f"/o/testi/{at}").status_code == 404
