"""A changed connection of a published purge: nothing goes by it before a controller has confirmed exactly that."""

from __future__ import annotations

import shutil
import sqlite3
from datetime import timedelta

import pytest
from django.contrib.admin.sites import site
from django.core.management import CommandError, call_command
from django.test import RequestFactory
from django.utils import timezone, translation

from retention.connection_changes import change_of, changes, confirm
from retention.connectors.contract import ConnectorError
from retention.domain.errors import LifecycleError
from retention.inventory_document import _connections, edit_connection
from retention.models import ConfirmedConnection, Connection, Run
from retention.night import run_night
from retention.plan import plan_of
from retention.selectors import connector_of
from tests.retention.company import NOW, SURVIVORS, TODAY, controller, customers, document, found_company, publish


@pytest.fixture(autouse=True)
def english():
    """What is refused is told in the language that is active, which another test may have left."""
    with translation.override("en"):
        yield


OBSERVED = {"mode": "observe", "approval": "one", "grace": "P0D", "waves": False}


def other_place(data_dir):
    """A copy of the register at another place, as a rogue or mistaken host would be."""
    (data_dir / "elsewhere").mkdir(exist_ok=True)
    return shutil.copy(data_dir / "registers" / "crm.sqlite3", data_dir / "elsewhere" / "crm.sqlite3")


def repoint(company, path, by="administrator:adam"):
    edit_connection(company, "crm", {"kind": "sql", "config": {"url": f"sqlite:///{path}"}}, f"{by}: it moved")
    return Connection.objects.get(organisation=company, code="crm")


def digest_of(connection):
    change = change_of(connection)
    assert change is not None
    return change.digest


def yes(company, account, **over):
    told = {"seen": digest_of(Connection.objects.get(organisation=company, code="crm")), "reason": "I asked"}
    told |= over
    by = f"controller:{account.get_username()}" if account is not None else "machine:root"
    confirm(company, "crm", told["seen"], by, account, told["reason"], timezone.now())


def everybody(data_dir):
    return customers(data_dir), (data_dir / "elsewhere" / "crm.sqlite3").read_bytes()


def test_nothing_goes_by_it_until_a_controller_has_confirmed_it(company, data_dir):
    repoint(company, other_place(data_dir))
    before = everybody(data_dir)
    run = run_night(company, TODAY, NOW)
    assert run.summary["purged"] == 0
    assert everybody(data_dir) == before
    assert set(run.summary["problems"]) == {"tiketit", "asiakastiedot"}
    assert all("no controller has confirmed" in why for why in run.summary["problems"].values())
    assert [row["overdue_left"] for row in run.summary["datasets"]] == [None, None]  # unknown, and not nothing
    yes(company, controller(company))
    run = run_night(company, TODAY + timedelta(days=1), NOW + timedelta(days=1))
    assert run.summary["purged"] > 0
    assert customers(data_dir) == before[0]  # the register of before is left alone: it is reached no more
    assert everybody(data_dir) != before


def test_changed_back_it_counts_at_once(company, data_dir):
    repoint(company, other_place(data_dir))
    repoint(company, data_dir / "registers" / "crm.sqlite3")
    assert changes(company) == []
    run_night(company, TODAY, NOW)
    assert customers(data_dir) == SURVIVORS


def test_what_is_only_watched_needs_nobody(db, data_dir):
    company = found_company(data_dir, OBSERVED)
    repoint(company, other_place(data_dir))
    assert changes(company) == []
    assert not run_night(company, TODAY, NOW).summary["problems"]


def test_a_source_of_truth_counts_too_for_it_says_who_may_go(db, data_dir):
    content = document()
    content["registers"].append({"id": "liput", "name": {"fi": "Liput"}, "medium": "database", "connection": "tickets"})
    for one in content["datasets"]:
        one["register"] = "liput"
    company = found_company(data_dir, OBSERVED)
    publish(company, content, 2)
    repoint(company, other_place(data_dir))
    assert [one.connection.code for one in changes(company)] == ["crm"]


def messages(data_dir):
    with sqlite3.connect(data_dir / "registers" / "crm.sqlite3") as crm:
        return crm.execute("select count(*) from viesti").fetchone()[0]


