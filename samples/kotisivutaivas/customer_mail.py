"""R6: the customers' mailboxes, one for each, on the mail server that has the support desk's too.

The part of an account before the @ is its customer's number. Nobody reads a box: it goes whole.
"""

from __future__ import annotations

import imaplib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

from samples.frame import Built
from samples.kotisivutaivas import support_mail
from samples.kotisivutaivas.story import Story, tell
from samples.lives import Customer
from samples.servers import Running, ServerError

PASSWORD = "x"  # noqa: S105 - a mailbox on loopback with artificial mail
MESSAGES = 2


def fill(running: Running, built: Built) -> None:
    """Fill the whole server: the desk's mailbox and the customers'. Raises ServerError if it refuses."""
    found = list(boxes(tell(built.today, built.seed, built.customers)))
    with (running.directory / "passwd").open("a", encoding="utf-8") as accounts:
        accounts.writelines(f"{account}:{{PLAIN}}{PASSWORD}::::::\n" for account, _ in found)
    support_mail.fill(running, built)  # the first login: the server may not see accounts that are added after one
    try:
        for account, customer in found:
            _deliver(running, account, customer)
    except imaplib.IMAP4.error as error:
        raise ServerError("the mail server refused a login or a message") from error


def boxes(story: Story) -> Iterator[tuple[str, Customer]]:
    """Every account and whose it is: who never became a customer has none."""
    for customer in story.customers:
        if not customer.is_lead:
            yield f"{customer.number}@posti.example.invalid", customer


def _deliver(running: Running, account: str, customer: Customer) -> None:
    with imaplib.IMAP4(running.address, running.port) as server:
        server.login(account, PASSWORD)
        for serial in range(MESSAGES):
            day = (customer.started or customer.recorded) + timedelta(days=20 * (serial + 1))
            moment = datetime(day.year, day.month, day.day, 9, serial, tzinfo=UTC)
            message = EmailMessage()
            message["From"], message["To"], message["Subject"] = "lahettaja@example.invalid", account, "Tilaus"
            message["Date"], message["Message-ID"] = moment, f"<{serial}.{account}>"
            message.set_content("Keksitty viesti keksityltä ihmiseltä.\n")
            answer, _ = server.append("INBOX", "", imaplib.Time2Internaldate(moment), message.as_bytes())
            if answer != "OK":
                raise ServerError("the mail server refused a message")
