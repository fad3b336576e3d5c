"""A lot that is done and not verified: what is left is told until it is gone or a person says why it stays (D4)."""

from __future__ import annotations

import json
import os
from datetime import date, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from retention import residue
from retention.domain.errors import LifecycleError
from retention.evidence_check import verify
from retention.evidence_log import subject_digest
from retention.models import Connection, EvidenceEntry, EvidenceHead, Lot
from retention.runs import succeeded
from tests.retention.company import ground, publish
from tests.retention.in_hand import Killed, until
from tests.retention.shape_house import dataset, house  # noqa: F401

FIRST = date(2025, 3, 1)
NEXT, THIRD, FOURTH = (FIRST + timedelta(days=n) for n in (1, 2, 3))
HISTORY = "create table tieto_history(tieto_id integer, nimi varchar(40))"


@pytest.fixture
def left(house):  # noqa: F811
    """Two records went, and a history table keeps a copy of each."""
    house.tiedot((1, "1001", None, "2024-01-01"), (2, "1002", None, "2024-01-01"))
    house.server.run(HISTORY, "insert into tieto_history select id, nimi from tieto")
    house.publish(dataset(grounds=[ground("tarve", trigger="recorded", period="P1Y")]))
    run = house.night(FIRST)
    assert house.left() == set()
    assert (the_lot().state, succeeded(run)) == ("done", False)
    return house


def the_lot() -> Lot:
    return Lot.objects.get()


def entry(kind: str) -> dict[str, Any]:
    return dict(json.loads(EvidenceEntry.objects.filter(kind=kind).latest("pk").body))


def test_it_is_a_problem_every_night_until_it_is_gone(left):
    for day in (NEXT, THIRD):
        run = left.night(day)
        assert "tieto_history" in run.summary["problems"]["tiedot"]
        assert not succeeded(run)
    left.server.run("delete from tieto_history where tieto_id = 1")
    assert "of 1 deleted items" in left.night(FOURTH).summary["problems"]["tiedot"]
    left.server.run("delete from tieto_history")
    run = left.night(FOURTH + timedelta(days=1))
    assert succeeded(run)
    assert (the_lot().state, the_lot().keys) == ("verified", None)
    assert entry(residue.AGAIN)["gone"] == [subject_digest("2")]
    verify("testi")


def test_a_person_has_it_looked_for_at_once(left):
    assert residue.again(the_lot(), NEXT, "dpo", "table emptied") == 2
    assert the_lot().state == "done"
    left.server.run("delete from tieto_history")
    assert residue.again(the_lot(), NEXT, "dpo", "table emptied") == 0
    assert (the_lot().state, the_lot().keys) == ("verified", None)
    told = entry(residue.AGAIN)
    assert (told["by"], told["left"], sorted(told["gone"])) == ("dpo", 0, sorted(map(subject_digest, "12")))
    assert json.loads(EvidenceHead.objects.latest("number").body)["counts"] == {"residue_left": 0}
    verify("testi")
    assert succeeded(left.night(NEXT))


def test_a_person_records_why_it_stays_and_until_when(left):
    residue.keep(the_lot(), NEXT, THIRD, "dpo", "the history is another controller's")
    told = entry(residue.KEPT)
    assert (told["until"], told["where"], sorted(told["keys"])) == (
        THIRD.isoformat(),
        ["tieto_history"],
        sorted(map(subject_digest, "12")),
    )
    assert the_lot().state == "done"  # nobody says that it has gone
    assert succeeded(left.night(NEXT))
    assert succeeded(left.night(THIRD))
    run = left.night(FOURTH)
    assert "tieto_history" in run.summary["problems"]["tiedot"]
    verify("testi")


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda lot: residue.keep(lot, NEXT, THIRD, " ", "reason"), "who decided"),
        (lambda lot: residue.keep(lot, NEXT, THIRD, "dpo", ""), "a reason"),
        (lambda lot: residue.keep(lot, NEXT, NEXT, "dpo", "reason"), "a later day"),
        (lambda lot: residue.again(lot, NEXT, "", "reason"), "who decided"),
    ],
)
def test_what_is_refused(left, act, message):
    before = EvidenceHead.objects.count()
    with pytest.raises(LifecycleError, match=message):
        act(the_lot())
    assert EvidenceHead.objects.count() == before


