"""Sections of the record itself: Article 30(1)(a)–(g) or 30(2)(a)–(d), and the registers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ropa.render.sheet import Block, Cell, Column, Fact, Facts, Heading, Line, Run, Section, Table, Text, cell
from ropa.render.speech import DASH, Data, Speaker

COMMON = ("subject_groups", "data_categories", "recipients", "transfers", "sources")
"""Lists whose entries about the whole organisation stand in a section of their own; the others have one already."""
NAMED = 12
"""So many entries about the whole organisation are named at each activity."""
KINDS = ("subject_groups", "data_categories", "sources", "recipients", "transfers", "time_limits", "security_measures")


def controller(speaker: Speaker, paragraph: str) -> Section:
    report, controller = speaker.report, speaker.report["controller"]
    term = speaker.words["controller" if paragraph == "30(1)" else "processor"]
    own: list[Line] = [(Run(report["organisation"]["name"], style="strong"),)]
    if report["organisation"]["business_id"]:
        own.append((Run(f"{speaker.words['business_id']} {report['organisation']['business_id']}"),))
    rows = [Fact(term, (*own, *speaker.field(controller["contact"])))]
    for key in ("joint_controllers", "related_organisations", "representative", "dpo"):
        if (key in ("joint_controllers", "related_organisations") and paragraph == "30(2)") or key not in controller:
            continue
        rows.append(Fact(speaker.words[key], speaker.field(controller[key])))
    return speaker.section(
        "controller", term, speaker.note(paragraph, "a"), speaker.statute(paragraph, "a"), Facts(tuple(rows))
    )


def activities(speaker: Speaker, key: str) -> Section:
    (paragraph,) = speaker.report["headings"]
    points = speaker.report["headings"][paragraph]
    told = [point for point in points if point in speaker.words["points"][paragraph]]
    blocks: list[Block] = [Text(tuple(speaker.statute(paragraph, point).cell[0] for point in told))]
    for number, activity in enumerate(speaker.report["activities"], 1):
        name = speaker.said(activity["name"])
        blocks.append(Heading(f"{speaker.numbers[key]}.{number} {name.text}", name.lang))
        if activity["ended"] or activity["addition"]:
            ended = [Run(activity["ended"]["words"], style="unknown")] if activity["ended"] else []
            blocks.append(Text(cell(*ended, *speaker.added(activity))))
        blocks += controlled(speaker, activity) if paragraph == "30(1)" else processed(speaker, activity)
    note = speaker.note("30(1)", "b–g") if paragraph == "30(1)" else speaker.note("30(2)", "a–d")
    return speaker.section(key, speaker.words[key], note, *blocks)


def controlled(speaker: Speaker, activity: Data) -> Iterator[Block]:
    heading = speaker.words["points"]["30(1)"]
    purposes = tuple(line for purpose in activity["purposes"] for line in purpose_lines(speaker, purpose))
    if purposes:  # in the first voice: it is about all of them, not about the last
        purposes += tuple((replace(run, style=""),) for line in speaker.listing(activity, "purposes") for run in line)
    yield Facts((Fact(heading["b"], purposes or cell(speaker.missing("30(1)(b)")), "b"),))
    yield from described(speaker, activity, heading["c"])
    rows = [
        Fact(heading["d"], answer(speaker, activity, "recipients"), "d"),
        Fact(heading["e"], answer(speaker, activity, "transfers"), "e"),
        *kept_and_secured(speaker, activity, heading),
    ]
    if "beyond" in activity:
        sources = activity["beyond"]["sources"]
        said = answer(speaker, {**activity, "sources": sources}, "sources")
        rows.append(
            Fact(speaker.words["sources"], said if sources["state"] != "missing" else speaker.recorded(sources))
        )
        for key in ("handlers", "dpia", "provision", "automated_decisions"):
            if key in activity["beyond"]:
                rows.append(Fact(speaker.words[key], speaker.field(activity["beyond"][key])))
    yield Facts(tuple(rows))


def purpose_lines(speaker: Speaker, purpose: Data) -> Iterator[Line]:
    yield (speaker.said(purpose["name"]), *speaker.added(purpose))
    for line in purpose["said"]:
        yield (speaker.said(line, "soft"),)
    for key, label in (("legal_basis", "legal_basis"), ("special", "special"), ("balancing_test", "balancing_test")):
        if key in purpose:
            told = [tuple(_softly(run) for run in line) for line in speaker.field(purpose[key])]
            title = speaker.words[label]
            yield (Run(f"{title[:1].lower()}{title[1:]}: ", style="soft"), *told[0])
            yield from told[1:]


def described(speaker: Speaker, activity: Data, heading: str) -> Iterator[Block]:
    """Point (c): groups and categories that speak of the activity, and its datasets."""
    groups = about(speaker, activity, "subject_groups")
    categories = about(speaker, activity, "data_categories")
    if not activity["datasets"] and not groups and not categories:
        yield Facts((Fact(heading, cell(speaker.missing("30(1)(c)")), "c"),))
        return
    own = speaker.entries("data_categories", activity["about"].get("data_categories", {}).get("own", ()))
    if groups or not activity["datasets"]:
        said = groups or cell(speaker.missing("30(1)(c)"))
        yield Facts((Fact(speaker.words["subject_groups"], said, "c"),))
    if own:
        yield Text(cell(Run("c) ", style="strong"), Run(speaker.words["data_categories"], style="soft")))
        yield speaker.entry_table("data_categories", own)
        categories = categories[len(speaker.told(own)) :]
    if categories or not (own or activity["datasets"]):
        said = categories or cell(speaker.missing("30(1)(c)"))
        yield Facts((Fact(speaker.words["data_categories"], said, "c"),))
    if not activity["datasets"]:
        return
    title = speaker.words["datasets_of"] if groups or categories or own else heading
    yield Text(cell(Run("c) ", style="strong"), Run(title, style="soft")))
    columns = (
        Column(speaker.words["dataset"], 34),
        Column(speaker.words["subjects"], 26),
        Column(speaker.words["items_of"], 40),
    )
    rows = tuple(
        (
            (
                (speaker.said(one["name"], "strong"), *speaker.added(one)),
                (speaker.said(one["register"], "soft"),),
            ),
            speaker.field(one["subjects"]),
            speaker.field(one["items"]),
        )
        for one in activity["datasets"]
    )
    yield Table(f"{speaker.said(activity['name']).text}: {heading}", columns, rows)


def about(speaker: Speaker, activity: Data, kind: str) -> Cell:
    """The entries of a list that are about an activity: its own, its registers' by name, and where the rest stands."""
    told = activity["about"].get(kind, {"own": (), "registers": ()})
    lines: Cell = speaker.told(speaker.entries(kind, told["own"]))
    lying = speaker.entries(kind, told["registers"])
    if lying and "registers" in speaker.numbers:
        names = "; ".join(dict.fromkeys(one["name"]["text"] for one in lying))
        said = speaker.words["from_register"].format(section=speaker.numbers["registers"], names=names)
        lines += cell(Run(said))
    shared = speaker.everywhere(kind)
    if shared and kind in COMMON and "common" in speaker.numbers:
        denied = [one for one in shared if one.get("denied")]
        named = [one for one in shared if one not in denied]
        if len(shared) > NAMED:
            lines += cell(Run(speaker.words["common_see"].format(section=speaker.numbers["common"])))
        elif named:
            names = "; ".join(_answered(one) if kind == "transfers" else one["name"]["text"] for one in named)
            lines += cell(Run(speaker.words["from_common"].format(section=speaker.numbers["common"], names=names)))
        if len(shared) <= NAMED:
            lines += tuple(speaker.named(one) for one in denied)
    return lines


