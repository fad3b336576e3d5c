"""Building and changing the record, from the first click to what is then published: on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Served
from tests.browser.server import ROOT
from tests.browser.test_journeys import rows
from tests.browser.visits import log_in
from tests.browser.world import EMPTY, KASENET
from tests.factors import code

DRAFT, RULES = f"/o/{KASENET}/draft/", f"/o/{KASENET}/rules/"
RULE = f"/o/{KASENET}/datasets/crm-asiakkaat/grounds/vaatimusaika/"
WORKER = [sys.executable, "manage.py", "run_requested_nights"]
PASSWORD = "Kolme sinistä venettä 1987"


def versions(served: Served, slug: str) -> int:
    question = "select count(*) from ropa_version v join ropa_organisation o on o.id = v.organisation_id"
    ((found,),) = served.own.rows(f"{question} where o.slug = '{slug}'")
    return int(found)


def do(page: Page, what: str) -> None:
    page.locator(f"main button[value={what}]").first.click()


def send(page: Page, address: str) -> None:
    """Press the button of the form that is sent there."""
    page.locator(f"main form[action$='{address}'] button").first.click()


def advise(dpo: Page, organisation: str) -> None:
    dpo.goto(f"/o/{organisation}/draft/")
    dpo.locator("main [name=stance]").select_option("supports")
    send(dpo, "/draft/advise/")
    expect(dpo.get_by_text("Lausuntosi on kirjattu")).to_be_visible()


def test_a_new_controller_comes_in_for_the_first_time(edited, visit):
    """The administrator makes the account, a controller confirms its role, and she sets up both factors herself."""
    adam, alice, new = visit(edited.address, "adam"), visit(edited.address, "alice"), visit(edited.address)
    adam.goto(f"/o/{KASENET}/roles/")
    adam.locator("main [name=name]").fill("tuija")
    adam.locator("main [name=role]").select_option("controller")
    adam.locator("main [name=reason]").last.fill("uusi toimitusjohtaja")
    adam.locator("main form.narrow .btn-1").click()
    expect(adam.locator("main")).to_contain_text("/welcome/")
    link = re.search(r"/welcome/[^\s<]+", adam.content())
    assert link is not None
    alice.goto(f"/o/{KASENET}/roles/")
    alice.locator("main .panel", has_text="tuija").locator("button[value=confirm]").click()
    expect(alice.get_by_role("status")).to_be_visible()

    new.goto(link[0])
    assert link[0] not in new.url
    for name in ("password1", "password2"):
        new.locator(f"[name={name}]").fill(PASSWORD)
    new.locator("main .btn-1").click()
    new.locator("[name=username]").fill("tuija")
    new.locator("[name=password]").fill(PASSWORD)
    new.locator("main .btn-1").click()
    new.get_by_role("link", name="Ota todennussovellus käyttöön").click()
    secret = (new.locator("code.digest").text_content() or "").replace(" ", "")
    new.locator("[name=code]").fill(code(secret=secret))
    new.locator("main .btn-1").click()
    shown = new.locator(".codes code")
    expect(shown).to_have_count(10)
    assert len({one.text_content() for one in shown.all()}) == 10
    new.locator("main .btn-1").click()
    expect(new.get_by_role("heading", name="Aamun tilanne")).to_be_visible()
    told = "from ropa_membership m join auth_user u on u.id = m.user_id where u.username = 'tuija'"
    assert edited.own.rows(f"select role {told}") == [("controller",)]


def test_a_record_is_built_from_the_library_and_published(edited, visit):
    charlie, eeva = visit(edited.address, "charlie"), visit(edited.address, "eeva")
    before = versions(edited, EMPTY)
    charlie.goto(f"/o/{EMPTY}/library/")
    charlie.locator("main fieldset").nth(1).locator("[name=activity]").first.check()
    do(charlie, "look")
    expect(charlie.get_by_role("heading", name="Mitä luonnokseen tulisi")).to_be_visible()
    charlie.locator("main [name=reason]").fill("alan tavallinen toimi")
    do(charlie, "take")
    charlie.wait_for_url("**/record/activities/")
    charlie.goto(f"/o/{EMPTY}/rules/")
    undecided = charlie.get_by_text("ei ratkaise vielä mitään")
    waiting = undecided.count()
    assert waiting
    charlie.locator("main p.rule", has=undecided).first.get_by_role("link").click()
    charlie.locator("main [name=status]").select_option("confirmed")
    charlie.locator("main [name=change_reason]").fill("johtoryhmä päätti")
    do(charlie, "save")
    charlie.wait_for_url("**/rules/")
    expect(charlie.get_by_text("ei ratkaise vielä mitään")).to_have_count(waiting - 1)
    advise(eeva, EMPTY)
    charlie.goto(f"/o/{EMPTY}/draft/")
    charlie.locator("main [name=reason]").first.fill("ensimmäinen seloste")
    send(charlie, "/draft/publish/")
    expect(charlie.get_by_text("Versio 1 on julkaistu")).to_be_visible()
    assert versions(edited, EMPTY) == before + 1


def numbers(line: list[str]) -> list[str]:
    return [re.sub(r"\s", "", one) for one in line]


def test_a_period_is_shortened_and_two_persons_decide_what_was_counted_before_it_was_saved(edited, visit):
    """What the rule's page counts before anybody has saved it is what the draft's page then counts."""
    alice, ada, bob = (visit(edited.address, name) for name in ("alice", "ada", "bob"))
    before = versions(edited, KASENET)
    alice.goto(RULE)
    alice.locator("main [name=number]").fill("1")
    do(alice, "effect")
    line = alice.locator("table.cmp tbody tr").first
    expect(line).to_be_visible()
    foreseen = numbers(line.locator("td").all_text_contents()[:2])
    assert foreseen[0] != foreseen[1]
    assert versions(edited, KASENET) == before
    expect(alice.locator("main [name=number]")).to_have_value("1")
    alice.locator("main [name=change_reason]").fill("reklamaatiot tulevat vuodessa")
    do(alice, "save")
    alice.wait_for_url("**/rules/")

    alice.goto(DRAFT)
    send(alice, "/draft/count/")
    row = alice.locator("#counted tbody tr", has_text="perus").first
    expect(row).to_be_visible()
    assert numbers(row.locator("td.n").all_text_contents()[:2]) == foreseen
    expect(alice.locator("main form[action$='/draft/publish/']")).to_have_count(0)
    advise(bob, KASENET)
    ada.goto(DRAFT)
    send(ada, "/draft/approve/")
    expect(ada.locator("main form[action$='/draft/publish/']")).to_have_count(0)
    alice.goto(DRAFT)
    alice.locator("main form[action$='/draft/publish/'] [name=reason]").fill("lyhyempi vaatimusaika")
    send(alice, "/draft/publish/")
    expect(alice.get_by_text(re.compile(r"Versio \d+ on julkaistu"))).to_be_visible()
    assert versions(edited, KASENET) == before + 1
    newest = "select snapshot from ropa_version v join ropa_organisation o on o.id = v.organisation_id"
    ((snapshot,),) = edited.own.rows(f"{newest} where o.slug = 'kasenet' order by number desc limit 1")
    (dataset,) = (one for one in json.loads(snapshot)["datasets"] if one["id"] == "crm-asiakkaat")
    assert {one["id"]: one.get("period") for one in dataset["grounds"]}["vaatimusaika"] == "P1Y"


def test_a_destruction_is_recorded_on_a_phone_beside_the_shredder(edited, visit):
    olga = visit(edited.address, "olga", viewport={"width": 390, "height": 844}, has_touch=True)
    folder = edited.register("arkisto/havitystilaukset")
    before = set(folder.glob("P-*.certificate*.json"))
    olga.goto(f"/o/{KASENET}/paper/")
    olga.locator("main table a[href*='/P-']").first.click()
    olga.locator("main [name=everything]").check()
    olga.locator("main [name=method]").select_option("shredder")
    olga.locator("main [name=level]").select_option(index=1)
    olga.locator("main [name=signed_by]").fill("arkistonhoitaja")
    button = olga.get_by_role("button", name="Kirjaa hävitetyksi")
    expect(button).to_be_in_viewport()
    assert olga.evaluate("document.documentElement.scrollWidth") == 390
    button.click()
    expect(olga.get_by_role("status").first).to_be_visible()
    (new,) = set(folder.glob("P-*.certificate*.json")) - before
    said = json.loads(new.read_text())
    order = json.loads(next(folder.glob("P-*.order.json")).read_text())
    assert sorted(said["destroyed"]) == sorted(order["papers"])
    assert (said["method"], said["signed_by"]) == ("shredder", "arkistonhoitaja")


@pytest.mark.parametrize("vendor", ["sqlite"], indirect=True)
def test_of_two_who_save_a_rule_the_second_is_told_and_loses_nothing(edited, visit):
    at = f"/o/{KASENET}/datasets/dokumentit-piirustukset/grounds/rakentaminen/"
    olga, ada = visit(edited.address, "olga"), visit(edited.address, "ada")
    olga.goto(at)
    ada.goto(at)
    for page, years in ((olga, "7"), (ada, "9")):
        page.locator("main [name=number]").fill(years)
        page.locator("main [name=change_reason]").fill(f"sovittiin {years} vuotta")
        do(page, "save")
        page.wait_for_load_state()
    expect(olga).to_have_url(re.compile("/rules/"))
    expect(ada.get_by_role("alert")).to_contain_text("7 vuotta")
    expect(ada.locator("main [name=number]")).to_have_value("9")
    expect(ada.locator("main [name=change_reason]")).to_have_value("sovittiin 9 vuotta")
    do(ada, "save")
    expect(ada).to_have_url(re.compile("/rules/"))
    kept = "select period from ropa_ground g join ropa_dataset d on d.id = g.dataset_id"
    assert edited.own.rows(f"{kept} where d.code = 'dokumentit-piirustukset' and g.code = 'rakentaminen'") == [("P9Y",)]


@pytest.mark.parametrize("vendor", ["sqlite"], indirect=True)
def test_of_two_who_save_a_section_the_second_is_told_and_loses_nothing(edited, visit):
    at = f"/o/{KASENET}/record/registers/tiketit/?edit=what"
    olga, ada = visit(edited.address, "olga"), visit(edited.address, "ada")
    olga.goto(at)
    ada.goto(at)
    for page, name in ((olga, "Olgan tiketit"), (ada, "Adan tiketit")):
        page.locator("main [name$=name-fi]").first.fill(name)
        page.locator("main [name=change_reason]").fill(name)
        page.locator("main form.slots .btn-1").click()
        page.wait_for_load_state()
    expect(ada.get_by_role("alert")).to_contain_text("Olgan tiketit")
    expect(ada.locator("main [name$=name-fi]").first).to_have_value("Adan tiketit")
    ada.locator("main form.slots .btn-1").click()
    expect(ada.get_by_role("heading", level=1)).to_have_text("Adan tiketit")


@pytest.mark.parametrize("vendor", ["sqlite"], indirect=True)
def test_a_session_that_ends_in_the_middle_of_a_rule_loses_no_word(edited, visit):
    """She notices when she leaves a field; after the log-in the rule's form is there again as she had filled it."""
    karin = visit(edited.address)
    at = f"/o/{KASENET}/datasets/ad-tilit/grounds/tyosuhde/"
    karin.goto(f"/login/?next={at}")
    log_in(karin, "karin")
    karin.context.clear_cookies(name="sessionid")
    karin.locator("main [name=why_fi]").fill("Tili tarvitaan, kunnes työt on luovutettu.")
    karin.keyboard.press("Tab")
    karin.wait_for_url("**/login/**")
    log_in(karin, "karin", steps=1)
    expect(karin.get_by_text("Tili tarvitaan, kunnes työt on luovutettu.")).to_be_visible()
    karin.locator(f"main form[action='{at}'] button").click()
    expect(karin.locator("main [name=why_fi]")).to_have_value("Tili tarvitaan, kunnes työt on luovutettu.")
    karin.locator("main [name=change_reason]").fill("perustelu puuttui")
    do(karin, "save")
    karin.wait_for_url("**/rules/")
    kept = "select reason from ropa_ground g join ropa_dataset d on d.id = g.dataset_id where d.code = 'ad-tilit'"
    assert "luovutettu" in json.dumps(edited.own.rows(kept), ensure_ascii=False)


