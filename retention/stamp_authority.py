"""A time-stamp authority is asked (RFC 3161 over HTTP): it is shown a digest and a random number, and nothing else.

Whatever it does, the one who asks goes on in time. An answer counts only if it is the stamp that was asked for.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import requests
from cryptography import x509
from django.conf import settings

from retention import offline_stamps
from retention.models.evidence import StampProblem

SECONDS = (5, 10)
"""To connect, and until the next bytes of an answer."""
SECONDS_IN_ALL = 30
"""Until the answer is here whole; finding the host's address counts too."""
LONGEST = 262_144
"""Bytes of an answer; one with its certificates has some thousand."""
SHA256 = "2.16.840.1.101.3.4.2.1"


class NotStamped(Exception):
    """No stamp; the text says why, and repeats nothing that the authority wrote."""

    def __init__(self, problem: StampProblem, said: str) -> None:
        super().__init__(said)
        self.problem = problem


def stamp(digest: str, body: Mapping[str, Any], clock: Callable[[], datetime]) -> tuple[bytes, datetime]:
    """The authority's answer (DER) for a head's digest, hex, and the time that it says. Raises NotStamped.

    `body`: the head's, which says when it was signed. `clock` tells the time here: a stamp is of the time between
    question and answer, but for `offline_stamps.TOLERANCE`. Held against what was asked are digest, nonce, policy,
    signature, and the certificates up to those of SELOSTE_STAMP_CA.
    """
    nonce = secrets.randbits(63) | 1 << 62
    asked = clock()
    answer = _in_time(lambda: _post(_request(digest, nonce)))
    answered = clock()
    try:
        found = offline_stamps.stamp_of_head(answer, digest, body, settings.STAMP_CA)
    except offline_stamps.StampError as error:
        refused = str(error).startswith(offline_stamps.NOT_GRANTED)
        raise NotStamped(StampProblem.REFUSED if refused else StampProblem.WRONG, f"the answer {error}") from None
    if found.nonce != nonce:
        raise NotStamped(StampProblem.WRONG, "the answer is to another question: its nonce is another")
    if settings.STAMP_POLICY and found.policy != settings.STAMP_POLICY:
        raise NotStamped(StampProblem.WRONG, f"the answer is given under the policy {found.policy}")
    if not asked - offline_stamps.TOLERANCE <= found.time <= answered + offline_stamps.TOLERANCE:
        raise NotStamped(StampProblem.WRONG, f"the answer says {found.time.isoformat()}, and that is not now")
    return answer, found.time


def _request(digest: str, nonce: int) -> bytes:
    of = offline_stamps.shapes()
    algorithm = of.algorithm(oid=x509.ObjectIdentifier(SHA256), parameters=None)
    content = of.request(
        version=1,
        imprint=of.imprint(algorithm=algorithm, digest=bytes.fromhex(digest)),
        policy=x509.ObjectIdentifier(settings.STAMP_POLICY) if settings.STAMP_POLICY else None,
        nonce=nonce,
        certificates=True,
    )
    return bytes(of.encode(content))


def _post(question: bytes) -> bytes:
    user, colon, password = settings.STAMP_CREDENTIALS.partition(":")
    with requests.post(
        settings.STAMP_URL,
        data=question,
        headers={"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"},
        auth=(user, password) if colon else None,
        timeout=SECONDS,
        allow_redirects=False,
        stream=True,
    ) as answer:
        if answer.status_code != 200:
            raise NotStamped(StampProblem.REFUSED, f"the authority answers {answer.status_code}")
        content = b""
        for piece in answer.iter_content(16_384):
            content += piece
            if len(content) > LONGEST:
                raise NotStamped(StampProblem.WRONG, f"the answer is longer than {LONGEST} bytes")
        return content


def _in_time(ask: Callable[[], bytes]) -> bytes:
    """What `ask` returns or raises, but not later than SECONDS_IN_ALL: its own limits begin anew with each byte."""
    answers: list[bytes] = []
    problems: list[NotStamped] = []

    def run() -> None:
        try:
            answers.append(ask())
        except NotStamped as problem:
            problems.append(problem)
        except (requests.RequestException, OSError, ValueError) as error:
            problems.append(NotStamped(StampProblem.AWAY, f"it cannot be reached ({type(error).__name__})"))

    asking = threading.Thread(target=run, daemon=True)
    asking.start()
    asking.join(SECONDS_IN_ALL)
    if problems:
        raise problems[0]
    if not answers:
        raise NotStamped(StampProblem.AWAY, f"it has not answered in {SECONDS_IN_ALL} seconds")
    return answers[0]
