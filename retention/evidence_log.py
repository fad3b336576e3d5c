"""What a night says of itself: a hash chain in the database, a journal beside it, and a signed head at the end.

Three places, so that no one of them can be changed unseen (GDPR art. 5(2), 24(1); semantics D3 and D7):

chain     `EvidenceEntry` rows of one business date, each following the digest of the one before it
journal   DATA_DIR/journal/SLUG/DATE.jsonl: intents and outcomes, synced to the disk before anything is destroyed
head      Ed25519 over the chain's end, the journal's end and the head before it; a copy lies under DATA_DIR/heads

Whose data goes stands here as keyed digests only. Both keys lie in DATA_DIR/keys, never in the database; whoever
destroys `digest.key` makes every digest meaningless, and the chain still verifies.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache, partial
from hashlib import blake2b
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext

from retention import database_locks
from retention.domain.errors import EvidenceError, RestoredError
from retention.domain.evidence import GENESIS, Entry, canonical, link, merkle_root, sha256_hex
from retention.models import EvidenceEntry, EvidenceHead
from retention.signing_keys import signer

PAGE = 20
"""Entries read at once; one may name the 20,000 keys of a lot, over a million characters."""

SHORTEST_KEY = 16
"""Bytes of `digest.key` at least: with none, anybody could try out every customer number."""

TAIL = 65_536
"""Bytes read at once when the journal's last line is looked for."""


SIGNING = "signing key"
"""The lock of whoever signs a head or replaces the key: nothing is signed with a key that is being retired."""


def _key(path: str) -> bytes:
    """Read each time that it changed: a process that runs must not go on with a key that is gone or was replaced."""
    try:
        seen = os.stat(path)  # noqa: PTH116 - asked for each digest, and a Path costs more than this
        return _content(path, (seen.st_ino, seen.st_size, seen.st_mtime_ns))
    except OSError as error:
        raise EvidenceError(
            f"keys/{Path(path).name} in the data directory cannot be read ({error.strerror}); "
            "`python -m config.keys DIRECTORY` makes what is missing"
        ) from None


@lru_cache(maxsize=8)
def _content(path: str, seen: tuple[int, ...]) -> bytes:
    return Path(path).read_bytes()


def _key_path(name: str) -> str:
    return f"{settings.DATA_DIR}/keys/{name}"


def key_file(name: str) -> bytes:
    """The content of a key of this installation. Raises EvidenceError if it is not there."""
    return _key(_key_path(name))


def _keyed(path: str) -> Any:
    key = _key(path)
    if len(key) < SHORTEST_KEY:
        raise EvidenceError(f"keys/{Path(path).name} is shorter than {SHORTEST_KEY} bytes: it hides nobody")
    return _blake2b(key[:64])


@lru_cache(maxsize=8)
def _blake2b(key: bytes) -> Any:
    return blake2b(key=key, digest_size=32)


def subject_digest(key: str) -> str:
    """What stands for a person's number or a row's key in the evidence: BLAKE2b keyed with `digest.key`, hex.

    Raises EvidenceError if the key file is not there or too short.
    """
    digest = _keyed(_key_path("digest.key")).copy()
    digest.update(key.encode("utf-8"))
    return str(digest.hexdigest())


def subject_digests(keys: Iterable[str]) -> list[str]:
    """`subject_digest` of each: the key is looked up once."""
    keyed, found = _keyed(_key_path("digest.key")), []
    for key in keys:
        digest = keyed.copy()
        digest.update(key.encode("utf-8"))
        found.append(digest.hexdigest())
    return found


def check_keys() -> None:
    """Raises EvidenceError unless every key can be used: what could not be signed afterwards is not begun."""
    _keyed(_key_path("digest.key"))
    key_file("lots.key")
    signer()


