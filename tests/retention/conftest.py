"""The small company, before its first night."""

import pytest

from tests.retention.company import found_company


@pytest.fixture
def company(db, data_dir):
    """Eight customers in a real register; the inventory is published, one hold is placed."""
    return found_company(data_dir)
