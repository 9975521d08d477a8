"""The PostgreSQL that comes with us: quick to attach to, hard to lose."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest

from portal.kernel import embedded
from portal.kernel.embedded import LONGEST_SOCKET_PATH, EmbeddedServer, shared_buffers


@pytest.fixture
def home():
    """A folder as awkward as people's folders are: a space, a quote, and too deep for a socket's path.

    Not below pytest's own temporary folder, which every run of pytest closes to other users, PostgreSQL's among them.
    """
    base = Path(tempfile.mkdtemp(prefix="portal-embedded-"))
    folder = base / "it's a bank" / ("deep " * 20) / "home"
    yield folder
    server = EmbeddedServer(folder)
    server.stop()
    shutil.rmtree(server.socket_dir, ignore_errors=True)
    shutil.rmtree(base)


def wait_until(condition, seconds=30.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def answer(server, sql):
    with psycopg.connect(server.url()) as connection:
        return connection.execute(sql).fetchone()[0]


def test_its_buffers_are_a_quarter_of_what_memory_there_is_within_reason(tmp_path, monkeypatch):
    machine, limit = [0], tmp_path / "memory.max"
    monkeypatch.setattr(embedded, "CONTAINER_LIMIT", limit)
    monkeypatch.setattr(embedded.psutil, "virtual_memory", lambda: SimpleNamespace(total=machine[0] * 2**30))

    def buffers(gigabytes, container=None):
        machine[0] = gigabytes
        if container is not None:
            limit.write_text(f"{container}\n")
        return shared_buffers()

    assert [buffers(size) for size in (0, 1, 8, 64)] == ["128MB", "256MB", "2048MB", "8192MB"]
    assert buffers(64, "max") == "8192MB"
    assert buffers(64, 4 * 2**30) == "1024MB"


def test_it_starts_in_an_awkward_folder_is_attached_to_and_stops(home):
    server = EmbeddedServer(home)
    assert not server.is_running()
    server.start()
    assert answer(server, "select current_setting('server_version_num')::int >= 180000")
    assert answer(server, "show fsync") == answer(server, "show full_page_writes") == "on"
    assert answer(server, "show listen_addresses") == ""
    began = time.monotonic()
    assert EmbeddedServer(home).start().is_running()
    assert time.monotonic() - began < 0.5
    server.stop()
    assert not server.is_running()


def test_it_is_not_stopped_under_somebodys_hands(home):
    server = EmbeddedServer(home, durable=False).start()
    with psycopg.connect(server.url()):
        assert not server.stop_if_idle()
    leaves_by = time.monotonic() + 30  # a backend takes a moment to notice that its client has gone
    while not server.stop_if_idle():
        assert time.monotonic() < leaves_by
        time.sleep(0.1)
    assert not server.is_running()


def test_nobody_else_on_the_computer_reaches_its_socket(home):
    server = EmbeddedServer(home, durable=False).start()
    assert len(os.fsencode(server.socket_dir)) < LONGEST_SOCKET_PATH
    assert server.socket_dir.stat().st_mode & 0o077 == 0
    assert (home / "pg").stat().st_mode & 0o077 == 0


def test_two_first_starts_do_not_collide(home):
    with ThreadPoolExecutor(4) as pool:
        servers = list(pool.map(lambda _: EmbeddedServer(home, durable=False).start(), range(4)))
    assert len({answer(server, "select pg_postmaster_start_time()::text") for server in servers}) == 1


def test_it_outlives_the_process_that_started_it_and_a_crash_of_its_own(home):
    script = f"from portal.kernel.embedded import *; EmbeddedServer({str(home)!r}, durable=False).start(); import time; time.sleep(60)"
    server = EmbeddedServer(home, durable=False)
    with subprocess.Popen([sys.executable, "-c", script], cwd=Path(__file__).resolve().parents[2]) as process:
        try:
            wait_until(server.is_running)
        finally:
            process.kill()
    assert answer(server, "select 1") == 1
    postmaster = int((home / "pg/data/postmaster.pid").read_text().split()[0])
    os.kill(postmaster, signal.SIGKILL)
    wait_until(lambda: not server.is_running())
    assert answer(server.start(), "select 1") == 1


def test_the_pid_file_of_a_copied_folder_is_not_believed(home):
    (home / "pg" / "data").mkdir(parents=True)
    (home / "pg" / "data" / "postmaster.pid").write_text(f"{os.getpid()}\n/elsewhere\n")
    assert not EmbeddedServer(home).is_running()
