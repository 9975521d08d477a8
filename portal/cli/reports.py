"""`portal report` and `portal audit-pack`: ask a report, keep its answer as a file; make the auditor's pack and check one."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import click

from payouts.reports.catalogue import REPORTS
from payouts.reports.pack import keep_pack, make_pack
from payouts.reports.pack_check import problems_of, read_pack
from payouts.reports.paper import Stamp, pdf, workbook
from payouts.reports.service import Answer, ask, content_of, keep
from payouts.reports.shape import in_words
from portal.access.permissions import Permission
from portal.cli.accrue import month_named
from portal.cli.edge import DONE, REFUSED, Edge, PortalCommand, input_path, output_file, with_edge
from portal.kernel.errors import Invalid, Problem

WRITERS = {"xlsx": workbook, "pdf": pdf}


@click.command("report", cls=PortalCommand)
@click.argument("code", required=False)
@click.option("--month", help="The month, YYYY-MM; the last whole one when nothing is said.")
@click.option("--quarter", help="The quarter, 2026-Q3.")
@click.option("--day", help="The day it looks from, YYYY-MM-DD.")
@click.option("--agency", default="", help="One agency's code.")
@click.option(
    "--out", type=click.Path(path_type=Path), callback=output_file, help="Keep it; a file .xlsx, .pdf or .json."
)
@with_edge
def report(edge: Edge, code: str | None, out: Path | None, **given: str | None) -> None:
    """Ask a report of the books as they are. Without a code: which there are. With --out the answer is kept."""
    if code is None:
        known = [{"report": each.code, "title": each.title, "asks": each.asks} for each in REPORTS.values()]
        edge.show({"reports": known}, "\n".join(f"{each.code:14} {each.sentence}" for each in REPORTS.values()))
        return
    way = out.suffix.removeprefix(".") if out else ""
    if out and way not in (*WRITERS, "json"):
        raise Invalid(Problem("bad_format", "A report is written as .xlsx, .pdf or .json.", "Name the file so."))
    asked = {name: value for name, value in given.items() if value}
    with edge.unit() as session:
        actor = edge.actor(session, Permission.REPORT_KEEP if out else Permission.REPORT_READ)
        answer = ask(session, code, asked, today=edge.today)
        number = None
        if out:
            run = keep(session, edge.store, answer, actor=actor, now=edge.now, form=way)
            number, stamp = run.id, Stamp(run.id, run.asked_at, run.content_sha256)
            content = content_of(edge.store, run)
            out.write_bytes(WRITERS[way](content, stamp) if way in WRITERS else answer.text.encode())
    payload: dict[str, Any] = {
        **answer.content,
        "sha256": answer.sha256,
        "answer": number,
        "file": str(out) if out else None,
    }
    edge.show(payload, in_lines(answer))


def in_lines(answer: Answer) -> str:
    content = answer.content
    lines = [f"{content['title']}, {content['covers']}: {answer.rows} rows, sha256 {answer.sha256[:16]}…"]
    for section in content["sections"]:
        columns = section["columns"]
        lines.append(f"{section['title']}: " + " | ".join(each["title"] for each in columns))
        lines += [
            "  " + " | ".join(in_words(column, cell) for column, cell in zip(columns, row, strict=True))
            for row in [*section["rows"], *section["totals"]]
        ]
    return "\n".join(lines)


@click.command("audit-pack", cls=PortalCommand)
@click.argument("file", metavar="PACK.zip", type=click.Path(path_type=Path))
@click.option("--period", "label", metavar="YYYY-MM", help="Make the pack of this month.")
@click.option(
    "--check", "is_checked", is_flag=True, help="Check one instead: a ZIP, or the folder it was unpacked into."
)
@click.option("--with-files", is_flag=True, help="With the originals of what was handed in: they name borrowers.")
@with_edge
def audit_pack(edge: Edge, file: Path, label: str | None, is_checked: bool, with_files: bool) -> None:
    """Make the auditor's pack of a month, or check one; exit code 1 when something in it does not hold."""
    if is_checked:
        check(edge, file)
        return
    if not label:
        raise Invalid(Problem("bad_period", "Say which month.", "--period 2026-10, or --check to check a pack."))
    period = month_named(label)
    with edge.unit() as session:
        actor = edge.actor(session, Permission.AUDIT_PACK)
    with edge.unit() as session:
        # One moment of the books for all of it.
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        pack = make_pack(session, edge.store, period, with_files=with_files)
    with edge.unit() as session:
        keep_pack(session, edge.store, pack, actor=actor, now=edge.now)
    file.write_bytes(pack.data)
    payload = {"period": period.label, "file": str(file), "sha256": pack.sha256, "members": pack.members}
    text = f"{file}: {pack.members} files, {pack.holds}, sha256 {pack.sha256}"
    edge.show(payload | {"holds": pack.holds}, text)


def check(edge: Edge, file: Path) -> None:
    path = file if file.is_dir() else input_path(file)
    try:
        members = read_pack(path)
    except zipfile.BadZipFile:
        raise Invalid(Problem("bad_zip", "This is no ZIP.", "Take the pack as it was handed out.")) from None
    found = problems_of(members)
    text = "\n".join(found) if found else f"{len(members)} files: everything holds."
    edge.show({"file": str(file), "members": len(members), "problems": found}, text, REFUSED if found else DONE)


def register(portal: click.Group) -> None:
    portal.add_command(report)
    portal.add_command(audit_pack)
