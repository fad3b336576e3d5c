"""The translations of what people read: `python -m config.messages compile | update | check`.

English is the source language: a msgid is the English text. `update` brings locale/LANGUAGE/LC_MESSAGES/django.po
up to date with the code, `check` says what is missing (exit code 1), `compile` writes the .mo files that Django reads.
Babel does it all, so that no gettext binaries are needed. They are not kept in the repository.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir, extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
LANGUAGES = ("fi", "sv")
NOT_SHOWN = {"tests", "benchmarks"}
KEYWORDS = {
    **DEFAULT_KEYWORDS,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext_lazy": ((1, "c"), 2, 3),
    "ConfigField": (2,),  # a connector knows no translations: the page that shows its fields translates what they mean
}
METHODS = [("**.py", "python"), ("templates/**.html", "config.messages:in_templates")]


def in_templates(file: IO[bytes], keywords: Any, comment_tags: Any, options: Any) -> Iterator[Any]:
    """The texts of a template, found in what Django itself makes of it for this."""
    code = templatize(file.read().decode("utf-8"))
    yield from extract_python(BytesIO(code.encode("utf-8")), keywords, comment_tags, options)


def po_file(language: str) -> Path:
    return ROOT / "locale" / language / "LC_MESSAGES" / "django.po"


def in_code(root: Path = ROOT) -> Catalog:
    """Every text in the packages' code that is marked for translation."""
    catalog = Catalog(project="Seloste", charset="utf-8")
    for package in sorted(path.parent for path in root.glob("*/__init__.py")):
        if package.name in NOT_SHOWN:
            continue
        for found in extract_from_dir(package, method_map=METHODS, keywords=KEYWORDS):
            filename, _line, text, comments, context = found
            place = (f"{package.name}/{filename}", 0)
            catalog.add(text, None, [place], auto_comments=comments, context=context)
    return catalog


def translated(language: str) -> Catalog:
    """What is translated, as it stands in the repository."""
    path = po_file(language)
    if not path.exists():
        return Catalog(locale=language, project="Seloste", charset="utf-8")
    with path.open("rb") as file:
        return read_po(file, locale=language)


def update(language: str, code: Catalog) -> None:
    """Write the new texts in, untranslated; leave out what the code no longer says."""
    catalog = translated(language)
    catalog.update(code, no_fuzzy_matching=True, update_creation_date=False)
    name = catalog.locale.english_name if catalog.locale else language
    catalog.header_comment = f"# Seloste, {name}."
    catalog.last_translator = catalog.language_team = name or language
    catalog.version = catalog.msgid_bugs_address = ""
    catalog.revision_date = catalog.creation_date
    catalog.fuzzy = False
    path = po_file(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, catalog, width=110, ignore_obsolete=True, sort_by_file=True, include_lineno=False)


def _texts(message: Message) -> tuple[str, ...]:
    return tuple(message.string) if isinstance(message.string, tuple | list) else (message.string or "",)


def problems(language: str, code: Catalog, catalog: Catalog) -> list[str]:
    """What keeps a language from being complete: one sentence each."""
    found = []
    for message in code:
        if not message.id:
            continue
        text = message.id if isinstance(message.id, str) else message.id[0]
        here = catalog.get(text, message.context)
        if here is None:
            found.append(f"{language}: not in the file: {text}")
        elif here.fuzzy:
            found.append(f"{language}: marked fuzzy: {text}")
        elif not all(_texts(here)):
            found.append(f"{language}: not translated: {text}")
        else:
            found += [f"{language}: {error}: {text}" for error in here.check(catalog)]
    found += [
        f"{language}: no longer in the code: {m.id}"
        for m in catalog
        if m.id and code.get(m.id if isinstance(m.id, str) else m.id[0], m.context) is None
    ]
    return found


def compile_all() -> None:
    """Write every .mo file beside its .po file, each at once: others may do the same, or read."""
    for language in LANGUAGES:
        path = po_file(language)
        new = path.with_suffix(f".mo.{os.getpid()}")
        with new.open("wb") as file:
            write_mo(file, translated(language))
        new.replace(path.with_suffix(".mo"))


def main(verb: str) -> int:
    if verb == "compile":
        compile_all()
        return 0
    code = in_code()
    if verb == "update":
        for language in LANGUAGES:
            update(language, code)
    elif verb != "check":
        sys.stderr.write(f"{__doc__}")
        return 2
    found = [problem for language in LANGUAGES for problem in problems(language, code, translated(language))]
    sys.stderr.write("".join(f"{problem}\n" for problem in found))
    return 1 if found and verb == "check" else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) == 2 else ""))
