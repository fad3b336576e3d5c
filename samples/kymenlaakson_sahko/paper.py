"""KS-R6: the locked archive: which boxes there are, and which contracts and vouchers lie in each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path

from samples.csv_list import write_list
from samples.kymenlaakson_sahko.story import Customer, Situation, Story

BOX_SIZE = 8
BOXES = ("laatikko", "hylly", "kuvaus", "turvaluokka")
CONTENTS = ("numero", "laatikko", "asiakasnro", "sopimusnro", "asiakirja", "pvm")
CONTRACT, VOUCHER = "sähkösopimus", "tosite"
Paper = tuple[str, str, str, str]
"""Customer, contract (a voucher has none), what it is, its day."""


def build(directory: Path, story: Story) -> None:
    """Write arkisto/laatikot.csv, arkisto/sisalto.csv and an empty arkisto/havitystilaukset/."""
    archive = directory / "arkisto"
    (archive / "havitystilaukset").mkdir(parents=True)
    boxes: list[Sequence[str]] = []
    contents: list[Sequence[str]] = []
    for description, papers in (*_contracts(story), *_vouchers(story)):
        number = f"KS-{len(boxes) + 1:03}"
        boxes.append((number, f"K{len(boxes) // 5 + 1}-{len(boxes) % 5 + 1}", description, "P-4"))
        contents.extend((f"{number}/{n:02}", number, *paper) for n, paper in enumerate(papers, 1))
    write_list(archive / "laatikot.csv", BOXES, boxes)
    write_list(archive / "sisalto.csv", CONTENTS, contents)


def _contracts(story: Story) -> Iterable[tuple[str, list[Paper]]]:
    gone = [customer for customer in story.customers if customer.situation is Situation.ENDED_LONG_AGO]
    rest = [customer for customer in story.customers if customer.situation is not Situation.ENDED_LONG_AGO]
    yield "Päättyneet sopimukset", _signed(gone[:BOX_SIZE])
    mixed = sorted([*gone[BOX_SIZE:], *rest], key=lambda customer: (customer.first_day, customer.number))[:24]
    for start in range(0, len(mixed), BOX_SIZE):
        part = mixed[start : start + BOX_SIZE]
        yield f"Sopimukset {part[0].first_day.year}–{part[-1].first_day.year}", _signed(part)


def _signed(customers: Iterable[Customer]) -> list[Paper]:
    signed = [(customer.number, contract) for customer in customers for contract in customer.contracts]
    return [(number, contract.number, CONTRACT, contract.started.isoformat()) for number, contract in signed]


def _vouchers(story: Story) -> Iterable[tuple[str, list[Paper]]]:
    """One box a year; the year whose six years are full at its end, and years beside it."""
    for back in (9, 7, 6, 1):
        year = story.today.year - back
        day = story.today.replace(year=year, month=3, day=15)
        papers = [
            (customer.number, "", VOUCHER, (day + timedelta(days=9 * n)).isoformat())
            for n, customer in enumerate(story.customers[back : back + 4])
        ]
        yield f"Tositteet {year}", papers
