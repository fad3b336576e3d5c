"""A security key in a real browser: set up, and asked for at the next log-in. Under our own script policy."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.models import User
from playwright.sync_api import Page, sync_playwright

from tests.api.conftest import PASSWORD
from tests.servers.fixtures import need

KEY = {
    "protocol": "ctap2",
    "transport": "usb",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.xdist_group("chromium"),
]


@pytest.fixture(scope="session", autouse=True)
def static_root() -> None:
    """The live server looks for it when it starts, before anything that belongs to one test."""
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)


@pytest.fixture
def browser_page(monkeypatch) -> Iterator[tuple[Page, list[str]]]:
    """A page of a browser of its own, with a key in its port, and what the browser complained of."""
    need("chromium")
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # Playwright's loop runs in this thread
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_context(locale="en").new_page()
        session = page.context.new_cdp_session(page)
        session.send("WebAuthn.enable")
        session.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        yield page, complaints
        browser.close()


def log_in(page: Page, base: str) -> None:
    page.goto(f"{base}/o/testi/")
    page.fill("[name=username]", "alice")
    page.fill("[name=password]", PASSWORD)
    page.click("main button.btn-1")


def test_a_key_is_set_up_and_asked_for(house, live_server, browser_page: tuple[Page, list[str]]):
    page, complaints = browser_page
    base = live_server.url.replace("127.0.0.1", "localhost")
    Authenticator.objects.all().delete()
    alice = User.objects.get(username="alice")
    alice.set_password(PASSWORD)
    alice.save()

    log_in(page, base)
    page.click("text=Set up a security key")
    page.click("#key-button")
    page.wait_for_url("**/account/codes/")
    page.click("text=I have them: go on")
    page.wait_for_url("**/o/testi/")
    assert Authenticator.objects.get(user=alice, type="webauthn").wrap().name

    page.click("text=Log out")
    log_in(page, base)
    page.wait_for_url("**/login/second/")
    page.click("#key-button")
    page.wait_for_url("**/o/testi/")
    assert complaints == []
