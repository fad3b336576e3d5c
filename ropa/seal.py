"""The seal of a report's files, and its check: offline, without a database, without settings, without Django.

A set is a folder or a ZIP with the files, `manifest.json` (canonical JSON: each file's name, size and SHA-256, and
what the report was made from) and `manifest.seal.json` (the manifest's SHA-256, the public key, and its Ed25519
signature; or no key and no signature, and then anybody could have made it). `python -m ropa.seal SET` checks one, and
so does this file alone: it needs Python and `cryptography` and nothing of ours.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import lzma
import os
import re
import stat
import struct
import sys
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

MANIFEST, SEAL = "manifest.json", "manifest.seal.json"
SCHEMA, SEAL_SCHEMA = "seloste.manifest/1", "seloste.seal/1"
DATE = (1980, 1, 1, 0, 0, 0)
"""The date of every member of a ZIP, which has no meaning: the same files make the same bytes."""
LARGEST_TEXT = 4_000_000
"""Bytes of a manifest or seal at most."""
CHUNK = 1_048_576
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,150}")
_HEX = re.compile(r"[0-9a-f]+")


SAID = {
    "missing": "is missing",
    "link": "is a link, which a sealed set has none of",
    "folder": "is a folder, which a sealed set has none of",
    "no_file": "is no plain file",
    "twice": "stands twice in the archive",
    "around": "was changed: bytes stand before or behind the archive itself",
    "no_files": "was changed: it names no file, and a sealed set has some",
    "no_name": "is no name of a file in a sealed set",
    "no_key": "says no key: the set was not signed",
    "unreadable": "was changed: it cannot be read",
    "size": "was changed: it has another size",
    "digest": "was changed: its SHA-256 is another",
    "added": "was added: the manifest does not name it",
    "not_written": "was changed: it cannot be read as it was written",
    "no_seal": "was changed: it is no seal",
    "manifest_digest": "was changed: its SHA-256 is not the seal's",
    "signature": "was changed: the signature is not one of this manifest",
    "seal_digest": "was changed: the manifest that was signed has another SHA-256",
    "other_key": "was signed with another key than the one given",
    "unknown_key": "was signed with a key that is not among those given",
    "revoked_key": "was signed with a key that is revoked: since it was stolen anybody can seal with it",
    "no_manifest": "was changed: it is no manifest of a sealed set",
}
"""What can be wrong with a file, in English."""


class SealError(Exception):
    """What is no set at all: not there, not readable, neither a folder nor a ZIP."""


@dataclass(frozen=True)
class Checked:
    """What a check found. `problems`: (file, what is wrong), in the order of the names."""

    problems: tuple[tuple[str, str], ...]
    files: int
    signed: bool
    key_id: str = ""
    key_compared: bool = False
    manifest: Mapping[str, Any] = field(default_factory=dict)

    @property
    def intact(self) -> bool:
        return not self.problems


def canonical(value: Any) -> bytes:
    """JSON with sorted keys, no spaces, UTF-8, and a newline at its end."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8") + b"\n"


