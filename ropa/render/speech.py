"""How a report's parts are said: the words, numbers and states that every section uses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ropa.render.sheet import Block, Cell, Column, Line, Run, Section, Style, Table, Text, cell
from ropa.wording import article_in_words, day_in_words, number_in_words, table

Data = Mapping[str, Any]

DASH: Cell = ((Run("–", style="zero"),),)


@dataclass(frozen=True, slots=True)
class Speaker:
    """A report, with its language's labels and the number of each section."""

    report: Data
    words: Mapping[str, Any]
    numbers: Mapping[str, str]
    _entries: dict[str, dict[str, Data]] = field(default_factory=dict)

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
        """One of the honest states; nothing where entries answer, since they stand beside it."""
        added = self.added(field)
        match field["state"]:
            case "value":
                lines = tuple((self.said(line),) for line in field["lines"])
                return (*lines[:-1], (*lines[-1], *added)) if lines else ()
            case "none_because":
                before, after = self.words["none_because"].split("{reason}")
                return cell(Run(before), self.said(field["reason"]), *([Run(after)] if after else []), *added)
            case "entries":
                return ()
        return cell(self.missing(field["article"]))

    def added(self, told: Data) -> tuple[Run, ...]:
        """The mark of what is not in the published notice."""
        return (Run("\u00a0"), Run(self.words["addition"], style="mark")) if told.get("addition") else ()

    def entries(self, kind: str, codes: Iterable[str]) -> list[Data]:
        if kind not in self._entries:
            self._entries[kind] = {one["id"]: one for one in self.report["entries"].get(kind, ())}
        known = self._entries[kind]
        return [known[code] for code in codes if code in known]

    def everywhere(self, kind: str) -> list[Data]:
        """The entries that are about the whole organisation."""
        return [
            one
            for one in self.report["entries"].get(kind, ())
            if not one.get("activities") and not one.get("registers")
        ]

    def named(self, entry: Data) -> Line:
        """An entry's name with what must not be missed about it."""
        kept = entry.get("denied") and "right" not in entry
        denied = [Run(f"{self.words['not_disclosed']}: ", style="strong")] if kept else []
        return (*denied, self.said(entry["name"]), *self.added(entry))

    def details(self, entry: Data) -> Cell:
        """What an entry says beside its name, run together where it is in one language; a category's items first."""
        lines: list[Line] = []
        if entry.get("items"):
            runs: list[Run] = []
            for item in entry["items"]:
                runs += [Run("; ")] if runs else []
                runs += [self.said(item["name"]), *self.added(item)]
                if item["said"]:
                    runs.append(Run(f" ({'; '.join(line['text'] for line in item['said'])})", style="soft"))
            lines.append(tuple(runs))
        if entry["said"]:
            langs = {line["lang"] for line in entry["said"]}
            if len(langs) == 1:
                whole = {"text": capital("; ".join(line["text"] for line in entry["said"])), "lang": langs.pop()}
                lines.append((self.said(whole, "soft"),))
            else:
                lines += [(self.said({**line, "text": capital(line["text"])}, "soft"),) for line in entry["said"]]
        return tuple(lines)

    def told(self, entries: Iterable[Data]) -> Cell:
        """Entries below each other, each with its details."""
        return tuple(line for entry in entries for line in (self.named(entry), *self.details(entry)))

    def entry_table(self, kind: str, entries: Iterable[Data]) -> Table:
        columns = (Column(self.words["entry_of"][kind], 34), Column(self.words["said"], 66))
        rows = tuple(((self.named(one),), self.details(one) or DASH) for one in entries)
        return Table(self.words[kind], columns, rows)

    def listing(self, told: Data, kind: str) -> Cell:
        """Whether a list is whole, where somebody said so."""
        code = told.get("listings", {}).get(kind)
        if not code:
            return ()
        said = table(self.report["language"])["choices"]["listing"][code]
        return cell(Run(capital(said), style="soft"))

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
        title: str = self.words["retention_processor"] if self.is_annex(section) else self.words[section]
        return str(self.words["see"]).format(section=self.numbers[section], title=title)

    def is_annex(self, section: str) -> bool:
        """A processor's record has no time limits: the retention schedule is an annex of it."""
        return section == "retention" and self.report["record"] == "processor"

    def note(self, paragraph: str, point: str) -> str:
        return str(self.words["notes"][paragraph]).format(point=point)

    def statute(self, paragraph: str, point: str) -> Text:
        """The statute's own words."""
        return Text(cell(Run(f"{point}) {self.report['headings'][paragraph][point]}", style="soft")))

    def section(self, key: str, title: str, note: str, *blocks: Block) -> Section:
        return Section(self.numbers[key], title, note, blocks)


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]
