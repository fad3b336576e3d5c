"""The annex beyond Article 30: rights, contact points, marketing, destruction, notices, and what is cited."""

from __future__ import annotations

from ropa.render.sheet import Block, Column, Fact, Facts, Heading, Line, Run, Section, Table, Text, cell
from ropa.render.speech import Data, Speaker, capital

KINDS = ("rights", "contact_points", "marketing_rules", "disposal_methods", "notices")


def extras(speaker: Speaker) -> Section:
    extras = speaker.report["extras"]
    blocks: list[Block] = [Text(cell(speaker.words["extras_lead"]))]
    stated = [key for key in ("provision", "automated_decisions") if key in extras]
    if stated:
        blocks.append(Facts(tuple(Fact(speaker.words[key], speaker.field(extras[key])) for key in stated)))
    for kind in KINDS:
        if extras.get(kind):
            blocks += [Heading(speaker.words[kind]), speaker.entry_table(kind, extras[kind])]
    if extras.get("references"):
        blocks += [Heading(speaker.words["references"]), references(speaker, extras["references"])]
    return speaker.section("extras", speaker.words["extras"], "", *blocks)


def changes(speaker: Speaker) -> Section:
    """How the version was decided, and what it changed since the one before."""
    report = speaker.report
    blocks: list[Block] = (
        [Text(tuple((speaker.said(line),) for line in report["decided"]))] if report["decided"] else []
    )
    found = report["changes"]
    if found is None:
        blocks.append(Text(cell(speaker.words["first_version"])))
        return speaker.section("changes", speaker.words["changes"], "", *blocks)
    since = speaker.words["changes_since"].format(
        number=found["since"]["number"],
        day=speaker.day(found["since"]["in_force_from"]),
        changes=speaker.counted(found["number"], "changes_counted"),
    )
    blocks.append(Text(cell(since)))
    if found["lines"]:
        column = (Column(speaker.words["change"], 100),)
        rows = tuple((((speaker.said(line),),),) for line in found["lines"])
        blocks.append(Table(speaker.words["changes"], column, rows))
    if found["number"] > found["told"]:
        left = speaker.words["changes_more"].format(number=speaker.number(found["number"] - found["told"]))
        blocks.append(Text(cell(left)))
    return speaker.section("changes", speaker.words["changes"], "", *blocks)


def references(speaker: Speaker, entries: list[Data]) -> Table:
    """Each citation as it was written, what it is used as, and what the library knows of it."""
    columns = (
        Column(speaker.words["entry_of"]["references"], 40),
        Column(speaker.words["said"], 22),
        Column(speaker.words["known_as"], 38),
    )
    rows = []
    for entry in entries:
        known = entry.get("known")
        if known is None:
            library: list[Line] = [(Run(speaker.words["not_in_library"], style="soft"),)]
        else:
            library = [(Run(known["words"]),)]
            if known["outdated"]:
                library.append((Run(capital(speaker.words["outdated"]), style="late"),))
            if known["successor"]:
                library.append((Run(speaker.words["successor"].format(name=known["successor"])),))
        said = cell(Run("; ".join(line["text"] for line in entry["said"]))) if entry["said"] else cell("–")
        rows.append(((speaker.named(entry),), said, tuple(library)))
    return Table(speaker.words["references"], columns, tuple(rows))
