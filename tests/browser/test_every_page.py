"""Every page in every state: nothing that axe finds, nothing wider than a narrow phone, light enough to load."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize

from tests.browser.conftest import Served
from tests.browser.pages import ACTIONS, LEADS, PARTS, named_pages, states
from tests.browser.state import State
from tests.browser.visits import Watched, open_context, sign_in

WIDE, PHONE = ViewportSize(width=1440, height=900), ViewportSize(width=390, height=844)
LOOKS: dict[str, tuple[str, Any, list[str] | None]] = {
    "light 1440": ("light", WIDE, None),
    "dark 1440": ("dark", WIDE, ["color-contrast"]),
    "light 390": ("light", PHONE, ["color-contrast"]),
    "dark 390": ("dark", PHONE, None),
}
"""Theme, size, and axe's rules where not all are tried: what the others find depends on the size alone."""
MOST_BYTES = 100_000
"""Of a page with styles, scripts and fonts as they go over the wire: what is static is compressed, pages are not."""
LOADED = """["navigation", "resource"].flatMap(kind => performance.getEntriesByType(kind))
    .reduce((sum, one) => sum + one.encodedBodySize, 0)"""
COVERED = """[...document.querySelectorAll("main tr")].flatMap(row => {
    const cells = [...row.cells].map(cell => [cell, cell.getBoundingClientRect()]).filter(([, at]) => at.width > 1);
    const over = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 2
        && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 2;
    return cells.flatMap(([a, at], n) => cells.slice(n + 1).filter(([, to]) => over(at, to)).map(([b]) =>
        a.textContent.trim() + " / " + b.textContent.trim()));
})"""
NARROW = 320
"""Pixels, in which WCAG 2.2 (1.4.10) wants no scrolling to the side."""


@dataclass
class Found:
    """What one state of a page came to. `violations`: by look, axe's rules with the places that break them."""

    violations: dict[str, list[str]] = field(default_factory=dict)
    bytes: int = 0
    width: int = 0
    covered: list[str] = field(default_factory=list)
    """Cells of a row that lie over each other on a phone."""


@pytest.fixture(scope="module")
def every(standing_once: Served, chromium: Browser) -> dict[str, Found]:
    """All states, opened once each; everybody signs in once."""
    watched = Watched()
    contexts: dict[str | None, BrowserContext] = {}
    found = {}
    for state in states(standing_once):
        if state.who not in contexts:
            contexts[state.who] = open_context(chromium, watched, standing_once.address)
            page = contexts[state.who].new_page()
            page.context.new_cdp_session(page).send("Network.setCacheDisabled", {"cacheDisabled": True})
            if state.who is not None:
                sign_in(page, state.who)
        (page,) = contexts[state.who].pages
        assert state.name not in found
        found[state.name] = look(page, state)
    for context in contexts.values():
        context.close()
    assert watched.troubles == []
    return found


def look(page: Page, state: State) -> Found:
    page.set_viewport_size(WIDE)
    first = page.goto(state.address)
    assert first is not None
    assert first.status == state.status, state.name
    if state.act is not None:
        state.act(page)
        page.wait_for_load_state()
    found = Found(bytes=page.evaluate(LOADED))
    page.evaluate(Axe().axe_script)
    for name, (theme, size, rules) in LOOKS.items():
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        page.set_viewport_size(size)
        page.mouse.move(0, 0)
        only = {"runOnly": rules} if rules else {}
        ran = page.evaluate("options => axe.run(options)", {"resultTypes": ["violations"], **only})
        found.violations[name] = [
            f"{one['id']}: {node['target']} {node['failureSummary']}"
            for one in ran["violations"]
            for node in one["nodes"]
        ]
    found.covered = page.evaluate(COVERED)
    page.set_viewport_size({"width": NARROW, "height": 700})
    found.width = page.evaluate("document.documentElement.scrollWidth")
    return found


def test_every_address_has_a_state_or_is_only_sent_to(standing_once):
    looked_at = {state.page for state in states(standing_once)} - {"error"}
    assert named_pages() == looked_at
    assert not (ACTIONS | LEADS | PARTS) & looked_at


def test_axe_finds_nothing_in_any_state(every, capsys):
    with capsys.disabled():
        print_table(every)
    wrong = {f"{name} ({look})": told for name, one in every.items() for look, told in one.violations.items() if told}
    assert wrong == {}


def print_table(every: dict[str, Found]) -> None:
    widest = max(len(name) for name in every)
    lines = ["", f"{'page, state':<{widest}}  {'  '.join(LOOKS)}      kB"]
    for name, one in every.items():
        numbers = "  ".join(f"{len(one.violations[look]):>{len(look)}}" for look in LOOKS)
        lines.append(f"{name:<{widest}}  {numbers}  {one.bytes / 1000:6.1f}")
    sys.stdout.write("\n".join(lines) + "\n")


def test_nothing_is_wider_than_a_narrow_phone(every):
    assert {name: one.width for name, one in every.items() if one.width > NARROW} == {}


def test_no_cell_lies_over_another_on_a_phone(every):
    assert {name: one.covered for name, one in every.items() if one.covered} == {}


def test_no_page_is_heavier_than_its_budget(every):
    assert {name: one.bytes for name, one in every.items() if one.bytes >= MOST_BYTES} == {}
