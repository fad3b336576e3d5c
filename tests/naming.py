"""Whether a text names somebody: digests, in which any few digits or letters may stand by chance, left out."""

import re
from collections.abc import Iterable

DIGEST = re.compile(r"[0-9a-f]{16,}")


def names_any(text: str, *words: str) -> bool:
    told = DIGEST.sub("…", text)
    return any(word in told for word in words)


def any_names(texts: Iterable[str], *words: str) -> bool:
    return any(names_any(text, *words) for text in texts)