def answer(speaker: Speaker, activity: Data, key: str) -> Cell:
    """A field that a statement or entries answer."""
    said = about(speaker, activity, key)
    own = () if activity[key]["state"] == "missing" and said else speaker.field(activity[key])
    return (*own, *said, *speaker.listing(activity, key)) or DASH


def _answered(transfer: Data) -> str:
    """A transfer with whether it happens: its name alone may be only what was asked."""
    said = transfer["said"][0]["text"] if transfer.get("status") and transfer["said"] else ""
    return f"{transfer['name']['text']}: {said}" if said else str(transfer["name"]["text"])


def kept_and_secured(speaker: Speaker, activity: Data, heading: Data) -> Iterator[Fact]:
    """Points (f) and (g): one row where the activity has nothing of its own to say of either."""
    own = speaker.told(speaker.entries("time_limits", activity["about"].get("time_limits", {}).get("own", ())))
    measures = own_measures(speaker, activity)
    if "retention" not in speaker.numbers:
        yield Fact(heading["f"], own or DASH, "f")
    elif not own and not measures and speaker.everywhere("security_measures"):
        numbers = {key: speaker.numbers[key] for key in ("retention", "measures")}
        title = f"{heading['f']}; {heading['g'][:1].lower()}{heading['g'][1:]}"
        yield Fact(title, cell(speaker.words["limits_and_measures_see"].format(**numbers)), "f–g")
        return
    else:
        see = speaker.words["limits_see"].format(section=speaker.numbers["retention"])
        yield Fact(heading["f"], (*own, *cell(see)), "f")
    yield Fact(heading["g"], measures_row(speaker, measures), "g")


