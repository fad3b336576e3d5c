"""Files that people bring: read into memory up to a bound, and kept between the pages of one import.

Nothing of a file is logged, and none lies in the database: one waits in the data directory, readable by us alone,
until it is taken, replaced, put aside or a day old.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest
from django.utils.translation import gettext as _

from retention.domain.errors import DocumentError, Problem
from web.access import Place
from web.places import in_words

FOLDER = "brought"
A_DAY = 86_400
_TOO_LARGE = "seloste.too_large"


class Bounded(FileUploadHandler):
    """Stands before Django's own: of a request that is too large, or of nobody who is logged in, no file is read."""

    def handle_raw_input(
        self, input_data: Any, meta: Any, content_length: int, boundary: Any, encoding: Any = None
    ) -> None:
        self.too_large = content_length > settings.FILE_UPLOAD_MAX_MEMORY_SIZE
        if self.too_large and self.request is not None:
            self.request.META[_TOO_LARGE] = True

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        user = getattr(self.request, "user", None)
        if self.too_large or user is None or not user.is_authenticated:
            raise SkipFile

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None


class Refused(Exception):
    """What was brought cannot be used: why, in the reader's language, and with which status that is said."""

    def __init__(self, problems: Iterable[str], status: int = 422) -> None:
        super().__init__()
        self.problems = list(problems)
        self.status = status


def brought(request: HttpRequest, most: int) -> bytes:
    """The file of a form. Raises Refused where there is none, or it is larger than `most` bytes."""
    if request.META.get(_TOO_LARGE):
        raise Refused([_too_large(most)], 413)
    file = request.FILES.get("file")
    if file is None:
        raise Refused([_("Choose a file.")])
    if file.size is None or file.size > most:
        raise Refused([_too_large(most)], 413)
    content: bytes = file.read()
    if not content.strip():
        raise Refused([_("The file is empty.")])
    return content


def _too_large(most: int) -> str:
    return _("The file is larger than %(n)d MB.") % {"n": most // 1_000_000}


def refused(error: DocumentError, document: Mapping[str, Any] | None = None) -> Refused:
    """What a reader of files said of one. `document`: knows what entries are called."""
    return Refused(dict.fromkeys(in_words(one, document) for one in error.problems))


def keep(place: Place, what: str, content: bytes) -> None:
    """Keep a file for the next page, in place of the one before."""
    _sweep()
    path = _path(place, what)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    beside.replace(path)


def kept(place: Place, what: str) -> bytes | None:
    """The file that the account brought into the organisation; None: there is none, or it went by."""
    _sweep()
    try:
        return _path(place, what).read_bytes()
    except FileNotFoundError:
        return None


def drop(place: Place, what: str) -> None:
    _path(place, what).unlink(missing_ok=True)


def _path(place: Place, what: str) -> Path:
    return _folder() / f"{what}-{place.organisation.pk}-{place.user.pk}"


def _folder() -> Path:
    return Path(settings.DATA_DIR) / FOLDER


def _sweep() -> None:
    """Let go of what nobody came back for."""
    folder = _folder()
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # two pages at once
            if path.stat().st_mtime < time.time() - A_DAY:
                path.unlink()


def gone() -> Problem:
    return Problem("file", _("The file is no longer kept here: bring it again."))
