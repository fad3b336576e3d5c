"""Items asked for by their keys, whatever the system (D3): a mapping need not name whose they are."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from retention.connectors.contract import Candidate, Connector, DatasetMapping, FindsByKey
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
