"""From a report to a sheet: which section says what, in which order. The state is always said in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from ropa.render.sheet import (
    Block,
    Cell,
    Column,
    Fact,
    Facts,
    Heading,
    Line,
    Run,
    Section,
    Sheet,
    Table,
    Text,
    cell,
    fours,
)
from ropa.wording import article_in_words, day_in_words, number_in_words, table

Data = Mapping[str, Any]

DASH: Cell = ((Run("–", style="zero"),),)


@dataclass(frozen=True, slots=True)
class _Layout:
    """A report being laid out, with its language's labels and the number of each section."""

    report: Data
    words: Mapping[str, Any]
    numbers: Mapping[str, str]

    # --- words

    def day(self, written: str | None) -> str:
        return day_in_words(written, self.report["language"]) if written else "–"

    def number(self, value: int) -> str:
        return number_in_words(value, self.report["language"])

    def counted(self, value: int, what: str) -> str:
        """`1 tietue`, `38 tietuetta`."""
        return f"{self.number(value)}\u00a0{self.words[what][value != 1]}"

    def said(self, text: Data, style: Any = "") -> Run:
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

    # --- the first page

    def say(self) -> tuple[Run, ...]:
        execution, totals = self.report["execution"], self.report["execution"]["totals"]
        said = []
        if execution["night"] is None:
            said.append(self.words["no_night"])
        elif totals["overdue"]:
            items = self.counted(totals["overdue"], "items")
            said.append(self.words["late"].format(items=items, day=self.day(totals["overdue_since"])))
        elif totals["unknown_datasets"] < len(execution["datasets"]):
            said.append(self.words["not_late"])
        else:
            said.append(self.words["nothing_known"])
        if execution["night"] is not None and totals["unknown_datasets"] and self.words["nothing_known"] not in said:
            said.append(self.words["unknown"].format(datasets=self.counted(totals["unknown_datasets"], "datasets")))
        return tuple(Run(one) for one in said)

    def cover_facts(self) -> Facts:
        report = self.report
        version, night = report["version"], report["execution"]["night"]
        rows = [
            Fact(self.words["as_of"], cell(self.day(report["as_of"]))),
            Fact(
                self.words["version"],
                cell(
                    self.words["version_value"].format(number=version["number"], day=self.day(version["in_force_from"]))
                ),
            ),
        ]
        if night is not None:
            head = report["evidence_head"]
            said = self.words["last_night_value"].format(day=self.day(head["business_date"]), number=head["number"])
            rows.append(Fact(self.words["last_night"], cell(said)))
        gaps, outside = len(report["gaps"]), len(report["execution"]["not_reached"])
        state = self.words["gaps_none"]
        if gaps:
            state = self.words["gaps_some"].format(number=gaps, section=self.numbers["gaps"])
        lines: list[Line] = [(Run(state, style="missing" if gaps else ""),)]
        if outside:
            said = self.words["not_reached_some"].format(number=outside, section=self.numbers["execution"])
            lines.append((Run(said, style="unknown"),))
        rows.append(Fact(self.words["gaps"], tuple(lines)))
        rows.append(Fact(self.words["release"], cell(f"Seloste {report['release']}")))
        return Facts(tuple(rows))

    def overview(self) -> Table:
        """The activities, and how many records of each are overdue."""
        night = {row["dataset"]: row for row in self.report["execution"]["datasets"]}
        rows = []
        for activity in self.report["activities"]:
            datasets = [night[one["id"]] for one in activity["datasets"] if one["id"] in night]
            known = [row for row in datasets if row["state"] == "known"]
            unknown = not known or len(known) < len(datasets)
            subjects: dict[str, Run] = {}
            for one in activity["datasets"]:
                for line in one["subjects"].get("lines", ()):
                    subjects.setdefault(line["text"], self.said(line))
            runs = [part for run in subjects.values() for part in (run, Run(", "))][:-1]
            late = sum(row["overdue"] for row in known)
            count = self.count(None if unknown and not late else late)
            rows.append(
                (
                    cell(self.said(activity["name"], "strong")),
                    cell(*runs) if runs else DASH,
                    self.count(len(activity["datasets"])),
                    count if activity["datasets"] else DASH,
                )
            )
        columns = (
            Column(self.words["activity"], 40),
            Column(self.words["subjects"], 36),
            Column(self.words["datasets"][1].capitalize(), 14, end=True),
            Column(self.words["overdue"], 10, end=True),
        )
        return Table(self.words["activities"], columns, tuple(rows))

    # --- the record

    def controller(self, paragraph: str) -> Section:
        report, controller = self.report, self.report["controller"]
        term = self.words["controller" if paragraph == "30(1)" else "processor"]
        own: list[Line] = [(Run(report["organisation"]["name"], style="strong"),)]
        if report["organisation"]["business_id"]:
            own.append((Run(f"{self.words['business_id']} {report['organisation']['business_id']}"),))
        rows = [Fact(term, (*own, *self.field(controller["contact"])))]
        for key in ("joint_controllers", "representative", "dpo"):
            if key == "joint_controllers" and paragraph == "30(2)":
                continue
            rows.append(Fact(self.words[key], self.field(controller[key])))
        return self.section(
            "controller", term, self.note(paragraph, "a"), self.statute(paragraph, "a"), Facts(tuple(rows))
        )

    def statute(self, paragraph: str, point: str) -> Text:
        """The statute's own words."""
        return Text(cell(Run(f"{point}) {self.report['headings'][paragraph][point]}", style="soft")))

    def section(self, key: str, title: str, note: str, *blocks: Block) -> Section:
        return Section(self.numbers[key], title, note, blocks)

    def activities(self, role: str) -> Section:
        key = "activities" if role == "controller" else "processor_activities"
        blocks: list[Block] = []
        mine = [activity for activity in self.report["activities"] if activity["role"] == role]
        for number, activity in enumerate(mine, 1):
            name = self.said(activity["name"])
            blocks.append(Heading(f"{self.numbers[key]}.{number} {name.text}", name.lang))
            blocks += self.controlled(activity) if role == "controller" else self.processed(activity)
        note = self.note("30(1)", "b–g") if role == "controller" else self.note("30(2)", "a–d")
        return self.section(key, self.words[key], note, *blocks)

    def controlled(self, activity: Data) -> Iterator[Block]:
        heading = self.report["headings"]["30(1)"]
        purposes: list[Line] = []
        for purpose in activity["purposes"]:
            purposes.append((self.said(purpose["name"]),))
            basis = [tuple(_softly(run) for run in line) for line in self.field(purpose["legal_basis"])]
            purposes.append((Run(f"{self.words['legal_basis']}: ", style="soft"), *basis[0]))
            purposes += basis[1:]
        yield Facts((Fact(heading["b"], tuple(purposes) or cell(self.missing("30(1)(b)")), "b"),))
        if not activity["datasets"]:
            yield Facts((Fact(heading["c"], cell(self.missing("30(1)(c)")), "c"),))
        else:
            yield Text(cell(Run("c) ", style="strong"), Run(heading["c"], style="soft")))
            columns = (
                Column(self.words["dataset"], 34),
                Column(self.words["subjects"], 26),
                Column(self.words["items_of"], 40),
            )
            rows = tuple(
                (
                    (
                        (self.said(one["name"], "strong"),),
                        (self.said(one["register"], "soft"),),
                    ),
                    self.field(one["subjects"]),
                    self.field(one["items"]),
                )
                for one in activity["datasets"]
            )
            yield Table(f"{self.said(activity['name']).text}: {heading['c']}", columns, rows)
        yield Facts(
            (
                Fact(heading["d"], self.field(activity["recipients"]), "d"),
                Fact(heading["e"], self.field(activity["transfers"]), "e"),
                Fact(heading["f"], cell(self.see("retention")), "f"),
                Fact(heading["g"], self.own_measures(activity), "g"),
                Fact(self.words["sources"], self.recorded(activity["sources"])),
            )
        )

    def processed(self, activity: Data) -> Iterator[Block]:
        heading = self.report["headings"]["30(2)"]
        categories = tuple((self.said(one["name"]),) for one in activity["purposes"] or [activity])
        yield Facts(
            (
                Fact(heading["a"], self.field(activity["on_behalf_of"]), "a"),
                Fact(heading["b"], categories, "b"),
                Fact(heading["c"], self.field(activity["transfers"]), "c"),
                Fact(heading["d"], self.own_measures(activity), "d"),
            )
        )

    def own_measures(self, activity: Data) -> Cell:
        if activity["security_measures"] is None:
            return cell(self.see("measures"))
        also = self.words["measures_also"].format(section=self.numbers["measures"])
        return (*self.field(activity["security_measures"]), *cell(Run(also, style="soft")))

    def measures(self, paragraph: str) -> Section:
        point = "g" if paragraph == "30(1)" else "d"
        lead = self.statute(paragraph, point)
        said = self.field(self.report["security_measures"])
        if self.report["security_measures"]["state"] == "value":
            said = tuple((Run("•\u00a0"), *line) for line in said)
        return self.section("measures", self.words["measures"], self.note(paragraph, point), lead, Text(said))

    def registers(self) -> Section:
        columns = (
            Column(self.words["register"], 32),
            Column(self.words["medium"], 16),
            Column(self.words["place"], 30),
            Column(self.words["backups"], 22),
        )
        rows = []
        for register in self.report["registers"]:
            named: list[Line] = [(self.said(register["name"], "strong"),)]
            if not register["declared"]:
                named.append((Run(self.words["undeclared"], style="mark"),))
            medium = (Run(register["medium"]),), (Run(register["lifecycle"], style="soft"),)
            place, backups = self.recorded(register["place"]), self.recorded(register["backups"])
            rows.append((tuple(named), medium, place, backups))
        return self.section(
            "registers", self.words["registers"], "", Table(self.words["registers"], columns, tuple(rows))
        )

    # --- the retention column and its evidence

    def retention(self) -> Section:
        blocks: list[Block] = []
        if "30(1)" in self.report["headings"]:
            blocks.append(self.statute("30(1)", "f"))
        blocks.append(Text(cell(self.words["retention_lead"])))
        columns = (
            Column(self.words["dataset"], 24),
            Column(self.words["time_limit"], 41),
            Column(self.words["basis"], 24),
            Column(self.words["action"], 11),
        )
        for _, group in groupby(self.report["retention"], lambda row: row["register"]):
            rows = list(group)
            name = self.said(rows[0]["register_name"])
            blocks.append(Heading(name.text, name.lang))
            shown: set[str] = set()
            lines = []
            for row in rows:
                lines.append(self.rule(row, row["dataset"] not in shown))
                shown.add(row["dataset"])
            blocks.append(Table(f"{self.words['retention']}: {name.text}", columns, tuple(lines)))
        note = self.note("30(1)", "f") if "30(1)" in self.report["headings"] else ""
        return self.section("retention", self.words["retention"], note, *blocks)

    def rule(self, row: Data, first: bool) -> tuple[Cell, ...]:
        named: list[Line] = [(self.said(row["dataset_name"], "strong" if first else "soft"),)]
        if first:
            named.append((Run(self.words["executions"][row["execution"]], style="soft"),))
        if row["kind"] == "missing":
            return tuple(named), cell(self.missing(row["article"])), DASH, DASH
        limit: list[Line] = [(Run(row["words"], style="strong"),)]
        if row.get("statute"):
            limit.append((Run(row["statute"]),))
        if row["reason"]["text"]:
            limit.append((self.said(row["reason"], "soft"),))
        if row["kind"] == "no_reason_to_keep":
            return tuple(named), tuple(limit), cell(row["status_words"]), DASH
        basis: list[Line] = [(Run(_capital(row["kind_words"])),)]
        if row["purpose"]:
            basis.append((self.said(row["purpose"], "soft"),))
        status = _capital(row["status_words"]) + (f"; {self.words['addition']}" if row["addition"] else "")
        basis.append((Run(status, style="soft" if row["status"] == "confirmed" else "mark"),))
        return tuple(named), tuple(limit), tuple(basis), cell(row["action"])

    def execution(self) -> Section:
        execution, blocks = self.report["execution"], list[Block]()
        night = execution["night"]
        if night is None:
            blocks.append(Text(cell(Run(self.words["no_night"], style="unknown"))))
        else:
            blocks.append(Text(cell(self.words["execution_lead"].format(day=self.day(night["business_date"])))))
            blocks.append(self.night_facts(execution, night))
            blocks.append(self.numbers_table(execution))
            blocks += self.unanswered(execution["datasets"])
        blocks.append(Heading(self.words["not_reached"]))
        if execution["not_reached"]:
            columns = (
                Column(self.words["register"], 38),
                Column(self.words["dataset"], 27),
                Column(self.words["why"], 35),
            )
            rows = tuple(
                (
                    cell(self.said(one["name"], "strong")),
                    cell(self.said(one["dataset"]) if one["dataset"] else Run(self.words["whole_register"])),
                    cell(Run(one["words"])),
                )
                for one in execution["not_reached"]
            )
            blocks.append(Table(self.words["not_reached"], columns, rows))
        else:
            blocks.append(Text(cell(self.words["not_reached_none"])))
        return self.section("execution", self.words["execution"], "", *blocks)

    def night_facts(self, execution: Data, night: Data) -> Facts:
        successful = self.day(execution["last_successful"]) if execution["last_successful"] else ""
        rows = [
            Fact(self.words["last_night"], cell(self.day(night["business_date"]))),
            Fact(
                self.words["last_successful"],
                cell(Run(successful or self.words["none_successful"], style="" if night["succeeded"] else "late")),
            ),
            Fact(self.words["nights"], cell(self.number(execution["nights"]))),
        ]
        if night["missed_dates"]:
            days = ", ".join(self.day(day) for day in night["missed_dates"])
            rows.append(Fact(self.words["missed"], cell(Run(days, style="late"))))
        rows.append(Fact(self.words["night_version"], cell("–" if night["version"] is None else str(night["version"]))))
        rows.append(
            Fact(self.words["destroyed_total"], cell(self.counted(execution["totals"]["destroyed_ever"], "items")))
        )
        return Facts(tuple(rows))

    def numbers_table(self, execution: Data) -> Table:
        columns = (
            Column(self.words["dataset"], 27),
            *(Column(self.words[key], 11, end=True) for key in ("destroyed", "held", "review", "failed")),
            Column(self.words["overdue"], 15, end=True),
            Column(self.words["oldest"], 14, end=True),
        )
        rows = []
        for row in execution["datasets"]:
            known = row["state"] == "known"
            numbers = [row["destroyed"], row["held"], row["review"], None]
            if row["refused"] is not None:
                numbers[3] = row["refused"] + row["failed"]
            oldest = cell(self.day(row["oldest_kept"])) if known else self.count(None)
            rows.append(
                (
                    ((self.said(row["dataset_name"], "strong"),), (self.said(row["register_name"], "soft"),)),
                    *(self.count(number if known else None) for number in numbers),
                    self.overdue(row) if known else self.count(None),
                    oldest,
                )
            )
        totals = execution["totals"]
        total = (
            cell(Run(self.words["total"], style="strong")),
            *(self.count(totals[key]) for key in ("destroyed", "held", "review")),
            self.count(totals["refused"] + totals["failed"]),
            self.count(totals["overdue"]),
            cell(""),
        )
        return Table(self.words["execution"], columns, tuple(rows), total)

    def overdue(self, row: Data) -> Cell:
        """How many records, of how many people, since when, and whether something explains them."""
        if not row["overdue"]:
            return self.count(0)
        lines: list[Line] = [(Run(self.number(row["overdue"]), style="late"),)]
        if row["people_overdue"] is not None:
            lines.append((Run(self.counted(row["people_overdue"], "people")),))
        if row["overdue_since"]:
            lines.append((Run(self.words["since"].format(day=self.day(row["overdue_since"]))),))
        if row["unexplained"]:
            lines.append((Run(self.words["unexplained"].format(number=self.number(row["unexplained"])), style="late"),))
        return tuple(lines)

    def unanswered(self, datasets: Sequence[Data]) -> Iterator[Block]:
        silent = [row for row in datasets if row["state"] != "known"]
        yield Heading(self.words["no_answer"])
        if not silent:
            yield Text(cell(self.words["no_answer_none"]))
            return
        columns = (
            Column(self.words["dataset"], 32),
            Column(self.words["why"], 48),
            Column(self.words["last_answered"], 20),
        )
        rows = []
        for row in silent:
            named = (self.said(row["dataset_name"], "strong"),), (self.said(row["register_name"], "soft"),)
            why = cell(self.words["silent" if row["problem"] else "not_asked"])
            if row["problem"]:
                why += cell(Run(row["problem"], "en" if self.report["language"] != "en" else "", "soft"))
            answered = self.day(row["last_answered"]) if row["last_answered"] else self.words["never"]
            rows.append((named, why, cell(answered)))
        yield Table(self.words["no_answer"], columns, tuple(rows))

    # --- the end

    def gaps(self) -> Section:
        if not self.report["gaps"]:
            return self.section("gaps", self.words["gaps"], "", Text(cell(self.words["gaps_none"])))
        columns = Column(self.words["concerns"], 36), Column(self.words["gap"], 38), Column(self.words["article"], 26)
        rows = tuple(
            (cell(self.said(gap["place"], "strong")), cell(_capital(gap["words"])), cell(gap["article_words"]))
            for gap in self.report["gaps"]
        )
        lead = Text(cell(self.words["gaps_lead"]))
        return self.section("gaps", self.words["gaps"], "", lead, Table(self.words["gaps"], columns, rows))

    def checking(self) -> Section:
        rows = [
            Fact(self.words["version_digest"], cell(Run(fours(self.report["version"]["digest"]), style="digest"))),
        ]
        if self.report["evidence_head"]:
            rows.append(
                Fact(
                    self.words["head_digest"], cell(Run(fours(self.report["evidence_head"]["digest"]), style="digest"))
                )
            )
        rows.append(Fact(self.words["release"], cell(f"Seloste {self.report['release']}")))
        lead = Text(cell(self.words["checking_lead"]))
        return self.section("checking", self.words["checking"], "", lead, Facts(tuple(rows)))


