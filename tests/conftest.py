"""What every test may ask for. No network, no sleep, no order."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.utils import translation

from config.keys import make_keys

pytest_plugins = ["tests.servers.fixtures", "tests.own_database"]


@pytest.fixture
def data_dir(tmp_path: Path, settings) -> Path:
    """A data directory of the test's own, with keys."""
    make_keys(tmp_path / "keys")
    settings.DATA_DIR = tmp_path
    return tmp_path


@pytest.fixture
def english():
    """Problems are told in the reader's language: of tests that read them it is English."""
    with translation.override("en"):
        yield
