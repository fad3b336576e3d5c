"""The activities with their own words and the entries that are about them, and the registers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ropa import article30
from ropa.article30 import State, state_of
from ropa.report.entries import agreement, party
from ropa.report.inventory import Inventory
from ropa.report.legal import legal_basis, special
from ropa.report.records import PROCESSOR
from ropa.report.texts import Report, Told, backups_in_words, field, joined, labelled, lines, text_in
from ropa.wording import day_in_words, table

Document = Mapping[str, Any]

ABOUT = {
    "controller": ("subject_groups", "data_categories", "recipients", "transfers", "time_limits", "security_measures"),
    "processor": ("subject_groups", "data_categories", "recipients", "transfers", "time_limits", "security_measures"),
}
"""Lists whose entries stand at the activities that they are about."""


def measures_article(inventory: Inventory) -> str:
    return "30(2)(d)" if inventory.record == PROCESSOR else "30(1)(g)"


def controller(inventory: Inventory) -> Report:
    """Art. 30(1)(a) or 30(2)(a): who keeps the record, with whom, and whom to ask."""
    organisation, language = inventory.document["organisation"], inventory.language
    contact = organisation.get("contact") or {}
    names = inventory.words["fields"]
    bare = ("postal_address",)
    said = [
        {"text": str(contact[key]) if key in bare else f"{names[key]}: {contact[key]}", "lang": language}
        for key in ("postal_address", "visiting_address", "phone", "email", "website")
        if contact.get(key)
    ]
    article = "30(2)(a)" if inventory.record == PROCESSOR else "30(1)(a)"
    keys = ("joint_controllers", "representative", "dpo")
    built: Report = {
        "contact": {"state": "value", "lines": said} if said else {"state": "missing", "article": article},
        **{key: _parties(inventory, organisation, key, article) for key in keys},
    }
    if state_of(organisation.get("related_organisations")) is not State.MISSING:
        built["related_organisations"] = _related(inventory, organisation)
    return built


def _parties(inventory: Inventory, holder: Document, key: str, article: str) -> Report:
    """A statement of parties: one line each, or one line per part where there is one party."""
    built = field(holder, key, article, inventory.language)
    value = (holder.get(key) or {}).get("value")
    if built["state"] == "value" and isinstance(value, list) and all(isinstance(one, Mapping) for one in value):
        built["lines"] = [party(inventory, one) if "name" in one else line for one, line in _beside(inventory, value)]
    return built


def _beside(inventory: Inventory, value: list[Any]) -> list[tuple[Any, Told]]:
    """Each party with its parts in one line, for one that has no name."""
    return [
        (one, {"text": ", ".join(part["text"] for part in lines(one, inventory.language)), "lang": inventory.language})
        for one in value
    ]


def _related(inventory: Inventory, organisation: Document) -> Report:
    built = field(organisation, "related_organisations", "", inventory.language)
    if built["state"] == "value":
        chosen = inventory.words["choices"]["related.role"]
        names = inventory.words["fields"]
        built["lines"] = [
            {
                "text": ", ".join(
                    [one["name"], chosen[one["role"]]]
                    + ([f"{names['business_id']} {one['business_id']}"] if one.get("business_id") else [])
                ),
                "lang": inventory.language,
            }
            for one in organisation["related_organisations"]["value"]
        ]
    return built


def activities(inventory: Inventory) -> list[Report]:
    return [_activity(inventory, activity) for activity in inventory.entries("activities")]


def _activity(inventory: Inventory, activity: Document) -> Report:
    processor, language = article30.is_processor(activity), inventory.language
    built: Report = {
        "id": activity["id"],
        "name": inventory.text(activity.get("name")),
        "role": "processor" if processor else "controller",
        "addition": bool(activity.get("addition")),
        "ended": _ended(inventory, activity),
        "purposes": [_purpose(inventory, purpose) for purpose in activity.get("purposes") or ()],
        "datasets": [
            {
                "id": dataset["id"],
                "name": inventory.name("datasets", dataset["id"]),
                "addition": bool(dataset.get("addition")),
                "register": inventory.name("registers", dataset["register"]),
                "subjects": _described(inventory, dataset, "subjects", "subject_groups"),
                "items": _described(inventory, dataset, "items", "data_categories"),
            }
            for dataset in inventory.datasets_of_activity[activity["id"]]
        ],
        "listings": dict(activity.get("listings") or {}),
        "transfers": _answered(inventory, activity, "transfers", "30(2)(c)" if processor else "30(1)(e)"),
        "security_measures": None,
        "about": _about(inventory, activity),
    }
    if processor:
        built["on_behalf_of"] = _parties(inventory, activity, "on_behalf_of", "30(2)(a)")
        built["mandate"] = _mandate(inventory, activity.get("mandate") or {})
    else:
        built["recipients"] = _answered(inventory, activity, "recipients", "30(1)(d)")
    if state_of(activity.get("security_measures")) is not State.MISSING:
        built["security_measures"] = field(activity, "security_measures", measures_article(inventory), language)
    if inventory.extras:
        built["beyond"] = _beyond(inventory, activity)
    return built


def _ended(inventory: Inventory, activity: Document) -> Report | None:
    if not activity.get("ended_on"):
        return None
    successor = activity.get("successor")
    known = inventory.name("activities", successor) if successor else None
    key = "on" if activity["ended_on"] <= inventory.as_of else "ahead"
    said = inventory.words["ended"][key].format(day=day_in_words(activity["ended_on"], inventory.language))
    if known:
        said += "; " + inventory.words["ended"]["successor"].format(name=known["text"])
    return {"on": activity["ended_on"], "successor": successor or None, "words": said}


def _purpose(inventory: Inventory, purpose: Document) -> Report:
    words, language = inventory.words, inventory.language
    said: list[Told] = []
    for key in ("limitation", "on_behalf_of"):
        if purpose.get(key):
            told = inventory.text(purpose[key])
            said.append({**told, "text": f"{words['labels'][f'purposes.{key}']}: {told['text']}"})
    if purpose.get("subject_groups"):
        named = [inventory.name("subject_groups", one) for one in purpose["subject_groups"]]
        label = words["labels"]["subject_groups"]
        said += [{**line, "text": f"{label}: {line['text']}"} for line in joined(named, language)]
    if purpose.get("listing"):
        said.append({"text": words["choices"]["listing"][purpose["listing"]], "lang": language})
    built: Report = {
        "id": purpose["id"],
        "name": inventory.text(purpose.get("name")),
        "addition": bool(purpose.get("addition")),
        "said": said,
    }
    if inventory.extras and inventory.record != PROCESSOR:
        built["legal_basis"] = legal_basis(inventory, purpose)
        if state_of(purpose.get("special")) is not State.MISSING:
            built["special"] = special(inventory, purpose["special"])
        if state_of(purpose.get("balancing_test")) is not State.MISSING:
            built["balancing_test"] = _kept(inventory, purpose["balancing_test"])
    return built


def _kept(inventory: Inventory, statement: Document) -> Report:
    """A statement about a document that is kept elsewhere."""
    built = field({"it": statement}, "it", "", inventory.language)
    if built["state"] == "value":
        told = statement["value"]
        said = [inventory.words["choices"]["record.kind"][told["kind"]], told["reference"]]
        if told.get("on"):
            said.append(day_in_words(told["on"], inventory.language))
        built["lines"] = [{"text": ", ".join(said), "lang": inventory.language}]
    return built


def _described(inventory: Inventory, dataset: Document, key: str, kind: str) -> Report:
    """What a dataset states in its own words, or the entries that it names."""
    built = field(dataset, key, "30(1)(c)" if inventory.record != PROCESSOR else "", inventory.language)
    if built["state"] == "missing" and dataset.get(kind):
        built = {"state": "value", "lines": [inventory.name(kind, one) for one in dataset[kind]]}
    return inventory.once(built)


def _answered(inventory: Inventory, activity: Document, key: str, article: str) -> Report:
    """The activity's own statement; entries of the list of that name answer where it says nothing."""
    built = field(activity, key, article, inventory.language)
    if built["state"] != "missing":
        return built
    reach = inventory.reach(key)
    found = (*inventory.own(key, activity["id"]), *inventory.lying(key, activity["id"]), *reach.everywhere)
    return {"state": "entries"} if any(one.get("status") != "not_stated" for one in found) else built


