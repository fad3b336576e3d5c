"""The locks: every package pinned and hashed, no host and no address in them, and no more than pyproject asks for."""

from __future__ import annotations

import importlib.util
import re
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
RUNTIME = PYPROJECT["project"]["dependencies"]
DEVELOPMENT = PYPROJECT["dependency-groups"]["dev"]
MUTATION = PYPROJECT["dependency-groups"]["mutation"]


def name(requirement: str) -> str:
    """`psycopg[binary]~=3.3` is psycopg; written as the package index does."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement, maxsplit=1)[0]).lower()


def entries(lock: str) -> dict[str, str]:
    """Package -> everything that the lock says of it."""
    text = (ROOT / "requirements" / f"{lock}.txt").read_text()
    found = re.split(r"^(?=\S)", text, flags=re.MULTILINE)
    return {name(entry): entry for entry in found if entry.strip() and not entry.startswith("#")}


@pytest.mark.parametrize("lock", ["base", "test", "mutation"])
def test_everything_is_pinned_and_hashed(lock):
    for package, entry in entries(lock).items():
        assert re.match(r"[\w.-]+==\S+ ", entry), package
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), package


@pytest.mark.parametrize("lock", ["base", "test", "mutation"])
def test_no_host_and_no_address(lock):
    text = (ROOT / "requirements" / f"{lock}.txt").read_text()
    assert not re.search(r"://|--(extra-)?index|--find-links|@ |\.(com|org|net|io|dev)\b", text)


def test_what_pyproject_asks_for_is_locked():
    assert {name(line) for line in RUNTIME} <= entries("base").keys()
    assert {name(line) for line in [*RUNTIME, *DEVELOPMENT]} <= entries("test").keys()
    assert {name(line) for line in MUTATION} <= entries("mutation").keys()


def test_mutants_meet_the_tests_as_they_are_installed():
    """What both locks name has one version: installing the one beside the other changes nothing."""
    tests, mutation = entries("test"), entries("mutation")
    for package in tests.keys() & mutation.keys():
        assert mutation[package].split()[0] == tests[package].split()[0]


def test_tests_run_on_what_is_installed_for_work():
    base, everything = entries("base"), entries("test")
    for package, entry in base.items():
        assert everything[package].splitlines()[0] == entry.splitlines()[0]


def test_every_dependency_is_explained():
    text = (ROOT / "docs" / "reference" / "dependencies.md").read_text()
    explained = re.findall(r"^\| `([\w.-]+)` \|", text, re.MULTILINE)
    assert len(explained) == len(set(explained))
    assert {name(entry) for entry in explained} == {name(line) for line in [*RUNTIME, *DEVELOPMENT, *MUTATION]}


def test_the_broker_can_be_reached_with_what_is_installed_to_run():
    """What Celery's transport for Redis imports must be in the lock that runs, not only in the one that tests."""
    spec = importlib.util.find_spec("kombu.transport.redis")
    assert spec is not None
    assert spec.origin is not None
    source = Path(spec.origin).read_text()
    wanted = {line.split()[1].split(".")[0] for line in source.splitlines() if line.startswith(("from ", "import "))}
    installed = {name(entry) for entry in entries("base")}
    known = sys.stdlib_module_names | {"kombu", "vine", "redis", "__future__"}
    assert {one for one in wanted if one and one not in known} <= installed
