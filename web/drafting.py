"""Whether the draft differs from what was published: asked on every morning, so remembered until somebody edits.

Every edit of the inventory writes its history, and so the newest rows of the histories name the state that a digest
was made of. Whoever decides about a draft sends the digest that the page showed, and the decision asks for it anew
(`ropa.agreeing`): of a draft that has changed nothing is decided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from django.core.cache import cache
from django.db import connection, models

from retention.domain.evidence import sha256_hex
from ropa.agreeing import draft_digest
from ropa.kinds import KINDS, Kind
from ropa.models import Organisation, Version

REMEMBERED_SECONDS = 6 * 60 * 60

Told = TypeVar("Told")


def differs(organisation: Organisation, last: Version) -> bool:
    """Whether the draft is another than this version."""
    return digest(organisation) != last.digest


def digest(organisation: Organisation) -> str:
    """What the draft says now, as a digest."""
    return of_state(organisation, "draft", lambda: draft_digest(organisation))


FORM = 2
"""Another number, where what is remembered has another form than before: an upgrade finds nothing old then."""


def of_state(organisation: Organisation, what: str, told: Callable[[], Told], *on: object) -> Told:
    """What follows from the draft as it stands, and from `on`: remembered until either is another.

    The state is read before: whoever edits meanwhile makes a new state, under which nothing was remembered yet.
    """
    key = sha256_hex("-".join(map(str, (FORM, what, organisation.pk, *_state(), *on))).encode())
    found: Told | None = cache.get(key)
    if found is None:
        found = told()
        cache.set(key, found, REMEMBERED_SECONDS)
    return found


def _state() -> list[tuple[int, int]]:
    """The newest row of each history and how many there are, in one query.

    The number too: a row that was begun earlier may be committed later, behind one that is newer.
    """
    tables = [connection.ops.quote_name(one._meta.db_table) for one in _histories()]
    newest = " union all ".join(
        f"select {n} as place, max(history_id) as newest, count(*) as every from {table}"  # noqa: S608 - names of our own tables
        for n, table in enumerate(tables)
    )
    with connection.cursor() as cursor:
        cursor.execute(f"{newest} order by place")
        return [(newest or 0, every) for _place, newest, every in cursor.fetchall()]


def _histories() -> Iterator[type[models.Model]]:
    def of(kind: Kind) -> Iterator[type[models.Model]]:
        yield kind.model.history.model  # type: ignore[attr-defined]
        for child in kind.children:
            yield from of(child)

    yield Organisation.history.model
    for kind in KINDS:
        yield from of(kind)
