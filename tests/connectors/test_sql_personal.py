"""The guess of personal data. All identifiers are from test ranges."""

from __future__ import annotations

import pytest

from retention.connectors.personal import guess


@pytest.mark.parametrize(
    ("values", "what"),
    [
        (["010190-900P", "290200A901C", "131052U923M"], "identity code"),
        (["9900001-8", "9900012-2"], "business id"),
        (["FI9399999900000014", "FI7199999900000022"], "IBAN"),
        (["643007999000000016", "643007999000000023"], "GSRN"),
        (["asiakas@isp.example", "a.b@isp.example"], "email"),
        (["+358 40 0000000", "040 000 0001", "00358 50 0000002", "014 000 0004"], "phone"),
        (["010190-900P", None, "", "x"], "identity code"),
    ],
)
def test_values_tell(values, what):
    assert guess({"c": values}) == {"c": what}


@pytest.mark.parametrize(
    "values",
    [
        ["010190-900R", "310290-900V", "010190G900P", "010190-001P"],
        ["9900001-9", "9900-8", "99O0001-8", "99000018"],
        ["FI9499999900000014"],
        ["643007999000000017", "734007999000000011"],
        ["12345678", "0123", "+46 70 1234567"],
        ["9900001-8", "a", "b"],
        [1, None, b"x"],
        [],
    ],
)
def test_values_that_only_look_like_it_do_not(values):
    assert guess({"c": values}) == {}


@pytest.mark.parametrize(
    ("column", "what"),
    [
        ("Sukunimi", "name"),
        ("asiakas_nimi", "name"),
        ("katuosoite", "address"),
        ("puhelin_koti", "phone"),
        ("callingstationid", "network address"),
        ("salasana", "secret"),
        ("asiakasnro", "customer number"),
    ],
)
def test_names_tell(column, what):
    assert guess({column: [], "summa": [], "tila": []}) == {column: what}
