"""Each due item is in one wave, whoever draws; the sample is the lot's own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from retention.domain.waves import FIRST, REST, SAMPLE, SECOND, sample, split

NAMES = st.lists(st.text(max_size=6), unique=True, max_size=300)


@given(seed=st.text(max_size=8), names=NAMES)
def test_each_item_is_in_one_wave_and_the_first_are_the_smallest(seed, names):
    found = split(seed, names)
    assert sorted(place for places in found.values() for place in places) == list(range(len(names)))
    assert all(found.values())
    assert len(found.get(FIRST, [])) == -(-len(names) // 100)
    if len(names) >= 2:
        assert len(found[SECOND]) == min(-(-len(names) // 10), len(names) - len(found[FIRST]))
    assert split(seed, names) == found


@given(names=st.lists(st.integers(), unique=True, min_size=200, max_size=400))
def test_the_draw_is_of_the_items_not_of_their_order(names):
    texts = [str(name) for name in names]
    one, other = split("seed", texts), split("seed", texts[::-1])
    for wave in (FIRST, SECOND, REST):
        assert {texts[place] for place in one[wave]} == {texts[::-1][place] for place in other[wave]}
    assert split("another", texts) != one


@given(digest=st.text(max_size=64), size=st.integers(0, 400))
def test_a_sample_is_as_large_as_it_should_be_and_always_the_same(digest, size):
    found = sample(digest, size)
    assert found == sorted(set(found)) == sample(digest, size)
    assert len(found) == min(size, SAMPLE)
    assert all(0 <= position < size for position in found)


def test_another_lot_has_another_sample_and_it_is_not_the_first_that_come():
    one, other = sample("one", 400), sample("other", 400)
    assert one != other
    assert list(range(SAMPLE)) not in (one, other)
