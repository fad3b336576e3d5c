"""Who had a hand in the rules of each dataset of a version: who wrote what differs from the version before, and who
published it. What did not change keeps the hands that it had.

The history tells who wrote. It is read from the last version on, so that an edit at the same moment counts rather twice
than never.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from retention.domain.evidence import canonical
from ropa.models import Ceiling, Dataset, Ground, Organisation, Version
from ropa.persons import Person

Hands = dict[str, list[list[Any]]]
"""Dataset -> [[account or null, role and name], …]: what a version keeps."""

LONGEST = 200


def hands_in(organisation: Organisation, last: Version | None, content: Mapping[str, Any], publisher: Person) -> Hands:
    """The hands in every dataset of `content`, which follows `last`; in a follower's, those of what it follows too."""
    before = {one["id"]: one for one in json.loads(last.snapshot).get("datasets") or ()} if last else {}
    entries = {one["id"]: one for one in content.get("datasets") or ()}
    changed = {code for code, one in entries.items() if _decides(one) != _decides(before.get(code))}
    wrote = _writers(organisation, last, changed)
    own = {
        code: [*wrote.get(code, ()), publisher] if code in changed else kept_hands(last, code) if last else []
        for code in entries
    }
    return {
        code: _written(own[code] + [hand for other in _followed(entries, code) for hand in own[other]])
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


def _followed(entries: Mapping[str, Mapping[str, Any]], code: str) -> list[str]:
    found: list[str] = []
    waiting = [code]
    while waiting:
        for follow in entries[waiting.pop()].get("follows") or ():
            if (other := str(follow["dataset"])) in entries and other not in (*found, code):
                found.append(other)
                waiting.append(other)
    return found


def _writers(organisation: Organisation, last: Version | None, changed: Iterable[str]) -> Mapping[str, list[Person]]:
    codes = dict(
        Dataset.history.filter(organisation=organisation, code__in=list(changed)).values_list("id", "code").distinct()
    )
    since = {"history_date__gte": last.published_at} if last else {}
    found: defaultdict[str, set[Person]] = defaultdict(set)
    told = [
        Dataset.history.filter(id__in=list(codes), **since).values_list(
            "id", "history_user_id", "history_change_reason"
        ),
        *(
            rule.history.filter(dataset_id__in=list(codes), **since).values_list(
                "dataset_id", "history_user_id", "history_change_reason"
            )
            for rule in (Ground, Ceiling)
        ),
    ]
    for rows in told:
        for row, account, reason in rows.order_by().distinct():
            one = Person((reason or "").partition(": ")[0][:LONGEST], account)
            if one.is_somebody:
                found[codes[row]].add(one)
    return {code: sorted(people, key=lambda one: (one.who, one.account or 0)) for code, people in found.items()}


def _written(hands: Iterable[Person]) -> list[list[Any]]:
    return [[one.account, one.who] for one in dict.fromkeys(hands)]
