"""The door for clocks and shells."""

from django.apps import AppConfig


class WorkerConfig(AppConfig):
    name = "worker"
