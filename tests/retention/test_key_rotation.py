"""A signing key is replaced: what was signed before still verifies, and with a retired one nothing follows."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from shutil import copy

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import transaction

from retention import key_rotation, offline, signing_keys
from retention.domain.errors import EvidenceError
from retention.domain.evidence import GENESIS, canonical, sha256_hex
from retention.evidence_check import verify
from retention.evidence_export import export, fingerprint, prove
from retention.evidence_log import EvidenceLog, check_keys, copy_heads, sign_head
from retention.evidence_restore import adopt
from retention.key_rotation import revoke, rotate
from retention.models import EvidenceEntry, EvidenceHead
from retention.night import run_night
from tests.own_database import wait
from tests.retention.company import NOW, TODAY

DAY = timedelta(days=1)
SAID = ("owner", "yearly")


def exported():
    out = io.BytesIO()
    export("testi", out)
    return out.getvalue()


def problems(content, trusted=""):
    return offline.Reader(io.BytesIO(content), trusted).read().problems


def public_of(path):
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    assert isinstance(key, Ed25519PrivateKey)
    return key.public_key().public_bytes_raw().hex()


def head(day, at=None):
    """One more night's end, signed."""
    with transaction.atomic():
        log = EvidenceLog("testi", day.isoformat())
        log.append("night_finished", {})
        return sign_head("testi", day, log.chain, {}, signed_at=at)


@pytest.fixture
def keys(company, data_dir):
    """Where the keys lie, after a night of the small company."""
    run_night(company, TODAY, NOW)
    copy_heads("testi")
    return data_dir / "keys"


def resigned(number, pem, **changes):
    """The head as somebody with that key could write it into the database."""
    key = serialization.load_pem_private_key(pem, password=None)
    assert isinstance(key, Ed25519PrivateKey)
    stored = EvidenceHead.objects.get(number=number)
    body = canonical({**json.loads(stored.body), **changes})
    digest = sha256_hex(body)
    EvidenceHead.objects.filter(pk=stored.pk).update(
        body=body.decode(),
        digest=digest,
        key_id=signing_keys.key_id(key),
        signature=key.sign(bytes.fromhex(digest)).hex(),
    )


class TestRotated:
    def test_what_was_signed_before_verifies_here_and_outside_with_the_first_key_or_the_newest(self, company, keys):
        first = fingerprint()
        rotate(NOW + timedelta(hours=8), *SAID)
        run_night(company, TODAY + DAY, NOW + DAY)
        rotate(NOW + timedelta(hours=30), *SAID)
        run_night(company, TODAY + 2 * DAY, NOW + 2 * DAY)
        assert verify("testi").heads == 5  # three nights, and each of two new keys signs that it is there
        assert len(set(EvidenceHead.objects.values_list("key_id", flat=True))) == 3
        content, middle = exported(), signing_keys.keyring().keys[1]
        for known in (first, middle, fingerprint(), ""):
            assert problems(content, known) == []
        assert problems(content, "ab" * 32) == [(1, "was signed with another key than the one given")]

    def test_a_proof_checks_over_the_keys_as_well(self, company, keys):
        first = fingerprint()
        rotate(NOW + timedelta(hours=8), *SAID)
        run_night(company, TODAY + DAY, NOW + DAY)
        out = io.BytesIO()
        assert prove("testi", "customer", "1004", out) == 1  # it goes in the second night
        assert problems(out.getvalue(), first) == problems(out.getvalue(), fingerprint()) == []

    def test_a_file_written_before_still_checks(self, keys):
        content, first = exported(), fingerprint()
        rotate(NOW, *SAID)
        assert problems(content, first) == []

    def test_each_organisation_is_told(self, keys):
        old, new = rotate(NOW, *SAID)
        told = json.loads(EvidenceEntry.objects.get(kind=key_rotation.KIND).body)
        assert (told["body"]["kind"], told["body"]["by"], set(told["signatures"])) == ("rotated", "owner", {old, new})
        assert EvidenceHead.objects.get(number=2).key_id == new

    def test_the_old_private_key_is_gone(self, keys):
        before = (keys / "evidence.pem").read_bytes()
        rotate(NOW, *SAID)
        assert not any(before == path.read_bytes() for path in keys.iterdir() if path.is_file())
        assert all(path.stat().st_mode & 0o077 == 0 for path in keys.iterdir() if path.is_file())

    @pytest.mark.parametrize("said", [("", "yearly"), ("owner", " ")])
    def test_not_without_who_and_why(self, keys, said):
        before = fingerprint()
        with pytest.raises(EvidenceError, match="who decided it"):
            rotate(NOW, *said)
        assert fingerprint() == before

    def test_heads_are_taken_back_from_copies_whichever_key_signed_them(
        self, company, keys, django_capture_on_commit_callbacks
    ):
        rotate(NOW, *SAID)
        copy_heads("testi")
        EvidenceHead.objects.all().delete()
        EvidenceEntry.objects.all().delete()
        adopt("testi", TODAY, "owner", "restored")
        assert EvidenceHead.objects.count() == 3
        assert verify("testi").lost == 2


