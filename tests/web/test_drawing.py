"""What pages draw and how long words break: arithmetic, so tried on many values."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.utils import translation
from django.utils.safestring import SafeString
from hypothesis import given
from hypothesis import strategies as st

from web import charts
from web.sums import Bar
from web.templatetags.seloste import LONG, SHY, shy, sign
from web.words import SHOWN, Sign, some_of

FIRST = date(2026, 1, 1)
GONE = st.lists(st.one_of(st.none(), st.integers(0, 10**8)), min_size=1, max_size=30)


def bars(numbers: list[int | None]) -> list[Bar]:
    return [Bar(FIRST + timedelta(days=n), gone) for n, gone in enumerate(numbers)]


@given(GONE)
def test_columns_stand_on_the_floor_within_the_picture_in_proportion(numbers):
    drawn = charts.nights(bars(numbers))
    assert len(drawn.columns) == len(numbers)
    most = max((one or 0) for one in numbers)
    tallest = max(one.height or 0 for one in drawn.columns)
    for column, number in zip(drawn.columns, numbers, strict=True):
        assert charts.LEFT <= column.x <= column.x + column.width <= charts.WIDTH
        if number is None:
            assert column.height is None
        else:
            assert column.height is not None
            assert charts.TOP <= column.y <= charts.FLOOR
            assert abs(column.y + column.height - charts.FLOOR) < 0.11
            assert most == 0 or abs(column.height - number / most * tallest) < 0.2
    assert drawn.ran == sum(number is not None for number in numbers)
    assert len(drawn.missed) == numbers.count(None)


@given(st.integers(0, 10**9))
def test_there_are_one_to_three_hairlines_and_the_last_is_above_the_most(most):
    lines = charts.nights(bars([most])).lines
    assert 1 <= len(lines) <= 3
    assert min(y for y, _ in lines) <= charts.FLOOR - (charts.FLOOR - charts.TOP) * 0.99


@given(st.text(alphabet="aeiouyäöhjklmnprstv -", max_size=80))
def test_soft_hyphens_change_no_letter_and_leave_three_at_each_end(text):
    broken = shy(text)
    assert broken.replace(SHY, "") == text
    for word in broken.split():
        for part in word.split("-"):
            pieces = part.split(SHY)
            if len(pieces) > 1:
                assert len(part.replace(SHY, "")) >= LONG
                assert min(len(pieces[0]), len(pieces[-1])) >= 3


def test_every_shape_that_a_state_has_is_drawn():
    drawn = (Path(charts.__file__).parent / "templates" / "web" / "_shapes.html").read_text("utf-8")
    code = "".join(path.read_text("utf-8") for path in Path(charts.__file__).parent.rglob("*.py"))
    shapes = set(re.findall(r'Sign\("(\w+)"', code))
    assert len(shapes) > 8
    for shape in shapes:
        found = re.search(r'href="#i-(\w+)"', str(sign(Sign(shape, "word"))))
        assert found
        assert f'id="i-{found.group(1)}"' in drawn


def test_a_long_word_without_joints_may_break_before_a_consonant_and_a_vowel():
    with translation.override("fi"):
        assert shy("keskeyttäminen").replace(SHY, "-") == "kes-keyt-tä-mi-nen"
        assert shy("rekisteri") == "rekisteri"


def test_a_swedish_word_parts_at_its_joints_and_a_finnish_name_beside_it_only_where_it_is_very_long():
    with translation.override("sv"):
        assert shy("faktureringssystem").replace(SHY, "-") == "fakturerings-system"
        assert shy("laskutusjärjestelmä") == "laskutusjärjestelmä"
        assert SHY in shy("viestinvälityspalvelunkäyttöoikeudet")


def test_a_compound_parts_at_its_joints(settings):
    with translation.override("fi"):
        assert shy("Yritysasiakkaiden").replace(SHY, "-") != "Yri-ty-sa-siak-kai-den"
        assert shy("virtuaalipalvelinasiakkaiden").replace(SHY, "-").startswith("virtuaali-palvelin")
        assert shy("Asiakashallintajärjestelmä").replace(SHY, "-") == "Asiakas-hallinta-järjestelmä"


def test_what_is_escaped_already_is_not_escaped_again():
    assert isinstance(shy(SafeString("A &amp; B")), SafeString)
    assert not isinstance(shy("A & B"), SafeString)


@pytest.mark.parametrize(
    ("names", "last"), [(0, None), (SHOWN, str(SHOWN - 1)), (SHOWN + 1, str(SHOWN)), (SHOWN + 2, "2 muuta")]
)
def test_of_many_names_some_are_shown_and_the_others_counted(names, last):
    with translation.override("fi"):
        told = some_of([str(n) for n in range(names)])
    assert (len(told), told[-1] if told else None) == (min(names, SHOWN + 1), last)
