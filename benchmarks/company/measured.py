"""Our night on PostgreSQL against what SQL by hand can do: `./run bench company [--customers N] [--rounds N]`.

Every measurement has a fresh copy of the same template, rounds take turns and begin with another each time. A ratio is
the median of the rounds' ratios to the floor of the same round: F, the deletion by hand, or H, the night by hand.
After each round ours and both floors must have left the same rows. Exit code 1 where a target of ours is not kept.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.company import floors, source
from benchmarks.company.ours import SOURCE
from benchmarks.company.source import COPY, TEMPLATE, Source
from benchmarks.company.stages import TREE

OWN_TEMPLATE, OWN = "own_template", "own"

TWO = "two workers, to the time of one"
TARGETS = (
    ("our purge, to F", 1.7),
    ("our night, to H", 1.4),
    ("a night with nothing due, s", 0.05),
    ("statements on the source a row", 0.001),
    (TWO, 0.75),
)
"""At most; and, the other way round:"""
TRACKED = 50.0
"""So many times the rows/s of tracked deletion must our purge reach at least."""


@dataclass
class Rounds:
    """What was measured, by name: seconds, rows, and whatever ours tells of itself."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    ours: list[dict[str, Any]] = field(default_factory=list)
    ratios: dict[str, list[float]] = field(default_factory=dict)

    def note(self, name: str, seconds: float, rows: int) -> None:
        self.seconds.setdefault(name, []).append(seconds)
        self.rows[name] = rows


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--ours", type=int, help="rounds in which ours takes part; left out: all")
    parser.add_argument("--chunk", type=int, help="keys that ours sends at once; left out: as in production")
    parser.add_argument("--two-workers", action="store_true", help="our night again, with a second worker")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--tracked-rows", type=int, default=5_000, help="about so many rows for tracked deletion; 0: none"
    )
    parser.add_argument(
        "--gdpr-assist", metavar="PYTHON", help="an interpreter that has django-gdpr-assist and psycopg"
    )
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="seloste-bench-") as folder, source.running() as running:
        source.fill(running, asked.customers, asked.seed)
        with running.connect(TEMPLATE) as db:
            _say(f"{asked.customers} customers, {_told(source.rows(db), source.due(db), source.due(db, free=False))}")
            _say(_machine(str(next(iter(db.execute("show server_version")))[0])))
            lots = floors.lots(db)
        rounds = _Bench(running, Path(folder), asked, lots).run()
    return _print(rounds)


