"""Django, set up when this is imported, so that what is imported after it may have models.

On a data directory that nobody uses: what is worked on is always a place's own (`fault_world`).
"""

from __future__ import annotations

import os

import django
from django.apps import apps

if not apps.ready:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.setdefault("SELOSTE_SECRET_KEY", "a key for what is broken on purpose")
    django.setup()
