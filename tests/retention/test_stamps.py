"""Time stamps of heads, from an authority that really answers: the right one is kept, any other is refused and told."""

from __future__ import annotations

import io
import json
import socket
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone, translation

from retention import offline, offline_stamps, stamp_authority, stamps
from retention.alarms import words
from retention.alarms.looking import look
from retention.domain.errors import EvidenceError
from retention.evidence_check import verify
from retention.evidence_export import export, fingerprint, prove
from retention.evidence_log import EvidenceLog, copy_heads, heads_directory, sign_head
from retention.models import Alarm, EvidenceHead, EvidenceStamp, Run
from retention.models.evidence import StampProblem
from retention.night import help_night, run_night
from retention.runs import request
from tests.retention.company import NOW, TODAY
from tests.time_stamp_authority import POLICY, certificate, make_authority, time_stamp_authority

DAY = date(2026, 6, 30)
NEXT = TODAY + timedelta(days=1)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory) -> Path:
    """Directories: `right`, `foreign` with an older way to sign, and `ended`, whose certificate was over yesterday."""
    directory: Path = tmp_path_factory.mktemp("authorities")
    for name in ("right", "foreign", "ended"):
        make_authority(directory / name, name, ended=name == "ended", old=name == "foreign")
    return directory


@pytest.fixture
def authority(certificates, settings, monkeypatch):
    """One that is asked, and whose CA is known."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with time_stamp_authority(certificates / "right") as found:
        settings.STAMP_URL, settings.STAMP_CA = found.url, found.ca
        yield found


def head(days: int = 0, signed_at: datetime | None = None) -> EvidenceHead:
    """The signed end of a small night."""
    day = DAY + timedelta(days=days)
    with transaction.atomic():
        log = EvidenceLog("testi", day.isoformat())
        log.append("run", {"day": day.isoformat()})
        return sign_head("testi", day, log.chain, {}, signed_at)


@pytest.fixture
def heads(db, data_dir):
    return [head(0), head(1), head(2)]


def rows() -> dict[int, Any]:
    return {row.number: row for row in EvidenceStamp.objects.all()}


def exported() -> bytes:
    out = io.BytesIO()
    export("testi", out)
    return out.getvalue()


def copied(directory: Path, *modules: Any) -> Path:
    """Programs alone, as an inspector gets them; the first one's place."""
    places = [directory / Path(module.__file__).name for module in modules]
    for module, place in zip(modules, places, strict=True):
        place.write_bytes(Path(module.__file__).read_bytes())
    return places[0]


def checked(content: bytes, authorities=(), directory=None) -> offline.Checked:
    return offline.Reader(io.BytesIO(content), "", authorities, directory).read()


def openssl_verifies(answer: Path, digest: str, ca: Path) -> bool:
    """By the program that anybody has."""
    command: list[Any] = ["openssl", "ts", "-verify", "-in", answer, "-digest", digest, "-CAfile", ca]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode == 0 and "Verification: OK" in done.stdout


def away(settings) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        settings.STAMP_URL = f"http://127.0.0.1:{free.getsockname()[1]}/tsr"