def sealed(files: Mapping[str, bytes], about: Mapping[str, Any], key: Ed25519PrivateKey | None) -> dict[str, bytes]:
    """The files with their manifest and seal. `about`: what the report was made from. Raises ValueError for a name,
    and where there is no file: nobody is to hold a sealed nothing.
    """
    if not files:
        raise ValueError("a sealed set has at least one file")
    for name in files:
        if not _NAME.fullmatch(name) or name in (MANIFEST, SEAL):
            raise ValueError(f"{name!r} cannot be the name of a file in a sealed set")
    manifest = canonical(
        {
            "schema": SCHEMA,
            **about,
            "files": [
                {"name": name, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
                for name, content in sorted(files.items())
            ],
        }
    )
    seal: dict[str, Any] = {"schema": SEAL_SCHEMA, "manifest_sha256": hashlib.sha256(manifest).hexdigest()}
    public = key.public_key().public_bytes_raw() if key else None
    seal["public_key"] = public.hex() if public else None
    seal["key_id"] = hashlib.sha256(public).hexdigest() if public else None
    seal["signature"] = key.sign(_signed(manifest)).hex() if key else None
    return {**dict(sorted(files.items())), MANIFEST: manifest, SEAL: canonical(seal)}


def _signed(manifest: bytes) -> bytes:
    """What the key signs: never a bare digest, so that a head's signature can't be taken for a manifest's."""
    return SCHEMA.encode("ascii") + b"\n" + manifest


def zipped(files: Mapping[str, bytes]) -> bytes:
    """The files as a ZIP whose bytes depend on nothing but them: names in order, one date, one compression."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in sorted(files.items()):
            member = zipfile.ZipInfo(name, DATE)
            member.create_system = 3
            member.external_attr = 0o100644 << 16
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, content, compresslevel=6)
    return out.getvalue()


def verify(place: Path, public_key: bytes | None = None, keys: Mapping[str, bool] | None = None) -> Checked:
    """Check a folder or ZIP. Nothing is unpacked; every member is read in chunks and no further than it claims.

    `public_key`: 32 bytes that the signature must be by. `keys`: the ids of those that may have signed, and which of
    them are revoked; a set says by itself when it was made, so one that a revoked key sealed is worth nothing, of
    whatever day it claims to be. Raises SealError for what is no set.
    """
    with _opened(place) as members:
        return _verified(members, public_key, keys)


class Members(ABC):
    """The files of a set by name, read in chunks; `odd`: what stands there and is no plain file of a sealed set."""

    def __init__(self) -> None:
        self.sizes: dict[str, int] = {}
        self.odd: dict[str, str] = {}

    @abstractmethod
    def open(self, name: str) -> BinaryIO:
        """A file of the set, to be read in chunks."""

    def small(self, name: str) -> bytes:
        """A manifest or seal, whole. Raises ValueError for one that is too large to be one, or is damaged."""
        if self.sizes[name] > LARGEST_TEXT:
            raise ValueError("is too large")
        with self.open(name) as file:
            content = file.read(LARGEST_TEXT + 1)
        if len(content) > LARGEST_TEXT:
            raise ValueError("is too large")
        return content

    def digest(self, name: str, limit: int) -> tuple[str, int]:
        """SHA-256 and size; stops after `limit` bytes and one more. Raises ValueError for what is damaged."""
        told, size = hashlib.sha256(), 0
        with self.open(name) as file:
            while size <= limit and (chunk := file.read(min(CHUNK, limit + 1 - size))):
                told.update(chunk)
                size += len(chunk)
        return told.hexdigest(), size


class _Folder(Members):
    def __init__(self, root: Path) -> None:
        super().__init__()
        self.root = root
        for path in sorted(root.iterdir()):
            told = path.lstat()
            if stat.S_ISREG(told.st_mode):
                self.sizes[path.name] = told.st_size
            else:
                kind = "link" if stat.S_ISLNK(told.st_mode) else "folder" if path.is_dir() else "no_file"
                self.odd[path.name] = SAID[kind]

    def open(self, name: str) -> BinaryIO:
        descriptor = os.open(self.root / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        return os.fdopen(descriptor, "rb")


class _Zip(Members):
    def __init__(self, archive: zipfile.ZipFile, name: str, size: int) -> None:
        super().__init__()
        if not _only_files(archive, size):
            self.odd[name] = SAID["around"]
        self.archive = archive
        self.infos: dict[str, zipfile.ZipInfo] = {}
        for info in archive.infolist():
            name = info.orig_filename
            if name in self.infos or name in self.odd:
                self.odd[name] = SAID["twice"]
            elif not _NAME.fullmatch(name):
                self.odd[name] = SAID["no_name"]
            elif stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
                self.odd[name] = SAID["no_file"]
            else:
                self.infos[name] = info
                self.sizes[name] = info.file_size

    def open(self, name: str) -> BinaryIO:
        return self.archive.open(self.infos[name])  # type: ignore[return-value]


END = 22
"""Bytes of a ZIP's last record, without a comment."""


def _only_files(archive: zipfile.ZipFile, size: int) -> bool:
    """Whether the archive begins with its first file and ends with its directory, and nobody wrote beside them."""
    first = min((info.header_offset for info in archive.infolist()), default=0)
    file: Any = archive.fp
    file.seek(max(0, size - END))
    return first == 0 and not archive.comment and bool(file.read(4) == b"PK\5\6")


@contextmanager
def _opened(place: Path) -> Iterator[Members]:
    try:
        if place.is_dir():
            yield _Folder(place)
            return
        with zipfile.ZipFile(place) as archive:
            yield _Zip(archive, place.name, place.stat().st_size)
    except OSError as error:
        raise SealError(f"{place.name}: {error.strerror or type(error).__name__}") from error
    except (*_DAMAGED, struct.error, OverflowError) as error:
        raise SealError(f"{place.name} cannot be read as a ZIP: {error}") from error


_DAMAGED = (
    ValueError,
    EOFError,
    KeyError,
    OSError,
    RuntimeError,
    NotImplementedError,
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    lzma.LZMAError,
)
"""What reading a damaged file or archive raises."""


def _verified(members: Members, wanted: bytes | None, keys: Mapping[str, bool] | None = None) -> Checked:
    problems = dict(members.odd)
    missing = [name for name in (MANIFEST, SEAL) if name not in members.sizes]
    problems.update({name: problems.get(name, SAID["missing"]) for name in missing})
    manifest = _read(members, MANIFEST, problems)
    seal = _read(members, SEAL, problems)
    key_id, compared = "", False
    if manifest and seal:
        key_id, compared = _sealed(manifest[0], seal[1], wanted, problems)
        if keys is not None and SEAL not in problems:
            compared = _among(key_id, keys, problems)
    elif wanted is not None or keys is not None:
        problems.setdefault(SEAL, SAID["no_key"])
    listed = _listed(manifest[1], problems) if manifest and MANIFEST not in problems else None
    for name, (size, digest) in (listed or {}).items():
        if name in problems:
            continue
        if name not in members.sizes:
            problems[name] = SAID["missing"]
            continue
        try:
            found, length = members.digest(name, size)
        except _DAMAGED:
            problems[name] = SAID["unreadable"]
            continue
        if length != size:
            problems[name] = SAID["size"]
        elif found != digest:
            problems[name] = SAID["digest"]
    if listed is not None:
        added = set(members.sizes) - set(listed) - {MANIFEST, SEAL}
        problems.update({name: problems.get(name, SAID["added"]) for name in added})
    return Checked(
        tuple(sorted(problems.items())),
        len(listed or ()),
        bool(key_id),
        key_id,
        compared,
        manifest[1] if manifest else {},
    )


def _read(members: Members, name: str, problems: dict[str, str]) -> tuple[bytes, dict[str, Any]] | None:
    """The bytes and the content of a manifest or seal; one that is not canonical was changed."""
    if name in problems or name not in members.sizes:
        return None
    try:
        content = members.small(name)
        told = json.loads(content)
        if not isinstance(told, dict) or canonical(told) != content:
            raise ValueError("not canonical")
    except _DAMAGED:
        problems[name] = SAID["not_written"]
        return None
    return content, told


def _sealed(
    manifest: bytes, seal: Mapping[str, Any], wanted: bytes | None, problems: dict[str, str]
) -> tuple[str, bool]:
    """Whose key it was, and whether it is the one that was asked for. Names the file that a change happened in."""
    try:
        if set(seal) != {"schema", "manifest_sha256", "public_key", "key_id", "signature"} or (
            seal["schema"] != SEAL_SCHEMA
        ):
            raise ValueError("not a seal")
        digest = bytes.fromhex(_hex(seal["manifest_sha256"], 64))
        parts = [seal[name] for name in ("public_key", "key_id", "signature")]
        if parts == [None, None, None]:
            public = signature = None
        else:
            public, signature = bytes.fromhex(_hex(parts[0], 64)), bytes.fromhex(_hex(parts[2], 128))
            if hashlib.sha256(public).hexdigest() != parts[1]:
                raise ValueError("not the key's id")
    except (ValueError, TypeError):
        problems[SEAL] = SAID["no_seal"]
        return "", False
    same = hashlib.sha256(manifest).digest() == digest
    if public is None or signature is None:
        if not same:
            problems[MANIFEST] = SAID["manifest_digest"]
        if wanted is not None:
            problems[SEAL] = SAID["no_key"]
        return "", False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, _signed(manifest))
    except (InvalidSignature, ValueError):
        where = SEAL if same else MANIFEST
        problems[where] = SAID["signature"]
        return "", False
    if not same:
        problems[SEAL] = SAID["seal_digest"]
    if wanted is not None and wanted != public:
        problems[SEAL] = SAID["other_key"]
        return parts[1], False
    return parts[1], wanted is not None


