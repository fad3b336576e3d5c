"""What the independent reader must find, said a second time and as plainly as can be: nothing of ours is imported.

A day is counted on, one by one; a rule is the document as it was written; a person is a plain dictionary. It knows the
shapes that `reader_cases` draws and no more.
"""

from __future__ import annotations

import re
from calendar import isleap
from collections import Counter
from datetime import date, timedelta

DAY = timedelta(days=1)
FIRST, NEVER = date(1950, 1, 1), date(2200, 1, 1)
FINANCIAL_YEAR_END = (4, 30)

MUST, AWAITED, OPTIONAL = "must", "awaited", "optional"
OUTWEIGHING = ("case_closed", "debt_settled")
"""One that some source has still open outweighs one that has ended."""
EVENTS = {  # name: what its absence means, what opens it, what undoes it, whether it may lie ahead
    "recorded": (MUST, "", "", False),
    "case_opened": (MUST, "", "", False),
    "case_closed": (AWAITED, "case_opened", "", False),
    "last_contact": (OPTIONAL, "", "", False),
    "debt_due": (OPTIONAL, "", "", True),
    "debt_settled": (AWAITED, "debt_due", "payment_reversed", False),
    "payment_reversed": (OPTIONAL, "", "", False),
    "consent_given": (OPTIONAL, "", "", False),
    "consent_withdrawn": (AWAITED, "consent_given", "consent_given", False),
    "objection": (OPTIONAL, "", "ban_lifted", False),
    "ban_lifted": (AWAITED, "objection", "", False),
}
ASKED = {"erasure_requested": (OPTIONAL, "", "", False)}
"""Ends what had begun by its day; drawn beside the others."""
GOES_ON = ("last_contact",)
"""Shows that something goes on, and is no beginning."""
EVENTS_TOLD = sorted(EVENTS)
EVENTS |= ASKED
FOR_CERTAIN_DATES = ("recorded", "case_opened")
"""Own dates that must be there and never change: by these what was destroyed is known again."""


def last_day(start, period, rounding):
    """Round once, then months with the day moved back into the month, then days."""
    base = start
    if rounding == "end_of_month":
        while (base + DAY).month == base.month:
            base += DAY
    elif rounding == "end_of_calendar_year":
        base = date(base.year, 12, 31)
    elif rounding == "end_of_financial_year":
        while (base.month, base.day) != FINANCIAL_YEAR_END:
            base += DAY
    elif rounding == "next 02-29":
        while (base.month, base.day) != (2, 29 if isleap(base.year) else 28):
            base += DAY
    number = {unit: int(n) for n, unit in re.findall(r"(\d+)([YMD])", period)}
    year, month, day = base.year + number.get("Y", 0), base.month, base.day
    for _ in range(number.get("M", 0)):
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    while True:
        try:
            return date(year, month, day) + number.get("D", 0) * DAY
        except ValueError:
            day -= 1


