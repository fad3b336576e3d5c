"""The application as it is run: gunicorn in a process of its own, on one database, gone with whoever started it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.own_database import OwnDatabase

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@contextmanager
def serving(own: OwnDatabase) -> Iterator[str]:
    """Its address. The socket listens before the server does, so that nobody asks too early; `server.log` is what it
    wrote."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        bound = f"fd://{listening.fileno()}"
        command = [
            sys.executable,
            "-m",
            "gunicorn",
            "-c",
            str(HERE / "gunicorn_conf.py"),
            "--bind",
            bound,
            "config.wsgi",
        ]
        with (own.directory / "server.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=own.environment(),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=[listening.fileno()],
            )
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            process.terminate()
            process.wait(30)
            assert process.stdin is not None
            process.stdin.close()


def collect_static(directory: Path) -> Path:
    """Style sheets and fonts, as `./run serve` lays them out."""
    environment = {**os.environ, "SELOSTE_DATA": str(directory)}
    environment.pop("SELOSTE_DATABASE_URL", None)
    command = [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    return directory / "static"