def test_what_is_only_watched_counts_where_something_else_ends_with_it(db, data_dir):
    """Where one ticket is left, the messages of all others would be of tickets that are gone: due at once, held too."""
    content = document(OBSERVED)
    content["registers"] = [
        {"id": "crm", "name": {"fi": "Tiketit"}, "medium": "database", "connection": "crm"},
        {"id": "posti", "name": {"fi": "Viestit"}, "medium": "database", "connection": "posti"},
    ]
    (tickets, _) = content["datasets"]
    del tickets["mapping"]["children"]
    letters = {
        **{key: tickets[key] for key in ("activity", "grain", "subject_kind", "enforced_by")},
        "id": "viestit",
        "name": {"fi": "Viestit"},
        "register": "posti",
        "mapping": {"place": "viesti", "key": "id"},
        "policy": {**OBSERVED, "mode": "purge", "approval": "automatic"},
        "follows": [{"dataset": "tiketit", "by": "tiketti_id"}],
    }
    content["datasets"] = [tickets, letters]
    company = found_company(data_dir, OBSERVED)
    own = Connection.objects.get(organisation=company)
    Connection.objects.create(organisation=company, code="posti", kind="sql", config=own.config)
    publish(company, content, 2)
    copy = other_place(data_dir)
    with sqlite3.connect(copy) as elsewhere:
        elsewhere.execute("delete from viesti where tiketti_id > 1")
        elsewhere.execute("delete from tiketti where id > 1")
    repoint(company, copy)
    assert [one.connection.code for one in changes(company)] == ["crm"]
    before = messages(data_dir)
    run = run_night(company, TODAY, NOW)
    assert run.summary["purged"] == 0
    assert messages(data_dir) == before > 2


def test_one_that_was_not_there_when_a_purge_was_published_waits(company, data_dir):
    Connection.objects.filter(organisation=company).delete()
    repoint(company, data_dir / "registers" / "crm.sqlite3")
    (change,) = changes(company)
    assert change.confirmed.kind == ""
    with pytest.raises(ConnectorError, match="no controller has confirmed"):
        connector_of(company, plan_of(company.versions.get()).registers[0])


def test_deleting_it_and_making_it_anew_is_a_change(company, data_dir):
    _connections(company, {}, "administrator:adam: it goes")
    repoint(company, other_place(data_dir))
    assert [one.connection.code for one in changes(company)] == ["crm"]


def test_djangos_administration_is_no_way_around(company, data_dir):
    row = Connection.objects.get(organisation=company)
    row.config = {"url": f"sqlite:///{other_place(data_dir)}"}
    request = RequestFactory().post("/")
    request.user = controller(company, "root")
    site._registry[Connection].save_model(request, row, None, True)
    assert [one.connection.code for one in changes(company)] == ["crm"]


def test_what_was_seen_is_what_is_confirmed(company, data_dir):
    seen = digest_of(repoint(company, other_place(data_dir)))
    repoint(company, data_dir / "a-third.sqlite3")
    with pytest.raises(LifecycleError, match="changed after you looked"):
        yes(company, controller(company), seen=seen)
    with pytest.raises(LifecycleError, match="Say why"):
        yes(company, controller(company), reason=" ")
    assert ConfirmedConnection.objects.get().by == ""


@pytest.mark.parametrize("since", [1, 2])
def test_who_changed_it_does_not_confirm_it(company, data_dir, since):
    adam = controller(company, "adam")  # with both roles
    repoint(company, other_place(data_dir))
    if since == 2:  # nor by letting somebody else change a trifle after him
        repoint(company, data_dir / "elsewhere" / "." / "crm.sqlite3", "administrator:eve")
    with pytest.raises(LifecycleError, match="not who changed it"):
        yes(company, adam)
    yes(company, controller(company))
    assert changes(company) == []
    assert ConfirmedConnection.objects.latest("pk").by == "controller:toimitusjohtaja"
    with pytest.raises(LifecycleError, match="Nothing of this connection waits"):
        confirm(company, "crm", "", "controller:x", controller(company), "x", timezone.now())


def test_at_the_machine_where_nobody_else_is_left(company, data_dir, capsys):
    repoint(company, other_place(data_dir))
    call_command("confirm_connection", "testi", "crm")
    told = capsys.readouterr().out
    assert "registers/crm.sqlite3 -> sqlite:///" in told
    digest = told.split("digest ")[1].strip()
    with pytest.raises(CommandError, match="changed after you looked"):
        call_command("confirm_connection", "testi", "crm", digest="0", by="root", reason="x")
    with pytest.raises(CommandError, match="--by"):
        call_command("confirm_connection", "testi", "crm", digest=digest, reason="x")
    call_command("confirm_connection", "testi", "crm", digest=digest, by="root", reason="nobody else is there")
    assert ConfirmedConnection.objects.latest("pk").by == "machine:root"
    call_command("confirm_connection", "testi", "crm")
    assert "nothing waits" in capsys.readouterr().out
    assert not Run.objects.exists()
