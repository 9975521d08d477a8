"""What people press, what the worker does and what the provider delivers: each as a process would do it, pages and worker themselves."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portal.cli.edge import Edge
from portal.cli.main import run
from tests.chaos.ground import REPORTER, REPORTING, Ground, email
from tests.factories.browser import Browser
from tests.factories.stripe_fake import signed


class SignedIn(Browser):
    """A browser whose person signed in before."""

    def __init__(self, ground: Ground, address: str) -> None:
        super().__init__(ground.app)
        with self.client.session_transaction() as cookie:
            cookie["_user_id"] = ground.tokens[address]


@dataclass(frozen=True)
class Press:
    """A button on a page: `once` is the form's token, the same when a browser sends the form again."""

    ground: Ground
    who: str
    path: str
    form: dict[str, Any]
    once: str

    def __call__(self) -> int:
        return SignedIn(self.ground, self.who).post(self.path, {**self.form, "once": self.once}).status_code


def approve(ground: Ground, ref: str, hash_: str, once: str, who: str = "checker") -> Press:
    return Press(ground, email(who), f"/bank/settlements/{ref}/approve", {"expected_hash": hash_}, once)


def make_batch(ground: Ground, rail: str, once: str) -> Press:
    return Press(ground, email("finance"), "/finance/payouts", {"period": "2026-10", "rail": rail}, once)


def approve_batch(ground: Ground, ref: str, file: str, once: str) -> Press:
    return Press(ground, email("checker2"), f"/finance/payouts/{ref}/approve", {"expected_file": file}, once)


def send(ground: Ground, ref: str, once: str) -> Press:
    return Press(ground, email("finance"), f"/finance/payouts/{ref}/send", {}, once)


def answer(ground: Ground, data: bytes, once: str) -> Press:
    return Press(ground, email("finance"), "/finance/payouts/answer", {"file": (io.BytesIO(data), "answer.csv")}, once)


def hand_in(ground: Ground, data: bytes, once: str) -> Press:
    return Press(ground, REPORTER, "/agency/uploads/new", {"file": (io.BytesIO(data), "november.csv")}, once)


def store(ground: Ground, ref: str, once: str) -> Press:
    return Press(ground, REPORTER, f"/agency/uploads/{ref}/store", {}, once)


def check_again(ground: Ground, ref: str, once: str) -> Press:
    return Press(ground, REPORTER, f"/agency/uploads/{ref}/again", {}, once)


@dataclass(frozen=True)
class Deliver:
    """The provider's delivery at our door."""

    ground: Ground
    payload: bytes

    def __call__(self) -> int:
        header = {"Stripe-Signature": signed(self.payload, self.ground.clock.now())}
        browser = Browser(self.ground.app)
        return browser.open("/webhooks/stripe", method="POST", data=self.payload, headers=header).status_code


@dataclass(frozen=True)
class Work:
    """A worker comes, does what is queued, and goes."""

    ground: Ground

    def __call__(self) -> int:
        self.ground.worker().run(wait=False)
        return 0


@dataclass(frozen=True)
class Command:
    """One run of `portal`."""

    ground: Ground
    words: tuple[str, ...]

    def __call__(self) -> int:
        edge = Edge(
            as_json=True, clock=self.ground.clock, _settings=self.ground.settings, _database=self.ground.database.logins
        )
        with redirect_stdout(io.StringIO()):
            return run(list(self.words), edge)


def sync(ground: Ground) -> Command:
    return Command(ground, ("payouts", "sync", "--as", email("finance")))


def import_file(ground: Ground, path: Path) -> Command:
    return Command(ground, ("collections", "import", str(path), "--agency", REPORTING))
