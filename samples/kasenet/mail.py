"""Register 8: the mail servers, one Maildir per mailbox, named by customer or staff number.

Customers' and staff's boxes go whole, unread; of a role's box each message goes by its own day.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from random import Random

from samples.kasenet.story import Story, years_before

ROLES = ("info", "laskutus")
HOST = "posti"


def build(directory: Path, story: Story, random: Random) -> None:
    """Write posti/: asiakkaat/NUMBER, henkilosto/NUMBER and roolit/NAME."""
    root = directory / "posti"
    for customer in story.customers:
        if customer.mailbox:
            first = min(contract.started for contract in customer.contracts)
            last = customer.last_end or story.today
            box = _maildir(root / "asiakkaat" / customer.number)
            for _ in range(random.randint(1, 4)):
                _deliver(box, _between(random, first, last), customer.person.email, "Tervehdys", random)
    for employee in story.staff:
        box = _maildir(root / "henkilosto" / employee.number)
        last = min(employee.ended or story.today, story.today)
        for _ in range(random.randint(3, 8)):
            _deliver(box, _between(random, employee.started, last), employee.person.email, "Työasia", random)
    writers = [customer.person.email for customer in story.customers]
    for role in ROLES:
        box = _maildir(root / "roolit" / role)
        for _ in range(150):
            day = _between(random, years_before(story.today, 5), story.today)
            _deliver(box, day, f"{role}@example.invalid", "Kysymys liittymästä", random, random.choice(writers))


def _between(random: Random, first: date, last: date) -> date:
    return first + timedelta(days=random.randrange(max((last - first).days, 0) + 1))


def _maildir(box: Path) -> Path:
    for part in ("cur", "new", "tmp"):
        (box / part).mkdir(parents=True)
    return box


def _deliver(
    box: Path, day: date, receiver: str, subject: str, random: Random, sender: str = "lahettaja@example.invalid"
) -> None:
    moment = datetime(day.year, day.month, day.day, 9, random.randrange(60), random.randrange(60), tzinfo=UTC)
    unique = f"{int(moment.timestamp())}.M{random.randrange(1_000_000):06}P1.{HOST}"
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, receiver, subject
    message["Date"] = format_datetime(moment)
    message["Message-ID"] = f"<{unique}@example.invalid>"
    message.set_content("Keksitty viesti keksityltä ihmiseltä.\n")
    (box / "cur" / f"{unique}:2,S").write_bytes(message.as_bytes())
