#!/usr/bin/env python
"""Seloste's command line: nightly, decide, import_inventory, export_inventory, authority_report, evidence …"""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    execute_from_command_line(sys.argv)
