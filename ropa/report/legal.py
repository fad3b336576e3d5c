"""Legal bases and citations, in the language of the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ropa.article30 import State, state_of
from ropa.report.inventory import Inventory
from ropa.report.texts import Report, Told, field, labelled, lines, text_in
from ropa.wording import article_in_words, citation_in_words, legal_basis_in_words, table

Document = Mapping[str, Any]


def law_in_words(law: str, language: str) -> Told:
    """A citation in the report's language; one that nobody can translate stays as it was written."""
    return {"text": citation_in_words(law, language), "lang": language}


def legal_basis(inventory: Inventory, purpose: Document) -> Report:
    """The article in words; what else the statement says (a law, an interest, other articles) follows it."""
    statement, language = purpose.get("legal_basis"), inventory.language
    built = field(purpose, "legal_basis", "6(1)", language)
    value = (statement or {}).get("value")
    if state_of(statement) is not State.VALUE or not isinstance(value, Mapping):
        return built
    names = {key: name.lower() for key, name in table(language)["fields"].items()}
    said: list[Told] = []
    if value.get("article"):
        built["article"] = value["article"]
        said.append({"text": legal_basis_in_words(str(value["article"]), language), "lang": language})
    if value.get("text"):
        said.append(labelled(names["text"], text_in(value["text"], language)))
    if value.get("law"):
        said.append(labelled(names["law"], law_in_words(str(value["law"]), language)))
    for line in lines(value.get("interest"), language):
        said.append(labelled(names["interest"], line))
    if value.get("also"):
        more = ", ".join(article_in_words(one, language) for one in value["also"])
        said.append(labelled(names["also"], {"text": more, "lang": language}))
    for code in value.get("references") or ():
        said.append(labelled(names["law"], inventory.name("references", code)))
    return {**built, "lines": said}


def special(inventory: Inventory, statement: Any) -> Report:
    """Special categories (art. 9(2)) or criminal convictions (art. 10): the article, its law, and what is said."""
    language = inventory.language
    built = field({"it": statement}, "it", "", language)
    if built["state"] != "value":
        return built
    value = statement["value"]
    said: list[Told] = [{"text": legal_basis_in_words(value["article"], language), "lang": language}]
    if value.get("law"):
        said.append(law_in_words(value["law"], language))
    if value.get("text"):
        said.append(text_in(value["text"], language))
    return {**built, "article": value["article"], "lines": said}
