"""A block becomes sentences the Finnish way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention.onboarding.hints import hints, may_name_a_person, words
from retention.onboarding.sentences import sentences
from ropa.kinds import KINDS


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Nimi. Osoite.", ["Nimi.", "Osoite."]),
        ("Rekisteri sisältää mm. Nimen ja osoitteen.", ["Rekisteri sisältää mm. Nimen ja osoitteen."]),
        ("Laadittu 11.5.2018. Päivitetty 1.1.2020.", ["Laadittu 11.5.2018.", "Päivitetty 1.1.2020."]),
        ("Voimassa 1. Tammikuuta alkaen.", ["Voimassa 1. Tammikuuta alkaen."]),
        ("Esimerkki Oy. Osoite on tie 1.", ["Esimerkki Oy.", "Osoite on tie 1."]),
        ("Laki 523/1999 10 §:n mukaan. Sitten muuta!", ["Laki 523/1999 10 §:n mukaan.", "Sitten muuta!"]),
        ("Kirjoita info@example.invalid. Vastaamme.", ["Kirjoita info@example.invalid.", "Vastaamme."]),
        ("4. Henkilötietojen käsittelyn tarkoitus", ["4. Henkilötietojen käsittelyn tarkoitus"]),
        ("", []),
    ],
)
def test_what_ends_a_sentence(text, found):
    assert sentences(text) == found


@given(st.text(alphabet="aBc .!?1Ä", max_size=60))
def test_no_word_is_lost(text):
    assert "".join(" ".join(sentences(text)).split()) == "".join(text.split())


def test_hints_name_the_word_and_kinds_that_there_are():
    assert set(words()) <= {kind.name for kind in KINDS} | {"organisation", "purposes"}
    assert hints("Tietoja ei luovuteta EU:n ulkopuolelle.") == {"transfers": ["eu:n"], "recipients": []} or (
        "eu:n" in hints("Tietoja ei luovuteta EU:n ulkopuolelle.")["transfers"]
    )
    assert hints("Puuta heinää.") == {}


@pytest.mark.parametrize(
    ("text", "person"),
    [
        ("Testi Henkilö, puh. 040 123 4567", True),
        ("Testi Henkilö", False),
        ("Esimerkki Oy, info(at)example.invalid", False),
        ("testi.henkilo@example.invalid Testi Henkilö", True),
    ],
)
def test_a_name_beside_a_number_is_pointed_at(text, person):
    assert may_name_a_person(text) is person
