"""A sealed set: whatever happens to a byte of it is found, and the file named in which it happened."""

from __future__ import annotations

import hashlib
import io
import json
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ropa import seal
from ropa.render import FORMATS
from ropa.report import build
from ropa.seal import MANIFEST, SEAL, SealError, public_key_in, sealed, verify, zipped
from tests.ropa.inventories import data

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))
ABOUT = {"as_of": "2026-10-14", "language": "fi", "organisation": {"slug": "kuitu"}}


@pytest.fixture(scope="module")
def files():
    report = build(data())
    return {f"kuitu.{extension}": render(report) for extension, render in FORMATS.items()}


@pytest.fixture(scope="module")
def signed(files):
    return sealed(files, ABOUT, KEY)


def put(folder: Path, files) -> Path:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def test_a_set_is_as_it_was_sealed(signed, tmp_path):
    for place in (put(tmp_path / "set", signed), tmp_path / "set.zip"):
        if place.suffix:
            place.write_bytes(zipped(signed))
        checked = verify(place, KEY.public_key().public_bytes_raw())
        assert (checked.intact, checked.signed, checked.key_compared, checked.files) == (True, True, True, 4)
        assert checked.manifest["organisation"] == {"slug": "kuitu"}


def test_made_twice_a_set_is_the_same_byte_for_byte(files, signed):
    assert sealed(dict(reversed(files.items())), ABOUT, KEY) == signed
    assert zipped(dict(reversed(signed.items()))) == zipped(signed)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_one_flipped_byte_is_found_and_its_file_named(signed, tmp_path, data):
    name = data.draw(st.sampled_from(sorted(signed)))
    content = bytearray(signed[name])
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    folder = put(tmp_path / "set", {**signed, name: bytes(content)})
    assert [file for file, _ in verify(folder).problems] == [name]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_one_flipped_byte_of_an_unsigned_set_is_found_too(files, tmp_path, data):
    unsigned = sealed(files, ABOUT, None)
    name = data.draw(st.sampled_from(sorted(unsigned)))
    content = bytearray(unsigned[name])
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    folder = put(tmp_path / "set", {**unsigned, name: bytes(content)})
    found = [file for file, _ in verify(folder).problems]
    assert name in found or (name == SEAL and found == [MANIFEST])
    assert not verify(folder).signed


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_zip_of_which_one_byte_was_flipped_never_passes_with_other_content(signed, tmp_path, data):
    content = bytearray(zipped(signed))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    path = tmp_path / "set.zip"
    path.write_bytes(bytes(content))
    try:
        checked = verify(path)
    except SealError as error:
        assert "set.zip" in str(error)
        return
    if checked.intact:  # a byte that means nothing: a date, a flag; then every file is still what it was
        with zipfile.ZipFile(path) as archive:
            assert {name: archive.read(name) for name in signed} == signed


def test_what_is_missing_or_added_is_named(signed, tmp_path):
    folder = put(tmp_path / "set", signed)
    (folder / "kuitu.pdf").unlink()
    (folder / "extra.txt").write_text("added")
    assert dict(verify(folder).problems) == {
        "kuitu.pdf": seal.SAID["missing"],
        "extra.txt": seal.SAID["added"],
    }


@pytest.mark.parametrize("name", [MANIFEST, SEAL])
def test_without_manifest_or_seal_nothing_is_intact(signed, tmp_path, name):
    folder = put(tmp_path / "set", {key: content for key, content in signed.items() if key != name})
    checked = verify(folder)
    assert not checked.intact and dict(checked.problems)[name] == seal.SAID["missing"]


def test_another_key_is_named_and_an_unsigned_set_says_so(files, tmp_path):
    public = KEY.public_key().public_bytes_raw()
    theirs = put(tmp_path / "theirs", sealed(files, ABOUT, OTHER))
    assert dict(verify(theirs, public).problems) == {SEAL: seal.SAID["other_key"]}
    unsigned = put(tmp_path / "unsigned", sealed(files, ABOUT, None))
    assert verify(unsigned).intact and not verify(unsigned).signed
    assert dict(verify(unsigned, public).problems) == {SEAL: seal.SAID["no_key"]}


def test_a_manifest_made_anew_with_the_old_seal_is_named(files, signed, tmp_path):
    forged = sealed({**files, "kuitu.json": b"{}\n"}, ABOUT, None)
    folder = put(tmp_path / "set", {**forged, SEAL: signed[SEAL]})
    assert dict(verify(folder).problems) == {MANIFEST: seal.SAID["signature"]}


def test_links_folders_and_other_things_are_named_and_not_followed(signed, tmp_path):
    folder = put(tmp_path / "set", signed)
    (folder / "kuitu.json").unlink()
    (tmp_path / "elsewhere").write_bytes(signed["kuitu.json"])
    (folder / "kuitu.json").symlink_to(tmp_path / "elsewhere")
    (folder / "inner").mkdir()
    problems = dict(verify(folder).problems)
    assert problems["kuitu.json"] == seal.SAID["link"] and problems["inner"] == seal.SAID["folder"]


def test_an_archive_that_climbs_out_links_or_repeats_is_named_and_unpacks_nothing(signed, tmp_path):
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in signed.items():
            archive.writestr(name, content)
        archive.writestr("../../climbed", b"out")
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("kuitu.json", b"{}")
    problems = dict(verify(path).problems)
    assert problems["../../climbed"] == seal.SAID["no_name"]
    assert problems["link"] == seal.SAID["no_file"]
    assert problems["kuitu.json"] == seal.SAID["twice"]
    assert sorted(one.name for one in tmp_path.iterdir()) == ["set.zip"]


