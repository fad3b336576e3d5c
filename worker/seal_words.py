"""What a check of a sealed report found, in the reader's language; `ropa.seal` says it in English."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from ropa.seal import SEAL, Checked, shown

KNOWN = (
    gettext_noop("is missing"),
    gettext_noop("is a link, which a sealed set has none of"),
    gettext_noop("is a folder, which a sealed set has none of"),
    gettext_noop("is no plain file"),
    gettext_noop("stands twice in the archive"),
    gettext_noop("was changed: bytes stand before or behind the archive itself"),
    gettext_noop("was changed: it names no file, and a sealed set has some"),
    gettext_noop("is no name of a file in a sealed set"),
    gettext_noop("says no key: the set was not signed"),
    gettext_noop("was changed: it cannot be read"),
    gettext_noop("was changed: it has another size"),
    gettext_noop("was changed: its SHA-256 is another"),
    gettext_noop("was added: the manifest does not name it"),
    gettext_noop("was changed: it cannot be read as it was written"),
    gettext_noop("was changed: it is no seal"),
    gettext_noop("was changed: its SHA-256 is not the seal's"),
    gettext_noop("was changed: the signature is not one of this manifest"),
    gettext_noop("was changed: the manifest that was signed has another SHA-256"),
    gettext_noop("was signed with another key than the one given"),
    gettext_noop("was signed with a key that is not among those given"),
    gettext_noop("was signed with a key that is revoked: since it was stolen anybody can seal with it"),
    gettext_noop("was changed: it is no manifest of a sealed set"),
)
"""The texts of `ropa.seal.SAID`, here to be found by whoever translates."""


def told(checked: Checked) -> Iterator[str]:
    """One line per file that is not as it was sealed, whose key it was, and the outcome."""
    for name, what in checked.problems:
        yield f"{shown(name)}: {_(what)}"
    if checked.signed and not any(name == SEAL for name, _what in checked.problems):
        yield _("Signed with the key %(key)s.") % {"key": checked.key_id}
        if checked.key_compared:
            yield _("It is the key that was given.")
        else:
            yield _("Compare it with the key that you were given (--public-key).")
    elif not checked.signed:
        yield (
            _("Nobody has signed it: the files fit each other, and no more can be said.")
            if checked.intact
            else _("No valid signature.")
        )
    if checked.intact:
        yield ngettext("%(n)d file, as it was sealed.", "%(n)d files, all as they were sealed.", checked.files) % {
            "n": checked.files
        }
    else:
        yield _("The set was changed.")
