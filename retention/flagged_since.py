"""Whether an item of a lot is due as the lot says: since the same day, for the same action (V3).

An approval is of exactly that. A lot of an earlier night is asked about again just before it goes, item by item: what
is due since another day, or would go another way, drops out, and is flagged anew in the same night, unapproved. Of what
is due for having no ground left the day is when that was seen first, and of what a substitute made due the campaign's:
both are asked elsewhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from retention.by_key import of_keys
from retention.connectors.contract import Candidate, Connector
from retention.domain.decisions import Decision, State, Why, decide, with_own
from retention.domain.leaves import basis
from retention.domain.rules import Action
from retention.evaluation import doubted, first_seen, in_doubt
from retention.following import Following
from retention.holds import holding
from retention.lot_keys import LotKey
from retention.models import Lot
from retention.question import Question
from retention.replay import WHY, settled_dates


@dataclass
class Changed:
    """A lot's question; `otherwise`: how what has dropped out is due now, by key, for its next lot.

    `fresh`: the lot was made by what the sources told tonight, so that there is nothing to ask.
    """

    question: Question
    connector: Connector
    lot: Lot
    fresh: bool
    otherwise: dict[str, tuple[Action, Why, LotKey]] = field(default_factory=dict)

    def __call__(self, entries: Sequence[LotKey]) -> frozenset[str]:
        """Of a lot's keys, those that are there and due on another day, or for another action. Raises ConnectorError.

        Nothing is asked of a fresh lot, nor of one of what came back from a backup: rules date none of it.
        """
        if self.fresh or self.lot.why == WHY or self.question.estimated:
            return frozenset()
        flagged = {entry.key: entry for entry in entries}
        for key in flagged:
            self.otherwise.pop(key, None)  # a chunk may be asked about more than once: the last answer counts
        step = self.question.dataset.step is not None
        found = set()
        for candidate, decision in self._decided(entries):
            if decision.state is not State.DUE or decision.due_from is None or decision.action is None:
                continue  # no longer due: the condition that it is sent with says so
            entry = flagged[candidate.ref.key]
            if self._another_day(entry, decision) or (not step and decision.action.value != self.lot.action):
                found.add(entry.key)
                self._note(entry, candidate, decision)
        return frozenset(found)

    def _another_day(self, entry: LotKey, decision: Decision) -> bool:
        """Of what has no ground left there is no day to compare: only whether it was flagged for that too."""
        if decision.why is Why.NO_GROUND:
            return bool(self.lot.why != Why.NO_GROUND.value)
        return decision.due_from != entry.due_from

    def lots(self) -> Mapping[tuple[Action, Why], list[LotKey]]:
        """What is to be flagged anew, by action and reason; without what is held, which is in its old lot still."""
        question, holds = self.question, self.question.holds({key.subject for _, _, key in self.otherwise.values()})
        doubtful = in_doubt(question.organisation, question.dataset.code, list(self.otherwise))
        found: dict[tuple[Action, Why], list[LotKey]] = defaultdict(list)
        for action, why, key in self.otherwise.values():
            if key.key not in doubtful and not holding(holds, key.subject, question.today):
                found[action, why].append(key)
        return {how: self._first_seen(keys) if how[1] is Why.NO_GROUND else keys for how, keys in found.items()}

    def _first_seen(self, keys: Sequence[LotKey]) -> list[LotKey]:
        """Since when they have no ground left: since tonight, where nobody saw it before."""
        days = first_seen(self.question, [key.key for key in keys])
        return [key._replace(due_from=days[key.key]) for key in keys]

    def _note(self, entry: LotKey, candidate: Candidate, decision: Decision) -> None:
        told = doubted(candidate, decision)
        if told.state is State.DUE and told.due_from and told.action and told.why:
            why = "" if self.question.dataset.rules.follows else basis(told)
            dates = settled_dates(candidate)
            anew = entry._replace(due_from=told.due_from, dates=dates, basis=why)
            self.otherwise[entry.key] = told.action, told.why, anew

    def _decided(self, entries: Sequence[LotKey]) -> Iterable[tuple[Candidate, Decision]]:
        """As if nothing held them: a hold extends no ground."""
        question = self.question
        mapping, keys = question.mapping, {entry.key for entry in entries}
        subjects = sorted({entry.subject for entry in entries if entry.subject})
        if mapping.subject is not None and all(entry.subject for entry in entries):
            found = self.connector.find(mapping, subjects=subjects)
        else:
            found = of_keys(self.connector, mapping, keys)
        there = [candidate for candidate in found if candidate.ref.key in keys]
        if isinstance(question.follower, Following):
            return question.follower.decided(there)
        known = dict(question.items(subjects)) if subjects and question.asks_ledger else {}

        def decided(candidate: Candidate) -> Decision:
            item = known.get(question.scope_of(candidate), question.stranger)
            whole = with_own(item, candidate.events, candidate.facts, candidate.closed)
            return decide(whole, question.dataset.rules, (), question.today)

        return ((candidate, decided(candidate)) for candidate in there)