def processed(speaker: Speaker, activity: Data) -> Iterator[Block]:
    heading = speaker.words["points"]["30(2)"]
    categories: Cell = tuple(
        (speaker.said(one["name"]), *speaker.added(one)) for one in activity["purposes"] or [activity]
    )
    rows = [Fact(heading["a"], speaker.field(activity["on_behalf_of"]), "a")]
    mandate = activity["mandate"]
    if mandate["said"]:
        rows.append(Fact(speaker.words["mandate"], tuple((speaker.said(line),) for line in mandate["said"])))
    if mandate["instructions"]:
        told = tuple((speaker.said(line),) for line in mandate["instructions"])
        rows.append(Fact(speaker.words["instructions"], told))
    rows.append(Fact(heading["b"], categories, "b"))
    for kind in ("subject_groups", "data_categories"):
        if said := about(speaker, activity, kind):
            rows.append(Fact(speaker.words[kind], said))
    rows.append(Fact(heading["c"], answer(speaker, activity, "transfers"), "c"))
    rows.append(Fact(heading["d"], measures_row(speaker, own_measures(speaker, activity)), "d"))
    if "beyond" in activity and (said := about(speaker, activity, "recipients")):
        rows.append(Fact(speaker.words["sub_processors"], said))
    yield Facts(tuple(rows))


def own_measures(speaker: Speaker, activity: Data) -> Cell:
    """The measures of an activity itself; nothing where only those of all concern it."""
    own = about(speaker, activity, "security_measures")
    if activity["security_measures"] is not None:
        own = (*speaker.field(activity["security_measures"]), *own)
    return own


def measures_row(speaker: Speaker, own: Cell) -> Cell:
    """What the activity has of its own, and where the measures of all stand."""
    also = speaker.words["measures_also"].format(section=speaker.numbers["measures"])
    if own:
        return (*own, *cell(Run(also, style="soft")))
    return cell(also if speaker.everywhere("security_measures") else speaker.see("measures"))


