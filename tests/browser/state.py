"""A page as somebody meets it, and what is done there before one looks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page

from tests.browser.world import EVERYWHERE

Act = Callable[[Page], None]


@dataclass(frozen=True)
class State:
    """`page`: its address's name; `act`: what is done there before one looks."""

    page: str
    what: str
    address: str
    who: str | None = EVERYWHERE
    act: Act | None = None
    status: int = 200

    @property
    def name(self) -> str:
        return f"{self.page}, {self.what}"


def send(*filled: tuple[str, str]) -> Act:
    """Fill fields by their names and send the page's main form."""

    def act(page: Page) -> None:
        for field, value in filled:
            page.locator(f"main [name={field}]").fill(value)
        page.locator("main .btn-1").first.click()

    return act


def press(do: str) -> Act:
    """Press the button that says what to do."""
    return lambda page: page.locator(f"main button[value={do}]").first.click()


def one_after_the_other(*acts: Act) -> Act:
    def act(page: Page) -> None:
        for one in acts:
            one(page)
            page.wait_for_load_state()

    return act


def open_all(page: Page) -> None:
    """Everything that is folded up."""
    for summary in page.locator("main summary").all():
        summary.click()
