"""Entries in words: what each kind says, key by key, in the order in which a reader asks.

`SHOWN` has every key of an entry that the report says. What it does not say and why stands in `NOT_SHOWN`; a test
holds the two against the schema, so that a new key is not lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from babel import Locale

from retention.domain.errors import RuleError
from ropa.article30 import State, state_of
from ropa.places import empty
from ropa.report.inventory import Inventory
from ropa.report.legal import law_in_words, legal_basis, special
from ropa.report.texts import Report, Told, field, joined, labelled, lines, text_in
from ropa.wording import day_in_words, period_in_words, table

Document = Mapping[str, Any]

SHOWN: dict[str, tuple[str, ...]] = {
    "subject_groups": ("declared", "relation", "roles", "inclusion", "trigger_owner"),
    "data_categories": (
        "attached_to",
        "scope",
        "condition",
        "subject_groups",
        "special",
        "purpose_limitation",
        "link_period",
        "for_recipients",
        "open_ended",
        "listing",
    ),
    "items": (
        "condition",
        "alternatives",
        "by_subject_type",
        "parts",
        "parts_listing",
        "subject_groups",
        "identity_code",
        "justification",
        "legal_basis",
        "event",
        "open_ended",
    ),
    "sources": (
        "kind",
        "occasion",
        "channels",
        "operations",
        "data_categories",
        "items",
        "subject_groups",
        "reason",
        "listing",
    ),
    "recipients": (
        "role",
        "party",
        "specified",
        "declared",
        "condition",
        "purpose",
        "purposes",
        "scope",
        "data_categories",
        "personnel",
        "supervision",
        "agreement",
        "listing",
    ),
    "transfers": ("status", "countries", "recipients", "safeguards", "condition", "documentation"),
    "security_measures": ("scope", "media", "persons", "roles", "granted_by", "standard", "implies_register"),
    "time_limits": (
        "period",
        "criterion",
        "bound",
        "condition",
        "otherwise",
        "action",
        "data_categories",
        "subject_groups",
        "cascade_to",
        "executor",
        "law",
    ),
    "rights": (
        "right",
        "limited",
        "reason",
        "data_categories",
        "condition",
        "scope",
        "initiative",
        "forms",
        "channels",
        "contact_points",
        "routed_to",
        "deadline",
        "fee",
        "response",
        "until",
    ),
    "marketing_rules": ("channel", "basis", "products", "third_party", "stores", "scope"),
    "disposal_methods": ("media", "standard", "protection_class", "security_level", "evidence"),
    "contact_points": (
        "kind",
        "tasks",
        "role",
        "postal_address",
        "phone",
        "email",
        "website",
        "hours",
        "same_as",
    ),
    "references": ("kind", "used_as", "section"),
    "notices": ("language", "created_on", "updated_on", "published_at", "instruments", "informs", "change_policy"),
}
NOT_SHOWN: dict[str, str] = {
    "id": "it is the entry's name for machines",
    "name": "it is the entry itself",
    "addition": "it is marked beside the name",
    "registers": "it says where the entry stands",
    "activities": "it says where the entry stands",
    "references": "they stand in the list of references",
    "items": "they stand below their category",
    "disclosed": "it is marked beside the name",
    "kind of security_measures": "its name says more",
    "trigger of time_limits": "it is said with the period",
    "row of references": "what the library knows of it stands beside the citation",
    "passages of notices": "what they say is the record itself",
}
REFERS = {
    "subject_groups": "subject_groups",
    "data_categories": "data_categories",
    "for_recipients": "recipients",
    "recipients": "recipients",
    "items": "items",
    "purposes": "purposes",
    "contact_points": "contact_points",
    "cascade_to": "registers",
    "instruments": "references",
    "same_as": "contact_points",
}
"""Keys that hold ids, and of which list."""
EXTRA_KEYS = {"legal_basis", "law", "justification"}
"""Keys that Article 30 does not ask for."""


def entry(inventory: Inventory, kind: str, one: Document) -> Report:
    """An entry: its name, what it says in lines, and the codes that a machine wants."""
    built: Report = {
        "id": one["id"],
        "name": inventory.text(one.get("name")),
        "said": list(details(inventory, kind, one)),
        **{
            key: one[key]
            for key in ("role", "status", "relation", "kind", "listing", "right")
            if isinstance(one.get(key), str)
        },
    }
    for key in ("activities", "registers"):
        if one.get(key):
            built[key] = list(one[key])
    if one.get("addition"):
        built["addition"] = True
    if one.get("disclosed") is False or (kind == "rights" and one.get("limited")):
        built["denied"] = True
    if kind == "data_categories":
        built["items"] = [entry(inventory, "items", item) for item in one.get("items") or ()]
    return built


def details(inventory: Inventory, kind: str, one: Document) -> Iterator[Told]:
    for key in SHOWN[kind]:
        value = one.get(key)
        if empty(value) or (key in EXTRA_KEYS and not inventory.extras):
            continue
        yield from detail(inventory, kind, key, value, one)


def detail(inventory: Inventory, kind: str, key: str, value: Any, one: Document) -> Iterator[Told]:
    """What one key of an entry says, in lines."""
    words, language = table(inventory.language), inventory.language
    label = words["labels"].get(f"{kind}.{key}", words["labels"].get(key, ""))
    special_way = SPECIAL.get(f"{kind}.{key}") or SPECIAL.get(key)
    if special_way is not None:
        for line in special_way(inventory, value, one):
            yield labelled(label, line)
    elif isinstance(value, bool):
        phrase = words["phrases"].get(f"{kind}.{key}", {}).get(value)
        if phrase:
            yield {"text": phrase, "lang": language}
    elif key in REFERS:
        codes = [value] if isinstance(value, str) else value
        named = [inventory.name(REFERS[key], code) for code in codes]
        yield from (labelled(label, line) for line in joined(named, language))
    elif chosen := words["choices"].get(f"{kind}.{key}") or words["choices"].get(key):
        codes = [value] if isinstance(value, str) else value
        said = ", ".join(chosen.get(code, code) for code in codes)
        if said:
            yield labelled(label, {"text": said, "lang": language})
    elif isinstance(value, list):
        yield from (labelled(label, line) for line in joined(list(lines(value, language)), language))
    else:
        yield labelled(label, text_in(value, language))


def agreement(inventory: Inventory, value: Any, _: Document | None = None) -> Iterator[Told]:
    """An agreement's status, reference and days (art. 28(3)), or why there is none."""
    words, language = table(inventory.language), inventory.language
    mark = f" ({words['report']['addition']})" if value.get("addition") else ""
    if state_of(value) is State.NONE:
        reason = text_in(value["none_because"], language)
        yield {**reason, "text": words["report"]["none_because"].format(reason=reason["text"]) + mark}
        return
    told = value.get("value") or {}
    said = [words["choices"]["agreement"][told["status"]]]
    if told.get("reference"):
        said.append(told["reference"])
    for key in ("signed_on", "expires_on"):
        if told.get(key):
            said.append(words["agreement_days"][key].format(day=day_in_words(told[key], language)))
    yield {"text": ", ".join(said) + mark, "lang": language}


