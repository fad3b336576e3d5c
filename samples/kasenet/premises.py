"""The two registers that the notice implies: who went through which door, and what the cameras saw."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from random import Random

from samples import sqlite
from samples.kasenet.story import Story

SCHEMA = """
CREATE TABLE kulkutapahtuma (id INTEGER PRIMARY KEY, henkilonro TEXT NOT NULL, ovi TEXT NOT NULL, pvm DATE NOT NULL,
    kello TEXT NOT NULL);
CREATE INDEX kulkutapahtuma_pvm ON kulkutapahtuma (pvm);
"""
DOOR_DAYS = 400
CAMERA_DAYS = 75
CAMERAS = ("konesali", "sisaankaynti")
EMPTY_PICTURE = bytes.fromhex("ffd8ffd9")


def build(directory: Path, story: Story, random: Random) -> None:
    """Write kulunvalvonta.sqlite3 and kamerat/tallenteet/CAMERA/DAY.mjpeg."""
    events: list[tuple[sqlite.Value, ...]] = []
    for back in range(DOOR_DAYS, -1, -1):
        day = story.today - timedelta(days=back)
        for employee in story.staff:
            at_work = employee.started <= day and (employee.ended is None or day <= employee.ended)
            if at_work and random.random() < 0.15:
                clock = f"{random.randint(6, 18):02}:{random.randrange(60):02}"
                events.append((len(events) + 1, employee.number, random.choice(CAMERAS), day.isoformat(), clock))
    sqlite.write(directory / "kulunvalvonta.sqlite3", SCHEMA, {"kulkutapahtuma": events})
    for camera in CAMERAS:
        folder = directory / "kamerat" / "tallenteet" / camera
        folder.mkdir(parents=True)
        for back in range(CAMERA_DAYS, -1, -1):
            (folder / f"{story.today - timedelta(days=back)}.mjpeg").write_bytes(EMPTY_PICTURE)