class Seen:
    """One row beside what the ledger knows of its person, on one day."""

    def __init__(self, row, person, case, today):
        house, grain, told = case["house"], case["grain"], case["told"]
        self.today, self.closed = today, row["tila"] == "suljettu"
        columns = {"recorded": row["luotu"], "case_opened": row["avattu"], "case_closed": row["suljettu"]}
        self.own = {name: columns[name] for name in case["own"]}
        contracts = person["contracts"] if person else []
        if grain == "contract" and all(ref != row["sopimus"] for ref, *_ in contracts):
            person, contracts = None, []
        self.person, self.scope, self.told = person, row["sopimus"] if grain == "contract" else None, told
        self.contracts = [c for c in contracts if self.scope in (None, c[0])]
        self.all_contracts = contracts
        self.facts = {"own": row["own"], "known": person["fact"] if person else None, "house": house}

    def happened(self, name, purpose, thing):
        """[(day or None)] of what is recorded and not taken back."""
        found = self.recorded(name, purpose, thing)
        undone_by = EVENTS[name][2]
        if not undone_by or name in self.own:
            return found
        back = [day for day in self.recorded(undone_by, purpose, thing) if self.real(undone_by, day)]
        return [day for day in found if day is None or not any(other > day for other in back)]

    def recorded(self, name, purpose, thing):
        if name in self.own:
            day, meaning = self.own[name], EVENTS[name][0]
            if day is None or (day >= NEVER and meaning == AWAITED):
                return [None] if meaning == MUST or self.closed else []
            return [day]
        if self.person is None or (name not in self.told and name not in self.person["events"]):
            return [None]  # whoever could tell it did not
        gone = [{**one, "day": None} for one in self.beside(name) if one["gone"]]
        return [
            one["day"]
            for one in [*self.person["events"].get(name, []), *gone]
            if one["contract"] in ("", self.scope or one["contract"])
            and (not purpose or one["purpose"] in ("", purpose))
            and (thing is None or one["thing"] in ("", thing))
        ]

    def beside(self, name):
        """What some source has still open, where another one tells something of the same name."""
        if self.person is None or name in self.own or not self.person["events"].get(name):
            return []
        return [one for one in self.person["open"] if one["name"] == name]

    def is_open(self, name, purpose, thing):
        return any(
            one["contract"] in ("", self.scope or one["contract"])
            and (not purpose or one["purpose"] in ("", purpose))
            and (not thing or one["thing"] in ("", thing))
            for one in self.beside(name)
        )

    def real(self, name, day):
        ahead = name == "contract_ended" or EVENTS[name][3]
        return day is not None and FIRST <= day < NEVER and (ahead or day <= self.today)

    def start(self, name, purpose="", thing=None):
        """A day, or awaited, missing, none."""
        if name == "contract_ended":
            return self.contracts_ended()
        meaning, opened_by, _, _ = EVENTS[name]
        days = [d for d in self.happened(name, purpose, thing) if not (d and d >= NEVER and meaning == AWAITED)]
        if any(not self.real(name, day) for day in days):
            return "missing"
        if days and self.is_open(name, purpose, thing):
            opening = self.start(opened_by, purpose, thing)
            return {"none": max(days), "missing": "missing"}.get(opening, "awaited")
        if days:
            return max(days)
        if meaning == MUST:
            return "missing"
        if meaning == OPTIONAL:
            return "none"
        opening = self.start(opened_by, purpose, thing)
        return "awaited" if isinstance(opening, date) else opening

    def contracts_ended(self):
        if not self.contracts:
            return "missing"
        latest, running = None, False
        for _, started, ended, closed in self.contracts:
            if not self.real("contract_ended", started):
                return "missing"
            if ended is None or ended >= NEVER:
                if closed:
                    return "missing"
                running = True
            elif not self.real("contract_ended", ended):
                return "missing"
            elif latest is None or ended > latest:
                latest = ended
        return "awaited" if running else latest

    def things(self, names):
        found = set()
        if self.person is not None:
            for name in names:
                if name in EVENTS and name not in self.own:
                    found |= {one["thing"] for one in self.person["events"].get(name, []) if one["thing"]}
                    found |= {one["thing"] for one in self.beside(name) if one["thing"]}
        return sorted(found) or [None]

    def counts(self, rule):
        """True, False, or None where nobody knows."""
        answers = [None if self.facts[c["fact"]] is None else self.facts[c["fact"]] == c["is"] for c in
                   rule.get("condition", [])]  # fmt: skip
        return False if False in answers else None if None in answers else True

    def trigger(self, rule, purpose="", thing=None):
        trigger = rule["trigger"]
        if isinstance(trigger, str):
            return self.start(trigger, purpose, thing)
        ((choose, names),) = trigger.items()
        starts = [self.start(name, purpose, thing) for name in names]
        days = [start for start in starts if isinstance(start, date)]
        if choose == "earliest_of" and days:
            return min(days)
        for word in ("missing", "awaited"):
            if word in starts:
                return word
        return max(days) if days else "none"

    def begun(self, names, purpose, thing):
        """The last day on which something of it began; missing where nobody knows, none where nothing tells of it."""
        found = []
        for name in names:
            if name in GOES_ON:
                continue
            if name == "contract_ended":
                found.append(self.contracts_began())
                continue
            opened_by = EVENTS[name][1]
            found.append(self.of_a_day(opened_by, purpose, thing) if opened_by else "none")
            if not isinstance(found[-1], date):
                mine = self.of_a_day(name, purpose, thing)
                if isinstance(mine, date):
                    found[-1] = "missing" if self.is_open(name, purpose, thing) else mine
                elif mine == "missing":
                    found[-1] = "missing"
        days = [day for day in found if isinstance(day, date)]
        return "missing" if "missing" in found else max(days, default="none")

    def of_a_day(self, name, purpose, thing):
        days = [d for d in self.happened(name, purpose, thing) if not (d and d >= NEVER and EVENTS[name][0] == AWAITED)]
        return "missing" if any(not self.real(name, day) for day in days) else max(days, default="none")

    def contracts_began(self):
        days = [started for _, started, _, _ in self.contracts]
        return "missing" if any(not self.real("contract_ended", day) for day in days) else max(days, default="none")

    def ended(self, names, purpose, thing, starts):
        days = []
        for name in names:
            if name == "contract_ended":
                end = self.contracts_ended()
                days += [end] if isinstance(end, date) else []
            elif not self.is_open(name, purpose, thing):
                real = [d for d in self.happened(name, purpose, thing) if self.real(name, d)]
                if name in ASKED:
                    began = self.begun(starts, purpose, thing)
                    real = [d for d in real if began == "none" or (began != "missing" and began <= d)]
                days += real
        return min((day for day in days if day <= self.today), default=None)

    def ground(self, rule):
        """A last day, or none, missing, review, open."""
        counts = self.counts(rule)
        if counts is not True:
            return "none" if counts is False else "review"
        ends_on = [*rule.get("ends_on", []), *(["consent_withdrawn"] if rule["kind"] == "consent" else [])]
        trigger = rule["trigger"]
        names = [trigger] if isinstance(trigger, str) else [n for names in trigger.values() for n in names]
        about = [*names, *ends_on, *(["consent_given"] if rule["kind"] == "consent" else [])]
        about += [EVENTS[name][1] for name in names if name in EVENTS]  # a debt that nobody has settled is a debt
        each = [self.one(rule, ends_on, thing) for thing in self.things(about)]
        for word in ("missing", "review", "open"):
            if word in each:
                return word
        return max((day for day in each if day != "none"), default="none")

    def one(self, rule, ends_on, thing):
        purpose = rule.get("purpose", "")
        if rule["kind"] == "consent":
            given = self.start("consent_given", purpose, thing)
            if given == "none":
                return "none"
            if not isinstance(given, date) and rule["status"] == "confirmed":
                return "missing"
        if rule["status"] != "confirmed":
            return "review"
        start = self.trigger(rule, purpose, thing)
        if start == "none":
            return "none"
        trigger = rule["trigger"]
        starts = [trigger] if isinstance(trigger, str) else [n for names in trigger.values() for n in names]
        starts += ["consent_given"] if rule["kind"] == "consent" else []
        over = self.ended(ends_on, purpose, thing, starts)
        natural = last_day(start, rule["period"], rule["rounding"]) if isinstance(start, date) else None
        if over is not None and (natural is None or over < natural):
            return over
        return "open" if start == "awaited" else "missing" if natural is None else natural

    def ceiling(self, rule):
        """A last day, or none, missing, review."""
        counts = self.counts(rule)
        if counts is False:
            return "none"
        if counts is None or rule["status"] != "confirmed":
            return "review"
        start = self.trigger(rule)
        if isinstance(start, date):
            return last_day(start, rule["period"], rule["rounding"])
        return "missing" if start == "missing" else "none"

    def state(self, grounds, ceilings, holds, first_seen):
        """(state, due from)."""
        today = self.today
        ends = [[g["kind"], self.ground(g)] for g in grounds]
        limits = [(c, self.ceiling(c)) for c in ceilings]
        dated = [(c, day) for c, day in limits if isinstance(day, date)]
        for kind, end in ends:
            for ceiling, day in dated:
                later = isinstance(end, date) and end > day and end >= today
                if kind == "obligation" and cuts(ceiling, kind) and (end == "open" or later):
                    return "rule_conflict", None
        for pair in ends:
            kind, end = pair
            first = min((day for ceiling, day in dated if cuts(ceiling, kind)), default=None)
            if kind == "obligation" or end == "none" or first is None:
                continue
            if (
                end == "open"
                or (isinstance(end, date) and end > first)
                or (end in ("missing", "review") and first < today)
            ):
                pair[1] = first
        all_ends = [*(end for _, end in ends), *(day for _, day in limits)]
        if "missing" in all_ends:
            return "trigger_missing", None
        if "review" in all_ends:
            return "review", None
        counting = [end for _, end in ends if end != "none"]
        if not grounds:
            first = min((day for c, day in dated if c.get("yields_to") != "any_basis"), default=None)
            if first is None or first >= today:
                return "review", None
            due_from = first + DAY
        elif "open" in counting:
            return "open", None
        elif counting and max(counting) >= today:
            return "keep", None
        else:
            due_from = max(counting) + DAY if counting else min(first_seen or today, today)
        held = any(start <= today and (released is None or today < released) for start, released in holds)
        return ("held" if held else "due"), due_from

    def began(self):
        """The earliest own day, or, where the row has none at all, a contract's end."""
        own = [day for day in self.own.values() if day is not None]
        days = own or [ended for _, _, ended, _ in self.all_contracts if ended is not None]
        return min((day for day in days if FIRST <= day <= self.today), default=None)