def record(inventory: Inventory, value: Any, _: Document | None = None) -> Iterator[Told]:
    """A document that is kept elsewhere: a balancing test, an assessment, an agreement."""
    words, language = table(inventory.language), inventory.language
    built = field({"it": value}, "it", "", language)
    if built["state"] == "value":
        told = value["value"]
        said = [words["choices"]["record.kind"][told["kind"]], told["reference"]]
        if told.get("on"):
            said.append(day_in_words(told["on"], language))
        built["lines"] = [{"text": ", ".join(said), "lang": language}]
    yield from stated(built, language)


def statement(inventory: Inventory, value: Any, _: Document) -> Iterator[Told]:
    yield from stated(field({"it": value}, "it", "", inventory.language), inventory.language)


def stated(built: Report, language: str) -> Iterator[Told]:
    """A statement's field as lines."""
    words = table(language)["report"]
    mark = f" ({words['addition']})" if built.get("addition") else ""
    if built["state"] == "value":
        for line in built["lines"]:
            yield {**line, "text": line["text"] + mark}
    elif built["state"] == "none_because":
        reason = built["reason"]
        yield {**reason, "text": words["none_because"].format(reason=reason["text"]) + mark}


def _period(inventory: Inventory, value: Any, one: Document) -> Iterator[Told]:
    """A period with its start as the executed rules say it, so that the two can be compared."""
    language = inventory.language
    try:
        trigger = {"trigger": one["trigger"]} if one.get("trigger") else None
        said = inventory.rule({"kind": "need", "period": value, **trigger}) if trigger else None
        yield {"text": said or period_in_words(value, language), "lang": language}
    except RuleError:
        yield {"text": f"{value} ({one.get('trigger')})", "lang": language}


