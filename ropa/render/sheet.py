"""What a report looks like on paper, apart from any format: sections of facts, tables and texts.

HTML and PDF are drawn from one sheet, so they cannot differ in what they say. A cell is lines of runs; a run has
its language, and a style that repeats in shape and colour what its words already say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

from ropa.wording import table

_WORD = re.compile(r"[^\W\d_]{13,}")
_BOUND = re.compile(
    r" (?=§)|(?<=\d) (?=art\.|artikla|kohda|kohta|[a-g]\b)|(?<=\bart\.) (?=\d)|(?<=artikel) (?=\d)"
    r"|(?<=\bkohta) (?=\d)|(?<=\bavsnitt) (?=\d)"
    r"|(?<=\d) (?=vuo[dst]|kuukau|päiv[äi]|år\b|månader|dagar|years?\b|months?\b|days?\b)"
)
SOFT_HYPHEN = "\u00ad"
_VOWELS = "aeiouyåäöAEIOUYÅÄÖ"

Style = Literal["", "strong", "soft", "missing", "late", "unknown", "zero", "mark", "digest"]


@dataclass(frozen=True, slots=True)
class Run:
    """Words in one language and one style."""

    text: str
    lang: str = ""
    style: Style = ""


Line = tuple[Run, ...]
Cell = tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """A term and what is said of it; `letter` is the point of Article 30 that demands it."""

    term: str
    cell: Cell
    letter: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    rows: tuple[Fact, ...]
    kind: str = "facts"


@dataclass(frozen=True, slots=True)
class Column:
    """`share` is its part of the width; numbers stand at the end."""

    title: str
    share: float
    end: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """The first cell of a row names the row. `caption` is for who cannot see the heading above."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: tuple[Cell, ...] = ()
    kind: str = "table"


@dataclass(frozen=True, slots=True)
class Text:
    cell: Cell
    kind: str = "text"


@dataclass(frozen=True, slots=True)
class Entries:
    """Thousands of things below each other, each a few lines run together; costs least of all blocks on paper."""

    rows: tuple[Cell, ...]
    kind: str = "entries"


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading below the section's own."""

    text: str
    lang: str = ""
    level: int = 3
    kind: str = "heading"


Block = Facts | Table | Text | Entries | Heading


@dataclass(frozen=True, slots=True)
class Section:
    """`note` stands at the end of the heading's line: the point of the article."""

    number: str
    title: str
    note: str = ""
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True)
class Sheet:
    """A whole document. `say` is the sentence that comes first; `seal` stands at the foot of the first page."""

    lang: str
    title: str
    short: str
    under: tuple[str, ...]
    sender: str
    day: str
    say: tuple[Run, ...]
    facts: Facts
    contents: str
    sections: tuple[Section, ...]
    seal: tuple[tuple[str, str], ...]
    foot: str
    page: str
    cover: tuple[Block, ...] = field(default=())


def cell(*runs: Run | str) -> Cell:
    """One line of runs; a bare text is a run in the report's language."""
    return (tuple(Run(run) if isinstance(run, str) else run for run in runs),)


def parted(text: str, lang: str) -> str:
    """A text bound, and its long Finnish words with soft hyphens: browsers cannot part them by themselves."""
    return _soft_hyphens(jointed(bound(text), lang)) if lang == "fi" else bound(text)


def jointed(text: str, lang: str) -> str:
    """Long compounds with soft hyphens at their joints, where their language lists them."""
    joints = _joints(lang)
    return _WORD.sub(lambda match: joints.sub(SOFT_HYPHEN, match[0]), text) if joints else text


@cache
def _joints(lang: str) -> re.Pattern[str] | None:
    stems = table(lang)["joints"]
    return re.compile(f"(?<=\\w{{3}})(?={'|'.join(stems)})") if stems else None


def bound(text: str) -> str:
    """A number stays on one line with the section sign, article, paragraph or point that it belongs to."""
    return _BOUND.sub("\u00a0", text)


def _soft_hyphens(text: str) -> str:
    """Places where a long Finnish word may part: before consonant and vowel, three letters from both ends."""

    def part(match: re.Match[str]) -> str:
        word = match[0]
        return "".join(
            SOFT_HYPHEN + letter
            if 3 <= place <= len(word) - 3 and letter not in _VOWELS and word[place + 1] in _VOWELS
            else letter
            for place, letter in enumerate(word)
        )

    return _WORD.sub(part, text)


def fours(digest: str) -> str:
    """A digest in groups of four, which the eye can compare."""
    return " ".join(digest[start : start + 4] for start in range(0, len(digest), 4))
