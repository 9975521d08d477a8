"""What the killed processes work on: a month of submitted settlements in a database that can be had anew in no time, pages and worker."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg
from flask import Flask
from sqlalchemy import NullPool
from sqlalchemy.orm import Session

from payouts.rails.provider_models import ConnectedAccount
from payouts.settlements.drafting import draft
from payouts.settlements.service import submit
from portal.access.sessions import start_session
from portal.access.users import find_user
from portal.app import create_app
from portal.config import Settings
from portal.kernel.clock import FixedClock
from portal.kernel.db import Database, bank_scope, make_engine, unit_of_work
from portal.kernel.embedded import EmbeddedServer
from portal.kernel.files import LocalFileStore
from portal.kernel.jobs import Worker
from portal.worker import JobServices, make_worker, quieten_libraries
from tests.chaos.killing import Killer
from tests.chaos.provider import Provider
from tests.conftest import NOW, TestDatabase, administration, clone, drop
from tests.factories.month import MAKER, OCTOBER, SYSTEM, a_bank_detail, a_month
from tests.factories.stripe_fake import KEY, SECRET
from tests.factories.world import MADE_AT, a_user, an_account, an_agency, an_allocation

PEOPLE = {"maker": "bank_operator", "checker": "bank_approver", "checker2": "bank_approver", "finance": "finance"}
APPROVERS = [f"approver{number}" for number in range(20)]
REPORTER = "accounts@impo.example"
REPORTING = "IMPO"
ACCOUNTS = 20
SETTLEMENTS = 24
RAIL = "stripe_connect"


def email(name: str) -> str:
    return f"{name}@bank.example"


@dataclass
class Ground:
    """`look`: a superuser's eyes, whom no policy binds; `killer`: who forks and kills."""

    server: EmbeddedServer
    home: Path
    settlements: int = SETTLEMENTS
    clock: FixedClock = field(default_factory=lambda: FixedClock(NOW))
    tokens: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.provider = Provider()  # forks before there is anything to copy
        quieten_libraries()
        self.name = f"portal_kills_{self.home.name.replace('-', '_').lower()}"
        self.store = LocalFileStore(self.home / "files")
        world = clone(self.server, self.world)
        try:
            build(world, self.store, self.settlements)
        finally:
            world.logins.dispose()

    @property
    def world(self) -> str:
        return f"{self.name}_world"

    @cached_property
    def database(self) -> TestDatabase:
        return TestDatabase(self.server, self.name)

    @cached_property
    def settings(self) -> Settings:
        plain = Settings(home=self.home, env="test", secret_key="a secret for tests alone, and long", log_level="ERROR")
        plain = replace(plain, stripe_key=KEY, stripe_webhook_secrets=(SECRET,))
        return replace(plain, session_idle=timedelta(hours=20), session_absolute=timedelta(hours=20)).with_database(
            self.database.bank_url, self.database.agency_url, self.database.owner_url
        )

    @cached_property
    def rails(self) -> dict[str, Any]:
        return {RAIL: self.provider.rail()}

    @cached_property
    def app(self) -> Flask:
        app = create_app(self.settings, clock=self.clock, database=self.database.logins)
        app.extensions["portal.rails"] = self.rails
        return app

    @cached_property
    def killer(self) -> Killer:
        return Killer((self.database.logins.bank, self.database.logins.agency))

    @cached_property
    def quiet_logins(self) -> Database:
        """For this process alone: no connection of it is ever left for a child to find."""
        bank, agency = (
            make_engine(url, poolclass=NullPool) for url in (self.database.bank_url, self.database.agency_url)
        )
        return Database(bank, agency, beside=self.database.logins.beside)

    @property
    def outbox(self) -> Path:
        return self.home / "outbox" / "bank"

    def begin(self, seed: int) -> None:
        """The world as it was built, a clear sky, an empty outbox, noon."""
        self.end()
        with administration(self.server) as connection:
            make = f"create database {self.name} template {self.world} strategy file_copy"
            connection.execute(make.encode())
            connection.execute(f"grant create on database {self.name} to portal_owner".encode())
        self.look = psycopg.connect(self.database.owner_url, autocommit=True)
        self.clock.instant = NOW
        shutil.rmtree(self.outbox, ignore_errors=True)
        accounts = [row[0] for row in self.rows("select account_id from connected_accounts")]
        self.provider.tell("reset", accounts=accounts, seed=seed)
        self.sign_in()

    def end(self) -> None:
        if hasattr(self, "look"):
            self.look.close()
        self.database.logins.dispose()
        with administration(self.server) as connection:
            connection.execute(f"drop database if exists {self.name} with (force)".encode())

    def close(self) -> None:
        self.end()
        drop(TestDatabase(self.server, self.world))

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        cursor = self.look.execute(sql.encode(), values or None)
        return cursor.fetchall() if cursor.description else []

    @contextmanager
    def unit(self) -> Iterator[Session]:
        with self.quiet_logins.session(bank_scope(self.clock.today())) as session, unit_of_work(session):
            yield session

    def sign_in(self, addresses: Iterable[str] = (*map(email, PEOPLE), REPORTER)) -> None:
        with self.unit() as session:
            for address in addresses:
                given: dict[str, Any] = {"now": self.clock.now(), "lasts": timedelta(hours=20), "most": 50}
                who = find_user(session, address)
                self.tokens[address] = start_session(session, who, **given, address="127.0.0.1", browser="test")

    def pass_time(self, hours: int) -> None:
        """Everybody waits: the clock here and at the provider moves, and people sign in anew."""
        self.clock.instant += timedelta(hours=hours)
        self.provider.tell("advance", seconds=hours * 3600)
        self.sign_in()

    def time_heals(self) -> None:
        """What a minute does: the dead worker's heartbeat is old, and what was put off is due."""
        self.rows("update queue.procrastinate_workers set last_heartbeat = now() - interval '1 hour'")
        self.rows("update queue.procrastinate_jobs set scheduled_at = null where status = 'todo'")

    def wait_for_the_dead(self) -> None:
        """Until the server has noticed that a killed client is gone."""
        query = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        while self.rows(f"{query} and backend_type = 'client backend'")[0][0]:
            time.sleep(0.002)

    def worker(self) -> Worker:
        made = make_worker(self.settings, self.database.logins, self.clock)
        services: JobServices = replace(made.services, rails=self.rails)
        return replace(made, services=services)


