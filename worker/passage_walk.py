"""The walk over a version's passages: is each of a notice's words held in a field, and what stands there?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ropa.places import NoPlaceError, at, entries


@dataclass(frozen=True)
class Walked:
    """One passage. `held`: its places and what stands there; `lost`: places that hold nothing, and why."""

    notice: str
    passage: Mapping[str, Any]
    held: Mapping[str, Any]
    lost: Mapping[str, str]

    @property
    def not_content(self) -> bool:
        """Whether it is page furniture: nothing that an inventory holds."""
        return self.passage.get("not_content") is True and not self.held and not self.lost

    @property
    def is_held(self) -> bool:
        """Whether nothing of it is lost: every place holds something, or there is nothing to hold."""
        return self.not_content or (bool(self.held) and not self.lost)


def walk(document: Mapping[str, Any]) -> Iterator[Walked]:
    """Every passage of every notice of a document, in their order."""
    for _, notice in entries(document, "notices"):
        for passage in notice.get("passages") or ():
            held, lost = {}, {}
            for place in passage.get("held_in") or ():
                try:
                    held[place] = at(document, place)
                except NoPlaceError as error:
                    lost[place] = str(error)
            yield Walked(notice["id"], passage, held, lost)
