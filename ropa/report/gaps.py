"""What the record must say and does not."""

from __future__ import annotations

from ropa import article30
from ropa.report.inventory import Inventory
from ropa.report.texts import Report
from ropa.wording import article_in_words


def gaps(inventory: Inventory) -> list[Report]:
    """Missing fields that Article 30 demands, and legal bases where they are shown."""
    return [
        _gap(inventory, gap)
        for gap in article30.missing(inventory.document, inventory.as_of)
        if inventory.extras or gap.article.startswith("30(")
    ]


def _gap(inventory: Inventory, gap: article30.Gap) -> Report:
    kind, *path = gap.where.split(".")
    place = {"text": inventory.document["organisation"]["name"], "lang": inventory.language}
    if kind in ("activities", "datasets"):
        place = inventory.name(kind, path[0])
    said = inventory.words["gaps"][gap.message_id]
    if kind == "activities" and len(path) > 2:
        purpose = inventory.purposes.get((path[0], path[2]))
        said = f"{said}: {purpose['text']}" if purpose else said
    return {
        "article": gap.article,
        "article_words": article_in_words(gap.article, inventory.language),
        "where": gap.where,
        "message_id": gap.message_id,
        "place": place,
        "words": said,
    }
