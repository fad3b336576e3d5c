"""`./run screenshots`: every page in every state, light, dark, on a phone and on paper, in each language.

They lie in var/screenshots/LANGUAGE/LOOK; the world is KaseNet's demo after some nights. `--only TEXT`: states whose
name has it; `--languages` and `--looks` take fewer.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import tests.environment as _environment  # noqa: F401 - before the settings are read

LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light", "device_scale_factor": 2},
    "print": {"viewport": {"width": 794, "height": 1123}, "color_scheme": "light"},
}
LANGUAGES = {"fi": "fi-FI", "sv": "sv-FI", "en": "en-GB"}
ROOT = Path(__file__).resolve().parents[2]
CUSTOMERS = 400
NIGHTS = 9


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", metavar="TEXT")
    parser.add_argument("--languages", default=",".join(LANGUAGES))
    parser.add_argument("--looks", default=",".join(LOOKS))
    parser.add_argument("--out", type=Path, default=ROOT / "var" / "screenshots")
    asked = parser.parse_args()
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from playwright.sync_api import sync_playwright

    from samples.servers import missing
    from tests.browser.conftest import ALONE, Served
    from tests.browser.pages import states
    from tests.browser.server import serving

    if why := missing("chromium"):
        raise SystemExit(why)
    made = 0
    with ExitStack() as stack:
        own = _world(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="seloste-screenshots-"))))
        served = Served(own, stack.enter_context(serving(own)))
        browser = stack.enter_context(sync_playwright()).chromium.launch(
            executable_path=shutil.which("chromium"), args=ALONE, env={**os.environ, "LANGUAGE": "fi"}
        )
        chosen = [state for state in states(served) if asked.only.casefold() in state.name.casefold()]
        for language in asked.languages.split(","):
            for look in asked.looks.split(","):
                into = asked.out / language / look
                into.mkdir(parents=True, exist_ok=True)
                given = {**LOOKS[look], "locale": LANGUAGES[language]}
                for name, picture in _pictures(browser, served, chosen, look, given):
                    (into / f"{name}.png").write_bytes(picture)
                    made += 1
    sys.stdout.write(f"{made} pictures in {asked.out}\n")
    return 0


def _world(directory: Path) -> Any:
    from django.core.management import call_command

    from config.keys import make_keys
    from tests.browser import world
    from tests.browser.server import collect_static
    from tests.own_database import OwnDatabase

    make_keys(directory / "keys")
    own = OwnDatabase(directory)
    collect_static(directory)
    for act in (
        lambda: call_command("migrate", verbosity=0),
        lambda: world.evening(CUSTOMERS, NIGHTS),
        lambda: world.morning(NIGHTS),
    ):
        if own.in_process(act):
            raise SystemExit("the demo's world could not be built")
    return own


def _pictures(
    browser: Any, served: Any, chosen: list[Any], look: str, given: dict[str, Any]
) -> Iterator[tuple[str, bytes]]:
    """Each state's picture, with a name that a file can have. Whoever is needed signs in once."""
    from tests.browser.visits import Watched, open_context, sign_in

    pages: dict[str | None, Any] = {}
    watched = Watched()
    for state in chosen:
        if state.who not in pages:
            pages[state.who] = open_context(browser, watched, served.address, **given).new_page()
            if state.who is not None:
                sign_in(pages[state.who], state.who)
        page = pages[state.who]
        page.emulate_media(media="screen")
        page.goto(state.address)
        if state.act is not None:
            state.act(page)
            page.wait_for_load_state()
        page.emulate_media(media="print" if look == "print" else "screen")
        yield re.sub(r"[^a-z0-9]+", "-", state.name.lower()).strip("-"), page.screenshot(full_page=True)
    for page in pages.values():
        page.context.close()


if __name__ == "__main__":
    sys.exit(main())
