"""Where a running text names rows of the library: by a name in its cases, by a number, and section by section."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ropa.references.declension import pattern
from ropa.references.rows import Reference

_BEFORE = r"(?<![\w/@-])(?<!www\.)"
_BEHIND = r"(?![\w@]|\.(?:fi|com|eu|org|net)\b)"
_NUMBER = r"[0-9]{1,4}/(?:[0-9]{4}|[0-9]{2,3})(?:/EY)?"
_NUMBER_BEHIND = re.compile(
    rf"\s*,?\s*[(\[]?\s*(?:\(?EU\)?\s*)?(?:N:o\s*)?(?P<number>{_NUMBER})(?![0-9/])(?:\s*[)\]])?", re.I
)
_LAW_WORD = re.compile(r"(?:la(?:ki|in|kia|issa|ista)|asetu[a-z]*|\bVNa|\bL|\(EU\)|N:o)\s*\(?$", re.I)
_LIST = r"\s*(?:,|-|–|ja|sekä|tai|och|and)\s*"
_SECTIONS = re.compile(
    rf"""\s*,?\s*(?:
        (?P<numbers>[0-9]+(?:\s[a-z]\b)?(?:{_LIST}[0-9]+(?:\s[a-z]\b)?)*)\s*(?:§+|pykäl[a-zäö]*|(?=:n\b))(?::[a-zäö]+)?
      | (?:s\.|ss\.|sections?)\s*(?P<english>[0-9]+(?:{_LIST}[0-9]+)*)
    )
    (?:(?:\s*(?P<part>[0-9])\s*(?:momen[a-zäö]*|mom\.?)|\((?P<english_part>[0-9])\))
       (?:\s*,?\s*(?:items?\s*)?(?P<items>[0-9]+(?:{_LIST}[0-9]+)*)(?P<items_end>\s*(?:koh[a-zäö]+|punkt[a-z]*))?)?
    )?""",
    re.X | re.I,
)
_AND = re.compile(_LIST, re.I)
_EACH = re.compile(r"[0-9]+(?:\s[a-z]\b)?")


@dataclass(frozen=True, slots=True)
class Mention:
    """A row's id, and where in the text it is named (`text[start:end]` is the spelling)."""

    id: str
    start: int
    end: int
    spelling: str


class Finder:
    """Looks for the given rows. The patterns are built once."""

    def __init__(self, rows: Iterable[Reference]) -> None:
        self._rows = {row.id: row for row in rows}
        self._sections = {(row.part_of, row.section): row.id for row in self._rows.values() if row.part_of}
        self._numbers = {row.number: row.id for row in self._rows.values() if row.number and row.status != "renamed"}
        spelt = sorted(self._spelt(), key=lambda one: len(one[0]), reverse=True)
        self._ids = [id_ for _, id_ in spelt]
        names = "|".join(f"({one})" for one, _ in spelt)
        self._named = re.compile(rf"{_BEFORE}(?:{names}){_BEHIND}|(?<![\w/.])(?P<number>{_NUMBER})(?![\w/])", re.I)

    def _spelt(self) -> Iterator[tuple[str, str]]:
        seen = set()
        for row in self._rows.values():
            others = [] if row.part_of or not row.spellings else [row.name["sv"], row.name["en"]]
            written = [pattern(one) for one in row.spellings]
            for one in [*written, *(rf"{pattern(name)}s?" for name in others)]:
                if one.casefold() not in seen:
                    seen.add(one.casefold())
                    yield one, row.id

    def mentions(self, text: str) -> list[Mention]:
        """From left to right, none inside another. At one place the longest spelling is taken."""
        composed, at = _composed(text)
        found, here = [], 0
        while match := self._named.search(composed, here):
            here = match.end()
            id_, end = self._row(composed, match)
            if id_:
                for one, start, stop in self._parts(composed, id_, match.start(), end):
                    found.append(Mention(one, at(start), at(stop), text[at(start) : at(stop)]))
                    here = stop
        return found

    def _row(self, text: str, match: re.Match[str]) -> tuple[str, int]:
        """The row that is named, and where its name and number end; an empty id where it is none."""
        if match["number"]:
            id_ = self._numbers.get(_whole_year(match["number"]), "")
            return (id_ if id_ and _is_a_citation(text, match) else "", match.end())
        id_ = self._ids[next(place for place, one in enumerate(match.groups()) if one is not None)]
        behind = _NUMBER_BEHIND.match(text, match.end())
        if behind is None:
            return id_, match.end()
        number = _whole_year(behind["number"])
        if number == self._rows[id_].number:
            return id_, behind.end()
        return (self._numbers[number], behind.end()) if number in self._numbers else (id_, match.end())

    def _parts(self, text: str, law: str, start: int, end: int) -> Iterator[tuple[str, int, int]]:
        """The sections named behind a law that the library knows, or else the law itself."""
        here, first = end, start
        while section := _SECTIONS.match(text, here):
            for key, begin, stop in _named_sections(section):
                known = self._sections.get((law, key))
                if known:
                    yield known, first if first == start else begin, stop
                    first = -1
            here = section.end()
            more = _AND.match(text, here)
            if more is None:
                break
            here = more.end()
        if first == start:
            yield law, start, end


