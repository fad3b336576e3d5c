"""Our own database and records are no register's, however their address is written."""

from __future__ import annotations

import pytest

from retention import own_secrets
from retention.connectors.contract import ConnectorError
from retention.own_secrets import own_secret, same_database
from retention.selectors import resolve


def ours(address: str, data_dir) -> bool:
    """Whether it is that of tables that lie in a file of the data directory."""
    own = {"NAME": data_dir / "seloste.sqlite3"}
    return same_database(address.replace("{data}", str(data_dir)), "sqlite", own)


@pytest.mark.parametrize(
    "address",
    [
        "sqlite:///{data}/seloste.sqlite3",
        "sqlite:///{data}/x/../seloste.sqlite3",
        "sqlite+pysqlite:///{data}/seloste.sqlite3",
        "sqlite:///{data}//seloste.sqlite3",
        "sqlite:///file:{data}/seloste.sqlite3?mode=ro&uri=true",
    ],
)
def test_a_file_of_ours_is_known(data_dir, address):
    assert ours(address, data_dir)


def test_a_link_to_it_is_it(data_dir):
    (data_dir / "seloste.sqlite3").touch()
    (data_dir / "crm.sqlite3").symlink_to(data_dir / "seloste.sqlite3")
    assert ours("sqlite:///{data}/crm.sqlite3", data_dir)


@pytest.mark.parametrize("address", ["sqlite:///{data}/crm.sqlite3", "sqlite://", "", "no address", "postgresql://h/d"])
def test_others_are_not(data_dir, address):
    assert not ours(address, data_dir)


@pytest.mark.parametrize(
    ("address", "own"),
    [
        ("postgresql://seloste:pw@db.example.invalid/seloste", True),
        ("postgresql+psycopg://other@db.example.invalid:5432/seloste", True),
        ("postgresql:///seloste?host=db.example.invalid", True),
        ("postgresql://seloste@db.example.invalid:5433/seloste", False),
        ("postgresql://seloste@db.example.invalid/crm", False),
        ("postgresql://seloste@crm.example.invalid/seloste", False),
        ("mysql+pymysql://seloste@db.example.invalid/seloste", False),
    ],
)
def test_a_server_of_ours_is_known_by_host_port_and_database(address, own):
    told = {"NAME": "seloste", "HOST": "db.example.invalid", "PORT": ""}
    assert same_database(address, "postgresql", told) is own


@pytest.mark.parametrize("host", ["", "localhost", "127.0.0.1", "/var/run/postgresql"])
@pytest.mark.parametrize("written", ["localhost", "127.0.0.1", "[::1]"])
def test_this_machine_has_several_names(host, written):
    told = {"NAME": "seloste", "HOST": host, "PORT": 5432}
    assert same_database(f"postgresql://u@{written}/seloste", "postgresql", told)


@pytest.mark.parametrize("folder", ["journal", "heads/testi", "remembered", "keys", "brought", ""])
def test_what_proves_the_nights_is_no_folder_to_purge(data_dir, folder):
    assert own_secret(f"{{data}}/{folder}".rstrip("/"))
    assert not own_secret("{data}/demo/kasenet/documents")


def test_no_register_is_reached_in_the_tables_that_we_use(own_database):
    """On the real databases, in the words in which the installation itself names its own."""

    def refused() -> None:
        assert own_secrets.own_database(own_database.url)
        with pytest.raises(ConnectorError, match="own database"):
            resolve({"url": own_database.url}, "connection")

    assert own_database.in_process(refused) == 0
