"""What people come for, from the first click to what is then true in the registers: on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from tests.browser.server import ROOT

PATIENCE_SECONDS = 60.0
NIGHTLY = [sys.executable, "manage.py", "nightly", "--organisation", "kasenet"]


def rows(database: Path, question: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(question).fetchall()


def invoices(crm: Path) -> dict[str, set[tuple[Any, ...]]]:
    """By customer number."""
    found: dict[str, set[tuple[Any, ...]]] = {}
    for customer, *rest in rows(crm, "select asiakasnro, laskunro, erapvm from lasku"):
        found.setdefault(customer, set()).add(tuple(rest))
    return found


def test_two_controllers_approve_the_nights_lots(morning, visit):
    """The first signs what she sees and the second the same; nobody signs twice, and the DPO never."""
    alice, ada, bob = (visit(morning.address, name) for name in ("alice", "ada", "bob"))
    alice.goto("/o/kasenet/")
    alice.get_by_role("link", name=re.compile("^Päätettävät erät")).click()
    chosen = alice.locator("input[name=lot]")
    number = chosen.count()
    assert number >= 3
    alice.locator("summary").first.click()
    shown = alice.locator(".digest").first.text_content()
    for box in chosen.all():
        box.check()
    alice.get_by_role("button", name="Hyväksy valitut erät").click()
    expect(alice.get_by_text(f"Hyväksyit {number} erää.")).to_be_visible()
    expect(alice.locator("input[name=lot]")).to_have_count(0)
    expect(alice.get_by_text("olet hyväksynyt")).to_have_count(number)
    assert morning.own.rows("select count(*) from retention_lot where state = 'approved'") == [(0,)]

    bob.goto("/o/kasenet/lots/")
    expect(bob.get_by_role("button", name="Hyväksy")).to_have_count(0)

    ada.goto("/o/kasenet/lots/")
    ada.locator("summary").first.click()
    assert ada.locator(".digest").first.text_content() == shown
    first = ada.locator("input[name=lot]").first
    lot = (first.get_attribute("value") or "").split(":")[0]
    first.check()
    ada.get_by_role("button", name="Hyväksy valitut erät").click()
    expect(ada.get_by_text("Hyväksyit 1 erän.")).to_be_visible()
    assert morning.own.rows("select id from retention_lot where state = 'approved'") == [(int(lot),)]
    who = f"select who from retention_lotevent where lot_id = {lot} and who like 'controller:%'"
    assert {name for (name,) in morning.own.rows(who)} == {"controller:alice", "controller:ada"}


def test_a_hold_placed_while_the_night_runs_wins(evening, worlds, vendor, visit):
    """The night stands before the first record of the customer register, which another program has locked; a hold is
    placed on somebody whose turn comes later; then the night goes on."""
    before = invoices(evening.register("crm.sqlite3"))
    after = invoices(worlds[vendor].morning.directory / "demo" / "kasenet" / "crm.sqlite3")
    gone = sorted(customer for customer, own in before.items() if own - after.get(customer, set()))
    held, other = gone[0], gone[-1]
    bob = visit(evening.address, "bob")
    log = evening.own.directory / "night.log"
    with (
        log.open("wb") as told,
        subprocess.Popen(NIGHTLY, cwd=ROOT, env=evening.own.environment(), stdout=told, stderr=told) as night,
        closing(sqlite3.connect(evening.register("crm.sqlite3"), isolation_level=None)) as lock,
    ):
        lock.execute("begin immediate")
        until(lambda: evening.own.rows("select 1 from retention_attempt where state = 'intent'"), night)
        bob.goto("/o/kasenet/nights/")
        expect(bob.get_by_role("main").get_by_text("käynnissä", exact=True)).to_be_visible()
        bob.get_by_role("link", name=re.compile("^Poistokiellot")).click()
        bob.get_by_label("Asiakasnumerot").fill(held)
        bob.get_by_label("Miksi").select_option("dispute")
        bob.get_by_label("Kuka vastaa").fill("lakiasiat")
        bob.get_by_label("Tarkistettava viimeistään").fill("2099-01-01")
        bob.get_by_role("button", name="Aseta poistokielto").click()
        expect(bob.get_by_text("myös käynnissä olevassa yöajossa")).to_be_visible()
        lock.execute("rollback")
    assert evening.own.rows("select state from retention_run") == [("finished",)], log.read_text()
    left = invoices(evening.register("crm.sqlite3"))
    assert left[held] == before[held]
    assert left.get(other, set()) == after.get(other, set())


def until(true, night: subprocess.Popen[bytes]) -> None:
    """Until it is so; the night may not end before."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert night.poll() is None
        assert time.monotonic() < deadline
        os.sched_yield()


