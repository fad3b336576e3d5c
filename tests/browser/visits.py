"""People before the pages: each with a browser context of her own, in which nothing may go wrong unseen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response

from tests.api.conftest import PASSWORD
from tests.factors import code

Visit = Callable[..., Page]
"""(address, name of who signs in or nothing, what Playwright's contexts take) -> a page, before anything is opened."""


@dataclass
class Watched:
    """What a browser met that no page of ours may cause."""

    troubles: list[str] = field(default_factory=list)

    def watch(self, context: BrowserContext) -> None:
        context.on("request", self._request)
        context.on("response", self._response)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.troubles.append(f"script: {error.error}"))

    def _request(self, request: Request) -> None:
        if urlsplit(request.url).hostname != "127.0.0.1":
            self.troubles.append(f"asked for from outside: {request.url}")

    def _response(self, response: Response) -> None:
        led = "hx-redirect" in response.headers  # a session has ended: its page goes on to the log-in
        if response.status >= 400 and not led and not response.request.is_navigation_request():
            self.troubles.append(f"{response.status}: {response.url}")

    def _console(self, message: ConsoleMessage) -> None:
        """Errors and warnings, and so every violation of the policy; a page with a status of an error is asked for
        on purpose, and what it lacks beside itself `_response` tells."""
        if message.type in {"error", "warning"} and not message.text.startswith("Failed to load resource"):
            self.troubles.append(f"console: {message.text}")


def open_context(browser: Browser, watched: Watched, address: str, **given: object) -> BrowserContext:
    told = {"locale": "fi-FI", "timezone_id": "Europe/Helsinki", "reduced_motion": "reduce", **given}
    context = browser.new_context(base_url=address, **told)  # type: ignore[arg-type]
    context.set_default_timeout(60_000)  # no test fails because the machine is busy
    watched.watch(context)
    return context


def log_in(page: Page, name: str, steps: int = 0, password: str = PASSWORD) -> None:
    """Through the door that the page stands before: the password, then what her app shows, or shows `steps` later."""
    page.locator("[name=username]").fill(name)
    page.locator("[name=password]").fill(password)
    page.locator("main .btn-1").click()
    page.locator("[name=code]").fill(code(steps))
    page.locator("main .btn-1").click()
    page.wait_for_url(lambda address: "/login/" not in address)


def session_key(name: str) -> str:
    """The key of the session that `world` opened for somebody."""
    return f"browser0{name}".ljust(32, "0")


def sign_in(page: Page, name: str) -> None:
    """With a session of both factors, as if she had come in a moment ago; how one comes in is a journey of its own."""
    page.goto("/login/")
    address = f"{urlsplit(page.url).scheme}://{urlsplit(page.url).netloc}"
    page.context.add_cookies([{"name": "sessionid", "value": session_key(name), "url": address}])
