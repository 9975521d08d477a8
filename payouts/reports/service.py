"""Asking a report, keeping its answer under its hash, and asking the same again.

The answer is canonical JSON without the moment it was asked, so that the same books and the same question give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from payouts.reports.asking import Asked, Report, read_question
from payouts.reports.catalogue import find_report
from payouts.reports.models import ReportRun
from payouts.reports.shape import row_count, section_of
from portal.kernel.audit import Actor, AuditTag, canonical, record_event
from portal.kernel.errors import NotFound
from portal.kernel.files import FileStore, store_file

SHAPE = 1  # of the kept answer


@dataclass(frozen=True, slots=True)
class Answer:
    """What a question was answered: `content` as it is kept, `text` its canonical JSON, and its hash."""

    report: Report
    content: Mapping[str, Any]
    text: str
    sha256: str

    @property
    def rows(self) -> int:
        return int(self.content["rows"])

    @property
    def parameters(self) -> dict[str, str]:
        return dict(self.content["parameters"])


def ask(session: Session, code: str, given: Mapping[str, str], *, today: date) -> Answer:
    """Answer a report from the books as they are now. NotFound or Invalid when it cannot be asked so. Keeps nothing."""
    report = find_report(code)
    asked = read_question(session, report, given, today)
    sections = [section_of(section) for section in report.gather(session, asked)]
    content = {
        "shape": SHAPE,
        "report": report.code,
        "version": report.version,
        "title": report.title,
        "sentence": report.sentence,
        "parameters": dict(asked.parameters),
        "covers": covers(report, asked),
        "sections": sections,
        "rows": row_count(sections),
    }
    text = canonical(content)
    return Answer(report, content, text, hashlib.sha256(text.encode()).hexdigest())


def covers(report: Report, asked: Asked) -> str:
    """ "October 2026, all agencies"."""
    span = asked.span
    if report.asks == "month":
        words = f"{span.start:%B %Y}"
    elif report.asks == "quarter":
        words = f"{span.start:%B} to {span.last_day:%B %Y}"
    else:
        words = f"{asked.day.day} {asked.day:%B %Y}"
    if not report.by_agency:
        return words
    return f"{words}, {asked.parameters.get('agency') or 'all agencies'}"


def question_hash(report: Report, parameters: Mapping[str, str]) -> str:
    asked = {"report": report.code, "version": report.version, "parameters": dict(parameters)}
    return hashlib.sha256(canonical(asked).encode()).hexdigest()


def keep(session: Session, store: FileStore, answer: Answer, *, actor: Actor, now: datetime, form: str) -> ReportRun:
    """Keep an answer, or find it kept: the same question with the same answer is kept once. The log has every asking."""
    report, question = answer.report, question_hash(answer.report, answer.parameters)
    same = (ReportRun.question_sha256 == question, ReportRun.content_sha256 == answer.sha256)
    run = session.scalars(select(ReportRun).where(*same)).first()
    if is_new := run is None:
        name = f"{report.code}-{'-'.join(answer.parameters.values())}.json"
        data, kind = answer.text.encode(), "application/json"
        store_file(session, store, data, name=name, media_type=kind, agency_id=None, actor=actor, now=now)
        run = ReportRun(
            report=report.code,
            parameters=answer.parameters,
            question_sha256=question,
            content_sha256=answer.sha256,
            row_count=answer.rows,
            asked_by=actor.email,
            asked_at=now,
        )
        session.add(run)
        session.flush()
    assert run is not None
    record_event(
        session,
        AuditTag.REPORT_ASKED,
        actor=actor,
        subject_type="report",
        subject_ref=str(run.id),
        now=now,
        data={
            "report": report.code,
            "parameters": answer.parameters,
            "content_sha256": answer.sha256,
            "rows": answer.rows,
            "new": is_new,
            "format": form,
        },
    )
    return run


def find_run(session: Session, run_id: int) -> ReportRun:
    run = session.get(ReportRun, run_id) if run_id < 2**62 else None
    if run is None:
        raise NotFound("There is no such answer.")
    return run


def content_of(store: FileStore, run: ReportRun) -> Mapping[str, Any]:
    """The answer as it was kept; the store checks its hash."""
    try:
        content: Mapping[str, Any] = json.loads(store.read(run.content_sha256))
    except ValueError:
        raise NotFound("What is kept of this answer is none.") from None
    return content


def recheck(session: Session, run: ReportRun, *, today: date) -> Answer:
    """The same question put to the books of today."""
    return ask(session, run.report, run.parameters, today=today)


def changed(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Which sections are answered otherwise, by title; also those that are new or gone."""
    before, after = ({each["title"]: each for each in content["sections"]} for content in (was, now))
    return [title for title in dict.fromkeys([*before, *after]) if before.get(title) != after.get(title)]


def list_runs(
    session: Session, *, report: str = "", after: tuple[Any, ...] | None = None, limit: int = 50
) -> Sequence[ReportRun]:
    """Kept answers, the newest first; `after` is the id of the last one shown."""
    query = select(ReportRun).order_by(ReportRun.id.desc()).limit(limit)
    if report:
        query = query.where(ReportRun.report == report)
    if after:
        query = query.where(ReportRun.id < after[0])
    return session.scalars(query).all()
