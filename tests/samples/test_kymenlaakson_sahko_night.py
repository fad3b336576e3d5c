"""One night on Kymenlaakson Sähkö's eight registers: what is due goes, everything else is as it was."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from samples.days import years_before
from samples.kymenlaakson_sahko import COMPANY
from samples.kymenlaakson_sahko.story import Customer, Permission, Situation, Story, tell
from samples.kymenlaakson_sahko.systems import CUSTOMERS, SEED
from tests.samples.nights import TODAY, Nights, two_nights

pytestmark = pytest.mark.django_db
BACKLOG = (
    Situation.ENDED_LONG_AGO,
    Situation.DUE_TODAY,
    Situation.PAID_LATE,
    Situation.BANNED,
    Situation.DEMOLISHED,
)
HELD = (Situation.ON_HOLD_DISPUTE, Situation.ON_HOLD_REQUEST)
CRM, PLACES, BANS, OPINIONS = "asiakastieto.sqlite3", "kayttopaikat.sqlite3", "luvat.sqlite3", "palautteet.sqlite3"


@pytest.fixture(scope="module")
def nights(tmp_path_factory, django_db_setup, django_db_blocker) -> Iterator[Nights]:
    with django_db_blocker.unblock():
        yield two_nights(COMPANY, tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def story() -> Story:
    return tell(TODAY, SEED, CUSTOMERS)


def of(story: Story, *situations: Situation) -> set[str]:
    return {customer.number for customer in story.customers if customer.situation in situations}


def test_the_night_leaves_nothing_unexplained(nights):
    assert nights.summary["problems"] == {}
    assert nights.unexplained == 0


def test_every_dataset_has_something_due_and_something_kept(nights):
    for row in nights.summary["datasets"]:
        assert row["due"] > 0, row["dataset"]
        assert row["oldest_kept"], row["dataset"]


def test_the_backlog_went_and_nobody_else(nights, story):
    left = nights.after.column(CRM, "SELECT asiakasnro FROM asiakas")
    assert of(story, *BACKLOG)
    assert left == {customer.number for customer in story.customers} - of(story, *BACKLOG)


def test_holds_debts_and_missing_dates_keep_their_customers(nights, story):
    kept = of(story, *HELD, Situation.UNPAID, Situation.CLOSED_WITHOUT_DATE, Situation.REOPENED)
    for table in ("asiakas", "sopimus"):
        question = f"SELECT * FROM {table} WHERE asiakasnro = ?"
        for number in kept - of(story, Situation.UNPAID):
            assert nights.after.rows(CRM, question, number) == nights.before.rows(CRM, question, number)
    owing = nights.after.rows(
        CRM, "SELECT hetu, tilinumero FROM asiakas WHERE asiakasnro = ?", min(of(story, Situation.UNPAID))
    )
    assert None not in owing[0]


def test_the_last_day_is_kept_tonight_and_goes_tomorrow(nights, story):
    (last_day,) = of(story, Situation.LAST_DAY)
    (due_today,) = of(story, Situation.DUE_TODAY)
    question = "SELECT asiakasnro FROM asiakas"
    assert last_day in nights.after.column(CRM, question)
    assert due_today not in nights.after.column(CRM, question)
    assert nights.tomorrow.column(CRM, question) == nights.after.column(CRM, question) - {last_day}


def test_identity_code_account_and_telephone_leave_before_the_record(nights, story):
    rows = {
        number: found
        for number, *found in nights.after.rows(CRM, "SELECT asiakasnro, hetu, tilinumero, puhelin FROM asiakas")
    }
    half_a_year_ago = TODAY - timedelta(days=185)
    for customer in story.customers:
        if customer.situation in {Situation.ENDED_LATELY, Situation.SETTLED}:
            code, account, phone = rows[customer.number]
            assert customer.last_end is not None
            assert code is None and phone is not None
            assert (account is None) is (customer.last_end < half_a_year_ago)
        elif customer.situation is Situation.ENDED_SINCE:
            assert rows[customer.number] == [None, None, None]
        elif customer.situation in {Situation.RUNNING, Situation.MOVED, Situation.REOPENED}:
            assert None not in rows[customer.number]


def test_invoices_go_by_their_financial_year_and_the_unpaid_one_stays(nights, story):
    owed = [c.invoices[-1].number for c in story.customers if c.situation is Situation.UNPAID]
    expected = {
        invoice.number
        for customer in story.customers
        for invoice in customer.invoices
        if invoice.dated.year >= TODAY.year - 6 or invoice.number in owed or customer.number in of(story, *HELD)
    }
    assert nights.after.column(CRM, "SELECT laskunro FROM lasku") == expected
    assert nights.after.rows(CRM, "SELECT count(*) FROM laskurivi WHERE lasku_id NOT IN (SELECT id FROM lasku)") == [
        (0,)
    ]


def test_the_person_leaves_the_place_and_the_place_stays(nights, story):
    stays = (
        "SELECT kayttopaikkanro, lahiosoite, postinumero, postitoimipaikka, lammitysmuoto, paasulake, liitetty"
        " FROM kayttopaikka WHERE purettu IS NULL ORDER BY kayttopaikkanro"
    )
    assert nights.after.rows(PLACES, stays) == nights.before.rows(PLACES, stays)
    held_by = dict(nights.after.rows(PLACES, "SELECT kayttopaikkanro, asiakasnro FROM kayttopaikka"))
    homes = nights.after.rows(
        PLACES, "SELECT asumismuoto, omistussuhde, haltija FROM kayttopaikka WHERE asiakasnro IS NULL"
    )
    assert homes and set(homes) == {(None, None, None)}
    moved = [customer for customer in story.customers if customer.situation is Situation.MOVED]
    moved_in = {
        customer.contracts[0].place.number: customer.number
        for customer in story.customers
        if customer.situation is Situation.RUNNING
    }
    old = {customer.contracts[0].place.number for customer in moved}
    assert len(old & set(moved_in)) == 2
    for customer in moved:
        left, home = (contract.place.number for contract in customer.contracts)
        assert held_by[left] == moved_in.get(left)
        assert held_by[home] == customer.number


def test_a_demolished_place_goes_when_nothing_points_at_it_any_more(nights, story):
    gone = nights.before.column(PLACES, "SELECT kayttopaikkanro FROM kayttopaikka")
    gone -= nights.after.column(PLACES, "SELECT kayttopaikkanro FROM kayttopaikka")
    demolished = {c.contracts[0].place.number for c in story.customers if c.situation is Situation.DEMOLISHED}
    assert gone == demolished


def test_metering_keeps_its_person_six_years_and_its_consumption_longer(nights, story):
    limit = years_before(TODAY, 6)
    question = "SELECT id, kayttopaikkanro, kausi_paattyi, kwh FROM mittaus ORDER BY id"
    assert nights.after.rows(PLACES, question) == nights.before.rows(PLACES, question)
    before = dict(nights.before.rows(PLACES, "SELECT id, asiakasnro FROM mittaus"))
    held, seen = of(story, *HELD), set()
    for row, day, number, contract in nights.after.rows(
        PLACES, "SELECT id, kausi_paattyi, asiakasnro, sopimusnro FROM mittaus"
    ):
        stays = date.fromisoformat(day) >= limit or before[row] in held
        assert (number, contract is not None) == ((before[row], True) if stays else (None, False)), day
        seen.add(stays)
    assert seen == {True, False}


def _ended(story: Story, number: str, withdrawn: str | None) -> date | None:
    """When a consent ended: withdrawn, or with the last contract; None while neither is known."""
    ends = {customer.number: customer.last_end for customer in story.customers}
    days = [date.fromisoformat(withdrawn)] if withdrawn else []
    last = ends.get(number)
    return min([*days, *([last] if last else [])], default=None)


def test_what_rests_on_consent_goes_when_it_ends(nights, story):
    held = of(story, *HELD)
    expected = {
        row
        for row, number, withdrawn in nights.before.rows(CRM, "SELECT id, asiakasnro, peruttu FROM valtuutus")
        if number in held or (ended := _ended(story, number, withdrawn)) is None or ended >= TODAY
    }
    assert nights.after.column(CRM, "SELECT id FROM valtuutus") == expected


def test_a_permission_can_be_shown_for_three_years_and_an_old_prospects_is_stale(nights, story):
    held, question = of(story, *HELD), "SELECT id, asiakasnro, annettu, peruttu, on_asiakas FROM lupa"
    expected = set()
    for row, number, given, withdrawn, is_customer in nights.before.rows(BANS, question):
        ended = _ended(story, number, withdrawn)
        fresh = is_customer or date.fromisoformat(given) >= years_before(TODAY, 5)
        if number in held or (fresh and (ended is None or ended >= years_before(TODAY, 3))):
            expected.add(row)
    assert nights.after.column(BANS, "SELECT id FROM lupa") == expected
    assert "49999" in nights.before.column(BANS, "SELECT asiakasnro FROM lupa")
    assert "49999" not in nights.after.column(BANS, "SELECT asiakasnro FROM lupa")


def test_feedback_stays_two_years_and_what_nobody_dated_stays(nights, story):
    held, question = of(story, *HELD), "SELECT id, asiakasnro, kasitelty FROM palaute"
    expected = {
        row
        for row, number, done in nights.before.rows(OPINIONS, question)
        if done is None or number in held or date.fromisoformat(done) >= years_before(TODAY, 2)
    }
    assert nights.after.column(OPINIONS, "SELECT id FROM palaute") == expected


def test_a_ban_outlives_everything_else(nights, story):
    banned = of(story, Situation.BANNED)
    question = "SELECT * FROM kielto WHERE asiakasnro = ? ORDER BY id"
    for number in banned:
        assert len(nights.before.rows(BANS, question, number)) >= 3
        assert number not in nights.after.column(CRM, "SELECT asiakasnro FROM asiakas")
    in_force = "SELECT * FROM kielto WHERE peruttu IS NULL ORDER BY id"
    assert nights.after.rows(BANS, in_force) == nights.before.rows(BANS, in_force)
    lifted = nights.after.column(BANS, "SELECT asiakasnro FROM kielto WHERE peruttu IS NOT NULL")
    assert nights.before.column(BANS, "SELECT asiakasnro FROM kielto WHERE peruttu IS NOT NULL") - lifted
    assert lifted <= of(story, *HELD)


def test_a_ban_ends_the_profile_at_once(nights):
    banned = nights.before.column(BANS, "SELECT asiakasnro FROM kielto WHERE peruttu IS NULL")
    profiled = "SELECT asiakasnro FROM ostotieto"
    assert nights.before.column(OPINIONS, profiled) & banned
    assert not nights.after.column(OPINIONS, profiled) & banned
    assert nights.after.column(OPINIONS, profiled)


def test_prospects_stay_only_with_a_permission_that_is_in_use(nights, story):
    left = nights.after.column("potentiaaliset.sqlite3", "SELECT numero FROM prospekti")
    assert left == {p.number for p in story.prospects if p.permission in {Permission.GIVEN, Permission.UNKNOWN}}


def test_raffle_slips_without_permission_go_at_intake(nights):
    before, after = nights.before.files("keruu/arvonnat"), nights.after.files("keruu/arvonnat")
    running = (TODAY + timedelta(days=20)).isoformat()
    expected = {name for name in before if name.startswith(running) and name.endswith("_true.txt")}
    stray = {name for name in before if "epäselvä" in name}
    assert any(name.startswith(running) and name.endswith("_false.txt") for name in before)
    assert set(after) == expected | stray and expected and stray
    lists = {f"soittolista_{TODAY + timedelta(days=days)}.csv" for days in (-30, 20)}
    assert set(nights.after.files("keruu/soittolistat")) == lists


def test_a_recording_stays_as_long_as_the_longest_of_its_purposes(nights, story):
    people = {customer.number: customer for customer in story.customers}
    before, after = nights.before.files("tallenteet/puhelut"), nights.after.files("tallenteet/puhelut")
    kept = {name for name in before if _recording_stays(name, people)}
    assert set(after) == kept
    assert {name.rsplit("_")[-1] for name in kept} >= {"sopimus.opus", "reklamaatio.opus", "palvelu.opus"}
    assert {name.rsplit("_")[-1] for name in set(before) - kept} >= {"sopimus.opus", "reklamaatio.opus", "palvelu.opus"}


def _recording_stays(path: str, people: dict[str, Customer]) -> bool:
    name = path.rsplit("/", maxsplit=1)[-1].removesuffix(".opus")
    if "_" not in name:
        return True
    number, day, kind = name.split("_")
    customer = people[number]
    occurred = date.fromisoformat(day)
    if customer.situation in HELD or occurred >= TODAY.replace(month=TODAY.month - 3):
        return True
    if kind == "reklamaatio":
        return occurred >= years_before(TODAY, 2)
    return kind == "sopimus" and (customer.last_end is None or customer.last_end >= years_before(TODAY, 3))


def test_an_old_answer_becomes_a_mark_that_tells_of_nobody(nights, story):
    question = "SELECT id, arvosana FROM tyytyvaisyys ORDER BY id"
    assert nights.after.rows(OPINIONS, question) == nights.before.rows(OPINIONS, question)
    held = of(story, *HELD)
    old = "SELECT asiakasnro, avovastaus FROM tyytyvaisyys WHERE kysely_paattyi < ?"
    limit = years_before(TODAY, 1).isoformat()
    assert {row for row in nights.after.rows(OPINIONS, old, limit) if row[0] not in held} == {(None, None)}
    recent = "SELECT * FROM tyytyvaisyys WHERE kysely_paattyi >= ?"
    assert nights.after.rows(OPINIONS, recent, limit) == nights.before.rows(OPINIONS, recent, limit) != []


def test_paper_is_ordered_and_what_must_stay_is_not(nights, story):
    orders = nights.after.orders("arkisto/havitystilaukset")
    papers = nights.after.listed("arkisto/sisalto.csv")
    ordered = {paper for order in orders for paper in order["papers"]}
    whole = {order["box"] for order in orders if order["kind"] == "destruction_order"}
    gone, held = of(story, *BACKLOG, Situation.UNPAID), of(story, *HELD)
    expected = {
        paper["numero"]
        for paper in papers
        if paper["asiakasnro"] not in held
        and (
            paper["asiakasnro"] in gone
            if paper["asiakirja"] == "sähkösopimus"
            else int(paper["pvm"][:4]) < TODAY.year - 6
        )
    }
    assert ordered == expected
    assert "KS-001" in whole
    assert papers == nights.before.listed("arkisto/sisalto.csv")


def test_who_has_a_running_contract_is_unchanged_byte_for_byte(nights, story):
    running = [c for c in story.customers if c.situation is Situation.RUNNING]
    assert len(running) > 15
    newer = f"{TODAY.year - 6}-01-01"
    for customer in running:
        for database, question in (
            (CRM, "SELECT * FROM asiakas WHERE asiakasnro = ?"),
            (CRM, "SELECT * FROM sopimus WHERE asiakasnro = ?"),
            (CRM, f"SELECT * FROM lasku WHERE asiakasnro = ? AND laskupvm >= '{newer}'"),
            (CRM, "SELECT * FROM valtuutus WHERE asiakasnro = ? AND peruttu IS NULL"),
            (PLACES, "SELECT * FROM kayttopaikka WHERE asiakasnro = ?"),
            (BANS, "SELECT * FROM lupa WHERE asiakasnro = ? AND peruttu IS NULL"),
            (OPINIONS, "SELECT * FROM palaute WHERE asiakasnro = ? AND tila = 'avoin'"),
        ):
            assert nights.after.rows(database, question, customer.number) == nights.before.rows(
                database, question, customer.number
            )


def test_the_second_night_takes_only_what_fell_due_since(nights, story):
    (last_day,) = of(story, Situation.LAST_DAY)
    contracts = "SELECT asiakasnro FROM sopimus"
    assert nights.after.column(CRM, contracts) - nights.tomorrow.column(CRM, contracts) == {last_day}
