"""Code broken on purpose: a test that stays green with it would not notice the fault if somebody made it."""

from __future__ import annotations

import inspect
import textwrap
from contextlib import contextmanager
from typing import Any


@contextmanager
def broken(function, as_it_is, as_it_is_not):
    """Within, the function is written otherwise, for everybody who has it. Its text must occur exactly once."""
    source = textwrap.dedent(inspect.getsource(function))
    assert source.count(as_it_is) == 1, f"{function.__qualname__} has {as_it_is!r} {source.count(as_it_is)} times"
    made: dict[str, Any] = {}
    text = "from __future__ import annotations\n" + source.replace(as_it_is, as_it_is_not)
    exec(compile(text, inspect.getfile(function), "exec"), function.__globals__, made)
    whole = function.__code__
    function.__code__ = made[function.__name__].__code__
    try:
        yield
    finally:
        function.__code__ = whole
