"""The report as a workbook: one sheet per part, headings in the report's language, nothing that could be run.

A text that a spreadsheet could take for a formula gets an apostrophe before it. The same report gives the same
bytes: the workbook's own dates are the as-of day, and its archive is written again with one date for all.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter

from ropa.render import layout_extras, layout_record
from ropa.render.json import content_digest
from ropa.render.sheet import Cell
from ropa.render.speech import Data, Speaker, capital
from ropa.wording import table

LONGEST = 32_000
"""Characters in a cell; a workbook holds 32,767."""
CUT = "…"
_RISKY = ("=", "+", "-", "@", "\t", "\r", "\n")
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_MODIFIED = re.compile(rb"(<dcterms:modified[^>]*>)[^<]*(</dcterms:modified>)")
_TITLE = re.compile(r"[\[\]:*?/\\]")

Row = Sequence[Any]


def to_xlsx(report: Mapping[str, Any]) -> bytes:
    """The report as a workbook. Raises ValueError for a language that has no words."""
    words = table(report["language"])["report"]
    speaker = Speaker(report, words, {})
    made = datetime.fromisoformat(f"{report['as_of']}T00:00:00")
    book = Workbook(write_only=True)
    name = _written(report["organisation"]["name"])
    book.properties.title = f"{words['title_of'][report['record']]} – {name}"
    book.properties.creator = name
    book.properties.language = report["language"]
    book.properties.created = made
    titles: set[str] = set()
    for title, widths, rows in _sheets(speaker):
        _sheet(book, _title(title, titles), widths, rows)
    out = io.BytesIO()
    book.save(out)
    return _settled(out, made)


def _sheet(book: Workbook, title: str, widths: Sequence[int], rows: Iterable[Row]) -> None:
    sheet = book.create_sheet(title)
    sheet.freeze_panes = "A2"
    for number, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(number)].width = width
    bold, wrapped = Font(bold=True), Alignment(wrap_text=True, vertical="top")
    for number, row in enumerate(rows):
        if number == 0:
            cells = []
            for value in row:
                head = WriteOnlyCell(sheet, _value(value))
                head.font, head.alignment = bold, wrapped
                cells.append(head)
            sheet.append(cells)
        else:
            sheet.append([_value(value) for value in row])


def _value(value: Any) -> Any:
    """A number as it is; a text that no program takes for anything else."""
    if value is None or isinstance(value, bool | int | float):
        return value
    text = _written(str(value))
    if text.startswith(_RISKY):
        text = f"'{text}"
    return text if len(text) <= LONGEST else text[:LONGEST] + CUT


def _written(text: str) -> str:
    """A text without what no workbook can hold."""
    return _UNWRITABLE.sub(lambda match: f"[U+{ord(match[0]):04X}]", text)


def _title(title: str, taken: set[str]) -> str:
    """A sheet's name: at most 31 characters, without those that it may not have, its own."""
    name = _TITLE.sub(" ", title)[:31].strip("' ")
    number = 1
    while name.lower() in taken:
        number += 1
        name = f"{name[:27]} {number}"
    taken.add(name.lower())
    return name


def plain(cell: Cell) -> str:
    """A cell's lines as text."""
    return "\n".join("".join(run.text for run in line) for line in cell)


def _sheets(speaker: Speaker) -> Iterator[tuple[str, Sequence[int], Iterable[Row]]]:
    report, words = speaker.report, speaker.words
    yield words["short"].capitalize(), (44, 100), _head(speaker)
    acts = "activities" if report["record"] == "controller" else "processor_activities"
    yield words[acts], (34, 44, 34, 44, 44, 44, 44, 44, 30), _activities(speaker, acts)
    for kind in layout_record.KINDS:
        if report["entries"].get(kind):
            yield words[kind], (40, 80, 40, 14), _entries(speaker, kind, report["entries"][kind])
    if report["extras_included"]:
        yield words["registers"], (34, 18, 20, 40, 40), _registers(speaker)
    retention = "retention_processor" if speaker.is_annex("retention") else "retention"
    yield words[retention], (30, 34, 28, 34, 60, 44, 20, 30, 14, 24, 14, 50), _retention(speaker)
    yield words["execution"], (30, 34, 22, 12, 12, 12, 12, 12, 12, 14, 14, 14, 40), _execution(speaker)
    yield words["not_reached"], (34, 34, 50), _not_reached(speaker)
    yield words["gaps"], (40, 50, 36), _gaps(speaker)
    for kind in (*layout_extras.KINDS, "references"):
        if (report["extras"] or {}).get(kind):
            yield words[kind], (40, 80, 40, 14), _entries(speaker, kind, report["extras"][kind])


