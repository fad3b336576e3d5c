"""What an error says of itself: ours its text, any other only its kind and code, for its text may quote data."""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import closing

import psycopg
import pytest
from django.db import DatabaseError, IntegrityError

from retention.domain.errors import DocumentError, NightError, Problem, in_words, places


def test_of_a_document_every_problem():
    problems = [Problem("datasets[0]", "is missing"), Problem("", "is not a mapping")]
    error = DocumentError(problems)
    assert error.problems == tuple(problems)
    assert str(error) == "datasets[0]: is missing\n: is not a mapping"


def caused(error, cause):
    error.__cause__ = cause
    return error


def refused():
    """What the driver of a database throws where a row is there twice."""
    with closing(sqlite3.connect(":memory:")) as database, pytest.raises(sqlite3.IntegrityError) as caught:
        database.execute("create table t(k integer primary key)")
        database.executemany("insert into t values (?)", [(1,), (1,)])
    return caught.value


def full():
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorname = "SQLITE_FULL"
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (NightError("it is not over"), "it is not over"),
        (ValueError("1001"), "ValueError"),
        (OSError(errno.ENOSPC, "x", "/tmp/1001"), f"OSError: {os.strerror(errno.ENOSPC)}"),
        (FileNotFoundError(errno.ENOENT, "x"), f"FileNotFoundError: {os.strerror(errno.ENOENT)}"),
        (OSError("1001"), "OSError"),
        (caused(IntegrityError("1001"), refused()), "IntegrityError SQLITE_CONSTRAINT_PRIMARYKEY"),
        (caused(IntegrityError("1001"), psycopg.errors.UniqueViolation("1001")), "IntegrityError 23505"),
        (
            caused(DatabaseError("1001"), full()),
            "DatabaseError SQLITE_FULL: our own database has no room on its disk",
        ),
        (
            caused(DatabaseError("1001"), psycopg.errors.DiskFull("1001")),
            "DatabaseError 53100: our own database has no room on its disk",
        ),
        (caused(DatabaseError("1001"), ValueError("1001")), "DatabaseError"),
    ],
)
def test_in_words(error, words):
    assert in_words(error) == words


def test_places_are_lines_of_code_and_nothing_that_they_quote():
    def inner():
        raise ValueError("1001")

    with pytest.raises(ValueError) as caught:
        inner()
    first, second = places(caught.value).strip("\n").split("\n")
    for line, name in ((first, "test_places_are_lines_of_code_and_nothing_that_they_quote"), (second, "inner")):
        where, called = line.removeprefix("  ").rsplit(" ", 1)
        path, number = where.rsplit(":", 1)
        assert (path, called, number.isdigit()) == (__file__, name, True)
    assert places(caught.value).startswith("\n  ")
