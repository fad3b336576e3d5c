"""KSC-R5: the mailboxes of customers' users, one or two for each customer, on a real mail server (`samples/servers`).

An account's name begins with its customer's number. Boxes go whole, unread.
"""

from __future__ import annotations

import imaplib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

from samples.frame import Built
from samples.k_systems.story import Customer, Story, tell
from samples.servers import Running, ServerError

MASTER, MASTER_PASSWORD = "master", "secret"
USERS_PASSWORD = "x"  # noqa: S105 - nobody logs in by it
SENDER = "lahettaja@example.invalid"


def fill(running: Running, built: Built) -> None:
    """Make the accounts and put mail into them. Raises ServerError if the mail server refuses."""
    story = tell(built.today, built.seed, built.customers)
    with (running.directory / "passwd").open("a", encoding="utf-8") as accounts:
        accounts.writelines(f"{account}:{{PLAIN}}{USERS_PASSWORD}::::::\n" for account, _ in boxes(story))
    try:
        for account, customer in boxes(story):
            with imaplib.IMAP4(running.address, running.port) as server:
                server.login(f"{account}*{MASTER}", MASTER_PASSWORD)
                for moment, message in _messages(account, customer):
                    answer, _ = server.append("INBOX", "", imaplib.Time2Internaldate(moment), message.as_bytes())
                    if answer != "OK":
                        raise ServerError("the mail server refused a message")
    except imaplib.IMAP4.error as error:
        raise ServerError("the mail server refused a login or a message") from error


def environment(running: Running) -> Mapping[str, str]:
    """What the inventory's connection reads."""
    return {
        "SELOSTE_DEMO_K_SYSTEMS_IMAP_PORT": str(running.port),
        "SELOSTE_DEMO_K_SYSTEMS_IMAP_PASSWORD": MASTER_PASSWORD,
        "SELOSTE_DEMO_K_SYSTEMS_DOVEADM_URL": f"http://{running.address}:{running.port + 1}",
    }


def boxes(story: Story) -> Iterator[tuple[str, Customer]]:
    """Every account and whose it is."""
    for customer in story.customers:
        for account in customer.accounts:
            yield account, customer


def _messages(account: str, customer: Customer) -> Iterator[tuple[datetime, EmailMessage]]:
    started = customer.contracts[0].started
    for n, topic in enumerate(("Tarjous", "Vastaus")):
        day = started + timedelta(days=30 * (n + 1))
        moment = datetime(day.year, day.month, day.day, 9, n, tzinfo=UTC)
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = SENDER, account, topic
        message["Date"], message["Message-ID"] = moment, f"<{n}.{account}>"
        message.set_content("Keksitty viesti keksityltä ihmiseltä.\n")
        yield moment, message
