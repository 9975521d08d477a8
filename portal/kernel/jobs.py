"""Long work behind the pages, and the one place that knows the queue (procrastinate, in the same PostgreSQL).

A feature declares a job, a service enqueues it in its own transaction (a rollback takes the job along), a worker runs it, and a row of
`job_progress` shows how far it is. A job may run more than once: a worker can be killed after its work was committed and before
that was noted. So jobs are written to be harmless the second time.

    @job("reconcile")
    def reconcile_through(run: JobRun, *, through: str) -> dict[str, Any]:
        with run.transaction() as session:
            ...

    enqueue(session, reconcile_through, {"through": "2026-10-31"}, actor=actor, now=now)
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from typing import Any, Protocol

import procrastinate
from procrastinate.jobs import Job as QueuedJob
from procrastinate.retry import BaseRetryStrategy, RetryDecision
from sqlalchemy import Engine, func, select, text, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from portal.kernel.audit import Actor
from portal.kernel.clock import BANK_ZONE, Clock
from portal.kernel.db import Database, Scope, agency_scope, bank_scope, scope_of, unit_of_work
from portal.kernel.errors import NotFound, PortalError, Unavailable
from portal.kernel.progress import UNDER_WAY, JobProgress

MAX_ATTEMPTS = 5  # then a job that fails for a passing reason, or keeps killing its worker, is given up
HEARTBEAT_SECONDS = 10.0
REPORT_SECONDS = 0.25  # progress is written at most this often
RESCUE_LOCK = 0x706F7274616C  # any number; one rescuer at a time
NIGHTLY_LOCK = RESCUE_LOCK + 1
NIGHT = Actor(None, "system", "system")  # who asks for what is done every night

logger = logging.getLogger(__name__)


class Work(Protocol):
    __name__: str

    def __call__(self, run: JobRun, **arguments: Any) -> dict[str, Any] | None: ...


@dataclass(frozen=True)
class Job:
    """A kind of long work: its name in the queue, what it does, and whether an agency's people may start it."""

    name: str
    work: Work
    for_agencies: bool = False
    nightly: bool = False  # the first worker to see a new day asks for it


JOBS: dict[str, Job] = {}


def job(name: str, *, for_agencies: bool = False, nightly: bool = False) -> Callable[[Work], Job]:
    """Declare a job. Its arguments and its result are JSON; the result is kept in the progress row."""

    def declare(work: Work) -> Job:
        if name in JOBS:
            raise ValueError(f"two jobs are called {name}")
        JOBS[name] = Job(name, work, for_agencies, nightly)
        return JOBS[name]

    return declare


@dataclass
class JobRun:
    """What a job works with: transactions in the scope it was enqueued under, a clock, who asked, and a place to report."""

    progress_id: int
    scope: Scope
    actor: Actor
    database: Database
    clock: Clock
    services: Any = None  # whatever the composition root hands to jobs: file store, rails
    _reported: float = field(default=0.0, repr=False)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """One transaction, committed at the end. A job may use several; each leaves things as they may stay."""
        with self.database.session(self.scope) as session, unit_of_work(session):
            yield session

    def report(self, done: int, total: int, message: str = "") -> None:
        """Show how far it is, in the job's own unit. Cheap to call often."""
        if done < total and time.monotonic() - self._reported < REPORT_SECONDS:
            return
        self._reported = time.monotonic()
        write_progress(self, status="running", done=done, total=total, message=message)


def write_progress(run: JobRun, **values: Any) -> None:
    """Commit the progress row by itself, so that it moves while the work's transaction is still open."""
    with run.database.session(bank_scope(run.clock.today())) as session, unit_of_work(session):
        changed = update(JobProgress).where(JobProgress.id == run.progress_id)
        session.execute(changed.values(updated_at=run.clock.now(), **values))


def enqueue(
    session: Session,
    job: Job,
    arguments: dict[str, Any],
    *,
    actor: Actor,
    now: datetime,
    lock: str | None = None,
    about: str = "",
) -> int:
    """Ask for a job in the caller's transaction; returns the id of its progress row.

    `arguments` are JSON. Jobs with the same `lock` run one after the other, in order. `about` names the one thing the job does (the run
    it approves, the set it accepts): asked for again while that waits or runs, by whomever, nothing is queued and its row is answered.
    """
    if about and (running := _under_way(session, job, about)) is not None:
        return running
    progress = JobProgress(
        kind=job.name,
        about=about,
        agency_id=scope_of(session).agency_id,
        created_by=actor.email,
        created_at=now,
        updated_at=now,
    )
    session.add(progress)
    session.flush()
    payload = json.dumps({"actor": asdict(actor), "given": arguments})
    session.execute(
        text("select portal_enqueue(:job, cast(:payload as jsonb), :progress_id, :lock)"),
        {"job": job.name, "payload": payload, "progress_id": progress.id, "lock": lock},
    )
    return progress.id


