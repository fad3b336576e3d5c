"""Whether the draft differs from what was published: asked on every morning, so remembered until somebody edits.

Every edit of the inventory writes its history, and so the newest rows of the histories name the state that a digest
was made of. What is decided about a draft asks for the digest itself (`ropa.agreeing`), never here.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.core.cache import cache
from django.db import connection, models

from ropa.agreeing import draft_digest
from ropa.kinds import KINDS, Kind
from ropa.models import Organisation, Version

REMEMBERED_SECONDS = 24 * 60 * 60


def differs(organisation: Organisation, last: Version) -> bool:
    """Whether the draft is another than this version."""
    key = "-".join(map(str, ("draft", organisation.pk, *_state())))
    digest = cache.get(key)
    if digest is None:
        digest = draft_digest(organisation)
        cache.set(key, digest, REMEMBERED_SECONDS)
    return bool(digest != last.digest)


def _state() -> list[int]:
    """The newest row of each history, in one query."""
    tables = [connection.ops.quote_name(one._meta.db_table) for one in _histories()]
    newest = " union all ".join(
        f"select {n} as place, max(history_id) as newest from {table}"  # noqa: S608 - names of our own tables
        for n, table in enumerate(tables)
    )
    with connection.cursor() as cursor:
        cursor.execute(f"{newest} order by place")
        return [newest or 0 for _place, newest in cursor.fetchall()]


def _histories() -> Iterator[type[models.Model]]:
    def of(kind: Kind) -> Iterator[type[models.Model]]:
        yield kind.model.history.model  # type: ignore[attr-defined]
        for child in kind.children:
            yield from of(child)

    yield Organisation.history.model
    for kind in KINDS:
        yield from of(kind)
