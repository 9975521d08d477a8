"""The job worker, composed: which modules declare jobs, and what their jobs are handed."""

from __future__ import annotations

import importlib
import logging
from dataclasses import dataclass, field

from payouts.rails.protocol import OnlineRails
from portal.access.mail import Postman, SmtpPostman
from portal.config import Settings
from portal.kernel.clock import Clock
from portal.kernel.db import Database
from portal.kernel.files import FileStore
from portal.kernel.jobs import Worker
from portal.rails import online_rails_of
from portal.stores import file_store_of

# Modules that declare jobs with `@job`; a job a worker does not know fails, so a new module goes in here with its first job.
JOB_MODULES: tuple[str, ...] = (
    "allocations.agencies.paper_jobs",
    "allocations.casework.campaigns.letter_jobs",
    "allocations.casework.jobs",
    "allocations.casework.legal.alert_jobs",
    "allocations.casework.letters.jobs",
    "allocations.collections.evidence.jobs",
    "allocations.collections.uploads.jobs",
    "allocations.placements.recall_jobs",
    "allocations.placements.strategies.jobs",
    "allocations.reconciliation.bench.bulk_jobs",
    "allocations.reconciliation.bench.jobs",
    "allocations.reconciliation.running.jobs",
    "payouts.commission.check_day",
    "payouts.commission.jobs",
    "payouts.conduct.flag_jobs",
    "payouts.ending",
    "payouts.commission.what_if_jobs",
    "payouts.rails.connected_jobs",
    "payouts.rails.debit_jobs",
    "payouts.reports.jobs",
    "payouts.settlements.answering_jobs",
    "payouts.settlements.tax_alert_jobs",
    "payouts.verify_job",
    "payouts.witness_job",
    "portal.kernel.notice_jobs",
)


@dataclass(frozen=True)
class JobServices:
    """What a job finds as `run.services`."""

    settings: Settings
    files: FileStore
    post: Postman | None = None  # nobody to hand letters to: they are kept
    rails: OnlineRails = field(default_factory=dict)  # the providers there are, by name


def make_worker(settings: Settings, database: Database, clock: Clock) -> Worker:
    """A worker that knows every job."""
    for module in JOB_MODULES:
        importlib.import_module(module)
    post = SmtpPostman(settings.smtp_url, settings.mail_from) if settings.smtp_url else None
    return Worker(database, clock, JobServices(settings, file_store_of(settings), post, online_rails_of(settings)))


def quieten_libraries() -> None:
    """The queue's own account of a job quotes its arguments, which name people; ours does not."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("procrastinate").setLevel(logging.WARNING)
    logging.getLogger("procrastinate.worker").setLevel(logging.CRITICAL)