def save_section(page: Page, why: str) -> None:
    page.locator("main [name=change_reason]").fill(why)
    page.locator("main form.slots .btn-1").click()
    expect(page.get_by_role("status")).to_be_visible()


def test_a_database_is_connected_and_mapped_and_its_owner_sees_what_would_go(edited, visit):
    """The door system of the world, which nothing reaches yet: from its address to the records of the first night.

    No night has counted it, so a worker does while the page waits.
    """
    adam, olga = visit(edited.address, "adam"), visit(edited.address, "olga")
    adam.goto(f"/o/{KASENET}/connections/")
    adam.get_by_role("link", name="SQL-tietokanta", exact=True).click()
    adam.locator("main [name=code]").fill("ovet")
    adam.locator("main [name=field-url]").fill("sqlite:///{data}/demo/kasenet/kulunvalvonta.sqlite3")
    adam.locator("main [name=reason]").fill("kulunvalvonta mukaan")
    adam.locator("main .btn-1").click()
    adam.wait_for_url("**/connections/")
    adam.get_by_role("link", name="Muuta ovet").click()
    adam.locator("main [name=reach]").click()
    expect(adam.get_by_text("Yhteys toimii: järjestelmä vastaa.")).to_be_visible()

    olga.goto(f"/o/{KASENET}/record/registers/kulunvalvonta/?edit=reach")
    olga.locator("main [name=connection]").select_option("ovet")
    save_section(olga, "yhteys on tehty")
    olga.goto(f"/o/{KASENET}/record/datasets/new/?register=kulunvalvonta")
    olga.locator("main [name=name-fi]").fill("Kulkutapahtumat")
    olga.locator("main [name=activity]").select_option(index=1)
    for name, text in (("subjects", "Henkilöstö"), ("items", "Ovi ja kellonaika")):
        olga.locator(f"main [name={name}-said]").first.check()
        olga.locator(f"main [name={name}-value-fi]").fill(text)
    olga.locator("main [name=grain]").select_option(index=1)
    save_section(olga, "järjestelmä on nyt tavoitettavissa")
    at = olga.url.partition("#")[0]
    dataset = at.rstrip("/").rpartition("/")[2]
    olga.goto(f"{at}?edit=where")
    for name, text in (("place", "kulkutapahtuma"), ("key", "id"), ("subject", "henkilonro")):
        olga.locator(f"main [name=mapping-{name}]").fill(text)
    olga.locator("main [name=subject_kind]").fill("employee")
    olga.locator("main [name=mapping-events]").fill("recorded = pvm")
    save_section(olga, "näin taulu luetaan")

    olga.goto(f"/o/{KASENET}/datasets/{dataset}/grounds/new/")
    olga.locator("main [name=number]").fill("6")
    olga.locator("main [name=unit]").select_option("M")
    olga.locator("main [name=trigger]").select_option("recorded")
    olga.locator("main [name=status]").select_option("confirmed")
    do(olga, "effect")
    expect(olga.get_by_text("Vaikutusta lasketaan kaikista tietueista.")).to_be_visible()
    subprocess.run(WORKER, cwd=ROOT, env=edited.own.environment(), check=True, capture_output=True)
    line = olga.locator("table.cmp tbody tr").first
    expect(line).to_be_visible()
    nothing, goes = numbers(line.locator("td").all_text_contents()[:2])
    ((every, oldest),) = rows(edited.register("kulunvalvonta.sqlite3"), LONG_AGO)
    assert nothing == "0"
    assert oldest <= int(goes) < every


LONG_AGO = "select count(*), sum(pvm < date('now', '-8 months')) from kulkutapahtuma"
"""Of all that was recorded at the doors: all, and what is older than six months however its day is counted."""
