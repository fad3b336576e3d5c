"""`./run` as a shell sees it: its verbs, its help, where it may be called from, what it does with a broken start.

Tests have no network, so a stand-in for uv writes down what it is asked for. The real installation, with pip or
uv, is what `./run test` has just gone through when this runs.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VERBS = {"demo", "serve", "manage", "test", "check", "bench", "screenshots", "mutate", "messages", "lock", "help"}


def run(script: Path, *arguments: str, **over: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(script.parent), **over}
    return subprocess.run(
        ["/bin/sh", str(script), *arguments],
        env=environment,
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout in a folder with a space in its name, with an interpreter that writes down how it is called."""
    copy = tmp_path / "a check out"
    (copy / "requirements").mkdir(parents=True)
    shutil.copy(ROOT / "run", copy / "run")
    for lock in ("base", "test"):
        (copy / "requirements" / f"{lock}.txt").write_text(f"# {lock}\n")
    (copy / "tools").mkdir()
    uv = copy / "tools" / "uv"
    uv.write_text(
        f"""#!/bin/sh
echo "uv $*" >>"{copy}/calls"
case $1 in
venv)
    for last; do :; done
    mkdir -p "$last/bin"
    printf '#!/bin/sh\\necho "python $*" >>"{copy}/calls"\\n' >"$last/bin/python"
    chmod +x "$last/bin/python"
    ;;
pip) [ ! -e "{copy}/breaks" ] ;;
esac
"""
    )
    uv.chmod(0o755)
    return copy


def call(checkout: Path, *arguments: str) -> tuple[int, list[str]]:
    """The exit code of `./run ARGUMENTS`, and what it called."""
    (checkout / "calls").write_text("")
    done = run(
        checkout / "run", *arguments, PATH=f"{checkout}/tools:/usr/bin:/bin", PYTHON=sys.executable, SELOSTE_DATA="data"
    )
    return done.returncode, (checkout / "calls").read_text().splitlines()


def installs(calls: list[str]) -> list[str]:
    return [line.rsplit("/", 1)[1] for line in calls if line.startswith("uv pip install")]


def test_help_names_every_verb_and_is_the_answer_without_argument():
    text = (ROOT / "run").read_text()
    cases = set(re.findall(r"^(\w+)(?: \| [\w| -]+)?\)$", text.split("case $verb in", 1)[1], re.MULTILINE))
    assert cases == VERBS
    for arguments in ((), ("help",), ("--help",)):
        done = run(ROOT / "run", *arguments)
        assert done.returncode == 0
        assert set(re.findall(r"^  (\w+)  ", done.stdout, re.MULTILINE)) == VERBS


def test_an_unknown_verb_is_refused():
    done = run(ROOT / "run", "purge")
    assert done.returncode == 1
    assert "there is no verb purge" in done.stderr


def test_it_is_plain_sh():
    assert subprocess.run(["/bin/sh", "-n", str(ROOT / "run")], check=False).returncode == 0
    if shellcheck := shutil.which("shellcheck"):
        assert subprocess.run([shellcheck, str(ROOT / "run")], check=False).returncode == 0


def test_ci_calls_the_test_command_and_nothing_else():
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    assert lines[1:] == ["export SELOSTE_REQUIRE=all", 'exec "$(dirname "$0")/../run" test']
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert os.access(ROOT / "run", os.X_OK)


def test_it_installs_once_with_hashes_and_no_more_than_the_lock_says(checkout):
    code, calls = call(checkout, "demo", "--today", "2026-06-30")
    assert code == 0
    assert installs(calls) == ["base.txt"]
    (line,) = [line for line in calls if line.startswith("uv pip install")]
    assert "--require-hashes" in line
    assert "--no-deps" in line
    assert calls[-1] == f"python {checkout}/manage.py demo --today 2026-06-30"
    code, calls = call(checkout, "demo")
    assert (code, installs(calls)) == (0, [])


def test_a_changed_lock_makes_the_environment_anew(checkout):
    call(checkout, "demo")
    (checkout / ".venv" / "left over").touch()
    (checkout / "requirements" / "base.txt").write_text("# another\n")
    code, calls = call(checkout, "demo")
    assert (code, installs(calls)) == (0, ["base.txt"])
    assert not (checkout / ".venv" / "left over").exists()


def test_a_half_made_environment_is_made_anew(checkout):
    (checkout / "breaks").touch()
    code, calls = call(checkout, "demo")
    assert code != 0
    assert not any(line.startswith("python") for line in calls)
    (checkout / ".venv" / "half").touch()
    (checkout / "breaks").unlink()
    code, calls = call(checkout, "demo")
    assert (code, installs(calls)) == (0, ["base.txt"])
    assert not (checkout / ".venv" / "half").exists()


def test_an_environment_that_broke_while_it_grew_is_not_trusted(checkout):
    call(checkout, "demo")
    (checkout / "breaks").touch()
    assert call(checkout, "messages")[0] != 0
    (checkout / "breaks").unlink()
    code, calls = call(checkout, "demo")
    assert (code, installs(calls)) == (0, ["base.txt"])


def test_the_environment_for_tests_serves_the_demo_too(checkout):
    call(checkout, "messages")
    code, calls = call(checkout, "demo")
    assert (code, installs(calls)) == (0, [])


def test_a_moved_checkout_gets_its_own_environment(checkout):
    call(checkout, "demo")
    moved = checkout.with_name("moved")
    shutil.copytree(checkout, moved, symlinks=True)
    (checkout / "calls").write_text("")  # the stand-in for uv goes on writing here
    assert call(moved, "demo")[0] == 0
    assert installs((checkout / "calls").read_text().splitlines()) == ["base.txt"]


def test_an_old_interpreter_is_refused_with_a_word_on_what_to_do(checkout):
    old = checkout / "tools" / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done = run(checkout / "run", "demo", PATH="/usr/bin:/bin", PYTHON=str(old))
    assert done.returncode == 1
    assert "3.11 or newer" in done.stderr
    assert not (checkout / ".venv").exists()


def test_it_runs_with_its_standard_input_closed():
    done = subprocess.run(
        ["/bin/sh", "-c", f'"{ROOT}/run" help <&-'], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0
    assert done.stderr == ""
