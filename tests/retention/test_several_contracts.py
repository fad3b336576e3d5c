"""Of a person with several contracts what has ended in one ends nothing of what another still has open.

Where the data is not one contract's, the rules read all that its person has: an event that is told of one contract has
happened only once it has happened in each of which it is told.
"""

from __future__ import annotations

import pytest

from retention.models import LedgerOpen
from retention.runs import succeeded
from tests.retention.shape_house import LEDGER, House, dataset, ground, house  # noqa: F401

CONTRACTS = LEDGER[0]
SERVICES = {"id": "palvelut", "place": "palvelu", "contract": "sopimusnro", "events": {"service_ended": "paattyi"}}
DEBTS = {
    "id": "velat",
    "place": "velka",
    "contract": "sopimusnro",
    "events": {"debt_due": "era", "debt_settled": "maksettu"},
}
DISPUTES = {
    "id": "riidat",
    "place": "riita",
    "contract": "sopimusnro",
    "events": {"dispute_opened": "avattu", "dispute_resolved": "ratkaistu"},
}
WHOSE = "id integer primary key, nro varchar(20), sopimusnro varchar(20)"
HOSTING = ground("sivut", trigger="service_ended", period="P30D")


def of_two(house: House, *sources) -> None:  # noqa: F811
    """1001 had one hosting contract until 2023 and has another; 1002 had only the first."""
    house.server.run(
        f"create table palvelu({WHOSE}, paattyi date)",
        f"create table velka({WHOSE}, era date, maksettu date)",
        f"create table riita({WHOSE}, avattu date, ratkaistu date)",
    )
    house.ledger = [CONTRACTS, *sources]
    house.put(
        "sopimus",
        (1, "1001", "A", "2019-01-01", "2023-03-01"),
        (2, "1001", "B", "2022-01-01", None),
        (3, "1002", "C", "2019-01-01", "2023-03-01"),
    )
    house.tiedot((1, "1001", "B", "2022-01-01"), (2, "1002", "C", "2019-01-01"))


@pytest.mark.parametrize("grain", ["container", "record", "subject"])
class TestService:
    def test_that_ended_leaves_the_site_of_the_one_in_use(self, house, grain):  # noqa: F811
        of_two(house, SERVICES)
        house.put(
            "palvelu",
            (1, "1001", "A", "2023-03-01"),
            (2, "1001", "B", None),
            (3, "1002", "C", "2023-03-01"),
        )
        house.publish(dataset(grain=grain, grounds=[HOSTING]))
        run = house.night("2025-07-01")
        assert (house.left(), succeeded(run)) == ({1}, True)
        house.server.run("update palvelu set paattyi = '2025-07-01' where id = 2")
        house.goes_on("2025-08-01", {1})  # thirty days after the last

    def test_in_use_keeps_what_counts_from_the_later_of_contract_and_service(self, house, grain):  # noqa: F811
        of_two(house, SERVICES)
        house.server.run("update sopimus set loppu = '2024-01-01' where id = 2")
        house.put("palvelu", (1, "1001", "A", "2023-03-01"), (2, "1001", "B", None), (3, "1002", "C", "2023-03-01"))
        later = {"latest_of": ["contract_ended", "service_ended"]}
        house.publish(dataset(grain=grain, grounds=[ground("sivut", trigger=later, period="P30D")]))
        house.night("2025-07-01")
        assert house.left() == {1}


def test_a_contract_of_another_sort_keeps_nothing_of_a_service_that_ended(house):  # noqa: F811
    """B is an electricity contract: that no service is told of it says that it has none."""
    of_two(house, SERVICES)
    house.put("palvelu", (1, "1001", "A", "2023-03-01"), (3, "1002", "C", "2023-03-01"))
    house.publish(dataset(grain="container", grounds=[HOSTING]))
    house.night("2025-07-01")
    assert house.left() == set()


def test_a_debt_that_is_told_by_contract_alone_keeps_while_that_of_one_is_unpaid(house):  # noqa: F811
    of_two(house, DEBTS)
    house.put(
        "velka",
        (1, "1001", "A", "2023-03-01", "2023-04-01"),
        (2, "1001", "B", "2024-03-01", None),
        (3, "1002", "C", "2023-03-01", "2023-04-01"),
    )
    claim = ground("velka", kind="claim", trigger="debt_due", period="P3Y", ends_on=["debt_settled"])
    house.publish(dataset(grounds=[claim]))
    house.night("2025-07-01")
    assert house.left() == {1}


def test_a_dispute_that_is_told_by_contract_alone_keeps_while_that_of_one_is_open(house):  # noqa: F811
    of_two(house, DISPUTES)
    house.put(
        "riita",
        (1, "1001", "A", "2022-03-01", "2023-03-01"),
        (2, "1001", "B", "2024-03-01", None),
        (3, "1002", "C", "2022-03-01", "2023-03-01"),
    )
    house.publish(dataset(grounds=[ground("riita", kind="claim", trigger="dispute_resolved", period="P1Y")]))
    house.night("2025-07-01")
    assert house.left() == {1}


class TestLastMoment:
    def test_a_service_that_was_ordered_meanwhile_keeps(self, house):  # noqa: F811
        of_two(house, SERVICES)
        house.put("palvelu", (1, "1001", "A", "2023-03-01"), (3, "1002", "C", "2023-03-01"))
        house.publish(dataset(grain="container", grounds=[HOSTING]))
        house.night_in_which("2025-07-01", "insert into palvelu values (2, '1001', 'B', null)")
        assert house.left() == {1}
        assert LedgerOpen.objects.get().contract == "B"
