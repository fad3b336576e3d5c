"""One worker; it ends when its standard input does, because whoever started it is gone."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

workers = 1
threads = 4
control_socket_disable = True
preload_app = False


def on_starting(server: Any) -> None:
    threading.Thread(target=_until_alone, daemon=True).start()


def _until_alone() -> None:
    while os.read(0, 4096):
        continue
    os.kill(os.getpid(), signal.SIGTERM)
