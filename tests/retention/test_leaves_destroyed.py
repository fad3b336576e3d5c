"""A month's leaves and the key that seals them are destroyed: what is left verifies, and says nothing of anybody."""

from __future__ import annotations

import io
import json
import shutil
from datetime import timedelta

import pytest
from django.core.management import CommandError

from retention import key_files, leaf_keys, leaves, offline, remembered
from retention.controller_certificate import issue
from retention.domain.errors import EvidenceError
from retention.evidence_check import verify
from retention.evidence_export import prove
from retention.evidence_log import EvidenceLog
from retention.models import EvidenceEntry, EvidenceLeaves, Run
from retention.night import run_night
from retention.runs import succeeded
from tests.retention.company import NOW, TODAY, found_company
from tests.retention.test_controller_certificate import found_processor
from tests.retention.test_offline import exported
from tests.worker.test_evidence_file import run as command

BY = ("Rekisterinpitäjä", "Säilytysaika on päättynyt.")
NEXT_MONTH = TODAY + timedelta(days=1)
MONTH, AFTER = f"{TODAY:%Y-%m}", f"{NEXT_MONTH:%Y-%m}"


@pytest.fixture
def two_months(db, data_dir):
    """The last night of June and the first of July, on which 1004 goes."""
    company = found_company(data_dir)
    assert succeeded(run_night(company, TODAY, NOW))
    assert succeeded(run_night(company, NEXT_MONTH, NOW + timedelta(days=1)))
    assert key_files.months("leaves", "testi") == [MONTH, AFTER]
    return company


def destroy(until=MONTH, today=NEXT_MONTH):
    return leaves.destroy_until("testi", until, today, *BY)


def shown(number):
    return prove("testi", "customer", number, io.BytesIO())


def test_each_month_has_a_key_of_its_own(two_months, data_dir):
    folder = data_dir / "keys" / "leaves" / "testi"
    first, second = (folder / f"{month}.key" for month in (MONTH, AFTER))
    assert first.read_bytes() != second.read_bytes()
    assert {path.stat().st_mode & 0o777 for path in (first, second)} == {0o600}
    assert set(EvidenceLeaves.objects.values_list("month", flat=True)) == {MONTH, AFTER}
    second.write_bytes(first.read_bytes())
    with pytest.raises(EvidenceError, match="cannot be opened"):
        verify("testi")


