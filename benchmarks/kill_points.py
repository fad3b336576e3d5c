"""The named points of the protocol, found in the code: every `at("…")` of `retention`, so that none is forgotten."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import retention

ROOT = Path(retention.__file__).parent


@dataclass(frozen=True, order=True)
class Point:
    """Where it stands, and its name; `*` stands for what differs (a dataset, a register, a step)."""

    module: str
    name: str

    def is_it(self, told: str) -> bool:
        """Whether this is the point that was told of."""
        pattern = "".join(".+" if part == "*" else re.escape(part) for part in re.split(r"(\*)", self.name))
        return re.fullmatch(pattern, told) is not None


def points(root: Path = ROOT) -> list[Point]:
    """Every point that is told of with one argument, a text or one with parts that differ."""
    found = set()
    for path in sorted(root.rglob("*.py")):
        for name in _named(ast.parse(path.read_text(encoding="utf-8"))):
            found.add(Point(path.relative_to(root).with_suffix("").as_posix().replace("/", "."), name))
    return sorted(found)


def _named(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or len(node.args) != 1 or node.keywords:
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called != "at":
            continue
        match node.args[0]:
            case ast.Constant(value=str(name)):
                yield name
            case ast.JoinedStr(values=parts):
                yield "".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in parts)
