"""KaseNet's demo as the browser meets it: in the evening before the night, and in the morning after it.

Some datasets wait for two persons, so that the morning has lots to approve. Beside KaseNet stand an organisation with
nothing in it, and one whose names are as long as names get. Both functions run in a process of their own.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from entrance.people import Asker, make_account
from entrance.tokens import make_token
from retention.campaign import Wanted, propose
from retention.campaign_people import answering
from retention.connectors.paper_orders import Answer
from retention.inventory_document import edit_connection, edit_entry
from retention.night import run_night
from retention.paper import archives, record
from ropa.models import Dataset, Membership, Organisation, Role
from ropa.reviews import ask
from ropa.services import publish
from samples.kasenet.story import LEAST_CUSTOMERS
from tests.api.conftest import CAST, PASSWORD, make_register
from tests.browser.visits import session_key
from tests.factors import give_factor, give_key, sign_in

KASENET, EMPTY, LONG = "kasenet", "tyhja", "pitka"
TWO_PERSONS = ("crm-asiakkaat", "tiketit", "kartta-liittyjat")
"""Datasets whose lots wait until two controllers have approved."""
LONG_NAME = "Sähköisen asioinnin tunnistautumis- ja valtuutustietorekisteri"
"""A register's name of sixty characters and two."""
EVERYWHERE = "eeva"
"""DPO of all three organisations; the cast has KaseNet alone."""
HOUSE = "lotta"
"""Controller and administrator of the one with long names."""
MISSED = 3
"""Of several nights, the one so many days ago did not run."""
LINK = "review-link"
"""A file in the data directory: the address that a register's owner was sent."""
NEWCOMER_LINK = "newcomer-link"
"""A file there: the address at which a new account sets its first password."""
KEYLESS, TWO_FACTORS = "stranger", "karin"
"""An account without a role or a second factor, and one with an app and a security key."""
TOKENS = {TWO_FACTORS: 2, "bob": 1}
"""Who has how many tokens of programs."""
SUPERUSER = "sirpa"
"""Makes organisations, and has a role in none."""
SHORTENED = "kysely-vastaukset"
"""A dataset of KaseNet whose rule the draft shortens after the night."""


def evening(customers: int = LEAST_CUSTOMERS, nights: int = 1) -> None:
    """The registers are filled, the inventory is in force, no night has run; `nights` are to run until today."""
    now = timezone.now()
    first = timezone.localdate(now) - timedelta(days=nights - 1)
    call_command("demo", prepare=True, customers=customers, language="fi", today=first, stdout=io.StringIO())
    kasenet = Organisation.objects.get(slug=KASENET)
    for dataset in Dataset.objects.filter(organisation=kasenet, code__in=TWO_PERSONS):
        dataset.policy = {**dataset.policy, "approval": "two"}
        dataset.save()
    then = now - timedelta(days=nights - 1)
    publish(kasenet, first, then, "controller:alice", reason="kaksi hyväksyjää", opinion_reason="kokous")
    Organisation.objects.create(slug=EMPTY, name="Tyhjä Oy")
    _long_names(now)
    _people()


def _long_names(now: datetime) -> None:
    """An organisation that was published long ago and has had no night; one register's owner was asked."""
    name = "Itä-Uudenmaan Kuituverkko- ja Tietoliikennepalveluosuuskunta"
    organisation = Organisation.objects.create(slug=LONG, name=name)
    for code in ("tunnistautuminen", "laskutus"):
        register = make_register(organisation, code, datasets=3)
        register.name = {"fi": LONG_NAME}
        register.place = {"value": {"fi": "Palveluntarjoajan konesali, Lappeenrannan kuituverkkokeskuksen tilat"}}
        register.owner = {"role": {"fi": "Asiakaspalvelupäällikkö"}, "email": "omistaja@example.invalid"}
        register.review = {"every": "P1Y", "last": "2020-01-01"}
        register.save()
        for number, dataset in enumerate(register.datasets.all()):
            dataset.name = {"fi": f"Sähköpostiviestinvälityspalvelunkäyttöoikeustiedot {number}"}
            dataset.policy = {**dataset.policy, "mode": "purge"}
            dataset.save()
    publish(organisation, date(2020, 1, 1), datetime(2020, 1, 1, tzinfo=UTC), "controller:alice", opinion_reason="ensi")
    moved = {"kind": "sql", "config": {"url": "sqlite:///{data}/asiakkuudenhallinta-uusi-palvelin.sqlite3"}}
    edit_connection(organisation, "crm", moved, "administrator:adam: palvelin vaihtui")
    edit_entry(organisation, "datasets", "laskutus-1", _proposed, "owner:olga", "tarkistetaan uudelleen")
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    settings.MAIL_URL, settings.PUBLIC_URL = True, "http://127.0.0.1"
    mail.outbox = []
    ask(organisation, now)
    found = re.search(r"http://127\.0\.0\.1(/review/\S+)", str(mail.outbox[0].body))
    assert found is not None
    Path(settings.DATA_DIR, LINK).write_text(found[1])


