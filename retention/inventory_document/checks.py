"""A document checked as a whole: every error and every warning, with its place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.translation import gettext, pgettext
from stdnum.fi import ytunnus

from retention.connectors.registry import connector_class, kinds
from retention.domain.errors import Problem, RuleError
from retention.domain.limits import parse_limits
from retention.domain.periods import parse_financial_years
from retention.domain.written import parse_day
from retention.identity import NEVER_REUSED
from retention.inventory_document.entry_checks import entry_findings
from retention.inventory_document.findings import Document, Finding, Law, Whole, unknown, unknown_events
from retention.inventory_document.rule_checks import dataset_findings
from retention.inventory_document.shape import Steps, meant, path_of, shape_problems
from retention.own_secrets import DATA, own_database, own_secret
from retention.plan import bans_of
from ropa.kinds import KINDS
from ropa.law import editions

_LOCAL_FILE = re.compile(r"sqlite:///[^?@]*")
"""The address of a local file: no password is in it, so it may stand as text where a secret is expected."""
_PASSWORD = re.compile(r"://[^/\s]*:[^/\s]*@")
_COLLECTED = ("contract", "started", "ended", "closed", "events", "facts", "thing", "purpose", "options")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found: with an error nothing is imported; a warning is told and imports."""

    errors: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def check(
    document: Any,
    laws: Mapping[str, Sequence[Law]] | None = None,
    only: Mapping[str, Any] | None = None,
    today: date | None = None,
) -> Verdict:
    """Everything that is wrong or doubtful with a document. `laws`: the law library if left out.

    `today`: rules are held against the law of that day, and of what lies ahead of it is told, all as warnings; without
    a day they are not, which makes no difference to what is an error.

    `only`: the part of the document whose shape is looked at; the rest has passed before. References are always
    looked at as a whole, since others may refer to what was changed.
    """
    shape = shape_problems(document if only is None else only)
    errors = [problem for _, problem in shape]
    warnings: list[Problem] = []
    if isinstance(document, Mapping) and (only is None or not shape):
        broken = {steps[: 1 if steps[:1] == ("organisation",) else 2] for steps, _ in shape}
        whole = Whole(document, editions() if laws is None else laws, broken, today)
        for finding in _findings(whole):
            problem = Problem(path_of(document, finding.steps), finding.message)
            (warnings if finding.warning else errors).append(problem)
    return Verdict(tuple(dict.fromkeys(errors)), tuple(dict.fromkeys(warnings)))


def _findings(whole: Whole) -> Iterator[Finding]:
    yield from _organisation(whole.organisation)
    yield from _duplicates(whole)
    for steps, register in whole.entries("registers"):
        yield from _register(whole, register, steps)
    yield from dataset_findings(whole)
    yield from _circles(whole)
    yield from entry_findings(whole)
    named = (register.get("connection") for register in whole.registers.values())
    used = {code for code in named if isinstance(code, str)}
    for steps, connection in whole.entries("connections"):
        yield from _connection(connection, steps)
        if steps[-1] not in used:
            yield Finding(steps, gettext("no register uses this connection"), warning=True)


def _circles(whole: Whole) -> Iterator[Finding]:
    """What tells names goes after what needs them; two registers cannot each go after the other."""
    before: dict[str, set[str]] = {}
    where: dict[str, Steps] = {}
    for steps, dataset in whole.entries("datasets"):
        key = dataset.get("mapping", {}).get("subject_key")
        if key is not None and key["via"] != dataset["register"]:
            before.setdefault(key["via"], set()).add(dataset["register"])
            where.setdefault(dataset["register"], (*steps, "mapping", "subject_key", "via"))
    for start in sorted(where):
        seen: set[str] = set()
        ahead = {via for via, registers in before.items() if start in registers}
        while ahead:
            seen |= ahead
            ahead = {via for via, registers in before.items() if registers & ahead} - seen
        if start in seen:
            yield Finding(
                where[start], gettext("the registers tell each other's names in a circle: neither could go last")
            )


def _organisation(head: Document) -> Iterator[Finding]:
    if "time_zone" in head and not _is_zone(head["time_zone"]):
        yield Finding(
            ("organisation", "time_zone"),
            gettext("there is no time zone %(time_zone)r") % {"time_zone": head["time_zone"]},
        )
    if head.get("business_id") and not ytunnus.is_valid(head["business_id"]):
        yield Finding(
            ("organisation", "business_id"), gettext("is no Finnish business id: its check digit or form is wrong")
        )
    years = [(parse_day(y["start"], ""), parse_day(y["end"], "")) for y in head.get("financial_years", ())]
    for key, day, listed in (
        ("financial_year_end", head.get("financial_year_end", "12-31"), []),
        ("financial_years", "12-31", years),
    ):
        try:
            parse_financial_years(day, listed)
        except RuleError as error:
            yield Finding(("organisation", key), error.message)


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return bool(name)


def _duplicates(whole: Whole) -> Iterator[Finding]:
    """An id names one thing; a purpose's is its own in the whole organisation."""
    for kind in KINDS:
        yield from _twice(list(whole.entries(kind.name)))
    for steps, _ in whole.entries("notices"):
        yield from _twice(list(whole.entries(*steps, "passages")))
    connections: list[tuple[Steps, Document]] = [
        (steps, {"id": str(steps[-1])}) for steps, _ in whole.entries("connections")
    ]
    yield from _twice(connections)
    yield from _twice([one for steps, _ in whole.entries("data_categories") for one in whole.entries(*steps, "items")])
    yield from _twice([one for steps, _ in whole.entries("activities") for one in whole.entries(*steps, "purposes")])
    for steps, _ in whole.entries("registers"):
        yield from _twice(list(whole.entries(*steps, "ledger")))
        yield from _twice(list(whole.entries(*steps, "identities")))
    for steps, _ in whole.entries("datasets"):
        yield from _twice(list(whole.entries(*steps, "grounds")))
        yield from _twice(list(whole.entries(*steps, "ceilings")))
        yield from _twice(list(whole.entries(*steps, "steps")))


