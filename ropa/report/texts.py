"""How a report's texts are made: in the language asked for, or with the one that they became."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ropa.article30 import State, state_of
from ropa.law import LANGUAGES
from ropa.wording import period_in_words, table

Document = Mapping[str, Any]
Report = dict[str, Any]
Told = dict[str, str]
"""A text and its language: `{text, lang}`."""


def text_in(texts: Any, language: str) -> Told:
    """A text in the language asked for, or the first that there is; `lang` says which it became."""
    if isinstance(texts, Mapping):
        for one in (language, *LANGUAGES):
            if texts.get(one):
                return {"text": str(texts[one]), "lang": one}
        return {"text": "", "lang": language}
    return {"text": "" if texts is None else str(texts), "lang": language}


def field(holder: Document, key: str, article: str, language: str) -> Report:
    """A demanded field in one of its three honest states; `addition` where it is not in the published notice."""
    statement = holder.get(key)
    match state_of(statement):
        case State.VALUE:
            built: Report = {"state": "value", "lines": list(lines((statement or {})["value"], language))}
        case State.NONE:
            built = {"state": "none_because", "reason": text_in((statement or {})["none_because"], language)}
        case _:
            return {"state": "missing", "article": article}
    if (statement or {}).get("addition"):
        built["addition"] = True
    return built


def lines(value: Any, language: str) -> Iterator[Told]:
    """A value as lines of text: a text, a list of them, or a mapping of named parts, in the order of our words."""
    if isinstance(value, list | tuple):
        for one in value:
            yield from lines(one, language)
    elif isinstance(value, Mapping) and not set(value) <= set(LANGUAGES):
        names = table(language)["fields"]
        for key in sorted(value, key=lambda key: (list(names).index(key) if key in names else len(names), key)):
            for line in lines(value[key], language):
                yield {**line, "text": f"{names.get(key, key)}: {line['text']}"}
    elif value not in (None, "", {}):
        yield text_in(value, language)


def joined(texts: Sequence[Told], language: str, joint: str = ", ") -> Iterator[Told]:
    """Texts as one line where they are in one language, and otherwise one line each."""
    if len({one["lang"] for one in texts}) <= 1:
        if texts:
            yield {"text": joint.join(one["text"] for one in texts), "lang": texts[0]["lang"]}
    else:
        yield from texts


def labelled(label: str, line: Told) -> Told:
    return {**line, "text": f"{label}: {line['text']}"} if label else line


def backups_in_words(value: Document, language: str) -> str:
    """How often, how long and how many: `1 päivän välein, säilytetään 30 päivää`."""
    said = []
    for key, template in table(language)["backups"].items():
        if value.get(key) is None:
            continue
        if key == "keep_generations":
            said.append(template.format(number=value[key]))
        else:
            units = "backup_every" if key == "every" else "units"
            said.append(template.format(period=period_in_words(value[key], language, units)))
    return ", ".join(said)
