"""A record of thousands of datasets on paper: the same statements, gathered instead of one row each.

A PDF of a hundred thousand table rows can neither be made in reasonable memory nor be read. So what is equal is said
once: a rule with the names of its datasets, an activity in a few lines, and of the night what is not in order. Each
row stands in the workbook and the JSON of the same set, and the first page says so.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from ropa.render import layout_evidence, layout_record
from ropa.render.sheet import Block, Cell, Column, Entries, Heading, Line, Run, Section, Table, Text, cell
from ropa.render.speech import Data, Speaker, capital

LARGE = 300
"""Datasets and activities from which on a PDF is compact."""
COUNTS = ("destroyed", "held", "review", "overdue")


def is_large(report: Data) -> bool:
    datasets = {row["dataset"] for row in report["retention"]}
    return len(datasets) + len(report["activities"]) > LARGE


def activities(speaker: Speaker, key: str) -> Section:
    (paragraph,) = speaker.report["headings"]
    points = speaker.report["headings"][paragraph]
    told = [point for point in points if point in speaker.words["points"][paragraph]]
    blocks: list[Block] = [Text(tuple(speaker.statute(paragraph, point).cell[0] for point in told))]
    common = [key for key in ("common", "retention", "measures") if key in speaker.numbers]
    blocks.append(Text(tuple((Run(speaker.see(key)),) for key in common)))
    acts = enumerate(speaker.report["activities"], 1)
    said = (_activity(speaker, activity, f"{speaker.numbers[key]}.{number}", paragraph) for number, activity in acts)
    blocks.append(Entries(tuple(tuple(lines) for lines in said)))
    note = speaker.note("30(1)", "b–g") if paragraph == "30(1)" else speaker.note("30(2)", "a–d")
    return speaker.section(key, speaker.words[key], note, *blocks)


def _activity(speaker: Speaker, activity: Data, number: str, paragraph: str) -> Iterator[Line]:
    state = [Run(f" ({activity['ended']['words']})", style="unknown")] if activity["ended"] else []
    yield (Run(f"{number} {activity['name']['text']}", style="strong"), *state, *speaker.added(activity))
    if paragraph == "30(1)":
        purposes = [line for one in activity["purposes"] for line in layout_record.purpose_lines(speaker, one)]
        yield _run("b", purposes or [(speaker.missing("30(1)(b)"),)])
        groups = _own(speaker, activity, "subject_groups")
        datasets = _names(one["name"]["text"] for one in activity["datasets"])
        categories = _own(speaker, activity, "data_categories")
        described = [*groups, *categories, *([(Run(datasets),)] if datasets else [])]
        yield _run("c", described or [(speaker.missing("30(1)(c)"),)])
        yield _run("d", _answer(speaker, activity, "recipients"))
        yield from _unless_common(speaker, "e", _answer(speaker, activity, "transfers"))
        yield from _unless_common(speaker, "f", _own(speaker, activity, "time_limits"))
        yield from _unless_common(speaker, "g", _measures(speaker, activity))
    else:
        yield _run("a", speaker.field(activity["on_behalf_of"]))
        yield _run("b", [(Run(one["name"]["text"]),) for one in activity["purposes"] or [activity]])
        yield from _unless_common(speaker, "c", _answer(speaker, activity, "transfers"))
        yield from _unless_common(speaker, "d", _measures(speaker, activity))


def _own(speaker: Speaker, activity: Data, kind: str) -> Cell:
    """The names of the entries about an activity; their details stand in the workbook."""
    told = activity["about"].get(kind, {"own": (), "registers": ()})
    return tuple(speaker.named(one) for one in speaker.entries(kind, (*told["own"], *told["registers"])))


def _answer(speaker: Speaker, activity: Data, key: str) -> Cell:
    return (*speaker.field(activity[key]), *_own(speaker, activity, key))


def _measures(speaker: Speaker, activity: Data) -> Cell:
    own = speaker.field(activity["security_measures"]) if activity["security_measures"] else ()
    return (*own, *_own(speaker, activity, "security_measures"))


def _unless_common(speaker: Speaker, letter: str, lines: Cell) -> Iterator[Line]:
    """A point that has something of its own; what holds for all is said once, in its section."""
    if lines:
        yield _run(letter, lines)


SHAPED = ("missing", "late", "unknown", "mark")


def _run(letter: str, lines: Iterable[Line]) -> Line:
    """Lines run together in as few runs as can be; a word of state keeps its own shape."""
    runs: list[Run] = [Run(f"{letter}) ")]
    for number, line in enumerate(lines):
        for run in (Run("; "), *line) if number else line:
            last = runs[-1]
            if run.style in SHAPED:
                runs.append(run)
            elif last.style or last.lang != run.lang:
                runs.append(Run(run.text, run.lang))
            else:
                runs[-1] = Run(last.text + run.text, run.lang)
    return tuple(runs)


def _names(names: Iterable[str]) -> str:
    return "; ".join(names)


def retention(speaker: Speaker) -> Section:
    blocks: list[Block] = []
    if "30(1)" in speaker.report["headings"]:
        blocks.append(speaker.statute("30(1)", "f"))
    limits = speaker.report["entries"].get("time_limits", ())
    if limits:
        blocks += [Heading(speaker.words["published_limits"]), Text(cell(speaker.words["published_lead"]))]
        blocks.append(layout_evidence.published(speaker, limits))
    if limits:
        blocks.append(Heading(speaker.words["limits_by_dataset"]))
    blocks.append(Text(cell(speaker.words["retention_lead"])))
    for _, group in groupby(speaker.report["retention"], lambda row: row["register"]):
        rows = list(group)
        name = speaker.said(rows[0]["register_name"])
        blocks.append(Heading(name.text, name.lang))
        entries = []
        for rules, names in _gathered(speaker, rows).items():
            said = f"{speaker.counted(len(names), 'datasets')}: {_names(names)}"
            entries.append((*(_limit(rule) for rule in rules), (Run(said, style="soft"),)))
        blocks.append(Entries(tuple(entries)))
    title = speaker.words["retention_processor" if speaker.is_annex("retention") else "retention"]
    note = speaker.note("30(1)", "f") if "30(1)" in speaker.report["headings"] else ""
    return speaker.section("retention", title, note, *blocks)


Rule = tuple[str, ...]


def _gathered(speaker: Speaker, rows: Sequence[Data]) -> dict[tuple[Rule, ...], list[str]]:
    """Rules with the names of their datasets: all the rules of a dataset at once, or one by one where that is less."""
    names, rules = dict[str, str](), dict[str, dict[Rule, None]]()
    for row in rows:
        names[row["dataset"]] = row["dataset_name"]["text"]
        rules.setdefault(row["dataset"], {})[_rule(speaker, row)] = None
    whole, single = (defaultdict[tuple[Rule, ...], list[str]](list) for _ in range(2))
    for dataset, told in rules.items():
        whole[tuple(told)].append(names[dataset])
        for rule in told:
            single[rule,].append(names[dataset])
    return min(whole, single, key=_length)


def _length(gathered: Mapping[tuple[Rule, ...], Sequence[str]]) -> int:
    return sum(
        sum(len(part) for rule in rules for part in rule) + sum(map(len, names)) for rules, names in gathered.items()
    )


def _limit(rule: Rule) -> Line:
    words, *rest = rule
    if not rest:
        return (Run(words, style="missing"),)
    return (Run(words, style="strong"), Run(f" · {' · '.join(filter(None, rest))}"))


def _rule(speaker: Speaker, row: Data) -> Rule:
    """What is equal for the datasets that are told together; of a missing time limit only that it is missing."""
    if row["kind"] == "missing":
        return (speaker.missing(row["article"]).text,)
    added = speaker.words["addition"] if row.get("addition") else ""
    carried = speaker.words["executions"][row["execution"]]
    kind = capital(row.get("kind_words", ""))
    return (row["words"], row.get("statute", ""), kind, row.get("action", ""), row["status_words"], added, carried)


def execution(speaker: Speaker) -> Section:
    execution, blocks = speaker.report["execution"], list[Block]()
    night = execution["night"]
    if night is None:
        blocks.append(Text(cell(Run(speaker.words["no_night"], style="unknown"))))
    else:
        blocks.append(Text(cell(speaker.words["execution_lead"].format(day=speaker.day(night["business_date"])))))
        blocks.append(layout_evidence.night_facts(speaker, execution, night))
        blocks.append(_registers(speaker, execution["datasets"]))
        late = [row for row in execution["datasets"] if row["state"] == "known" and row["overdue"]]
        if late:
            shown = {**execution, "datasets": late[:LARGE]}
            blocks += [Heading(speaker.words["overdue"]), layout_evidence.numbers_table(speaker, shown)]
        silent = [row for row in execution["datasets"] if row["state"] != "known"]
        if silent:
            blocks += [Heading(speaker.words["no_answer"]), _by(silent, "register_name", "dataset_name")]
    if night is None and not execution["not_reached"]:
        return speaker.section("execution", speaker.words["execution"], "", *blocks)
    blocks.append(Heading(speaker.words["not_reached"]))
    gathered: dict[tuple[str, str], list[str]] = defaultdict(list)
    for one in execution["not_reached"]:
        name = one["dataset"]["text"] if one["dataset"] else speaker.words["whole_register"]
        gathered[one["name"]["text"], one["words"]].append(name)
    blocks.append(
        Entries(
            tuple(
                cell(Run(f"{register}: {why}. ", style="strong"), _names(names))
                for (register, why), names in gathered.items()
            )
        )
        if gathered
        else Text(cell(speaker.words["not_reached_none"]))
    )
    return speaker.section("execution", speaker.words["execution"], "", *blocks)


def _by(rows: Sequence[Data], outer: str, inner: str) -> Entries:
    gathered: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        gathered[row[outer]["text"]].append(row[inner]["text"])
    return Entries(tuple(cell(Run(f"{name}: ", style="strong"), _names(said)) for name, said in gathered.items()))


def _registers(speaker: Speaker, rows: Sequence[Data]) -> Table:
    """The night's numbers by register; a register with a silent dataset shows how many."""
    names, sums, silent = dict[str, Data](), dict[str, Counter[str]](), Counter[str]()
    for row in rows:
        names.setdefault(row["register"], row["register_name"])
        told = sums.setdefault(row["register"], Counter())
        if row["state"] == "known":
            told.update({key: row[key] or 0 for key in COUNTS})
        else:
            silent[row["register"]] += 1
    columns = (
        Column(speaker.words["register"], 40),
        *(Column(speaker.words[key], 12, end=True) for key in COUNTS),
        Column(capital(speaker.words["not_known"]), 12, end=True),
    )
    made: list[tuple[Cell, ...]] = [
        (
            cell(speaker.said(names[code], "strong")),
            *(speaker.count(told[key]) for key in COUNTS),
            speaker.count(silent[code]),
        )
        for code, told in sums.items()
    ]
    return Table(speaker.words["execution"], columns, tuple(made))


def gaps(speaker: Speaker) -> Section:
    gathered: dict[tuple[str, str], list[str]] = defaultdict(list)
    for gap in speaker.report["gaps"]:
        gathered[capital(gap["words"]), gap["article_words"]].append(gap["place"]["text"])
    entries = [
        cell(Run(f"{words} ({article}): ", style="strong"), _names(names))
        for (words, article), names in gathered.items()
    ]
    block = Entries(tuple(entries)) if entries else Text(cell(speaker.words["gaps_none"]))
    return speaker.section("gaps", speaker.words["gaps"], "", block)