def cuts(ceiling, kind):
    yields = ceiling.get("yields_to", [])
    return yields != "any_basis" and kind not in yields


def goes_again(seen, case):
    """Whether nothing that the row and the house say speaks against it: what only the ledger told had ended before."""
    grounds = []
    for rule in case["grounds"]:
        trigger = rule["trigger"]
        begins = [name for name in names_of(trigger) if name in seen.own]
        if not begins and not any(name in seen.own for name in rule.get("ends_on", [])):
            continue
        mine = {**rule, "condition": [c for c in rule.get("condition", []) if c["fact"] != "known"]}
        if begins:
            mine["trigger"] = trigger if isinstance(trigger, str) else {next(iter(trigger)): begins}
        grounds.append(mine)
    ceilings = [
        ceiling
        for ceiling in case["ceilings"]
        if all(name in seen.own for name in names_of(ceiling["trigger"]))
        and all(c["fact"] != "known" for c in ceiling.get("condition", []))
    ]
    if grounds or (ceilings and not case["grounds"]):
        return seen.state(grounds, ceilings, [], None)[0] == "due"
    return not {"missing", "review"} & {str(seen.ceiling(ceiling)) for ceiling in ceilings}


def names_of(trigger):
    return [trigger] if isinstance(trigger, str) else [name for names in trigger.values() for name in names]