def _head(speaker: Speaker) -> Iterator[Row]:
    report, words = speaker.report, speaker.words
    (paragraph,) = report["headings"]
    yield (words["title_of"][report["record"]], report["organisation"]["name"])
    yield ("", words["under"][paragraph])
    yield (words["as_of"], speaker.day(report["as_of"]))
    version = report["version"]
    yield (
        words["version"],
        words["version_value"].format(number=version["number"], day=speaker.day(version["in_force_from"])),
    )
    if report["organisation"]["business_id"]:
        yield (words["business_id"], report["organisation"]["business_id"])
    term = words["controller" if paragraph == "30(1)" else "processor"]
    yield (term, plain(speaker.field(report["controller"]["contact"])))
    for key in ("joint_controllers", "related_organisations", "representative", "dpo"):
        if key in report["controller"] and not (
            paragraph == "30(2)" and key in ("joint_controllers", "related_organisations")
        ):
            yield (words[key], plain(speaker.field(report["controller"][key])))
    yield (words["measures"], plain(speaker.field(report["security_measures"])))
    for point, said in report["headings"][paragraph].items():
        yield (speaker.note(paragraph, point), said)
    yield (words["release"], f"Seloste {report['release']}")
    yield (words["version_digest"], version["digest"])
    if report["evidence_head"]:
        yield (words["head_digest"], report["evidence_head"]["digest"])
    yield (words["content_digest"], content_digest(report))


def _activities(speaker: Speaker, acts: str) -> Iterator[Row]:
    words, report = speaker.words, speaker.report
    (paragraph,) = report["headings"]
    points = words["points"][paragraph]
    controller = paragraph == "30(1)"
    heads = [words["activity"], *(f"{point}) {said}" for point, said in points.items()), words["state"]]
    if controller and report["extras_included"]:
        heads.insert(-1, words["sources"])
    yield heads
    for activity in report["activities"]:
        ended = activity["ended"]["words"] if activity["ended"] else ""
        state = "; ".join(filter(None, (ended, words["addition"] if activity["addition"] else "")))
        if controller:
            row = [
                "\n".join(
                    "".join(run.text for run in line)
                    for one in activity["purposes"]
                    for line in layout_record.purpose_lines(speaker, one)
                )
                or plain(((speaker.missing("30(1)(b)"),),)),
                _categories(speaker, activity),
                plain(layout_record.answer(speaker, activity, "recipients")),
                plain(layout_record.answer(speaker, activity, "transfers")),
                plain(layout_record.about(speaker, activity, "time_limits")),
                plain(_measures(speaker, activity)),
            ]
            if report["extras_included"]:
                row.append(
                    plain(
                        layout_record.answer(speaker, {**activity, "sources": activity["beyond"]["sources"]}, "sources")
                    )
                    if activity["beyond"]["sources"]["state"] != "missing"
                    else words["not_recorded"]
                )
        else:
            row = [
                plain(speaker.field(activity["on_behalf_of"])),
                "\n".join(one["name"]["text"] for one in activity["purposes"] or [activity]),
                plain(layout_record.answer(speaker, activity, "transfers")),
                plain(_measures(speaker, activity)),
            ]
        yield [activity["name"]["text"], *row, state]


def _categories(speaker: Speaker, activity: Data) -> str:
    lines = [plain(layout_record.about(speaker, activity, kind)) for kind in ("subject_groups", "data_categories")]
    lines += [
        f"{one['name']['text']}: {plain(speaker.field(one['subjects']))}; {plain(speaker.field(one['items']))}".replace(
            "\n", ", "
        )
        for one in activity["datasets"]
    ]
    return "\n".join(filter(None, lines)) or plain(((speaker.missing("30(1)(c)"),),))


def _measures(speaker: Speaker, activity: Data) -> Cell:
    own = speaker.field(activity["security_measures"]) if activity["security_measures"] else ()
    return (*own, *layout_record.about(speaker, activity, "security_measures"))


def _entries(speaker: Speaker, kind: str, entries: Sequence[Data]) -> Iterator[Row]:
    words, report = speaker.words, speaker.report
    names = {(key, one["id"]): one["name"]["text"] for key in ("activities", "registers") for one in report[key]}
    yield (words[kind], words["said"], words["concerns"], words["addition"].capitalize())
    for one in entries:
        about = [
            names[key, code] for key in ("activities", "registers") for code in one.get(key, ()) if (key, code) in names
        ]
        said = plain(speaker.details(one))
        if one.get("known"):
            said += f"\n{words['known_as']}: {one['known']['words']}"
            said += f"\n{words['outdated']}" if one["known"]["outdated"] else ""
            said += (
                f"\n{words['successor'].format(name=one['known']['successor'])}" if one["known"]["successor"] else ""
            )
        denied = f"{words['not_disclosed']}: " if one.get("denied") and kind == "recipients" else ""
        yield (
            denied + one["name"]["text"],
            said.strip("\n"),
            "\n".join(about) or words["concerns_all"],
            words["addition"] if one.get("addition") else "",
        )


