"""The independent reader against a naive oracle; and the property itself against a reader broken on purpose."""

from __future__ import annotations

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis.extra.django import TestCase

from retention import crowd_reader, ledger_reader, verification
from retention.domain import decisions, items, periods, rules
from tests.retention.broken import broken
from tests.retention.reader_cases import ROWS, case_of, cases, differences

EXAMPLES = 200


@pytest.mark.usefixtures("data_dir")
class ReaderIsExact(TestCase):
    def setUp(self):
        self.addCleanup(setattr, verification, "BATCH", verification.BATCH)

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=cases)
    def test_it_finds_what_the_oracle_finds(self, case):
        differing = differences(case)
        assert not differing, differing


DECIDED = verification._each
JOINED = verification._joined
BREAKS = {
    "a hold is ignored": (DECIDED, "one.holds(holds)", "()"),
    "a hold on everybody is ignored": (
        verification.Joined.holds,
        "of_item(every, self.candidate.ref.subject)", "every.get(self.candidate.ref.subject, ())",
    ),
    "a hold that was released holds on": (rules.Hold.holds_on, "day < self.released", "day <= self.released"),
    "a batch loses its last row": (DECIDED, "batch, today):\n", "batch[:-1], today):\n"),
    "only the first batch is read": (DECIDED, "while batch :=", "if batch :="),
    "an unknown person is dropped": (
        verification.join, "in joined:", "in (one for one in joined if one[0].ref.subject in known):",
    ),
    "an unknown person is no stranger": (DECIDED, "one.known", "True"),
    "an unknown contract is the person's": (
        JOINED, "if _told_of(dataset, candidate, known):", "if True:",
    ),
    "contracts are the person's, not the item's": (JOINED, "scope=scope", "scope=None"),
    "what no source tells is taken for absent": (JOINED, "{**untold, **known.events}", "known.events"),
    "the organisation's facts are ignored": (JOINED, "{**stranger.facts, **known.facts}", "known.facts"),
    "the row's closed state is ignored": (JOINED, "candidate.closed)", "False)"),
    "a doubt is ignored": (DECIDED, "if one.doubtful and", "if False and"),
    "the first day without a ground is ignored": (verification.join, "if ref.key in seen:", "if False:"),
    "another's destruction counts as ours": (
        verification._returned, "back[entry.key].rules_digest == dataset.rules_digest", "True",
    ),
    "what came back is asked of by batch only": (verification.read, "strangers.append(", "strangers.count("),
    "people are counted by item": (verification.read, "people.add(candidate.ref.subject)", "people.add(candidate.ref)"),
    "the latest day instead of the earliest": (
        verification.read, "decision.due_from < reading.overdue_since", "decision.due_from > reading.overdue_since",
    ),
    "a placeholder is the oldest": (verification._began, "plan.organisation.first_plausible_day <= day <=", "day <="),
    "only the first contract counts": (
        items.Reading._told_by_contracts, "self.item.scope in {None, c.ref}]", "self.item.scope in {None, c.ref}][:1]",
    ),
    "closed without an end is running": (
        items.Reading._told_by_contracts, "any(c.closed for c in open_ended) or ", "",
    ),
    "a running contract does not count": (
        items.Reading._told_by_contracts, "if open_ended else", "if open_ended and not ends else",
    ),
    "an undone event stays": (items.Reading.occurrences, "if name in self.item.own:", "if True:"),
    "the first of several instead of the latest": (items.Reading.told, "else max(days)", "else min(days)"),
    "a placeholder is a day": (items.Reading.plausible, "day < self.first_plausible_day", "False"),
    "what lies ahead is a day": (items.Reading.plausible, "return day <= self.today or", "return True or"),
    "9999-12-31 is a missing day": (items.with_own, "(day >= NEVER and absent is Absent.AWAITED)", "False"),
    "another thing's event ends it": (items.Reading._within, "if self.thing is not None and", "if False and"),
    "29 February goes on to March": (
        periods._clamped, "date(year, month, min(day, monthrange(year, month)[1]))",
        "date(year, month, day) if day <= monthrange(year, month)[1] else date(year, month + 1, 1)",
    ),
    "the start is not rounded": (
        periods.last_day, "_round(start, rounding, FinancialYears.of(financial_year_end))", "start",
    ),
    "due on the last day": (decisions._by_dates, "g.day >= today)", "g.day > today)"),
    "due a day late": (decisions._by_dates, "_due(keep_until + ONE_DAY", "_due(keep_until + 2 * ONE_DAY"),
    "the earliest ground counts": (decisions._by_dates, "keep_until = max(", "keep_until = min("),
    "a ceiling's own last day is a cut": (decisions._cut, "first < today", "first <= today"),
    "a ceiling does not cut": (decisions._cut, "cutting = [", "cutting = [] and ["),
    "a ceiling cuts what it yields to": (decisions._cut, "c.rule.cuts(ground.rule.kind)", "True"),
    "an obligation is cut": (decisions._conflict, "is not Kind.OBLIGATION", "is None"),
    "an unknown fact is false": (decisions._counts, "return (None, unknown)", "return (False, unknown)"),
    "no ground's early end": (decisions._part, "ended = reading.ended_on(ends_on, starts)", "ended = None"),
    "a request ends what began later": (items.Reading.endings, "or self._had_begun(starts, name, o.day)", "or True"),
    "where a request ends it a date alone keeps it": (
        crowd_reader._keeps_alone, "any(event(name).ends_what_was for name in ground.ends_on)", "False",
    ),
    "a ceiling alone is due on its last day": (decisions._without_grounds, "if first >= today:", "if first > today:"),
    "a start on the edge is taken for a later one": (crowd_reader._running, "passed + ONE_DAY", "passed"),
    "a placeholder is late enough": (
        crowd_reader._running, "max(passed + ONE_DAY, rules.first_plausible_day)", "date(1800, 1, 1)",
    ),
    "what lies ahead is late enough": (crowd_reader._within, "if event(name).may_lie_ahead else today", ""),
    "the row's closed state is not asked": (crowd_reader._not_yet, "if has_closed else []", "if False else []"),
    "the opening is not asked": (crowd_reader._not_yet, "if entry.opened_by in own:", "if False:"),
    "an early end in the row is not looked at": (crowd_reader._keeps_alone, "not asked(ground.ends_on) & own", "True"),
    "two grounds in the row are one": (crowd_reader.patterns, "if len(here) != 1 or", "if len(here) < 1 or"),
    "a ceiling is not looked at": (crowd_reader.patterns, "or rules.ceilings or", "or"),
    "a fact of the row is not looked at": (crowd_reader.patterns, "if rules.facts & set(mapping.facts) or", "if"),
    "the rest is not read": (verification._found, "if not is_false(rest):", "if False:"),
    "a crowd that is due is counted": (crowd_reader.Survey._counted, "state in READ or", ""),
    "a crowd that is strange is counted": (
        crowd_reader.Survey._counted, " or self._strange(subject, state, known)", "",
    ),
    "the first crowd of a person is all": (
        crowd_reader.Survey._counted, "for crowd in crowds:", "for crowd in crowds[:1]:",
    ),
    "the last person of a batch is dropped": (
        crowd_reader.Survey.whom_to_read, "for subject, crowds in batch:\n", "for subject, crowds in batch[:-1]:\n",
    ),
    "the end of a contract is not seen": (crowd_reader.Survey._counted, "self._ended(crowds, known)", "pass"),
    "people are alike whatever happened to them": (crowd_reader.Survey._sort, "ours, events, facts", "ours, facts"),
    "what is open is not read": (ledger_reader.LedgerReader._still_open, "if names:", "if False:"),
    "what is open and gone is open": (ledger_reader.LedgerReader._still_open, "if revision == _GONE:", "if False:"),
    "what is open is another thing's": (items.Reading.is_open, "o.thing in {\"\", self.thing}", "True"),
    "what is open ends all the same": (items.Reading._ending, "[] if self.is_open(name) else ", ""),
    "people are alike whatever is true of them": (crowd_reader.Survey._sort, "ours, events, facts", "ours, events"),
    "people are alike whatever they agreed": (crowd_reader.Survey._sort, "ours, events, facts", "events, facts"),
    "a contract is every contract": (crowd_reader.Survey._sort, " if contract in (None, one.ref)", ""),
    "an unknown contract is a known one": (crowd_reader.Survey._sort, "contract in refs, ", ""),
    "a closed contract is an open one": (crowd_reader.Survey._sort, ", one.closed)", ")"),
    "an end on the edge lies behind it": (
        crowd_reader.Survey.__post_init__, "{last + ONE_DAY}", "{last + 2 * ONE_DAY}",
    ),
    "an end lies on no edge": (crowd_reader.Survey.__post_init__, "{last + ONE_DAY}", "set()"),
    "whenever a contract began": (
        crowd_reader.Survey._began, "return self.dataset.rules.first_plausible_day <= day < NEVER", "return True",
    ),
}  # fmt: skip


@pytest.mark.parametrize("break_", BREAKS.values(), ids=BREAKS)
def test_a_reader_broken_on_purpose_is_found_out(break_, db, data_dir, monkeypatch):
    """Within as many worlds as the property draws."""
    monkeypatch.setattr(verification, "BATCH", verification.BATCH)
    with broken(*break_):
        assert any(_noticed(case_of(seed, ROWS)) for seed in range(EXAMPLES)), "nothing noticed it"


def _noticed(case):
    try:
        return _differs(case)
    except (ValueError, KeyError):
        return True  # a reader that breaks off is no quiet one


def _differs(case):
    with transaction.atomic():
        differing = bool(differences(case))
        transaction.set_rollback(True)
    return differing


def test_on_whichever_database_the_ledger_lies(own_database):
    """The same worlds, the ledger on SQLite and on PostgreSQL."""
    assert own_database.in_process(_some_worlds) == 0


def _some_worlds():
    for seed in range(25):
        assert not _differs(case_of(seed, ROWS)), seed
