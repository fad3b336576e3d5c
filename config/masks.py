"""What no log line may hold: the token of a link, which opens what it leads to."""

from __future__ import annotations

import logging
import re

_LINK = re.compile(r"(/(?:review|welcome)/)[^/\s]+")


class LinkMask(logging.Filter):
    """Takes the token out of every line that names such a link's address."""

    def filter(self, record: logging.LogRecord) -> bool:
        said = record.getMessage()
        masked = _LINK.sub(r"\1…", said)
        if masked != said:
            record.msg, record.args = masked, ()
        return True
