"""What every test has: its own data directory with keys, and a settled secret. No network, no sleep."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

_SESSION_DIRECTORY = tempfile.mkdtemp(prefix="seloste-test-")
os.environ["SELOSTE_DATA"] = _SESSION_DIRECTORY
os.environ.setdefault("SELOSTE_SECRET_KEY", "a key for tests only")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


@pytest.fixture
def data_dir(tmp_path: Path, settings):
    """A data directory of the test's own, with keys."""
    from config.keys import make_keys

    make_keys(tmp_path / "keys")
    settings.DATA_DIR = tmp_path
    return tmp_path
