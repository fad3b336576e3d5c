"""What goes wrong at a keyboard: twice pressed, gone back, not allowed, broken, no script, no mouse."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Served
from tests.browser.world import KASENET

LOTS = f"/o/{KASENET}/lots/"


def approvals(served: Served) -> list[tuple[Any, ...]]:
    return served.own.rows("select lot_id, who from retention_lotevent where who like 'controller:%'")


def hold(page, number: str) -> None:
    page.goto(f"/o/{KASENET}/holds/")
    page.get_by_label("Asiakasnumerot").fill(number)
    page.get_by_label("Kuka vastaa").fill("lakiasiat")
    page.get_by_label("Tarkistettava viimeistään").fill("2099-01-01")


def test_a_double_click_decides_once(worked, visit):
    before = len(approvals(worked))
    alice = visit(worked.address, "alice")
    alice.goto(LOTS)
    alice.locator("input[name=lot]").first.check()
    alice.get_by_role("button", name="Hyväksy valitut erät").dblclick()
    expect(alice.get_by_text("olet hyväksynyt")).to_have_count(before + 1)
    assert len(approvals(worked)) == before + 1


def test_a_hold_sent_twice_by_a_double_click_is_placed_once(worked, visit):
    """Two holds on one person for one reason would both have to be released: the second is told of the first."""
    bob = visit(worked.address, "bob")
    ((before,),) = worked.own.rows("select count(*) from retention_hold")
    hold(bob, "7700199")
    bob.get_by_role("button", name="Aseta poistokielto").dblclick()
    expect(bob.get_by_role("status")).to_be_visible()
    bob.wait_for_load_state("networkidle")
    assert worked.own.rows("select count(*) from retention_hold") == [(before + 1,)]


@pytest.mark.parametrize("vendor", ["sqlite"], indirect=True)
def test_going_back_and_sending_again_decides_nothing_twice(worked, visit):
    before = len(approvals(worked))
    alice = visit(worked.address, "alice")
    alice.goto(LOTS)
    alice.locator("input[name=lot]").first.check()
    alice.get_by_role("button", name="Hyväksy valitut erät").click()
    expect(alice.get_by_text("Hyväksyit 1 erän.")).to_be_visible()
    alice.go_back()
    alice.wait_for_load_state()
    expect(alice.get_by_text("olet hyväksynyt")).to_have_count(before + 1)
    boxes = alice.locator("input[name=lot]").count()
    alice.reload()
    expect(alice.locator("input[name=lot]")).to_have_count(boxes)
    assert len(approvals(worked)) == before + 1


def test_after_log_out_going_back_shows_nobodys_page(standing_once, visit):
    ada = visit(standing_once.address, "ada")  # whose session nobody else uses here
    ada.goto(f"/o/{KASENET}/")
    ada.get_by_role("button", name="Kirjaudu ulos").click()
    ada.wait_for_url("**/login/")
    ada.go_back()
    expect(ada.get_by_role("heading", name="Kirjaudu")).to_be_visible()


def test_a_missing_right_is_said_and_nothing_happened(standing_once, visit):
    aino = visit(standing_once.address, "aino")
    aino.goto(f"/o/{KASENET}/")
    expect(aino.get_by_role("link", name="Asiakkaan tiedot")).to_have_count(0)
    answer = aino.goto(f"/o/{KASENET}/person/")
    assert answer.status == 403
    expect(aino.get_by_role("heading", name="Roolisi ei oikeuta tähän")).to_be_visible()
    aino.get_by_role("link", name="Aloitussivulle").click()
    expect(aino.get_by_role("heading", name="Aamun tilanne")).to_be_visible()


@pytest.mark.parametrize("vendor", ["sqlite"], indirect=True)
def test_our_own_error_gives_an_id_that_the_log_has(morning, visit):
    """An organisation whose time zone nobody knows: every page of it breaks."""
    bob = visit(morning.address, "bob")
    morning.own.rows("update ropa_organisation set time_zone = 'Nowhere/Atlantis' where slug = 'kasenet'")
    answer = bob.goto(f"/o/{KASENET}/")
    assert answer.status == 500
    quote = bob.locator(".digest").text_content() or ""
    assert re.fullmatch("[0-9A-F]{8}", quote)
    assert f"page {quote}:" in morning.log


@pytest.mark.parametrize("vendor", ["sqlite"], indirect=True)
@pytest.mark.parametrize("given", [{"java_script_enabled": False}, {"viewport": {"width": 320, "height": 640}}])
def test_a_lot_is_approved_without_script_and_on_a_narrow_phone(worked, visit, given):
    before = len(approvals(worked))
    alice = visit(worked.address, "alice", **given)
    alice.goto(f"/o/{KASENET}/")
    if "viewport" in given:
        alice.get_by_role("link", name="Valikko").click()
    alice.get_by_role("link", name=re.compile("^Päätettävät erät")).click()
    alice.locator("input[name=lot]").first.check()
    alice.get_by_role("button", name="Hyväksy valitut erät").click()
    expect(alice.get_by_text("Hyväksyit 1 erän.")).to_be_visible()
    assert len(approvals(worked)) == before + 1


@pytest.mark.parametrize("vendor", ["sqlite"], indirect=True)
def test_a_lot_is_approved_by_keyboard_alone_and_the_focus_is_seen(worked, visit):
    """From the skip link to the button: every stop can be seen, in the order in which one reads."""
    before = len(approvals(worked))
    alice = visit(worked.address, "alice")
    alice.goto(LOTS)
    alice.keyboard.press("Tab")
    expect(alice.locator(":focus")).to_have_text("Siirry sisältöön")
    expect(alice.locator(":focus")).to_be_in_viewport()
    alice.keyboard.press("Enter")
    tops, chosen = [], False
    for _ in range(80):
        alice.keyboard.press("Tab")
        focus = alice.locator(":focus")
        outline, width = focus.evaluate("e => [getComputedStyle(e).outlineStyle, getComputedStyle(e).outlineWidth]")
        assert (outline, width) == ("solid", "3px")
        expect(focus).to_be_in_viewport()
        tops.append(focus.evaluate("e => e.getBoundingClientRect().top + scrollY"))
        if focus.get_attribute("name") == "lot" and not chosen:
            alice.keyboard.press("Space")
            chosen = True
        if focus.get_attribute("value") == "approve":
            break
    assert tops == sorted(tops)
    alice.keyboard.press("Enter")
    expect(alice.get_by_text("Hyväksyit 1 erän.")).to_be_visible()
    assert len(approvals(worked)) == before + 1
