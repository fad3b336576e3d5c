"""Our own database comes back from a backup, older than the evidence beside it."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from retention.domain.errors import EvidenceError
from retention.evidence_check import verify
from retention.evidence_log import copy_heads, heads_directory
from retention.evidence_restore import adopt, lost_nights
from retention.models import (
    Attempt,
    EvidenceEntry,
    EvidenceHead,
    KeyOutcome,
    LedgerContract,
    Lot,
    LotEvent,
    NightStep,
    Run,
)
from retention.night import run_night
from retention.reports import authority_report
from tests.retention.company import DUE_CUSTOMERS, NOW, SURVIVORS, TODAY, customers

TOMORROW, LATER = TODAY + timedelta(days=1), TODAY + timedelta(days=2)


def night(company, day):
    run = run_night(company, day, NOW + timedelta(days=(day - TODAY).days))
    copy_heads(company.slug)  # a test's transaction is never committed
    return run


def restore_to_before(day):
    """What a dump of the evening before `day` would hold of the nights since."""
    runs = Run.objects.filter(business_date__gte=day)
    KeyOutcome.objects.filter(attempt__run__in=runs).delete()
    Attempt.objects.filter(run__in=runs).delete()
    LotEvent.objects.filter(lot__run__in=runs).delete()
    Lot.objects.filter(run__in=runs).delete()
    NightStep.objects.filter(run__in=runs).delete()
    runs.delete()
    EvidenceEntry.objects.filter(chain__gte=day.isoformat()).delete()
    EvidenceHead.objects.filter(business_date__gte=day).delete()
    LedgerContract.objects.all().delete()


@pytest.fixture
def restored(company, data_dir):
    """Two nights ran, and the database is that of the evening before the second one."""
    night(company, TODAY)
    night(company, TOMORROW)
    restore_to_before(TOMORROW)
    return company


def test_nothing_runs_on_a_database_that_is_older_than_its_evidence(restored, data_dir):
    assert lost_nights(restored.slug) == [TOMORROW.isoformat()]
    before = customers(data_dir)
    with pytest.raises(EvidenceError, match="restored from a backup"):
        night(restored, LATER)
    assert customers(data_dir) == before
    with pytest.raises(EvidenceError, match="copy is there"):
        verify(restored.slug)


def test_adopted_it_goes_on_and_says_what_is_lost(restored, data_dir):
    assert adopt(restored.slug, TOMORROW, "controller", "disk failure") == [TOMORROW.isoformat()]
    found = verify(restored.slug)
    assert (found.lost, found.heads) == (1, 3)  # two nights', and the one that signs the adoption
    night(restored, LATER)
    assert not customers(data_dir) & DUE_CUSTOMERS
    assert verify(restored.slug).heads == 4
    (entry,) = EvidenceEntry.objects.filter(kind="adopted")
    assert json.loads(entry.body) == {
        "by": "controller",
        "heads": [2],
        "nights": [TOMORROW.isoformat()],
        "reason": "disk failure",
        "restored": {"digest": EvidenceHead.objects.get(number=1).digest, "head": 1},
        "holds": [],
        "stop": "",
        "decisions": [],
        "bans": "",
    }


def test_the_lost_night_itself_is_not_run_again(restored):
    adopt(restored.slug, TOMORROW, "controller", "disk failure")
    with pytest.raises(EvidenceError, match="ran before our own database was restored"):
        night(restored, TOMORROW)


def test_the_first_night_lost_too(company, data_dir):
    night(company, TODAY)
    restore_to_before(TODAY)
    adopt(company.slug, TODAY, "controller", "disk failure")
    night(company, TOMORROW)
    assert customers(data_dir) <= SURVIVORS
    verify(company.slug)


def test_a_copy_that_was_changed_is_not_taken_back(restored):
    path = heads_directory(restored.slug) / "2.json"
    told = json.loads(path.read_text())
    told["body"] = told["body"].replace('"purged":', '"purged":1')
    path.write_text(json.dumps(told))
    with pytest.raises(EvidenceError, match="was changed"):
        adopt(restored.slug, TOMORROW, "controller", "disk failure")
    assert EvidenceHead.objects.count() == 1


def test_an_adoption_that_nobody_signed_hides_nothing(restored):
    """Whoever deletes a night's entries cannot write the excuse themselves: a chain that no head signs is counted."""
    adopt(restored.slug, TOMORROW, "controller", "disk failure")
    EvidenceHead.objects.filter(number=3).delete()
    with pytest.raises(EvidenceError, match="is gone, and its head is there"):
        verify(restored.slug)


def test_where_nothing_was_lost_nothing_is_adopted(company):
    night(company, TODAY)
    with pytest.raises(EvidenceError, match="knows every night"):
        adopt(company.slug, TODAY, "controller", "none")


def test_the_command(restored):
    with pytest.raises(CommandError, match="--by"):
        call_command("evidence", "adopt", organisation=restored.slug)
    out = StringIO()
    words = {"organisation": restored.slug, "by": "controller", "reason": "disk failure", "language": "en"}
    call_command("evidence", "adopt", **words, stdout=out)
    assert TOMORROW.isoformat() in out.getvalue()
    call_command("evidence", "verify", organisation=restored.slug, language="en", stdout=out)
    assert "lost with our own database: 1" in out.getvalue()


def test_a_database_of_the_middle_of_a_night_is_noticed_too(company, data_dir):
    """The dump was taken while the night ran, and is brought back after it had ended."""
    night(company, TODAY)
    night(company, TOMORROW)
    restore_to_before(TOMORROW)
    EvidenceHead.objects.all().delete()
    EvidenceEntry.objects.filter(kind="night_finished").delete()
    Run.objects.update(state="running", finished_at=None)
    with pytest.raises(EvidenceError, match="restored from a backup"):
        night(company, TODAY)
    assert adopt(company.slug, TOMORROW, "controller", "disk failure") == [TODAY.isoformat(), TOMORROW.isoformat()]
    verify(company.slug)
    night(company, LATER)
    verify(company.slug)


def test_the_record_speaks_of_what_is_known_after_an_adoption(restored):
    adopt(restored.slug, TOMORROW, "controller", "disk failure")
    assert authority_report(restored, TOMORROW)


def test_entries_that_somebody_deleted_are_no_restore(company, data_dir):
    """The head of that night is still there: a restore would have taken it along."""
    night(company, TODAY)
    night(company, TOMORROW)
    EvidenceEntry.objects.filter(chain=TOMORROW.isoformat()).delete()
    with pytest.raises(EvidenceError, match="somebody did"):
        adopt(company.slug, TOMORROW, "controller", "disk failure")
    with pytest.raises(EvidenceError, match="is gone, and its head is there"):
        verify(company.slug)


def test_a_copy_that_cannot_be_read_is_named(restored):
    for content in ("garbage", "{}"):
        (heads_directory(restored.slug) / "7.json").write_text(content)
        with pytest.raises(EvidenceError, match="copy of head 7"):
            adopt(restored.slug, TOMORROW, "controller", "disk failure")
