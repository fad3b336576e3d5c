"""How a report's parts are said: the words, numbers and states that every section uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ropa.render.sheet import Block, Cell, Run, Section, Style, Text, cell
from ropa.wording import article_in_words, day_in_words, number_in_words

Data = Mapping[str, Any]

DASH: Cell = ((Run("–", style="zero"),),)


@dataclass(frozen=True, slots=True)
class Speaker:
    """A report, with its language's labels and the number of each section."""

    report: Data
    words: Mapping[str, Any]
    numbers: Mapping[str, str]

    def day(self, written: str | None) -> str:
        return day_in_words(written, self.report["language"]) if written else "–"

    def number(self, value: int) -> str:
        return number_in_words(value, self.report["language"])

    def counted(self, value: int, what: str) -> str:
        """`1 tietue`, `38 tietuetta`."""
        return f"{self.number(value)}\u00a0{self.words[what][value != 1]}"

    def said(self, text: Data, style: Style = "") -> Run:
        lang = text["lang"] if text["lang"] != self.report["language"] else ""
        return Run(text["text"], lang, style)

    def field(self, field: Data) -> Cell:
        """One of the three honest states."""
        match field["state"]:
            case "value":
                return tuple((self.said(line),) for line in field["lines"])
            case "none_because":
                before, after = self.words["none_because"].split("{reason}")
                return cell(Run(before), self.said(field["reason"]), *([Run(after)] if after else []))
        return cell(self.missing(field["article"]))

    def missing(self, article: str) -> Run:
        cited = f" ({article_in_words(article, self.report['language'])})" if article else ""
        return Run(self.words["missing"] + cited, style="missing")

    def recorded(self, field: Data) -> Cell:
        """A statement that Article 30 does not demand: where it is not there, it was just not recorded."""
        return cell(Run(self.words["not_recorded"], style="soft")) if field["state"] == "missing" else self.field(field)

    def count(self, value: int | None) -> Cell:
        if value is None:
            return cell(Run(self.words["not_known"], style="unknown"))
        return cell(Run(self.number(value), style="zero" if value == 0 else ""))

    def see(self, section: str) -> str:
        title: str = self.words[section]
        return str(self.words["see"]).format(section=self.numbers[section], title=title)

    def note(self, paragraph: str, point: str) -> str:
        return str(self.words["notes"][paragraph]).format(point=point)

    def statute(self, paragraph: str, point: str) -> Text:
        """The statute's own words."""
        return Text(cell(Run(f"{point}) {self.report['headings'][paragraph][point]}", style="soft")))

    def section(self, key: str, title: str, note: str, *blocks: Block) -> Section:
        return Section(self.numbers[key], title, note, blocks)


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]
