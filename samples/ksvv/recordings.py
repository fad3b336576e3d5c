"""R2: call recordings, a file per call, with the day and the customer in its name.

A few files are named as a recorder names them when nobody set it up: nothing may happen to those by machine.
"""

from __future__ import annotations

import struct
from datetime import timedelta
from pathlib import Path
from random import Random

from samples.days import day_between
from samples.ksvv.story import Story

DAYS = 540
STRAY = ("REC_0001.wav", "asiakaspuhelu vanha.wav")
RATE = 8_000


def build(directory: Path, story: Story, random: Random) -> None:
    """Write puhelut/tallenteet/YEAR/puhelu_DAY_NUMBER_SERIAL.wav."""
    root = directory / "puhelut" / "tallenteet"
    root.mkdir(parents=True)
    serial = 0
    for customer in story.customers:
        earliest = max(customer.started or customer.recorded, story.today - timedelta(days=DAYS))
        last = min(customer.used_until or customer.ended or story.today, story.today)
        if customer.closed or last < earliest:
            continue
        for _ in range(random.randint(0, 4)):
            serial += 1
            day = day_between(random, earliest, last)
            folder = root / str(day.year)
            folder.mkdir(exist_ok=True)
            name = f"puhelu_{day.isoformat()}_{customer.number}_{serial:04}.wav"
            (folder / name).write_bytes(silence(random.randint(1, 4)))
    (root / "2019").mkdir(exist_ok=True)
    for name in STRAY:
        (root / "2019" / name).write_bytes(silence(1))


def silence(hundredths: int) -> bytes:
    """A WAV of so many hundredths of a second in which nobody says anything."""
    data = bytes([128]) * (RATE * hundredths // 100)
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE, RATE, 1, 8)
    body = b"WAVE" + form + struct.pack("<4sI", b"data", len(data)) + data
    return struct.pack("<4sI", b"RIFF", len(body)) + body
