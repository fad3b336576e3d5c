"""A connection by which a night destroys, or learns who may go, counts once a controller has confirmed its change (V2).

An administrator says how registers are reached and decides nothing about deletion: a host that is another one would
be another register under the rules of the first. So whoever changes a connection that a published purge uses leaves
behind what it was. Until a controller confirms what it is now, by another account than the one that changed it, or it
is changed back, nobody reaches the register by it: nothing is deleted there, what it tells of people is not believed,
and what it has is unknown. A publication confirms none: the draft does not show it. What a secret's reference stands
for lies on the machine, and is not seen here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext

from retention.domain.errors import LifecycleError
from retention.domain.evidence import canonical, sha256_hex
from retention.models import ConfirmedConnection, Connection
from ropa.kinds import POLICY
from ropa.models import Organisation
from ropa.selectors import content_of, light
from ropa.shortening import leans_on


@dataclass(frozen=True)
class Change:
    """A connection as it is, and as it was confirmed last; `confirmed.kind` is "" where there was none."""

    connection: Connection
    confirmed: ConfirmedConnection

    @property
    def digest(self) -> str:
        """What is confirmed: exactly this."""
        return _digest(self.connection)

    def fields(self) -> Iterator[tuple[str, str, str]]:
        """Each field that differs, as it was and as it is; a secret as where it lies."""
        was = {"kind": self.confirmed.kind, **self.confirmed.config}
        now = {"kind": self.connection.kind, **self.connection.config}
        for name in dict.fromkeys((*was, *now)):
            if was.get(name) != now.get(name):
                yield name, _shown(was.get(name)), _shown(now.get(name))

    def steps(self) -> list[Any]:
        """Its history since it was confirmed, the newest first."""
        return list(
            Connection.history.filter(
                organisation=self.connection.organisation,
                code=self.connection.code,
                history_date__gte=self.confirmed.at,
            ).select_related("history_user")
        )

    def may_confirm(self, account: Any) -> bool:
        """Whether this account may: it did not change it."""
        ours = f":{account.get_username()}"
        return not any(
            step.history_user_id == account.pk or _who(step.history_change_reason).endswith(ours)
            for step in self.steps()
        )


def _who(reason: str | None) -> str:
    """Whoever a history's reason names: it is written `role:name: why`."""
    return (reason or "").partition(": ")[0]


def _shown(value: Any) -> str:
    return str(value.get("secret", "")) if isinstance(value, Mapping) else "" if value is None else str(value)


def _digest(connection: Connection) -> str:
    return sha256_hex(canonical([connection.kind, connection.config]))


def keep_confirmed(organisation: Organisation, code: str, at: datetime) -> None:
    """Before a connection is changed, made or deleted: keep what a purge has used so far, if it does and nobody has."""
    if ConfirmedConnection.objects.filter(organisation=organisation, code=code).exists():
        return
    if not decides(organisation, code):
        return
    found = Connection.objects.filter(organisation=organisation, code=code).first()
    ConfirmedConnection.objects.create(
        organisation=organisation,
        code=code,
        kind=found.kind if found is not None else "",
        config=found.config if found is not None else {},
        at=at,
    )


def decides(organisation: Organisation, code: str) -> bool:
    """Whether a published version destroys by this connection, or learns by it of people whose data it destroys."""
    newest_first = light(organisation.versions.standing()).order_by("-number")
    return any(_decides(content_of(version), code) for version in newest_first)


def _decides(document: Mapping[str, Any], code: str) -> bool:
    registers = [one for one in document.get("registers", ()) if one.get("connection") == code]
    purged = [one for one in document.get("datasets", ()) if {**POLICY, **(one.get("policy") or {})}["mode"] == "purge"]
    asked = {one["register"] for one in (*purged, *_leant_on(document, purged))}
    tells = any(one.get("ledger") or one.get("identities") for one in registers)
    return not asked.isdisjoint(one["id"] for one in registers) or bool(purged and tells)


def _leant_on(document: Mapping[str, Any], purged: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The datasets that these end with, or that a step of these moves into, even where they are only watched.

    Whoever answers for what is followed says what is gone; whoever answers for a step's target says what it took.
    """
    names = {other for one in purged for _where, other in leans_on(one)}
    return [one for one in document.get("datasets", ()) if one["id"] in names]


def change_of(connection: Connection) -> Change | None:
    """What of a connection waits for a controller, if anything does."""
    last = ConfirmedConnection.objects.filter(organisation=connection.organisation_id, code=connection.code).last()
    if last is None or (last.kind == connection.kind and canonical(last.config) == canonical(connection.config)):
        return None
    return Change(connection, last) if decides(connection.organisation, connection.code) else None


def changes(organisation: Organisation) -> list[Change]:
    """Every connection of which something waits, by its code."""
    known = ConfirmedConnection.objects.filter(organisation=organisation).values("code")
    rows = Connection.objects.filter(organisation=organisation, code__in=known).select_related("organisation")
    return [found for row in rows.order_by("code") if (found := change_of(row)) is not None]


@transaction.atomic
def confirm(organisation: Organisation, code: str, seen: str, by: str, account: Any, reason: str, at: datetime) -> None:
    """From now on the connection is used as it is. `seen`: the digest of what was looked at; no `account`: the machine.

    Raises LifecycleError where nothing waits, it is another by now, no reason is given, or this account changed it.
    """
    row = Connection.objects.select_for_update().filter(organisation=organisation, code=code).first()
    change = change_of(row) if row is not None else None
    if row is None or change is None:
        raise LifecycleError(gettext("Nothing of this connection waits: it is as it was confirmed."))
    if change.digest != seen:
        raise LifecycleError(gettext("It was changed after you looked: nothing was confirmed. Look again."))
    if not reason.strip():
        raise LifecycleError(gettext("Say why: it is kept with what was done."))
    if account is not None and not change.may_confirm(account):
        raise LifecycleError(gettext("Another controller confirms this: not who changed it."))
    ConfirmedConnection.objects.create(
        organisation=organisation, code=code, kind=row.kind, config=row.config, at=at, by=by, reason=reason.strip()
    )