def _under_way(session: Session, job: Job, about: str) -> int | None:
    """The job about the same that waits or runs. Two who ask at once take turns until one has committed."""
    session.scalar(select(func.pg_advisory_xact_lock(func.hashtext(f"job {job.name} {about}"))))
    query = select(JobProgress.id).where(JobProgress.kind == job.name, JobProgress.about == about, text(UNDER_WAY))
    return session.scalar(query.limit(1))


def progress_of(session: Session, progress_id: int) -> JobProgress:
    """The progress row, within the session's scope. NotFound otherwise."""
    found = session.get(JobProgress, progress_id, populate_existing=True)
    if found is None:
        raise NotFound("There is no such job.")
    return found


@dataclass(frozen=True)
class Worker:
    """Runs queued jobs until told to stop: SIGTERM and SIGINT let running jobs finish, and a killed worker's are rescued."""

    database: Database
    clock: Clock
    services: Any = None
    heartbeat_seconds: float = HEARTBEAT_SECONDS

    @property
    def stalled_seconds(self) -> float:
        return 3 * self.heartbeat_seconds

    def run(self, *, concurrency: int = 1, wait: bool = True) -> None:
        """Block until stopped; with `wait=False` until the queue is empty. Raises Unavailable without a database."""
        self.rescue()
        try:
            asyncio.run(self._run(concurrency, wait))
        except procrastinate.exceptions.ConnectorException as error:
            raise Unavailable(f"The worker lost its database: {error.__cause__ or error}") from error

    async def _run(self, concurrency: int, wait: bool) -> None:
        app = procrastinate.App(connector=queue_connector(self.database.bank))
        app.task(name="run", queue="portal", retry=_Again(), pass_context=True)(self._perform)
        async with app.open_async():
            rescuing = asyncio.create_task(self._keep_rescuing(every_night=wait))
            try:
                await app.run_worker_async(
                    concurrency=concurrency,
                    wait=wait,
                    delete_jobs="successful",
                    update_heartbeat_interval=self.heartbeat_seconds,
                    stalled_worker_timeout=self.stalled_seconds,
                    fetch_job_polling_interval=min(5.0, self.heartbeat_seconds),
                )
            finally:
                rescuing.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await rescuing

    async def _keep_rescuing(self, *, every_night: bool) -> None:
        began_on = self.clock.today()
        while True:
            await asyncio.sleep(self.heartbeat_seconds)
            try:
                await asyncio.to_thread(self.rescue)
                if every_night:
                    await asyncio.to_thread(self.ask_nightly, began_on)
            except OperationalError:
                logger.warning("could not look for stalled jobs; will try again", exc_info=True)

    def rescue(self) -> int:
        """Put back the jobs of workers that have not given a sign of life; returns how many were put back.

        A job that has been put back too often is given up, since it seems to kill its workers.
        """
        with self.database.session(bank_scope(self.clock.today())) as session, unit_of_work(session):
            if not session.scalar(select(func.pg_try_advisory_xact_lock(RESCUE_LOCK))):
                return 0
            limits = {"stalled_seconds": self.stalled_seconds, "max_attempts": MAX_ATTEMPTS}
            rescued = session.execute(RESCUE, limits).all()
            for job_id, progress_id, status in rescued:
                logger.warning("job %s lost its worker and is now %s", job_id, status)
                lost = {"status": "waiting" if status == "todo" else "failed", "message": "Its worker stopped."}
                session.execute(update(JobProgress).where(JobProgress.id == progress_id).values(**lost))
            return sum(status == "todo" for _, _, status in rescued)

    def ask_nightly(self, began_on: date) -> int:
        """Ask for each nightly job that nobody asked for since the bank's day began; returns how many were asked for.

        One that was never asked for waits for the first midnight after `began_on`, when this worker did. Workers may look at once:
        one at a time does.
        """
        nightly = [each for each in JOBS.values() if each.nightly]
        today = self.clock.today()
        with self.database.session(bank_scope(today)) as session, unit_of_work(session):
            if not nightly or not session.scalar(select(func.pg_try_advisory_xact_lock(NIGHTLY_LOCK))):
                return 0
            asked = 0
            for each in nightly:
                latest = select(func.max(JobProgress.created_at)).where(JobProgress.kind == each.name)
                before = session.scalar(latest)
                if (before.astimezone(BANK_ZONE).date() if before else began_on) < today:
                    enqueue(session, each, {}, actor=NIGHT, now=self.clock.now(), lock=each.name)
                    asked += 1
            return asked

    def _perform(self, context: procrastinate.JobContext, **queued: Any) -> None:
        """Run one job in a thread, keeping its progress row in step with what happens to it."""
        run = self._run_of(queued)
        try:
            write_progress(run, status="running", message="")
            result = self._job_of(queued).work(run, **queued["arguments"]["given"])
        except Exception as error:
            again = _passing(error) and context.job.attempts + 1 < MAX_ATTEMPTS
            expected = isinstance(error, PortalError)
            logger.log(
                logging.WARNING if again or expected else logging.ERROR,
                "job %s %s %s: %s",
                queued["job"],
                run.progress_id,
                "will be tried again" if again else "failed",
                type(error).__name__,
                exc_info=None if expected else error,
            )
            _note_failure(run, error, again=again)
            raise
        write_progress(run, status="done", result=result)

    def _run_of(self, queued: dict[str, Any]) -> JobRun:
        today, agency_id = self.clock.today(), queued["agency_id"]
        return JobRun(
            progress_id=queued["progress_id"],
            scope=bank_scope(today) if agency_id is None else agency_scope(agency_id, today),
            actor=replace(Actor(**queued["arguments"]["actor"]), via="worker"),
            database=self.database,
            clock=self.clock,
            services=self.services,
        )

    def _job_of(self, queued: dict[str, Any]) -> Job:
        found = JOBS.get(queued["job"])
        if found is None:
            raise NotFound(f"This worker knows no job called {queued['job']}.")
        if queued["agency_id"] is not None and not found.for_agencies:
            raise NotFound("This job is the bank's alone.")
        return found


