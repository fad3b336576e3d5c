"""Collecting from a register and working on it: its datasets in their order, in parts where there are many people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.db import transaction

from retention import parts, residue, unchanged, unchanged_sources
from retention.collection import collect
from retention.connectors.contract import Connector, ConnectorError, Health, TellsChanges
from retention.disposal import (
    advance,
    open_lots,
)
from retention.domain.errors import NightError, SelosteError
from retention.following import asking
from retention.identity import Names
from retention.models import (
    Collection,
    DatasetNight,
    Lot,
)
from retention.night_context import Night, tell_problem
from retention.night_evaluation import evaluate_part, evaluate_shared, evaluate_whole, incomplete_sources
from retention.night_lots import block_lot, purge, recover, see_to_residue, take_back, void, worked
from retention.night_parts import forget_parts, in_hand, keep_result, share
from retention.night_reading import read_dataset
from retention.plan import DatasetPlan, RegisterPlan
from retention.purge import Stopped
from retention.question import Question
from retention.recollection import Recollection
from retention.selectors import connector_of
from retention.stepping import stepping
from retention.suppression_feed import unkept

CLOCK_TOLERANCE_SECONDS = 300.0


def collect_register(night: Night, register: RegisterPlan, believe: bool = True) -> None:
    """Collect what a register tells the ledger; `believe`: leave out what stands, since nobody wrote it."""
    if not register.ledger:
        return
    night.progress("collect", register.code, "")
    try:
        with connector_of(night.organisation, register) as connector:
            tokens = unchanged_sources.sources(night.run, night.plan, night.told, register, connector)
            standing = unchanged_sources.take_over_sources(night.run, register, tokens) if believe else ()
            collect(night.run, register, connector, night.fence, tokens, standing)
    except (ConnectorError, SelosteError) as error:
        for source in register.ledger:
            Collection.objects.update_or_create(
                run=night.run,
                source=f"{register.code}:{source.code}",
                defaults={
                    "register": register.code,
                    "complete": False,
                    "problem": str(error),
                    "unchanged_since": None,
                    "token": "",
                },
            )
    night.at(f"collected {register.code}")


def work_register(night: Night, register: RegisterPlan) -> None:
    _work_datasets(night, register)
    see_to_residue(night, [lot for lot in residue.lots(night.organisation) if lot.register == register.code])


def _work_datasets(night: Night, register: RegisterPlan) -> None:
    datasets = worked(night, register)
    standing = unchanged.basis(night.run, night.plan, night.told).standing(datasets, night.problems)
    if _collect_for(night, [dataset for dataset in datasets if dataset.code not in standing]):
        standing = unchanged.basis(night.run, night.plan, night.told).standing(datasets, night.problems)
    unchanged.take_over(night.run, datasets, standing, night.log)
    datasets = [dataset for dataset in datasets if dataset.code not in standing]
    if not datasets:
        return
    try:
        with connector_of(night.organisation, register) as connector, night.names() as names:
            before = night.told.of(night.run, night.plan, register, connector)
            night.told.forget()
            health = connector.check()
            offset = health.clock_offset_seconds
            if offset is not None and abs(offset) > CLOCK_TOLERANCE_SECONDS:
                raise ConnectorError(f"its clock is {offset:.0f} seconds off ours", permanent=False)
            with Recollection(night.run, night.plan, {register.code: connector}, night.fence) as sources:
                for dataset in datasets:
                    _work_on(night, dataset, names.speaking(dataset, connector), names, sources)
            if isinstance(connector, TellsChanges):
                for written in night.written_by_parts:
                    connector.count_as_own(written)
            unchanged_sources.account_for_own(night.run, night.plan, night.told, register, before, connector)
    except ConnectorError as error:
        for dataset in datasets:
            if night.problems.get(dataset.code) is None:
                tell_problem(night, dataset.register, dataset.code, str(error))


def _collect_for(night: Night, datasets: Sequence[DatasetPlan]) -> bool:
    """Read what stood of the sources that these rest on: nothing goes because something seems not to have changed (V5).

    Whether anything was read.
    """
    kinds = {dataset.subject_kind for dataset in datasets if dataset.mapping is not None and dataset.mapping.subject}
    registers = unchanged_sources.believed(night.run, night.plan, kinds)
    for register in registers:
        collect_register(night, register, believe=False)
    return bool(registers)


def _work_on(night: Night, dataset: DatasetPlan, connector: Connector, names: Names, sources: Recollection) -> None:
    """With what it follows at hand, and a step with what it makes something for."""
    try:
        with _at_hand(night, dataset, connector, names, sources) as (question, carrying):
            _work_dataset(night, question, carrying, names)
    except Stopped:
        raise
    except SelosteError as error:
        tell_problem(night, dataset.register, dataset.code, str(error))


@contextmanager
def _at_hand(
    night: Night, dataset: DatasetPlan, connector: Connector, names: Names, sources: Recollection
) -> Iterator[tuple[Question, Connector]]:
    memory = night.asking.memory
    asked = Question(night.organisation, night.plan, dataset, night.today, sources=sources, memory=memory)
    with asking(asked, names.connect) as question, stepping(asked, connector, names.connect) as carrying:
        yield question, carrying


def _work_dataset(night: Night, question: Question, connector: Connector, names: Names) -> None:
    dataset = question.dataset
    try:
        hindrance = _hindrance(connector.check([question.mapping])) or _unasked(question)
        for lot in open_lots(night.organisation.pk, dataset.code):
            why = void(night, lot)
            if why and lot.pk not in in_hand(night, lot.dataset):
                take_back(night, lot, why)
        blind = incomplete_sources(night, question) or unkept(night.run, night.plan, dataset.subject_kind)
        if not hindrance:  # what was in flight is sent again by that, and waits as long as nothing may be sent
            recover(night, question, connector, names, blind)
        if blind:
            raise ConnectorError(f"the ledger is not complete tonight: {blind}", permanent=False)
        shared = question.can_be_shared and len(night.spans(dataset.subject_kind)) > 1
        tonight = DatasetNight.objects.filter(run=night.run, dataset=dataset.code, problem="", unchanged_since=None)
        if not tonight.exists():
            if not shared:
                evaluate_whole(night, question, connector)
            elif not evaluate_shared(night, question, connector):
                return
        if hindrance:  # before anything is sent: a chunk that half may go is none
            raise ConnectorError(hindrance, permanent=True)
        _work_lots(night, question, connector, names, shared=shared)
    except Stopped:
        raise
    except SelosteError as error:
        tell_problem(night, dataset.register, dataset.code, str(error))


def _hindrance(health: Health) -> str:
    """Why nothing of a dataset may be sent, though it can be read; "" if it may."""
    rights = f"rights are missing: {', '.join(health.missing_rights)}" if health.missing_rights else ""
    return rights or (health.hindrances[0] if health.hindrances else "")


def _unasked(question: Question) -> str:
    """The same of a version from before the inventory refused it: of rows that go nobody would ask rules and holds."""
    found = question.plan.unasked(question.dataset)
    name = found[0].code if found else ""
    return (
        name
        and f"its items take rows of the dataset {name} along, whose rules or holds nobody would ask: mend the mapping"
    )


def _work_lots(night: Night, question: Question, connector: Connector, names: Names, *, shared: bool) -> None:
    """Purge the lots that may go, or block what waits; `shared`: what may go by whoever is free."""
    ready = []
    for lot in open_lots(night.organisation.pk, question.dataset.code):
        if not advance(lot, question.dataset, night.today):
            block_lot(night, question, connector, lot)
        elif shared:
            ready.append(lot.pk)
        else:
            purge(night, question, connector, names, lot)
    left = shared and parts.of(night.step, _purging(question)).exists()  # by an earlier try, whose lots are all done
    if ready or left:
        _purge_shared(night, question, ready)


def _purging(question: Question) -> str:
    return f"purge {question.dataset.code}"


def _purge_shared(night: Night, question: Question, lots: Sequence[int]) -> None:
    """Each lot by whoever is free."""
    what = _purging(question)
    share(night, what, [{"do": "purge", "dataset": question.dataset.code, "lot": lot} for lot in lots])
    night.written_by_parts += [part.result for part in forget_parts(night, what)]


def _purge_part(
    night: Night, question: Question, connector: Connector, names: Names, lot: Lot, writer: Connector
) -> None:
    """One lot, and what was written for it."""
    purge(night, question, connector, names, lot)
    if isinstance(writer, TellsChanges):
        with transaction.atomic():
            keep_result(night, writer.own())


def do_part(night: Night, register: RegisterPlan) -> None:
    """A part of a step, on a connection of its own."""
    dataset = night.plan.find_dataset(night.step.about["dataset"])
    if dataset is None:
        raise NightError(f"{night.step}: version {night.plan.digest} has no such dataset")
    if night.step.about["do"] != "evaluate":
        night.asking.memory.forget()
    try:
        with connector_of(night.organisation, register) as connector, night.names() as names:
            if night.step.about["do"] == "read":
                read_dataset(night, unchanged.basis(night.run, night.plan, night.told), dataset, connector, names)
                return
            spoken = names.speaking(dataset, connector)
            with (
                Recollection(night.run, night.plan, {register.code: connector}, night.fence) as sources,
                _at_hand(night, dataset, spoken, names, sources) as (question, carrying),
            ):
                if night.step.about["do"] == "evaluate":
                    evaluate_part(night, question, carrying)
                else:
                    lot = Lot.objects.get(pk=night.step.about["lot"])
                    _purge_part(night, question, carrying, names, lot, connector)
    except Stopped:
        raise
    except SelosteError as error:
        tell_problem(night, dataset.register, dataset.code, str(error))
