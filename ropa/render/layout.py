"""From a report to a sheet: the first page, and the sections in their order."""

from __future__ import annotations

from collections.abc import Callable

from ropa.render import layout_compact, layout_evidence, layout_extras, layout_record
from ropa.render.json import content_digest
from ropa.render.sheet import Column, Fact, Facts, Line, Run, Section, Sheet, Table, cell, fours
from ropa.render.speech import DASH, Data, Speaker
from ropa.wording import table


def sheet_of(report: Data, compact: bool = False) -> Sheet:
    """Lay a report out, in rows or gathered. Raises ValueError for a language that has no words."""
    words = table(report["language"])["report"]
    (paragraph,) = report["headings"]
    acts = "activities" if report["record"] == "controller" else "processor_activities"
    speaker = Speaker(report, words, {})
    common = [kind for kind in layout_record.COMMON if speaker.everywhere(kind)]
    annex = bool(report["extras"])
    shown = {
        "controller": True,
        acts: True,
        "common": bool(common),
        "measures": True,
        "registers": report["extras_included"] or any(one["about"] for one in report["registers"]),
        "retention": bool(report["retention"]) or report["record"] == "controller",
        "execution": True,
        "gaps": True,
        "extras": annex,
        "changes": bool(report["decided"] or report["changes"]),
        "checking": True,
    }
    keys = [key for key, here in shown.items() if here]
    speaker = Speaker(report, words, {key: str(number) for number, key in enumerate(keys, 1)})
    made: dict[str, Callable[[], Section]] = {
        "controller": lambda: layout_record.controller(speaker, paragraph),
        acts: lambda: layout_record.activities(speaker, acts),
        "common": lambda: layout_record.common(speaker, common),
        "measures": lambda: layout_record.measures(speaker, paragraph),
        "registers": lambda: layout_record.registers(speaker),
        "retention": lambda: layout_evidence.retention(speaker),
        "execution": lambda: layout_evidence.execution(speaker),
        "gaps": lambda: layout_evidence.gaps(speaker),
        "extras": lambda: layout_extras.extras(speaker),
        "changes": lambda: layout_extras.changes(speaker),
        "checking": lambda: layout_evidence.checking(speaker, content),
    }
    if compact:
        made[acts] = lambda: layout_compact.activities(speaker, acts)
        made["retention"] = lambda: layout_compact.retention(speaker)
        made["execution"] = lambda: layout_compact.execution(speaker)
        made["gaps"] = lambda: layout_compact.gaps(speaker)
    content = content_digest(report)
    seal = [(words["digest_short"], fours(report["version"]["digest"]))]
    if report["evidence_head"]:
        seal.append((words["head_short"], fours(report["evidence_head"]["digest"])))
    seal.append((words["content_short"], fours(content)))
    return Sheet(
        lang=report["language"],
        title=words["title_of"][report["record"]],
        short=words["short"],
        under=tuple(words["under"][one] for one in report["headings"]),
        sender=report["organisation"]["name"],
        day=speaker.day(report["as_of"]),
        say=say(speaker),
        facts=cover_facts(speaker, compact),
        cover=() if compact else (overview(speaker, acts),),
        contents=words["contents"],
        sections=tuple(made[key]() for key in keys),
        seal=tuple(seal),
        foot=f"{words['digest_short']} {report['version']['number']}: {fours(report['version']['digest'])}",
        page=words["page"],
    )


def say(speaker: Speaker) -> tuple[Run, ...]:
    execution, totals = speaker.report["execution"], speaker.report["execution"]["totals"]
    said = []
    if execution["night"] is None:
        said.append(speaker.words["no_night"])
    elif totals["overdue"]:
        items = speaker.counted(totals["overdue"], "items")
        said.append(speaker.words["late"].format(items=items, day=speaker.day(totals["overdue_since"])))
        unexplained = speaker.number(totals["unexplained"])
        key = "late_unexplained" if totals["unexplained"] else "late_explained"
        said.append(speaker.words[key].format(number=unexplained))
    elif totals["unknown_datasets"] < len(execution["datasets"]):
        said.append(speaker.words["not_late"])
    else:
        said.append(speaker.words["nothing_known"])
    if execution["night"] is not None and totals["unknown_datasets"] and speaker.words["nothing_known"] not in said:
        said.append(speaker.words["unknown"].format(datasets=speaker.counted(totals["unknown_datasets"], "datasets")))
    return tuple(Run(one) for one in said)


def cover_facts(speaker: Speaker, compact: bool) -> Facts:
    report = speaker.report
    version, night = report["version"], report["execution"]["night"]
    rows = [
        Fact(speaker.words["as_of"], cell(speaker.day(report["as_of"]))),
        Fact(
            speaker.words["version"],
            cell(
                speaker.words["version_value"].format(
                    number=version["number"], day=speaker.day(version["in_force_from"])
                )
            ),
        ),
    ]
    if night is not None:
        head = report["evidence_head"]
        said = speaker.words["last_night_value"].format(day=speaker.day(head["business_date"]), number=head["number"])
        rows.append(Fact(speaker.words["last_night"], cell(said)))
    gaps, outside = len(report["gaps"]), len(report["execution"]["not_reached"])
    state = speaker.words["gaps_none"]
    if gaps:
        state = speaker.words["gaps_some"].format(
            number=speaker.counted(gaps, "gap_items"), section=speaker.numbers["gaps"]
        )
    lines: list[Line] = [(Run(state, style="missing" if gaps else ""),)]
    if outside:
        number = speaker.counted(outside, "not_reached_items")
        said = speaker.words["not_reached_some"].format(number=number, section=speaker.numbers["execution"])
        lines.append((Run(said, style="unknown"),))
    rows.append(Fact(speaker.words["gaps"], tuple(lines)))
    if compact:
        datasets = len({row["dataset"] for row in report["retention"]})
        number = speaker.counted(datasets, "datasets")
        rows.append(Fact(speaker.words["extent"], cell(speaker.words["extent_value"].format(datasets=number))))
    rows.append(Fact(speaker.words["release"], cell(f"Seloste {report['release']}")))
    return Facts(tuple(rows))


def overview(speaker: Speaker, acts: str) -> Table:
    """The activities, and how many records of each are overdue."""
    night = {row["dataset"]: row for row in speaker.report["execution"]["datasets"]}
    rows = []
    for activity in speaker.report["activities"]:
        datasets = [night[one["id"]] for one in activity["datasets"] if one["id"] in night]
        known = [row for row in datasets if row["state"] == "known"]
        unknown = not known or len(known) < len(datasets)
        subjects: dict[str, Run] = {}
        for one in activity["datasets"]:
            for line in one["subjects"].get("lines", ()):
                subjects.setdefault(line["text"], speaker.said(line))
        if not subjects:
            for one in speaker.entries("subject_groups", activity["about"].get("subject_groups", {}).get("own", ())):
                subjects.setdefault(one["name"]["text"], speaker.said(one["name"]))
        runs = [part for run in subjects.values() for part in (run, Run("; "))][:-1]
        late = sum(row["overdue"] for row in known)
        count = speaker.count(None if unknown and not late else late)
        rows.append(
            (
                cell(speaker.said(activity["name"], "strong")),
                cell(*runs) if runs else DASH,
                speaker.count(len(activity["datasets"])),
                count if activity["datasets"] else DASH,
            )
        )
    columns = (
        Column(speaker.words["activity"], 40),
        Column(speaker.words["subjects"], 36),
        Column(speaker.words["datasets_of"], 14, end=True),
        Column(speaker.words["overdue"], 10, end=True),
    )
    return Table(speaker.words[acts], columns, tuple(rows))
