"""Items asked for by their keys, whatever the system (D3): a mapping need not name whose they are."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from retention.connectors.contract import Candidate, ComparesLoosely, Connector, DatasetMapping, FindsByKey
from retention.domain.predicates import TRUE, Expression


def of_keys(
    connector: Connector, mapping: DatasetMapping, keys: Collection[str], where: Expression = TRUE
) -> Iterator[Candidate]:
    """Of a dataset's items those with these keys; where a system cannot be asked so, all are looked through.

    Raises ConnectorError.
    """
    if isinstance(connector, FindsByKey):
        yield from connector.find_keys(mapping, sorted(keys), where)
        return
    wanted = frozenset(keys)
    yield from (candidate for candidate in connector.find(mapping, where) if candidate.ref.key in wanted)


def not_sure(
    connector: Connector, mapping: DatasetMapping, links: Collection[str], found: Collection[str], *, by_subject: bool
) -> frozenset[str]:
    """Of links by which nothing was found, those that may mean an item all the same: written otherwise, or unreadable.

    Raises ConnectorError.
    """
    missing = sorted(set(links) - set(found))
    if not missing or not isinstance(connector, ComparesLoosely):
        return frozenset()
    return connector.not_sure(mapping, missing, by_subject=by_subject)