@dataclass
class _Bench:
    running: Source
    folder: Path
    asked: argparse.Namespace
    lots: Mapping[str, Sequence[floors.Lot]]
    rounds: Rounds = field(default_factory=Rounds)

    @property
    def due(self) -> int:
        return sum(len(keys) for lots in self.lots.values() for keys, _ in lots)

    def run(self) -> Rounds:
        turns: list[Callable[[], Any]] = [self._floor, self._by_hand, self._ours]
        if self.asked.two_workers:
            turns.append(self._two)
        if self.asked.tracked_rows:
            turns.append(self._tracked)
        most = self.asked.rounds if self.asked.ours is None else self.asked.ours
        if most:
            self._prepare()
        for number in range(self.asked.rounds):
            order = turns[number % len(turns) :] + turns[: number % len(turns)]
            left = [turn() for turn in order if turn not in (self._ours, self._two) or number < most]
            if len({str(one) for one in left if one is not None}) != 1:
                raise SystemExit(f"they left other rows behind: {left}")
            _say(f"round {number + 1}: {self._last()}")
        return self.rounds

    def _last(self) -> str:
        return ", ".join(f"{name} {seconds[-1]:.2f} s" for name, seconds in self.rounds.seconds.items())

    def _floor(self) -> Any:
        self.running.copy()
        with self.running.connect() as db:
            self.rounds.note("F: deletion by hand", floors.floor(db, self.lots), self.due)
            return source.left(db)

    def _by_hand(self) -> Any:
        self.running.copy()
        with self.running.connect() as db:
            self.rounds.note("H: night by hand", floors.night(db), self.due)
            return source.left(db)

    def _prepare(self) -> None:
        (self.folder / "data").mkdir()
        self.running.copy()
        self.running.administer(f"create database {OWN_TEMPLATE}")
        _python(self._environment(OWN_TEMPLATE), "benchmarks.company.ours", "prepare")

    def _environment(self, own: str) -> dict[str, str]:
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "SELOSTE_DATA": str(self.folder / "data"),
            "SELOSTE_DATABASE_URL": self.running.url(own),
            SOURCE: self.running.url(),
        }

    def _ours(self) -> Any:
        self.running.copy(OWN_TEMPLATE, OWN)
        self.running.copy()
        _empty(self.folder / "data", but="keys")
        chunk = ["--chunk", str(self.asked.chunk)] if self.asked.chunk else []
        told = json.loads(_python(self._environment(OWN), "benchmarks.company.ours", "night", *chunk))
        self.rounds.ours.append(told)
        self.rounds.note("our purge", told["seconds"]["purge"], told["purged"])
        self.rounds.note("our night", told["night"], told["purged"])
        self.rounds.note("ours, nothing due", told["nothing due"], 0)
        with self.running.connect() as db:
            return source.left(db)

    def _two(self) -> Any:
        """The same night with a second worker beside the first."""
        self.running.copy(OWN_TEMPLATE, OWN)
        self.running.copy()
        _empty(self.folder / "data", but="keys")
        environment = self._environment(OWN)
        helping = [sys.executable, "-m", "benchmarks.company.ours", "help"]
        with subprocess.Popen(helping, env=environment, stdout=subprocess.PIPE, text=True) as helper:
            if helper.stdout is None or helper.stdout.readline() != "ready\n":
                raise SystemExit("the second worker did not begin")
            told = json.loads(_python(environment, "benchmarks.company.ours", "night"))
        if helper.returncode:
            raise SystemExit(f"the second worker ended with {helper.returncode}")
        self.rounds.note("our night, two workers", told["night"], told["purged"])
        with self.running.connect() as db:
            return source.left(db)

    def _tracked(self) -> None:
        few = ["--rows", str(self.asked.tracked_rows)]
        self._other("Django's delete()", "django")
        self._other("django-simple-history", "history", *few)
        if self.asked.gdpr_assist:
            self._other("django-gdpr-assist", "gdpr-assist", *few, python=self.asked.gdpr_assist)

    def _other(self, name: str, how: str, *more: str, python: str = sys.executable) -> None:
        self.running.copy()
        self.running.drop(f"{COPY}_log")
        self.running.administer(f"create database {COPY}_log")
        told = json.loads(
            _python({**os.environ, SOURCE: self.running.url()}, "benchmarks.company.tracked", how, *more, python=python)
        )
        self.rounds.note(name, told["seconds"], told["rows"])


def _python(environment: Mapping[str, str], module: str, *arguments: str, python: str = sys.executable) -> str:
    done = subprocess.run(
        [python, "-m", module, *arguments], env=environment, check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"{module} {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout


def _empty(directory: Path, but: str) -> None:
    """What the last round left beside the keys: its journals and heads are not this one's."""
    for path in sorted(directory.rglob("*"), reverse=True):
        if path.relative_to(directory).parts[0] != but:
            path.rmdir() if path.is_dir() else path.unlink()


def _told(rows: Mapping[str, int], due: Mapping[str, int], with_kept: Mapping[str, int]) -> str:
    held = rows["hold"]
    whole = sum(rows.values()) - held
    gone, kept = sum(due.values()), sum(with_kept.values()) - sum(due.values())
    by_table = ", ".join(f"{table} {n}" for table, n in due.items())
    return (
        f"{whole} rows; {gone} due ({100 * gone / whole:.1f} %: {by_table}), {kept} more kept by holds and debts;"
        f" {held} customers held ({100 * held / rows['customer']:.1f} %)"
    )


def _machine(postgresql: str) -> str:
    names = ("Django", "SQLAlchemy", "psycopg", "django-simple-history")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    options = ", ".join(f"{name}={value}" for name, value in source.OPTIONS.items() if "preload" not in name)
    return (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()},"
        f" PostgreSQL {postgresql} ({options}), {versions}"
    )


