"""R6: what customers keep on the servers, a folder per customer. Nobody reads it: it goes whole."""

from __future__ import annotations

from pathlib import Path
from random import Random

from samples.kotisivutaivas.story import Story

STRAY = "vanha-siirto"


def build(directory: Path, story: Story, random: Random) -> None:
    """Write sisalto/sivustot/NUMBER/…, and one folder that is nobody's."""
    root = directory / "sisalto" / "sivustot"
    root.mkdir(parents=True)
    for customer in story.customers:
        if customer.is_lead or random.random() < 0.2:
            continue
        site = root / customer.number
        (site / "www").mkdir(parents=True)
        (site / "tietokanta").mkdir()
        page = f"<!doctype html>\n<title>Esimerkkisivu {customer.number}</title>\n"
        (site / "www" / "index.html").write_text(page, encoding="utf-8")
        visitors = "".join(f"vieras{random.randrange(1000)}@example.invalid\n" for _ in range(random.randint(2, 9)))
        (site / "tietokanta" / "vieraskirja.txt").write_text(visitors, encoding="utf-8")
    (root / STRAY).mkdir()
    (root / STRAY / "lueminut.txt").write_text("Siirretty vanhalta palvelimelta\n", encoding="utf-8")