@dataclass(frozen=True, slots=True)
class EvidenceLog:
    """The chain of one night; `chain` is its business date, YYYY-MM-DD. Several processes may write it at once.

    `guard` is asked in the transaction of each entry, before it is written: one who raises there has written nothing
    of what the entry speaks of either.
    """

    slug: str
    chain: str
    guard: Callable[[], None] = field(default=lambda: None, compare=False)

    @classmethod
    def apart(cls, slug: str, what: str, day: date) -> EvidenceLog:
        """A new chain for something that people do outside of nights; its head is signed in the same transaction."""
        return cls(slug, f"{what}-{day.isoformat()}-{secrets.token_hex(4)}")

    def append(self, kind: str, body: Mapping[str, Any]) -> str:
        """Add an entry in the caller's transaction, and return its digest: what is undone leaves no trace of either.

        Raises EvidenceError outside a transaction.
        """
        return self.append_all([(kind, body)])

    def append_all(self, told: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
        """Add entries (kind, body), one after the other, as `append` adds one; the digest of the last."""
        if not transaction.get_connection().in_atomic_block:
            raise EvidenceError(f"{told[0][0]}: evidence is written in the transaction of what it speaks of")
        self.guard()
        database_locks.alone(f"evidence {self.slug} {self.chain}")
        last, previous = self.end()
        entries = []
        for number, (kind, body) in enumerate(told, last + 1):
            content = canonical(body)
            digest = link(previous, number, kind, content)
            entries.append(
                EvidenceEntry(
                    organisation=self.slug,
                    chain=self.chain,
                    number=number,
                    kind=kind,
                    body=content.decode("utf-8"),
                    previous=previous,
                    digest=digest,
                )
            )
            previous = digest
        EvidenceEntry.objects.bulk_create(entries)
        return previous

    def end(self) -> tuple[int, str]:
        """The number and the digest of the last entry; 0 and GENESIS of none."""
        last = self._entries().order_by("-number").values_list("number", "digest").first()
        return last or (0, GENESIS)

    def has(self, kind: str) -> bool:
        """Whether an entry of this kind was written."""
        return bool(self._entries().filter(kind=kind).exists())

    def entries(self) -> Iterator[Entry]:
        """Every entry in order, a page at a time: no cursor stays open if the reader breaks off."""
        rows = self._entries().order_by("number").values_list("number", "kind", "body", "previous", "digest")
        last = -1
        while page := list(rows.filter(number__gt=last)[:PAGE]):
            for number, kind, body, previous, digest in page:
                yield Entry(number, kind, body.encode("utf-8"), previous, digest)
            if len(page) < PAGE:
                return
            last = page[-1][0]

    def digests(self) -> list[str]:
        """The digest of every entry, in order."""
        return list(self._entries().order_by("number").values_list("digest", flat=True))

    def _entries(self) -> Any:
        return EvidenceEntry.objects.filter(organisation=self.slug, chain=self.chain)


def chains_of(slug: str) -> list[str]:
    """The names of an organisation's chains, in order."""
    names = EvidenceEntry.objects.filter(organisation=slug).order_by("chain").values_list("chain", flat=True)
    return list(names.distinct())


def is_night(chain: str) -> bool:
    """Whether a chain is a night's by its name, and not one of what people do outside of nights."""
    try:
        return date.fromisoformat(chain).isoformat() == chain
    except ValueError:
        return False


class Journal:
    """One night's intents and outcomes outside the database, one JSON object a line, each following the one before.

    A line is on the disk when `append` returns. The last line may be torn by a crash: it was never
    acknowledged, so reading stops before it and the next append removes it.
    """

    def __init__(self, slug: str, business_date: date) -> None:
        self._begin(Path(settings.DATA_DIR) / "journal" / slug / f"{business_date.isoformat()}.jsonl")

    @classmethod
    def at(cls, path: Path) -> Journal:
        """One that is no night's, written the same way."""
        journal = cls.__new__(cls)
        journal._begin(path)
        return journal

    def _begin(self, path: Path) -> None:
        self.path = path
        self._end: tuple[int, str, int] | None = None
        """What was seen at the end last: number, digest, and the length of the file then."""

    def append(self, record: Mapping[str, Any]) -> None:
        """Write one record and sync it. Raises EvidenceError if the line before it is not a journal's."""
        with self._alone() as file:
            size = file.seek(0, os.SEEK_END)
            if self._end is None or self._end[2] != size:  # another process wrote, or a write of ours failed half-way
                self._end = self._repair(file)
            number, previous, size = self._end
            number, digest = number + 1, link(previous, number + 1, "journal", canonical(record))
            line = canonical({"body": record, "digest": digest, "number": number, "previous": previous}) + b"\n"
            file.seek(0, os.SEEK_END)
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
            self._end = number, digest, size + len(line)

    @contextmanager
    def _alone(self) -> Iterator[BinaryIO]:
        """The file, with every other writer kept out; the kernel lets go if the process dies."""
        if not self.path.exists():
            _make_directory(self.path.parent)
            self.path.touch(mode=0o600)
            _sync_directory(self.path.parent)
        with self.path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file

    def lines(self) -> Iterator[tuple[int, Mapping[str, Any], str]]:
        """(number, record, digest) of each whole line. Raises EvidenceError naming the first line that is wrong."""
        count, previous = 0, GENESIS
        with self.path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    return
                number, record, digest, stated = self._read(line, count + 1)
                wanted = link(previous, count + 1, "journal", canonical(record))
                if number != count + 1 or stated != previous or digest != wanted:
                    raise EvidenceError(f"journal {self.path.name}: line {count + 1} was changed or does not follow")
                count, previous = number, digest
                yield number, record, digest

    def end(self) -> tuple[int, str]:
        """The number and the digest of the last whole line; 0 and GENESIS of none. Changes nothing."""
        if not self.path.exists():
            return 0, GENESIS
        with self.path.open("rb") as file:
            return self._last(file)[:2]

    def last(self) -> Mapping[str, Any] | None:
        """What the last whole line says; None of none. Only that line is read, however long the night was."""
        if not self.path.exists():
            return None
        with self.path.open("rb") as file:
            line, _ = self._last_line(file)
        return self._read(line, 0)[1] if line else None

    def _repair(self, file: BinaryIO) -> tuple[int, str, int]:
        number, digest, whole = self._last(file)
        if file.seek(0, os.SEEK_END) > whole:
            file.truncate(whole)
            file.flush()
            os.fsync(file.fileno())
        return number, digest, whole

    def _last(self, file: BinaryIO) -> tuple[int, str, int]:
        """Number and digest of the last whole line, and where it ends."""
        line, end = self._last_line(file)
        if not line:
            return 0, GENESIS, 0
        number, _, digest, _ = self._read(line, 0)
        return number, digest, end

    @staticmethod
    def _last_line(file: BinaryIO) -> tuple[bytes, int]:
        """The last whole line, and where it ends; nothing and 0 of none."""
        size = file.seek(0, os.SEEK_END)
        tail, start = b"", size
        while start > 0 and tail.count(b"\n") < 2:
            start = max(0, start - TAIL)
            file.seek(start)
            tail = file.read(size - start)
        end = tail.rfind(b"\n") + 1
        return (tail[tail.rfind(b"\n", 0, end - 1) + 1 : end], start + end) if end else (b"", 0)

    def _read(self, line: bytes, number: int) -> tuple[int, Mapping[str, Any], str, str]:
        try:
            parsed = json.loads(line)
            return int(parsed["number"]), dict(parsed["body"]), str(parsed["digest"]), str(parsed["previous"])
        except (ValueError, KeyError, TypeError):
            where = f"line {number}" if number else "its last line"
            raise EvidenceError(f"journal {self.path.name}: {where} cannot be read") from None


def _make_directory(directory: Path) -> None:
    if directory.is_dir():
        return
    _make_directory(directory.parent)
    directory.mkdir(mode=0o700, exist_ok=True)
    _sync_directory(directory.parent)


def _sync_directory(directory: Path) -> None:
    """A new name is only safe once its directory is synced."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _alone_in(directory: Path) -> Iterator[None]:
    """Other writers are kept out of the directory; the kernel lets go if the process dies."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def sign_head(
    slug: str, business_date: date, chain: str, counts: Mapping[str, Any], signed_at: datetime | None = None
) -> EvidenceHead:
    """Sign the end of a night, in the caller's transaction; signing the same end again returns the first head.

    `signed_at` decides if the key is revoked one day; a head without it then stands or falls by its business date.
    Raises EvidenceError if the key is missing, or if the night was signed with another end; RestoredError if a head of
    this number was signed before.
    """
    database_locks.alone(f"heads {slug}")
    digests = EvidenceLog(slug, chain).digests()
    last = digests[-1] if digests else GENESIS
    mine = EvidenceHead.objects.filter(organisation=slug).order_by("-number")
    found = list(mine.filter(Q(business_date=business_date) | Q(number__in=mine.values("number")[:1])))
    for signed in found:
        told = json.loads(signed.body)
        if signed.business_date == business_date and told["chain"] == chain:
            if told["last"] != last:
                raise EvidenceError(f"{slug}: the night of {business_date} is signed already, and its chain went on")
            return signed
    before = found[0] if found else None
    number = before.number + 1 if before else 1
    _refuse_number(slug, number)
    lines, journal = Journal(slug, business_date).end()
    when = {} if signed_at is None else {"signed_at": signed_at.astimezone(UTC).isoformat(timespec="seconds")}
    body = canonical(
        {
            **when,
            "business_date": business_date.isoformat(),
            "chain": chain,
            "counts": dict(counts),
            "entries": len(digests),
            "journal": {"last": journal, "lines": lines},
            "last": last,
            "number": number,
            "organisation": slug,
            "previous": before.digest if before else GENESIS,
            "root": merkle_root(digests),
        }
    )
    database_locks.alone(SIGNING)
    signs = signer()
    retired = before is not None and before.key_id != signs.id and mine.filter(key_id=signs.id).exists()
    if retired:  # whatever the files say: another key has signed since
        raise EvidenceError(f"{slug}: keys/evidence.pem was retired, and another key signed the head before")
    digest = sha256_hex(body)
    head = EvidenceHead.objects.create(
        organisation=slug,
        number=number,
        business_date=business_date,
        body=body.decode("utf-8"),
        digest=digest,
        key_id=signs.id,
        signature=signs.key.sign(bytes.fromhex(digest)).hex(),
    )
    transaction.on_commit(partial(copy_heads, slug))
    return head


