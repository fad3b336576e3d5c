"""The authority report from the database: the version of the day, the last signed night, and nothing later."""

import hashlib
import io
import json
import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import time_machine
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import override_settings

from config.keys import make_keys
from retention.domain.evidence import canonical, sha256_hex
from retention.models import DatasetNight, EvidenceHead, Run
from retention.release import release
from retention.reports import NoVersionError, authority_report
from retention.signing_keys import key_id, revoke, rotate, signing_key
from ropa.models import Organisation, Version
from ropa.render import to_html, to_json, to_pdf
from ropa.seal import SAID
from tests.ropa.inventories import inventory
from worker.seal_words import KNOWN

AS_OF = date(2026, 10, 14)


def publish(organisation, number, day):
    snapshot = canonical(inventory())
    return Version.objects.create(
        organisation=organisation,
        number=number,
        in_force_from=day,
        published_at=datetime(2026, 1, 1, tzinfo=UTC),
        publisher="controller",
        snapshot=snapshot.decode(),
        digest=hashlib.sha256(snapshot).hexdigest(),
    )


def night(organisation, version, day, number, problem="", destroyed=3, late=0):
    """A finished, signed night over two datasets, as the night itself leaves them."""
    rows = {"laskut": ("crm", "", destroyed), "tiketit": ("tiketit", problem, 0)}
    run = Run.objects.create(
        organisation=organisation,
        business_date=day,
        version=version,
        state="finished",
        summary={
            "datasets": [
                {"dataset": code, "problem": problem_, "destroyed": gone} for code, (_, problem_, gone) in rows.items()
            ],
            "problems": {"tiketit": problem} if problem else {},
            "unexplained": late,
        },
    )
    for code, (register, problem_, gone) in rows.items():
        DatasetNight.objects.create(
            run=run,
            register=register,
            dataset=code,
            problem=problem_,
            counts={
                "due": gone,
                "held": 9,
                "left_held": 2,
                "left_trigger_missing": 1,
                "left_review": 4,
                "outcomes": {"destroyed": gone, "failed": 1},
            },
            overdue_left=None if problem_ else late,
            unexplained=None if problem_ else late,
            people_overdue=None if problem_ else late,
            overdue_since=day if late else None,
            oldest_kept=None if problem_ else date(2019, 4, 2),
        )
    EvidenceHead.objects.create(
        organisation=organisation.slug,
        number=number,
        business_date=day,
        body="{}",
        digest=hashlib.sha256(str(day).encode()).hexdigest(),
        key_id="k",
        signature="s",
    )
    return run


@pytest.fixture
def company(db):
    organisation = Organisation.objects.create(slug="kuitu", name="Esimerkin Kuituverkko Oy")
    version = publish(organisation, 1, "2026-01-01")
    night(organisation, version, date(2026, 10, 12), 1)
    night(organisation, version, date(2026, 10, 13), 2, problem="unable to open database file", late=5)
    return organisation


def of(report, code):
    return next(row for row in report["execution"]["datasets"] if row["dataset"] == code)


def test_it_names_the_version_the_head_and_the_release(company):
    report = authority_report(company, AS_OF)
    assert (report["version"]["number"], report["version"]["in_force_from"]) == (1, "2026-01-01")
    assert report["version"]["digest"] == company.versions.get().digest
    assert (report["evidence_head"]["number"], report["evidence_head"]["business_date"]) == (2, "2026-10-13")
    assert report["release"] == release() != ""


def test_the_numbers_are_those_of_the_last_signed_night(company):
    report = authority_report(company, AS_OF)
    row = of(report, "laskut")
    assert (row["destroyed"], row["held"], row["review"], row["failed"]) == (3, 2, 5, 1)
    assert (row["overdue"], row["people_overdue"], row["overdue_since"]) == (5, 5, "2026-10-13")
    assert (row["destroyed_ever"], row["oldest_kept"]) == (6, "2019-04-02")


def test_a_register_that_did_not_answer_is_named_with_its_reason_and_last_answer(company):
    row = of(authority_report(company, AS_OF), "tiketit")
    assert (row["state"], row["problem"]) == ("no_answer", "unable to open database file")
    assert (row["overdue"], row["last_answered"]) == (None, "2026-10-12")


def test_the_last_successful_night_is_not_the_last_night(company):
    execution = authority_report(company, AS_OF)["execution"]
    assert (execution["night"]["business_date"], execution["night"]["succeeded"]) == ("2026-10-13", False)
    assert (execution["last_successful"], execution["nights"]) == ("2026-10-12", 2)


def test_what_came_after_the_day_changes_nothing(company):
    before = [render(authority_report(company, AS_OF)) for render in (to_json, to_html, to_pdf)]
    version = publish(company, 2, "2026-10-15")
    night(company, version, date(2026, 10, 15), 3, destroyed=99)
    after = [render(authority_report(company, AS_OF)) for render in (to_json, to_html, to_pdf)]
    assert before == after
    later = authority_report(company, date(2026, 10, 15))
    assert (later["version"]["number"], later["evidence_head"]["number"]) == (2, 3)