class TestRunning:
    """A process that runs goes on with whatever lies there now."""

    def test_it_signs_with_a_new_key_from_the_next_head_on(self, keys):
        check_keys()
        before = head(TODAY + DAY).key_id
        _, new = rotate(NOW, *SAID)
        assert head(TODAY + 2 * DAY).key_id == new != before

    def test_a_retired_key_that_was_brought_back_signs_nothing(self, keys):
        copy(keys / "evidence.pem", keys / "old")
        rotate(NOW, *SAID)
        copy(keys / "old", keys / "evidence.pem")
        for refused in (check_keys, exported, lambda: head(TODAY + DAY)):
            with pytest.raises(EvidenceError, match="was retired"):
                refused()
        assert verify("testi").heads == 2  # what is there verifies with public keys alone

    def test_nor_if_the_chain_of_keys_went_with_it(self, keys):
        copy(keys / "evidence.pem", keys / "old")
        rotate(NOW, *SAID)
        copy(keys / "old", keys / "evidence.pem")
        (keys / "signers.jsonl").unlink()
        with pytest.raises(EvidenceError, match="another key signed the head before"):
            head(TODAY + DAY)

    def test_another_key_that_nobody_signed_signs_nothing(self, keys):
        rotate(NOW, *SAID)
        other = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (keys / "evidence.pem").write_bytes(other)
        with pytest.raises(EvidenceError, match=r"not the key that keys/signers\.jsonl names last"):
            check_keys()


class TestKilled:
    @pytest.mark.parametrize("at", range(1, 4))
    def test_anywhere_then_one_of_both_keys_signs_and_the_next_rotation_goes_through(self, keys, monkeypatch, at):
        """Killed before one of its three renames or writes: the draft, the chain, the key's name."""
        steps = []

        def counted(then):
            def step(*arguments, **more):
                steps.append(then)
                if len(steps) == at:
                    raise KeyboardInterrupt
                return then(*arguments, **more)

            return step

        first = fingerprint()
        with monkeypatch.context() as patched:
            patched.setattr(signing_keys, "_write_chain", counted(signing_keys._write_chain))
            patched.setattr(signing_keys, "_write", counted(signing_keys._write))
            with pytest.raises(KeyboardInterrupt):
                rotate(NOW, *SAID)
        head(TODAY + DAY)
        rotate(NOW, *SAID)
        head(TODAY + 2 * DAY)
        verify("testi")
        assert problems(exported(), first) == []
        assert not list(keys.glob("*.pem.part"))

    def test_before_the_new_key_had_its_name(self, keys, monkeypatch):
        def killed(self, target):
            if target.name == "evidence.pem":
                raise KeyboardInterrupt
            return replace(self, target)

        replace = Path.replace
        with monkeypatch.context() as patched:
            patched.setattr(Path, "replace", killed)
            with pytest.raises(KeyboardInterrupt):
                rotate(NOW, *SAID)
        new = signing_keys.keyring().keys[-1]
        assert public_of(keys / "evidence.pem") != new
        assert fingerprint() == new  # the chain names it, so it signs
        assert head(TODAY + DAY).key_id == signing_keys.keyring().ids()[-1]
        with monkeypatch.context() as patched:  # and killed again, in the next one
            patched.setattr(signing_keys, "_write_chain", lambda links: killed(None, keys / "evidence.pem"))
            with pytest.raises(KeyboardInterrupt):
                rotate(NOW, *SAID)
        assert fingerprint() == new
        rotate(NOW, *SAID)
        assert len(signing_keys.keyring().keys) == 3
        assert verify("testi").heads == 4
        assert problems(exported()) == []


