"""A company's servers run only where they can, are filled once, and say why where they cannot."""

from __future__ import annotations

import imaplib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from samples import kotisivutaivas, ksvv
from samples.frame import Built
from samples.kotisivutaivas import support_mail
from samples.ksvv.directory import BASE, SERVICE_PASSWORD
from samples.running import FILLED, LONGEST_DIRECTORY, directory_of, obstacle, serving
from tests.servers.fixtures import need

TODAY = date(2026, 6, 1)
(SLAPD,) = ksvv.COMPANY.servers
(DOVECOT,) = kotisivutaivas.COMPANY.servers


@pytest.fixture
def open_path() -> Iterator[Path]:
    """A folder with a short path that a server without root can enter."""
    with tempfile.TemporaryDirectory(prefix="seloste-") as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


def need_slapd() -> None:
    need("slapd")


def inbox(environment: dict[str, str]) -> int:
    port = int(environment["SELOSTE_DEMO_KOTISIVUTAIVAS_IMAP_PORT"])
    with imaplib.IMAP4("127.0.0.1", port) as mail:
        mail.login(support_mail.ACCOUNT, support_mail.PASSWORD)
        _, (number,) = mail.select("INBOX")
    return int(str(number, "ascii") if isinstance(number, bytes) else "0")


def accounts(environment: dict[str, str]) -> int:
    service = ["-D", "cn=ropa,dc=isp,dc=example", "-w", SERVICE_PASSWORD]
    done = subprocess.run(
        ["ldapsearch", "-x", "-LLL", "-H", environment["SELOSTE_DEMO_KSVV_LDAP_URL"], *service, "-b", BASE],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.count("\nemployeeNumber:")


def test_a_mailbox_is_filled_once_and_keeps_what_was_done_to_it(open_path):
    need("dovecot")
    built = Built(open_path, TODAY, 1, 60, ())
    assert obstacle(DOVECOT, open_path) == ""
    with serving([DOVECOT], built) as told:
        assert inbox(dict(told)) == support_mail.MESSAGES
        with imaplib.IMAP4("127.0.0.1", int(told["SELOSTE_DEMO_KOTISIVUTAIVAS_IMAP_PORT"])) as mail:
            mail.login(support_mail.ACCOUNT, support_mail.PASSWORD)
            mail.select("INBOX")
            mail.store("1:5", "+FLAGS", r"(\Deleted)")
            mail.expunge()
    with serving([DOVECOT], built) as told:
        assert inbox(dict(told)) == support_mail.MESSAGES - 5


def test_a_directory_that_was_not_filled_to_the_end_is_begun_anew(open_path):
    need_slapd()
    built = Built(open_path, TODAY, 1, 60, ())
    with serving([SLAPD], built) as told:
        everybody = accounts(dict(told))
    assert everybody > 4
    (directory_of(SLAPD, open_path) / FILLED).unlink()
    with serving([SLAPD], built) as told:
        assert accounts(dict(told)) == everybody


def test_another_story_is_not_told_with_the_old_ones_accounts(open_path):
    need_slapd()
    with serving([SLAPD], Built(open_path, TODAY, 1, 60, ())):
        pass
    first = (directory_of(SLAPD, open_path) / FILLED).read_text()
    with serving([SLAPD], Built(open_path, TODAY, 2, 60, ())):
        pass
    assert (directory_of(SLAPD, open_path) / FILLED).read_text() != first


def test_a_path_too_long_for_sockets_is_said_before_anything_starts(open_path):
    need("dovecot")
    short = open_path / "x"
    spare = LONGEST_DIRECTORY - len(os.fsencode(directory_of(DOVECOT, short)))
    fits, long = open_path / ("x" * (1 + spare)), open_path / ("x" * (2 + spare))
    assert obstacle(DOVECOT, fits) == ""
    assert "so long a path" in obstacle(DOVECOT, long)
    with serving([DOVECOT], Built(fits, TODAY, 1, 60, ())) as told:
        assert inbox(dict(told)) == support_mail.MESSAGES


def test_a_program_that_filling_needs_is_missed_by_name(open_path):
    need_slapd()
    without = replace(SLAPD, tools={"no-such-program": "a-package"})
    assert obstacle(without, open_path) == "no-such-program is not installed (Debian: a-package)"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is given up")
def test_a_folder_that_the_mail_servers_user_cannot_enter_is_said(open_path):
    need("dovecot")
    need_slapd()
    open_path.chmod(0o700)
    assert "gives up root" in obstacle(DOVECOT, open_path / "demo")
    assert obstacle(SLAPD, open_path / "demo") == ""
