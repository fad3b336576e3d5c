"""Rules in words, in Finnish, Swedish and English: made from the rule itself, so that they cannot say anything else.

Each language is one table under `ropa/wording/`. A rule is its document form (docs/reference/inventory-document.md);
a rule with a `kind` is a ground, one without is a ceiling.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from retention.domain.periods import Period, Rounding
from retention.domain.rules import Trigger
from retention.domain.written import parse_day, parse_trigger
from ropa.law import LANGUAGES, library

DIRECTORY = Path(__file__).with_name("wording")
_PARTS = re.compile(r"([0-9]+)([YMWD])")
_ARTICLE = re.compile(r"([0-9]+)(?:\(([0-9]+)\))?(?:\(([a-z])\))?")

Table = Mapping[str, Any]


@cache
def table(language: str) -> Table:
    """A language's words. Raises ValueError for a language that has none."""
    if language not in LANGUAGES:
        raise ValueError(f"there are no words in {language!r}, only in {', '.join(LANGUAGES)}")
    words: dict[str, Any] = {}
    for name in (f"{language}.yaml", f"record-{language}.yaml"):
        words |= yaml.safe_load((DIRECTORY / name).read_text(encoding="utf-8"))
    return words


def rule_in_words(rule: Mapping[str, Any], language: str, names: Mapping[str, str] = MappingProxyType({})) -> str:
    """The time limit that a ground, ceiling or step sets, as one sentence without its full stop.

    `names`: what the datasets are called that a step makes something for; else they are named by their id.

    Raises RuleError (an unknown event, a malformed period) where the rule could not be executed either.
    """
    words = table(language)
    trigger = parse_trigger(rule.get("trigger"), "trigger")
    written = rule.get("period")
    if written is None:
        said = _start(words["criterion"], trigger, Rounding("none"), words)
        review = rule.get("review_by")
        more = [words["review_by"].format(date=day_in_words(review, language)) if review else words["no_review"]]
    else:
        rounding = Rounding(str(rule.get("rounding") or "none"))
        key = "next" if rounding.yearly_day else rounding.text
        period = period_in_words(written, language)
        template = words["from"][key] if Period.parse(written) != Period(0, 0) else words["until"][key]
        said = _start(template, trigger, rounding, words, period)
        more = []
    if rule.get("action") in words["step_actions"]:
        into = str(rule.get("into") or "")
        fields = _listed(rule["fields"], words["and"]) if rule.get("fields") else ""
        said = words["step_actions"][rule["action"]].format(when=said, into=names.get(into, into), fields=fields)
    elif "kind" not in rule:
        said = words["at_most"].format(rule=said)
    said = "; ".join([said, *more, *_limits(rule, words)])
    return said[0].upper() + said[1:]


def _start(template: str, trigger: Trigger, rounding: Rounding, words: Table, period: str = "") -> str:
    """Fill in a phrase's events (in the form that it asks for), period and day of the year."""
    forms = list(zip(*(words["events"][name] for name in trigger.events), strict=True))
    joined = [_listed(form, words["or"]) for form in forms]
    after = ""
    if len(trigger.events) > 1:
        choose = words[trigger.choose]
        number = "two" if len(trigger.events) == 2 else "many"
        if rounding.text == "none":
            after = choose[number]
        else:
            joined = [f"{names}, {choose[f'beside_{number}']}," for names in joined]
    month, day = rounding.yearly_day or (1, 1)
    month_day = words["month_day"].format(day=day, month_name=words["months"][month - 1])
    said = template.format(*joined, period=period, month_day=month_day, month_name=words["months"][month - 1], day=day)
    return (said + after).rstrip(",")


def _limits(rule: Mapping[str, Any], words: Table) -> list[str]:
    """What bounds a rule beside its period: conditions, earlier ends, what a ceiling yields to, an absent start."""
    said = []
    written = rule.get("condition") or []
    conditions = [written] if isinstance(written, Mapping) else written
    if conditions:
        facts = _listed([_fact(one["fact"], one["is"], words) for one in conditions], words["and"])
        said.append(words["condition"].format(conditions=facts))
    if ends_on := rule.get("ends_on") or []:
        names = [words["events"][name][words["ends_on_form"]] for name in ends_on]
        said.append(words["ends_on"].format(events=_listed(names, words["or"])))
    yields_to = rule.get("yields_to") or []
    if yields_to == "any_basis":
        said.append(words["yields_any"])
    elif yields_to and yields_to != "none":
        kinds = _listed([words["kinds"][kind] for kind in yields_to], words["or"])
        said.append(words["yields_to"].format(kinds=kinds))
    if absent := rule.get("if_absent"):
        said.append(words["if_absent"][absent])
    return said


