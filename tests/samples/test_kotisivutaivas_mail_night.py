"""One night on Kotisivutaivas's mail server: customers' boxes go whole after the service, the desk's by the message."""

from __future__ import annotations

import imaplib
from collections.abc import Iterator
from datetime import timedelta

import pytest

from samples.frame import Built
from samples.kotisivutaivas import COMPANY, customer_mail, support_mail
from samples.kotisivutaivas.customer_mail import boxes
from samples.kotisivutaivas.story import Story, tell
from samples.kotisivutaivas.systems import CUSTOMERS, SEED
from samples.lives import Situation
from samples.servers import Running, server
from tests.samples.nights import TODAY, two_nights, whole
from tests.servers.fixtures import need

pytestmark = pytest.mark.django_db
GRACE = timedelta(days=30)


@pytest.fixture(scope="module")
def story() -> Story:
    return tell(TODAY, SEED, CUSTOMERS)


@pytest.fixture
def mail_server() -> Iterator[Running]:
    """A mail server of the test's own, filled."""
    need("dovecot")
    with server("dovecot") as running:
        customer_mail.fill(running, Built(running.directory, TODAY, SEED, CUSTOMERS, ()))
        yield running


def messages(running: Running, account: str, password: str) -> int:
    with imaplib.IMAP4(running.address, running.port) as box:
        box.login(account, password)
        answer, (number,) = box.select("INBOX", readonly=True)
        assert answer == "OK" and number is not None
        return int(number)


def test_a_customers_mailbox_goes_whole_thirty_days_after_the_service(story, mail_server, tmp_path, monkeypatch):
    for name, value in support_mail.environment(mail_server).items():
        monkeypatch.setenv(name, value)
    found = two_nights(COMPANY, tmp_path, whole(COMPANY))
    gone = {
        account
        for account, customer in boxes(story)
        if customer.ended is not None and customer.ended + GRACE < TODAY and customer.situation is not Situation.ON_HOLD
    }
    assert found.summary["problems"] == {} and found.unexplained == 0
    assert found.dataset("postilaatikot")["due"] == len(gone) > 5
    left = {account: messages(mail_server, account, customer_mail.PASSWORD) for account, _ in boxes(story)}
    assert left == {account: 0 if account in gone else customer_mail.MESSAGES for account in left}
    assert set(left.values()) == {0, customer_mail.MESSAGES}


def test_the_support_desks_box_stays_and_loses_what_is_older_than_two_years(mail_server, tmp_path, monkeypatch):
    for name, value in support_mail.environment(mail_server).items():
        monkeypatch.setenv(name, value)
    found = two_nights(COMPANY, tmp_path, whole(COMPANY))
    due = found.dataset("yhteydenotot")["due"]
    assert 0 < due < support_mail.MESSAGES
    left = messages(mail_server, support_mail.ACCOUNT, support_mail.PASSWORD)
    assert support_mail.MESSAGES - due >= left > 0
