"""The kill matrix: `python -m benchmarks.kills [--every]`: killed at every named point, begun again, the same end.

The points are those of the code (`benchmarks.kill_points`); one that no scenario comes past fails. At each point a
real process is killed when it comes there first, when it comes there last (`--every`: each time), and when it comes
there first and, begun again, first once more. Then the ordinary command runs, and compared with what nobody killed are:
rows of the source, lots, tallies and outcomes, the reader's answer; D3's identity per attempt and lot; the evidence
verifies. Our own database is SQLite and PostgreSQL in turn, the source PostgreSQL. Exit code 1 on any difference.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from io import StringIO
from typing import Any

from django.core.management import call_command

from benchmarks.fault_world import VENDORS, places
from benchmarks.kill_points import Point, points
from benchmarks.kill_scenarios import Closing, NightInDirectory, NightOnSql, Scenario
from samples.servers import missing, server

SOURCE = "postgresql"
SCENARIOS: Sequence[type[Scenario]] = (NightOnSql, NightInDirectory, Closing)


@dataclass
class Row:
    """One point of one scenario: how often it was killed there, and each thing that then was not as it should be."""

    scenario: str
    point: Point
    kills: int = 0
    wrong: list[str] = field(default_factory=list)


def killed_at(point: Point, number: int) -> Callable[[str], None]:
    """Told of points, it ends its process without a word when it comes to this one for the n-th time."""
    seen = 0

    def at(told: str) -> None:
        nonlocal seen
        if point.is_it(told):
            seen += 1
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)

    return at


def undisturbed(scenario: Scenario) -> tuple[list[str], Any]:
    """The points that it comes past, and its end, when nobody kills it."""
    told = scenario.place.own.directory / "points.txt"

    def note(point: str) -> None:
        with told.open("a") as file:
            file.write(point + "\n")

    own = scenario.place.own
    if own.in_process(scenario.prepare) or own.in_process(partial(scenario.act, note)):
        raise SystemExit(f"{scenario.name} does not come to its end by itself")
    return told.read_text().splitlines(), end_of(scenario)[0]


def end_of(scenario: Scenario) -> tuple[Any, str]:
    """How it ended, and what is wrong with that in itself."""
    path = scenario.place.own.directory / "end.json"
    path.unlink(missing_ok=True)

    def tell() -> None:
        call_command("evidence", "verify", verbosity=0, stdout=StringIO())
        path.write_text(json.dumps(scenario.end(), default=str))

    if scenario.place.own.in_process(tell) != 0:
        return None, "the evidence or D3's identity does not hold"
    return json.loads(path.read_text()), ""


def killed(scenario: Scenario, point: Point, numbers: Sequence[int], expected: Any) -> tuple[int, str]:
    """Kill it so often, begin again; how often it was killed, and what was wrong then."""
    own, kills = scenario.place.own, 0
    if own.in_process(scenario.prepare) != 0:
        return 0, "it could not be prepared"
    for number in numbers:
        status = own.in_process(partial(scenario.act, killed_at(point, number)))
        kills += status == -signal.SIGKILL
        if status not in {0, -signal.SIGKILL} or (kills == 0):
            return kills, f"it was to be killed and ended with {status}"
    if own.in_process(scenario.again) != 0:
        return kills, "the ordinary command did not succeed"
    found, wrong = end_of(scenario)
    if not wrong and found != expected:
        names = [name for name in expected if found.get(name) != expected[name]]
        wrong = f"another end: {', '.join(names)}"
    return kills, wrong


@contextmanager
def scenarios(own: str) -> Iterator[Callable[[type[Scenario]], Scenario]]:
    """Makes a scenario in a fresh place; the directory runs as long as all of them."""
    with places(own, SOURCE) as made, server("slapd") as directory:
        NightInDirectory.directory = directory
        yield lambda kind: kind(next(made))


def matrix(own: str, every: bool, only: str = "") -> Iterator[Row]:
    """Each point of each scenario, one after the other, on one kind of own database."""
    with scenarios(own) as make:
        for kind in SCENARIOS:
            passed, expected = undisturbed(make(kind))
            for point in points():
                if not kind.mine(point) or only not in f"{kind.name} {point.module} {point.name}":
                    continue
                row = Row(kind.name, point)
                times = sum(point.is_it(told) for told in passed)
                if not times:
                    row.wrong.append("nothing came past it")
                once = range(1, times + 1) if every else sorted({1, times} - {0})
                for numbers in [*([n] for n in once), *([[1, 1]] if times else [])]:
                    kills, wrong = killed(make(kind), point, numbers, expected)
                    row.kills += kills
                    row.wrong += [wrong] if wrong else []
                yield row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", action="store_true", help="at each time that it comes past a point")
    parser.add_argument("--database", choices=(*VENDORS, "both"), default="both", help="our own")
    parser.add_argument("--only", default="", metavar="TEXT", help="points whose line has this text")
    asked = parser.parse_args()
    if why := missing("postgres") or missing("slapd"):
        raise SystemExit(why)
    kills = wrong = 0
    began = time.monotonic()
    for own in VENDORS if asked.database == "both" else (asked.database,):
        for row in matrix(own, asked.every, asked.only):
            result = "; ".join(dict.fromkeys(row.wrong)) or "same end"
            where = f"{row.point.module}: {row.point.name}"
            sys.stdout.write(f"{own:<11} {row.scenario:<9} {where:<32} {row.kills:>3} kills  {result}\n")
            sys.stdout.flush()
            kills, wrong = kills + row.kills, wrong + bool(row.wrong)
    sys.stdout.write(f"{kills} kills in {time.monotonic() - began:.0f} s; points with another end: {wrong}\n")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
