"""What the independent reader asks of items that others follow: all of them, with other code than the purge's."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date

from retention.by_key import not_sure, of_keys
from retention.connectors.contract import Candidate, Connector, ConnectorError
from retention.domain.decisions import Decision, Item
from retention.domain.errors import RuleError
from retention.domain.following import Followed, decide_following
from retention.domain.rules import Follow, Hold
from retention.holds import of_item, on
from retention.plan import LINK, DatasetPlan, Plan
from ropa.models import Organisation

Connect = Callable[[DatasetPlan], Connector]
Join = Callable[[DatasetPlan, Sequence[Candidate]], Iterable[tuple[Candidate, Item]]]
"""Candidates of a dataset, each with what the ledger knows of it."""


@dataclass
class Reader:
    """A dataset that follows others, and those others open beside it."""

    plan: Plan
    dataset: DatasetPlan
    organisation: Organisation
    today: date
    join: Join
    beside: Sequence[tuple[Follow, DatasetPlan, Connector, bool]]

    def decide(
        self, batch: Sequence[tuple[Candidate, Item]], holds: Mapping[str, Sequence[Hold]]
    ) -> Iterator[Decision]:
        """One decision per item of the batch, in its order. Raises ConnectorError."""
        beside = self.followed([candidate for candidate, _ in batch])
        for (candidate, item), followed in zip(batch, beside, strict=True):
            mine = of_item(holds, candidate.ref.subject)
            yield decide_following(item, self.dataset.rules, followed, mine, self.today)

    def followed(self, candidates: Sequence[Candidate]) -> Iterator[list[Followed] | None]:
        """What each of these follows, as `decide_following` asks for it. Raises ConnectorError."""
        lying = []
        for follow, theirs, connector, filled in self.beside:
            there = self._lying(follow, theirs, connector, candidates)
            lying.append((follow, filled, there, _not_sure(follow, theirs, connector, candidates, there)))
        for candidate in candidates:
            followed: list[Followed] | None = []
            for follow, filled, there, unsure in lying:
                name = _name(follow, candidate)
                if name is None or name in unsure or not (filled or there.get(name)):
                    followed = None
                elif followed is not None:
                    followed += there.get(name, [])
            yield followed

    def _lying(
        self, follow: Follow, theirs: DatasetPlan, connector: Connector, candidates: Sequence[Candidate]
    ) -> dict[str, list[Followed]]:
        mapping = theirs.mapping
        names = sorted({name for candidate in candidates if (name := _name(follow, candidate)) is not None})
        if mapping is None or not names:
            return {}
        rows = of_keys(connector, mapping, names) if follow.by else connector.find(mapping, subjects=names)
        holds = on(self.organisation, self.plan, theirs)
        found: dict[str, list[Followed]] = {}
        for candidate, item in self.join(theirs, list(rows)):
            ref = candidate.ref
            followed = Followed(follow, item, theirs.rules, of_item(holds, ref.subject), bool(candidate.doubt))
            found.setdefault(ref.key if follow.by else ref.subject or "", []).append(followed)
        return found


def _not_sure(
    follow: Follow, theirs: DatasetPlan, connector: Connector, candidates: Sequence[Candidate], there: Collection[str]
) -> frozenset[str]:
    """Names that may mean an item which they are not exactly the name of."""
    names = {name for candidate in candidates if (name := _name(follow, candidate)) is not None}
    if theirs.mapping is None:
        return frozenset()
    return not_sure(connector, theirs.mapping, names, there, by_subject=not follow.by)


def _name(follow: Follow, candidate: Candidate) -> str | None:
    """What names the items that this one follows; None where nothing does."""
    name = candidate.facts.get(LINK + follow.dataset) if follow.by else candidate.ref.subject
    return str(name) if name not in (None, "") else None


@contextmanager
def reader(
    plan: Plan, dataset: DatasetPlan, organisation: Organisation, today: date, connect: Connect | None, join: Join
) -> Iterator[Reader]:
    """Open all that a dataset follows. Raises ConnectorError, and RuleError where one of them is not reached by us."""
    with ExitStack() as opened:
        beside = []
        for follow in dataset.rules.follows:
            theirs = plan.find_dataset(follow.dataset)
            if theirs is None or theirs.mapping is None:
                raise RuleError(f"follows {follow.dataset!r}, which is not reached by us", dataset.code)
            if connect is None:
                raise ConnectorError(f"{dataset.code}: what it follows was not opened", permanent=True)
            connector = opened.enter_context(connect(theirs))
            filled = any(True for _ in connector.find(theirs.mapping))
            beside.append((follow, theirs, connector, filled))
        yield Reader(plan, dataset, organisation, today, join, beside)
