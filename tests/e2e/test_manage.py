"""The command line where the machine fails: no traceback, a sentence and exit code 1."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("command", ["nightly", "verify_overdue", "export_inventory testi", "evidence verify"])
def test_without_tables_it_says_what_to_do(tmp_path, command):
    environment = {**os.environ, "SELOSTE_DATA": str(tmp_path), "SELOSTE_SECRET_KEY": "a key for tests only"}
    environment.pop("SELOSTE_DATABASE_URL", None)
    ran = subprocess.run(
        [sys.executable, "manage.py", *command.split()],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr
    assert "manage.py migrate" in ran.stderr