def _people() -> None:
    one = User.objects.create_user("malli", password=PASSWORD)
    everybody = {name: [(KASENET, role)] for name, role in CAST.items()}
    everybody[EVERYWHERE] = [(slug, Role.DPO) for slug in (KASENET, EMPTY, LONG)]
    everybody["charlie"] = [(EMPTY, Role.CONTROLLER)]
    everybody[TWO_FACTORS] = [(KASENET, Role.CONTROLLER)]
    everybody[HOUSE] = [(LONG, Role.CONTROLLER), (LONG, Role.ADMINISTRATOR)]
    everybody[KEYLESS] = everybody[SUPERUSER] = []
    for name, roles in everybody.items():
        person = User(username=name, password=one.password)  # hashed once: it is made to be slow
        person.is_superuser = name == SUPERUSER
        person.save()
        for slug, role in roles:
            Membership.objects.create(user=person, organisation=Organisation.objects.get(slug=slug), role=role)
        if name != KEYLESS:
            give_factor(person)
        if name == TWO_FACTORS:
            give_key(person)
        for _number in range(TOKENS.get(name, 0)):
            make_token(person, 30)
        _open_session(person)
    one.delete()
    newcomer = make_account(
        Organisation.objects.get(slug=KASENET), "uusi", Asker("administrator:adam", None), "aloittaa työt"
    )
    Path(settings.DATA_DIR, NEWCOMER_LINK).write_text(reverse("welcome-link", args=[newcomer.link]))


def _open_session(person: User) -> None:
    """A session that was opened with both factors, under a key that the browser knows (`visits.sign_in`)."""
    opened = sign_in(Client(), person).session
    session = Session(session_key=session_key(person.username), expire_date=opened.get_expiry_date())
    session.session_data = opened.encode(dict(opened.items()))
    session.save()


def morning(nights: int = 1) -> None:
    """The nights have run: most went, some lots wait, somebody has looked for alarms, and people went on working."""
    now = timezone.now()
    kasenet = Organisation.objects.get(slug=KASENET)
    for back in reversed(range(nights)):
        if nights == 1 or back != MISSED:
            then = now - timedelta(days=back)
            run_night(kasenet, kasenet.day_of(then), then, by="demo")
    with suppress(SystemExit):  # how it says that it found some
        call_command("alarms", organisation=KASENET, stdout=io.StringIO(), stderr=io.StringIO())
    by = answering(kasenet, User.objects.get(username="olga"))
    evidence = "Asiakaspalvelun kirjanpito: viimeinen yhteydenotto oli vuonna 2019."
    wanted = Wanted("tiketit", "case_closed", "no_date", evidence, day=date(2019, 12, 31))
    propose(kasenet, wanted, by, now)
    (archive,) = archives(kasenet)
    box = next(number for number in archive.orders.written if number.startswith("D-"))
    answer = Answer(None, now.date(), "arkistonhoitaja", method="shredder", level="P-7")
    record(archive, box, answer, "owner:olga", now, None)
    edit_entry(kasenet, "datasets", SHORTENED, _shorter, "owner:olga", "kyselyt puretaan nopeammin")


def _shorter(entry: Mapping[str, Any] | None) -> dict[str, Any]:
    assert entry is not None
    first, *others = entry["grounds"]
    return {**entry, "grounds": [{**first, "period": "P6M"}, *others]}


def _proposed(entry: Mapping[str, Any] | None) -> dict[str, Any]:
    assert entry is not None
    return {**entry, "grounds": [{**one, "status": "proposed"} for one in entry["grounds"]]}