RESCUE = text(
    """
    update queue.procrastinate_jobs as lost
       set status = case when lost.attempts + 1 < :max_attempts then 'todo' else 'failed' end
                    ::queue.procrastinate_job_status,
           attempts = lost.attempts + 1, scheduled_at = null, worker_id = null
     where lost.status = 'doing'
       and not exists (
           select from queue.procrastinate_workers as alive
            where alive.id = lost.worker_id
              and alive.last_heartbeat > now() - make_interval(secs => :stalled_seconds)
       )
    returning lost.id, (lost.args ->> 'progress_id')::bigint, lost.status::text
    """
)


class _Again(BaseRetryStrategy):
    """Try again, ever later, what failed for a passing reason; a refusal or a defect fails at once."""

    def get_retry_decision(self, *, exception: BaseException, job: QueuedJob) -> RetryDecision | None:
        if not _passing(exception) or job.attempts + 1 >= MAX_ATTEMPTS:
            return None
        return RetryDecision(retry_in={"seconds": 2 ** (job.attempts + 1)})


def _passing(error: BaseException) -> bool:
    return isinstance(error, Unavailable | OperationalError)


def _note_failure(run: JobRun, error: Exception, *, again: bool) -> None:
    """Say in the progress row what happened; only what we refuse on purpose is fit for the reader's eyes."""
    message = (
        str(error) if isinstance(error, PortalError) else "It stopped on a defect of ours; the log has the details."
    )
    if again:
        message = f"Will try again. {message}"
    write_progress(run, status="waiting" if again else "failed", message=message)


def queue_connector(engine: Engine) -> procrastinate.PsycopgConnector:
    """A connection pool of the queue's own on the bank's login, become portal_bank, in the queue's schema."""
    whole = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    # SQLAlchemy writes a space in the query (the folder of a socket) as a plus, which libpq takes at its word.
    address, mark, query = whole.partition("?")
    url = address + mark + query.replace("+", "%20")
    options = "-c role=portal_bank -c search_path=queue,public"
    return procrastinate.PsycopgConnector(conninfo=url, kwargs={"options": options}, min_size=1, max_size=4)