@pytest.mark.parametrize("code", ["tiedot", "muut"])
def test_it_is_looked_for_where_it_was(left, code):
    """The dataset lies in another place by now, or is no dataset any more: the copies are where they were."""
    left.server.run("create table tieto2(id integer primary key, nro varchar(20), luotu date)")
    rule = ground("tarve", trigger="recorded", period="P1Y")
    left.publish(dataset(code, mapping={"place": "tieto2"}, grounds=[rule]))
    run = left.night(NEXT)
    assert "tieto_history" in run.summary["problems"]["tiedot"]
    assert (the_lot().state, succeeded(run)) == ("done", False)
    left.server.run("delete from tieto_history")
    assert succeeded(left.night(THIRD))
    assert the_lot().state == "verified"


def test_it_is_looked_for_where_the_history_is_not_mapped_any_more(left):
    rule = ground("tarve", trigger="recorded", period="P1Y")
    left.publish(dataset(mapping={"options": {"history": [{"place": "tieto_history", "key": None}]}}, grounds=[rule]))
    run = left.night(NEXT)
    assert "tieto_history" in run.summary["problems"]["tiedot"]
    assert the_lot().state == "done"


def test_it_is_looked_for_in_a_register_that_is_none_any_more(left):
    talo = Connection.objects.get(code="talo")
    Connection.objects.create(organisation=left.organisation, code="toinen", kind="sql", config=talo.config)
    plan = json.loads(left.organisation.versions.get().snapshot)
    plan["registers"][0].update(id="toinen", connection="toinen")
    plan["datasets"][0].update(id="muut", register="toinen")
    publish(left.organisation, plan, 2, "2020-01-02")
    run = left.night(NEXT)
    assert "tieto_history" in run.summary["problems"]["tiedot"]
    assert (the_lot().state, succeeded(run)) == ("done", False)


LINK = "its content has another name (hard link)"
ON_DISK = {
    "place": "sopimukset",
    "key": "path",
    "subject": "asiakas",
    "events": {"recorded": "pvm"},
    "options": {"pattern": "{asiakas}/sopimus_{pvm:date}.pdf"},
}


def documents(house, tmp_path):  # noqa: F811
    """Two documents that are due; the content of one has another name."""
    folder = tmp_path / "levy"
    for number in ("1001", "1002"):
        (folder / "sopimukset" / number).mkdir(parents=True)
        (folder / "sopimukset" / number / "sopimus_2024-01-01.pdf").write_bytes(b"x")
    os.link(folder / "sopimukset/1001/sopimus_2024-01-01.pdf", folder / "kopio.pdf")
    Connection.objects.create(organisation=house.organisation, code="levy", kind="files", config={"root": str(folder)})
    backups = {"value": {"every": "P1D", "keep_for": "P30D", "at_most": "P35D"}}
    levy = {"id": "levy", "name": {"fi": "Levy"}, "medium": "files", "connection": "levy", "backups": backups}
    on_disk = dataset(register="levy", grounds=[ground("tarve", trigger="recorded", period="P1Y")])
    house.publish({**on_disk, "mapping": ON_DISK}, registers=[levy])
    return folder


@pytest.fixture
def linked(house, tmp_path):  # noqa: F811
    """A document went whose content has another name, which only the connection that deleted it knows."""
    folder = documents(house, tmp_path)
    assert LINK in house.night(FIRST).summary["problems"]["tiedot"]
    assert [path.name for path in folder.rglob("*.pdf")] == ["kopio.pdf"]
    return house


def test_what_only_the_connection_that_deleted_could_see_is_told_until_a_person_says_that_it_was_removed(linked):
    before = EvidenceEntry.objects.filter(kind=residue.AGAIN).count()
    run = linked.night(NEXT)
    assert f"of 1 deleted items something is there still: {LINK}" in run.summary["problems"]["tiedot"]
    assert (the_lot().state, EvidenceEntry.objects.filter(kind=residue.AGAIN).count()) == ("done", before)
    assert residue.again(the_lot(), NEXT, "dpo", "looked") == 1
    assert residue.removed(the_lot(), NEXT, "dpo", "kopio.pdf deleted by hand") == 0
    told = entry(residue.AGAIN)
    assert (told["by"], told["left"], told["removed"]) == ("dpo", 0, told["gone"])
    assert (len(told["removed"]), told["reason"]) == (1, "kopio.pdf deleted by hand")
    assert the_lot().state == "verified"
    verify("testi")


