"""Who had a hand in the rules of each dataset of a version: who wrote what differs from the version before, and who
published it. What did not change keeps the hands that it had.

A dataset's rules are read with what stands beside it: the organisation's calendar and facts, how a register is reached
and what it tells. Who changed that made other items due, and joins those who wrote the rules.

The history tells who wrote. It is read from the last version on, so that an edit at the same moment counts rather twice
than never.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from retention.domain.evidence import canonical
from ropa.models import Ceiling, Dataset, Ground, Organisation, Register, Version
from ropa.persons import Person
from ropa.shortening import CALENDAR, Document, Side, facts_asked, leans_on

Hands = dict[str, list[list[Any]]]
"""Dataset -> [[account or null, role and name], …]: what a version keeps."""

LONGEST = 200
HEAD = ""
"""Where the organisation itself stands among the codes of registers."""


def hands_in(organisation: Organisation, last: Version | None, content: Mapping[str, Any], publisher: Person) -> Hands:
    """The hands in every dataset of `content`, which follows `last`; with those of what it follows or moves into."""
    was = json.loads(last.snapshot) if last else {}
    before = {one["id"]: one for one in was.get("datasets") or ()}
    entries = {one["id"]: one for one in content.get("datasets") or ()}
    changed = {code for code, one in entries.items() if _decides(one) != _decides(before.get(code))}
    wrote = _writers(organisation, last, changed)
    beside = _beside(was, content)
    wrote_beside = _writers_beside(organisation, last, {place for places in beside.values() for place in places})
    own = {}
    for code in entries:
        kept = kept_hands(last, code) if last else []
        theirs = [hand for place in beside[code] for hand in wrote_beside.get(place, ())]
        new = [publisher] if code in changed or beside[code] else []
        own[code] = [*(wrote.get(code, ()) if code in changed else kept), *theirs, *new]
    return {
        code: _written(own[code] + [hand for other in _leant_on(entries, code) for hand in own[other]])
        for code in entries
    }


def kept_hands(version: Version, dataset: str) -> list[Person]:
    """Who wrote or published the rules of a dataset as they stand in this version, as far as it was kept."""
    return [Person(who, account) for account, who in version.hands.get(dataset, ())]


def hands_behind(version: Version, dataset: str) -> list[Person]:
    """Everybody who had a hand in the rules of a dataset, or published the version that they are in."""
    return [*kept_hands(version, dataset), Person(version.publisher, version.published_by_id)]


def _decides(entry: Mapping[str, Any] | None) -> bytes:
    """What of an entry says what goes, when, and who is asked: its words may be anybody's."""
    words = {"name", "subjects", "items", "subject_groups", "data_categories"}
    return canonical({key: value for key, value in (entry or {}).items() if key not in words})


def _leant_on(entries: Mapping[str, Mapping[str, Any]], code: str) -> list[str]:
    found: list[str] = []
    waiting = [code]
    while waiting:
        for _where, other in leans_on(entries[waiting.pop()]):
            if other in entries and other not in (*found, code):
                found.append(other)
                waiting.append(other)
    return found


def _beside(was: Document, content: Document) -> Mapping[str, list[str]]:
    """Dataset -> where beside it something changed that decides about it: HEAD, or a register."""
    old, new = Side(was), Side(content)
    heads = [document.get("organisation") or {} for document in (was, content)]
    all_read_anew = any(heads[0].get(key) != heads[1].get(key) for key in (*CALENDAR, "time_zone"))
    facts = _differing(*(head.get("facts") or {} for head in heads))
    reached, named = (_differing(*_by_register(old, new, key)) for key in ("connection", "identities"))
    told = _told_otherwise(old, new)
    found = {}
    for code, entry in new.datasets.items():
        own, names = str(entry.get("register")), str(((entry.get("mapping") or {}).get("subject_key") or {}).get("via"))
        places = {own, names} & reached | {names} & named | told[str(entry.get("subject_kind"))]
        in_head = all_read_anew or (facts and not facts.isdisjoint(facts_asked(entry, new)))
        found[code] = [*([HEAD] if in_head else []), *sorted(places)]
    return found


def _by_register(old: Side, new: Side, key: str) -> list[Mapping[str, Any]]:
    return [{code: one.get(key) for code, one in side.registers.items()} for side in (old, new)]


def _told_otherwise(old: Side, new: Side) -> defaultdict[str, set[str]]:
    """Subject kind -> the registers that tell of such subjects otherwise, or from elsewhere."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for code, kind in _differing(_told(old), _told(new)):
        found[kind].add(code)
    return found


def _told(side: Side) -> Mapping[tuple[str, str], Any]:
    found: defaultdict[tuple[str, str], list[Any]] = defaultdict(list)
    for code, register in side.registers.items():
        for source in register.get("ledger") or ():
            found[code, str(source.get("subject_kind"))] += [register.get("connection"), source]
    return found


def _differing(old: Mapping[Any, Any], new: Mapping[Any, Any]) -> set[Any]:
    return {name for name in {*old, *new} if old.get(name) != new.get(name)}


def _writers(organisation: Organisation, last: Version | None, changed: Iterable[str]) -> Mapping[str, list[Person]]:
    """Dataset -> who wrote it or its rules since."""
    codes = _codes(Dataset, organisation, changed)
    told = [_rows(Dataset, last, "id", codes), *(_rows(rule, last, "dataset_id", codes) for rule in (Ground, Ceiling))]
    return _people(told, codes)


def _writers_beside(
    organisation: Organisation, last: Version | None, places: Collection[str]
) -> Mapping[str, list[Person]]:
    """HEAD or a register -> who wrote there since."""
    codes = _codes(Register, organisation, places)
    return {
        **_people([_rows(Register, last, "id", codes)], codes),
        **_people([_rows(Organisation, last, "id", [organisation.pk])], {organisation.pk: HEAD}),
    }


def _codes(model: Any, organisation: Organisation, codes: Iterable[str]) -> dict[int, str]:
    """Row -> code, of those too that are gone by now."""
    return dict(
        model.history.filter(organisation=organisation, code__in=list(codes)).values_list("id", "code").distinct()
    )


def _rows(model: Any, last: Version | None, key: str, rows: Iterable[int]) -> Any:
    since = {"history_date__gte": last.published_at} if last else {}
    return model.history.filter(**{f"{key}__in": list(rows)}, **since).values_list(
        key, "history_user_id", "history_change_reason"
    )


def _people(told: Iterable[Any], codes: Mapping[int, str]) -> dict[str, list[Person]]:
    found: defaultdict[str, set[Person]] = defaultdict(set)
    for rows in told:
        for row, account, reason in rows.order_by().distinct():
            one = Person((reason or "").partition(": ")[0][:LONGEST], account)
            if one.is_somebody:
                found[codes[row]].add(one)
    return {code: sorted(people, key=lambda one: (one.who, one.account or 0)) for code, people in found.items()}


def _written(hands: Iterable[Person]) -> list[list[Any]]:
    return [[one.account, one.who] for one in dict.fromkeys(hands)]
