"""Web server and worker as one: started together, stopped together, none left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from portal.setup import head_revision

ROOT = Path(__file__).resolve().parents[2]

# The manager under test, in a process of its own: it installs signal handlers.
MANAGER = """
import sys
from portal.cli.processes import Together
sleeper = [sys.executable, "-c", "import os, time; os.write(2, b'%d%c' % (os.getpid(), 10)); time.sleep(60)"]
ender = [sys.executable, "-c", "import time; time.sleep(0.5); raise SystemExit(7)"]
sys.exit(Together([sleeper, ender if "ender" in sys.argv else sleeper]).run())
"""


def start(script, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def is_alive(pid):
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False


def wait_until(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_however_the_manager_ends_nobody_is_left_behind(sent):
    with start(MANAGER) as manager:
        children = [int(manager.stderr.readline()) for _ in range(2)]
        os.kill(manager.pid, sent)
        assert manager.wait(timeout=60) == (-9 if sent is signal.SIGKILL else 0)
    wait_until(lambda: not any(is_alive(child) for child in children))


def test_when_one_ends_the_other_is_stopped_and_its_code_is_ours():
    with start(MANAGER, "ender") as manager:
        child = int(manager.stderr.readline())
        assert manager.wait(timeout=60) == 7
    assert not is_alive(child)


TOGETHER = """
import sys
from portal.cli.edge import Edge
from portal.cli.serve import serve_together
sys.exit(serve_together(Edge(), port=int(sys.argv[1]), when_ready=lambda: print("ready", flush=True)))
"""


def a_free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def environ(fresh_database, tmp_path, monkeypatch):
    values = {**fresh_database.environ, "PORTAL_HOME": str(tmp_path / "home"), "PORTAL_ENV": "development"}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return values


def test_pages_are_served_and_a_worker_is_there_until_both_are_told_to_stop(fresh_database, environ):
    port = a_free_port()
    with start(TOGETHER, str(port)) as manager:
        assert manager.stdout.readline() == "ready\n", "standard output is the caller's own"
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=60) as page:
            assert page.status == 200
        wait_until(lambda: fresh_database.execute("select count(*) from queue.procrastinate_workers") == [(1,)])
        manager.terminate()
        assert manager.wait(timeout=40) == 0
    assert fresh_database.execute("select count(*) from queue.procrastinate_workers") == [(0,)], "it said good-bye"


def test_a_taken_port_and_an_old_schema_are_named_before_anything_starts(cli, database):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        refused = cli("serve", "--port", taken.getsockname()[1])
    assert refused.exit_code == 4
    assert "Choose another with --port" in refused.json["error"]["message"]
    database.execute("update alembic_version set version_num = '0000'")
    try:
        assert "Run: portal init" in cli("worker", "--once").json["error"]["message"]
    finally:
        database.execute("update alembic_version set version_num = %s", head_revision())