def _registers(speaker: Speaker) -> Iterator[Row]:
    words = speaker.words
    yield (words["register"], words["medium"], words["state"], words["place"], words["backups"])
    for one in speaker.report["registers"]:
        yield (
            one["name"]["text"],
            one["medium"],
            one["lifecycle"],
            plain(speaker.recorded(one["place"])),
            plain(speaker.recorded(one["backups"])),
        )


def _retention(speaker: Speaker) -> Iterator[Row]:
    words = speaker.words
    limits = {one["id"]: one["name"]["text"] for one in speaker.report["entries"].get("time_limits", ())}
    yield (
        words["register"],
        words["dataset"],
        words["rule_id"],
        words["published"],
        words["time_limit"],
        words["references"],
        words["basis"],
        words["activity"],
        words["action"],
        words["state"],
        words["addition"].capitalize(),
        words["why"],
    )
    for row in speaker.report["retention"]:
        yield (
            row["register_name"]["text"],
            row["dataset_name"]["text"],
            row.get("id", ""),
            "\n".join(limits[code] for code in row["published"]) or words["published_none"],
            row["words"],
            row.get("statute", ""),
            capital(row.get("kind_words", "")),
            (row.get("purpose") or {}).get("text", ""),
            row.get("action", ""),
            row.get("status_words", ""),
            words["addition"] if row.get("addition") else "",
            (row.get("reason") or {}).get("text", ""),
        )


def _execution(speaker: Speaker) -> Iterator[Row]:
    words = speaker.words
    keys = ("destroyed", "held", "review", "refused", "failed", "pending", "overdue", "unexplained", "people_overdue")
    named = {"refused": "failed", "pending": "ordered", "people_overdue": "people_late"}
    heads = [words[named.get(key, key)].replace(": {number}", "").replace(" {number}", "") for key in keys]
    heads[keys.index("refused")] = f"{heads[keys.index('refused')]} (1)"
    heads[keys.index("failed")] = f"{heads[keys.index('failed')]} (2)"
    yield (
        words["register"],
        words["dataset"],
        words["state"],
        *(capital(head) for head in heads),
        words["oldest"],
        words["why"],
    )
    for row in speaker.report["execution"]["datasets"]:
        known = row["state"] == "known"
        yield (
            row["register_name"]["text"],
            row["dataset_name"]["text"],
            words["executions"][row["execution"]],
            *(row[key] if known else words["not_known"] for key in keys),
            row["oldest_kept"] or "",
            row["problem"] or ("" if known else words["not_asked"]),
        )


def _not_reached(speaker: Speaker) -> Iterator[Row]:
    words = speaker.words
    yield (words["register"], words["dataset"], words["why"])
    for one in speaker.report["execution"]["not_reached"]:
        yield (one["name"]["text"], (one["dataset"] or {}).get("text") or words["whole_register"], one["words"])


def _gaps(speaker: Speaker) -> Iterator[Row]:
    words = speaker.words
    yield (words["concerns"], words["gap"], words["article"])
    for gap in speaker.report["gaps"]:
        yield (gap["place"]["text"], capital(gap["words"]), gap["article_words"])


def _settled(written: io.BytesIO, made: datetime) -> bytes:
    """The archive again, with nothing in it that a clock gave."""
    out = io.BytesIO()
    with zipfile.ZipFile(written) as before, zipfile.ZipFile(out, "w") as after:
        for info in before.infolist():
            member = zipfile.ZipInfo(info.filename, (1980, 1, 1, 0, 0, 0))
            member.create_system, member.external_attr = 3, 0o100644 << 16
            member.compress_type = zipfile.ZIP_DEFLATED
            if info.filename == "docProps/core.xml":
                day = f"{made.isoformat()}Z".encode("ascii")
                content = _MODIFIED.sub(rb"\g<1>" + day + rb"\g<2>", before.read(info))
                after.writestr(member, content, compresslevel=6)
                continue
            with before.open(info) as source, after.open(member, "w") as target:
                while chunk := source.read(1_048_576):
                    target.write(chunk)
    return out.getvalue()