def _softly(run: Run) -> Run:
    """In the second voice, but for a word of state."""
    return replace(run, style=run.style or "soft")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def sheet_of(report: Data) -> Sheet:
    """Lay a report out. Raises ValueError for a language that has no words."""
    words = table(report["language"])["report"]
    first = next(iter(report["headings"]))
    roles = {activity["role"] for activity in report["activities"]}
    keys = ["controller"]
    keys += ["activities"] if "controller" in roles or not roles else []
    keys += ["processor_activities"] if "processor" in roles else []
    keys += ["measures", "registers", "retention", "execution", "gaps", "checking"]
    layout = _Layout(report, words, {key: str(number) for number, key in enumerate(keys, 1)})
    made = {
        "controller": lambda: layout.controller(first),
        "activities": lambda: layout.activities("controller"),
        "processor_activities": lambda: layout.activities("processor"),
        "measures": lambda: layout.measures(first),
        "registers": layout.registers,
        "retention": layout.retention,
        "execution": layout.execution,
        "gaps": layout.gaps,
        "checking": layout.checking,
    }
    seal = [(words["digest_short"], fours(report["version"]["digest"]))]
    if report["evidence_head"]:
        seal.append((words["head_short"], fours(report["evidence_head"]["digest"])))
    return Sheet(
        lang=report["language"],
        title=words["title"],
        short=words["short"],
        under=tuple(words["under"][paragraph] for paragraph in report["headings"]),
        sender=report["organisation"]["name"],
        day=layout.day(report["as_of"]),
        say=layout.say(),
        facts=layout.cover_facts(),
        cover=(layout.overview(),),
        contents=words["contents"],
        sections=tuple(made[key]() for key in keys),
        seal=tuple(seal),
        foot=f"{words['digest_short']} {report['version']['number']}: {fours(report['version']['digest'])}",
        page=words["page"],
    )
