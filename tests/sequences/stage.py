"""Where sequences of operations are played: the real services on a real database, in one transaction that is never committed.

A savepoint stands for a commit. Every unit of work is a savepoint of its own, with the scope, the role and the audit events it has at the
edge; afterwards the deferred triggers are asked as a commit would ask them. So a path may be walked, taken back to any of its
savepoints, and walked on another way.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import Connection, create_engine, text

from portal.kernel.audit import Actor
from portal.kernel.clock import BANK_ZONE
from portal.kernel.db import PortalSession, Scope, agency_scope, bank_scope, make_engine, unit_of_work
from portal.kernel.files import ContentStore
from portal.kernel.key_ring import KeyRing
from portal.kernel.periods import Period, month_of
from tests.factories.online_double import OnlineDouble

BEGINS = datetime(2026, 10, 20, 6, 30, tzinfo=UTC)
STEP = timedelta(minutes=3)  # no two operations at the same instant
# Plans are made once: the statements are always the same and the tables always small.
OPTIONS = "-c timezone=UTC -c jit=off -c plan_cache_mode=force_generic_plan"


class MemoryStore(ContentStore):
    """Files by their sha256, kept while the process lives: bytes that a branch stored and another never heard of harm nobody."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def _keep(self, sha256: str, source: BinaryIO, size: int) -> None:
        self.kept.setdefault(sha256, source.read())

    def open(self, sha256: str) -> BinaryIO:
        if sha256 not in self.kept:
            raise FileNotFoundError(sha256)
        return io.BytesIO(self.kept[sha256])

    def has(self, sha256: str) -> bool:
        return sha256 in self.kept

    def size(self, sha256: str) -> int:
        return len(self.kept[sha256])

    def delete(self, sha256: str) -> None:
        self.kept.pop(sha256, None)


@dataclass(frozen=True)
class Moment:
    """What stands outside the database and must go back with it: the time, and what the provider has been asked."""

    now: datetime = BEGINS
    provider: OnlineDouble = field(default_factory=OnlineDouble)


@dataclass
class Stage:
    """One connection of a superuser, who becomes the role of whoever acts. `agencies`: id and owner by code."""

    connection: Connection
    folder: Path
    store: MemoryStore = field(default_factory=MemoryStore)
    moment: Moment = field(default_factory=Moment)
    agencies: dict[str, tuple[int, Actor]] = field(default_factory=dict)

    @property
    def now(self) -> datetime:
        return self.moment.now

    @property
    def today(self) -> date:
        return self.now.astimezone(BANK_ZONE).date()

    @property
    def month(self) -> Period:
        return month_of(self.today)

    @property
    def provider(self) -> OnlineDouble:
        return self.moment.provider

    def later(self, by: timedelta = STEP) -> None:
        self.moment = replace(self.moment, now=self.now + by)

    @contextmanager
    def bank(self) -> Iterator[PortalSession]:
        """A unit of work of the bank's people."""
        with self._unit(bank_scope(self.today)) as session:
            yield session

    @contextmanager
    def agency(self, agency_id: int) -> Iterator[PortalSession]:
        """A unit of work of an agency's people: its role, its rows."""
        with self._unit(agency_scope(agency_id, self.today)) as session:
            yield session

    @contextmanager
    def _unit(self, scope: Scope) -> Iterator[PortalSession]:
        info = {"scope": scope, "key_ring": KeyRing(self.folder / "keys")}
        try:
            with (
                PortalSession(bind=self.connection, join_transaction_mode="create_savepoint", info=info) as session,
                unit_of_work(session),
            ):
                yield session
        finally:
            self.connection.execute(RESET)

    def ask_constraints(self) -> None:
        """What a commit would ask. Raises what a commit would raise."""
        self.connection.execute(text("set constraints all immediate"))
        self.connection.execute(text("set constraints all deferred"))

    def rows(self, sql: str, **given: Any) -> list[Any]:
        """As the superuser, whom no policy binds."""
        return list(self.connection.execute(text(sql), given))

    def value(self, sql: str, **given: Any) -> Any:
        return self.connection.execute(text(sql), given).scalar()

    def holds(self, sql: str) -> bool:
        return bool(self.rows(sql, **self.bounds))

    @property
    def bounds(self) -> dict[str, Any]:
        """What queries may ask the stage itself: its day, its month and the one before."""
        return {"today": self.today, "this": self.month.start, "prev": self.month.previous().start}

    @contextmanager
    def branch(self, *, keep: bool = False) -> Iterator[Branch]:
        """What happens inside is taken back at its end, the time and the provider's memory with it; unless it is to be kept."""
        was = deepcopy(self.moment)
        savepoint, branch = self.connection.begin_nested(), Branch(keep)
        try:
            yield branch
        except BaseException:
            branch.keep = False
            raise
        finally:
            if branch.keep:
                savepoint.commit()
            else:
                savepoint.rollback()
                self.moment = was


@dataclass
class Branch:
    """`keep`: what happened on it stays."""

    keep: bool


RESET = text("set role none")


@contextmanager
def open_stage(url: str, folder: Path) -> Iterator[Stage]:
    """A stage on a migrated database, whose superuser's address this is; nothing of it is left there."""
    engine = create_engine(make_engine(url).url, connect_args={"options": OPTIONS, "prepare_threshold": 1})
    try:
        with engine.connect() as connection:
            transaction = connection.begin()
            yield Stage(connection, folder)
            transaction.rollback()
    finally:
        engine.dispose()
