"""The authority report as data (GDPR art. 30(4)): the record, its executed retention column, and the evidence.

`build` is a function of what it is given and of nothing else: no clock, no database, no random order; the same
input gives the same report. A text of the inventory is `{text, lang}`, since it may not exist in the report's
language; everything else that is for reading is already in that language. A demanded field is `{state: value, lines}`,
`{state: none_because, reason}` or `{state: missing, article}`, and is shown as what it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ropa import article30
from ropa.article30 import State, state_of
from ropa.law import LANGUAGES
from ropa.wording import (
    article_in_words,
    day_in_words,
    legal_basis_in_words,
    period_in_words,
    rule_in_words,
    statute_in_words,
    table,
)

SCHEMA = "seloste.report/1"

Document = Mapping[str, Any]
Report = dict[str, Any]

RULE_KEYS = [
    "kind",
    "purpose",
    "trigger",
    "period",
    "rounding",
    "action",
    "condition",
    "if_absent",
    "ends_on",
    "yields_to",
    "status",
    "review_by",
    "law",
]
"""What of a rule decides; the rest (its id, reason, and whether it was in the notice) is said beside it."""

COUNTS = ("destroyed", "held", "review", "refused", "failed", "pending", "overdue", "unexplained")


def build(data: Document) -> Report:
    """The report from `document`, `as_of`, `language`, `release`, `version` and `evidence` (or None: no night yet).

    `evidence`: `head` {number, business_date, digest}, `night` {business_date, version, missed_dates, succeeded},
    `nights`, `last_successful`, and `datasets`: per dataset the night's numbers as `retention.reports` reads them.
    Raises RuleError for a rule that could not be executed, ValueError for a language without words.
    """
    document, language = data["document"], data["language"]
    organisation = document["organisation"]
    evidence = data["evidence"]
    return {
        "schema": SCHEMA,
        "language": language,
        "as_of": data["as_of"],
        "release": data["release"],
        "organisation": {
            "slug": organisation["slug"],
            "name": organisation["name"],
            "business_id": organisation.get("business_id", ""),
        },
        "version": dict(data["version"]),
        "evidence_head": dict(evidence["head"]) if evidence else None,
        "headings": _headings(document, language),
        "controller": _controller(document, language),
        "security_measures": _field(organisation, "security_measures", _measures_article(document), language),
        "activities": [_activity(document, activity, language) for activity in document.get("activities") or ()],
        "registers": [_register(register, language) for register in document.get("registers") or ()],
        "retention": [row for dataset in _datasets(document) for row in _retention(document, dataset, language)],
        "execution": _execution(document, evidence, language),
        "gaps": [_gap(document, gap, language) for gap in article30.missing(document)],
    }


def text_in(texts: Any, language: str) -> dict[str, str]:
    """A text in the language asked for, or the first that there is; `lang` says which it became."""
    if isinstance(texts, Mapping):
        for one in (language, *LANGUAGES):
            if texts.get(one):
                return {"text": str(texts[one]), "lang": one}
        return {"text": "", "lang": language}
    return {"text": "" if texts is None else str(texts), "lang": language}


def _headings(document: Document, language: str) -> dict[str, dict[str, str]]:
    """The statute's own words for each point of the paragraphs that this record is kept under."""
    words: Mapping[str, dict[str, str]] = table(language)["article30"]
    kept = {"30(1)": article30.controls(document) or not article30.processes(document)}
    kept["30(2)"] = article30.processes(document)
    return {paragraph: dict(words[paragraph]) for paragraph, here in kept.items() if here}


def _field(holder: Document, key: str, article: str, language: str) -> Report:
    statement = holder.get(key)
    match state_of(statement):
        case State.VALUE:
            return {"state": "value", "lines": list(_lines((statement or {})["value"], language))}
        case State.NONE:
            return {"state": "none_because", "reason": text_in((statement or {})["none_because"], language)}
        case _:
            return {"state": "missing", "article": article}


def _lines(value: Any, language: str) -> Iterator[dict[str, str]]:
    """A value as lines of text: a text, a list of them, or a mapping of named parts, in the order of our words."""
    if isinstance(value, list | tuple):
        for one in value:
            yield from _lines(one, language)
    elif isinstance(value, Mapping) and not set(value) <= set(LANGUAGES):
        names = table(language)["fields"]
        for key in sorted(value, key=lambda key: (list(names).index(key) if key in names else len(names), key)):
            for line in _lines(value[key], language):
                yield {**line, "text": f"{names.get(key, key)}: {line['text']}"}
    elif value not in (None, "", {}):
        yield text_in(value, language)


def _measures_article(document: Document) -> str:
    return "30(1)(g)" if article30.controls(document) or not article30.processes(document) else "30(2)(d)"


def _controller(document: Document, language: str) -> Report:
    organisation = document["organisation"]
    contact = organisation.get("contact") or {}
    names = table(language)["fields"]
    lines = [
        {"text": f"{names[key]}: {contact[key]}" if key != "postal_address" else str(contact[key]), "lang": language}
        for key in ("postal_address", "phone", "email", "website")
        if contact.get(key)
    ]
    article = "30(1)(a)" if _measures_article(document) == "30(1)(g)" else "30(2)(a)"
    return {
        "contact": {"state": "value", "lines": lines} if lines else {"state": "missing", "article": article},
        **{key: _field(organisation, key, article, language) for key in ("joint_controllers", "representative", "dpo")},
    }