def _refuse_number(slug: str, number: int) -> None:
    """A copy is written once its head is committed: one of a number that the database does not have tells of a restore.

    A head of that number would never be copied, and what the lost one says would be found by nobody.
    """
    if (heads_directory(slug) / f"{number}.json").exists():
        raise RestoredError(
            gettext(
                "%(slug)s: our own database was restored from a backup: head %(number)s was signed before, as its copy "
                "tells. First say `manage.py evidence adopt`"
            )
            % {"slug": slug, "number": number}
        )


def heads_directory(slug: str) -> Path:
    """Where the copies of an organisation's heads lie, from where they should leave the machine."""
    return Path(settings.DATA_DIR) / "heads" / slug


def copy_heads(slug: str) -> int:
    """Write a copy of each head that has none yet, to be carried away from this machine; how many were written."""
    there = {path.stem for path in heads_directory(slug).glob("*.json")}
    first = next(number for number in count(1) if str(number) not in there)  # heads are numbered from 1
    heads = EvidenceHead.objects.filter(organisation=slug, number__gte=first).order_by("number")
    fields = ("body", "digest", "key_id", "signature")
    told = ((head.number, canonical({name: getattr(head, name) for name in fields}) + b"\n") for head in heads)
    return write_copies(slug, ".json", told)


def write_whole(path: Path, content: bytes) -> None:
    """Put a small file in the place of the one that was there: whole, on the disk, and one writer after the other."""
    _make_directory(path.parent)
    with _alone_in(path.parent):
        _replace(path, content)
    _sync_directory(path.parent)


def _replace(path: Path, content: bytes) -> None:
    draft = path.with_suffix(".part")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def write_copies(slug: str, suffix: str, contents: Iterable[tuple[int, bytes]]) -> int:
    """Write what there is of each head, by its number, unless it is there already; how many were written."""
    directory = heads_directory(slug)
    _make_directory(directory)
    written = 0
    with _alone_in(directory):
        for number, content in contents:
            path = directory / f"{number}{suffix}"
            if path.exists():
                continue
            _replace(path, content)
            written += 1
    if written:
        _sync_directory(directory)
    return written
