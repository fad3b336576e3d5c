"""Loaded before the settings are: a data directory of this run's own, and a settled secret."""

import atexit
import os
import shutil
import tempfile

if "SELOSTE_DATA" not in os.environ:
    directory = tempfile.mkdtemp(prefix="seloste-test-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    os.environ["SELOSTE_DATA"] = directory
os.environ.setdefault("SELOSTE_SECRET_KEY", "a key for tests only")