def _about(inventory: Inventory, activity: Document) -> Report:
    """Ids of the entries that name the activity (`own`), and of those about registers where its datasets lie."""
    about: Report = {}
    for kind in (*ABOUT[inventory.record], *(("sources",) if inventory.extras else ())):
        own = [one["id"] for one in inventory.own(kind, activity["id"])]
        lying = [one["id"] for one in inventory.lying(kind, activity["id"])]
        if own or lying:
            about[kind] = {"own": own, "registers": lying}
    return about


def _mandate(inventory: Inventory, mandate: Document) -> Report:
    """What binds the processor (art. 28(3)): instrument, agreement, instructions, tasks."""
    words, labels = inventory.words, inventory.words["labels"]
    said: list[Told] = []
    if mandate.get("instrument"):
        said.append({"text": words["choices"]["instrument"][mandate["instrument"]], "lang": inventory.language})
    if mandate.get("agreement"):
        said += [labelled(labels["mandate.agreement"], line) for line in agreement(inventory, mandate["agreement"])]
    for key in ("tasks", "requests"):
        if mandate.get(key):
            told = inventory.text(mandate[key])
            said.append(labelled(labels[f"mandate.{key}"], told))
    guidance = mandate.get("guidance") or {}
    if guidance:
        told = inventory.text(guidance.get("label"))
        shown = " ".join(filter(None, (told["text"], guidance.get("url", ""))))
        said.append(labelled(labels["mandate.guidance"], {**told, "text": shown}))
    cited = [inventory.name("references", code) for code in mandate.get("references") or ()]
    said += [labelled(labels["mandate.references"], line) for line in joined(cited, inventory.language)]
    instructions = [
        {
            **(told := inventory.text(one["text"])),
            "text": f"{words['choices']['instructions'][one['about']]}: {told['text']}",
        }
        for one in mandate.get("instructions") or ()
    ]
    return {"said": said, "instructions": instructions}


