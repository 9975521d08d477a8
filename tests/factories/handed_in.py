"""An agency that hands in files, and a worker that does what its pages ask for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from allocations.agencies.models import Agency
from allocations.collections.models import Upload
from allocations.collections.uploads import service as uploads
from portal.kernel.audit import Actor
from portal.kernel.clock import FixedClock
from portal.kernel.db import PortalSession, agency_scope, unit_of_work
from portal.kernel.files import FileStore
from portal.kernel.jobs import Worker
from portal.worker import JobServices, make_worker

HEADER = "receipt_no,loan_account_no,amount,collected_on,mode,instrument_ref"


@dataclass
class Counter:
    """The agency's side of the counter: every act in a transaction of the agency's own scope."""

    database: Any
    settings: Any
    clock: FixedClock
    store: FileStore
    agency_id: int
    who: Actor
    folder: Path

    def session(self) -> PortalSession:
        session: PortalSession = self.database.logins.session(agency_scope(self.agency_id, self.clock.today()))
        return session

    def hand_in(self, data: bytes | str, name: str = "october.csv", **options: Any) -> tuple[str, bool]:
        """Ref of the upload, and whether it was there."""
        path = self.folder / "handed-in"
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        with self.session() as session, unit_of_work(session):
            given = {"actor": self.who, "now": self.clock.now(), "agency": self.agency(session)}
            done = uploads.hand_in(session, self.store, path, file_name=name, **given, **options)
            return done.upload.ref, done.was_there

    def agency(self, session: PortalSession) -> Agency:
        return session.get_one(Agency, self.agency_id)

    def act(self, work: Callable[..., Any], ref: str, *more: Any, **options: Any) -> Any:
        with self.session() as session, unit_of_work(session):
            upload = uploads.locked_upload(session, self.agency_id, ref)
            return work(session, upload, *more, actor=self.who, now=self.clock.now(), **options)

    def store_it(self, ref: str) -> Upload:
        """Press the button, and let a worker come."""
        with self.session() as session, unit_of_work(session):
            upload = uploads.locked_upload(session, self.agency_id, ref)
            agency = self.agency(session)
            uploads.ask_to_store(session, upload, agency=agency, actor=self.who, now=self.clock.now())
        self.work()
        return self.upload(ref)

    def upload(self, ref: str) -> Upload:
        with self.session() as session:
            found = session.scalars(select(Upload).where(Upload.ref == ref)).one()
            session.expunge(found)
            return found

    def worker(self) -> Worker:
        make_worker(self.settings, self.database.logins, self.clock)  # every job is known
        services = JobServices(self.settings, self.store)
        return Worker(self.database.logins, self.clock, services, heartbeat_seconds=0.2)

    def work(self) -> None:
        self.worker().run(wait=False)

    def check(self, data: bytes | str, name: str = "october.csv", **options: Any) -> Upload:
        """Hand in and have it checked."""
        ref, _ = self.hand_in(data, name, **options)
        self.work()
        return self.upload(ref)
