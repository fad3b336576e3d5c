"""Several who edit and publish at once, each in a process of its own: no version is torn or has another's number."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

from retention.domain.errors import LifecycleError
from retention.inventory_document import edit_entry, import_document
from ropa.models import Organisation, Register
from ropa.services import digest_of, draft_digest, publish
from tests.own_database import OwnDatabase, wait
from tests.ropa.test_services import document

NOW = datetime(2026, 6, 30, 9, tzinfo=UTC)
FIRST = date(2026, 7, 1)
ROUNDS = 12
WRITERS = ("a", "b", "c")


def named(name: str) -> dict[str, Any]:
    """A document that says the name in three tables."""
    content: dict[str, Any] = document()
    for entry in (content["registers"][0], content["activities"][0], content["datasets"][0]):
        entry["name"] = {"fi": name}
    return content


def names_in(content) -> set[str]:
    return {content[kind][0]["name"]["fi"] for kind in ("registers", "activities", "datasets")}


def editing(writer: str) -> None:
    for number in range(ROUNDS):
        import_document(named(f"{writer}{number}"), writer, "kilpailu")


def moments(writer_that_ends: str) -> Iterator[datetime]:
    """A moment after another, until the last edit of that writer stands in the draft, and once more."""
    last = {"fi": f"{writer_that_ends}{ROUNDS - 1}"}
    for seconds in count():
        over = Register.objects.get().name == last
        yield NOW + timedelta(seconds=seconds)
        if over:
            return


def publishing(writer: str) -> None:
    organisation = Organisation.objects.get()
    for now in moments("a"):
        publish(organisation, FIRST, now, writer)


def looking_and_publishing(writer: str) -> None:
    organisation = Organisation.objects.get()
    for now in moments("a"):
        seen = draft_digest(organisation)
        try:
            version = publish(organisation, FIRST, now, writer, digest=seen)
        except LifecycleError:
            continue
        assert version.digest == seen


def patching(writer: str) -> None:
    organisation = Organisation.objects.get()
    for number in range(ROUNDS):
        edit_entry(organisation, "registers", "crm", with_alias(f"{writer}{number}"), writer, "kilpailu")


def with_alias(name: str) -> Callable[[Any], dict[str, Any]]:
    return lambda entry: {**entry, "alias": [{"fi": name}]}


def at_once(own: OwnDatabase, *acts) -> None:
    assert own.in_process(lambda: import_document(named("alku"), "controller", "alku")) == 0
    pids = [own.start(partial(act, writer)) for act, writer in zip(acts, WRITERS, strict=False)]
    assert [wait(pid) for pid in pids] == [0] * len(acts)


def versions(own: OwnDatabase) -> list[tuple[int, str, Any]]:
    rows = own.rows("select number, digest, snapshot from ropa_version order by number")
    return [(number, digest, json.loads(snapshot)) for number, digest, snapshot in rows]


def test_what_is_published_beside_edits_is_one_draft_and_no_mixture(own_database):
    at_once(own_database, editing, publishing, looking_and_publishing)
    found = versions(own_database)
    assert [number for number, _, _ in found] == list(range(1, len(found) + 1))
    for _, digest, content in found:
        assert digest == digest_of(content)
        assert len(names_in(content)) == 1


def test_an_edit_beside_an_import_is_before_or_after_it(own_database):
    at_once(own_database, editing, patching)
    ((written,),) = own_database.rows("select count(*) from ropa_historicalregister")
    assert written >= ROUNDS
    ((names,),) = own_database.rows(
        "select count(distinct cast(r.name as text)) + count(distinct cast(a.name as text)) "
        "from ropa_register r, ropa_activity a where cast(r.name as text) = cast(a.name as text)"
    )
    assert names == 2
