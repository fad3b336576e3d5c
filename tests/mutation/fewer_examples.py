"""A plugin for mutation testing: property tests try fewer examples, always the same ones.

A mutant that survives them is tried again with all: SELOSTE_EXAMPLES=1, the divisor, which is 20 otherwise.
"""

import os

import pytest
from hypothesis import Phase, settings

LEAST = 25


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    divisor = int(os.environ.get("SELOSTE_EXAMPLES", "20"))
    for item in items:
        test = getattr(item, "obj", None)
        asked = getattr(test, "_hypothesis_internal_use_settings", None)  # where Hypothesis's own plugin looks
        if test is not None and asked is not None:
            fewer = max(LEAST, asked.max_examples // divisor)
            test._hypothesis_internal_use_settings = settings(
                asked,
                max_examples=fewer,
                deadline=None,
                derandomize=True,
                database=None,
                phases=[Phase.explicit, Phase.generate],
            )