def _fact(name: str, value: bool | int | str, words: Table) -> str:
    if not isinstance(value, bool):
        told: str | None = words["facts"].get(name, {}).get(value)
        if told is not None:
            return told
        other: str = words["fact_is"]["other"].format(fact=name, value=value)
        return other
    known: str = words["facts"].get(name, words["fact_is"])[value]
    return known.format(fact=name)


def _listed(names: Sequence[str], joint: str) -> str:
    """`a`, `a or b`, `a, b or c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {joint} {names[-1]}"


def period_in_words(written: str, language: str, units: str = "units") -> str:
    """`P1Y6M` as `1 vuosi ja 6 kuukautta`; the units are those that were written. Raises PeriodError.

    A number and its unit are never parted at a line's end.
    """
    Period.parse(written)
    words = table(language)
    parts = [(int(n), unit) for n, unit in _PARTS.findall(written) if int(n)] or [(0, "D")]
    return _listed([f"{n}\u00a0{words[units][unit][n != 1]}" for n, unit in parts], words["and"])


def day_in_words(written: str | date, language: str) -> str:
    """A day as the language writes it: 14.10.2026, 14 October 2026. Raises RuleError for what is no day."""
    day = parse_day(written, "date")
    words = table(language)
    said: str = words["date"].format(
        day=day.day, month=day.month, year=day.year, month_name=words["months"][day.month - 1]
    )
    return said.replace(" ", "\u00a0")


def number_in_words(number: int, language: str) -> str:
    """A number with its thousands apart."""
    return f"{number:,}".replace(",", table(language)["thousands"])


def statute_in_words(law: str, language: str) -> str:
    """The citation of a row of the law library; an id that the library does not have is shown as such."""
    if not law:
        return ""
    rule = library().get(law)
    if rule is None:
        said: str = table(language)["unknown_law"].format(id=law)
        return said
    return rule.citation[language]


_CITED = re.compile(r"^(?P<name>.*?)\s*\((?P<number>[0-9]+/[0-9]{4})\),?\s*(?P<rest>.*)$")
_GDPR = re.compile(r"\(EU\) 2016/679,? *(?P<rest>.*)$")
_GDPR_POINT = re.compile(r"([0-9]+) artiklan ([0-9]+) kohta$")


@cache
def statutes() -> Mapping[str, Mapping[str, str]]:
    """Acts by their number, with their name in each language, as the rows of the law library cite them."""
    found: dict[str, dict[str, str]] = {}
    for rule in library().values():
        for language, citation in rule.citation.items():
            if match := _CITED.match(citation):
                found.setdefault(match["number"], {})[language] = match["name"]
    return found


def citation_in_words(law: str, language: str) -> str:
    """A citation that somebody wrote (a row of the law library, or `kirjanpitolaki (1336/1997) 2:10 §`) in a language.

    Acts are known by their number; what is not known stays as it was written.
    """
    if law in library():
        return statute_in_words(law, language)
    return "; ".join(_cited(part.strip(), language) for part in law.split(";"))


def _cited(law: str, language: str) -> str:
    words = table(language)["citations"]
    if match := _GDPR.search(law):
        point = _GDPR_POINT.match(match["rest"])
        if point:
            return f"{words['gdpr']}, {article_in_words(f'{point[1]}({point[2]})', language)}"
    elif match := _CITED.match(law):
        name = statutes().get(match["number"], {}).get(language)
        rest = match["rest"]
        plain = re.fullmatch(r"[0-9:., a-zåäö–-]*§?(?: [0-9]+ mom\.)?", rest)
        if name and plain:
            rest = rest.replace(" ja ", f" {words['and']} ")
            rest = rest if words["section"] else rest.replace(" §", "")
            return f"{name} ({match['number']}) {rest}".rstrip()
    return law


def article_in_words(article: str, language: str) -> str:
    """`6(1)(b)` as the language cites it; what is not written so is left as it is."""
    match = _ARTICLE.fullmatch(article)
    if match is None:
        return article
    number, paragraph, point = match.groups()
    key = "point" if point else "paragraph" if paragraph else "article"
    said: str = table(language)["articles"][key].format(article=number, paragraph=paragraph, point=point)
    return said


def legal_basis_in_words(article: str, language: str) -> str:
    """`6(1)(b)` with the name of the basis (art. 6(1)), where it is one of the six."""
    cited = article_in_words(article, language)
    name = table(language)["legal_bases"].get(article)
    return f"{name} ({cited})" if name else cited