def _activity(document: Document, activity: Document, language: str) -> Report:
    processor = article30.is_processor(activity)
    built: Report = {
        "id": activity["id"],
        "name": text_in(activity.get("name"), language),
        "role": "processor" if processor else "controller",
        "purposes": [
            {
                "id": purpose["id"],
                "name": text_in(purpose.get("name"), language),
                "legal_basis": _legal_basis(purpose, language),
            }
            for purpose in activity.get("purposes") or ()
        ],
        "datasets": [
            {
                "id": dataset["id"],
                "name": text_in(dataset.get("name"), language),
                "register": _name(document, "registers", dataset["register"], language),
                "subjects": _field(dataset, "subjects", "30(1)(c)", language),
                "items": _field(dataset, "items", "30(1)(c)", language),
            }
            for dataset in _datasets(document)
            if dataset.get("activity") == activity["id"]
        ],
        "transfers": _field(activity, "transfers", "30(2)(c)" if processor else "30(1)(e)", language),
        "sources": _field(activity, "sources", "14(2)(f)", language),
        "security_measures": None,
    }
    if processor:
        built["on_behalf_of"] = _field(activity, "on_behalf_of", "30(2)(a)", language)
    else:
        built["recipients"] = _field(activity, "recipients", "30(1)(d)", language)
    if state_of(activity.get("security_measures")) is not State.MISSING:
        built["security_measures"] = _field(activity, "security_measures", "30(1)(g)", language)
    return built


def _legal_basis(purpose: Document, language: str) -> Report:
    """The article in words; other parts of the statement (an interest, a special category's article) follow it."""
    statement = purpose.get("legal_basis")
    value = (statement or {}).get("value")
    if state_of(statement) is not State.VALUE or not isinstance(value, Mapping) or not value.get("article"):
        return _field(purpose, "legal_basis", "6(1)", language)
    rest = {key: part for key, part in value.items() if key != "article"}
    first = {"text": legal_basis_in_words(str(value["article"]), language), "lang": language}
    return {"state": "value", "article": value["article"], "lines": [first, *_lines(rest, language)]}


def _register(register: Document, language: str) -> Report:
    words = table(language)
    backups = _field(register, "backups", "", language)
    if backups["state"] == "value" and isinstance(register["backups"]["value"], Mapping):
        backups["lines"] = [{"text": _backups(register["backups"]["value"], language), "lang": language}]
    return {
        "id": register["id"],
        "name": text_in(register.get("name"), language),
        "medium": words["media"].get(register.get("medium"), register.get("medium", "")),
        "lifecycle": _lifecycle(register, language),
        "place": _field(register, "place", "", language),
        "backups": backups,
        "declared": bool(register.get("declared", True)),
    }


def _lifecycle(register: Document, language: str) -> str:
    """Its state in a word, and since when it is closed: `suljettu 1.7.2026`."""
    state = register.get("lifecycle") or "active"
    said = str(table(language)["lifecycles"].get(state, state))
    return f"{said} {day_in_words(register['closed_on'], language)}" if register.get("closed_on") else said


def _backups(value: Document, language: str) -> str:
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


def _datasets(document: Document) -> Sequence[Document]:
    """In the order of the registers, and within a register in the document's."""
    order = {register["id"]: number for number, register in enumerate(document.get("registers") or ())}
    return sorted(document.get("datasets") or (), key=lambda dataset: order.get(dataset["register"], len(order)))


def _retention(document: Document, dataset: Document, language: str) -> Iterator[Report]:
    """One row per ground and ceiling; one row that says so where nothing was decided, or that nothing is kept."""
    words = table(language)
    shared = {
        "register": dataset["register"],
        "register_name": _name(document, "registers", dataset["register"], language),
        "dataset": dataset["id"],
        "dataset_name": text_in(dataset.get("name"), language),
        "execution": execution_of(dataset),
    }
    decision = dataset.get("no_reason_to_keep")
    if decision:
        said = words["no_reason_to_keep"]
        yield {**shared, "rule": None, "kind": "no_reason_to_keep", "words": said, **_decision(decision, language)}
    elif not dataset.get("grounds"):
        yield {**shared, "rule": None, "kind": "missing", "article": "30(1)(f)", "words": words["no_time_limit"]}
    for rule in (*(dataset.get("grounds") or ()), *(dataset.get("ceilings") or ())):
        kind = rule.get("kind", "ceiling")
        status = rule.get("status", "confirmed")
        yield {
            **shared,
            "rule": {key: rule[key] for key in RULE_KEYS if rule.get(key) not in (None, [], "")},
            "id": rule["id"],
            "kind": kind,
            "kind_words": words["kinds"][kind],
            "purpose": _purpose(document, dataset, rule.get("purpose"), language),
            "words": rule_in_words(rule, language),
            "statute": statute_in_words(rule.get("law") or "", language),
            "action": words["actions"][rule["action"]],
            "status": status,
            "status_words": words["statuses"][status],
            "addition": bool(rule.get("addition")),
            "reason": text_in(rule.get("reason"), language),
        }


