"""The form on which a person says what each column of a record is, by its heading and some of its cells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from retention.domain.errors import DocumentError
from retention.inventory_document.shape import properties_of
from retention.onboarding.record.columns import LISTS, NONE, NOTHING, TARGETS, plain
from retention.onboarding.record.foreign import Foreign, Table
from retention.onboarding.record.headings import label, suggested
from ropa.change_words import value_in_words
from ropa.law import LANGUAGES
from web.places import in_words
from web.slots import NAMES_OF_TONGUES
from web.words import language

EXAMPLES = 2
LONGEST_EXAMPLE = 70
PARTS = (";", ",", "\n")
"""What may part the entries of a cell, beside what a kept mapping names."""
Told = Mapping[str, Any]


@dataclass(frozen=True)
class Heading:
    """One heading: the text, under which name its fields stand, and what stands below it.

    `several`: a cell below it has what often parts entries.
    """

    text: str
    prefix: str
    examples: tuple[str, ...]
    several: bool


class ColumnsForm(forms.Form):
    """What a mapping can say. `mapping`: to begin with; `sent`: of a POST, and then the sheets' heading rows too."""

    def __init__(self, found: Foreign, mapping: Told, sent: Any = None, name: str = "") -> None:
        super().__init__(sent, label_suffix="")
        self._found = found
        self._mapping = mapping
        self.fields["language"] = forms.ChoiceField(
            label=_("Language of the file's texts"),
            choices=[(one, NAMES_OF_TONGUES[one]) for one in LANGUAGES],
            initial=mapping.get("language"),
        )
        self.fields["addition"] = forms.BooleanField(
            label=_("What is new does not stand in the published notice"),
            required=False,
            initial=mapping.get("addition", False),
        )
        self.sheets = [self._sheet(n, table) for n, table in enumerate(found.tables)]
        self.headings = list(self._headings())
        for heading in self.headings:
            self._column(heading)
        self.fields["name"] = forms.RegexField(
            r"^[A-Za-z0-9_-]{1,60}\Z",
            label=_("Keep what you said under the name"),
            help_text=_("For the next file of this kind. Letters a–z, digits, - and _."),
            initial=name or "record",
            error_messages={"invalid": _("Letters a–z, digits, - and _, at most 60.")},
        )

    def _sheet(self, n: int, table: Table) -> dict[str, Any]:
        said = self._mapping.get("sheets") or {}
        heading = table.heading()
        row = (said.get(table.name) or {}).get("heading_row") or (heading.number if heading else 1)
        self.fields[f"s{n}-read"] = forms.BooleanField(
            label=table.name, required=False, initial=table.name in said if said else not table.hidden
        )
        self.fields[f"s{n}-row"] = forms.IntegerField(label=_("Row of the headings"), min_value=1, initial=row)
        return {"table": table, "read": f"s{n}-read", "row": f"s{n}-row", "rows": len(table.lines)}

    def _now(self, name: str) -> Any:
        """What a field says: as it was sent, else as it begins."""
        field = self.fields[name]
        if not self.is_bound:
            return field.initial
        return field.widget.value_from_datadict(self.data, self.files, name)

    def _headings(self) -> Iterator[Heading]:
        """Every heading of the sheets that are read, once."""
        seen: set[str] = set()
        for sheet in self.sheets:
            table: Table = sheet["table"]
            row = str(self._now(sheet["row"]) or "")
            heading = table.heading(int(row)) if _is_row(row) else None
            if not self._now(sheet["read"]) or heading is None:
                continue
            for place, text in heading.cells.items():
                if plain(text) not in seen:
                    seen.add(plain(text))
                    below = [line.cells.get(place, "") for line in table.lines if line.number > heading.number]
                    several = any(";" in cell or "\n" in cell for cell in below)
                    yield Heading(" ".join(text.split()), f"c{len(seen)}", tuple(_examples(below)), several)

    def _column(self, heading: Heading) -> None:
        columns = {plain(text): said for text, said in (self._mapping.get("columns") or {}).items()}
        said = columns.get(plain(heading.text)) or {"to": NOTHING if columns else suggested(heading.text)}
        separator = said.get("separator", [])
        separators = [separator] if isinstance(separator, str) else list(separator)
        # which heading a field is about is sent along: with other heading rows, what was said goes with its heading
        self.fields[f"{heading.prefix}-of"] = forms.CharField(widget=forms.HiddenInput, initial=heading.text)
        self.fields[f"{heading.prefix}-to"] = forms.ChoiceField(
            label=heading.text, choices=[(one, label(one, language())) for one in TARGETS], initial=said["to"]
        )
        parts = list(dict.fromkeys([*PARTS, *separators]))
        self.fields[f"{heading.prefix}-parts"] = forms.MultipleChoiceField(
            label=_("What parts several in one cell"),
            required=False,
            choices=[(_code(one), _part_in_words(one)) for one in parts],
            initial=[_code(one) for one in separators],
            widget=forms.CheckboxSelectMultiple,
        )
        self.fields[f"{heading.prefix}-none"] = forms.CharField(
            label=_("Words that say there is none"),
            help_text=_("One on each line."),
            required=False,
            max_length=2_000,
            initial="\n".join(said.get("none", ())),
            widget=forms.Textarea(attrs={"rows": 2}),
        )
        media = [(one, value_in_words(one, language(), ("registers", "medium"))) for one in _media()]
        self.fields[f"{heading.prefix}-medium"] = forms.ChoiceField(
            label=_("Of which medium new registers are"),
            required=False,
            choices=[("", "–"), *media],
            initial=said.get("medium", ""),
        )

    def drawn(self) -> list[dict[str, Any]]:
        """What the template shows of each column."""
        return [
            {
                "heading": one,
                "of": self[f"{one.prefix}-of"],
                "to": self[f"{one.prefix}-to"],
                "parts": self[f"{one.prefix}-parts"],
                "none": self[f"{one.prefix}-none"],
                "medium": self[f"{one.prefix}-medium"],
                "open": self._opens(one),
            }
            for one in self.headings
        ]

    def _opens(self, one: Heading) -> bool:
        """Whether something beyond what the column is has to be said of it, or is said."""
        to = self._now(f"{one.prefix}-to")
        parts = self._now(f"{one.prefix}-parts")
        if to == "registers" and not self._now(f"{one.prefix}-medium"):
            return True
        return bool(parts) or (to in LISTS and to != "time_limits" and one.several)

    def other_headings(self) -> bool:
        """Whether what was sent is about other headings than stand there now: other rows, or another file."""
        return any(self._now(f"{one.prefix}-of") != one.text for one in self.headings) or (
            f"c{len(self.headings) + 1}-of" in self.data
        )

    def carried(self) -> dict[str, Any]:
        """What was sent, each column by its heading, to go on with where the headings are others now."""
        columns: dict[str, Any] = {}
        for n in range(1, 2_000):
            heading = self.data.get(f"c{n}-of")
            if heading is None:
                break
            parts = [_of_code(one) for one in _several(self.data, f"c{n}-parts") if _of_code(one)]
            medium = self.data.get(f"c{n}-medium", "")
            columns[heading] = {
                "to": self.data.get(f"c{n}-to", NOTHING),
                "separator": parts,
                "none": self.data.get(f"c{n}-none", "").splitlines(),
                "medium": medium if medium in _media() else "",
            }
        known = {plain(text) for text in columns}
        more = {text: said for text, said in (self._mapping.get("columns") or {}).items() if plain(text) not in known}
        rows = {one["table"].name: self.data.get(one["row"], "") for one in self.sheets if self._now(one["read"])}
        return {
            "language": self.data.get("language", ""),
            "addition": "addition" in self.data,
            "sheets": {name: {"heading_row": int(row)} if _is_row(row) else {} for name, row in rows.items()},
            "columns": {**more, **columns},
        }

    def drawn_sheets(self) -> list[dict[str, Any]]:
        return [{**one, "read": self[one["read"]], "row": self[one["row"]]} for one in self.sheets]

    def said(self) -> dict[str, Any]:
        """The mapping that a valid form says."""
        told = self.cleaned_data
        mapping: dict[str, Any] = {
            "language": told["language"],
            "sheets": {
                one["table"].name: {"heading_row": told[one["row"]]} for one in self.sheets if told[one["read"]]
            },
            "columns": {one.text: self._said_of(one) for one in self.headings},
        }
        return {**mapping, "addition": True} if told["addition"] else mapping

    def _said_of(self, heading: Heading) -> dict[str, Any]:
        told, prefix = self.cleaned_data, heading.prefix
        said: dict[str, Any] = {"to": told[f"{prefix}-to"]}
        parts = [_of_code(one) for one in told[f"{prefix}-parts"]]
        none = [line.strip() for line in told[f"{prefix}-none"].splitlines() if line.strip()]
        if parts and said["to"] in LISTS:
            said["separator"] = parts
        if none and said["to"] in NONE:
            said["none"] = none
        if told[f"{prefix}-medium"] and said["to"] == "registers":
            said["medium"] = told[f"{prefix}-medium"]
        return said

    def tell(self, error: DocumentError) -> None:
        """Say beside the fields what the mapping's own check refused."""
        by_path = {f"columns[{one.text}]": f"{one.prefix}-to" for one in self.headings}
        for problem in error.problems:
            field = next((name for path, name in by_path.items() if problem.path.startswith(path)), None)
            if field is None and problem.path == "name":
                field = "name"
            self.add_error(field, problem.message if field or problem.path == "columns" else in_words(problem))


def _media() -> list[str]:
    found: list[str] = properties_of("registers")["medium"]["enum"]
    return found


def _examples(cells: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for cell in cells:
        text = " ".join(cell.split())
        if text and text not in seen:
            seen.add(text)
            yield text if len(text) <= LONGEST_EXAMPLE else text[: LONGEST_EXAMPLE - 1] + "…"
        if len(seen) == EXAMPLES:
            return


def _several(data: Any, name: str) -> list[str]:
    found: list[str] = data.getlist(name)
    return found


def _is_row(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 8


def _code(part: str) -> str:
    """A separator as a form sends it: a browser would turn a bare line break into two signs."""
    return part.replace("\n", "\u2424")


def _of_code(code: str) -> str:
    return code.replace("\u2424", "\n")


def _part_in_words(part: str) -> str:
    return {";": _("semicolon ;"), ",": _("comma ,"), "\n": _("line break")}.get(part, part)