def test_a_customer_is_answered_why_something_is_there_and_the_answer_is_printed(standing, visit):
    customer = min(invoices(standing.register("crm.sqlite3")))
    bob = visit(standing.address, "bob")
    bob.goto("/o/kasenet/")
    bob.get_by_role("link", name="Asiakkaan tiedot").click()
    bob.get_by_label("Asiakasnumero").fill(customer)
    bob.get_by_role("button", name="Kysy rekistereiltä").click()
    answer = bob.get_by_role("article")
    expect(answer.get_by_text(re.compile(r"tietuetta on jäljellä|tietue on jäljellä"))).to_be_visible()
    expect(answer).to_contain_text(customer)
    assert customer not in bob.url
    asked_with = bob.get_by_role("button", name="Kysy rekistereiltä")
    bob.emulate_media(media="print")
    expect(answer).to_be_visible()
    expect(asked_with).to_be_hidden()
    expect(bob.get_by_role("navigation")).to_be_hidden()
    assert bob.pdf(format="A4").startswith(b"%PDF")
    assert customer not in standing.log


def test_the_authoritys_report_is_made_and_its_seal_verified(standing, visit, tmp_path):
    """The sealed set as somebody downloads it, verified by the command that knows no database of ours."""
    bob = visit(standing.address, "bob")
    bob.goto("/o/kasenet/reports/")
    bob.get_by_label("Muoto").select_option("zip")
    with bob.expect_download() as coming:
        bob.get_by_role("button", name="Tee raportti").click()
    sealed = tmp_path / "sealed.zip"
    coming.value.save_as(sealed)
    assert verified(sealed).returncode == 0
    broken = tmp_path / "broken.zip"
    subprocess.run([sys.executable, "-c", SPOILED, str(sealed), str(broken)], check=True)
    refused = verified(broken)
    assert refused.returncode == 1
    assert "controller.json" in refused.stdout

    made = {}
    for kind in ("pdf", "json"):
        bob.get_by_label("Muoto").select_option(kind)
        form = bob.locator("main form").evaluate("form => new URLSearchParams(new FormData(form)).toString()")
        made[kind] = bob.request.get(f"/o/kasenet/reports/?{form}").body()
    assert made["pdf"].startswith(b"%PDF")
    assert "Asiakashallinta" in json.dumps(json.loads(made["json"]), ensure_ascii=False)


SPOILED = """
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as old, zipfile.ZipFile(sys.argv[2], "w") as new:
    for name in old.namelist():
        content = old.read(name)
        new.writestr(name, content.replace(b"Kuitu", b"Kupari") if name.endswith("controller.json") else content)
"""


def verified(sealed: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", "verify_report", str(sealed)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_language_is_switched_midway_and_the_page_stays(standing, visit):
    bob = visit(standing.address, "bob")
    bob.goto("/o/kasenet/registers/?q=vpn")
    found = bob.locator("main table tbody tr").count()
    assert found
    for language, heading in (("sv", "Register"), ("en", "Registers"), ("fi", "Rekisterit")):
        bob.locator(f".tongues button[lang={language}]").click()
        expect(bob.locator("html")).to_have_attribute("lang", language)
        expect(bob.get_by_role("heading", level=1)).to_have_text(heading)
        assert bob.url.endswith("/o/kasenet/registers/?q=vpn")
        expect(bob.locator("main table tbody tr")).to_have_count(found)
