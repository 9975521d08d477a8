"""`portal bank read|import|accept` and `portal postings import`: what the bank saw, what core banking booked."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from allocations.reconciliation.sources.bank_accounts import add_bank_account
from allocations.reconciliation.sources.bank_profiles import named_profile, profiles
from allocations.reconciliation.sources.bank_queries import statement_by_ref
from allocations.reconciliation.sources.postings import PostingImport, import_postings
from allocations.reconciliation.sources.readers.detect import FORMATS, read_statements
from allocations.reconciliation.sources.readers.own_profiles import is_preset, profile_from
from allocations.reconciliation.sources.readers.profiles import PRESETS, Profile
from allocations.reconciliation.sources.readers.statement import ReadLine, ReadStatement
from allocations.reconciliation.sources.statements import (
    ImportedStatement,
    StatementImport,
    accept_statement,
    import_statement,
)
from payouts.rails.debit_jobs import ask_to_look
from portal.access.permissions import Permission
from portal.access.policy import allows
from portal.cli.edge import (
    DONE,
    IN_PART,
    INVALID,
    REFUSED,
    Edge,
    PortalGroup,
    input_file,
    money,
    money_or_none,
    problems_json,
    read_input,
    with_edge,
)
from portal.cli.sheets import REJECTED
from portal.kernel.errors import Forbidden, Invalid, Problem, Unavailable
from portal.kernel.money import shown

FORMAT = click.option("--format", "format_", default="auto", show_default=True, help=f"{', '.join(FORMATS)}.")
PROFILE = click.option(
    "--profile", metavar="NAME", help="For sheets: a bank's name, a layout saved on the pages, or a TOML file with one."
)


@click.group("bank", cls=PortalGroup)
def bank() -> None:
    """Bank statements: MT940/942, camt.052/053/054, BAI2, OFX, CSV, XLSX, plain or zipped."""


@bank.command("read")
@input_file()
@FORMAT
@PROFILE
@with_edge
def read(edge: Edge, file: Path, format_: str, profile: str | None) -> None:
    """Parse a statement file; nothing is stored, and no database is needed but for a layout saved in it."""
    chosen = profile_named(edge, profile)
    statements = read_statements(read_input(file), file.name, format=format_, profile=chosen)
    lines = [
        {"account": each.account or None, **line_json(line, each.currency)}
        for each in statements
        for line in each.lines
    ]
    payload = {
        "file": file.name,
        "statements": [read_json(each) for each in statements],
        "lines": lines,
        "line_count": len(lines),
        "duplicates": 0,
        "errors": [],
    }
    edge.show(payload, "\n".join(read_words(each) for each in statements) or "No statement in this file.")


def profile_named(edge: Edge, name: str | None) -> str | Profile | None:
    """A preset's name as it is; a TOML file becomes the profile it describes; any other name is a layout saved on the pages."""
    if not name or is_preset(name):
        return name
    if not name.endswith(".toml"):
        try:
            with edge.reading() as session:
                return named_profile(session, name)
        except Unavailable:
            cure = f"Use one of {', '.join(PRESETS)}, or a TOML file; saved layouts need their database."
            raise Invalid(Problem("unknown_profile", f"No profile {name!r} is built in.", cure, value=name)) from None
    path = Path(name)
    try:
        return profile_from(tomllib.loads(read_input(path).decode("utf-8")), path.stem)
    except Invalid as wrong:
        raise Invalid([replace(problem, file=path.name) for problem in wrong.problems]) from None
    except ValueError as error:
        raise Invalid(Problem("bad_profile", f"The profile cannot be read: {error}.", file=path.name)) from None


@bank.command("profiles")
@with_edge
def profiles_(edge: Edge) -> None:
    """The layouts of sheets that can be named: those built in, and those saved on the pages."""
    with edge.reading() as session:
        edge.identity(session, Permission.BANK_STATEMENT_READ)
        saved = [
            {
                "profile": row.code,
                "name": row.name,
                "version": row.version,
                "made_by": row.made_by,
                "made_at": row.made_at,
            }
            for row in profiles(session)
        ]
    words = [f"{name} (built in)" for name in PRESETS] + [
        f"{row['profile']} v{row['version']}: {row['name']}" for row in saved
    ]
    edge.show({"built_in": list(PRESETS), "profiles": saved}, "\n".join(words))


