"""A backlog in waves: one in a hundred first, one in ten, then the rest; a person looks at a sample of each.

What was overdue for years goes by rules that nobody has seen at work. So a mistake is to be met with a hundredth of it.
Who is drawn nobody chooses: an item's place is its digest under a seed that was fixed before the items were known, the
newest signed head of the evidence, and the sample's under the lot's own digest. Both can be drawn again by anybody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256

FIRST, SECOND, REST = 1, 2, 3
SHARES: Mapping[int, int] = {FIRST: 100, SECOND: 10}
"""Wave -> one item of so many."""

SAMPLE = 20
"""So many items of each lot a person looks at, or all where it has fewer."""


def drawn(seed: str, names: Sequence[str]) -> list[int]:
    """The places of these names, which are all different, in the order of a draw under the seed."""
    return sorted(range(len(names)), key=lambda n: sha256(f"{seed}\0{names[n]}".encode()).digest())


def split(seed: str, names: Sequence[str], waves: Sequence[int] = (FIRST, SECOND, REST)) -> dict[int, list[int]]:
    """Wave -> the places of its names, for these waves in order; the last of them takes what the others leave.

    Each name is in one wave; an earlier wave is never empty before a later one.
    """
    order = drawn(seed, names)
    found: dict[int, list[int]] = {}
    begun = 0
    for wave in waves[:-1]:
        size = -(-len(names) // SHARES[wave])
        found[wave] = sorted(order[begun : begun + size])
        begun += size
    found[waves[-1]] = sorted(order[begun:])
    return {wave: places for wave, places in found.items() if places}


def sample(digest: str, size: int) -> list[int]:
    """Which positions of a lot of this size are looked at, in order."""
    return sorted(drawn(digest, [str(position) for position in range(size)])[:SAMPLE])
