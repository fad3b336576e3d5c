"""The law library and the state of the installation, told in words."""

from __future__ import annotations

import pytest

from tests.web.test_pages import client, text


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_the_law_library_is_there_for_readers(house, language):
    page = client("aino", language).get("/o/testi/law/")
    assert page.status_code == 200
    assert len(page.content) < 100_000
    assert page.content.count(b"<tr>") > 20
    assert client("ines").get("/o/testi/law/").status_code == 403


def test_the_state_is_the_administrators_and_tells_no_secret(house, settings, data_dir):
    settings.SECURE_COOKIES = False
    page = client("adam", "en").get("/o/testi/status/")
    assert "SELOSTE_HTTPS is not set" in text(page)
    assert "All are there and fit" in text(page)
    assert settings.SECRET_KEY not in page.content.decode()
    settings.SECURE_COOKIES = True
    assert "SELOSTE_HTTPS is not set" not in text(client("adam", "en").get("/o/testi/status/"))
    (data_dir / "keys" / "evidence.pem").unlink()
    assert "evidence.pem" in text(client("adam", "en").get("/o/testi/status/"))
    for name in ("alice", "bob", "aino"):
        assert client(name).get("/o/testi/status/").status_code == 403