def _twice(entries: list[tuple[Steps, Document]]) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    known: set[str] = set()
    for steps, entry in entries:
        id_ = entry["id"]
        before = seen.setdefault(id_.lower(), id_)
        if before != id_:
            yield Finding(
                steps,
                gettext("the id %(id)r differs only by capital letters from %(before)r: give it another")
                % {"id": id_, "before": before},
            )
        elif before in known:
            yield Finding(steps, gettext("the id %(id)r is taken: it stands here a second time") % {"id": id_})
        known.add(id_)


def _register(whole: Whole, register: Document, steps: Steps) -> Iterator[Finding]:
    if "connection" in register:
        yield from unknown(
            register["connection"],
            whole.connections,
            pgettext("what is not there", "connection"),
            (*steps, "connection"),
        )
    for place, source in whole.entries(*steps, "ledger"):
        if source.get("via") == "api":
            yield from _announced(source, place)
            continue
        if "connection" not in register:
            yield Finding(place, gettext("the register has no connection: nothing collects this"))
        yield from _collected(whole, source, place)
    for place, source in whole.entries(*steps, "identities"):
        yield from _identities(register, source, place)


def _identities(register: Document, source: Document, steps: Steps) -> Iterator[Finding]:
    """A name without a time says nothing once it can be somebody else's."""
    if "connection" not in register:
        yield Finding(steps, gettext("the register has no connection: nobody can ask it for names"))
    if source["kind"] not in NEVER_REUSED and "valid_from" not in source:
        yield Finding(
            (*steps, "valid_from"),
            gettext("is missing: of whom a name of kind %(kind)s tells without a day, nothing goes by machine")
            % {"kind": source["kind"]},
            warning=True,
        )


def _announced(source: Document, steps: Steps) -> Iterator[Finding]:
    if "tells" not in source:
        yield Finding((*steps, "tells"), gettext("is missing: which events and facts does the API bring?"))
    for key in ("place", "subject", *_COLLECTED):
        if key in source:
            yield Finding((*steps, key), gettext("is of a source that is collected; this one comes by the API"))


def _collected(whole: Whole, source: Document, steps: Steps) -> Iterator[Finding]:
    for key in ("place", "subject"):
        if key not in source:
            yield Finding((*steps, key), gettext("is missing"))
    if "tells" in source:
        yield Finding(
            (*steps, "tells"), gettext("is of a source that comes by the API; this one's columns say what it tells")
        )
    if ("started" in source or "ended" in source) and "contract" not in source:
        yield Finding((*steps, "contract"), gettext("is missing: a row that starts or ends is a contract"))
    if not any(source.get(key) for key in ("started", "ended", "events", "facts")):
        yield Finding(steps, gettext("tells nothing: neither a contract's days, nor events, nor facts"))
    yield from unknown_events(source.get("events", {}), (*steps, "events"))
    try:
        bans_of(source)
    except RuleError as error:
        yield Finding((*steps, "options", "bans"), error.message)
    if "purpose" in source:
        yield from unknown(
            source["purpose"], whole.all_purposes, pgettext("what is not there", "purpose"), (*steps, "purpose")
        )


def _connection(connection: Document, steps: Steps) -> Iterator[Finding]:
    """A kind that is installed, its declared fields, and no secret in plain text. Values are never repeated."""
    try:
        parse_limits(connection.get("limits") or {})
    except RuleError as error:
        yield Finding((*steps, "limits"), error.message)
    if connection["kind"] not in kinds():
        known = kinds()
        near = meant(connection["kind"], known)
        yield Finding(
            (*steps, "kind"),
            gettext("there is no connector %(kind)r; installed are %(known)s")
            % {"kind": connection["kind"], "known": ", ".join(known)}
            + near,
        )
        return
    declared = {field.name: field for field in connector_class(connection["kind"]).fields}
    config = connection.get("config", {})
    for name, value in config.items():
        place = (*steps, "config", name)
        if own_secret(value) or (isinstance(value, str) and own_database(value.replace(DATA, str(settings.DATA_DIR)))):
            yield Finding(place, "is this installation's own: no connection uses its settings or keys")
        if name not in declared:
            yield Finding(
                place,
                gettext("unknown field of a %(kind)s connection") % {"kind": connection["kind"]}
                + meant(name, declared),
            )
        elif not isinstance(value, Mapping) and _tells_a_secret(str(value), declared[name].secret):
            yield Finding(
                place,
                gettext(
                    "may hold a secret: write where it lies, env:NAME or file:PATH, in a document as "
                    '{secret: "env:NAME"}; only an address without a password stands here, as sqlite:////path/to/file'
                ),
            )
    for name, field in declared.items():
        if field.required and name not in config:
            yield Finding((*steps, "config", name), gettext("is missing"))


def _tells_a_secret(value: str, secret: bool) -> bool:
    return _PASSWORD.search(value) is not None or (secret and _LOCAL_FILE.fullmatch(value) is None)
