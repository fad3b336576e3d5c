"""R3: the support desk's mailbox on a real mail server (`samples/servers/start-dovecot`)."""

from __future__ import annotations

import imaplib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

from samples.days import day_between, years_before
from samples.frame import Built, chance
from samples.kotisivutaivas.story import tell
from samples.servers import Running, ServerError

ACCOUNT = "tuki@isp.example"
PASSWORD = "tuki"  # noqa: S105 - a mailbox on loopback with artificial mail
MASTER_PASSWORD = "secret"  # noqa: S105 - the server's start script says it, on loopback
MESSAGES = 80


def fill(running: Running, built: Built) -> None:
    """Make the account and deliver its mail. Raises ServerError if the mail server refuses."""
    with (running.directory / "passwd").open("a", encoding="utf-8") as accounts:
        accounts.write(f"{ACCOUNT}:{{PLAIN}}{PASSWORD}::::::\n")
    try:
        with imaplib.IMAP4(running.address, running.port) as server:
            server.login(ACCOUNT, PASSWORD)
            for moment, message in mail(built):
                answer, _ = server.append("INBOX", r"(\Seen)", imaplib.Time2Internaldate(moment), message.as_bytes())
                if answer != "OK":
                    raise ServerError("the mail server refused a message")
    except imaplib.IMAP4.error as error:
        raise ServerError(f"the mail server refused {ACCOUNT}") from error


def mail(built: Built) -> Iterator[tuple[datetime, EmailMessage]]:
    """What people wrote to the desk in the last four years."""
    story, random = tell(built.today, built.seed, built.customers), chance(built.seed, "support mail")
    writers = [customer.person.email for customer in story.customers]
    for serial in range(MESSAGES):
        day = day_between(random, years_before(built.today, 4), built.today - timedelta(days=1))
        moment = datetime(day.year, day.month, day.day, 9, random.randrange(60), tzinfo=UTC)
        message = EmailMessage()
        message["From"], message["To"] = random.choice(writers), "tuki@example.invalid"
        message["Subject"], message["Date"] = "Kysymys webhotellista", moment
        message["Message-ID"] = f"<tuki.{serial}@example.invalid>"
        message.set_content("Keksitty viesti keksityltä ihmiseltä.\n")
        yield moment, message


def environment(running: Running) -> Mapping[str, str]:
    """What the inventory's connection reads."""
    return {
        "SELOSTE_DEMO_KOTISIVUTAIVAS_IMAP_PORT": str(running.port),
        "SELOSTE_DEMO_KOTISIVUTAIVAS_IMAP_PASSWORD": MASTER_PASSWORD,
        "SELOSTE_DEMO_KOTISIVUTAIVAS_DOVEADM_URL": f"http://{running.address}:{running.port + 1}",
    }