def expected(case, today):
    """All that the reader must say on that day, as plain words and numbers."""
    states: Counter[str] = Counter()
    people, since, oldest, returned = set(), [], [], []
    nobodys = [hold for whom, held in case["holds"].items() if whom for hold in held if hold[2]]
    for number, row in enumerate(case["rows"], 1):
        person = case["people"].get(row["nro"]) if row["nro"] is not None else None
        if person and not (person["contracts"] or person["events"] or person["fact"] is not None):
            person = None
        seen = Seen(row, person, case, today)
        personal = case["holds"].get(row["nro"], []) if row["nro"] else nobodys
        holds = [(start, released) for start, released, _ in (*case["holds"].get("", []), *personal)]
        state, due_from = seen.state(case["grounds"], case["ceilings"], holds, row["first_seen"])
        if row["doubted"] and state in ("due", "held"):
            state = "review"
        states[state] += 1
        oldest.append(seen.began())
        if state == "due":
            since.append(due_from)
            people.add(row["nro"])
        dated = any(seen.own.get(name) for name in FOR_CERTAIN_DATES)
        back = row["went"] == "same rules" and goes_again(seen, case)
        if state == "trigger_missing" and row["nro"] and person is None and dated and back:
            returned.append(str(number))
    return {
        "states": dict(states),
        "overdue": states["due"],
        "unexplained": states["due"],
        "people": len(people - {None}),
        "since": min(since, default=None),
        "oldest": min((day for day in oldest if day), default=None),
        "returned": returned,
    }
