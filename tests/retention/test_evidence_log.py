"""Every changed, dropped or added piece of evidence is found, and the place is named."""

from __future__ import annotations

import json
import resource
from datetime import date

import pytest
from django.db import connection, transaction

from config.keys import make_keys
from retention.domain.errors import EvidenceError
from retention.domain.evidence import canonical
from retention.evidence_check import verify
from retention.evidence_log import EvidenceLog, Journal, copy_heads, sign_head, subject_digest
from retention.models import EvidenceEntry, EvidenceHead

DAY = date(2026, 6, 30)
NEXT = date(2026, 7, 1)


def night(day=DAY, lot=1, signed=True):
    """What a night with one chunk leaves behind."""
    log, journal = EvidenceLog("testi", day.isoformat()), Journal("testi", day)
    body = {"lot": lot, "attempt": 1, "keys": [subject_digest("1001"), subject_digest("1008")], "epoch": 0}
    with transaction.atomic():
        log.append("night_started", {"business_date": day.isoformat()})
        log.append("intent", body)
    journal.append({"kind": "intent", "run": 1, **body})
    with transaction.atomic():
        log.append("outcome", {"lot": lot, "attempt": 1, "tally": {"destroyed": 2}, "note": "ä"})
    journal.append({"kind": "outcome", "lot": lot, "attempt": 1, "tally": {"destroyed": 2}})
    if signed:
        with transaction.atomic():
            log.append("night_finished", {"summary": {}})
            sign_head("testi", day, log.chain, {"purged": 2})
        copy_heads("testi")


@pytest.fixture
def two_nights(db, data_dir):
    night()
    night(NEXT, lot=2)
    return data_dir


def broken():
    with pytest.raises(EvidenceError) as caught:
        verify("testi")
    return str(caught.value)


def journal_of(data_dir, day=DAY):
    return data_dir / "journal" / "testi" / f"{day}.jsonl"


def test_what_is_whole_verifies_and_is_counted(two_nights):
    assert verify("testi").as_dict() == {
        "chains": 2,
        "entries": 8,
        "heads": 2,
        "unsigned": 0,
        "copies": 2,
        "journals": 2,
        "journal_lines": 4,
        "lost": 0,
        "away": 0,
        "leaves": 0,
        "stamps": 0,
    }


def test_a_night_under_way_is_whole_and_unsigned(db, data_dir):
    night(signed=False)
    found = verify("testi")
    assert (found.unsigned, found.heads, found.entries) == (1, 0, 3)


class TestChain:
    def test_nothing_is_written_outside_the_transaction_of_what_it_speaks_of(self, transactional_db, data_dir):
        with pytest.raises(EvidenceError, match="transaction"):
            EvidenceLog("testi", "2026-06-30").append("intent", {})
        assert not EvidenceEntry.objects.exists()

    def test_what_is_rolled_back_leaves_no_entry(self, db, data_dir):
        log = EvidenceLog("testi", "2026-06-30")
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            log.append("lot", {})
            raise ZeroDivisionError
        assert log.end() == (0, "0" * 64)
        assert not log.has("lot")

    @pytest.mark.parametrize("number", [1, 2, 3, 4])
    @pytest.mark.parametrize("column", ["body", "kind", "digest", "previous"])
    def test_one_bit_of_an_entry_is_found_and_located(self, two_nights, number, column):
        entry = EvidenceEntry.objects.get(chain=str(DAY), number=number)
        text = getattr(entry, column)
        middle = len(text) // 2
        flipped = text[:middle] + chr(ord(text[middle]) ^ 1) + text[middle + 1 :]
        EvidenceEntry.objects.filter(pk=entry.pk).update(**{column: flipped})
        assert f"2026-06-30: entry {number} " in broken()

    @pytest.mark.parametrize("column", ["body", "kind", "digest", "previous", "chain"])
    def test_what_is_no_text_any_more_is_located_too(self, two_nights, column):
        """A disk flips any bit; PostgreSQL notices itself, SQLite gives what it has."""
        if connection.vendor != "sqlite":
            pytest.skip("PostgreSQL keeps no text that is none")
        entry = EvidenceEntry.objects.get(chain=str(DAY), number=2)
        content = bytearray(getattr(entry, column).encode())
        content[1] ^= 0x80
        with connection.cursor() as cursor:
            told = f"update retention_evidenceentry set {column} = cast(%s as text) where id = %s"
            cursor.execute(told, [bytes(content), entry.pk])
        assert "2026-06-30: entry 2 " in broken()

    @pytest.mark.parametrize(("number", "said"), [(1, "entry 1 is missing"), (3, "entry 3 is missing")])
    def test_a_dropped_entry(self, two_nights, number, said):
        EvidenceEntry.objects.get(chain=str(DAY), number=number).delete()
        assert said in broken()

    def test_a_dropped_end_is_what_the_head_misses(self, two_nights):
        EvidenceEntry.objects.get(chain=str(DAY), number=4).delete()
        assert "2026-06-30: 3 entries, and its head signs 4" in broken()

    def test_an_entry_added_after_the_head(self, two_nights):
        with transaction.atomic():
            EvidenceLog("testi", str(DAY)).append("outcome", {"lot": 1, "attempt": 9, "tally": {}})
        assert "5 entries, and its head signs 4" in broken()

    def test_a_chain_that_is_gone(self, two_nights):
        EvidenceEntry.objects.filter(chain=str(NEXT)).delete()
        assert "chain 2026-07-01 is gone" in broken()

    def test_a_chain_written_anew_does_not_fit_its_head(self, two_nights):
        """Whoever can write the database can make a chain that fits itself, but cannot sign it."""
        EvidenceEntry.objects.filter(chain=str(DAY)).delete()
        with transaction.atomic():
            log = EvidenceLog("testi", str(DAY))
            for kind in ("night_started", "lot", "done", "night_finished"):
                log.append(kind, {})
        assert "head signs" in broken()


