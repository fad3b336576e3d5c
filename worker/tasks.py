"""Celery's tasks: fetch, call one function, return."""
