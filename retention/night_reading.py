"""The independent reader at night: every register is asked again with other code, closed ones too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from django.db import transaction

from retention import canaries, replay, residue, unchanged, verification
from retention.connectors.contract import Connector, ConnectorError
from retention.disposal import (
    make_lots,
    open_lots,
    waiting_keys,
)
from retention.domain.errors import SelosteError
from retention.domain.rules import Action
from retention.identity import Names
from retention.lot_keys import LotKey
from retention.models import (
    DatasetNight,
    DatasetState,
)
from retention.night_context import Night, tell_problem, tell_returned
from retention.night_parts import forget_parts, share
from retention.plan import DatasetPlan, RegisterPlan
from retention.selectors import connector_of, reachable


def read_register(night: Night, register: RegisterPlan) -> None:
    """The independent reader asks again, with other code."""
    datasets = [dataset for dataset in night.plan.worked_of(register.code) if dataset.mapping is not None]
    basis = unchanged.basis(night.run, night.plan, night.told)
    standing = _not_read(night, basis, datasets)
    datasets = [dataset for dataset in datasets if dataset.code not in standing]
    if not datasets:
        return
    night.progress("read", register.code, "")
    unchanged.something_was_read(night.run)
    try:
        with connector_of(night.organisation, register) as connector, night.names() as names:
            if len(datasets) > 1 and any(len(night.spans(dataset.subject_kind)) > 1 for dataset in datasets):
                share(night, "read", [{"do": "read", "dataset": dataset.code} for dataset in datasets])
                forget_parts(night, "read")
            else:
                for dataset in datasets:
                    read_dataset(night, basis, dataset, connector, names)
    except ConnectorError as error:
        for dataset in datasets:
            if dataset.code not in night.problems:
                tell_problem(night, dataset.register, dataset.code, str(error))


def read_dataset(
    night: Night, basis: unchanged.Basis, dataset: DatasetPlan, connector: Connector, names: Names
) -> None:
    try:
        digest = basis.digest(dataset)
        spoken = names.speaking(dataset, connector)
        reading = verification.read(night.plan, dataset, spoken, night.organisation, night.today, names.connect)
    except SelosteError as error:
        if dataset.code not in night.problems:
            tell_problem(night, dataset.register, dataset.code, str(error))
        return
    _record_reading(night, dataset, reading)
    try:
        canaries.look(night.run, night.plan, dataset, spoken, night.log)
    except ConnectorError as error:
        tell_problem(night, dataset.register, dataset.code, str(error))
    if reading.returned:
        went = replay.returned(night.organisation, dataset.code, reading.returned)
        _purge_returned(night, dataset, reading.returned, went)
    else:
        unchanged.remember(basis, dataset, digest, connector, reading.overdue)


def _not_read(night: Night, basis: unchanged.Basis, datasets: Sequence[DatasetPlan]) -> Mapping[str, DatasetState]:
    """Of these, what stands, and was not asked tonight either: its last reading stays with its own day."""
    asked = {code for code, row in basis.rows.items() if row.unchanged_since is None}
    standing = basis.standing(datasets, {*night.problems, *asked})
    unchanged.take_over(night.run, [d for d in datasets if d.code not in basis.rows], standing, night.log)
    return standing


def read_closed(night: Night, register: RegisterPlan) -> None:
    """A closed register that answers must be as it was left; one that does not answer is as it should be.

    It is asked as long as its connection is there, also after its backups have expired: what a forgotten password
    still opens, somebody still fills.
    """
    closing = night.closed.get(register.code)
    datasets = [dataset for dataset in night.whole.datasets_of(register.code) if dataset.mapping is not None]
    if closing is None or not reachable(night.organisation, register):
        return
    night.progress("read", register.code, "")
    _tell_residue(night, register)
    told: dict[str, int | None] = {}
    with Names(night.organisation, night.whole) as names:
        for dataset in datasets:
            try:
                with names.connect(dataset) as connector:
                    reading = verification.verify_closed(dataset, connector, night.organisation, closing, night.today)
            except SelosteError:
                told[dataset.code] = None
                continue
            told[dataset.code] = reading.items
            if reading.alarm:
                tell_problem(night, dataset.register, dataset.code, reading.alarm)
                continue
            answer = verification.Reading(by_state=Counter({"held": reading.items} if reading.items else {}))
            _record_reading(night, dataset, answer)
    with transaction.atomic():
        night.log.append("closed_register_asked", {"register": register.code, "items": told})


def _tell_residue(night: Night, register: RegisterPlan) -> None:
    """What is known to be left of deleted items there, and of which nobody says (any longer) why it stays."""
    for lot in residue.lots(night.organisation):
        if lot.register == register.code and not residue.kept(lot, night.today):
            left = f"of {residue.items(lot)} deleted items something is there still (lot {lot.pk})"
            tell_problem(night, lot.register, lot.dataset, f"it was closed, and {left}: nobody says why it stays")


def _record_reading(night: Night, dataset: DatasetPlan, reading: verification.Reading) -> None:
    with transaction.atomic():
        night.fence()
        row, _ = DatasetNight.objects.get_or_create(
            run=night.run, dataset=dataset.code, defaults={"register": dataset.register}
        )
        row.counts = {**row.counts, **{f"left_{state}": n for state, n in sorted(reading.by_state.items())}}
        if reading.estimated:
            row.counts["left_estimated"] = reading.estimated
        row.overdue_left = reading.overdue
        row.unexplained = reading.unexplained
        row.people_overdue = reading.people_overdue
        row.overdue_since = reading.overdue_since
        row.oldest_kept = reading.oldest_kept
        row.unchanged_since = None
        row.save()


def _purge_returned(
    night: Night, dataset: DatasetPlan, entries: Sequence[LotKey], went: Mapping[str, replay.Went]
) -> None:
    """What is back and whose person nobody knows any more goes again: its lot waits for the next night (D9)."""
    waiting = {key for lot in open_lots(night.organisation.pk, dataset.code) for key in waiting_keys(lot)}
    fresh = [entry for entry in entries if entry.key not in waiting]
    if not fresh or dataset.enforced_by != "us":
        return
    with transaction.atomic():
        tell_returned(night, dataset, len(fresh))
        if dataset.policy.mode != "observe":
            for name, estimated in sorted({(went[entry.key].action, went[entry.key].estimated) for entry in fresh}):
                keys = [e for e in fresh if (went[e.key].action, went[e.key].estimated) == (name, estimated)]
                make_lots(night.run, dataset, Action(name), replay.WHY, keys, night.log, estimated)
        tell_problem(
            night,
            dataset.register,
            dataset.code,
            f"{len(fresh)} items are back that had been destroyed: the register was restored from a backup; "
            "from the next night on they go again, as far as the policy lets them",
        )
