"""The sample of a backlog's wave on its page: seen by a controller only, opened knowingly, judged item by item."""

from __future__ import annotations

import re

from ropa.models import Organisation, Role
from tests.factors import give_factor, member
from tests.retention.company import controller
from tests.retention.shape_house import house  # noqa: F401  (a fixture)
from tests.retention.test_waves import DAY, backlog, lots  # noqa: F401  (a fixture)
from tests.web.test_pages import client, text


def test_a_wave_is_approved_once_its_sample_was_looked_at(backlog):  # noqa: F811
    give_factor(controller(backlog.organisation, "ada"))
    for name, role in (("bob", Role.DPO), ("charlie", Role.CONTROLLER)):
        whose = backlog.organisation if name == "bob" else Organisation.objects.create(slug="toinen", name="Toinen")
        member(whose, name, role)
    backlog.night(DAY)
    lot = lots()[0]
    here = f"/o/testi/lots/{lot.pk}/sample/"
    assert f'href="{here}"' in client("ada").get("/o/testi/lots/").content.decode()
    assert client("bob").get(here).status_code == 403
    assert client("bob").post(here, {"do": "open"}).status_code == 403
    assert client("charlie").post(here, {"do": "open"}).status_code == 404
    shut = client("ada").get(here)
    assert "1000" not in text(shut)
    assert not lot.events.filter(reason="sample opened").exists()
    opened = client("ada").post(here, {"do": "open"})
    assert "no-store" in opened["Cache-Control"]
    assert lot.events.filter(reason="sample opened", who="controller:ada").count() == 1
    positions = re.findall(r'name="item-(\d+)"[^>]*value="right"', opened.content.decode())
    assert len(positions) == lot.size == 2
    half = {"do": "judge", "digest": lot.digest, f"item-{positions[0]}": "right"}
    assert "on vielä katsomatta" in text(client("ada").post(here, half, follow=True))
    whole = {**half, **{f"item-{one}": "right" for one in positions}}
    assert "Koko otos on oikein" in text(client("ada").post(here, whole, follow=True))
    client("ada").post("/o/testi/lots/", {"lot": f"{lot.pk}:{lot.digest}", "decision": "approve"})
    lot.refresh_from_db()
    assert lot.state == "approved"


def test_one_wrong_record_turns_the_lot_down_and_needs_a_reason(backlog):  # noqa: F811
    give_factor(controller(backlog.organisation, "ada"))
    backlog.night(DAY)
    lot = lots()[0]
    here = f"/o/testi/lots/{lot.pk}/sample/"
    sent = {"do": "judge", "digest": lot.digest, "item-0": "wrong", "item-1": "right"}
    asked = client("ada").post(here, sent)
    assert asked.status_code == 422
    assert re.search(r'value="wrong" checked', asked.content.decode())
    assert lot.looks.count() == 0
    late = {**sent, "digest": "0" * 64, "reason": "Sopimus jatkuu"}
    client("ada").post(here, late)
    lot.refresh_from_db()
    assert lot.state == "flagged"
    client("ada").post(here, {**sent, "reason": "Sopimus jatkuu"})
    lot.refresh_from_db()
    assert lot.state == "rejected"
    assert client("ada").post(here, {"do": "open"}).status_code == 302  # it does not wait any more
