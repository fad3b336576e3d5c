"""Every mutant against the tests that come to it, from one process that has collected and run them once.

mutmut makes the mutants; asking pytest anew for each would cost more than the tests do. Here each mutant is a fork: it
runs the collected tests that come to its function, those first that noticed others there, then the cheap ones, until
one fails. What earlier tests left in `lru_cache` is emptied before. What a test module makes while it is imported is
made by unchanged code: --fresh gives a survivor a process of its own, with every test of the selection.

Run in a folder that `./run mutate` has filled. Results stand in `results.json` there, by mutant; those of a function
whose text has changed since count no more. Which survivors are harmless, and why, stands in `harmless.toml`.
"""

from __future__ import annotations

import argparse
import ast
import fnmatch
import functools
import gc
import hashlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from _pytest.runner import runtestprotocol
from mutmut import __main__ as mutmut
from mutmut.configuration import config
from mutmut.mutation import trampoline
from mutmut.utils.file_utils import copy_also_copy_files, copy_src_dir, setup_source_paths, walk_mutatable_files

RESULTS, SEEN = Path("results.json"), Path("seen.json")
PLACE = Path.cwd()
HARMLESS = Path("tests/mutation/harmless.toml")
"""Module -> "function numbers" -> why no test can notice them, or need not."""
SHARED = Path("/dev/shm")
MEMORY = 3 * 2**30  # of bytes: a loop that gathers without end must not take the machine
SURVIVED, UNREACHED = "survived", "no test comes there"
ANYWHERE = ""
OPEN = frozenset({SURVIVED, UNREACHED})


def function_of(mutant: str) -> str:
    return mutant.partition("__mutmut_")[0]


def module_of(mutant: str) -> str:
    return function_of(mutant).rpartition(".")[0]


def short(mutant: str) -> tuple[str, int]:
    """The function as the source has it, and which of its mutants: ("Work.ref", 3)."""
    function, _, number = mutant.partition("__mutmut_")
    name = function.rpartition(".")[2]
    method = name.startswith("xǁ")
    return name.removeprefix("xǁ").replace("ǁ", ".") if method else name.removeprefix("x_"), int(number)


def read(path: Path) -> dict[str, Any]:
    found = json.loads(path.read_text()) if path.exists() else {}
    return dict(found)


def write(path: Path, value: dict[str, Any]) -> None:
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps(value, indent=0, sort_keys=True))
    beside.replace(path)


def generate() -> list[str]:
    """The mutants' names, in the order of their modules; files are written only where a source has changed."""
    Path("mutants").mkdir(exist_ok=True)
    copy_src_dir()
    copy_also_copy_files()
    setup_source_paths()
    mutmut.create_mutants(1)
    names: list[str] = []
    for path in sorted(walk_mutatable_files()):
        kept = Path("mutants") / f"{path}.meta"
        if kept.exists():
            names.extend(json.loads(kept.read_text())["exit_code_by_key"])
    return names


def kept(names: Sequence[str], place: Path) -> dict[str, Any]:
    """What was found of mutants that are still made of the same text."""
    of = {name: source_of(name) for name in names}
    return {name: one for name, one in read(place / RESULTS).items() if name in of and one.get("of") == of[name]}


@functools.cache
def _texts(path: Path) -> dict[str, str]:
    """What stands for the text of each function of a module, by its name as the source has it."""
    source, found = path.read_text(), {}
    for node in ast.walk(ast.parse(source)):
        inside = node.body if isinstance(node, ast.Module | ast.ClassDef) else []
        for one in inside:
            if isinstance(one, ast.FunctionDef):
                name = f"{node.name}.{one.name}" if isinstance(node, ast.ClassDef) else one.name
                text = ast.get_source_segment(source, one) or ""
                found[name] = hashlib.sha256(text.encode()).hexdigest()[:12]
    return found


def source_of(mutant: str) -> str:
    """What stands for the text of a mutant's function as it is unchanged."""
    return _texts(PLACE / Path(*module_of(mutant).split(".")).with_suffix(".py")).get(short(mutant)[0], "")


