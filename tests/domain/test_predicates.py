"""Expressions in their shortest form: no constant, no repetition, no double negation reaches a register."""

from __future__ import annotations

from datetime import date

from retention.domain.predicates import FALSE, TRUE, All, Any, AtMost, Not, Recorded, conjunction, disjunction, negation

A, B = AtMost("recorded", date(2026, 1, 1)), Recorded("case_closed")


def test_a_constant_decides_or_is_left_out():
    assert conjunction([A, FALSE, B]) == FALSE
    assert disjunction([A, TRUE, B]) == TRUE
    assert conjunction([TRUE, A, TRUE]) == disjunction([FALSE, A]) == A
    assert (conjunction([]), disjunction([])) == (TRUE, FALSE)


def test_a_term_and_its_opposite_decide():
    assert conjunction([A, B, Not(A)]) == FALSE
    assert disjunction([Not(B), A, B]) == TRUE


def test_terms_of_one_kind_are_flat_and_stand_once():
    assert conjunction([A, All((B, A))]) == All((A, B))
    assert disjunction([Any((A, B)), A]) == Any((A, B))
    assert conjunction([A, A]) == A


def test_a_negation_is_taken_back():
    assert (negation(TRUE), negation(FALSE)) == (FALSE, TRUE)
    assert negation(A) == Not(A)
    assert negation(negation(A)) == A
