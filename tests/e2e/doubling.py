"""The Celery application where every message is sent twice, with the same id: `celery -A tests.e2e.doubling …`."""

from __future__ import annotations

from typing import Any

from kombu.messaging import Producer

from worker.app import app as app

_publish = Producer.publish


def twice(self: Any, *arguments: Any, **more: Any) -> Any:
    _publish(self, *arguments, **more)
    return _publish(self, *arguments, **more)


Producer.publish = twice  # type: ignore[method-assign]