class TestHead:
    def test_signing_the_same_end_again_is_the_same_head(self, two_nights):
        with transaction.atomic():
            head = sign_head("testi", NEXT, str(NEXT), {"purged": 2})
        assert head.number == 2
        assert EvidenceHead.objects.count() == 2

    def test_an_end_that_went_on_is_not_signed_again(self, two_nights):
        with transaction.atomic():
            EvidenceLog("testi", str(NEXT)).append("late", {})
        with pytest.raises(EvidenceError, match="signed already"), transaction.atomic():
            sign_head("testi", NEXT, str(NEXT), {})

    def test_heads_follow_one_another_and_name_their_end(self, two_nights):
        first, second = EvidenceHead.objects.all()
        body = json.loads(second.body)
        assert body["previous"] == first.digest
        assert (body["entries"], body["last"]) == EvidenceLog("testi", str(NEXT)).end()
        assert body["counts"] == {"purged": 2}

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (lambda head: {"body": head.body.replace('"purged":2', '"purged":3')}, "digest is another"),
            (lambda head: {"signature": "00" * 64}, "signature that is not its own"),
            (lambda head: {"signature": "not hex"}, "signature that is not its own"),
            (lambda head: {"key_id": "0" * 64}, "another key"),
            (lambda head: {"business_date": date(2026, 6, 1)}, "another night"),
        ],
    )
    def test_a_changed_head(self, two_nights, change, said):
        head = EvidenceHead.objects.get(number=1)
        EvidenceHead.objects.filter(pk=head.pk).update(**change(head))
        found = broken()
        assert "head 1 " in found
        assert said in found

    def test_a_head_taken_out_of_the_middle(self, two_nights):
        EvidenceHead.objects.get(number=1).delete()
        assert "head 2 (2026-07-01) does not follow head 0: head 1 is missing" in broken()

    @pytest.mark.parametrize("stored", ["2026-06-3!", "2026-16-30", "\xb2026-06-30"])
    def test_a_date_that_is_none_any_more(self, two_nights, stored):
        if connection.vendor != "sqlite":
            pytest.skip("PostgreSQL keeps no date that is none")
        with connection.cursor() as cursor:
            raw = stored.encode("latin-1")
            cursor.execute("update retention_evidencehead set business_date = cast(%s as text) where number = 1", [raw])
        found = broken()
        assert "head 1 " in found
        assert "another night" in found

    def test_a_last_night_taken_out_whole_is_missed_by_its_copy(self, two_nights):
        EvidenceHead.objects.get(number=2).delete()
        EvidenceEntry.objects.filter(chain=str(NEXT)).delete()
        journal_of(two_nights, NEXT).unlink()
        assert "head 2 is gone from the database" in broken()

    def test_a_copy_that_says_something_else(self, two_nights):
        copy = two_nights / "heads" / "testi" / "1.json"
        copy.write_bytes(copy.read_bytes().replace(b"signature", b"signatura"))
        assert "not what its copy says" in broken()

    def test_a_file_that_is_no_copy_is_named(self, two_nights):
        (two_nights / "heads" / "testi" / "1 (kopio).json").touch()
        assert "'1 (kopio).json' among the copies of heads is none" in broken()

    def test_a_copy_leaves_once_the_night_is_committed(self, db, data_dir, django_capture_on_commit_callbacks):
        with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
            EvidenceLog("testi", str(DAY)).append("night_finished", {})
            head = sign_head("testi", DAY, str(DAY), {})
        copy = json.loads((data_dir / "heads" / "testi" / "1.json").read_bytes())
        assert (copy["digest"], copy["signature"]) == (head.digest, head.signature)

    def test_without_its_key_a_night_cannot_be_signed(self, db, data_dir):
        (data_dir / "keys" / "evidence.pem").unlink()
        with pytest.raises(EvidenceError, match=r"evidence\.pem"), transaction.atomic():
            sign_head("testi", DAY, str(DAY), {})


