"""Register 8: the mail servers, one Maildir per mailbox, named by customer or staff number.

Customers' and staff's boxes go whole, unread; of a role's box each message goes by its own day.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from random import Random

from samples.days import years_before
from samples.kasenet.story import Story

ROLES = ("info", "laskutus")
HOST = "posti"
SENDER = "lahettaja@example.invalid"


def build(directory: Path, story: Story, random: Random) -> None:
    """Write posti/: asiakkaat/NUMBER, henkilosto/NUMBER and roolit/NAME."""
    root = directory / "posti"
    for customer in story.customers:
        if customer.mailbox:
            first = min(contract.started for contract in customer.contracts)
            box = _maildir(root / "asiakkaat" / customer.number)
            for _ in range(random.randint(1, 4)):
                day = _between(random, first, customer.last_end or story.today)
                _deliver(random, box, day, _message(SENDER, customer.person.email, "Tervehdys"))
    for employee in story.staff:
        box = _maildir(root / "henkilosto" / employee.number)
        last = min(employee.ended or story.today, story.today)
        for _ in range(random.randint(3, 8)):
            day = _between(random, employee.started, last)
            _deliver(random, box, day, _message(SENDER, employee.person.email, "Työasia"))
    writers = [customer.person.email for customer in story.customers]
    for role in ROLES:
        box = _maildir(root / "roolit" / role)
        for _ in range(150):
            day = _between(random, years_before(story.today, 5), story.today)
            message = _message(random.choice(writers), f"{role}@example.invalid", "Kysymys liittymästä")
            _deliver(random, box, day, message)


def _between(random: Random, first: date, last: date) -> date:
    return first + timedelta(days=random.randrange(max((last - first).days, 0) + 1))


def _maildir(box: Path) -> Path:
    for part in ("cur", "new", "tmp"):
        (box / part).mkdir(parents=True)
    return box


def _message(sender: str, receiver: str, subject: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, receiver, subject
    message.set_content("Keksitty viesti keksityltä ihmiseltä.\n")
    return message


def _deliver(random: Random, box: Path, day: date, message: EmailMessage) -> None:
    moment = datetime(day.year, day.month, day.day, 9, random.randrange(60), random.randrange(60), tzinfo=UTC)
    unique = f"{int(moment.timestamp())}.M{random.randrange(1_000_000):06}P1.{HOST}"
    message["Date"] = format_datetime(moment)
    message["Message-ID"] = f"<{unique}@example.invalid>"
    (box / "cur" / f"{unique}:2,S").write_bytes(message.as_bytes())
