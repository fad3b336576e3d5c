"""The servers that other tests rest on: they answer, and they go with whoever started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from samples.servers import KINDS, ServerError, answers, missing, packages, server
from tests.servers.fixtures import need

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", [name for name in KINDS if name != "samba-ad"])
def test_answers_and_is_gone_afterwards(name):
    need(name)
    with server(name) as running:
        assert answers(running)
        assert running.directory.is_dir()
    assert not answers(running)
    assert not running.directory.exists()


def test_dies_with_whoever_started_it(tmp_path):
    need("redis")
    script = (
        "import time\nfrom samples.servers import server\n"
        "with server('redis') as r:\n    print(r.pid, r.port, flush=True)\n    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        keeper = int(starter.stdout.readline().split()[0])
        starter.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while _alive(keeper) and time.monotonic() < deadline:
        os.sched_yield()
    assert not _alive(keeper)


def test_says_why_it_did_not_start(tmp_path):
    need("redis")
    (tmp_path / "a").mkdir()
    with server("redis", tmp_path / "a") as first:
        second = server("redis", tmp_path / "b", port=first.port, ready=lambda running: False)
        with pytest.raises(ServerError, match="did not start"):
            second.__enter__()


def test_a_browser_that_is_missing_is_among_the_packages(monkeypatch, tmp_path):
    need("chromium")
    assert "chromium" not in packages()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "chromium" in packages()
    assert missing("chromium") == "chromium is not installed (Debian: chromium)"


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"