def test_what_the_connection_that_was_killed_had_seen_is_a_persons_to_settle(house, tmp_path):  # noqa: F811
    folder = documents(house, tmp_path)
    with pytest.raises(Killed):
        house.night(FIRST, at=until("disposed"))
    assert [path.name for path in folder.rglob("*.pdf")] == ["kopio.pdf"]
    run = house.night(FIRST)
    assert the_lot().tally == {"recovered": 2}
    assert not succeeded(run)
    unseen = f"perhaps {LINK.replace('its content has another name', 'another name of its content')}"
    assert residue.where(the_lot()) == [f"{unseen}, which nobody looked for"]
    assert not succeeded(house.night(NEXT))  # another connection that sees nothing has not looked
    assert residue.again(the_lot(), NEXT, "dpo", "looked") == 2
    assert residue.removed(the_lot(), NEXT, "dpo", "kopio.pdf deleted by hand") == 0
    assert the_lot().state == "verified"
    assert succeeded(house.night(THIRD))
    verify("testi")


def test_it_may_be_kept_with_a_reason_instead(linked):
    residue.keep(the_lot(), NEXT, THIRD, "dpo", "the second name is the archive's")
    assert succeeded(linked.night(NEXT))
    assert (the_lot().state, residue.where(the_lot())) == ("done", [LINK])


def test_what_can_be_looked_for_is_not_said_to_be_removed(left):
    with pytest.raises(LifecycleError, match="can be looked for"):
        residue.removed(the_lot(), NEXT, "dpo", "believe me")


def test_what_was_seen_once_and_what_is_looked_for_are_kept_apart(linked, tmp_path):
    recycled = tmp_path / "levy/sopimukset/#recycle/sopimus_2024-01-01.pdf"
    recycled.parent.mkdir()
    recycled.write_bytes(b"x")
    assert residue.again(the_lot(), NEXT, "dpo", "looked") == 1
    assert residue.where(the_lot()) == [LINK, "recycle folder #recycle"]
    assert residue.removed(the_lot(), NEXT, "dpo", "kopio.pdf deleted by hand") == 1
    assert residue.where(the_lot()) == ["recycle folder #recycle"]
    recycled.unlink()
    assert residue.again(the_lot(), NEXT, "dpo", "emptied") == 0


def test_only_a_lot_with_residue_has_this_door(left):
    left.server.run("delete from tieto_history")
    residue.again(the_lot(), NEXT, "dpo", "table emptied")
    with pytest.raises(LifecycleError, match="verified"):
        residue.again(the_lot(), NEXT, "dpo", "table emptied")


def said(*words: str, **options: Any) -> str:
    out = StringIO()
    call_command("residue", *words, organisation="testi", language="en", stdout=out, **options)
    return out.getvalue()


def test_the_command_says_what_was_removed(linked):
    assert "Some of it no later connection can see: say when it was removed." in said("list")
    number = the_lot().pk
    with pytest.raises(CommandError, match="who decided"):
        said("removed", lot=number)
    by = {"lot": number, "by": "dpo", "reason": "deleted by hand"}
    assert said("removed", **by) == f"Nothing is left: lot {number} is verified.\n"


def test_the_command(left):
    number = the_lot().pk
    assert said("list") == (f"Lot {number} of tiedot: of 2 deleted items something is there still: tieto_history.\n")
    with pytest.raises(CommandError, match="--lot"):
        said("again", lot=number + 1)
    with pytest.raises(CommandError, match="who decided"):
        said("again", lot=number)
    by = {"lot": number, "by": "dpo", "reason": "checked"}
    assert said("again", **by) == "Of 2 items something is there still.\n"
    with pytest.raises(CommandError, match="--until"):
        said("keep", **by)
    assert f"lot {number} stays until 2999-01-01" in said("keep", until=date(2999, 1, 1), **by)
    assert "2999-01-01" in said("list")
    left.server.run("delete from tieto_history")
    assert said("again", **by) == f"Nothing is left: lot {number} is verified.\n"
    assert "Nothing is left" in said("list")