def _named_sections(found: re.Match[str]) -> Iterator[tuple[str, int, int]]:
    """Each section, or each of its items, as the library writes it, and where it stands."""
    group = "numbers" if found["numbers"] else "english"
    if found["items"] and (found["items_end"] or found["english_part"]):
        section = _EACH.findall(found[group])[-1].replace(" ", "")
        part = found["part"] or found["english_part"]
        yield from _each(found, "items", f"{section}.{part}.", found.end())
    else:
        last = found.end() if not found["items"] else found.start("items")
        yield from _each(found, group, "", last)


def _each(found: re.Match[str], group: str, before: str, last: int) -> Iterator[tuple[str, int, int]]:
    ones = list(_EACH.finditer(found[group]))
    offset = found.start(group)
    for one in ones:
        stop = last if one is ones[-1] else offset + one.end()
        yield before + one[0].replace(" ", ""), offset + one.start(), stop


def _whole_year(number: str) -> str:
    """523/99 is 523/1999; a number of the EU has its year in front and stays."""
    first, year, *more = number.split("/")
    if len(year) == 2 and not more and len(first) < 4:
        year = ("19" if int(year) >= 30 else "20") + year
    return "/".join([first, year, *more])


def _is_a_citation(text: str, match: re.Match[str]) -> bool:
    """Whether a number alone is a law's: in brackets, behind a word for a law, before a section, or long enough."""
    if _LAW_WORD.search(text, max(0, match.start() - 20), match.start()) or _SECTIONS.match(text, match.end()):
        return True
    if text[match.start() - 1 : match.start()] == "(" and text[match.end() : match.end() + 1] == ")":
        return True
    first, year = match["number"].split("/")[:2]
    return len(first) >= 3 and len(year) >= 3


def _composed(text: str) -> tuple[str, _At]:
    """The text with each letter and its dots as one sign, and where its places are in what was given."""
    if unicodedata.is_normalized("NFC", text):
        return text, _At(None)
    pieces: list[str] = []
    places: list[int] = []
    start = 0
    for here in range(1, len(text) + 1):
        if here == len(text) or not unicodedata.combining(text[here]):
            piece = unicodedata.normalize("NFC", text[start:here])
            pieces.append(piece)
            places += [start] * len(piece)
            start = here
    return "".join(pieces), _At([*places, len(text)])


class _At:
    """From a place in the composed text to the place in the text that was given."""

    def __init__(self, places: list[int] | None) -> None:
        self._places = places

    def __call__(self, place: int) -> int:
        return place if self._places is None else self._places[place]