class TestGiven:
    def test_a_night_that_ended_has_the_stamp_of_its_head(self, company, data_dir, authority):
        before = timezone.now().replace(microsecond=0)
        run_night(company, TODAY, NOW)
        signed = EvidenceHead.objects.get()
        row = rows()[signed.number]
        assert row.digest == signed.digest
        assert before <= row.given_at <= timezone.now()
        assert row.given_at == offline_stamps.read_stamp(row.answer, signed.digest, authority.ca).time
        assert verify("testi").stamps == 1
        copy = heads_directory("testi") / f"{signed.number}.tsr"
        assert copy.read_bytes() == row.answer
        assert openssl_verifies(copy, signed.digest, authority.directory / "root.pem")
        run_night(company, NEXT, NOW + timedelta(days=1))
        assert len(authority.questions) == 2  # what was given once is never asked for again

    def test_a_night_that_workers_ended_has_it_too(self, company, authority):
        help_night(request(company, TODAY, by="schedule"), NOW)
        assert rows()[1].answer is not None

    def test_nothing_but_the_digest_leaves(self, heads, authority):
        stamps.fetch("testi")
        [(headers, question)] = authority.questions
        asked = offline_stamps.shapes().decode(offline_stamps.shapes().request, question)
        assert asked.imprint.digest.hex() == heads[-1].digest
        # version, digest, nonce, certificates wanted: that is all there is
        assert offline_stamps.shapes().encode(asked) == question
        assert asked.policy is None
        assert set(headers) == {
            *("Host", "User-Agent", "Accept-Encoding", "Accept", "Connection", "Content-Type", "Content-Length"),
        }

    def test_each_question_has_a_nonce_of_its_own(self, heads, authority):
        stamps.fetch("testi")
        head(3)
        stamps.fetch("testi")
        of = offline_stamps.shapes()
        first, second = (of.decode(of.request, question).nonce for _, question in authority.questions)
        assert first != second
        assert min(first, second) >= 1 << 62

    def test_the_newest_head_first_and_then_every_one(self, heads, authority):
        stamps.fetch("testi")
        assert set(rows()) == {3}
        head(3), head(4)
        assert stamps.fetch("testi") == stamps.Stamped(given=2)
        assert set(rows()) == {3, 4, 5}

    def test_a_go_has_an_end_and_begins_with_the_newest(self, heads, authority, monkeypatch):
        stamps.fetch("testi")
        head(3), head(4)
        monkeypatch.setattr(stamps, "MOST", 1)
        assert stamps.fetch("testi") == stamps.Stamped(given=1, missing=1)
        assert set(rows()) == {3, 5}

    def test_the_policy_is_asked_for(self, heads, authority, settings):
        settings.STAMP_POLICY = "1.3.6.1.4.1.9999.5"
        stamps.fetch("testi")
        assert offline_stamps.read_stamp(rows()[3].answer, heads[2].digest, authority.ca).policy == "1.3.6.1.4.1.9999.5"

    def test_credentials_go_to_the_authority_alone(self, heads, authority, settings, caplog):
        settings.STAMP_CREDENTIALS = "seloste:tosi:salainen"
        authority.behave = lambda question: (307, b"")
        stamps.fetch("testi")
        assert [headers["Authorization"] for headers, _ in authority.questions] == [
            "Basic c2Vsb3N0ZTp0b3NpOnNhbGFpbmVu"  # and no redirect is followed
        ]
        assert "salainen" not in caplog.text
        assert rows()[3].problem == "refused"

    def test_without_a_ca_who_gave_it_is_not_asked(self, heads, authority, settings, certificates):
        settings.STAMP_CA = ()
        authority.behave = lambda question: (200, authority.reply(question, whose=certificates / "foreign"))
        assert stamps.fetch("testi").given == 1

    def test_off_nobody_is_asked(self, heads, authority, settings):
        settings.STAMP_URL = ""
        assert stamps.fetch("testi") == stamps.Stamped()
        assert authority.questions == []
        assert rows() == {}

    def test_while_somebody_asks_nobody_else_does(self, heads, authority, monkeypatch):
        others, ask = [], stamp_authority.stamp

        def meanwhile(*arguments):
            others.append(stamps.fetch("testi"))
            return ask(*arguments)

        monkeypatch.setattr(stamp_authority, "stamp", meanwhile)
        assert stamps.fetch("testi") == stamps.Stamped(given=1)
        assert others == [stamps.Stamped(missing=1)]
        assert len(authority.questions) == 1

    def test_who_was_killed_while_asking_keeps_nobody_for_long(self, heads, authority):
        now = timezone.now()
        EvidenceStamp.objects.create(organisation="testi", number=3, digest=heads[2].digest, asked_at=now)
        assert stamps.fetch("testi", lambda: now + stamps.CLAIMED) == stamps.Stamped(missing=1)
        assert stamps.fetch("testi", lambda: now + stamps.CLAIMED + timedelta(seconds=1)).given == 1

    def test_of_two_who_asked_the_first_counts(self, heads, authority, monkeypatch):
        first, ask = [], stamp_authority.stamp

        def slower(*arguments):
            answer = ask(*arguments)
            monkeypatch.setattr(stamp_authority, "stamp", ask)
            EvidenceStamp.objects.update(asked_at=timezone.now() - 2 * stamps.CLAIMED)
            stamps.fetch("testi")
            first.append(bytes(rows()[3].answer))
            return answer

        monkeypatch.setattr(stamp_authority, "stamp", slower)
        assert stamps.fetch("testi").given == 0
        assert [bytes(rows()[3].answer)] == first


def asked_anew(question: bytes, **over) -> bytes:
    """The same question with something else in it."""
    of = offline_stamps.shapes()
    asked = of.decode(of.request, question)
    names = ("version", "imprint", "policy", "nonce", "certificates")
    return bytes(of.encode(of.request(**{**{name: getattr(asked, name) for name in names}, **over})))


