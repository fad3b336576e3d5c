"""An expression as a filter: never narrower than the expression, and no wider than the server can be asked.

A filter of LDAP has three values: what a server cannot compare, or may not show, is neither true nor false, and `not`
of it is not true either. So nothing is negated here but the presence of an attribute, and every leaf is asked in the
form that it must have: true of what the expression holds for, an absent attribute included. What comes back too much
is left out again by its values.
"""

from __future__ import annotations

from datetime import date, timedelta

from retention.connectors.ldap.filters import (
    EVERYTHING,
    Filter,
    all_of,
    at_least,
    at_most,
    bit_set,
    equal,
    negated,
    one_of,
    present,
)
from retention.connectors.ldap.mapped import ACCOUNT, DISABLED, Mapped, closes_by_bit
from retention.connectors.ldap.schema import Attribute, Directory, Kind
from retention.connectors.ldap.values import as_moment, as_ticks
from retention.domain.predicates import (
    All,
    Any,
    AtLeast,
    AtMost,
    Closed,
    Expression,
    FactIs,
    FactKnown,
    Literal,
    Not,
    Recorded,
)


def superset(where: Expression, mapped: Mapped) -> Filter | None:
    """A filter that is true of all that satisfies the expression; None where nothing can."""
    found = _form(where, mapped, True)
    if found is True:
        return EVERYTHING
    return None if found is False else found


Form = Filter | bool


def _form(where: Expression, mapped: Mapped, wanted: bool) -> Form:
    """A form that is true wherever the expression is `wanted`. True: everywhere, False: nowhere."""
    match where:
        case Literal(value):
            return value is wanted
        case Not(term):
            return _form(term, mapped, not wanted)
        case All(terms):
            forms = [_form(term, mapped, wanted) for term in terms]
            return _both(forms) if wanted else _either(forms)
        case Any(terms):
            forms = [_form(term, mapped, wanted) for term in terms]
            return _either(forms) if wanted else _both(forms)
        case AtMost(event, day):
            return _before(event, _next(day), mapped) if wanted else _absent_or_from(event, _next(day), mapped)
        case AtLeast(event, day):
            return _from(event, day, mapped) if wanted else _absent_or_before(event, day, mapped)
        case Recorded(event):
            return _known(mapped.mapping.events.get(event), mapped, wanted)
        case FactKnown(fact):
            return _known(mapped.mapping.facts.get(fact), mapped, wanted)
        case FactIs(fact, value):
            return _is(fact, value, mapped) if wanted else True
        case Closed():
            return _closed(mapped) if wanted else True


def _both(forms: list[Form]) -> Form:
    terms = [form for form in forms if not isinstance(form, bool)]
    if False in forms:
        return False
    return all_of(terms) if terms else True


def _either(forms: list[Form]) -> Form:
    terms = [form for form in forms if not isinstance(form, bool)]
    if True in forms:
        return True
    return one_of(terms) if terms else False


def _next(day: date) -> date | None:
    return day + timedelta(days=1) if day < date.max else None


def _bound(attribute: Attribute, day: date | None, mapped: Mapped) -> str | None:
    """The moment at which the day begins, as the attribute holds it; None where the server cannot compare it."""
    moment = mapped.days.begin(day) if day is not None and attribute.ordering else None
    if moment is None:
        return None
    if attribute.kind is Kind.MOMENT:
        return as_moment(moment, mapped.directory)
    if attribute.kind is Kind.TICKS and as_ticks(moment) > 0:
        return str(as_ticks(moment))
    return None


def _before(event: str, day: date | None, mapped: Mapped) -> Form:
    """Bounds are asked with the moment itself included: a fraction of a second decides nothing here."""
    name = mapped.mapping.events.get(event)
    if name is None:
        return True
    bound = _bound(mapped.attribute(name), day, mapped)
    return _present(mapped.attribute(name), mapped) if bound is None else at_most(name, bound)


def _from(event: str, day: date, mapped: Mapped) -> Form:
    name = mapped.mapping.events.get(event)
    if name is None:
        return True
    attribute = mapped.attribute(name)
    bound = _bound(attribute, day, mapped)
    if bound is None:
        return _present(attribute, mapped)
    if attribute.kind is Kind.TICKS:  # 0 may mean never, which lies ahead of every day
        return one_of((at_least(name, bound), equal(name, "0")))
    return at_least(name, bound)


def _absent_or_from(event: str, day: date | None, mapped: Mapped) -> Form:
    return _absent_or(event, day, mapped, earlier=False)


def _absent_or_before(event: str, day: date | None, mapped: Mapped) -> Form:
    return _absent_or(event, day, mapped, earlier=True)


def _absent_or(event: str, day: date | None, mapped: Mapped, *, earlier: bool) -> Form:
    """Only of moments that stand once: of several nothing is known, so that none of them may leave an entry out."""
    name = mapped.mapping.events.get(event)
    if name is None:
        return True
    attribute = mapped.attribute(name)
    bound = _bound(attribute, day, mapped)
    if bound is None or not attribute.single or attribute.kind is not Kind.MOMENT:
        return True
    return one_of((negated(present(name)), at_most(name, bound) if earlier else at_least(name, bound)))


def _known(name: str | None, mapped: Mapped, wanted: bool) -> Form:
    if name is None:
        return True
    attribute = mapped.attribute(name)
    asked = _present(attribute, mapped)
    if wanted or isinstance(asked, bool):
        return asked
    return negated(asked) if attribute.single and attribute.kind is not Kind.TICKS else True


def _present(attribute: Attribute, mapped: Mapped) -> Form:
    """Active Directory makes some attributes up when they are read, and finds nothing by them."""
    if mapped.directory is Directory.ACTIVE_DIRECTORY and not attribute.equality:
        return True
    return present(attribute.name)


def _is(fact: str, value: bool | int | str, mapped: Mapped) -> Form:
    name = mapped.mapping.facts.get(fact)
    if name is None:
        return True
    attribute = mapped.attribute(name)
    if fact == mapped.enabled or not attribute.equality:
        return _present(attribute, mapped)
    match attribute.kind, value:
        case Kind.BOOLEAN, bool():
            return equal(name, "TRUE" if value else "FALSE")
        case ((Kind.INTEGER | Kind.TICKS), int()) if not isinstance(value, bool):
            return equal(name, str(value))
        case Kind.TEXT, str() if value and _can_be_asked(value):
            return equal(name, value)
    return present(name)


def _closed(mapped: Mapped) -> Form:
    closed = mapped.mapping.closed
    if closed is None:
        return False
    if closes_by_bit(mapped.mapping):
        return bit_set(ACCOUNT, DISABLED)
    attribute = mapped.attribute(closed.column)
    if attribute.kind is Kind.TEXT and attribute.equality and all(map(_can_be_asked, closed.values)):
        return one_of(equal(closed.column, value) for value in closed.values)
    return _present(attribute, mapped)


def _can_be_asked(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return bool(text)