def harmless(names: Iterable[str], place: Path) -> set[str]:
    """Those that a person has looked at and found harmless. Raises LookupError naming one that is not there."""
    known = {(module_of(name), *short(name)): name for name in names}
    found = set()
    for module, reasons in tomllib.loads((place / HARMLESS).read_text()).items():
        for listed in reasons:
            function, _, numbers = listed.partition(" ")
            found |= {(module, function, int(number)) for number in numbers.split(", ")}
    ours = {module for module, *_ in known}
    if missing := sorted(one for one in found if one[0] in ours and one not in known):
        raise LookupError(f"{HARMLESS} names mutants that are not made: {missing}")
    return {known[one] for one in found if one in known}


def what_keeps() -> list[Any]:
    """The functions of ours that keep what they once answered."""
    kept = [thing for thing in gc.get_objects() if isinstance(thing, functools._lru_cache_wrapper)]
    return [thing for thing in kept if thing.__module__.startswith("retention")]


class Forked:
    """A plugin: instead of running the collected tests, it tries mutants with them."""

    def __init__(self, mutants: Sequence[str], place: Path, longest: float) -> None:
        self.mutants, self.place, self.longest = mutants, place, longest
        self.reached: defaultdict[str, list[pytest.Item]] = defaultdict(list)
        self.seconds: dict[str, float] = {}
        self.noticed: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.keeping: list[Any] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:
            raise session.Failed("tests could not be collected")
        self.look(session)
        self.keeping = what_keeps()
        gc.collect()
        gc.freeze()  # what is never looked at again is never copied
        self.control(session)
        results = read(self.place / RESULTS)
        for name, found in results.items():
            if found.get("by"):
                self.count(name, found["by"])
        started, kept, fresh = time.monotonic(), time.monotonic(), list[str]()
        for number, mutant in enumerate(self.mutants, 1):
            results[mutant] = {"of": source_of(mutant), **self.attempt(session, mutant)}
            fresh.append(mutant)
            if results[mutant].get("by"):
                self.count(mutant, results[mutant]["by"])
            if results[mutant]["result"] in OPEN:
                say(f"{number}/{len(self.mutants)} {time.monotonic() - started:.0f}s {mutant}: {results[mutant]}")
            last = number == len(self.mutants)
            if time.monotonic() - kept > 30 or last:
                self.refuse_untrue(session, {results[one]["by"] for one in fresh if results[one].get("by")})
                write(self.place / RESULTS, results)
                kept, fresh = time.monotonic(), []
        return True

    def count(self, mutant: str, by: str) -> None:
        self.noticed[function_of(mutant)][by] += 1
        self.noticed[ANYWHERE][by] += 1

    def look(self, session: pytest.Session) -> None:
        """Run each test once, and keep what it comes to and how long it takes."""
        seen, keeping = read(self.place / SEEN), what_keeps()
        hits: set[str] = set()
        told, record = trampoline.get_mutant_under_test, trampoline.record_trampoline_hit
        trampoline.get_mutant_under_test = lambda: "stats"
        trampoline.record_trampoline_hit = lambda name, caller=None: hits.add(name)
        for item in session.items:
            digest = hashlib.sha256(item.path.read_bytes()).hexdigest()[:12]
            if seen.get(item.nodeid, {}).get("of") != digest:
                hits.clear()
                for function in keeping:
                    function.cache_clear()
                before = time.monotonic()
                if not passes(session, item):
                    raise session.Failed(f"{item.nodeid} fails without a mutant")
                seen[item.nodeid] = {"of": digest, "seconds": time.monotonic() - before, "hits": sorted(hits)}
                hits.clear()
            self.seconds[item.nodeid] = seen[item.nodeid]["seconds"]
            for function in seen[item.nodeid]["hits"]:
                self.reached[function].append(item)
        trampoline.get_mutant_under_test, trampoline.record_trampoline_hit = told, record
        write(self.place / SEEN, seen)
        quickest = min(session.items, key=lambda item: self.seconds[item.nodeid])
        if not passes(session, quickest):  # though all were looked at before: what a session shares is made here
            raise session.Failed(f"{quickest.nodeid} fails without a mutant")
        say(f"{len(session.items)} tests, {sum(self.seconds.values()):.0f}s")

    def control(self, session: pytest.Session) -> None:
        """All of them once more, the last first: who fails without a mutant would notice everything."""
        chosen = {function_of(mutant) for mutant in self.mutants}
        seen = read(self.place / SEEN)
        items = {item.nodeid: item for function in chosen for item in self.chosen(function)}
        items = {name: item for name, item in items.items() if not seen[name].get("again")}
        found = self.fork(session, "", list(items.values())[::-1])
        if found["result"] != SURVIVED:
            raise session.Failed(f"without a mutant: {found}")
        for name in items:
            seen[name]["again"] = True
        write(self.place / SEEN, seen)
        say(f"{len(items)} of them came to what is changed once more, in {found['seconds']}s")

    def refuse_untrue(self, session: pytest.Session, noticed: Iterable[str]) -> None:
        """Those that have noticed something since pass still without a mutant: what they said is kept, or nothing."""
        wanted = set(noticed)
        found = self.fork(session, "", [item for item in session.items if item.nodeid in wanted])
        if found["result"] != SURVIVED:
            raise session.Failed(f"without a mutant, in between: {found}")

    def chosen(self, function: str) -> list[pytest.Item]:
        """The tests for a function's mutants, in their order."""
        first, own = self.noticed[function], f"test_{function.split('.')[-2]}"
        anywhere = self.noticed[ANYWHERE]
        items = [item for item in self.reached[function] if self.seconds[item.nodeid] <= self.longest]
        return sorted(
            items,
            key=lambda item: (
                -first[item.nodeid],
                not item.path.stem.startswith(own),
                -anywhere[item.nodeid],
                self.seconds[item.nodeid],
                item.nodeid,
            ),
        )

    def attempt(self, session: pytest.Session, mutant: str) -> dict[str, Any]:
        items = self.chosen(function_of(mutant))
        return self.fork(session, mutant, items) if items else {"result": UNREACHED}

    def fork(self, session: pytest.Session, mutant: str, items: Sequence[pytest.Item]) -> dict[str, Any]:
        before = time.monotonic()
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            self.run_as_child(session, mutant, items, writer)
        os.close(writer)
        with os.fdopen(reader) as pipe:
            said = pipe.read().splitlines()
        _, status = os.waitpid(child, 0)
        result = {"seconds": round(time.monotonic() - before, 2), "tests": len(said)}
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0:
            return {"result": SURVIVED, **result}
        ended = os.WIFSIGNALED(status) and os.WTERMSIG(status) in {signal.SIGPROF, signal.SIGALRM}
        return {"result": "never ended" if ended else "noticed", "by": said[-1] if said else "", **result}

    def run_as_child(self, session: pytest.Session, mutant: str, items: Sequence[pytest.Item], writer: int) -> None:
        """Exit 0 if all tests passed; each is told before it starts, and a test that takes too long is a signal."""
        status = 3
        try:
            gc.disable()
            os.setpgid(0, 0)
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            trampoline.set_mutant_under_test(mutant)
            trampoline.get_mutant_under_test = lambda: mutant
            for function in self.keeping:
                function.cache_clear()
            for item in items:
                os.write(writer, f"{item.nodeid}\n".encode())
                limit = 5 + 10 * self.seconds[item.nodeid]
                signal.setitimer(signal.ITIMER_PROF, limit)
                signal.setitimer(signal.ITIMER_REAL, 60 + 5 * limit)
                if not passes(session, item):
                    status = 1
                    break
            else:
                status = 0
        finally:
            os._exit(status)


