"""What the rules see of a person on one day: two who look alike have equal verdicts, so these are made once.

Of a day only matters between which edges it lies: the first plausible day, today and the day after, each rule's cutoff,
and NEVER. Where one event undoes another their days are compared with each other too, so their order counts. What a
thing is called does not matter, only which occurrences are about the same. Of whom a granted request for erasure is
told every day is held against the request's, and is seen. Who is read exactly alike is decided alike on every day; of a
row's own columns, on one day. Property tests hold this against `verdicts` and `decide`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from retention.domain.compiled import last_passing
from retention.domain.events import NEVER, asked, event, with_openings
from retention.domain.items import CONTRACT_EVENTS
from retention.domain.periods import ONE_DAY
from retention.domain.rules import FactValue, Kind, RuleSet

ContractTold = tuple[str, date | None, date | None, bool]
"""Its number, when it started and ended, whether it is closed."""

OccurrenceTold = tuple[date | None, str, str, str]
"""When, about which thing, for which purpose, under which contract."""

_NOTHING: Mapping[str, Sequence[OccurrenceTold]] = MappingProxyType({})


@dataclass(frozen=True)
class Sight:
    """How rules look at people on one day.

    events     whose occurrences matter; facts: whose values do
    contracts  whether the contracts' days matter
    compared   events whose days are held against each other
    dated      events whose very day decides; of the others only whether it can be one, and has come
    of_what_was  events that end what had begun, so that of whoever has one every day is held against it
    each_day   whether a row's own column may have one, so that every day of everybody is
    """

    events: frozenset[str]
    facts: frozenset[str]
    contracts: bool
    compared: frozenset[str]
    dated: frozenset[str]
    edges: tuple[date, ...]
    of_what_was: frozenset[str] = frozenset()
    each_day: bool = False

    @classmethod
    def of(cls, rules: RuleSet, today: date, own: frozenset[str] = frozenset()) -> Sight:
        """`own`: events that stand in the row. Raises RuleError for an event that the catalogue does not have."""
        consent = {"consent_given", "consent_withdrawn"} if any(g.kind is Kind.CONSENT for g in rules.grounds) else ()
        events = asked({*rules.events, *consent})
        compared = {one for name in events for one in (name, *event(name).undone_by) if event(name).undone_by}
        ending = {name for ground in rules.grounds for name in ground.ends_on}
        starting = {name for ground in rules.grounds for name in ground.trigger.events}
        starting |= {name for ceiling in rules.ceilings for name in ceiling.trigger.events}
        named = {*consent, *starting, *ending}
        dated = named | {one for name in named for one in event(name).undone_by}
        of_what_was = frozenset(name for name in ending if event(name).ends_what_was)
        if of_what_was:
            dated |= {*with_openings({*starting, *consent})}
        edges = {rules.first_plausible_day, NEVER, today, today + ONE_DAY}
        lasts = [last_passing(ground, rules, today) for ground in rules.grounds]
        lasts += [last_passing(ceiling, rules, today) for ceiling in rules.ceilings]
        edges |= {last + ONE_DAY for last in lasts if last is not None}
        return cls(
            events,
            rules.facts,
            bool(events & CONTRACT_EVENTS),
            frozenset(compared),
            frozenset(dated),
            tuple(sorted(edges)),
            of_what_was,
            bool(of_what_was & own),
        )

    def look(
        self,
        contracts: Sequence[ContractTold],
        events: Mapping[str, Sequence[OccurrenceTold]],
        facts: Mapping[str, FactValue],
        scope: str | None,
        still_open: Mapping[str, Sequence[OccurrenceTold]] = _NOTHING,
    ) -> Hashable:
        """Equal for two people (or contracts, where `scope` names one) of whom the rules see the same."""
        if self.each_day or self.of_what_was & events.keys():
            return self.exactly(contracts, events, facts, scope, still_open)
        theirs: Hashable = None
        if self.contracts:
            theirs = frozenset(
                (self._lies(started), self._lies(ended), closed)
                for ref, started, ended, closed in contracts
                if scope is None or ref == scope
            )
        return bool(contracts), theirs, self._happened(events, still_open, scope), self._known(facts)

    def exactly(
        self,
        contracts: Sequence[ContractTold],
        events: Mapping[str, Sequence[OccurrenceTold]],
        facts: Mapping[str, FactValue],
        scope: str | None,
        still_open: Mapping[str, Sequence[OccurrenceTold]] = _NOTHING,
    ) -> Hashable:
        """Equal for two of whom `decide` reads the same: each day, thing and purpose as it is told."""
        theirs: Hashable = None
        if self.contracts:
            theirs = frozenset(
                (started if "contract_started" in self.dated else self._lies(started), ended, closed)
                for ref, started, ended, closed in contracts
                if scope is None or ref == scope
            )
        told = tuple(
            tuple(
                (
                    name,
                    tuple(
                        (day, thing, purpose, scope is None or contract in {"", scope})
                        for day, thing, purpose, contract in found[name]
                    ),
                )
                for name in sorted(self.events & found.keys())
            )
            for found in (events, still_open)
        )
        return bool(contracts), theirs, told, self._known(facts)

    def own(self, events: Mapping[str, date | None], facts: Mapping[str, FactValue | None]) -> Hashable:
        """Equal for two rows of which `decide` reads the same in their own columns on this day."""
        days = tuple(
            (name, day if name in self.dated else self._lies(day))
            for name, day in events.items()
            if name in self.events
        )
        return days, tuple((name, type(value), value) for name, value in facts.items() if name in self.facts)

    def _known(self, facts: Mapping[str, FactValue]) -> Hashable:
        """With their types: 1 and true may decide alike, and the evidence still tells each as it was told."""
        return tuple((name, type(facts[name]), facts[name]) for name in sorted(self.facts & facts.keys()))

    def _happened(
        self,
        events: Mapping[str, Sequence[OccurrenceTold]],
        still_open: Mapping[str, Sequence[OccurrenceTold]],
        scope: str | None,
    ) -> Hashable:
        """What is open is seen where something of the same name is recorded; alone it is what is not recorded."""
        names = sorted(self.events & events.keys())
        if not names:
            return ()
        order = self._order(one[0] for name in names if name in self.compared for one in events[name])
        opened = {name: still_open.get(name, ()) for name in names}
        things = self._things(one[1] for name in names for one in (*events[name], *opened[name]))
        return tuple(
            (
                name,
                frozenset(
                    (things[thing], purpose, scope is None or contract in {"", scope})
                    for _, thing, purpose, contract in opened[name]
                ),
                frozenset(
                    (
                        self._lies(day),
                        order[day] if name in self.compared else None,
                        things[thing],
                        purpose,
                        scope is None or contract in {"", scope},
                    )
                    for day, thing, purpose, contract in events[name]
                ),
            )
            for name in names
        )

    @staticmethod
    def _order(days: Iterable[date | None]) -> dict[date | None, int | None]:
        return {None: None, **{day: n for n, day in enumerate(sorted({day for day in days if day is not None}))}}

    @staticmethod
    def _things(named: Iterable[str]) -> dict[str, int | None]:
        return {"": None, **{thing: n for n, thing in enumerate(sorted({*named} - {""}))}}

    def _lies(self, day: date | None) -> int | None:
        return None if day is None else bisect_right(self.edges, day)
