"""Measurements stand apart from the suite: everything here is marked `benchmark` and says on which machine it ran."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from portal.kernel.embedded import EmbeddedServer, shared_buffers
from tests.benchmarks.measures import load, machine
from tests.conftest import TestDatabase, administration, clone, drop


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "benchmarks" in item.path.parts:
            item.add_marker(pytest.mark.benchmark)


@pytest.fixture(scope="session", autouse=True)
def _say_where() -> None:
    print(f"\n{machine()}, {load()}")


@pytest.fixture(scope="session")
def steady(postgres: EmbeddedServer) -> EmbeddedServer:
    """The run's server with the buffers of a real one, and nothing of its own accord between measurements."""
    buffers = f"shared_buffers = '{shared_buffers()}'"
    with administration(postgres) as connection:
        for setting in (buffers, "max_wal_size = '8GB'", "checkpoint_timeout = '1h'", "autovacuum = off"):
            connection.execute(f"alter system set {setting}".encode())
    postgres.stop()
    return postgres.start()


@pytest.fixture
def bare_database(steady: EmbeddedServer) -> Iterator[TestDatabase]:
    """A migrated, empty database of a benchmark's own."""
    database = clone(steady, "portal_bench")
    yield database
    drop(database)