def passes(session: pytest.Session, item: pytest.Item) -> bool:
    # as if it were the last but one: what the whole session shares stays, what its module shares is made anew
    reports = runtestprotocol(item, log=False, nextitem=session)  # type: ignore[arg-type]
    return not any(report.failed for report in reports)


def alone(mutants: Iterable[str], place: Path, selection: Sequence[str]) -> None:
    """Each mutant in a process of its own, which imports everything under it, with every test of the selection."""
    results = read(place / RESULTS)
    for mutant in mutants:
        before = time.monotonic()
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:randomly", *config().pytest_add_cli_args]
        done = subprocess.run(
            [*command, *selection],
            env={**os.environ, "MUTANT_UNDER_TEST": mutant},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
        result = SURVIVED if done.returncode == 0 else "noticed"
        seconds = round(time.monotonic() - before, 2)
        found = {"result": result, "by": "", "said": failed[:1], "seconds": seconds, "fresh": True}
        results[mutant] = {"of": source_of(mutant), **found}
        say(f"{mutant}: {results[mutant]}")
        write(place / RESULTS, results)


def say(text: str) -> None:
    print(text, file=sys.__stdout__, flush=True)


def table(names: Sequence[str], results: dict[str, Any], fine: set[str]) -> None:
    """How the mutants of each module stand, what is open by name, and the score."""
    say(f"{'module':<32}{'mutants':>9}{'tried':>7}{'noticed':>9}{'harmless':>10}{'open':>6}")
    total: Counter[str] = Counter()
    for module, mine in groupby(names, module_of):
        counted = Counter({"mutants": 0}) + Counter(how for name in mine for how in standing(name, results, fine))
        say(
            f"{module:<32}{counted['mutants']:>9}{counted['tried']:>7}{counted['noticed']:>9}"
            f"{counted['harmless']:>10}{counted['open']:>6}"
        )
        total += counted
    open_ = [name for name in names if "open" in standing(name, results, fine)]
    for module, mine in groupby(open_, module_of):
        by_function = [(one, [short(n)[1] for n in these]) for one, these in groupby(mine, lambda n: short(n)[0])]
        say(f"open in {module}: " + "; ".join(f"{one} {', '.join(map(str, them))}" for one, them in by_function))
    if could := total["mutants"] - total["harmless"]:
        left = could - total["noticed"] - total["open"]
        say(f"score: {total['noticed']} of {could} mutants are noticed, {100 * total['noticed'] / could:.2f} %")
        say(f"beside them {total['harmless']} are harmless; {total['open']} are open, {left} were not tried")


def standing(name: str, results: dict[str, Any], fine: set[str]) -> list[str]:
    """What a mutant is counted as."""
    tried = ["mutants", "tried"] if name in results else ["mutants"]
    if name in results and results[name]["result"] not in OPEN:
        return [*tried, "noticed"]
    if name in fine:
        return [*tried, "harmless"]
    return [*tried, "open"] if name in results else tried


def main() -> int:
    arguments = argparse.ArgumentParser(prog="./run mutate domain")
    arguments.add_argument("names", nargs="*", default=[], help="mutants or patterns; all of them otherwise")
    arguments.add_argument("--survivors", action="store_true", help="of these only what no test has noticed yet")
    arguments.add_argument("--untried", action="store_true", help="of these only what was not tried yet")
    arguments.add_argument("--fresh", action="store_true", help="a process and every test for each")
    arguments.add_argument("--longest", type=float, default=10**6, help="leave out tests that take more seconds")
    arguments.add_argument("--tests", nargs="+", default=None, help="these tests instead of the usual selection")
    arguments.add_argument("--list", action="store_true", help="only say what is there and how it stands")
    asked = arguments.parse_args()
    names, place = generate(), PLACE
    results, fine = kept(names, place), harmless(names, place)
    write(place / RESULTS, results)
    patterns = asked.names or ["*"]
    wanted = list(dict.fromkeys(n for pattern in patterns for n in names if fnmatch.fnmatchcase(n, pattern)))
    if asked.survivors:
        wanted = [name for name in wanted if results.get(name, {}).get("result") in OPEN and name not in fine]
    if asked.untried:
        wanted = [name for name in wanted if name not in results]
    code = 0
    if wanted and not asked.list:
        os.chdir("mutants")
        selection = asked.tests or config().pytest_add_cli_args_test_selection
        if asked.fresh:
            alone(wanted, place, selection)
        else:
            # of its own, for other runs sweep the usual one; in memory where there is such a place: tests sync files
            temporary = tempfile.mkdtemp(prefix="mutants-", dir=SHARED if SHARED.is_dir() else None)
            usual = [
                "--rootdir=.",
                "-q",
                "--tb=native",
                "--capture=sys",
                "-p",
                "no:randomly",
                "-o",
                "tmp_path_retention_policy=none",
                f"--basetemp={temporary}",
            ]
            plugin = Forked(wanted, place, asked.longest)
            try:
                code = int(pytest.main([*usual, *config().pytest_add_cli_args, *selection], plugins=[plugin]))
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
        os.chdir(place)
    table(names, kept(names, place), fine)
    return code


if __name__ == "__main__":
    sys.exit(main())
