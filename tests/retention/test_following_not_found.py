"""What an item follows is not found: that it has gone is believed only where nothing speaks against it."""

from __future__ import annotations

from datetime import date

import pytest

from retention.models import DatasetNight
from tests.retention.shape_house import POLICY, dataset, ground, house  # noqa: F401
from tests.retention.test_rule_shapes import LIITTEET, following

RULE = [ground("tarve", trigger="recorded", period="P1Y")]
LINKED_BY_TEXT = LIITTEET.replace("tieto_id integer", "tieto_id varchar(40)")
BY_TEXT = "create table asia(id {text} primary key, nro varchar(20), luotu date)"
ANY_CASE = "create collation any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"


def unknown(run):
    """Of the attachments, as the night and the independent reader say."""
    counts = DatasetNight.objects.get(run=run, dataset="liitteet").counts
    return counts.get("trigger_missing", 0), counts.get("left_trigger_missing", 0)


def test_a_link_that_the_key_cannot_be(house):  # noqa: F811
    house.server.run(LINKED_BY_TEXT)
    house.tiedot((1, "1001", None, "2025-02-28"), (2, "1002", None, "2025-02-28"))
    house.put("liite", *((n, link, "1001", "2025-02-28", "a") for n, link in ((10, "0001"), (11, "2"), (12, "3"))))
    house.publish(dataset(grounds=RULE), following())
    run = house.night("2025-03-01")
    assert house.left("liite") == {10, 11}  # 12 hung on a record that has gone
    assert unknown(run) == (1, 1)


def test_a_link_in_another_case_where_the_column_takes_both_for_one(house):  # noqa: F811
    text = "varchar(40) collate nocase"
    if house.server.kind == "postgresql":
        house.server.run(ANY_CASE)
        text = "varchar(40) collate any_case"
    house.server.run(LINKED_BY_TEXT, BY_TEXT.format(text=text))
    house.put("asia", ("INC-1", "1001", "2025-02-28"), ("INC-2", "1002", "2025-02-28"))
    links = ((10, "inc-1"), (11, "INC-2"), (12, "inc-3"))
    house.put("liite", *((n, link, "1001", "2025-02-28", "a") for n, link in links))
    house.publish(dataset(grounds=RULE, mapping={"place": "asia"}), following())
    run = house.night("2025-03-01")
    assert house.left("liite") == {10, 11}
    assert unknown(run) == (1, 1)


def test_what_it_follows_lost_its_columns_and_lies_there_still(house):  # noqa: F811
    """A row that was emptied is no item any more, in a column that compares loosely too: what follows it goes."""
    house.server.run(LINKED_BY_TEXT, "create table asia(id varchar(40) primary key, nro varchar(20), luotu date)")
    house.server.run("alter table asia add column nimi varchar(40)")
    house.put("asia", ("INC-1", "1001", "2020-01-01", "a"), ("INC-2", "1002", "2025-02-28", "b"))
    house.put("liite", *((n, link, "1001", "2020-01-01", "a") for n, link in ((10, "INC-1"), (11, "INC-2"))))
    mapping = {"place": "asia", "fields": ["nimi"]}
    house.publish(dataset(grounds=RULE, mapping=mapping), following(policy={**POLICY, "grace": "P1D"}))
    for n in range(1, 5):
        run = house.night(date(2025, 3, n))
    assert house.left("asia") == {"INC-1", "INC-2"}
    assert house.left("liite") == {11}
    assert unknown(run) == (0, 0)


@pytest.mark.parametrize("fills_again", [False, True])
def test_nothing_at_all_is_found_while_the_lot_waits(house, fills_again):  # noqa: F811
    house.server.run(LIITTEET)
    house.tiedot((1, "1001", None, "2024-02-29"))
    house.put("liite", (10, 1, "1001", "2024-02-29", "a"))
    policy = {**POLICY, "grace": "P2D"}
    house.publish(dataset(grounds=RULE, policy={**policy, "mode": "observe"}), following(policy=policy))
    house.night("2025-03-01")
    house.server.run("delete from tieto")
    if fills_again:  # then its absence says something
        house.tiedot((2, "1002", None, "2025-02-28"))
    for n in range(2, 9):
        house.night(date(2025, 3, n))
    assert house.left("liite") == (set() if fills_again else {10})