def test_nobody_is_found_in_it_and_all_of_it_still_verifies(two_months, data_dir):
    assert shown("1008") == 3
    before = verify("testi").leaves
    later = EvidenceLeaves.objects.filter(month=AFTER, sealed__isnull=False).count()
    assert destroy() == ([MONTH], sum(len(one.digests) // 32 for one in EvidenceLeaves.objects.filter(month=MONTH)))
    assert not (data_dir / "keys" / "leaves" / "testi" / f"{MONTH}.key").exists()
    assert shown("1008") == 0
    assert verify("testi").leaves == before
    found = offline.Reader(io.BytesIO(exported()), "").read()
    assert found.problems == []
    assert found.counts["forgotten"] > 0
    assert EvidenceLeaves.objects.filter(month=AFTER, sealed__isnull=False).count() == later > 0
    body = json.loads(EvidenceEntry.objects.get(kind="leaves_destroyed").body)
    assert (body["months"], body["by"], body["reason"]) == ([MONTH], *BY)


def test_an_older_dump_and_an_older_copy_of_the_folder_bring_nothing_back(two_months, data_dir, tmp_path):
    folder = data_dir / "keys" / "leaves" / "testi"
    shutil.copytree(folder, tmp_path / "copy")
    sealed = dict(EvidenceLeaves.objects.values_list("pk", "sealed"))
    destroy()
    for pk, content in sealed.items():
        EvidenceLeaves.objects.filter(pk=pk).update(sealed=content)
    assert shown("1008") == 0  # the key is gone
    assert verify("testi").leaves
    shutil.copy(tmp_path / "copy" / f"{MONTH}.key", folder)
    assert shown("1008") == 0  # and nobody may read it
    leaf_keys.begin("testi", AFTER)
    assert key_files.months("leaves", "testi") == [AFTER]
    assert leaves.forget_again("testi") > 0
    assert not EvidenceLeaves.objects.filter(month=MONTH, sealed__isnull=False).exists()
    assert leaves.forget_again("testi") == 0


def test_the_next_night_destroys_again_what_a_copy_brought_back(two_months, data_dir, tmp_path):
    folder = data_dir / "keys" / "leaves" / "testi"
    shutil.copytree(folder, tmp_path / "copy")
    destroy()
    shutil.copy(tmp_path / "copy" / f"{MONTH}.key", folder)
    assert succeeded(run_night(two_months, NEXT_MONTH + timedelta(days=1), NOW + timedelta(days=2)))
    assert key_files.months("leaves", "testi") == [AFTER]


def test_one_that_was_killed_before_the_key_went_is_ended_by_the_next_night(two_months, monkeypatch):
    def dies(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(key_files, "destroy", dies)
        with pytest.raises(KeyboardInterrupt):
            destroy()
    assert key_files.months("leaves", "testi") == [MONTH, AFTER]
    assert shown("1008") == 0
    assert succeeded(run_night(two_months, NEXT_MONTH + timedelta(days=1), NOW + timedelta(days=2)))
    assert key_files.months("leaves", "testi") == [AFTER]


def test_no_key_goes_before_it_is_remembered(two_months):
    with pytest.raises(EvidenceError, match="after it was written down"):
        leaf_keys.destroy("testi", [MONTH])
    assert key_files.months("leaves", "testi") == [MONTH, AFTER]


@pytest.mark.parametrize(
    ("until", "today", "by", "why"),
    [
        (AFTER, NEXT_MONTH, BY, "not over"),
        ("2030-01", NEXT_MONTH, BY, "not over"),
        ("2020-01", NEXT_MONTH, BY, "no leaves until 2020-01"),
        (MONTH, NEXT_MONTH, ("", "x"), "who decided"),
        (MONTH, NEXT_MONTH, ("x", " "), "who decided"),
    ],
)
def test_what_is_refused_destroys_nothing(two_months, until, today, by, why):
    with pytest.raises(EvidenceError, match=why):
        leaves.destroy_until("testi", until, today, *by)
    assert key_files.months("leaves", "testi") == [MONTH, AFTER]
    assert remembered.destroyed_months("testi") == frozenset()
    assert shown("1008") == 3


def test_what_was_destroyed_is_not_destroyed_twice(two_months):
    destroy()
    with pytest.raises(EvidenceError, match="no leaves until"):
        destroy()


def test_another_organisations_month_stays(two_months, db, data_dir):
    key_files.make("leaves", "muu", MONTH)
    destroy()
    assert key_files.months("leaves", "muu") == [MONTH]


def test_a_lost_key_is_not_made_anew_and_no_night_begins_without_it(db, data_dir):
    company = found_company(data_dir)
    assert succeeded(run_night(company, TODAY, NOW))
    (data_dir / "keys" / "leaves" / "testi" / f"{MONTH}.key").unlink()
    with pytest.raises(EvidenceError, match="bring the key back"):
        leaf_keys.begin("testi", MONTH)
    with pytest.raises(EvidenceError, match="bring the key back"):
        verify("testi")
    assert key_files.months("leaves", "testi") == []


def test_a_certificate_is_not_issued_of_what_nobody_can_read(db, data_dir):
    processor = found_processor(data_dir)
    assert succeeded(run_night(processor, TODAY, NOW))
    issue(processor, "customer", "1008", "Asiakas Oy", TODAY, "owner")
    destroy()
    with pytest.raises(EvidenceError, match="nothing was sent"):
        issue(processor, "customer", "1008", "Asiakas Oy", NEXT_MONTH, "owner")


def test_from_the_command_line(two_months, monkeypatch):
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW + timedelta(days=1))
    by = ("--by", BY[0], "--reason", BY[1], "--language", "en")
    for wrong in ("2026-13", "2026", ""):
        with pytest.raises(CommandError, match="names a month"):
            command("destroy", "--until", wrong, *by)
    told = command("destroy", "--until", MONTH, *by)
    assert told.startswith("testi: what the evidence said of ")
    assert f"items in {MONTH} was destroyed with its keys" in told
    with pytest.raises(CommandError, match="no leaves until"):
        command("destroy", "--until", MONTH, *by)


def test_a_night_of_a_month_that_was_destroyed_sends_nothing(two_months, data_dir):
    """Asked for late, it would have to write down what nobody may read."""
    destroy()
    with pytest.raises(EvidenceError, match="no night of it can run"):
        leaf_keys.begin("testi", MONTH)
    assert key_files.months("leaves", "testi") == [AFTER]
    with pytest.raises(EvidenceError, match="no night of it can run"):
        leaves.write(EvidenceLog("testi", TODAY.isoformat()), {"night": TODAY.isoformat()}, ["{}"])


@pytest.mark.parametrize("state", ["requested", "running"])
def test_a_month_with_a_night_that_is_not_over_is_not_destroyed(two_months, state):
    Run.objects.filter(business_date=TODAY).update(state=state)
    with pytest.raises(EvidenceError, match="is not over: it may still write leaves"):
        destroy()
    assert key_files.months("leaves", "testi") == [MONTH, AFTER]
    Run.objects.filter(business_date=TODAY).update(state="finished")
    Run.objects.filter(business_date=NEXT_MONTH).update(state=state)  # another month's keeps nothing
    destroy()


def test_a_key_that_is_being_destroyed_seals_nothing(two_months, data_dir):
    (data_dir / "keys" / "leaves" / "testi" / f"{AFTER}.key").write_bytes(bytes(32))
    with pytest.raises(EvidenceError, match="is being destroyed"):
        leaf_keys.key("testi", AFTER)


def test_two_who_destroy_at_once(two_months, monkeypatch):
    assert key_files.destroy("leaves", "testi", MONTH)
    assert not key_files.destroy("leaves", "testi", MONTH)