class TestRetired:
    def test_a_head_signed_with_it_after_its_follower_is_refused(self, keys):
        old = (keys / "evidence.pem").read_bytes()
        rotate(NOW, *SAID)
        head(TODAY + DAY)
        resigned(3, old)
        for path in (keys.parent / "heads" / "testi").glob("*"):
            path.unlink()
        with pytest.raises(EvidenceError, match=r"head 3 .* retired before the head before it"):
            verify("testi")
        assert "retired before" in problems(exported())[0][1]

    def test_a_file_signed_with_it_is_refused(self, keys, monkeypatch):
        ring = signing_keys.signer()
        rotate(NOW, *SAID)
        late = signing_keys.Signer(ring.key, signing_keys.keyring())
        monkeypatch.setattr("retention.evidence_export.signer", lambda: late)
        assert problems(exported())[0][1] == "is signed with a key that was retired"


class TestStolen:
    THEFT = NOW + timedelta(hours=8)

    def test_what_it_signed_before_verifies(self, keys):
        first = fingerprint()
        rotate(NOW + DAY, *SAID, stolen_since=self.THEFT)
        assert verify("testi").heads == 3  # the night, and both links
        found = offline.Reader(io.BytesIO(exported()), first).read()
        assert (found.problems, list(found.revoked.values())) == ([], [self.THEFT])

    @pytest.mark.parametrize("later", [timedelta(0), timedelta(minutes=1)])
    def test_what_it_signed_from_then_on_is_refused(self, keys, later):
        head(TODAY + DAY, self.THEFT + later)
        rotate(NOW + DAY, *SAID, stolen_since=self.THEFT)
        with pytest.raises(EvidenceError, match=r"head 2 .* revoked since 2"):
            verify("testi")
        content = exported()
        heads = [n for n, one in enumerate(content.splitlines(), 1) if one.startswith(b'{"head"')]
        assert problems(content) == [(heads[1], f"is signed with a key that is revoked since {self.THEFT.isoformat()}")]

    @pytest.mark.parametrize(("day", "refused"), [(-1, False), (0, True), (1, True)])
    def test_a_head_that_names_no_instant_stands_by_its_day(self, keys, day, refused):
        at = datetime(2026, 12, 10, 12, tzinfo=UTC)
        head(date(2026, 12, 10) + day * DAY)
        rotate(at + 2 * DAY, *SAID, stolen_since=at)
        assert bool(problems(exported())) is refused

    def test_one_that_was_retired_before_is_revoked_later_and_the_earliest_instant_counts(self, keys):
        head(TODAY + DAY, self.THEFT)
        old, _ = rotate(NOW + DAY, *SAID)
        assert problems(exported()) == []
        revoke(old, self.THEFT - timedelta(hours=1), NOW + 2 * DAY, *SAID)
        revoke(old, self.THEFT + timedelta(hours=1), NOW + 2 * DAY, *SAID)
        assert "revoked" in problems(exported())[0][1]
        with pytest.raises(EvidenceError, match="revoked"):
            verify("testi")

    def test_only_a_key_that_was_retired_and_only_from_an_instant_that_has_come(self, keys):
        old, new = rotate(NOW, *SAID)
        with pytest.raises(EvidenceError, match="replaced"):
            revoke(new, NOW, NOW, *SAID)
        with pytest.raises(EvidenceError, match="knows no key"):
            revoke("ab" * 32, NOW, NOW, *SAID)
        for refused in (
            lambda: revoke(old, NOW + DAY, NOW, *SAID),
            lambda: rotate(NOW, *SAID, stolen_since=NOW + DAY),
        ):
            with pytest.raises(EvidenceError, match="has come"):
                refused()