def _print(rounds: Rounds) -> int:
    median = {name: statistics.median(seconds) for name, seconds in rounds.seconds.items()}
    rate = {name: rounds.rows[name] / median[name] for name in median}
    _say(f"\n{'':<24}{'rounds':>7}{'median s':>10}{'least':>9}{'greatest':>9}{'rows':>9}{'rows/s':>9}{'to floor':>14}")
    for name, seconds in rounds.seconds.items():
        floor, ratio = _ratio(rounds, name)
        beside = f"{ratio:.2f} {floor}" if floor else ""
        speed = f"{rate[name]:.0f}" if rounds.rows[name] else ""
        _say(
            f"{name:<24}{len(seconds):>7}{median[name]:>10.3f}{min(seconds):>9.3f}{max(seconds):>9.3f}"
            f"{rounds.rows[name]:>9}{speed:>9}{beside:>14}"
        )
    if not rounds.ours:
        return 0
    _stages(rounds.ours)
    return _held_against(rounds, rate)


def _ratio(rounds: Rounds, name: str) -> tuple[str, float]:
    """To which floor a name is held, and the median of the ratios in the same round."""
    floor = {
        "our night, two workers": "our night",
        "our purge": "F: deletion by hand",
        "our night": "H: night by hand",
        "H: night by hand": "F: deletion by hand",
    }
    if name not in floor:
        return "", 0.0
    pairs = zip(rounds.seconds[name], rounds.seconds[floor[name]], strict=False)
    shown = "of one" if floor[name] == "our night" else floor[name][0]
    return shown, statistics.median(mine / theirs for mine, theirs in pairs)


def _stages(ours: Sequence[Mapping[str, Any]]) -> None:
    night = statistics.median(one["night"] for one in ours)
    busy = statistics.median(one["night busy"] for one in ours)
    _say(f"\n{'stages of our night (medians)':<34}{'s':>9}{'share':>8}{'busy s':>9}{'calls':>8}")
    _say(f"{'all of it':<34}{night:>9.2f}{100:>7}%{busy:>9.2f}")
    for stage, depth, *_ in TREE:
        seconds = statistics.median(one["seconds"][stage] for one in ours)
        busy = statistics.median(one["busy"][stage] for one in ours)
        calls = ours[-1]["calls"][stage]
        _say(f"{'  ' * depth + stage:<34}{seconds:>9.2f}{100 * seconds / night:>7.1f}%{busy:>9.2f}{calls:>8}")


def _held_against(rounds: Rounds, rate: Mapping[str, float]) -> int:
    found = {
        "our purge, to F": _ratio(rounds, "our purge")[1],
        "our night, to H": _ratio(rounds, "our night")[1],
        "a night with nothing due, s": statistics.median(rounds.seconds["ours, nothing due"]),
        "statements on the source a row": statistics.median(o["statements"] / max(1, o["purged"]) for o in rounds.ours),
    }
    if "our night, two workers" in rounds.seconds:
        found[TWO] = _ratio(rounds, "our night, two workers")[1]
    memory = max(one["memory"] for one in rounds.ours) / 1024
    _say(f"\n{'greatest memory of our process (VmHWM)':<44}{memory:>10.1f} MB")
    kept = True
    for name, most in TARGETS:
        if name not in found:
            _say(f"{name}: not measured")
            continue
        fine = found[name] <= most
        kept = kept and fine
        _say(f"{name:<44}{found[name]:>10.4g}  at most {most:g}{'' if fine else '  NOT KEPT'}")
    for name in ("django-simple-history", "django-gdpr-assist"):
        if name not in rate:
            _say(f"{name}: not measured")
            continue
        times = rate["our purge"] / rate[name]
        kept = kept and times >= TRACKED
        _say(
            f"{f'our purge, times as fast as {name}':<44}{times:>10.4g}  at least {TRACKED:g}"
            f"{'' if times >= TRACKED else '  NOT KEPT'}"
        )
    if "Django's delete()" in rate:
        django = rate["our purge"] / rate["Django's delete()"]
        kept = kept and django > 1
        verdict = "" if django > 1 else "  NOT KEPT"
        _say(f"{'our purge, times as fast as Django alone':<44}{django:>10.4g}  more than 1{verdict}")
    return 0 if kept else 1


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
