"""Followers at night: items whose end is that of other items, read beside them in batches (`domain.following`).

What an item follows is asked of its register anew each night, and again just before disposal (D1): no condition on
the follower's own row could repeat it. Of a followed dataset in which nothing at all is found, absence proves nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from types import TracebackType
from typing import Self

from retention.by_key import not_sure, of_keys
from retention.connectors.contract import Candidate, Connector
from retention.domain.decisions import Decision, State, with_own
from retention.domain.errors import RuleError
from retention.domain.following import Followed, decide_following
from retention.domain.items import Item
from retention.domain.rules import Follow, Hold
from retention.evaluation import doubted
from retention.holds import of_item
from retention.lot_keys import LotKey
from retention.plan import LINK, DatasetPlan
from retention.question import BATCH, Question, Scope

Connect = Callable[[DatasetPlan], Connector]
"""A dataset's register, not yet entered."""


@contextmanager
def asking(question: Question, connect: Connect) -> Iterator[Question]:
    """The question of a dataset with all that it follows at hand. Raises ConnectorError, RuleError."""
    if not question.dataset.rules.follows:
        yield question
        return
    with Following(question, connect) as following:
        yield replace(question, follower=following)


def question_of(question: Question, follow: Follow) -> Question:
    """The followed dataset's own question. Raises RuleError where nobody can ask it."""
    followed = question.plan.find_dataset(follow.dataset)
    if followed is None or followed.mapping is None:
        raise RuleError(f"follows {follow.dataset!r}, which is not reached by us", question.dataset.code)
    return Question(question.organisation, question.plan, followed, question.today, sources=question.sources)


def link_of(candidate: Candidate, follow: Follow) -> str | None:
    """By what a candidate is linked with the items of a followed dataset: their key, or the data subject's number."""
    told = candidate.facts.get(f"{LINK}{follow.dataset}") if follow.by else candidate.ref.subject
    return None if told in (None, "") else str(told)


@dataclass
class _Side:
    """One followed dataset, its register open."""

    follow: Follow
    question: Question
    connector: Connector
    anything: bool | None = None
    unsure: frozenset[str] = frozenset()
    """Of the links that were asked last, those of which it is not known whether they mean an item."""

    def of(self, links: Sequence[str], *, again: bool) -> dict[str, list[Followed]]:
        """What is there of it for each of these links; `again`: just before disposal, its sources are asked too."""
        mapping, found = self.question.mapping, defaultdict[str, list[Followed]](list)
        self.unsure = frozenset()
        if again:
            self.anything = None
        if not links:
            return found
        if self.follow.by:
            candidates = list(of_keys(self.connector, mapping, links))
        else:
            candidates = list(self.connector.find(mapping, subjects=links))
        on_them = self.question.holds()
        subjects = sorted({c.ref.subject for c in candidates if c.ref.subject})
        if again:
            self.question.recollect(subjects)
        known = dict(self.question.items(subjects)) if subjects and self.question.asks_ledger else {}
        for candidate in candidates:
            item = known.get(self.question.scope_of(candidate), self.question.stranger)
            whole = with_own(item, candidate.events, candidate.facts, candidate.closed)
            holds = of_item(on_them, candidate.ref.subject)
            link = candidate.ref.key if self.follow.by else candidate.ref.subject or ""
            found[link].append(Followed(self.follow, whole, self.question.dataset.rules, holds, bool(candidate.doubt)))
        self.unsure = not_sure(self.connector, mapping, links, found, by_subject=not self.follow.by)
        return found

    def gone(self, link: str) -> bool:
        """Of a link by which nothing was found: whether what it means is there no more, as far as anybody can say."""
        return link not in self.unsure and self.answers()

    def answers(self) -> bool:
        """Whether the dataset has any item at all: if not, it may as well be the wrong place."""
        if self.anything is None:
            self.anything = next(iter(self.connector.find(self.question.mapping)), None) is not None
        return self.anything


@dataclass
class Following:
    """What a dataset follows, open for questions; a context manager. Raises ConnectorError."""

    question: Question
    connect: Connect
    _open: ExitStack = field(default_factory=ExitStack)
    _sides: list[_Side] = field(default_factory=list)

    def __enter__(self) -> Self:
        for follow in self.question.dataset.rules.follows:
            theirs = question_of(self.question, follow)
            connector = self._open.enter_context(self.connect(theirs.dataset))
            self._sides.append(_Side(follow, theirs, connector))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sides.clear()
        self._open.close()

    def examine(
        self, connector: Connector, holds: Mapping[str, Sequence[Hold]]
    ) -> Iterator[tuple[Candidate, Decision]]:
        """Every item of the dataset that is neither open nor kept, with its decision."""
        stream = iter(connector.find(self.question.mapping))
        while batch := list(islice(stream, BATCH)):
            for candidate, decision in self._decided(batch, holds, again=False):
                if decision.state not in {State.OPEN, State.KEEP}:
                    yield candidate, doubted(candidate, decision)

    def stale(
        self, connector: Connector, entries: Sequence[LotKey], holds: Mapping[str, Sequence[Hold]]
    ) -> frozenset[str]:
        """Of a lot's keys, those whose followed items keep or hold them now; what is absent is not among them."""
        mapping, keys = self.question.mapping, {entry.key for entry in entries}
        subjects = sorted({entry.subject for entry in entries if entry.subject})
        if all(entry.subject for entry in entries):
            found = connector.find(mapping, subjects=subjects)
        else:
            found = of_keys(connector, mapping, keys)
        there = [candidate for candidate in found if candidate.ref.key in keys]
        due = {c.ref.key for c, d in self._decided(there, holds, again=True) if d.state is State.DUE}
        return frozenset(candidate.ref.key for candidate in there) - due

    def decided(self, candidates: Sequence[Candidate]) -> Iterable[tuple[Candidate, Decision]]:
        """Each with its decision, as if nothing held it."""
        return self._decided(candidates, {}, again=True)

    def _decided(
        self, batch: Sequence[Candidate], holds: Mapping[str, Sequence[Hold]], *, again: bool
    ) -> Iterable[tuple[Candidate, Decision]]:
        sides = []
        for side in self._sides:
            links = {candidate.ref.key: link_of(candidate, side.follow) for candidate in batch}
            asked = sorted({link for link in links.values() if link is not None})
            sides.append((side, links, side.of(asked, again=again)))
        known = self._known(batch)
        for candidate in batch:
            followed: list[Followed] | None = []
            for side, links, found in sides:
                link = links[candidate.ref.key]
                mine = found.get(link, []) if link is not None else []
                if link is None or not (mine or side.gone(link)):
                    followed = None
                    break
                followed = [*(followed or []), *mine]
            item = known.get(self.question.scope_of(candidate), self.question.stranger)
            whole = with_own(item, candidate.events, candidate.facts, candidate.closed)
            mine_holds = of_item(holds, candidate.ref.subject)
            yield (
                candidate,
                decide_following(whole, self.question.dataset.rules, followed, mine_holds, self.question.today),
            )

    def _known(self, batch: Sequence[Candidate]) -> dict[Scope, Item]:
        subjects = sorted({c.ref.subject for c in batch if c.ref.subject})
        return dict(self.question.items(subjects)) if subjects and self.question.asks_ledger else {}
