"""What some fields of business must tell: traffic data, direct marketing, the electricity market, sensitive data."""

from __future__ import annotations

from ropa.article30 import Document
from ropa.findings.finding import Verdict, missing, not_applicable, outdated, partial, present
from ropa.findings.inventory import Inventory, Placed, events_of, period_of, value_of, words_of
from ropa.findings.retention import limits

TRAFFIC_WORDS = ("välitystied", "förmedlingsuppgift", "traffic data")
TRAFFIC_LAW = "TRAFFIC"
"""How the law library's rows on traffic data begin."""
IDENTITY_LAW = "HETU"
IDENTITY_WORDS = ("henkilötunnu", "personbeteckning", "identity code")
BAN_LAW = "MKT-BAN"
DATAHUB_WORDS = ("datahub", "fingrid")


def traffic_categories(inventory: Inventory) -> list[Placed]:
    """Categories of data that are traffic data, by their name or an item's."""
    return [
        (place, one)
        for place, one in inventory.own("data_categories")
        if any(
            word in words_of(part.get("name")) for part in [one, *(one.get("items") or ())] for word in TRAFFIC_WORDS
        )
    ]


def _traffic_datasets(inventory: Inventory) -> list[Placed]:
    """Datasets whose rules rest on the law of traffic data."""
    return [
        (place, one)
        for place, one in inventory.datasets
        if any(
            str(rule.get("law") or "").startswith(TRAFFIC_LAW)
            for rule in [*(one.get("grounds") or ()), *(one.get("ceilings") or ())]
        )
    ]


def traffic_data_told(inventory: Inventory) -> Verdict:
    """Subscribers are told which traffic data are processed and how long (917/2014, 138.2, 139.4, 141.2)."""
    categories = traffic_categories(inventory)
    datasets = _traffic_datasets(inventory)
    operates = {"internet_access", "fibre_network"} & set(inventory.organisation.get("services") or ())
    if not categories and not datasets and not operates:
        return not_applicable()
    if not categories:
        return missing(*[place for place, _ in datasets] or ["organisation.services"])
    codes = {one["id"] for _, one in categories}
    dated = [
        place
        for place, one in limits(inventory)
        if period_of(one.get("period")) is not None
        and (not one.get("data_categories") or codes & set(one["data_categories"]))
    ]
    return present(*(place for place, _ in categories), *dated) if dated else partial(*(p for p, _ in categories))


def traffic_access_denied(inventory: Inventory) -> Verdict:
    """No notice says any more that there is no access to traffic data: art. 15 applies, limits case by case."""
    codes = {one["id"] for _, one in traffic_categories(inventory)}
    denied = [
        place
        for place, one in inventory.all("rights")
        if one.get("right") == "access" and one.get("limited") and _about_traffic(one, codes)
    ]
    if denied:
        return outdated(*denied)
    return present(*(place for place, _ in traffic_categories(inventory))) if codes else not_applicable()


def _about_traffic(right: Document, codes: set[str]) -> bool:
    words = f"{words_of(right.get('name'))} {words_of(right.get('reason'))} {words_of(right.get('condition'))}"
    return bool(codes & set(right.get("data_categories") or ())) or any(word in words for word in TRAFFIC_WORDS)


def identity_code_kept(inventory: Inventory) -> Verdict:
    """The personal identity code leaves as soon as its own need ends, not with the record that it stands in.

    It can where it is a category of its own, where a dataset over some of the row's fields is about it, or where a
    rule cites the law's row about it.
    """
    codes = {category["id"] for _, item, category in inventory.items if item.get("identity_code")}
    mixed = {category["id"] for _, item, category in inventory.items if not item.get("identity_code")} & codes
    holding = [(place, one) for place, one in inventory.datasets if codes & set(one.get("data_categories") or ())]
    if not codes or not holding:
        return not_applicable()
    apart = [place for place, rule, _ in inventory.rules if str(rule.get("law") or "").startswith(IDENTITY_LAW)]
    apart += [place for place, one in inventory.datasets if _of_the_code(one)]
    long_ = [
        place
        for place, one in holding
        if mixed & set(one.get("data_categories") or ())
        and any(rule.get("kind") in ("claim", "obligation") for rule in one.get("grounds") or ())
    ]
    return partial(*long_) if long_ and not apart else present(*(place for place, _ in holding))


def _of_the_code(dataset: Document) -> bool:
    """Whether a dataset empties the identity code's fields and leaves the row."""
    items = (words_of(text) for text in value_of(dataset, "items") or ())
    named = " ".join([words_of(dataset.get("name")), *items])
    return bool((dataset.get("mapping") or {}).get("fields")) and any(word in named for word in IDENTITY_WORDS)


def special_categories(inventory: Inventory) -> Verdict:
    """Special categories of data have their ground under Article 9(2), and data on offences theirs (art. 10)."""
    special = [
        (place, str(value_of(one, "special").get("article") or ""))
        for place, one in [*inventory.own("data_categories"), *inventory.purposes]
        if value_of(one, "special") is not None
    ]
    if not special:
        return not_applicable()
    bare = [place for place, article in special if not article.startswith(("9(2)", "10"))]
    categories = [p for p, one in inventory.own("data_categories") if value_of(one, "special") is not None]
    grounded = any(value_of(one, "special") is not None for _, one in inventory.purposes)
    if bare:
        return missing(*bare)
    return missing(*categories) if categories and not grounded else present(*(place for place, _ in special))


def marketing_ban_kept(inventory: Inventory) -> Verdict:
    """A marketing ban outlives its person's other data: else the next campaign finds the person again."""
    if not inventory.markets:
        return not_applicable()
    kept = [
        place
        for place, rule, _ in inventory.rules
        if str(rule.get("law") or "").startswith(BAN_LAW)
        or {"ban_lifted", "objection"} & set(events_of(rule.get("trigger")))
    ]
    kept += [
        place
        for place, one in inventory.own("time_limits")
        if {"ban_lifted", "objection"} & set(events_of(one.get("trigger")))
    ]
    return present(*kept) if kept else missing(*inventory.markets)


def datahub(inventory: Inventory) -> Verdict:
    """An electricity company's record names the market's central information exchange as a recipient (probable)."""
    services = inventory.organisation.get("services") or ()
    if not any(service.startswith("electricity") for service in services):
        return not_applicable()
    named = [
        place
        for place, one in inventory.own("recipients")
        if one.get("disclosed", True) is not False
        and any(
            word in f"{words_of(one.get('name'))} {words_of((one.get('party') or {}).get('name'))}"
            for word in DATAHUB_WORDS
        )
    ]
    named += [place for place, one in inventory.controlled if _names_datahub(one)]
    return present(*named) if named else missing("organisation.services")


def _names_datahub(activity: Document) -> bool:
    texts = value_of(activity, "recipients") or ()
    return any(word in words_of(text) for text in texts for word in DATAHUB_WORDS)


def open_ended_data(inventory: Inventory) -> Verdict:
    """No catch-all such as "other necessary data" stands among the data."""
    if not inventory.own("data_categories"):
        return not_applicable()
    open_ = [place for place, one in inventory.own("data_categories") if one.get("open_ended")]
    open_ += [place for place, item, _ in inventory.items if item.get("open_ended")]
    return partial(*open_) if open_ else present(*(place for place, _ in inventory.own("data_categories")))
