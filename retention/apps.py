"""The scheduler: when it must go, and how it went."""

from django.apps import AppConfig


class RetentionConfig(AppConfig):
    name = "retention"
    verbose_name = "Retention"

    def ready(self) -> None:
        from retention.receivers import connect  # models are there only now

        connect()
