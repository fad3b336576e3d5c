"""KSC-R5: the mailboxes of customers' users, in a real mail server, two for each customer.

A box's name is its user's address; the customer register knows whose it is and since when (`sahkopostitili`).
"""

from __future__ import annotations

import imaplib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime

from samples.frame import Built
from samples.k_systems.story import Customer, Story, tell
from samples.servers import Running

MASTER, MASTER_PASSWORD = "master", "secret"
USERS_PASSWORD = "x"  # noqa: S105 - nobody logs in by it
SENDER = "lahettaja@example.invalid"


def fill(running: Running, built: Built) -> None:
    """Make the accounts and put mail into them. The server runs."""
    story = tell(built.today, built.seed, built.customers)
    with (running.directory / "passwd").open("a", encoding="utf-8") as accounts:
        accounts.writelines(f"{address}:{{PLAIN}}{USERS_PASSWORD}::::::\n" for address, _ in boxes(story))
    for address, customer in boxes(story):
        with imaplib.IMAP4(running.address, running.port) as box:
            box.login(f"{address}*{MASTER}", MASTER_PASSWORD)
            for moment, message in _messages(address, customer):
                box.append("INBOX", "", moment, message.as_bytes())


def environment(running: Running) -> Mapping[str, str]:
    """What the connection `postipalvelin` reads from the environment."""
    return {"K_SYSTEMS_IMAP_PORT": str(running.port), "K_SYSTEMS_IMAP_PASSWORD": MASTER_PASSWORD}


def boxes(story: Story) -> Iterator[tuple[str, Customer]]:
    """Every mailbox and whose it is."""
    for customer in story.customers:
        for address in customer.addresses:
            yield address, customer


def _messages(address: str, customer: Customer) -> Iterator[tuple[datetime, EmailMessage]]:
    started = customer.contracts[0].started
    for n, topic in enumerate(("Tarjous", "Vastaus")):
        day = started + timedelta(days=30 * (n + 1))
        moment = datetime(day.year, day.month, day.day, 9, n, tzinfo=UTC)
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = SENDER, address, topic
        message["Date"], message["Message-ID"] = format_datetime(moment), f"<{n}.{address}>"
        message.set_content("Keksitty viesti keksityltä ihmiseltä.\n")
        yield moment, message
