"""The small company, before its first night."""

import pytest

from retention.night import run_night
from tests.retention.company import NOW, TODAY, found_company


@pytest.fixture
def company(db, data_dir):
    """Eight customers in a real register; the inventory is published, one hold is placed."""
    return found_company(data_dir)


@pytest.fixture
def aged(db, data_dir):
    """The small company after a night: what is due has gone, 1006 has no end date, ticket 3 no day of closing."""
    company = found_company(data_dir)
    run_night(company, TODAY, NOW)
    return company