def other_digest(question: bytes) -> bytes:
    of = offline_stamps.shapes()
    imprint = of.decode(of.request, question).imprint
    return asked_anew(question, imprint=of.imprint(algorithm=imprint.algorithm, digest=bytes(32)))


def flipped(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


WRONG = {
    "another digest": (lambda a, q, c: (200, a.reply(other_digest(q))), "wrong", "of another digest"),
    "another nonce": (lambda a, q, c: (200, a.reply(asked_anew(q, nonce=7))), "wrong", "nonce is another"),
    "no nonce": (lambda a, q, c: (200, a.reply(asked_anew(q, nonce=None))), "wrong", "nonce is another"),
    "another policy": (lambda a, q, c: (200, a.reply(asked_anew(q, policy=None))), "wrong", f"policy {POLICY}"),
    "no certificate": (lambda a, q, c: (200, a.reply(asked_anew(q, certificates=False))), "wrong", "not hold the cert"),
    "foreign": (lambda a, q, c: (200, a.reply(q, whose=c / "foreign")), "wrong", "not signed by one of the auth"),
    "ended": (lambda a, q, c: (200, a.reply(q, whose=c / "ended")), "wrong", "not signed by one of the auth"),
    "a signature's last bit": (lambda a, q, c: (200, flipped(a.reply(q))), "wrong", "signature that is not its own"),
    "garbage": (lambda a, q, c: (200, b"<html>Welcome</html>"), "wrong", "cannot be read"),
    "nothing": (lambda a, q, c: (200, b""), "wrong", "cannot be read"),
    "too much": (lambda a, q, c: (200, bytes(stamp_authority.LONGEST + 1)), "wrong", "longer than"),
    "rejected": (lambda a, q, c: (200, a.reply(q, "takes_sha512_only")), "refused", "not granted (status 2)"),
    "an error": (lambda a, q, c: (500, b""), "refused", "answers 500"),
}


class TestRefused:
    @pytest.mark.parametrize("name", WRONG)
    def test_a_wrong_answer_is_not_kept_and_told(self, name, heads, authority, certificates, settings, caplog):
        answer, problem, said = WRONG[name]
        settings.STAMP_POLICY = "1.3.6.1.4.1.9999.5" if name == "another policy" else ""
        if name in {"foreign", "ended"}:
            settings.STAMP_CA = (
                *authority.ca,
                *x509.load_pem_x509_certificates((certificates / "ended/root.pem").read_bytes()),
            )
        authority.behave = lambda question: answer(authority, question, certificates)
        done = stamps.fetch("testi")
        assert (done.given, done.missing, done.problem) == (0, 1, problem)
        assert said in done.said
        assert done.said in caplog.text
        assert (rows()[3].answer, rows()[3].given_at, rows()[3].problem) == (None, None, problem)
        assert not list(heads_directory("testi").glob("*.tsr"))
        authority.behave = None
        assert stamps.fetch("testi") == stamps.Stamped(given=1)
        assert rows()[3].problem == ""

    def test_no_stamp_is_older_than_its_head(self, db, data_dir, authority):
        head(signed_at=datetime.now(UTC) + offline_stamps.TOLERANCE + timedelta(minutes=1))
        assert "before the head was signed" in stamps.fetch("testi").said

    def test_a_clock_may_be_a_little_behind(self, db, data_dir, authority):
        head(signed_at=datetime.now(UTC) + offline_stamps.TOLERANCE - timedelta(minutes=1))
        assert stamps.fetch("testi").given == 1

    @pytest.mark.parametrize(("minutes", "given"), [(-6, 0), (-4, 1), (4, 1), (6, 0)])
    def test_a_stamp_is_of_now_by_our_clock_too(self, heads, authority, minutes, given):
        done = stamps.fetch("testi", lambda: timezone.now() + timedelta(minutes=minutes))
        assert done.given == given
        assert given or "is not now" in done.said

    @pytest.mark.parametrize("limit", ["between bytes", "in all"])
    def test_a_slow_authority_keeps_nobody(self, limit, heads, authority, monkeypatch):
        if limit == "in all":
            monkeypatch.setattr(stamp_authority, "SECONDS_IN_ALL", 0.3)
        else:
            monkeypatch.setattr(stamp_authority, "SECONDS", (5, 0.3))
        authority.behave = authority.silent
        done = stamps.fetch("testi")
        assert (done.problem, done.missing) == ("away", 1)
        assert ("ReadTimeout" if limit == "between bytes" else "in 0.3 seconds") in done.said
        assert not authority.released.is_set()

    def test_one_that_is_away_is_asked_once_in_a_go(self, heads, authority, monkeypatch):
        stamps.fetch("testi")
        head(3), head(4)
        monkeypatch.setattr(stamp_authority, "SECONDS", (5, 0.3))
        authority.behave = authority.silent
        assert stamps.fetch("testi").missing == 2
        assert len(authority.questions) == 2


class TestLater:
    def test_a_night_without_the_authority_ends_and_is_stamped_with_the_next(self, company, authority, settings):
        there = settings.STAMP_URL
        away(settings)
        run = run_night(company, TODAY, NOW)
        assert run.state == "finished"
        assert verify("testi").heads == 1
        look(company, NOW + timedelta(minutes=59))
        assert not Alarm.objects.filter(kind="head_not_stamped").exists()
        look(company, NOW + timedelta(hours=2))
        alarm = Alarm.objects.get(kind="head_not_stamped")
        assert (alarm.state, alarm.facts) == ("open", {"number": 1, "since": "2026-06-30", "problem": "away"})

        settings.STAMP_URL = there
        asked = timezone.now().replace(microsecond=0)
        run_night(company, NEXT, NOW + timedelta(days=1))
        assert set(rows()) == {1, 2}
        assert all(row.given_at >= asked for row in rows().values())  # when it was given, not when the head was signed
        look(company, NOW + timedelta(hours=26))
        alarm.refresh_from_db()
        assert alarm.state == "resolved"

    def test_a_wrong_answer_is_an_alarm_that_says_so(self, company, authority):
        authority.behave = lambda question: (200, b"nothing")
        run_night(company, TODAY, NOW)
        look(company, NOW + timedelta(hours=2))
        assert Alarm.objects.get(kind="head_not_stamped").facts["problem"] == "wrong"

    def test_what_nobody_asked_for_is_an_alarm_too(self, company, authority, settings):
        there, settings.STAMP_URL = settings.STAMP_URL, ""
        run_night(company, TODAY, NOW)
        look(company, NOW + timedelta(hours=2))
        assert not Alarm.objects.filter(kind="head_not_stamped").exists()
        settings.STAMP_URL = there
        look(company, NOW + timedelta(hours=3))
        assert Alarm.objects.get(kind="head_not_stamped").facts["problem"] == ""

    def test_heads_signed_by_day_wait_for_the_next_night_without_an_alarm(self, company, authority):
        run_night(company, TODAY, NOW)
        with transaction.atomic():
            log = EvidenceLog.apart("testi", "canary", TODAY)
            log.append("canary", {})
            sign_head("testi", TODAY, log.chain, {})
        look(company, NOW + timedelta(hours=12))
        assert not Alarm.objects.filter(kind="head_not_stamped").exists()
        run_night(company, NEXT, NOW + timedelta(days=1))
        assert set(rows()) == {1, 2, 3}

    def test_a_night_asked_for_again_asks_for_what_is_missing(self, company, authority, settings):
        there = settings.STAMP_URL
        away(settings)
        run_night(company, TODAY, NOW)
        settings.STAMP_URL = there
        run_night(company, TODAY, NOW)
        assert rows()[1].answer is not None
        assert Run.objects.count() == 1

    def test_the_command_asks_too(self, heads, authority, settings, capsys):
        authority.behave = lambda question: (500, b"")
        with pytest.raises(SystemExit):
            call_command("evidence", "stamp", language="en")
        told = capsys.readouterr()
        assert "given: 0, missing: 1" in told.out
        assert "answers 500" in told.err
        authority.behave = None
        call_command("evidence", "stamp", "--json")
        assert json.loads(capsys.readouterr().out)[0]["given"] == 1
        call_command("evidence", "verify", language="en")
        assert "Heads with a time stamp: 1." in capsys.readouterr().out
        settings.STAMP_URL = ""
        with pytest.raises(CommandError, match="SELOSTE_STAMP_URL"):
            call_command("evidence", "stamp")

    def test_after_a_restore_stamps_come_back_with_their_own_time(self, heads, authority):
        stamps.fetch("testi")
        head(3)
        stamps.fetch("testi")
        before = [(row.number, bytes(row.answer), row.given_at) for row in rows().values()]
        EvidenceStamp.objects.all().delete()
        authority.behave = lambda question: (500, b"")
        assert stamps.fetch("testi") == stamps.Stamped(taken_back=2)
        assert [(row.number, bytes(row.answer), row.given_at) for row in rows().values()] == before

    def test_a_bad_copy_does_not_come_back(self, heads, authority, caplog):
        stamps.fetch("testi")
        path = heads_directory("testi") / "3.tsr"
        path.rename(path.with_name("2.tsr"))
        EvidenceStamp.objects.all().delete()
        assert stamps.fetch("testi") == stamps.Stamped(given=1)
        assert "the copy 2.tsr is of another digest" in caplog.text


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_each_problem_has_its_own_words(language):
    facts = {"number": 2, "since": "2026-06-30"}
    with translation.override(language):
        told = {words.sentence("head_not_stamped", "", {**facts, "problem": one}) for one in ("", *StampProblem.values)}
    assert len(told) == 4
    assert not [one for one in told if "%(" in one or "2026" not in one]


class TestVerified:
    @pytest.fixture
    def stamped(self, heads, authority):
        stamps.fetch("testi")
        head(3)
        stamps.fetch("testi")
        assert verify("testi").stamps == 2

    def test_a_stamp_at_another_head(self, stamped):
        EvidenceStamp.objects.filter(number=4).update(answer=rows()[3].answer)
        with pytest.raises(EvidenceError, match="time stamp of head 4 is of another digest"):
            verify("testi")

    def test_another_time(self, stamped):
        EvidenceStamp.objects.filter(number=4).update(given_at=NOW)
        with pytest.raises(EvidenceError, match=r"head 4 says .* and the database another time"):
            verify("testi")

    def test_another_authority(self, stamped, certificates, settings):
        settings.STAMP_CA = x509.load_pem_x509_certificates((certificates / "foreign/root.pem").read_bytes())
        with pytest.raises(EvidenceError, match="time stamp of head 3 is not signed by one of the authorities"):
            verify("testi")

    def test_another_copy(self, stamped):
        path = heads_directory("testi") / "4.tsr"
        path.write_bytes(flipped(path.read_bytes()))
        with pytest.raises(EvidenceError, match="head 4 is not what its copy says"):
            verify("testi")

    def test_of_a_head_that_was_another(self, stamped):
        EvidenceStamp.objects.filter(number=4).update(digest="0" * 64)
        with pytest.raises(EvidenceError, match="head 4 is of a head that is not here"):
            verify("testi")

    def test_of_no_head(self, stamped):
        EvidenceStamp.objects.filter(number=4).update(number=9)
        with pytest.raises(EvidenceError, match="head 9 is of a head that is not here"):
            verify("testi")


class TestOffline:
    @pytest.fixture
    def content(self, heads, authority):
        stamps.fetch("testi")
        head(3), head(4)
        stamps.fetch("testi")
        return exported()

    def test_with_the_ca_it_says_which_heads_carry_one(self, content, authority):
        found = checked(content, authority.ca)
        assert found.problems == []
        assert found.stamps == {number: row.given_at for number, row in rows().items()}
        assert list(offline.about_stamps(found, checked=True)) == [
            "heads with a time stamp: 3-5",
            "heads without a time stamp: 1-2",
            f"the newest stamp: head 5, {rows()[5].given_at.isoformat()}",
        ]

    def test_without_it_it_says_that_nobody_checked(self, content):
        found = checked(content)
        assert found.problems == []
        assert next(offline.about_stamps(found, checked=False)).startswith("heads with a time stamp, NOT CHECKED")

    def test_another_ca_is_named_at_each(self, content, certificates):
        foreign = x509.load_pem_x509_certificates((certificates / "foreign/root.pem").read_bytes())
        assert [said.split(" is ")[0] for _, said in checked(content, foreign).problems] == [
            f"the time stamp of head {number}" for number in (3, 4, 5)
        ]

    def test_a_stamp_at_another_head(self, content, authority):
        EvidenceStamp.objects.filter(number=4).update(answer=rows()[5].answer)
        found = checked(exported())  # signed by the organisation itself, and found without a CA
        assert [said for _, said in found.problems] == ["the time stamp of head 4 is of another digest"]

    def test_each_bit_of_a_stamp_in_the_file_is_found_at_its_line(self, content, authority):
        lines = content.splitlines(keepends=True)
        at = next(place for place, line in enumerate(lines) if b'"stamp"' in line)
        answer = bytes.fromhex(json.loads(lines[at])["head"]["stamp"]["answer"])
        for place in range(0, len(answer), 37):
            changed = bytearray(answer)
            changed[place] ^= 1 << place % 8
            line = lines[at].replace(answer.hex().encode(), changed.hex().encode())
            found = checked(b"".join([*lines[:at], line, *lines[at + 1 :]]), authority.ca)
            assert found.problems[0] == (at + 1, "the time stamp of head 3 was changed: its digest is another")

    def test_the_program_alone_and_openssl(self, content, authority, tmp_path):
        (tmp_path / "evidence.jsonl").write_bytes(content)
        place = copied(tmp_path, offline, offline_stamps)
        command: list[Any] = [
            sys.executable,
            "-I",
            place,
            tmp_path / "evidence.jsonl",
            "--public-key",
            fingerprint(),
        ]
        command += ["--stamp-ca", authority.directory / "root.pem", "--stamps", tmp_path / "stamps"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "heads with a time stamp: 3-5\nheads without a time stamp: 1-2\n" in done.stdout
        written = sorted((tmp_path / "stamps").iterdir())
        assert [path.name for path in written] == ["3.tsr", "4.tsr", "5.tsr"]
        for path in written:
            digest = EvidenceHead.objects.get(number=int(path.stem)).digest
            assert openssl_verifies(path, digest, authority.directory / "root.pem")
            assert not openssl_verifies(
                path, EvidenceHead.objects.get(number=1).digest, authority.directory / "root.pem"
            )

    def test_without_the_file_beside_it_each_stamp_is_named(self, content, tmp_path):
        (tmp_path / "evidence.jsonl").write_bytes(content)
        command = [sys.executable, "-I", copied(tmp_path, offline), tmp_path / "evidence.jsonl"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        said = "the time stamp of head 4 cannot be read: offline_stamps.py does not lie beside this file"
        assert said in done.stdout + done.stderr

    def test_what_the_how_to_says_to_an_inspector(self, content, authority):
        copy_heads("testi")
        place = heads_directory("testi")
        program = "import hashlib, json, sys; print(hashlib.sha256(json.load(sys.stdin)['body'].encode()).hexdigest())"
        done = subprocess.run(
            [sys.executable, "-c", program], input=(place / "5.json").read_bytes(), capture_output=True, check=True
        )
        digest = done.stdout.decode().strip()
        assert digest == EvidenceHead.objects.get(number=5).digest
        verify_it: list[Any] = ["openssl", "ts", "-verify", "-in", place / "5.tsr", "-digest", digest]
        verify_it += ["-CAfile", authority.directory / "root.pem", "-attime"]
        given = rows()[5].given_at
        for when, verified in ((given, True), (given + timedelta(days=400), False)):
            done = subprocess.run([*verify_it, str(int(when.timestamp()))], capture_output=True, check=False)
            assert (done.returncode == 0) is verified
        show: list[Any] = ["openssl", "ts", "-reply", "-in", place / "5.tsr", "-text"]
        told = subprocess.run(show, capture_output=True, text=True, check=True).stdout
        assert f"Time stamp: {given:%b} {given.day:2} {given:%H:%M:%S %Y} GMT" in told
        assert f"Policy OID: {POLICY}" in told

    def test_a_proof_about_one_person_has_the_stamps_of_its_heads(self, company, authority):
        run_night(company, TODAY, NOW)
        out = io.BytesIO()
        prove("testi", "customer", "1001", out)
        found = checked(out.getvalue(), authority.ca)
        assert (found.problems, found.stamps) == ([], {1: rows()[1].given_at})

    def test_a_file_without_stamps_says_nothing_of_them(self, heads):
        content = exported()
        assert b"stamp" not in content
        assert list(offline.about_stamps(checked(content), checked=False)) == []


class TestRead:
    """The reading alone, held against OpenSSL's."""

    @pytest.fixture
    def answer(self, heads, authority):
        stamps.fetch("testi")
        return bytes(rows()[3].answer)

    def test_it_holds_more_than_one_certificate(self, answer):
        told = offline_stamps.shapes().decode(offline_stamps.shapes().answer, answer)
        assert len(told.token.content.certificates) == 2

    def test_whatever_byte_is_another_it_is_refused_or_says_the_same(self, answer, heads, authority):
        right = offline_stamps.read_stamp(answer, heads[2].digest, authority.ca)
        taken = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a certificate's serial number may become a negative one
            for place in range(len(answer)):
                changed = bytearray(answer)
                changed[place] ^= 0x01
                try:
                    found = offline_stamps.read_stamp(bytes(changed), heads[2].digest, authority.ca)
                except offline_stamps.StampError:
                    continue
                assert found == right
                taken.append(place)
        assert len(taken) < 30  # versions and the list of digests, which no signature is over

    def test_rsa_and_a_certificate_named_the_older_way(self, heads, authority, certificates):
        digest, foreign = heads[2].digest, certificates / "foreign"
        ca = x509.load_pem_x509_certificates((foreign / "root.pem").read_bytes())
        question = stamp_authority._request(digest, 1 << 62)
        (foreign / "answer").write_bytes(authority.reply(question, whose=foreign))
        answer = (foreign / "answer").read_bytes()
        assert offline_stamps.read_stamp(answer, digest, ca).nonce == 1 << 62
        with pytest.raises(offline_stamps.StampError, match="signature that is not its own"):
            offline_stamps.read_stamp(flipped(answer), digest, ca)
        assert openssl_verifies(foreign / "answer", digest, foreign / "root.pem")
        assert not openssl_verifies(foreign / "answer", digest, authority.directory / "root.pem")


CONTENT_TYPE, MESSAGE_DIGEST, SIGNING = (
    offline_stamps.CONTENT_TYPE,
    offline_stamps.MESSAGE_DIGEST,
    "1.2.840.113549.1.9.16.2.47",
)


def value(content) -> asn1.TLV:
    return asn1.decode_der(asn1.TLV, asn1.encode_der(content))


def without(kind: str, attributes: list[Any]) -> list[Any]:
    return [one for one in attributes if one.kind.dotted_string != kind]


def instead(kind: str, content, attributes: list[Any]) -> list[Any]:
    made = type(attributes[0])(kind=x509.ObjectIdentifier(kind), values=asn1.SetOf([value(content)]))
    return [*without(kind, attributes), made]


def another_certificate(attributes: list[Any]) -> list[Any]:
    named = next(one for one in attributes if one.kind.dotted_string == SIGNING).values.as_list()[0]
    told = named.parse(offline_stamps.shapes().signing)
    return instead(SIGNING, replace(told, certificates=[replace(told.certificates[0], digest=bytes(32))]), attributes)


def resigned(answer: bytes, directory: Path, change: Callable[[list[Any]], list[Any]], signers: int = 1) -> bytes:
    """The same answer, signed by its signer over other attributes; `signers` times."""
    of = offline_stamps.shapes()
    told = of.decode(of.answer, answer)
    data = told.token.content
    signer = data.signers.as_list()[0]
    attributes = asn1.SetOf(change(signer.signed.as_list()))
    raw = bytes(of.decode(of.any, of.encode(of.attributes(all=attributes))).data)
    key = _key(directory / "signer.key")
    signed = replace(signer, signed=attributes, signature=key.sign(raw, ec.ECDSA(hashes.SHA256())))
    content = replace(data, signers=asn1.SetOf([signed] * signers))
    return bytes(of.encode(replace(told, token=replace(told.token, content=content))))


CRAFTED = {
    "another content": (lambda a: instead(MESSAGE_DIGEST, bytes(32), a), 1, "its content is not what was signed"),
    "another kind": (
        lambda a: instead(CONTENT_TYPE, x509.ObjectIdentifier("1.2.840.113549.1.7.1"), a),
        1,
        "its content is not what was signed",
    ),
    "no kind": (lambda a: without(CONTENT_TYPE, a), 1, "its content is not what was signed"),
    "another certificate": (another_certificate, 1, "names another certificate"),
    "no certificate": (lambda a: without(SIGNING, a), 1, "names another certificate"),
    "a digest twice": (lambda a: [*a, *instead(MESSAGE_DIGEST, bytes(32), a)[-1:]], 1, "in a way that is not read"),
    "two signers": (lambda a: a, 2, "has 2 signers"),
}


class TestSigned:
    """What `openssl ts -reply` never makes: put together from what it made, and signed with the key of its signer."""

    @pytest.fixture
    def answer(self, heads, authority):
        return authority.reply(stamp_authority._request(heads[2].digest, 1 << 62))

    def test_signed_again_it_is_as_good(self, answer, heads, authority, tmp_path):
        again = resigned(answer, authority.directory, lambda attributes: attributes)
        assert again != answer
        assert offline_stamps.read_stamp(again, heads[2].digest, authority.ca).nonce == 1 << 62
        (tmp_path / "answer").write_bytes(again)
        assert openssl_verifies(tmp_path / "answer", heads[2].digest, authority.directory / "root.pem")

    @pytest.mark.parametrize("name", CRAFTED)
    def test_what_was_signed_must_be_a_stamp_by_whom_it_names(self, name, answer, heads, authority):
        change, signers, said = CRAFTED[name]
        with pytest.raises(offline_stamps.StampError, match=said):
            offline_stamps.read_stamp(
                resigned(answer, authority.directory, change, signers), heads[2].digest, authority.ca
            )

    def test_another_kind_of_content(self, answer, heads, authority):
        of = offline_stamps.shapes()
        told = of.decode(of.answer, answer)
        data = replace(told.token.content.content, kind=x509.ObjectIdentifier("1.2.840.113549.1.7.1"))
        other = replace(told, token=replace(told.token, content=replace(told.token.content, content=data)))
        with pytest.raises(offline_stamps.StampError, match="something else that somebody signed"):
            offline_stamps.read_stamp(bytes(of.encode(other)), heads[2].digest, authority.ca)

    @pytest.mark.parametrize("status", [2, 5])
    def test_what_was_not_granted_is_no_stamp_whatever_it_holds(self, status, answer, heads, authority):
        of = offline_stamps.shapes()
        told = of.decode(of.answer, answer)
        other = bytes(of.encode(replace(told, status=replace(told.status, status=status))))
        with pytest.raises(offline_stamps.StampError, match=rf"not granted \(status {status}\)"):
            offline_stamps.read_stamp(other, heads[2].digest, authority.ca)
        with pytest.raises(offline_stamps.StampError, match=r"not granted \(status 0\)"):
            offline_stamps.read_stamp(bytes(of.encode(replace(told, token=None))), heads[2].digest, authority.ca)

    def test_only_sha_256_is_a_heads_digest(self, answer, heads, authority, monkeypatch):
        monkeypatch.setattr(stamp_authority, "SHA256", "2.16.840.1.101.3.4.2.8")  # SHA3-256, as long
        question = stamp_authority._request(heads[2].digest, 1 << 62)
        config = authority.directory / "tsa.cnf"
        before = config.read_text()
        config.write_text(before.replace("digests = sha256\n", "digests = sha256, sha3-256\n"))
        other = authority.reply(question)
        config.write_text(before)
        with pytest.raises(offline_stamps.StampError, match="of another digest"):
            offline_stamps.read_stamp(other, heads[2].digest, authority.ca)

    def test_a_certificate_counts_at_the_stamps_own_time(self, authority):
        signer, below = (_load(authority.directory / name) for name in ("signer.pem", "below.pem"))
        now = datetime.now(UTC)
        offline_stamps._leads_to(signer, [below], authority.ca, now - timedelta(days=20))
        for days in (-100, 40):
            with pytest.raises(offline_stamps.StampError, match="not valid at"):
                offline_stamps._leads_to(signer, [below], authority.ca, now + timedelta(days=days))

    @pytest.mark.parametrize("usages", [[], ["SERVER_AUTH"], ["TIME_STAMPING", "SERVER_AUTH"]])
    def test_a_certificate_must_be_for_time_stamps_alone(self, usages):
        root, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        until = datetime.now(UTC) + timedelta(days=9)
        ca = certificate("root", root, "root", root, until)
        found = [getattr(ExtendedKeyUsageOID, usage) for usage in usages]
        with pytest.raises(offline_stamps.StampError, match="not signed by one of the authorities"):
            offline_stamps._leads_to(
                certificate("signer", key, "root", root, until, found), [], [ca], datetime.now(UTC)
            )

    def test_a_ca_whose_key_is_not_for_certificates(self):
        root, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        until = datetime.now(UTC) + timedelta(days=9)
        signer = certificate("signer", key, "root", root, until, [ExtendedKeyUsageOID.TIME_STAMPING])
        offline_stamps._leads_to(signer, [], [certificate("root", root, "root", root, until)], datetime.now(UTC))
        other = certificate("root", root, "root", root, until, signs=False)
        with pytest.raises(offline_stamps.StampError, match="not signed by one of the authorities"):
            offline_stamps._leads_to(signer, [], [other], datetime.now(UTC))

    def test_nobody_but_a_ca_vouches_for_another(self, authority):
        """Whoever has a certificate for stamps could else make themselves further ones."""
        key, signer = ec.generate_private_key(ec.SECP256R1()), _load(authority.directory / "signer.pem")
        by = _key(authority.directory / "signer.key")
        until = datetime.now(UTC) + timedelta(days=9)
        made = certificate("further", key, "right stamps", by, until, [ExtendedKeyUsageOID.TIME_STAMPING])
        between = [signer, _load(authority.directory / "below.pem")]
        with pytest.raises(offline_stamps.StampError, match="not signed by one of the authorities"):
            offline_stamps._leads_to(made, between, authority.ca, datetime.now(UTC))


def _key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(path.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def _load(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())