def test_an_unsigned_night_is_no_evidence(company):
    Run.objects.create(organisation=company, business_date=AS_OF, state="running")
    assert authority_report(company, AS_OF)["evidence_head"]["business_date"] == "2026-10-13"


def test_of_two_versions_the_one_that_began_last_is_in_force(company):
    publish(company, 2, "2026-10-14")
    assert authority_report(company, date(2026, 10, 13))["version"]["number"] == 1
    assert authority_report(company, AS_OF)["version"]["number"] == 2


def test_before_the_first_version_there_is_no_report(company):
    with pytest.raises(NoVersionError, match="kuitu: no published version is in force on 2025-12-31"):
        authority_report(company, date(2025, 12, 31))


def test_before_the_first_night_there_is_a_report_without_evidence(company):
    report = authority_report(company, date(2026, 6, 1))
    assert report["evidence_head"] is None and report["execution"]["nights"] == 0


def run(*arguments):
    out = io.StringIO()
    call_command("authority_report", *arguments, stdout=out)
    return out.getvalue().splitlines()


def test_the_command_writes_each_format_and_says_where(company, tmp_path):
    directory = tmp_path / "reports" / "new"
    printed = run("--organisation", "kuitu", "--as-of", "2026-10-14", "--formats", "all", "--out", str(directory))
    folder = directory / "kuitu-2026-10-14-fi"
    names = [f"kuitu-2026-10-14-controller.{extension}" for extension in ("html", "json", "pdf", "xlsx")]
    assert printed == [str(folder / name) for name in (*names, "manifest.json", "manifest.seal.json")]
    assert sorted(path.name for path in folder.iterdir()) == [path.rsplit("/", 1)[1] for path in printed]
    written = json.loads((folder / names[1]).read_bytes())
    assert written == authority_report(company, AS_OF)
    assert (folder / names[2]).read_bytes() == to_pdf(written)


@pytest.mark.parametrize("language", ["sv", "en"])
def test_the_command_writes_in_the_language_asked_for(company, tmp_path, language):
    (path,) = run(
        "--organisation",
        "kuitu",
        "--as-of",
        "2026-10-14",
        "--language",
        language,
        "--formats",
        "html",
        "--out",
        str(tmp_path),
    )[:1]
    assert f'<html lang="{language}">' in (tmp_path / path).read_text(encoding="utf-8")


def test_today_is_the_organisation_s_own(company, tmp_path):
    with time_machine.travel(datetime(2026, 10, 13, 22, 30, tzinfo=UTC), tick=False):
        path = run("--organisation", "kuitu", "--formats", "json", "--out", str(tmp_path))[0]
    assert path.endswith("kuitu-2026-10-14-controller.json")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--organisation", "nobody"], "there is no organisation 'nobody'"),
        (["--organisation", "kuitu", "--as-of", "2025-12-31"], "no published version is in force"),
        (["--organisation", "kuitu", "--as-of", "2026-10-14", "--record", "processor"], "no processor's record"),
        (["--organisation", "kuitu", "--as-of", "2026-10-14", "--formats", "pdf,docx"], "'docx' is none of json"),
    ],
)
def test_the_command_refuses_and_writes_nothing(company, tmp_path, arguments, said):
    directory = tmp_path / "reports"
    with pytest.raises(CommandError, match=said):
        run(*arguments, "--out", str(directory))
    assert not directory.exists()


def test_a_place_that_cannot_be_written_is_named(company, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CommandError, match="file"):
        run("--organisation", "kuitu", "--as-of", "2026-10-14", "--out", str(tmp_path / "file"))


@pytest.fixture
def key(tmp_path_factory, settings):
    settings.DATA_DIR = tmp_path_factory.mktemp("data")
    make_keys(settings.DATA_DIR / "keys")
    return signing_key().public_key()


def checked(*arguments):
    """The exit code and the lines of verify_report."""
    out = io.StringIO()
    try:
        call_command("verify_report", *arguments, "--language", "en", stdout=out)
    except SystemExit as error:
        return error.code, out.getvalue().splitlines()
    return 0, out.getvalue().splitlines()


def test_made_twice_a_set_is_the_same_and_its_key_is_the_heads_own(company, key, tmp_path):
    for place in ("one", "two"):
        asked = ("--organisation", "kuitu", "--as-of", "2026-10-14", "--formats", "all", "--zip")
        (path,) = run(*asked, "--out", str(tmp_path / place))
    assert path.endswith("kuitu-2026-10-14-fi.zip")
    content = Path(path).read_bytes()
    assert content == (tmp_path / "one" / "kuitu-2026-10-14-fi.zip").read_bytes()
    public = tmp_path / "public.pem"
    public.write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    code, lines = checked(path, "--public-key", str(public))
    assert (code, lines[0]) == (0, f"Signed with the key {key_id(signing_key())}.")
    assert lines[1:] == ["It is the key that was given.", "4 files, all as they were sealed."]