def line_json(line: ReadLine, currency: str) -> dict[str, Any]:
    return {
        "line_no": line.line_no,
        "value_on": line.value_on,
        "booked_on": line.booked_on,
        "amount": money(line.amount_minor, currency),
        "currency": currency or None,
        "side": line.side,
        "is_reversal": line.is_reversal,
        "bank_ref": line.bank_ref,
        "customer_ref": line.customer_ref,
        "description": line.description,
    }


def read_json(statement: ReadStatement) -> dict[str, Any]:
    currency = statement.currency
    return {
        "account": statement.account or None,
        "currency": currency or None,
        "number": statement.number or None,
        "reference": statement.ref or None,
        "format": statement.format,
        "profile": statement.layout or None,
        "from_on": statement.from_on,
        "to_on": statement.to_on,
        "opening": money_or_none(statement.opening_minor, currency),
        "closing": money_or_none(statement.closing_minor, currency),
        "credits": money(statement.credits_minor, currency),
        "debits": money(statement.debits_minor, currency),
        "net": money(statement.credits_minor - statement.debits_minor, currency),
        "balanced": statement.balanced,
        "difference": money_or_none(statement.difference_minor, currency),
        "flaws": list(statement.flaws),
        "notes": list(statement.notes),
        "lines": [line_json(line, currency) for line in statement.lines],
    }


def read_words(statement: ReadStatement) -> str:
    currency = statement.currency or "XXX"
    verdict = {True: "ties", False: "does not tie", None: "carries too few balances to prove itself"}[
        statement.balanced
    ]
    sums = f"credits {shown(statement.credits_minor, currency)}, debits {shown(statement.debits_minor, currency)}"
    return f"{statement.account or 'no account'} {statement.format}: {len(statement.lines)} lines, {sums}; {verdict}."


@bank.command("import")
@input_file()
@FORMAT
@PROFILE
@click.option(
    "--account", metavar="NO", help="Refuse the file unless it is of this account; names it where the file does not."
)
@with_edge
def import_(edge: Edge, file: Path, format_: str, profile: str | None, account: str | None) -> None:
    """Import bank statements. One that does not tie is kept apart until an approver accepts it."""
    data, chosen = read_input(file), profile_named(edge, profile)
    with edge.unit() as session:
        result = import_statement(
            session,
            edge.store,
            data,
            file_name=file.name,
            format=format_,
            profile=chosen,
            expected_account=account,
            register_accounts=True,
            actor=edge.actor(session, Permission.BANK_STATEMENT_IMPORT),
            now=edge.now,
        )
        if result.created:
            ask_to_look(session, now=edge.now)
    edge.show(import_json(result), import_words(result), import_exit_code(result))


def import_exit_code(result: StatementImport) -> int:
    if not result.refused:
        return DONE
    return REFUSED if len(result.refused) == len(result.statements) else IN_PART


def import_json(result: StatementImport) -> dict[str, Any]:
    return {
        "file": result.file_name,
        "sha256": result.sha256,
        "statements": [statement_json(each) for each in result.statements],
        "lines": result.lines,
        "created": result.created,
        "duplicates": result.duplicates,
        "errors": problems_json(result.problems),
    }


def statement_json(each: ImportedStatement) -> dict[str, Any]:
    return {
        "ref": each.ref,
        "account": each.account,
        "currency": each.currency,
        "number": each.number or None,
        "status": each.status,
        "opening": money_or_none(each.opening_minor, each.currency),
        "closing": money_or_none(each.closing_minor, each.currency),
        "credits": money(each.credits_minor, each.currency),
        "debits": money(each.debits_minor, each.currency),
        "balanced": each.balanced,
        "difference": money_or_none(each.difference_minor, each.currency),
        "lines": each.lines,
        "created": each.created,
        "duplicates": each.duplicates,
        "known": each.is_known,
        "account_added": each.is_new_account,
        "reasons": list(each.reasons),
        "flags": [dict(flag) for flag in each.flags],
    }