def _decision(decision: Document, language: str) -> Report:
    by = text_in(decision.get("decided_by"), language)["text"]
    day = day_in_words(decision["decided_on"], language) if decision.get("decided_on") else ""
    said = table(language)["decided"].format(day=day, by=by).rstrip(", ")
    return {"status": "confirmed", "status_words": said, "reason": text_in(decision.get("reason"), language)}


def _purpose(document: Document, dataset: Document, code: Any, language: str) -> dict[str, str] | None:
    for activity in document.get("activities") or ():
        for purpose in activity.get("purposes") or ():
            if activity["id"] == dataset.get("activity") and purpose["id"] == code:
                return text_in(purpose.get("name"), language)
    return {"text": str(code), "lang": language} if code else None


def execution_of(dataset: Document) -> str:
    """Who carries its rules out: we (`purge`, `flag`, `observe`), `register`, `other_controller` or `nobody`."""
    enforced_by = str(dataset.get("enforced_by") or "us")
    if enforced_by != "us":
        return enforced_by
    if not dataset.get("mapping"):
        return "nobody"
    return str((dataset.get("policy") or {}).get("mode") or "observe")


def _execution(document: Document, evidence: Document | None, language: str) -> Report:
    found = (evidence or {}).get("datasets") or {}
    rows = []
    for dataset in _datasets(document):
        if not dataset.get("mapping"):
            continue
        night = found.get(dataset["id"]) or {}
        answered = bool(night) and not night.get("problem") and night.get("overdue") is not None
        rows.append(
            {
                "register": dataset["register"],
                "register_name": _name(document, "registers", dataset["register"], language),
                "dataset": dataset["id"],
                "dataset_name": text_in(dataset.get("name"), language),
                "execution": execution_of(dataset),
                "state": "known" if answered else "no_answer" if night else "not_asked",
                "problem": night.get("problem", ""),
                **{key: night.get(key) if night else None for key in COUNTS},
                "people_overdue": night.get("people_overdue"),
                "overdue_since": night.get("overdue_since"),
                "oldest_kept": night.get("oldest_kept"),
                "last_answered": night.get("last_answered"),
                "destroyed_ever": night.get("destroyed_ever"),
            }
        )
    known = [row for row in rows if row["state"] == "known"]
    since = [row["overdue_since"] for row in known if row["overdue_since"]]
    return {
        "night": dict(evidence["night"]) if evidence else None,
        "nights": evidence["nights"] if evidence else 0,
        "last_successful": evidence["last_successful"] if evidence else None,
        "datasets": rows,
        "totals": {
            **{key: sum(row[key] or 0 for row in known) for key in COUNTS},
            "destroyed_ever": sum(row["destroyed_ever"] or 0 for row in rows),
            "overdue_since": min(since) if since else None,
            "unknown_datasets": len(rows) - len(known),
        },
        "not_reached": list(_not_reached(document, language)),
    }


def _not_reached(document: Document, language: str) -> Iterator[Report]:
    """Registers and datasets that no night asks, and why: stated, so that silence is not taken for order."""
    words = table(language)["not_reached"]
    for register in document.get("registers") or ():
        name = text_in(register.get("name"), language)
        here = [dataset for dataset in document.get("datasets") or () if dataset["register"] == register["id"]]
        blind = [dataset for dataset in here if not dataset.get("mapping")]
        if not here or (len(blind) == len(here) and not register.get("connection")):
            why = "no_datasets" if not here else "no_connection"
            yield {"register": register["id"], "name": name, "dataset": None, "why": why, "words": words[why]}
            continue
        for dataset in blind:
            execution = execution_of(dataset)
            yield {
                "register": register["id"],
                "name": name,
                "dataset": text_in(dataset.get("name"), language),
                "why": execution,
                "words": words[execution],
            }


def _gap(document: Document, gap: article30.Gap, language: str) -> Report:
    kind, *path = gap.where.split(".")
    place = {"text": document["organisation"]["name"], "lang": language}
    if kind in ("activities", "datasets"):
        place = _name(document, kind, path[0], language)
    said = table(language)["gaps"][gap.message_id]
    if kind == "activities" and len(path) > 2:
        for activity in document["activities"]:
            for purpose in activity.get("purposes") or ():
                if activity["id"] == path[0] and purpose["id"] == path[2]:
                    said = f"{said}: {text_in(purpose.get('name'), language)['text']}"
    return {
        "article": gap.article,
        "article_words": article_in_words(gap.article, language),
        "where": gap.where,
        "message_id": gap.message_id,
        "place": place,
        "words": said,
    }


def _name(document: Document, kind: str, code: str, language: str) -> dict[str, str]:
    for one in document.get(kind) or ():
        if one["id"] == code:
            return text_in(one.get("name"), language)
    return {"text": code, "lang": language}