def _beyond(inventory: Inventory, activity: Document) -> Report:
    """What Article 30 does not ask of an activity and its other duties do."""
    language = inventory.language
    beyond: Report = {"sources": _answered(inventory, activity, "sources", "14(2)(f)")}
    for key in ("provision", "automated_decisions"):
        if state_of(activity.get(key)) is not State.MISSING:
            beyond[key] = field(activity, key, "", language)
    if state_of(activity.get("dpia")) is not State.MISSING:
        beyond["dpia"] = _kept(inventory, activity["dpia"])
    if activity.get("handlers"):
        beyond["handlers"] = {"state": "value", "lines": list(lines(activity["handlers"], language))}
    return beyond


def register(inventory: Inventory, one: Document) -> Report:
    """A register with the entries that are about it alone; its place and copies only where systems are shown."""
    words, language = table(inventory.language), inventory.language
    about: Report = {}
    for kind in (*ABOUT[inventory.record], *(("sources",) if inventory.extras else ())):
        found = [entry["id"] for entry in inventory.reach(kind).of_register[one["id"]]]
        if found:
            about[kind] = found
    built: Report = {
        "id": one["id"],
        "name": inventory.text(one.get("name")),
        "addition": bool(one.get("addition")),
        "declared": bool(one.get("declared", True)),
        "printed_ordinal": one.get("printed_ordinal", ""),
        "alias": [inventory.text(text) for text in one.get("alias") or ()],
        "listings": dict(one.get("listings") or {}),
        "about": about,
    }
    if not inventory.extras:
        return built
    backups = field(one, "backups", "", language)
    if backups["state"] == "value" and isinstance(one["backups"]["value"], Mapping):
        backups["lines"] = [{"text": backups_in_words(one["backups"]["value"], language), "lang": language}]
    state = [words["lifecycles"].get(one.get("lifecycle") or "active", one.get("lifecycle"))]
    if one.get("closed_on"):
        state[0] = f"{state[0]} {day_in_words(one['closed_on'], language)}"
    for key in ("migrates_to", "copy_of"):
        if one.get(key):
            state.append(words["register_links"][key].format(name=inventory.name("registers", one[key])["text"]))
    return {
        **built,
        "medium": words["media"].get(one.get("medium"), one.get("medium", "")),
        "lifecycle": ", ".join(state),
        "place": field(one, "place", "", language),
        "hosting": text_in(one["hosting"], language) if one.get("hosting") else None,
        "minimisation": text_in(one["minimisation"], language) if one.get("minimisation") else None,
        "backups": backups,
    }
