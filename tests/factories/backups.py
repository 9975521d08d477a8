"""A small bank of a test's own to back up: its own database, home and files, with October paid and answered."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from payouts.verify import Verification, verify
from portal.backups.making import MadeBackup, make_backup
from portal.backups.restoring import Restored, restore
from portal.config import Settings
from portal.kernel.clock import FixedClock
from portal.kernel.db import bank_scope
from portal.kernel.embedded import EmbeddedServer
from portal.kernel.files import FileStore
from portal.setup import Urls
from portal.stores import file_store_of
from tests.conftest import TestDatabase, administration, clone, drop
from tests.factories.month import SYSTEM


@dataclass
class SmallBank:
    """What a backup needs to know, and short ways to make one and to put it back."""

    server: EmbeddedServer
    database: TestDatabase
    settings: Settings
    room: Path

    @property
    def store(self) -> FileStore:
        return file_store_of(self.settings)

    @property
    def urls(self) -> Urls:
        return Urls(self.database.bank_url, self.database.agency_url, self.database.owner_url)

    def backup(self, name: str, now: datetime) -> MadeBackup:
        return make_backup(self.room / name, self.settings, self.urls.owner, now=now)

    def restore(self, folder: Path, now: datetime, **given: object) -> Restored:
        """Beside the bank's own database unless told otherwise, into a home of its own."""
        into = given.pop("into", f"{self.database.name}_again")
        settings = replace(self.settings, home=self.room / "restored-home")
        clock, actor = FixedClock(now), given.pop("actor", SYSTEM)
        options = {"actor_of": lambda session: actor, "into": into, **given}
        return restore(folder, settings, self.urls, clock, **options)  # type: ignore[arg-type]

    def beside(self, name: str) -> TestDatabase:
        """Another database of the same server."""
        return TestDatabase(self.server, name)

    def databases(self) -> set[str]:
        """Every database whose name begins with the bank's own."""
        with administration(self.server) as connection:
            query = "select datname from pg_database where starts_with(datname, %s)"
            return {row[0] for row in connection.execute(query, (self.database.name,))}


def a_small_bank(server: EmbeddedServer, room: Path) -> SmallBank:
    database = clone(server, f"bank_{os.getpid()}_{os.urandom(3).hex()}")
    settings = Settings(home=room / "home", env="test", secret_key="a secret for tests alone, and long")
    urls = (database.bank_url, database.agency_url, database.owner_url)
    return SmallBank(server, database, settings.with_database(*urls), room)


def drop_bank(bank: SmallBank) -> None:
    """The bank's database and every one restored from it."""
    for name in bank.databases():
        drop(bank.beside(name)) if name != bank.database.name else drop(bank.database)


def verified(bank: SmallBank, restored: Restored, now: datetime) -> Verification:
    """Everything in a restored database computed again, with the files of its own home."""
    settings, database = replace(bank.settings, home=bank.room / "restored-home"), bank.beside(restored.database)
    try:
        with database.logins.session(bank_scope(now.date())) as session:
            return verify(session, file_store_of(settings))
    finally:
        database.logins.dispose()
