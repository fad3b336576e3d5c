"""Finnish names in their cases, as patterns: only the endings that the library's own words take.

A pattern is bound to whole words, so that `tietosuojalain` is found and `tietosuojalainsäädäntö` is not.
"""

from __future__ import annotations

import re

_CASES = "ss[aä]|st[aä]|ll[eaä]|lt[aä]|ksi|n[aä]|tt[aä]"
_WEAK = f"n|t|{_CASES}"
"""Endings before which a consonant of the stem is weak (lain, valtuutetun)."""

_ENDINGS = {
    "laki": f"la(?:ki(?:[aä]|in|n[aä])?|i(?:{_WEAK})|kien|keja|keihin|ei(?:{_CASES}))",
    "kaari": f"kaar(?:i|e(?:{_WEAK}|en)|ta|ien|ia)",
    "kunta": f"kun(?:ta(?:a|an|na)?|na(?:{_WEAK})|tien|tia|ni(?:{_CASES}))",
    "hallinto": f"hallin(?:to(?:a|on|na)?|no(?:{_WEAK}))",
    "säännöt": f"sään(?:nöt|töjen|töjä|töihin|nöi(?:{_CASES}))",
    "mies": f"mie(?:s|st[aä]|he(?:{_WEAK}|en)|hien|hille)",
    "inen": f"i(?:nen|st[aä]|se(?:{_WEAK}|en)|sten|sien|si[aä]|siin|si(?:{_CASES}))",
    "ttu": f"t(?:tu(?:a|un|na)?|u(?:{_WEAK})|tuja|tujen|ui(?:{_CASES}))",
    "tti": f"t(?:ti(?:[aä]|in|n[aä])?|i(?:{_WEAK})|tien|tej[aä]|ei(?:{_CASES}))",
    **{
        f"{vowel}s": f"{vowel}(?:s(?:t[aä])?|kse(?:{_WEAK}|en)|sten|ksien|ksi[aä]|ksiin|ksi(?:{_CASES}))"
        for vowel in "uyoö"
    },
}
_AFTER_A_VOWEL = f"(?:[aä]|t[aä]|[aeiouyäö]n|h[aeiouyäö]n|{_WEAK}|j[aä]|jen|ien|i(?:{_CASES}))?"
_AFTER_A_CONSONANT = f"(?:i(?:[aä]|in|{_WEAK})?)?"
_BESIDES = "(?:kin|k[aä][aä]n)?"


def pattern(spelling: str) -> str:
    """The pattern of a spelling; the words marked with `~` are declined, the others stand as they are."""
    return r"\s+".join(_word(one) for one in spelling.split())


def _word(word: str) -> str:
    stem = word.removesuffix("~")
    if stem.isupper() and len(stem) > 1:
        return f"(?-i:{re.escape(stem)})(?::[a-zäö]+)?"
    return declined(stem) + _BESIDES if word != stem else re.escape(stem)


def declined(word: str) -> str:
    """A word in all its cases."""
    for ending in sorted(_ENDINGS, key=len, reverse=True):
        if word.casefold().endswith(ending):
            return re.escape(word[: -len(ending)]) + _ENDINGS[ending]
    return re.escape(word) + (_AFTER_A_VOWEL if word[-1].casefold() in "aeiouyäö" else _AFTER_A_CONSONANT)
