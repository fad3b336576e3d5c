"""Loaded before the settings are: a data directory of this run's own, a settled secret, and the database to test on.

SELOSTE_TEST_DATABASE=postgresql runs every test on PostgreSQL: one server for all processes of the run, with a
database for each. Otherwise it is SQLite, and the tests that ask for `own_database` run on both.
"""

import atexit
import os
import shutil
import tempfile
from contextlib import ExitStack

if "SELOSTE_DATA" not in os.environ:
    directory = tempfile.mkdtemp(prefix="seloste-test-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    os.environ["SELOSTE_DATA"] = directory
os.environ.setdefault("SELOSTE_SECRET_KEY", "a key for tests only")

wanted = os.environ.get("SELOSTE_TEST_DATABASE", "sqlite")
if wanted == "postgresql" and "SELOSTE_DATABASE_URL" not in os.environ:
    from samples.servers import server

    stack = ExitStack()
    running = stack.enter_context(server("postgres"))
    atexit.register(stack.close)
    os.environ["SELOSTE_DATABASE_URL"] = f"postgresql://postgres@127.0.0.1:{running.port}/postgres"
elif wanted not in {"sqlite", "postgresql"}:
    raise SystemExit(f"SELOSTE_TEST_DATABASE is {wanted!r}; say sqlite or postgresql")
