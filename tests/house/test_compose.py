"""compose.yaml and the image: what can be checked of them without a container engine."""

from __future__ import annotations

import re
import shutil

import pytest
import yaml

from tests.composed import PROGRAMS, ROOT, command, services
from tests.house.test_settings_documented import settings_read

OURS = {"prepare", "web", "worker", "beat"}
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_it_has_these_services():
    assert services().keys() == OURS | {"database", "redis"}


@pytest.mark.parametrize("service", sorted(OURS))
def test_ours_may_do_little(service):
    found = services()[service]
    assert found["user"] == "10001:10001"
    assert found["read_only"] is True
    assert found["cap_drop"] == ["ALL"]
    assert found["volumes"] == ["data:/data"]
    assert found["environment"]["SELOSTE_DATA"] == "/data"


@pytest.mark.parametrize("service", sorted(OURS - {"prepare"}))
def test_its_program_is_one_that_the_lock_brings(service):
    assert (PROGRAMS / command(service)[0]).exists()


def test_every_variable_is_a_documented_setting():
    for service in OURS:
        names = {name.removesuffix("_FILE") for name in services()[service]["environment"]}
        assert names <= settings_read(), service
    told = re.findall(r"\$\{(\w+)", (ROOT / "compose.yaml").read_text())
    assert set(told) <= settings_read()


def test_secrets_are_files_and_stand_nowhere_else():
    text = (ROOT / "compose.yaml").read_text()
    used = {secret for found in services().values() for secret in found.get("secrets", [])}
    assert used == COMPOSE["secrets"].keys()
    assert all(secret["file"].startswith("./secrets/") for secret in COMPOSE["secrets"].values())
    assert not re.search(r"PASSWORD: |:[^/\s\"]+@(?!database)", text)
    for ignored in (".gitignore", ".dockerignore"):
        assert re.search(r"^/?secrets/?$", (ROOT / ignored).read_text(), re.MULTILINE)


def test_whoever_serves_says_how_it_is_and_nobody_starts_before_the_tables_are_there():
    for service in ("web", "worker", "database", "redis"):
        assert services()[service]["healthcheck"]["test"]
    for service in OURS - {"prepare"}:
        assert services()[service]["depends_on"]["prepare"] == {"condition": "service_completed_successfully"}
    major = int(services()["database"]["image"].split(":")[1])
    assert major >= 15


def test_only_the_web_server_is_reached_from_outside_and_only_from_this_machine():
    ports = {name: found["ports"] for name, found in services().items() if "ports" in found}
    assert ports == {"web": ["127.0.0.1:8000:8000"]}


def test_the_image_holds_the_lock_and_is_not_root():
    assert "--require-hashes --no-deps -r requirements/base.txt" in DOCKERFILE
    assert re.findall(r"^USER (.*)$", DOCKERFILE, re.MULTILINE) == ["10001:10001"]
    copied = re.findall(r"^COPY (?!--from)(\S+)", DOCKERFILE, re.MULTILINE)
    assert all((ROOT / path).exists() for path in copied)
    stages = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert len(set(stages)) == 1


def test_shells_can_read_what_prepares():
    shell = shutil.which("sh")
    assert shell is not None
    assert command("prepare")[:2] == ["sh", "-c"]
