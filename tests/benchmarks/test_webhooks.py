"""Two thousand deliveries at a real server's door: forged and replayed without effect, acknowledged at once; all orders of a life."""

from __future__ import annotations

import http.client
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path

import pytest

from portal.kernel.files import LocalFileStore
from tests.benchmarks.measures import tell
from tests.conftest import administration
from tests.factories.deliveries import FIRST, LIFE, all_end_the_same, knocks, live
from tests.factories.stripe_fake import KEY, SECRET, FakeStripe
from tests.factories.stripe_month import StripeMonth

ROOT = Path(__file__).resolve().parents[2]
DELIVERIES, AT_ONCE, MOST_SECONDS = 2_000, 8, 0.300
TIMED_OUT = 60


@pytest.fixture
def month(bank_session, tmp_path, database, now):
    fake = FakeStripe()
    month = StripeMonth(bank_session, LocalFileStore(tmp_path / "kept"), database, now, fake, fake.rail())
    month.open_accounts()
    month.start()
    month.carry()
    return month


@pytest.fixture
def address(postgres, database, tmp_path):
    """`portal serve` on this database, which writes to disk as a real one does."""
    durable = ("fsync = on", "synchronous_commit = on", "full_page_writes = on")
    with administration(postgres) as connection:
        for setting in durable:
            connection.execute(f"alter system set {setting}".encode())
        connection.execute("select pg_reload_conf()")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    stripe = {"PORTAL_STRIPE_KEY": KEY, "PORTAL_STRIPE_WEBHOOK_SECRETS": SECRET, "PORTAL_HOME": str(tmp_path / "home")}
    environ = {**os.environ, **database.environ, **stripe, "PORTAL_LOG_LEVEL": "ERROR"}
    command = [sys.executable, "-m", "portal", "serve", "--port", str(port)]
    with subprocess.Popen(
        command, cwd=ROOT, env=environ, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ) as server:
        until = time.monotonic() + TIMED_OUT
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert time.monotonic() < until and server.poll() is None
            time.sleep(0.2)
        yield port
        server.terminate()
    with administration(postgres) as connection:
        for setting in durable:
            connection.execute(f"alter system reset {setting.split()[0]}".encode())
        connection.execute("select pg_reload_conf()")


@pytest.mark.timeout(600)
def test_two_thousand_deliveries_are_acknowledged_at_once_and_have_the_effect_of_five(month, address):
    live(month, FIRST, 2)
    month.now = datetime.now(UTC)
    before, mine, lines = month.statuses(), threading.local(), []
    deliveries = list(knocks(month, FIRST, DELIVERIES, seed=2, beyond=200))  # the server's own clock goes on

    def knock(delivery):
        kind, (body, header) = delivery
        began = time.perf_counter()
        try:
            status = ask(body, {"Stripe-Signature": header, "Content-Type": "application/json"})
        except (BrokenPipeError, ConnectionResetError):  # refused before all of a megabyte was sent
            status = 413
        took = time.perf_counter() - began
        if status == 413:
            mine.line.close()  # the next one opens a line of its own
        return kind, status, took

    def ask(body, headers):
        if not hasattr(mine, "line"):
            mine.line = http.client.HTTPConnection("127.0.0.1", address, timeout=TIMED_OUT)
            lines.append(mine.line)
        mine.line.request("POST", "/webhooks/stripe", body, headers)
        answer = mine.line.getresponse()
        answer.read()
        return answer.status

    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(knock, [(kind, delivery) for kind, delivery in deliveries[:40]]))  # warm
        answers = list(threads.map(knock, deliveries))
    for line in lines:
        line.close()
    seconds = sorted(took for *_, took in answers)
    p99, genuine = statistics.quantiles(seconds, n=100)[98], [took for kind, _, took in answers if kind == "genuine"]
    tell("webhooks acknowledged, p99", len(answers), f"{p99 * 1000:.0f} ms", "300 ms", p99 < MOST_SECONDS)
    tell(
        "… median; of genuine ones, worst",
        len(genuine),
        f"{statistics.median(seconds) * 1000:.0f} ms; {max(genuine) * 1000:.0f} ms",
        "",
        None,
    )
    told = Counter((kind, status) for kind, status, _ in answers)
    assert {status for kind, status in told if kind == "genuine"} == {200}
    assert {status for kind, status in told if kind != "genuine"} <= {400, 413}
    assert len(month.events()) == 5 and month.statuses() == before
    assert sorted(month.works_off()) == ["no_change"] * 4 + ["sent to paid"]
    assert p99 < MOST_SECONDS


@pytest.mark.timeout(900)
def test_all_120_orders_of_a_payouts_life_end_the_same(month):
    began = time.perf_counter()
    orders = list(permutations(LIFE))
    all_end_the_same(month, orders)
    tell(
        "orders of a payout's life, told late and while it happens",
        2 * len(orders),
        f"{time.perf_counter() - began:.0f} s",
        "",
        None,
    )
