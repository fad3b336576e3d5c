"""docs/reference/commands.md and the commands that exist are the same list, options included."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import load_command_class

ROOT = Path(__file__).resolve().parents[2]
OURS = ("api", "retention", "ropa", "worker")


def commands() -> dict[str, str]:
    """Command -> the app that it lives in."""
    return {
        path.stem: label
        for label in OURS
        for path in Path(apps.get_app_config(label).path).glob("management/commands/[!_]*.py")
    }


def sections() -> dict[str, str]:
    """Command -> what the reference says of it."""
    text = (ROOT / "docs" / "reference" / "commands.md").read_text()
    parts = re.split(r"^## `manage\.py (\w+)", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_command_is_documented_and_every_documented_one_exists():
    assert sections().keys() == commands().keys()


@pytest.mark.parametrize("command", sorted(commands()))
def test_every_option_is_documented(command):
    parser = load_command_class(commands()[command], command).create_parser("manage.py", command)
    django = {"--version", "--verbosity", "--settings", "--pythonpath", "--traceback", "--no-color", "--force-color"}
    django |= {"--skip-checks", "--help"}
    own = {option for option in parser._option_string_actions if option.startswith("--")} - django
    missing = {option for option in own if option not in sections()[command]}
    assert not missing


def test_every_verb_of_run_is_documented():
    text = (ROOT / "docs" / "reference" / "commands.md").read_text()
    verbs = re.findall(r"^  (\w+)  ", (ROOT / "run").read_text(), re.MULTILINE)
    assert verbs
    assert [verb for verb in verbs if f"| `./run {verb}" not in text] == []
