"""Celery's beat, for a machine whose clock may be wrong and whose disk may be full.

Celery's own keeps in a file when each message went last, and waits by the clock on the wall. Where that was set back it
would say nothing until the old time is reached again, also after a restart; two at once would fight over the file.
Nothing has to be kept: rows say what there is to do, and a message too many changes nothing.
"""

from __future__ import annotations

from typing import Any

from celery.beat import Scheduler


class Beat(Scheduler):  # type: ignore[misc]
    """Keeps nothing, and counts anew from now whenever the clock was set back."""

    def tick(self, *arguments: Any, **more: Any) -> float:
        """Send what is due; the seconds until it is to be asked again."""
        ahead = [entry for entry in self.schedule.values() if entry.last_run_at > entry.default_now()]
        for entry in ahead:
            entry.last_run_at = entry.default_now()
        if ahead:
            self._heap = None  # its times are the old clock's
        return float(super().tick(*arguments, **more))