def test_a_bomb_is_read_no_further_than_its_file_should_be(signed, tmp_path, monkeypatch):
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**signed, "kuitu.json": bytes(200_000_000)}.items():
            archive.writestr(name, content)
    read = []
    before = seal.Members.digest

    def counted(self, name, limit):
        found = before(self, name, limit)
        read.append(found[1])
        return found

    monkeypatch.setattr(seal.Members, "digest", counted)
    assert dict(verify(path).problems) == {"kuitu.json": seal.SAID["size"]}
    assert max(read) <= max(len(content) for content in signed.values()) + 1


def test_a_huge_manifest_is_not_read(signed, tmp_path):
    folder = put(tmp_path / "set", signed)
    (folder / MANIFEST).write_bytes(b"[" * (seal.LARGEST_TEXT + 1))
    assert dict(verify(folder).problems)[MANIFEST] == seal.SAID["not_written"]
    (folder / MANIFEST).write_bytes(b"[" * 100_000)
    assert dict(verify(folder).problems)[MANIFEST] == seal.SAID["not_written"]


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", MANIFEST, "x" * 200])
def test_a_name_that_cannot_be_in_a_set_is_refused(name):
    with pytest.raises(ValueError, match="cannot be the name"):
        sealed({name: b""}, ABOUT, None)


def test_what_is_no_set_is_said(tmp_path):
    (tmp_path / "text.zip").write_text("no archive")
    with pytest.raises(SealError, match=r"text\.zip cannot be read as a ZIP"):
        verify(tmp_path / "text.zip")
    with pytest.raises(SealError, match="nowhere"):
        verify(tmp_path / "nowhere")


def test_public_keys_are_read_from_pem_and_hex():
    public = KEY.public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert public_key_in(pem) == public_key_in(public.public_bytes_raw().hex().encode()) == public.public_bytes_raw()
    with pytest.raises(ValueError, match="neither"):
        public_key_in(b"something else")


def test_the_file_alone_checks_a_set_without_anything_of_ours(signed, tmp_path):
    alone = tmp_path / "alone.py"
    alone.write_bytes(Path(seal.__file__).read_bytes())
    folder = put(tmp_path / "set", signed)
    key = tmp_path / "key.hex"
    key.write_text(KEY.public_key().public_bytes_raw().hex())
    command = [sys.executable, "-I", str(alone), str(folder), "--public-key", str(key)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env={}, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "it is the key given" in done.stdout and "4 files, all as they were sealed" in done.stdout
    (folder / "kuitu.html").write_bytes(signed["kuitu.html"][:-1])
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env={}, check=False)
    assert done.returncode == 1
    assert done.stdout.startswith(f"kuitu.html: {seal.SAID['size']}\n")


def test_the_manifest_is_canonical_and_names_every_file(files, signed):
    manifest = json.loads(signed[MANIFEST])
    assert seal.canonical(manifest) == signed[MANIFEST]
    assert [one["name"] for one in manifest["files"]] == sorted(files)


def test_members_of_the_zip_have_one_date_and_are_in_order(signed):
    with zipfile.ZipFile(io.BytesIO(zipped(signed))) as archive:
        assert archive.namelist() == sorted(signed)
        assert {one.date_time for one in archive.infolist()} == {seal.DATE}


@pytest.mark.parametrize(("offset", "byte"), [(6, 0xFF), (46, 0xFF), (16, 0xFF)], ids=["version", "name", "flags"])
def test_a_byte_flipped_in_the_archives_own_directory_is_told(tmp_path, offset, byte):
    content = bytearray(zipped(sealed({"a.json": b"{}"}, {}, None)))
    directory = content.index(b"PK\x01\x02")
    content[directory + 9] |= 0x08  # names are UTF-8
    content[directory + offset] = byte
    place = tmp_path / "set.zip"
    place.write_bytes(content)
    try:
        assert not verify(place).intact
    except SealError as error:
        assert str(error).startswith("set.zip cannot be read as a ZIP")


@pytest.mark.parametrize("around", [(b"#!/bin/sh\n", b""), (b"", b"more"), (b"", b"\n" * 70_000)])
def test_bytes_before_or_behind_the_archive_are_told(signed, tmp_path, around):
    path = tmp_path / "set.zip"
    path.write_bytes(around[0] + zipped(signed) + around[1])
    try:
        assert dict(verify(path).problems) == {"set.zip": seal.SAID["around"]}
    except SealError:
        assert len(around[1]) > 65_535, "so far behind nobody looks for the archive's end"


def test_a_comment_of_the_archive_is_told(signed, tmp_path):
    path = tmp_path / "set.zip"
    path.write_bytes(zipped(signed))
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = b"all is well"
    assert dict(verify(path).problems) == {"set.zip": seal.SAID["around"]}


def test_an_archive_packed_anew_by_somebody_else_is_still_the_set(signed, tmp_path):
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in signed.items():
            archive.writestr(name, content)
    assert verify(path).intact


def test_a_set_of_no_files_vouches_for_nothing(tmp_path):
    with pytest.raises(ValueError, match="at least one file"):
        sealed({}, ABOUT, KEY)
    manifest = seal.canonical({"schema": seal.SCHEMA, **ABOUT, "files": []})
    empty = dict(sealed({"a.txt": b"a"}, ABOUT, None))
    del empty["a.txt"]
    told: dict[str, str | None] = {"schema": seal.SEAL_SCHEMA, "manifest_sha256": hashlib.sha256(manifest).hexdigest()}
    told |= {"public_key": None, "key_id": None, "signature": None}
    checked = verify(put(tmp_path / "set", {MANIFEST: manifest, SEAL: seal.canonical(told)}))
    assert dict(checked.problems) == {MANIFEST: seal.SAID["no_files"]}
