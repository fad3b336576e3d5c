"""E-mail and webhook. Neither error nor log names an address, or repeats what a server said."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from smtplib import SMTPRecipientsRefused, SMTPResponseException
from typing import Any

import requests
from django.conf import settings
from django.core.mail import EmailMessage

SECONDS = (5, 10)
"""To connect, and until the receiver of a webhook has answered."""


class NotSent(Exception):
    """The message did not go; the text says why, and names nobody."""


def send_letter(address: str, subject: str, lines: Sequence[str], uid: str) -> None:
    """Send a letter; the same `uid` makes the same Message-ID. Raises NotSent."""
    message = EmailMessage(
        subject=" ".join(subject.split()),
        body="\n".join(lines) + "\n",
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[address],
        headers={"Auto-Submitted": "auto-generated", "Message-ID": f"<{uid}@seloste.invalid>"},
    )
    try:
        message.send()
    except SMTPRecipientsRefused:
        raise NotSent("the mail server refuses the recipient") from None
    except SMTPResponseException as error:
        raise NotSent(f"the mail server does not take the letter ({error.smtp_code})") from None
    except ValueError:
        raise NotSent("the address is none that a letter can be sent to") from None
    except OSError as error:
        raise NotSent(f"the mail server cannot be reached ({type(error).__name__})") from None


def post(content: Mapping[str, Any], uid: str, now: datetime) -> None:
    """Send JSON to the webhook, signed as `signature` says; any 2xx means taken. Raises NotSent."""
    body = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode("utf-8")
    sent_at = str(int(now.timestamp()))
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": uid,
        "X-Seloste-Timestamp": sent_at,
        "X-Seloste-Signature": signature(settings.ALARM_WEBHOOK_SECRET, sent_at, body),
    }
    try:
        answer = requests.post(
            settings.ALARM_WEBHOOK_URL, data=body, headers=headers, timeout=SECONDS, allow_redirects=False, stream=True
        )
        answer.close()
    except requests.RequestException as error:
        raise NotSent(f"the webhook's receiver cannot be reached ({type(error).__name__})") from None
    if not 200 <= answer.status_code < 300:
        raise NotSent(f"the webhook's receiver answers {answer.status_code}")


def signature(secret: str, sent_at: str, body: bytes) -> str:
    """HMAC-SHA-256 over the time, a full stop and the body: a copy that is sent again later shows its age."""
    return "sha256=" + hmac.new(secret.encode("utf-8"), f"{sent_at}.".encode() + body, hashlib.sha256).hexdigest()