def test_a_flipped_byte_of_any_file_is_found_and_named(company, key, tmp_path):
    paths = run("--organisation", "kuitu", "--as-of", "2026-10-14", "--formats", "all", "--out", str(tmp_path))
    assert len(paths) == 6
    for path in map(Path, paths):
        content = path.read_bytes()
        path.write_bytes(content[:-7] + bytes([content[-7] ^ 1]) + content[-6:])
        code, lines = checked(str(path.parent))
        assert (code, [line.split(":")[0] for line in lines if "was changed: " in line]) == (1, [path.name])
        path.write_bytes(content)
    assert checked(str(path.parent))[0] == 0


def test_without_a_key_it_is_sealed_and_says_that_nobody_signed(company, tmp_path, settings):
    settings.DATA_DIR = tmp_path / "data"
    error = io.StringIO()
    asked = ("--organisation", "kuitu", "--as-of", "2026-10-14", "--formats", "json", "--out", str(tmp_path))
    call_command("authority_report", *asked, "--language", "en", stdout=io.StringIO(), stderr=error)
    assert "nobody has signed it" in error.getvalue()
    code, lines = checked(str(tmp_path / "kuitu-2026-10-14-en"))
    assert code == 0 and lines[0].startswith("Nobody has signed it")


def test_a_key_that_cannot_be_used_is_an_error_and_no_unsigned_set(company, tmp_path, settings):
    settings.DATA_DIR = tmp_path / "data"
    (settings.DATA_DIR / "keys").mkdir(parents=True)
    (settings.DATA_DIR / "keys" / "evidence.pem").write_text("no key")
    with pytest.raises(CommandError, match=r"evidence\.pem"):
        run("--organisation", "kuitu", "--as-of", "2026-10-14", "--out", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_file_that_lay_there_before_is_named(company, key, tmp_path):
    asked = ("--organisation", "kuitu", "--as-of", "2026-10-14", "--language", "en", "--out", str(tmp_path))
    run(*asked, "--formats", "pdf,json")
    error = io.StringIO()
    call_command("authority_report", *asked, "--formats", "json", stdout=io.StringIO(), stderr=error)
    assert "kuitu-2026-10-14-controller.pdf in " in error.getvalue()


def test_what_is_no_set_or_no_key_is_said(tmp_path):
    with pytest.raises(CommandError, match="nowhere"):
        call_command("verify_report", str(tmp_path / "nowhere"))
    (tmp_path / "key").write_text("no key")
    with pytest.raises(CommandError, match="neither a public key"):
        call_command("verify_report", str(tmp_path), "--public-key", str(tmp_path / "key"))


def test_what_a_revoked_key_sealed_is_worth_nothing(company, key, tmp_path):
    asked = ("--organisation", "kuitu", "--as-of", "2026-10-14", "--formats", "json", "--zip")
    (path,) = run(*asked, "--out", str(tmp_path))
    old, chain = key.public_bytes_raw().hex(), tmp_path / "signers.jsonl"
    (tmp_path / "old").write_text(old)
    now = datetime(2026, 10, 15, tzinfo=UTC)
    rotate(now, "controller", "yearly")
    shutil.copy(settings.DATA_DIR / "keys" / "signers.jsonl", chain)
    assert checked(path, "--signers", str(chain)) == (
        0,
        [
            f"Signed with the key {sha256_hex(key.public_bytes_raw())}.",
            "It is the key that was given.",
            "1 file, as it was sealed.",
        ],
    )
    revoke(old, now, now, "controller", "stolen")
    code, lines = checked(path, "--signers", str(chain))
    assert code == 0  # who has the chain of yesterday cannot know it
    shutil.copy(settings.DATA_DIR / "keys" / "signers.jsonl", chain)
    code, lines = checked(path, "--signers", str(chain), "--public-key", str(tmp_path / "old"))
    assert code == 1
    assert lines[0].startswith("manifest.seal.json: was signed with a key that is revoked")

    (tmp_path / "again").mkdir()
    (again,) = run(*asked, "--out", str(tmp_path / "again"))
    assert checked(again, "--signers", str(chain))[0] == 0  # made again, it is sealed with the key that followed


def test_a_key_that_is_in_no_chain_is_named(company, key, tmp_path):
    asked = ("--organisation", "kuitu", "--as-of", "2026-10-14", "--formats", "json", "--zip")
    (path,) = run(*asked, "--out", str(tmp_path))
    make_keys(tmp_path / "another" / "keys")
    with override_settings(DATA_DIR=tmp_path / "another"):
        rotate(datetime(2026, 10, 15, tzinfo=UTC), "controller", "yearly")
    chain = tmp_path / "another" / "keys" / "signers.jsonl"
    code, lines = checked(path, "--signers", str(chain))
    assert (code, lines[0]) == (
        1,
        "manifest.seal.json: was signed with a key that is not among those given",
    )
    (tmp_path / "old").write_text(key.public_bytes_raw().hex())
    with pytest.raises(CommandError, match="none of the keys"):
        call_command("verify_report", path, "--signers", str(chain), "--public-key", str(tmp_path / "old"))
    chain.write_bytes(chain.read_bytes().replace(b"yearly", b"dearly"))
    with pytest.raises(CommandError, match="line 1 was changed"):
        call_command("verify_report", path, "--signers", str(chain))


def test_every_finding_of_the_seal_has_its_translation():
    assert set(SAID.values()) == set(KNOWN)
