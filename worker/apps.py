"""The door for clocks and shells."""

from django.apps import AppConfig


class WorkerConfig(AppConfig):
    name = "worker"

    def ready(self) -> None:
        from worker import checks  # registers itself

        del checks
