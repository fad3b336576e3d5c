"""Whoever asked for erasure and has come back keeps what began since; the request goes on ending what was."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from retention.domain.decisions import Contract, Item, Occurrence, State
from retention.domain.rules import RuleSet
from retention.domain.written import parse_ground
from retention.evaluation import _batches
from retention.models import DatasetNight, LedgerContract
from retention.plan import OrganisationPlan, Plan
from retention.question import Question
from retention.runs import succeeded
from ropa.models import Organisation
from tests.retention.shape_house import House, dataset, ground, house  # noqa: F401
from tests.retention.test_alike import dataset_of
from tests.retention.test_still_open import survey_of

TODAY = date(2025, 7, 1)
ON_REQUEST = ground("tarve", period="P1Y", ends_on=["erasure_requested"])
TICKETS = {"events": {"case_opened": "luotu", "case_closed": "paattyi"}}


def has_come_back(house: House) -> None:  # noqa: F811
    """1001 asked in 2019 and signed again in 2024; 1002 asked and did not."""
    house.put("sopimus", (1, "1001", "A", "2015-01-01", "2019-02-01"), (2, "1001", "B", "2024-05-01", None))
    house.put("sopimus", (3, "1002", "C", "2024-01-01", None))
    house.put("pyynto", (1, "1001", "2019-03-01"), (2, "1002", "2024-06-01"))


class TestRelationship:
    @pytest.mark.parametrize("grain", ["record", "subject", "contract"])
    def test_that_began_after_the_request_goes_on(self, house, grain):  # noqa: F811
        has_come_back(house)
        house.tiedot((1, "1001", "B", "2024-05-01"), (2, "1002", "C", "2024-01-01"))
        house.publish(dataset(grain=grain, grounds=[ON_REQUEST], mapping={"contract": "sopimusnro"}))
        run = house.night("2025-07-01")
        assert (house.left(), succeeded(run)) == ({1}, True)
        assert DatasetNight.objects.get(run=run).overdue_left == 0
        house.put("pyynto", (3, "1001", "2025-07-01"))
        house.goes_on("2025-07-02", {1})  # asked again, as a customer

    def test_that_began_while_its_lot_was_on_its_way_keeps(self, house):  # noqa: F811
        house.put("sopimus", (1, "1001", "A", "2015-01-01", "2024-12-01"))
        house.put("pyynto", (1, "1001", "2025-03-01"))
        house.tiedot((1, "1001", None, "2024-05-01"))
        house.publish(dataset(grounds=[ON_REQUEST]))
        house.night_in_which("2025-07-01", "insert into sopimus values (2, '1001', 'B', '2025-06-30', null)")
        assert house.left() == {1}


class TestTicket:
    def test_that_was_opened_after_the_request_goes_on(self, house):  # noqa: F811
        house.put("pyynto", (1, "1001", "2021-03-01"))
        house.tiedot(
            (1, "1001", None, "2025-06-29"),
            (2, "1001", None, "2021-02-01"),
            (3, "1001", None, "2021-04-01", "2024-09-01"),
            (4, "1001", None, "2021-04-01", "2023-05-01"),
        )
        tickets = ground("pyynnot", trigger="case_closed", period="P2Y", ends_on=["erasure_requested"])
        house.publish(dataset(grounds=[tickets], mapping=TICKETS))
        run = house.night("2025-07-01")
        assert (house.left(), succeeded(run)) == ({1, 3}, True)

    def test_a_row_that_says_of_the_request_itself_is_held_against_the_ledger(self, house):  # noqa: F811
        has_come_back(house)
        house.tiedot((1, "1001", None, "2018-01-01", "2019-03-01"), (2, "1002", None, "2024-01-01", "2024-06-01"))
        house.publish(dataset(grounds=[ON_REQUEST], mapping={"events": {"erasure_requested": "paattyi"}}))
        run = house.night("2025-07-01")
        assert (house.left(), succeeded(run)) == ({1}, True)


def test_the_independent_reader_takes_nobody_who_came_back_for_one_who_did_not():
    """It decides once for all of whom the rules see the same."""
    rules = RuleSet((parse_ground(ON_REQUEST, "g"),))
    survey = survey_of(rules)
    events = {"erasure_requested": (Occurrence(date(2019, 3, 1)),)}
    stayed, came_back = (Item((Contract("A", date(year, 1, 1)),), events=events) for year in (2018, 2024))
    assert survey._decided("1001", None, stayed) == (State.DUE,)
    assert survey._decided("1002", None, came_back) == (State.OPEN,)


@pytest.mark.django_db
def test_a_register_that_tells_of_the_request_itself_is_asked_once_for_all_customers():
    """Each began on a day of its own; `decide` holds the request against it."""
    organisation = Organisation.objects.create(slug="o", name="O")
    LedgerContract.objects.bulk_create(
        LedgerContract(
            organisation=organisation, subject_kind="customer", source="s", subject=f"{n:03}", ref="A",
            started=date(2020, 1, 1) + timedelta(days=n),
        )
        for n in range(40)
    )  # fmt: skip
    plain = dataset_of(RuleSet((parse_ground(ON_REQUEST, "g"),)))
    assert plain.mapping is not None
    mapping = replace(plain.mapping, events={"erasure_requested": "pyydetty"})
    data = replace(plain, mapping=mapping)
    plan = Plan(OrganisationPlan(slug="o", name="O", time_zone="Europe/Helsinki"), (), (data,), "")
    batches = list(_batches(Question(organisation, plan, data, TODAY)))
    assert [len(scopes or ()) for _, scopes in batches] == [40]
