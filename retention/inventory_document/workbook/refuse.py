"""What no reader is given: too large a file, a bomb, macros, links to elsewhere, an old or a locked workbook."""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import Any
from xml.parsers import expat

from django.utils.translation import gettext

from retention.domain.errors import DocumentError, Problem

LARGEST = 20_000_000
"""Bytes of a file that is read."""
LARGEST_INSIDE = 200_000_000
"""Bytes of all that is packed into one."""
MOST_MEMBERS = 2_000
RATIO = 150
"""How many times larger than its packed form a member of more than a megabyte may be."""
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_LOCKED = "EncryptedPackage".encode("utf-16-le")


def refuse(what: str) -> DocumentError:
    return DocumentError([Problem("file", what)])


def opened(content: bytes) -> zipfile.ZipFile:
    """A file's members, after everything that could harm was looked for. Raises DocumentError."""
    if len(content) > LARGEST:
        raise refuse(gettext("is larger than %(most)s MB") % {"most": LARGEST // 1_000_000})
    if content.startswith(_OLE):
        if _LOCKED in content:
            raise refuse(gettext("is locked with a password: save it without one"))
        raise refuse(gettext("is in the old format (.xls): save it as .xlsx"))
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
        members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError):
        raise refuse(
            gettext("is neither YAML, nor a workbook (.xlsx), nor a ZIP of .csv files, or it is damaged")
        ) from None
    if len(members) > MOST_MEMBERS:
        raise refuse(gettext("has more than %(most_members)s parts") % {"most_members": MOST_MEMBERS})
    if sum(one.file_size for one in members) > LARGEST_INSIDE:
        raise refuse(gettext("unpacks to more than %(most)s MB") % {"most": LARGEST_INSIDE // 1_000_000})
    for one in members:
        if one.flag_bits & 1:
            raise refuse(gettext("is locked with a password: save it without one"))
        if one.file_size > 1_000_000 and one.file_size > RATIO * max(one.compress_size, 1):
            raise refuse(
                gettext("its part %(filename)r unpacks to %(file_size)s bytes: that is no record")
                % {"filename": one.filename[:60], "file_size": one.file_size}
            )
    return archive


def is_workbook(archive: zipfile.ZipFile) -> bool:
    return "[Content_Types].xml" in archive.namelist()


def refuse_workbook(archive: zipfile.ZipFile) -> None:
    """Nothing that runs or reaches out. Raises DocumentError."""
    for name in archive.namelist():
        if name.casefold().endswith("vbaproject.bin"):
            raise refuse(gettext("has macros: save it as .xlsx"))
        if "/externallinks/" in name.casefold():
            raise refuse(gettext("has links to other workbooks: take them out, keeping the values"))
    if b"macroEnabled" in _content_types(archive):
        raise refuse(gettext("has macros: save it as .xlsx"))


def check_xml(archive: zipfile.ZipFile, name: str) -> None:
    """No document type stands before a part's first element, where it would have to; whatever the encoding."""
    begun = False

    def begins(*_: Any) -> None:
        nonlocal begun
        begun = True

    def declares(*_: Any) -> None:
        raise refuse(
            gettext("its part %(name)r declares a document type: no such file does that") % {"name": name[:60]}
        )

    parser = expat.ParserCreate()
    parser.StartElementHandler = begins
    parser.StartDoctypeDeclHandler = declares
    parser.EntityDeclHandler = declares
    try:
        with archive.open(name) as member:
            while not begun and (piece := member.read(1 << 16)):
                parser.Parse(piece, False)
    except (expat.ExpatError, LookupError, zipfile.BadZipFile, zlib.error, OSError, NotImplementedError, EOFError):
        raise refuse(gettext("is damaged: its part %(name)r cannot be read") % {"name": name[:60]}) from None


def _content_types(archive: zipfile.ZipFile) -> bytes:
    try:
        with archive.open("[Content_Types].xml") as member:
            return member.read(1_000_000)
    except KeyError:
        raise refuse(gettext("is no workbook")) from None
    except (zipfile.BadZipFile, zlib.error, OSError, NotImplementedError, EOFError):
        raise refuse(gettext("is damaged: it cannot be unpacked")) from None
