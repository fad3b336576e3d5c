"""The form that places a hold: what people paste into it, and what it says of whom nobody knows."""

from __future__ import annotations

import pytest

from retention.models import Hold
from tests.web.test_again import log_in
from tests.web.test_log_in import fresh
from tests.web.test_pages import text

pytestmark = pytest.mark.usefixtures("clock")

FORM = {"reason": "dispute", "owner": "legal", "review_by": "2027-06-01"}


def test_what_nobody_sees_in_a_pasted_list_is_left_out(people):
    answer = log_in(fresh(), "bob").post(
        "/o/testi/holds/", {**FORM, "people": "\ufeff100001\r\n100002\u200b \r\n\u200b\r\n"}, follow=True
    )
    assert "stands from now on" in text(answer)
    assert sorted(one.subject for one in Hold.objects.latest("pk").subjects.all()) == ["100001", "100002"]


def test_whom_nothing_here_knows_is_told(people):
    bob = log_in(fresh(), "bob")
    told = text(bob.post("/o/testi/holds/", {**FORM, "people": "nobody-1\nnobody-2"}, follow=True))
    assert "2 numbers are not known here. Check them" in told
