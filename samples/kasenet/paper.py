"""Register 4: the paper archive: a list of boxes and what lies in each.

Papers were packed by the year in which a customer came; a few boxes hold only customers who left long ago.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from samples.csv_list import write_list
from samples.kasenet.story import Customer, Situation, Story

BOX_SIZE = 12
BOXES = ("laatikko", "hylly", "kuvaus", "turvaluokka")
CONTENTS = ("numero", "laatikko", "asiakasnro", "asiakirja", "pvm")


def build(directory: Path, story: Story) -> None:
    """Write arkisto/laatikot.csv, arkisto/sisalto.csv and an empty arkisto/havitystilaukset/."""
    archive = directory / "arkisto"
    (archive / "havitystilaukset").mkdir(parents=True)
    boxes: list[Sequence[str]] = []
    contents: list[Sequence[str]] = []
    for description, customers in _packed(story):
        number = f"LTK-{len(boxes) + 1:03}"
        boxes.append((number, f"A{len(boxes) // 6 + 1}-{len(boxes) % 6 + 1}", description, "P-4"))
        papers = [(customer, contract) for customer in customers for contract in customer.contracts]
        contents.extend(
            (f"{number}/{n:02}", number, customer.number, "liittymäsopimus", contract.started.isoformat())
            for n, (customer, contract) in enumerate(papers, 1)
        )
    write_list(archive / "laatikot.csv", BOXES, boxes)
    write_list(archive / "sisalto.csv", CONTENTS, contents)


def _packed(story: Story) -> Iterable[tuple[str, Sequence[Customer]]]:
    everybody = [customer for customer in story.customers if customer.contracts]
    gone = [customer for customer in everybody if customer.situation is Situation.ENDED_LONG_AGO]
    disputed = [customer for customer in everybody if customer.situation is Situation.ON_HOLD_DISPUTE]
    late = gone[: 2 * BOX_SIZE]
    packed_apart = {customer.number for customer in (*late, *disputed)}
    rest = sorted(
        (customer for customer in everybody if customer.number not in packed_apart and int(customer.number) % 3 == 0),
        key=lambda customer: (customer.recorded, customer.number),
    )
    yield "Päättyneet liittymät I", late[:BOX_SIZE]
    yield "Päättyneet liittymät II", late[BOX_SIZE:]
    yield "Päättyneet liittymät III", [*disputed, *gone[2 * BOX_SIZE : 2 * BOX_SIZE + 2]]
    for start in range(0, len(rest), BOX_SIZE):
        part = rest[start : start + BOX_SIZE]
        yield f"Liittymäsopimukset {part[0].recorded.year}–{part[-1].recorded.year}", part
