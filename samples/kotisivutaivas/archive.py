"""R5: paper contracts and orders in boxes, some with only customers who left long ago."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from samples.csv_list import write_list
from samples.kotisivutaivas.story import Story
from samples.lives import Customer, Situation

BOXES = ("laatikko", "hylly", "kuvaus", "turvaluokka")
CONTENTS = ("numero", "laatikko", "asiakasnro", "asiakirja", "pvm")
BOX_SIZE = 6


def build(directory: Path, story: Story) -> None:
    """Write arkisto/laatikot.csv, arkisto/sisalto.csv and an empty arkisto/havitystilaukset/."""
    archive = directory / "arkisto"
    (archive / "havitystilaukset").mkdir(parents=True)
    boxes: list[Sequence[str]] = []
    contents: list[Sequence[str]] = []
    for description, customers in _packed(story):
        number = f"MA-{len(boxes) + 1:02}"
        boxes.append((number, f"H{len(boxes) + 1}", description, "P-4"))
        for place, one in enumerate(customers, 1):
            day = (one.started or one.recorded).isoformat()
            contents.append((f"{number}/{place:02}", number, one.number, "sopimus", day))
    write_list(archive / "laatikot.csv", BOXES, boxes)
    write_list(archive / "sisalto.csv", CONTENTS, contents)


def _packed(story: Story) -> list[tuple[str, Sequence[Customer]]]:
    gone = [one for one in story.customers if one.situation is Situation.ENDED_LONG_AGO]
    disputed = [one for one in story.customers if one.situation is Situation.ON_HOLD]
    running = [one for one in story.customers if one.situation is Situation.RUNNING]
    return [
        ("Päättyneet sopimukset", gone[:BOX_SIZE]),
        ("Päättyneet ja riitaiset", [*disputed, *gone[BOX_SIZE : BOX_SIZE + 2]]),
        ("Voimassa olevat", running[:BOX_SIZE]),
    ]
