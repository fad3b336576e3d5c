"""What the shapes of docs/reference/rule-shapes.md are said as, in each language: the page's own sentences."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from ropa.wording import rule_in_words

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "rule-shapes.md"
SECTION = re.compile(r"```yaml\n(?P<yaml>.*?)```\n(?P<words>(?:- (?:fi|sv|en): [^\n]*\n)+)", re.DOTALL)
SHAPES = [
    (yaml.safe_load(match["yaml"]), dict(re.findall(r"- (fi|sv|en): (.*)\n", match["words"])))
    for match in SECTION.finditer(PAGE.read_text(encoding="utf-8"))
]


def test_the_page_has_every_shape():
    assert len(SHAPES) >= 20


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
@pytest.mark.parametrize("shape", range(len(SHAPES)))
def test_a_shape_is_said_as_the_page_says(shape, language):
    rules, said = SHAPES[shape]
    rules = rules if isinstance(rules, list) else [rules]
    spoken = " / ".join(rule_in_words(rule, language) for rule in rules).replace("\u00a0", " ")
    assert spoken == said[language]