def _among(key_id: str, keys: Mapping[str, bool], problems: dict[str, str]) -> bool:
    """Whether a set is signed with one of these keys that is not revoked; what is wrong otherwise is the seal's."""
    if not key_id:
        problems.setdefault(SEAL, SAID["no_key"])
    elif key_id not in keys:
        problems[SEAL] = SAID["unknown_key"]
    elif keys[key_id]:
        problems[SEAL] = SAID["revoked_key"]
    return SEAL not in problems


def _hex(value: Any, length: int) -> str:
    if not isinstance(value, str) or len(value) != length or not _HEX.fullmatch(value):
        raise ValueError("not hex")
    return value


def _listed(manifest: Mapping[str, Any], problems: dict[str, str]) -> dict[str, tuple[int, str]] | None:
    try:
        if manifest["schema"] != SCHEMA:
            raise ValueError("another schema")
        listed = {}
        for one in manifest["files"]:
            name, size = one["name"], one["size"]
            if not isinstance(name, str) or not _NAME.fullmatch(name) or name in listed:
                raise ValueError("no name")
            if type(size) is not int or size < 0:
                raise ValueError("no size")
            listed[name] = (size, _hex(one["sha256"], 64))
        if not listed:
            problems[MANIFEST] = SAID["no_files"]
        return listed
    except (KeyError, TypeError, ValueError):
        problems[MANIFEST] = SAID["no_manifest"]
        return None