def import_words(result: StatementImport) -> str:
    lines = []
    for each in result.statements:
        said = (
            "was here already, nothing new"
            if each.is_known
            else f"{each.created} lines stored, {each.duplicates} known already"
        )
        lines.append(f"{each.ref} of {each.account}: {each.status}, {said}.")
        if each.is_new_account:
            lines.append(f"  Account {each.account} ({each.currency}) is new and was added.")
        lines += [f"  {flag['message']}" for flag in each.flags]
    return "\n".join(lines)


@bank.command("accept")
@click.argument("ref")
@click.option("--reason", required=True, help="Why the statement is taken as it is.")
@with_edge
def accept(edge: Edge, ref: str, reason: str) -> None:
    """Accept a refused statement as it is: another person than who imported it."""
    with edge.unit() as session:
        who = edge.identity(session, Permission.BANK_STATEMENT_ACCEPT)
        statement = statement_by_ref(session, ref)
        if refused := allows(who, Permission.BANK_STATEMENT_ACCEPT, statement):
            raise Forbidden("You imported this statement; a different person must accept it.", code=refused)
        actor = edge.actor(session, Permission.BANK_STATEMENT_ACCEPT)
        created = accept_statement(session, edge.store, statement, actor=actor, reason=reason, now=edge.now)
        payload = {
            "ref": statement.ref,
            "status": statement.status,
            "created": created,
            "difference": money(statement.difference_minor, statement.currency),
            "currency": statement.currency,
            "accepted_by": statement.accepted_by,
        }
    edge.show(payload, f"{ref} is accepted; lines that count from now on: {payload['created']}.")


@bank.command("add-account")
@click.argument("account_no")
@click.option("--currency", default="INR", show_default=True)
@click.option("--name", default="", help="What people call it.")
@with_edge
def add_account(edge: Edge, account_no: str, currency: str, name: str) -> None:
    """Add a bank account, so that its statements can be handed in on the pages."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.SETTING_EDIT)
        account = add_bank_account(session, account_no, currency.upper(), name=name, actor=actor, now=edge.now)
        payload = {"account": account.account_no, "currency": account.currency, "name": account.name}
    edge.show(payload, f"Statements of {payload['account']} are taken in from now on.")


@click.group("postings", cls=PortalGroup)
def postings() -> None:
    """What core banking credited to loan accounts."""


@postings.command("import")
@input_file()
@click.option("--date-order", type=click.Choice(["dmy", "mdy"]), help="How to read 03/04/2026.")
@REJECTED
@with_edge
def import_postings_(edge: Edge, file: Path, date_order: str | None, rejected: Path | None) -> None:
    """Import core-banking postings; good rows are stored, the others come back with their reasons."""
    data = read_input(file)
    with edge.unit() as session:
        result = import_postings(
            session,
            edge.store,
            data,
            file_name=file.name,
            actor=edge.actor(session, Permission.POSTING_IMPORT),
            now=edge.now,
            date_order=date_order,  # type: ignore[arg-type]
        )
    if rejected and result.rejected_csv:
        rejected.write_bytes(result.rejected_csv)
    edge.show(postings_json(result), postings_words(result), postings_exit_code(result))


def postings_exit_code(result: PostingImport) -> int:
    if not result.rejected:
        return DONE
    return IN_PART if result.created or result.duplicates else INVALID


def postings_json(result: PostingImport) -> dict[str, Any]:
    return {
        "rows": result.rows,
        "created": result.created,
        "updated": result.updated,
        "duplicates": result.duplicates,
        "rejected": result.rejected,
        "total": money(result.total_minor, result.currency),
        "currency": result.currency,
        "errors": problems_json(result.problems),
        "unknown_columns": result.unknown_columns,
    }


def postings_words(result: PostingImport) -> str:
    lines = [
        f"{result.rows} rows: {result.created} stored, {result.duplicates} known already, {result.rejected} rejected."
    ]
    lines += [str(problem) for problem in result.problems[:50]]
    if len(result.problems) > 50:
        lines.append(f"… {len(result.problems) - 50} more (all of them with --json)")
    if result.unknown_columns:
        lines.append(f"Columns kept aside: {', '.join(result.unknown_columns)}.")
    return "\n".join(lines)


def register(portal: click.Group) -> None:
    portal.add_command(bank)
    portal.add_command(postings)
