"""The fake Stripe behind a real socket, in a process of its own: it outlives whoever is killed, and a share of its answers gets lost."""

from __future__ import annotations

import json
import os
import random
import socket
import struct
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import stripe

from payouts.rails.stripe_connect import StripeConnect
from tests.chaos.marks import ANSWERED, ASKED, mark
from tests.factories.stripe_fake import KEY, SECRET, FakeStripe, Fault, fault_answer

STRIPE = "https://api.stripe.com"
PATIENCE = 0.8  # seconds until our side gives up on an answer
FAULTS = [("reset", False), ("reset", True), ("500", False), ("500", True), ("429", False), ("timeout", True)]
RARE_TIMEOUTS = [6, 6, 4, 4, 6, 1]  # one costs the whole patience
LIFE = ("transfer.created", "payout.created", "payout.updated", "payout.paid", "payout.failed")


class NearStripe(stripe.RequestsClient):
    """The library's own transport, led to the fake around the corner; says when it asks and when it is answered."""

    def __init__(self, port: int) -> None:
        import requests

        session = requests.Session()
        session.trust_env = False  # no proxy stands between this computer and itself
        super().__init__(timeout=PATIENCE, session=session)
        self.base = f"http://127.0.0.1:{port}"

    def request(self, method: str, url: str, headers: Any, post_data: Any = None) -> Any:
        mark(ASKED)
        try:
            return super().request(method, url.replace(STRIPE, self.base), headers, post_data)
        finally:
            mark(ANSWERED)


@dataclass
class Weather:
    """Which request goes wrong, and how."""

    share: float = 0.0
    dice: random.Random = field(default_factory=random.Random)
    planned: list[tuple[str, str, bool]] = field(default_factory=list)  # path, kind, after: the next thing made there
    asked: int = 0  # while it storms
    met: int = 0

    def next(self, method: str, path: str) -> tuple[str, bool] | None:
        self.asked += self.share > 0
        for each in self.planned:
            if (method, path) == ("post", each[0]):
                self.planned.remove(each)
                return each[1:]
        if self.dice.random() >= self.share:
            return None
        self.met += 1
        return self.dice.choices(FAULTS, RARE_TIMEOUTS)[0]


class Bank:
    """What the provider's process does: requests as they come, and what the world tells it over `/_control`."""

    def __init__(self) -> None:
        self.fake, self.weather, self.lock = FakeStripe(), Weather(), threading.Lock()

    def answer(self, method: str, path: str, text: str, headers: Any) -> tuple[int, str] | None:
        """Status and body; None when the answer gets lost."""
        with self.lock:
            fault = self.weather.next(method, urlsplit(path).path)
            if fault and method == "post":
                self.fake.faults = [Fault(urlsplit(path).path, *fault)]
            elif fault and fault[0] in ("500", "429"):
                status, body = fault_answer(fault[0])
                return status, json.dumps(body)
            try:
                body_text, status, _ = self.fake.request(method, f"http://stripe{path}", headers, text)
            except stripe.APIConnectionError:
                body_text, status = "", 0
            finally:
                self.fake.faults.clear()
        if fault and fault[0] in ("reset", "timeout"):
            if fault[0] == "timeout":
                time.sleep(1.3 * PATIENCE)
            return None
        return status, body_text

    def control(self, asked: dict[str, Any]) -> Any:
        with self.lock:
            act: Callable[..., Any] = getattr(self, f"do_{asked.pop('do')}")
            return act(**asked)

    def do_reset(self, accounts: list[str], seed: int) -> None:
        self.fake = FakeStripe()
        self.weather = Weather(dice=random.Random(seed), met=self.weather.met, asked=self.weather.asked)
        for each in accounts:
            self.fake.an_account(each)

    def do_weather(self, share: float = 0.0, planned: list[list[Any]] | None = None) -> dict[str, int]:
        self.weather.share = share
        if planned is not None:
            self.weather.planned = [(path, kind, after) for path, kind, after in planned]
        return {"asked": self.weather.asked, "met": self.weather.met}

    def do_advance(self, seconds: int) -> None:
        self.fake.now += seconds

    def do_state(self) -> dict[str, Any]:
        """By our reference: what has gone for good, what was made, where it stands, and under which keys."""
        refs = {each["transfer_group"] for each in self.fake.transfers.values()}
        refs |= {each["metadata"].get("payout") for each in self.fake.payouts.values()}
        keys: dict[str, set[str]] = {}
        for seen in self.fake.seen:
            params = seen.params
            ref = params.get("metadata", {}).get("payout") if seen.path in ("/v1/transfers", "/v1/payouts") else None
            if seen.method == "post" and ref:
                keys.setdefault(ref, set()).add(f"{seen.path} {seen.headers.get('idempotency-key')}")
        return {
            ref: {
                "gone": self.fake.gone(ref),
                "transfers": len(self.fake.transfers_of(ref)),
                "payouts": [each["status"] for each in self.fake.payouts_of(ref)],
                "keys": sorted(keys.get(ref, set())),
            }
            for ref in sorted(filter(None, refs | set(keys)))
        }

    def do_settle(self, ref: str, status: str) -> None:
        self.fake.settle(ref, status)

    def do_deliveries(self, ref: str, kinds: list[str]) -> list[str]:
        """Events about one payout as its objects stand now."""
        told = []
        for kind in kinds:
            if kind.startswith("transfer"):
                told.append(self.fake.delivery(kind, self.fake.transfers_of(ref)[0]).decode())
            else:
                payout = self.fake.payouts_of(ref)[0]
                told.append(self.fake.delivery(kind, payout, account=payout["_account"]).decode())
        return told


class Handler(BaseHTTPRequestHandler):
    bank: Bank

    def do_GET(self) -> None:
        self.serve("get")

    def do_POST(self) -> None:
        self.serve("post")

    def serve(self, method: str) -> None:
        text = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
        if self.path == "/_control":
            said: tuple[int, str] | None = (200, json.dumps(self.bank.control(json.loads(text))))
        else:
            said = self.bank.answer(method, self.path, text, dict(self.headers.items()))
        if said is None:  # the line goes dead
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        data = said[1].encode()
        self.send_response(said[0])
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Whoever asked was killed meanwhile."""


class Provider:
    """Our end of the fake: starts its process, and tells it what the world does."""

    def __init__(self) -> None:
        server = Server(("127.0.0.1", 0), Handler)
        self.port, parent = server.server_address[1], os.getpid()
        self.pid = os.fork()
        if not self.pid:
            Handler.bank = Bank()
            threading.Thread(target=_gone_with, args=(parent,), daemon=True).start()
            server.serve_forever()
            os._exit(0)
        server.socket.close()
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open

    def rail(self) -> StripeConnect:
        """Our rail to it; it pays out rupees too, so that a month of the tests can go through it."""
        return StripeConnect(KEY, [SECRET], pays={"IN": "INR"}, http_client=NearStripe(self.port))

    def tell(self, do: str, **more: Any) -> Any:
        data = json.dumps({"do": do, **more}).encode()
        with self._open(f"http://127.0.0.1:{self.port}/_control", data, timeout=20) as answer:
            return json.loads(answer.read())


def _gone_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)
