"""One night on K-Systems' registers: contacts and content end with the service, the authority's data by its word."""

from __future__ import annotations

import imaplib
from collections.abc import Iterator
from datetime import timedelta

import pytest

from samples.frame import Built
from samples.k_systems import COMPANY
from samples.k_systems.mail import MASTER, MASTER_PASSWORD, boxes, environment, fill
from samples.k_systems.story import GRACE_DAYS, Domain, Situation, Story, tell
from samples.k_systems.systems import CUSTOMERS, SEED
from samples.servers import Running, server
from tests.samples.nights import TODAY, Nights, two_nights, whole
from tests.servers.fixtures import need

pytestmark = pytest.mark.django_db
HELD = (Situation.ON_HOLD_DISPUTE, Situation.ON_HOLD_REQUEST)
CRM, DOMAINS, MARKETING = "asiakkaat.sqlite3", "verkkotunnukset.sqlite3", "markkinointi.sqlite3"
GRACE = timedelta(days=GRACE_DAYS)


@pytest.fixture(scope="module")
def nights(tmp_path_factory, django_db_setup, django_db_blocker) -> Iterator[Nights]:
    with django_db_blocker.unblock():
        yield two_nights(COMPANY, tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def story() -> Story:
    return tell(TODAY, SEED, CUSTOMERS)


def of(story: Story, *situations: Situation) -> set[str]:
    return {customer.number for customer in story.customers if customer.situation in situations}


def one_of(story: Story, situation: Situation) -> str:
    (number,) = of(story, situation)
    return number


def test_the_night_leaves_nothing_unexplained_and_asks_no_mail_server(nights):
    assert nights.summary["problems"] == {}
    assert nights.unexplained == 0
    assert "sahkopostilaatikot" not in {row["dataset"] for row in nights.summary["datasets"]}


def test_every_dataset_has_something_due_and_something_kept(nights):
    for row in nights.summary["datasets"]:
        assert row["due"] > 0, row["dataset"]
        assert row["oldest_kept"], row["dataset"]


def _user_goes(domain: Domain) -> bool:
    if domain.instructed is not None:
        return True
    return domain.ended is not None and domain.ended + (GRACE if domain.deleted else timedelta(0)) < TODAY


def test_domain_users_go_as_the_authority_instructs_and_the_others_stay_as_they_were(nights, story):
    held = of(story, *HELD)
    due = {
        contract.domain.name
        for customer in story.customers
        for contract in customer.contracts
        if _user_goes(contract.domain) and customer.number not in held
    }
    everything = {str(row[1]): row for row in nights.before.rows(DOMAINS, "SELECT * FROM verkkotunnus")}
    left = {str(row[1]): row for row in nights.after.rows(DOMAINS, "SELECT * FROM verkkotunnus")}
    assert due and left == {name: row for name, row in everything.items() if name not in due}


def test_a_transferred_domain_goes_at_once_and_a_deleted_one_can_still_be_restored(nights, story):
    left = nights.after.column(DOMAINS, "SELECT asiakasnro FROM verkkotunnus")
    assert not left & of(story, Situation.TRANSFERRED, Situation.INSTRUCTED)
    assert left >= of(story, Situation.DELETED_LATELY, Situation.CLOSED_WITHOUT_DATE, Situation.REOPENED, *HELD)
    customers = nights.after.column(CRM, "SELECT asiakasnro FROM yritys")
    assert customers >= of(story, Situation.TRANSFERRED, Situation.INSTRUCTED)


def test_of_two_domains_one_goes_and_the_customer_stays(nights, story):
    for customer in story.customers:
        if customer.situation is Situation.TWO_DOMAINS:
            runs, ended = customer.contracts
            domains = nights.after.column(
                DOMAINS, "SELECT tunnus FROM verkkotunnus WHERE asiakasnro = ?", customer.number
            )
            assert domains == {runs.domain.name}
            content = nights.after.files(f"webhotellit/sisallot/{customer.number}")
            assert content and all(name.startswith(f"{runs.number}/") for name in content)
            assert nights.before.files(f"webhotellit/sisallot/{customer.number}/{ended.number}")
            contacts = "SELECT * FROM yhteyshenkilo WHERE asiakasnro = ? AND tehtava_paattyi IS NULL"
            assert nights.after.rows(CRM, contacts, customer.number) == nights.before.rows(
                CRM, contacts, customer.number
            )


def test_content_goes_whole_thirty_days_after_the_service_and_the_rest_is_untouched(nights, story):
    before, after = nights.before.files("webhotellit/sisallot"), nights.after.files("webhotellit/sisallot")
    held = of(story, *HELD)
    gone = {
        f"{customer.number}/{contract.number}/"
        for customer in story.customers
        for contract in customer.contracts
        if contract.ended is not None and contract.ended + GRACE < TODAY and customer.number not in held
    }
    expected = {name: content for name, content in before.items() if not name.startswith(tuple(gone))}
    assert after == expected
    folders = {path.name for path in (nights.after.directory / "webhotellit" / "sisallot").iterdir()}
    assert one_of(story, Situation.GRACE_LAST_DAY) in folders
    assert one_of(story, Situation.GRACE_OVER) not in folders


def test_the_thirtieth_day_is_kept_and_the_next_night_takes_it(nights, story):
    number = one_of(story, Situation.GRACE_LAST_DAY)
    assert nights.after.files(f"webhotellit/sisallot/{number}")
    assert not (nights.tomorrow.directory / "webhotellit" / "sisallot" / number).exists()


def test_contacts_go_with_the_service_or_when_they_stop_being_contacts(nights, story):
    held = of(story, *HELD)
    expected = {
        contact.person.email
        for customer in story.customers
        for contact in customer.contacts
        if customer.number in held
        or (
            (contact.left is None or contact.left >= TODAY)
            and (customer.last_end is None or customer.last_end >= TODAY)
        )
        or (customer.situation is Situation.CLOSED_WITHOUT_DATE and contact.left is None)
    }
    assert nights.after.column(CRM, "SELECT sahkoposti FROM yhteyshenkilo") == expected
    ends_today = one_of(story, Situation.ENDS_TODAY)
    card = f"{ends_today}_P-{ends_today}-1.vcf"
    assert card in nights.after.files("webhotellit/yhteystiedot")
    assert card not in nights.tomorrow.files("webhotellit/yhteystiedot")
    yesterday = one_of(story, Situation.ENDED_YESTERDAY)
    assert f"{yesterday}_P-{yesterday}-1.vcf" not in nights.after.files("webhotellit/yhteystiedot")


def test_the_company_stays_for_claims_and_an_unpaid_debt(nights, story):
    left = nights.after.column(CRM, "SELECT asiakasnro FROM yritys")
    gone = of(story, Situation.ENDED_LONG_AGO, Situation.PAID_LATE, Situation.BANNED_AND_GONE)
    assert left == {customer.number for customer in story.customers} - gone
    assert nights.after.column(CRM, "SELECT asiakasnro FROM palvelusopimus") == left


def test_an_invoice_is_kept_by_law_whatever_the_notice_promises(nights, story):
    owed = [c.invoices[-1].number for c in story.customers if c.situation is Situation.UNPAID]
    held = of(story, *HELD)
    expected = {
        invoice.number
        for customer in story.customers
        for invoice in customer.invoices
        if invoice.dated.year >= TODAY.year - 6 or invoice.number in owed or customer.number in held
    }
    assert nights.after.column("laskutus.sqlite3", "SELECT laskunro FROM lasku") == expected
    gone = of(story, Situation.ENDED_LONG_AGO, Situation.PAID_LATE, Situation.BANNED_AND_GONE)
    assert nights.after.column("laskutus.sqlite3", "SELECT asiakasnro FROM lasku") & gone


def test_a_ban_ends_the_mailing_and_outlives_the_customer(nights, story):
    banned = of(story, Situation.BANNED, Situation.BANNED_AND_GONE)
    in_force = "SELECT * FROM kielto WHERE peruttu IS NULL ORDER BY id"
    assert nights.after.rows(MARKETING, in_force) == nights.before.rows(MARKETING, in_force)
    assert nights.after.column(MARKETING, "SELECT asiakasnro FROM kielto") == banned
    listed = nights.after.column(MARKETING, "SELECT asiakasnro FROM postituslista")
    assert not listed & banned
    assert listed >= of(story, Situation.RUNNING, Situation.REOPENED, Situation.CLOSED_WITHOUT_DATE, *HELD)


def test_a_hold_keeps_everything_of_its_customer(nights, story):
    for number in of(story, *HELD):
        for database, table in (
            (CRM, "yritys"),
            (CRM, "yhteyshenkilo"),
            (CRM, "palvelusopimus"),
            (DOMAINS, "verkkotunnus"),
            (MARKETING, "postituslista"),
            ("laskutus.sqlite3", "lasku"),
        ):
            question = f"SELECT * FROM {table} WHERE asiakasnro = ?"
            before = nights.before.rows(database, question, number)
            assert nights.after.rows(database, question, number) == before != []


def test_who_has_a_running_service_is_unchanged_byte_for_byte(nights, story):
    running = of(story, Situation.RUNNING)
    assert len(running) > 8
    for number in running:
        for database, question in (
            (CRM, "SELECT * FROM yritys WHERE asiakasnro = ?"),
            (CRM, "SELECT * FROM yhteyshenkilo WHERE asiakasnro = ? AND tehtava_paattyi IS NULL"),
            (CRM, "SELECT * FROM palvelusopimus WHERE asiakasnro = ?"),
            (DOMAINS, "SELECT * FROM verkkotunnus WHERE asiakasnro = ?"),
            (MARKETING, "SELECT * FROM postituslista WHERE asiakasnro = ?"),
        ):
            assert nights.after.rows(database, question, number) == nights.before.rows(database, question, number)


@pytest.fixture
def mail_server() -> Iterator[Running]:
    """A mail server of the test's own, filled."""
    need("dovecot")
    with server("dovecot") as running:
        fill(running, Built(running.directory, TODAY, SEED, CUSTOMERS, ()))
        yield running


def messages(running: Running, account: str) -> int:
    with imaplib.IMAP4(running.address, running.port) as box:
        box.login(f"{account}*{MASTER}", MASTER_PASSWORD)
        answer, (number,) = box.select("INBOX", readonly=True)
        assert answer == "OK" and number is not None
        return int(number)


def test_the_mail_server_holds_every_customers_boxes(story, mail_server):
    assert environment(mail_server)["SELOSTE_DEMO_K_SYSTEMS_IMAP_PORT"] == str(mail_server.port)
    found = [account for account, _ in boxes(story)]
    assert len(found) == len(set(found)) > CUSTOMERS
    assert {messages(mail_server, account) for account in found[::9]} == {2}


def test_mailboxes_go_whole_thirty_days_after_the_service(story, mail_server, tmp_path, monkeypatch):
    for name, value in environment(mail_server).items():
        monkeypatch.setenv(name, value)
    found = two_nights(COMPANY, tmp_path, whole(COMPANY))
    held = of(story, *HELD)
    gone = {
        account
        for account, customer in boxes(story)
        if customer.number not in held and customer.last_end is not None and customer.last_end + GRACE <= TODAY
    }
    last_day = one_of(story, Situation.GRACE_LAST_DAY)
    due_tomorrow = {account for account in gone if account.startswith(f"{last_day}@")}
    assert found.dataset("sahkopostilaatikot")["due"] == len(gone - due_tomorrow) < len(gone)
    left = {account: messages(mail_server, account) for account, _ in boxes(story)}
    assert left == {account: 0 if account in gone else 2 for account in left}