class TestJournal:
    def test_a_torn_last_line_is_passed_over_and_repaired_by_the_next(self, db, data_dir):
        night(signed=False)
        path = journal_of(data_dir)
        whole = path.read_bytes()
        path.write_bytes(whole + b'{"body":{"kind":"intent","lot":2,"att')
        assert verify("testi").journal_lines == 2
        assert Journal("testi", DAY).end()[0] == 2
        journal = Journal("testi", DAY)
        journal.append({"kind": "outcome", "lot": 1, "attempt": 1, "tally": {"destroyed": 2}})
        assert path.read_bytes().startswith(whole)
        assert [number for number, _, _ in journal.lines()] == [1, 2, 3]
        assert verify("testi").journal_lines == 3

    def test_an_only_line_that_is_torn(self, db, data_dir):
        path = journal_of(data_dir)
        path.parent.mkdir(parents=True)
        path.write_bytes(b'{"bo')
        journal = Journal("testi", DAY)
        assert journal.end() == (0, "0" * 64)
        journal.append({"a": 1})
        assert [record for _, record, _ in journal.lines()] == [{"a": 1}]

    def test_lines_longer_than_what_is_read_at_once(self, db, data_dir):
        for _ in range(3):
            Journal("testi", DAY).append({"keys": ["0" * 64] * 2_000})
        assert [number for number, _, _ in Journal("testi", DAY).lines()] == [1, 2, 3]

    def test_a_write_that_failed_half_way_is_repaired_by_the_same_journal(self, data_dir):
        journal = Journal("testi", DAY)
        journal.append({"a": 1})
        size = journal.path.stat().st_size
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, before[1]))  # as on a full disk
        try:
            with pytest.raises(OSError, match="too large"):
                journal.append({"a": 2})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert journal.path.stat().st_size == size + 10
        journal.append({"a": 3})
        assert [record for _, record, _ in journal.lines()] == [{"a": 1}, {"a": 3}]

    @pytest.mark.parametrize("lines", [0, 1])
    def test_cut_off_at_a_line_it_is_what_the_head_misses(self, two_nights, lines):
        path = journal_of(two_nights)
        path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:lines]))
        assert f"journal 2026-06-30.jsonl ends after line {lines}, and its night's head signs 2" in broken()

    def test_cut_off_before_the_night_is_signed_its_intent_is_missed(self, db, data_dir):
        night(signed=False)
        journal_of(data_dir).write_bytes(b"")
        assert "lacks the intent of lot 1, attempt 1" in broken()

    @pytest.mark.parametrize(
        ("line", "old", "new"), [(1, b'"lot":1', b'"lot":3'), (2, b'"destroyed":2', b'"failed":2')]
    )
    def test_a_changed_line(self, two_nights, line, old, new):
        path = journal_of(two_nights)
        lines = path.read_bytes().splitlines(keepends=True)
        lines[line - 1] = lines[line - 1].replace(old, new)
        path.write_bytes(b"".join(lines))
        assert f"journal 2026-06-30.jsonl: line {line} was changed" in broken()

    def test_a_database_put_back_to_before_what_was_done(self, db, data_dir):
        """The journal still knows of the intent: that a restored backup has forgotten it does not go unseen."""
        night(signed=False)
        EvidenceEntry.objects.filter(number__gt=1).delete()
        assert "line 1 tells of an intent (lot 1) that the chain does not have" in broken()

    def test_a_file_that_is_no_journal_is_named(self, two_nights):
        (two_nights / "journal" / "testi" / "2026-06-30 (kopio).jsonl").touch()
        assert "'2026-06-30 (kopio).jsonl' among the journals is none" in broken()

    def test_without_a_journal_the_chain_stands_alone(self, two_nights):
        journal_of(two_nights).unlink()
        assert verify("testi").journals == 1

    def test_each_line_is_canonical(self, two_nights):
        for line in journal_of(two_nights).read_bytes().splitlines():
            assert canonical(json.loads(line)) == line

    def test_nobody_else_may_read_it(self, two_nights):
        assert journal_of(two_nights).stat().st_mode & 0o077 == 0


class TestDigest:
    def test_it_stands_for_the_number_and_does_not_tell_it(self, data_dir):
        assert subject_digest("1001") == subject_digest("1001")
        assert len(subject_digest("1001")) == 64
        assert subject_digest("1001") != subject_digest("1002")

    def test_under_another_key_it_is_another(self, data_dir, settings):
        first = subject_digest("1001")
        other = data_dir / "other"
        make_keys(other / "keys")
        settings.DATA_DIR = other
        assert subject_digest("1001") != first

    def test_without_the_key_there_is_none(self, tmp_path, settings):
        settings.DATA_DIR = tmp_path
        with pytest.raises(EvidenceError, match=r"digest\.key"):
            subject_digest("1001")
