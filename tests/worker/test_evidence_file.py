"""Evidence out of the house from the command line, checked by what needs nothing of ours."""

from __future__ import annotations

import io
import json
import sys
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command

from retention import offline
from retention.domain.evidence import canonical, sha256_hex
from retention.models import EvidenceEntry
from retention.night import run_night
from tests.naming import names_any
from tests.retention.company import NOW, TODAY, found_company
from tests.retention.test_controller_certificate import found_processor


@pytest.fixture
def night(db, data_dir):
    with time_machine.travel(NOW, tick=False):
        yield run_night(found_company(data_dir), TODAY, NOW)


def run(*arguments, said=None, monkeypatch=None):
    out = StringIO()
    if monkeypatch is not None:
        monkeypatch.setattr(sys, "stdin", io.StringIO(said))
    call_command("evidence", *arguments, "--organisation", "testi", stdout=out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "Whoever checks them needs this public key from you"),
        ("fi", "Tarkastaja tarvitsee teiltä muuta tietä tämän julkisen avaimen"),
        ("sv", "Den som kontrollerar dem behöver denna öppna nyckel av er"),
    ],
)
def test_an_export_checks_offline_by_the_key_that_is_told(night, tmp_path, capsys, language, said):
    file = tmp_path / "evidence.jsonl"
    told = run("export", "--out", str(file), "--language", language)
    assert said in told
    assert file.stat().st_mode & 0o777 == 0o600
    assert offline.main([str(file), "--public-key", told.split()[-1]]) == 0
    shown = capsys.readouterr().out
    assert "intact: testi" in shown
    assert f"signed with key {told.split()[-1]}\n" in shown
    assert offline.main([str(file), "--public-key", "ab" * 32]) == 1
    assert "another key than the one given" in capsys.readouterr().out


def test_a_proof_of_one_person_by_their_number_from_standard_input(night, tmp_path, monkeypatch, capsys):
    file = tmp_path / "proof.jsonl"
    told = run("prove", "--out", str(file), "--language", "en", said="1008\n", monkeypatch=monkeypatch)
    assert told == "testi: the proof shows 3 items.\n"
    assert offline.main([str(file)]) == 0
    assert "recomputed: 3" in capsys.readouterr().out
    assert not names_any(file.read_text(), "1008")


def test_forgetting_then_there_is_nothing_to_prove(night, tmp_path, monkeypatch):
    by = ("--by", "owner", "--reason", "request", "--language", "en")
    assert run("forget", *by, said="1008", monkeypatch=monkeypatch) == (
        "testi: what the evidence said of 3 items was destroyed with its keys.\n"
    )
    out = ("--out", str(tmp_path / "proof.jsonl"), "--language", "en")
    assert "0 items" in run("prove", *out, said="1008", monkeypatch=monkeypatch)
    with pytest.raises(CommandError, match="no leaves of that person"):
        run("forget", *by, said="1008", monkeypatch=monkeypatch)


def test_what_cannot_be_written_leaves_no_file(night, tmp_path, monkeypatch, data_dir):
    (data_dir / "keys" / "leaves" / "testi" / f"{TODAY:%Y-%m}.key").write_bytes(b"x")
    with pytest.raises(CommandError, match=r"keys/leaves/testi/2026-06\.key does not have 32 bytes"):
        run("export", "--out", str(tmp_path / "evidence.jsonl"))
    assert list(tmp_path.glob("evidence*")) == []


@pytest.mark.parametrize("ending", ["json", "html"])
def test_a_certificate_for_a_customer_of_a_processor(db, data_dir, tmp_path, monkeypatch, ending):
    with time_machine.travel(NOW, tick=False):
        company = found_processor(data_dir)
        run_night(company, TODAY, NOW)
        file = tmp_path / f"certificate.{ending}"
        to = ("certificate", "--controller", "Asiakas Oy", "--by", "owner", "--out", str(file), "--language", "en")
        assert run(*to, said="1008", monkeypatch=monkeypatch) == "Each item that was to be destroyed is gone.\n"
        text = file.read_text()
        assert "Asiakas Oy" in text
        assert "DPA-7" in text
        if ending == "json":
            told = json.loads(text)
            body = json.loads(EvidenceEntry.objects.get(digest=told["seal"]["entry"]).body)
            assert body["sha256"] == sha256_hex(canonical(told["certificate"]))
        with pytest.raises(CommandError, match="nothing was sent as a processor"):
            run(*to, said="1003", monkeypatch=monkeypatch)
        with pytest.raises(CommandError, match="names a"):
            run("certificate", "--out", str(tmp_path / "x.pdf"), said="1008", monkeypatch=monkeypatch)


@pytest.mark.parametrize("missing", ["export", "prove"])
def test_without_a_file_nothing_is_written(night, monkeypatch, missing):
    with pytest.raises(CommandError, match="needs --out"):
        run(missing, said="1008", monkeypatch=monkeypatch)


def test_without_a_number_nothing_is_forgotten(night, monkeypatch):
    entries = EvidenceEntry.objects.count()
    with pytest.raises(CommandError, match="no number"):
        run("forget", "--by", "owner", "--reason", "request", said="\n", monkeypatch=monkeypatch)
    assert EvidenceEntry.objects.count() == entries


def test_the_file_that_is_no_file(tmp_path, capsys):
    assert offline.main([str(tmp_path / "none.jsonl")]) == 2
    assert "No such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("language", "said", "refused"),
    [
        ("en", "signs from now on", "on is refused"),
        ("fi", "Tästä lähtien allekirjoitetaan avaimella", "ei hyväksytä"),
        ("sv", "signerar från och med nu", "godtas inte"),
    ],
)
def test_a_key_is_replaced_and_revoked(night, tmp_path, capsys, language, said, refused):
    by = ("--by", "owner", "--reason", "laptop stolen", "--language", language)
    file = tmp_path / "evidence.jsonl"
    first = run("export", "--out", str(file), "--language", language).split()[-1]
    told = run("rotate", *by)
    assert said in told
    run("export", "--out", str(file))
    for known in (first, told.split()[-1]):
        assert offline.main([str(file), "--public-key", known]) == 0
    assert refused in run("revoke", *by, "--key", first, "--since", NOW.isoformat())
    run("export", "--out", str(file))
    capsys.readouterr()
    assert offline.main([str(file)]) == 1  # the night ended in that very second
    shown = capsys.readouterr().out
    assert f"signed with key {first} (revoked since {NOW.isoformat()}): compare it" in shown
    assert "is signed with a key that is revoked since" in shown


def test_a_key_is_revoked_from_an_instant(night):
    by = ("--by", "owner", "--reason", "x")
    for since in ("yesterday", "2026-06-30", "2026-06-30T14:00"):
        with pytest.raises(CommandError, match="an instant with its offset"):
            run("rotate", *by, "--since", since)
    with pytest.raises(CommandError, match="needs --key and --since"):
        run("revoke", *by)
    with pytest.raises(CommandError, match="who decided it"):
        run("rotate")
