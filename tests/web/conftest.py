"""The same cast and house as the API's, before the pages."""

from tests.api.conftest import _fresh, house

__all__ = ["_fresh", "house"]