def common(speaker: Speaker, kinds: Sequence[str]) -> Section:
    """What is said of the whole organisation, once instead of at every activity."""
    blocks: list[Block] = []
    for kind in kinds:
        blocks.append(Heading(speaker.words[kind]))
        blocks.append(speaker.entry_table(kind, speaker.everywhere(kind)))
        if said := speaker.listing(speaker.report, kind):
            blocks.append(Text(said))
    (paragraph,) = speaker.report["headings"]
    note = speaker.note("30(1)", "c–e") if paragraph == "30(1)" else speaker.note("30(2)", "c")
    return speaker.section("common", speaker.words["common"], note, *blocks)


def measures(speaker: Speaker, paragraph: str) -> Section:
    point = "g" if paragraph == "30(1)" else "d"
    lead = speaker.statute(paragraph, point)
    entries = speaker.everywhere("security_measures")
    field = speaker.report["security_measures"]
    blocks: list[Block] = [lead]
    if field["state"] != "missing" or not entries:
        said = speaker.field(field)
        if field["state"] == "value":
            said = tuple((Run("•\u00a0"), *line) for line in said)
        blocks.append(Text(said))
    if entries:
        blocks.append(speaker.entry_table("security_measures", entries))
    if listed := speaker.listing(speaker.report, "security_measures"):
        blocks.append(Text(listed))
    return speaker.section("measures", speaker.words["measures"], speaker.note(paragraph, point), *blocks)


def registers(speaker: Speaker) -> Section:
    blocks: list[Block] = []
    if speaker.report["extras_included"]:
        blocks.append(register_table(speaker))
    for kind in KINDS:
        found = [
            one
            for one in speaker.report["entries"].get(kind, ())
            if one.get("registers") and not one.get("activities") and kind != "time_limits"
        ]
        if found:
            blocks += [Heading(speaker.words[kind]), by_register(speaker, kind, found)]
    return speaker.section("registers", speaker.words["registers"], "", *blocks)


def by_register(speaker: Speaker, kind: str, entries: Sequence[Data]) -> Table:
    """Entries that name only registers, each once, with the registers that it is about."""
    registers = {one["id"]: one for one in speaker.report["registers"]}
    columns = (
        Column(speaker.words["entry_of"][kind], 28),
        Column(speaker.words["said"], 44),
        Column(speaker.words["registers"], 28),
    )
    rows = []
    for one in entries:
        where = [registers[code] for code in one["registers"] if code in registers]
        lines: Cell = cell("; ".join(register["name"]["text"] for register in where))
        for code in dict.fromkeys(register["listings"].get(kind, "") for register in where):
            lines += speaker.listing({"listings": {kind: code}}, kind)
        rows.append(((speaker.named(one),), speaker.details(one) or DASH, lines))
    return Table(speaker.words[kind], columns, tuple(rows))


def register_table(speaker: Speaker) -> Table:
    columns = (
        Column(speaker.words["register"], 32),
        Column(speaker.words["medium_and_state"], 16),
        Column(speaker.words["place"], 30),
        Column(speaker.words["backups"], 22),
    )
    rows = []
    for register in speaker.report["registers"]:
        named: list[Line] = [(speaker.said(register["name"], "strong"), *speaker.added(register))]
        if register["alias"]:
            names = ", ".join(one["text"] for one in register["alias"])
            named.append((Run(speaker.words["also_known"].format(names=names), style="soft"),))
        if register["printed_ordinal"]:
            said = speaker.words["ordinal"].format(number=register["printed_ordinal"].rstrip("."))
            named.append((Run(said, style="soft"),))
        if not register["declared"]:
            named.append((Run(speaker.words["undeclared"], style="mark"),))
        medium = (Run(register["medium"]),), (Run(register["lifecycle"], style="soft"),)
        place, backups = speaker.recorded(register["place"]), speaker.recorded(register["backups"])
        place += tuple((speaker.said(register[key], "soft"),) for key in ("hosting", "minimisation") if register[key])
        rows.append((tuple(named), medium, place, backups))
    return Table(speaker.words["registers"], columns, tuple(rows))


def _softly(run: Run) -> Run:
    """In the second voice, but for a word of state."""
    return replace(run, style=run.style or "soft")