def public_key_in(content: bytes) -> bytes:
    """The 32 bytes of an Ed25519 public key from PEM, or from 64 hex digits. Raises ValueError."""
    text = content.strip()
    if len(text) == 64 and _HEX.fullmatch(text.decode("ascii", "replace")):
        return bytes.fromhex(text.decode("ascii"))
    try:
        key = serialization.load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("is neither a public key in PEM nor 64 hex digits") from None
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("is no Ed25519 key")
    return key.public_bytes_raw()


def told(checked: Checked) -> Iterator[str]:
    """What was found, in English: for whoever has only this file."""
    for name, what in checked.problems:
        yield f"{shown(name)}: {what}"
    if checked.signed:
        compared = "it is the key given" if checked.key_compared else "compare it with the one you were given"
        if any(name == SEAL for name, _ in checked.problems):
            compared = "see above"
        yield f"signed with the key {checked.key_id}: {compared}"
    else:
        yield "not signed: the files fit each other, and nobody vouches for them" if checked.intact else "not signed"
    yield f"{checked.files} files, all as they were sealed" if checked.intact else "the set was changed"


def shown(name: str) -> str:
    """A file's name, which may be anything, fit for a terminal."""
    return name if _NAME.fullmatch(name) else ascii(name)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m ropa.seal", description="Check a sealed report.")
    parser.add_argument("set", type=Path, metavar="SET", help="a folder or a ZIP")
    parser.add_argument("--public-key", type=Path, metavar="FILE", help="PEM or hex: who must have signed it")
    options = parser.parse_args(arguments)
    try:
        key = public_key_in(options.public_key.read_bytes()) if options.public_key else None
        checked = verify(options.set, key)
    except (SealError, OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write("".join(f"{line}\n" for line in told(checked)))
    return 0 if checked.intact else 1


if __name__ == "__main__":
    sys.exit(main())
