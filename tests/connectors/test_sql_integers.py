"""Keys of a column of integers, many at once and one by one."""

from hypothesis import given
from hypothesis import strategies as st

from retention.connectors.sql.values import ColumnKind, as_stored, integers

plain = st.integers(min_value=1, max_value=10**18 - 1).map(str)
odd = st.one_of(st.integers().map(str), st.text(), st.sampled_from(["", "0", "-1", "007", "+7", "7 ", "٣", "9" * 19]))


@given(st.lists(plain, min_size=1))
def test_what_is_plain_is_read_at_once(texts):
    assert integers(texts) == [as_stored(text, ColumnKind.INTEGER) for text in texts]


@given(st.lists(st.one_of(plain, odd), min_size=1))
def test_it_never_says_anything_else(texts):
    assert integers(texts) in (None, [as_stored(text, ColumnKind.INTEGER) for text in texts])