class TestForged:
    def test_a_changed_chain_of_keys_is_named(self, keys):
        rotate(NOW, *SAID)
        rotate(NOW, *SAID)
        path = keys / "signers.jsonl"
        whole = path.read_bytes()
        for changed in (
            whole.replace(b"yearly", b"weekly", 1),
            b"".join(whole.splitlines(keepends=True)[1:]),
            b"".join(reversed(whole.splitlines(keepends=True))),
            b"",
        ):
            path.write_bytes(changed)
            with pytest.raises(EvidenceError, match=r"signers\.jsonl"):
                verify("testi")

    def test_a_key_that_the_old_one_did_not_sign_is_none(self, keys):
        """Somebody without the first key names it, signs all anew with another, and forges what leads there."""
        first, mine = fingerprint(), Ed25519PrivateKey.generate()
        (keys / "evidence.pem").write_bytes(
            mine.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        resigned(1, (keys / "evidence.pem").read_bytes())
        theirs = signing_keys.signer()
        body = {"number": 1, "previous": GENESIS, "kind": "rotated", "from": first, "to": theirs.ring.keys[0]}
        link = signing_keys._link([], {k: v for k, v in body.items() if k not in {"number", "previous"}}, mine)
        for keys_told, links in (
            ([first, theirs.ring.keys[0]], []),
            ([first, theirs.ring.keys[0]], [link]),
            ([theirs.ring.keys[0], first], []),
        ):
            forged = self._signed(mine, keys_told, links)
            assert problems(forged, first)[0][0] == 1

    def test_a_link_that_the_right_keys_signed_over_another_past_is_none(self, keys):
        rotate(NOW, *SAID)
        signs = signing_keys.signer()
        link = signs.ring.links[0]
        another = {**link, "body": {**link["body"], "reason": "none"}}
        told = {"kind": "revoked", "key": signs.ring.ids()[0], "since": (NOW + DAY).isoformat()}
        for past, whole in ((link, True), (another, False)):
            links = [link, signing_keys._link([past], told, signs.key)]
            found = problems(self._signed(signs.key, signs.ring.keys, links))
            assert found == ([] if whole else [(1, "link 2 of the chain of keys does not follow")])
            (keys / "signers.jsonl").write_bytes(b"".join(canonical(one) + b"\n" for one in links))
            if whole:
                assert verify("testi").heads == 2
            else:
                with pytest.raises(EvidenceError, match="line 2 was changed or does not follow"):
                    verify("testi")

    def _signed(self, key, public_keys, links):
        """The organisation's file, its first line replaced and its end signed anew."""
        lines = exported().splitlines(keepends=True)
        told = {**json.loads(lines[0]), "public_keys": public_keys, **({"signers": links} if links else {})}
        lines[0] = canonical(told) + b"\n"
        about = {"first": sha256_hex(lines[0]), "lines": len(lines), "sha256": sha256_hex(b"".join(lines[:-1]))}
        signature = key.sign(b"seloste.evidence/1\n" + canonical(about)).hex()
        lines[-1] = canonical({"end": {**about, "key_id": signing_keys.key_id(key), "signature": signature}}) + b"\n"
        return b"".join(lines)

    def test_one_bit_of_the_first_line_is_found(self, keys):
        rotate(NOW, *SAID, stolen_since=NOW)
        content = exported()
        for at in range(0, content.index(b"\n"), 3):
            changed = bytearray(content)
            changed[at] ^= 1 << at % 8
            assert problems(bytes(changed))[0][0] == 1, at


def test_several_that_rotate_while_another_signs(own_database):
    """Each key signs the next, no head is of a key that was retired before, and nobody is refused."""
    own, barrier = own_database, get_context("fork").Barrier(3)

    def rotates():
        barrier.wait(60)
        for _ in range(3):
            rotate(NOW, *SAID)

    def signs():
        barrier.wait(60)
        for day in range(1, 25):
            check_keys()
            head(TODAY + day * DAY, NOW)

    def whole():
        keys = signing_keys.keyring().keys
        assert len(keys) == len(set(keys)) == 7
        assert verify("testi").heads == 31  # one before, those that were signed, and one for each new key
        assert problems(exported(), keys[0]) == problems(exported(), keys[-1]) == []

    assert own.in_process(lambda: head(TODAY, NOW)) == 0
    processes = [own.start(act) for act in (rotates, rotates, signs)]
    assert [wait(process) for process in processes] == [0, 0, 0]
    assert own.in_process(whole) == 0


def test_several_that_copy_heads_at_once(own_database):
    own, barrier = own_database, get_context("fork").Barrier(3)
    directory = own.directory / "heads" / "testi"

    def signs():
        for day in range(40):
            head(TODAY + day * DAY)
        for path in directory.iterdir():
            path.unlink()

    def copies():
        barrier.wait(60)
        copy_heads("testi")

    assert own.in_process(signs) == 0
    assert [wait(process) for process in [own.start(copies) for _ in range(3)]] == [0, 0, 0]
    assert {path.name for path in directory.iterdir()} == {f"{number}.json" for number in range(1, 41)}
