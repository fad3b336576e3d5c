"""What every test may ask for. No network, no sleep, no order."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
from django.utils import translation
from hypothesis import HealthCheck, settings

from config.keys import make_keys

# no test fails because the machine is busy
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
if settings.get_current_profile_name() == "default":
    settings.load_profile("untimed")

pytest_plugins = ["tests.servers.fixtures", "tests.own_database"]


def pytest_collection_finish() -> None:
    """What was imported and collected stays: it need not be looked through for circles all the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


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
