"""Sections of the record itself: Article 30(1)(a)–(g) or 30(2)(a)–(d), and the registers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ropa.render.sheet import Block, Cell, Column, Fact, Facts, Heading, Line, Run, Section, Table, Text, cell
from ropa.render.speech import Data, Speaker


def controller(speaker: Speaker, paragraph: str) -> Section:
    report, controller = speaker.report, speaker.report["controller"]
    term = speaker.words["controller" if paragraph == "30(1)" else "processor"]
    own: list[Line] = [(Run(report["organisation"]["name"], style="strong"),)]
    if report["organisation"]["business_id"]:
        own.append((Run(f"{speaker.words['business_id']} {report['organisation']['business_id']}"),))
    rows = [Fact(term, (*own, *speaker.field(controller["contact"])))]
    for key in ("joint_controllers", "representative", "dpo"):
        if key == "joint_controllers" and paragraph == "30(2)":
            continue
        rows.append(Fact(speaker.words[key], speaker.field(controller[key])))
    return speaker.section(
        "controller", term, speaker.note(paragraph, "a"), speaker.statute(paragraph, "a"), Facts(tuple(rows))
    )


def activities(speaker: Speaker, role: str) -> Section:
    key = "activities" if role == "controller" else "processor_activities"
    paragraph = "30(1)" if role == "controller" else "30(2)"
    points = speaker.report["headings"][paragraph]
    told = [point for point in points if point in speaker.words["points"][paragraph]]
    blocks: list[Block] = [Text(tuple(speaker.statute(paragraph, point).cell[0] for point in told))]
    mine = [activity for activity in speaker.report["activities"] if activity["role"] == role]
    for number, activity in enumerate(mine, 1):
        name = speaker.said(activity["name"])
        blocks.append(Heading(f"{speaker.numbers[key]}.{number} {name.text}", name.lang))
        blocks += controlled(speaker, activity) if role == "controller" else processed(speaker, activity)
    note = speaker.note("30(1)", "b–g") if role == "controller" else speaker.note("30(2)", "a–d")
    return speaker.section(key, speaker.words[key], note, *blocks)


def controlled(speaker: Speaker, activity: Data) -> Iterator[Block]:
    heading = speaker.words["points"]["30(1)"]
    purposes: list[Line] = []
    for purpose in activity["purposes"]:
        purposes.append((speaker.said(purpose["name"]),))
        basis = [tuple(_softly(run) for run in line) for line in speaker.field(purpose["legal_basis"])]
        purposes.append((Run(f"{speaker.words['legal_basis']}: ", style="soft"), *basis[0]))
        purposes += basis[1:]
    yield Facts((Fact(heading["b"], tuple(purposes) or cell(speaker.missing("30(1)(b)")), "b"),))
    if not activity["datasets"]:
        yield Facts((Fact(heading["c"], cell(speaker.missing("30(1)(c)")), "c"),))
    else:
        yield Text(cell(Run("c) ", style="strong"), Run(heading["c"], style="soft")))
        columns = (
            Column(speaker.words["dataset"], 34),
            Column(speaker.words["subjects"], 26),
            Column(speaker.words["items_of"], 40),
        )
        rows = tuple(
            (
                (
                    (speaker.said(one["name"], "strong"),),
                    (speaker.said(one["register"], "soft"),),
                ),
                speaker.field(one["subjects"]),
                speaker.field(one["items"]),
            )
            for one in activity["datasets"]
        )
        yield Table(f"{speaker.said(activity['name']).text}: {heading['c']}", columns, rows)
    yield Facts(
        (
            Fact(heading["d"], speaker.field(activity["recipients"]), "d"),
            Fact(heading["e"], speaker.field(activity["transfers"]), "e"),
            Fact(heading["f"], cell(speaker.see("retention")), "f"),
            Fact(heading["g"], own_measures(speaker, activity), "g"),
            Fact(speaker.words["sources"], speaker.recorded(activity["sources"])),
        )
    )


def processed(speaker: Speaker, activity: Data) -> Iterator[Block]:
    heading = speaker.words["points"]["30(2)"]
    categories = tuple((speaker.said(one["name"]),) for one in activity["purposes"] or [activity])
    yield Facts(
        (
            Fact(heading["a"], speaker.field(activity["on_behalf_of"]), "a"),
            Fact(heading["b"], categories, "b"),
            Fact(heading["c"], speaker.field(activity["transfers"]), "c"),
            Fact(heading["d"], own_measures(speaker, activity), "d"),
        )
    )


def own_measures(speaker: Speaker, activity: Data) -> Cell:
    if activity["security_measures"] is None:
        return cell(speaker.see("measures"))
    also = speaker.words["measures_also"].format(section=speaker.numbers["measures"])
    return (*speaker.field(activity["security_measures"]), *cell(Run(also, style="soft")))


def measures(speaker: Speaker, paragraph: str) -> Section:
    point = "g" if paragraph == "30(1)" else "d"
    lead = speaker.statute(paragraph, point)
    said = speaker.field(speaker.report["security_measures"])
    if speaker.report["security_measures"]["state"] == "value":
        said = tuple((Run("•\u00a0"), *line) for line in said)
    return speaker.section("measures", speaker.words["measures"], speaker.note(paragraph, point), lead, Text(said))


def registers(speaker: Speaker) -> Section:
    columns = (
        Column(speaker.words["register"], 32),
        Column(speaker.words["medium"], 16),
        Column(speaker.words["place"], 30),
        Column(speaker.words["backups"], 22),
    )
    rows = []
    for register in speaker.report["registers"]:
        named: list[Line] = [(speaker.said(register["name"], "strong"),)]
        if not register["declared"]:
            named.append((Run(speaker.words["undeclared"], style="mark"),))
        medium = (Run(register["medium"]),), (Run(register["lifecycle"], style="soft"),)
        place, backups = speaker.recorded(register["place"]), speaker.recorded(register["backups"])
        rows.append((tuple(named), medium, place, backups))
    return speaker.section(
        "registers", speaker.words["registers"], "", Table(speaker.words["registers"], columns, tuple(rows))
    )


def _softly(run: Run) -> Run:
    """In the second voice, but for a word of state."""
    return replace(run, style=run.style or "soft")