def build(world: TestDatabase, store: LocalFileStore, settlements: int) -> None:
    """People, agencies with accounts at the provider, October drafted and submitted; and one agency that reports collections."""
    with world.logins.session(bank_scope(NOW.date())) as session:
        with unit_of_work(session):
            for name, role in {**PEOPLE, **dict.fromkeys(APPROVERS, "bank_approver")}.items():
                a_user(session, email(name), role)
            codes = [f"K{number:03d}" for number in range(settlements)]
            for number, code in enumerate(codes):
                agency = an_agency(session, code, pan=f"AAPFU{number:04d}F", email=f"{code.lower()}@agency.example")
                a_bank_detail(session, agency)
                words = {"currency": "INR", "country": "IN", "is_live": False, "made_by": "f", "made_at": MADE_AT}
                account = {"agency_id": agency.id, "provider": RAIL, "account_id": f"acct_{agency.id}"}
                session.add(ConnectedAccount(**account, **words, can_be_paid=True))
            amounts = {code: [(1_000 + number) * 100_00] for number, code in enumerate(codes)}
            a_month(session, amounts=amounts)
            reporting = an_agency(session, REPORTING, pan="AAPFU9999F")
            a_user(session, REPORTER, "agency_accountant", reporting)
            for number in range(ACCOUNTS):
                an_allocation(session, an_account(session, f"LN{number}", as_of=None), reporting)
        with unit_of_work(session):
            draft(session, OCTOBER, actor=SYSTEM, now=NOW)
        for code in codes:
            with unit_of_work(session):
                submit(session, f"S2610-{code}", actor=MAKER, now=NOW)
