"""Sections of what the record does: the retention column, its evidence, what is missing, and how to check it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from ropa.render.sheet import Block, Cell, Column, Fact, Facts, Heading, Line, Run, Section, Table, Text, cell, fours
from ropa.render.speech import DASH, Data, Speaker, capital


def retention(speaker: Speaker) -> Section:
    blocks: list[Block] = []
    if "30(1)" in speaker.report["headings"]:
        blocks.append(speaker.statute("30(1)", "f"))
    limits = speaker.report["entries"].get("time_limits", ())
    if limits:
        blocks += [Heading(speaker.words["published_limits"]), Text(cell(speaker.words["published_lead"]))]
        blocks.append(published(speaker, limits))
    beside = any(one.get("registers") or one.get("activities") for one in limits)
    if limits:
        blocks.append(Heading(speaker.words["limits_by_dataset"]))
    blocks.append(Text(cell(speaker.words["retention_lead"])))
    columns = (
        Column(speaker.words["dataset"], 23),
        *((Column(speaker.words["published"], 17),) if beside else ()),
        Column(speaker.words["time_limit"], 30 if beside else 40),
        Column(speaker.words["basis"], 18 if beside else 24),
        Column(speaker.words["action"], 12),
    )
    for _, group in groupby(speaker.report["retention"], lambda row: row["register"]):
        rows = list(group)
        name = speaker.said(rows[0]["register_name"])
        blocks.append(Heading(name.text, name.lang))
        shown: set[str] = set()
        lines = []
        for row in rows:
            first = row["dataset"] not in shown
            dataset, *rest = rule(speaker, row, first)
            lines.append((dataset, *((said(speaker, row, first),) if beside else ()), *rest))
            shown.add(row["dataset"])
        blocks.append(Table(f"{speaker.words['retention']}: {name.text}", columns, tuple(lines)))
    title = speaker.words["retention_processor" if speaker.is_annex("retention") else "retention"]
    note = speaker.note("30(1)", "f") if "30(1)" in speaker.report["headings"] else ""
    return speaker.section("retention", title, note, *blocks)


def published(speaker: Speaker, limits: Sequence[Data]) -> Table:
    """What was said about how long, and of what."""
    registers = {one["id"]: one["name"] for one in speaker.report["registers"]}
    activities = {one["id"]: one["name"] for one in speaker.report["activities"]}
    columns = (
        Column(speaker.words["published"], 34),
        Column(speaker.words["said"], 40),
        Column(speaker.words["concerns"], 26),
    )
    rows = []
    for one in limits:
        about = [registers[code] for code in one.get("registers", ()) if code in registers]
        about += [activities[code] for code in one.get("activities", ()) if code in activities]
        reach = tuple((speaker.said(name),) for name in about) or cell(speaker.words["concerns_all"])
        rows.append(((speaker.named(one),), speaker.details(one) or DASH, reach))
    return Table(speaker.words["published_limits"], columns, tuple(rows))


def said(speaker: Speaker, row: Data, first: bool) -> Cell:
    """What was published of a dataset, once: beside the first of its rules."""
    if not first:
        return cell("")
    found = speaker.entries("time_limits", row["published"])
    general = [one for one in found if not one.get("registers") and not one.get("activities")]
    found = [one for one in found if one not in general]
    if general and not found:
        return cell(Run(speaker.words["concerns_all"], style="soft"))
    if not found:
        return cell(Run(speaker.words["published_none"], style="soft"))
    return tuple((speaker.said(one["name"]), *speaker.added(one)) for one in found)


def rule(speaker: Speaker, row: Data, first: bool) -> tuple[Cell, ...]:
    named: list[Line] = [(speaker.said(row["dataset_name"], "strong" if first else "soft"),)]
    if first:
        named[0] += speaker.added({"addition": row["dataset_addition"]})
        paper = row["execution"] == "purge" and (row["rule"] or {}).get("action") == "destroy_paper"
        named.append((Run(speaker.words["executions"]["order" if paper else row["execution"]], style="soft"),))
    if row["kind"] == "missing":
        return tuple(named), cell(speaker.missing(row["article"])), DASH, DASH
    limit: list[Line] = [(Run(row["words"], style="strong"),)]
    if row.get("statute"):
        limit.append((Run(row["statute"]),))
    if row["reason"]["text"]:
        limit.append((speaker.said(row["reason"], "soft"),))
    if row["kind"] == "no_reason_to_keep":
        return tuple(named), tuple(limit), cell(row["status_words"]), DASH
    basis: list[Line] = [(Run(capital(row["kind_words"])),)]
    if row["purpose"]:
        basis.append((speaker.said(row["purpose"], "soft"),))
    status = capital(row["status_words"]) + (f"; {speaker.words['addition']}" if row["addition"] else "")
    basis.append((Run(status, style="soft" if row["status"] == "confirmed" else "mark"),))
    return tuple(named), tuple(limit), tuple(basis), cell(row["action"])


def execution(speaker: Speaker) -> Section:
    execution, blocks = speaker.report["execution"], list[Block]()
    night = execution["night"]
    if night is None:
        blocks.append(Text(cell(Run(speaker.words["no_night"], style="unknown"))))
    else:
        blocks.append(Text(cell(speaker.words["execution_lead"].format(day=speaker.day(night["business_date"])))))
        blocks.append(night_facts(speaker, execution, night))
        blocks.append(numbers_table(speaker, execution))
        blocks += unanswered(speaker, execution["datasets"])
    if night is not None or execution["not_reached"]:
        blocks.append(Heading(speaker.words["not_reached"]))
    if execution["not_reached"]:
        columns = (
            Column(speaker.words["register"], 38),
            Column(speaker.words["dataset"], 27),
            Column(speaker.words["why"], 35),
        )
        rows = tuple(
            (
                cell(speaker.said(one["name"], "strong")),
                cell(speaker.said(one["dataset"]) if one["dataset"] else Run(speaker.words["whole_register"])),
                cell(Run(one["words"])),
            )
            for one in execution["not_reached"]
        )
        blocks.append(Table(speaker.words["not_reached"], columns, rows))
    elif night is not None:
        blocks.append(Text(cell(speaker.words["not_reached_none"])))
    return speaker.section("execution", speaker.words["execution"], "", *blocks)


def night_facts(speaker: Speaker, execution: Data, night: Data) -> Facts:
    successful = speaker.day(execution["last_successful"]) if execution["last_successful"] else ""
    rows = [
        Fact(speaker.words["last_night"], cell(speaker.day(night["business_date"]))),
        Fact(
            speaker.words["last_successful"],
            cell(Run(successful or speaker.words["none_successful"], style="" if night["succeeded"] else "late")),
        ),
        Fact(speaker.words["nights"], cell(speaker.number(execution["nights"]))),
    ]
    if night["missed_dates"]:
        days = ", ".join(speaker.day(day) for day in night["missed_dates"])
        rows.append(Fact(speaker.words["missed"], cell(Run(days, style="late"))))
    rows.append(Fact(speaker.words["night_version"], cell("–" if night["version"] is None else str(night["version"]))))
    rows.append(
        Fact(speaker.words["destroyed_total"], cell(speaker.counted(execution["totals"]["destroyed_ever"], "items")))
    )
    if execution["totals"]["estimated_ever"]:
        rows.append(Fact(speaker.words["estimated_total"], estimated(speaker, execution)))
    return Facts(tuple(rows))


def estimated(speaker: Speaker, execution: Data) -> Cell:
    """What went by a date that people had put in place of a missing one, by dataset: it stays marked for ever."""
    lines: list[Line] = [(Run(speaker.counted(execution["totals"]["estimated_ever"], "items"), style="mark"),)]
    for row in execution["datasets"]:
        if row["estimated_ever"]:
            number = Run(f": {speaker.number(row['estimated_ever'])}")
            lines.append((speaker.said(row["dataset_name"], "soft"), number))
    return tuple(lines)


def numbers_table(speaker: Speaker, execution: Data) -> Table:
    columns = (
        Column(speaker.words["dataset"], 27),
        *(Column(speaker.words[key], 11, end=True) for key in ("destroyed", "held", "review", "failed")),
        Column(speaker.words["overdue"], 17, end=True),
        Column(speaker.words["oldest"], 13, end=True),
    )
    rows = []
    for row in execution["datasets"]:
        known = row["state"] == "known"
        numbers = [row["destroyed"], row["held"], row["review"], None]
        if row["refused"] is not None:
            numbers[3] = row["refused"] + row["failed"]
        oldest = cell(speaker.day(row["oldest_kept"])) if known else speaker.count(None)
        rows.append(
            (
                ((speaker.said(row["dataset_name"], "strong"),), (speaker.said(row["register_name"], "soft"),)),
                *(speaker.count(number if known else None) for number in numbers),
                overdue(speaker, row) if known else speaker.count(None),
                oldest,
            )
        )
    totals = execution["totals"]
    total = (
        cell(Run(speaker.words["total_known" if totals["unknown_datasets"] else "total"], style="strong")),
        *(speaker.count(totals[key]) for key in ("destroyed", "held", "review")),
        speaker.count(totals["refused"] + totals["failed"]),
        speaker.count(totals["overdue"]),
        cell(""),
    )
    return Table(speaker.words["execution"], columns, tuple(rows), total)


def overdue(speaker: Speaker, row: Data) -> Cell:
    """How many records, of how many people, since when, and whether something explains them."""
    if not row["overdue"]:
        return speaker.count(0)
    lines: list[Line] = [(Run(speaker.number(row["overdue"]), style="late"),)]
    if row["people_overdue"] is not None:
        lines.append((Run(speaker.counted(row["people_overdue"], "people")),))
    if row["overdue_since"]:
        lines.append((Run(speaker.words["since"].format(day=speaker.day(row["overdue_since"]))),))
    if row["pending"]:
        lines.append((Run(speaker.words["ordered"].format(number=speaker.number(row["pending"]))),))
    if row["unexplained"]:
        lines.append(
            (Run(speaker.words["unexplained"].format(number=speaker.number(row["unexplained"])), style="late"),)
        )
    return tuple(lines)


def unanswered(speaker: Speaker, datasets: Sequence[Data]) -> Iterator[Block]:
    silent = [row for row in datasets if row["state"] != "known"]
    yield Heading(speaker.words["no_answer"])
    if not silent:
        yield Text(cell(speaker.words["no_answer_none"]))
        return
    columns = (
        Column(speaker.words["dataset"], 32),
        Column(speaker.words["why"], 48),
        Column(speaker.words["last_answered"], 20),
    )
    rows = []
    for row in silent:
        named = (speaker.said(row["dataset_name"], "strong"),), (speaker.said(row["register_name"], "soft"),)
        why = cell(speaker.words["silent" if row["problem"] else "not_asked"])
        if row["problem"]:
            why += cell(Run(row["problem"], "en" if speaker.report["language"] != "en" else "", "soft"))
        answered = speaker.day(row["last_answered"]) if row["last_answered"] else speaker.words["never"]
        rows.append((named, why, cell(answered)))
    yield Table(speaker.words["no_answer"], columns, tuple(rows))


def gaps(speaker: Speaker) -> Section:
    if not speaker.report["gaps"]:
        return speaker.section("gaps", speaker.words["gaps"], "", Text(cell(speaker.words["gaps_none"])))
    columns = (
        Column(speaker.words["concerns"], 36),
        Column(speaker.words["gap"], 38),
        Column(speaker.words["article"], 26),
    )
    rows = tuple(
        (cell(speaker.said(gap["place"], "strong")), cell(capital(gap["words"])), cell(gap["article_words"]))
        for gap in speaker.report["gaps"]
    )
    lead = Text(cell(speaker.words["gaps_lead"]))
    return speaker.section("gaps", speaker.words["gaps"], "", lead, Table(speaker.words["gaps"], columns, rows))


def checking(speaker: Speaker, content: str) -> Section:
    rows = [
        Fact(speaker.words["version_digest"], cell(Run(fours(speaker.report["version"]["digest"]), style="digest"))),
    ]
    if speaker.report["evidence_head"]:
        rows.append(
            Fact(
                speaker.words["head_digest"],
                cell(Run(fours(speaker.report["evidence_head"]["digest"]), style="digest")),
            )
        )
    rows.append(Fact(speaker.words["content_digest"], cell(Run(fours(content), style="digest"))))
    rows.append(Fact(speaker.words["release"], cell(f"Seloste {speaker.report['release']}")))
    lead = Text((*cell(speaker.words["checking_lead"]), *cell(speaker.words["content_lead"])))
    return speaker.section("checking", speaker.words["checking"], "", lead, Facts(tuple(rows)))
