"""An inventory's YAML is written fast, and byte for byte as PyYAML's own emitter would write it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention.inventory_document import yaml_blocks, yaml_text
from samples.companies import companies
from samples.documents import whole

AWKWARD = [
    "",
    "yes",
    "No",
    "NULL",
    "~",
    "007",
    "1e3",
    "2020-01-01",
    "30.6.2026",
    "- a",
    "a: b",
    "a:",
    "a #b",
    "a#b",
    "https://esimerkki.example.invalid/a?b#c",
    "=1+1",
    "'q'",
    '"q"',
    "[a]",
    "{a}",
    "a, b",
    "x\n",
    "x\n\n",
    " \n x",
    "two\nlines",
    "two\r\nlines",
    " both ends ",
    "a  b",
    "\tx",
    "\u00a0",
    "\ufeff",
    "\u2028",
    "😀",
    "a\x07",
    "...",
    "---",
    "<<",
    "=",
    "sana " * 30,
    "pitkä-" * 40,
    "a: b " * 40 + "\n\n",
]
texts = (
    st.sampled_from(AWKWARD)
    | st.text("aåÖ 0.:,-#'/()–&\n", max_size=12)
    | st.text("ab åö,.", min_size=90, max_size=140)
    | st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
)
scalars = texts | st.booleans() | st.none() | st.integers(-(10**16), 10**16)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=16,
)


@settings(max_examples=1500, deadline=None)
@given(values)
def test_any_value_is_written_as_pyyaml_would(value):
    assert yaml_blocks.dump(value) == yaml_blocks._by_pyyaml(value)


@pytest.mark.parametrize("text", AWKWARD)
@pytest.mark.parametrize("depth", range(5))
def test_a_text_is_written_as_pyyaml_would_at_every_depth(text, depth):
    """First, between and last, since the end of a document and the width of a line tell on it."""
    value = {"name": text, "list": [text, {"fi": text, "sv": text}, [text, [text]]], text: text}
    for _ in range(depth):
        value = {"inside": [value, value]}
    assert yaml_blocks.dump(value) == yaml_blocks._by_pyyaml(value)


@pytest.mark.parametrize("room", range(-3, 4))
@pytest.mark.parametrize("inside", [False, True])
def test_a_line_breaks_where_pyyaml_would_break_it(room, inside):
    text = f"{'a' * 40} {'b' * (WHOLE - 41 + room)} cc dd"
    value = {"registers": [{"id": "a", "name": text}]} if inside else {"name": text}
    assert yaml_blocks.dump(value) == yaml_blocks._by_pyyaml(value)
    assert yaml_text.parse(yaml_blocks.dump(value)) == value


WHOLE = yaml_blocks.WIDTH - len("name: ")


@pytest.mark.parametrize("company", companies(), ids=lambda company: company.slug)
def test_every_sample_is_written_as_pyyaml_would(company):
    document = whole(company, yaml_text.parse)
    assert yaml_blocks.dump(document) == yaml_blocks._by_pyyaml(document)
