#!/usr/bin/env python
"""Seloste's command line: nightly, decide, import_inventory, export_inventory, authority_report, evidence …"""

import os
import sys

from django.core.management import execute_from_command_line
from django.db import OperationalError

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        execute_from_command_line(sys.argv)
    except OperationalError as error:  # a full disk, a folder that may not be written, tables that are not there yet
        help_ = "; `manage.py migrate` makes its tables" if "no such table" in str(error) else ""
        sys.exit(f"Seloste's own database cannot be used: {error}{help_}")
    except OSError as error:
        sys.exit(f"{error.filename or 'a file in the data directory'}: {error.strerror or error}")