def _inclusion(inventory: Inventory, value: Any, _: Document) -> Iterator[Told]:
    """Under which condition somebody is let in at all, and what happens otherwise."""
    words = table(inventory.language)
    condition = text_in(value.get("condition"), inventory.language)
    more = [words["phrases"]["inclusion.permission"][True]] if value.get("permission") else []
    if value.get("otherwise"):
        more.append(f"{words['labels']['otherwise']} {words['choices']['otherwise'][value['otherwise']]}")
    yield {**condition, "text": condition["text"] + (f" ({', '.join(more)})" if more else "")}


def _deadline(inventory: Inventory, value: Any, _: Document) -> Iterator[Told]:
    said = period_in_words(value["period"], inventory.language)
    starts = list(lines(value.get("from"), inventory.language))
    if starts:
        told = table(inventory.language)["deadline_from"].format(
            period=said, start=", ".join(one["text"] for one in starts)
        )
        yield {"text": told, "lang": starts[0]["lang"]}
    else:
        yield {"text": said, "lang": inventory.language}


def _fee(inventory: Inventory, value: Any, _: Document) -> Iterator[Told]:
    words = table(inventory.language)
    if value.get("text"):  # what was said says the rest too
        yield text_in(value["text"], inventory.language)
    elif value.get("free_interval"):
        period = period_in_words(value["free_interval"], inventory.language)
        yield {"text": words["free_interval"].format(period=period), "lang": inventory.language}
    elif "free" in value:
        yield {"text": words["phrases"]["fee.free"][value["free"]], "lang": inventory.language}


def _published_at(inventory: Inventory, value: Any, _: Document) -> Iterator[Told]:
    chosen = table(inventory.language)["choices"]["published_at.where"]
    said = [" ".join(filter(None, (chosen[one["where"]], one.get("address", "")))) for one in value]
    yield {"text": "; ".join(said), "lang": inventory.language}


def _change_policy(inventory: Inventory, value: Any, _: Document) -> Iterator[Told]:
    words, language = table(inventory.language), inventory.language
    labels = {key: words["labels"][f"change_policy.{key}"] for key in ("text", "reasons", "channels")}
    if value.get("text"):
        yield labelled(labels["text"], text_in(value["text"], language))
    for line in joined(list(lines(value.get("reasons"), language)), language):
        yield labelled(labels["reasons"], line)
    if value.get("channels"):
        chosen = words["choices"]["change_policy.channels"]
        told = ", ".join(chosen[one] for one in value["channels"])
        yield labelled(labels["channels"], {"text": told, "lang": language})


def _day(inventory: Inventory, value: Any, _: Document) -> Iterator[Told]:
    yield {"text": day_in_words(value, inventory.language), "lang": inventory.language}


def _event(inventory: Inventory, value: Any, _: Document) -> Iterator[Told]:
    known = table(inventory.language)["events"].get(value)
    yield {"text": known[0] if known else str(value), "lang": inventory.language}


def _party(inventory: Inventory, value: Any, _: Document) -> Iterator[Told]:
    """A named party in one line: name and what else is known of it."""
    yield party(inventory, value)


def party(inventory: Inventory, value: Document) -> Told:
    names = table(inventory.language)["fields"]
    said = [str(value["name"])] if value.get("name") else []
    for key in ("role", "business_id", "postal_address", "phone", "email", "website"):
        if value.get(key):
            told = text_in(value[key], inventory.language)["text"]
            said.append(told if key in ("role", "postal_address", "email", "website") else f"{names[key]} {told}")
    return {"text": ", ".join(said), "lang": inventory.language}


def _countries(inventory: Inventory, value: Any, _: Document) -> Iterator[Told]:
    """Countries by their names in the report's language."""
    names = Locale.parse(inventory.language).territories
    yield {"text": ", ".join(names.get(code, code) for code in value), "lang": inventory.language}


def _law(inventory: Inventory, value: Any, _: Document) -> Iterator[Told]:
    yield law_in_words(str(value), inventory.language)


def _basis(inventory: Inventory, value: Any, _: Document) -> Iterator[Told]:
    yield from stated(legal_basis(inventory, {"legal_basis": value}), inventory.language)


def _special(inventory: Inventory, value: Any, _: Document) -> Iterator[Told]:
    yield from stated(special(inventory, value), inventory.language)


SPECIAL: dict[str, Callable[[Inventory, Any, Document], Iterator[Told]]] = {
    "agreement": agreement,
    "documentation": record,
    "justification": statement,
    "time_limits.period": _period,
    "inclusion": _inclusion,
    "deadline": _deadline,
    "fee": _fee,
    "published_at": _published_at,
    "change_policy": _change_policy,
    "created_on": _day,
    "updated_on": _day,
    "event": _event,
    "party": _party,
    "countries": _countries,
    "law": _law,
    "legal_basis": _basis,
    "special": _special,
}
