"""Register 6: the documentation server, folders of files named by customer number and date.

A few files are named as people name files, so that no number or no date can be read from them: nothing
may happen to those by machine, and the night must say that they are there.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

from samples.kasenet.story import Story
from samples.pdf import pdf

STRAY = ("skannaus0001.pdf", "sopimus uusi (2).pdf", "asiakas 10xxx vanha.pdf")


def build(directory: Path, story: Story, random: Random) -> None:
    """Write dokumentit/: sopimukset/NUMBER/… and piirustukset/YEAR/…"""
    root = directory / "dokumentit"
    contracts, drawings = root / "sopimukset", root / "piirustukset"
    contracts.mkdir(parents=True)
    drawings.mkdir()
    for customer in story.customers:
        for contract in customer.contracts:
            if random.random() < 0.4:
                folder = contracts / customer.number
                folder.mkdir(exist_ok=True)
                name = f"sopimus_{customer.number}_{contract.started.isoformat()}.pdf"
                (folder / name).write_bytes(pdf(f"Sopimus {contract.number}, {customer.person.name}"))
            if random.random() < 0.25:
                folder = drawings / str(contract.started.year)
                folder.mkdir(exist_ok=True)
                name = f"piirustus_{customer.number}_{contract.started.isoformat()}.pdf"
                (folder / name).write_bytes(pdf(f"Tonttipiirustus, {customer.person.address}"))
    for name in STRAY:
        (contracts / name).write_bytes(pdf("Nimetön skannaus"))
