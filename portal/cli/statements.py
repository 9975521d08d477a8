"""`portal statement REF --pdf|--xlsx|--json OUT`, `portal statement verify FILE`, `portal statement keys [rotate]`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from payouts.settlements.documents import WAYS, document_of, keys_published
from payouts.settlements.envelope import Verdict, read_published
from payouts.settlements.service import load
from payouts.settlements.signing import rotate as rotate_key
from payouts.settlements.signing import signing_keys
from portal.access.permissions import Permission
from portal.cli.edge import DONE, REFUSED, Edge, PortalGroup, common_options, output_file, read_input, with_edge
from portal.kernel.errors import Invalid, Problem


class StatementGroup(PortalGroup):
    """`verify` and `keys` are commands; any other word is the reference of a statement to write."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Common options may stand before the name of a command, as everywhere; `--json OUT` belongs to the writing."""
        at = 0
        while at < len(args) and args[at] in ("--json", "--as", "--database-url"):
            at += 1 if args[at] == "--json" else 2
        is_command = at < len(args) and (args[at] in self.commands or args[at] in ("-h", "--help"))
        return super().parse_args(ctx, args if is_command or not args else ["write", *args])


class WriteCommand(click.Command):
    """Here --json names the file to write; the rest is as everywhere."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.extend(option for option in common_options() if "--json" not in option.opts)


@click.group("statement", cls=StatementGroup)
def statement() -> None:
    """A signed statement as a file, and the proof of one: portal statement REF --pdf OUT, portal statement verify FILE."""


def _out(way: str) -> Any:
    path = click.Path(path_type=Path)
    if way == "json":
        return click.option(
            "--json",
            "json_",
            is_flag=False,
            flag_value="-",
            type=path,
            callback=output_file,
            help="The signed file; the screen when no file is named.",
        )
    return click.option(f"--{way}", type=path, callback=output_file, help=f"As {way.upper()}.")


@statement.command("write", cls=WriteCommand, hidden=True)
@click.argument("ref")
@_out("json")
@_out("pdf")
@_out("xlsx")
@with_edge
def write(edge: Edge, ref: str, json_: Path | None, pdf: Path | None, xlsx: Path | None) -> None:
    """Write a settlement's statement: the signed JSON, the PDF that carries it, the workbook; all three say the same."""
    outs = {way: out for way, out in (("json", json_), ("pdf", pdf), ("xlsx", xlsx)) if out is not None}
    if not outs:
        raise click.UsageError("Say where to: --pdf OUT, --xlsx OUT or --json OUT.")
    with edge.reading() as session:
        edge.actor(session, Permission.SETTLEMENT_READ)
        document = document_of(session, load(session, ref), edge.settings.public_url)
    made = {way: WAYS[way][0](document) for way in outs}
    for way, out in outs.items():
        if str(out) == "-":
            click.echo(made[way].decode() if way == "json" else made[way], nl=way == "json")
        else:
            out.write_bytes(made[way])
    if "-" in map(str, outs.values()):
        return
    files = {way: str(out) for way, out in outs.items()}
    payload = {"ref": document.ref, "status": document.status, "hash": document.sha256, "signed": document.is_signed}
    text = "\n".join(f"{file}: statement {document.ref}, sha256 {document.sha256}" for file in files.values())
    if not document.is_signed:
        text += "\nIt is not issued yet, so it is not signed."
    edge.show(payload | {"file": next(iter(files.values())), "files": files}, text)


@statement.command("verify")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--keys", type=click.Path(path_type=Path), help="Public keys to trust: the file the lender publishes.")
@with_edge
def verify(edge: Edge, file: Path, keys: Path | None) -> None:
    """Check a signed statement, JSON or PDF; needs no database and no account.

    Ends with 1 when it was altered, and names where. Without --keys the key that the file carries is used: that proves that the file is
    whole, and whose it is only once you have compared the fingerprint with the published one.
    """
    from payouts.settlements.verify_statement import verify_file  # it typesets: slow to load

    verdict = verify_file(read_input(file), file.name, _trusted(keys) if keys else None)
    edge.show(verdict_json(verdict), verdict_text(verdict, file.name), DONE if verdict.is_valid else REFUSED)


def _trusted(file: Path) -> dict[str, bytes]:
    try:
        return read_published(read_input(file))
    except (ValueError, KeyError, TypeError) as error:
        cure = "Fetch it from the lender's portal: /.well-known/statement-keys.json"
        raise Invalid(
            Problem("bad_keys", f"{file.name} holds no published keys: {error}.", cure, file=file.name)
        ) from None


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """{valid, state, signer, statement, differences}; `statement` holds who, when and the totals."""
    content = verdict.content
    names = ("settlement", "period", "currency", "agency", "lender", "totals", "pay_by_on", "format")
    return {
        "valid": verdict.is_valid,
        "state": verdict.state,
        "signer": {
            "name": (content.get("lender") or {}).get("name") if isinstance(content.get("lender"), dict) else None,
            "key_id": verdict.key_id,
            "fingerprint": verdict.fingerprint,
            "trusted": verdict.is_trusted,
        },
        "statement": {name: content[name] for name in names if name in content} | {"sha256": verdict.sha256},
        "differences": verdict.differences,
    }


SAID = {
    "valid": "VALID: it is as it was signed.",
    "altered": "ALTERED: it is not what was signed.",
    "unknown_key": "UNKNOWN KEY: it is whole, but none of the keys you trust signed it.",
    "not_signed": "NOT SIGNED: a draft, or the text of a statement without its signature.",
    "unreadable": "UNREADABLE: no statement is to be found in it.",
}


def verdict_text(verdict: Verdict, name: str) -> str:
    content, rows = verdict.content, [f"{name}: {SAID[verdict.state]}"]
    rows += [f"  {difference}" for difference in verdict.differences]
    if verdict.is_valid:
        agency, net = content.get("agency", {}), content["totals"]["net"]
        to = agency.get("legal_name", "") if isinstance(agency, dict) else ""
        rows.append(
            f"  {content.get('settlement')} for {content.get('period')}: {net} {content.get('currency')} to {to}"
        )
        rows.append(f"  sha256 {verdict.sha256}")
    if verdict.key_id:
        unknown = "NOT vouched for here: compare its fingerprint with the one the lender publishes, or use --keys"
        rows.append(f"  signed with key {verdict.key_id}, {'a key you trust' if verdict.is_trusted else unknown}")
        rows.append(f"  fingerprint {verdict.fingerprint}")
    return "\n".join(rows)


@statement.group("keys", invoke_without_command=True)
@with_edge
def keys(edge: Edge) -> None:
    """The public keys that statements are signed with, the one in force first; `rotate` makes a new one."""
    if click.get_current_context().invoked_subcommand:
        return
    with edge.reading() as session:
        edge.actor(session, Permission.SETTLEMENT_READ)
        published = keys_published(session)
    lines = [
        f"{row['key_id']}  {'in force' if row['in_force'] else 'retired '}  {row['fingerprint']}"
        for row in published["keys"]
    ]
    edge.show(published, "\n".join(lines) or "There is no key yet; the first issued statement makes it.")


@keys.command("rotate")
@with_edge
def rotate(edge: Edge) -> None:
    """Sign with a new key from now on; what the old ones signed goes on verifying."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.SIGNING_KEY_EDIT)
        key = rotate_key(session, actor=actor, now=edge.now)
        payload = {"key_id": key.key_id, "keys": len(signing_keys(session))}
    edge.show(payload, f"Key {payload['key_id']} signs from now on.")


def register(portal: click.Group) -> None:
    portal.add_command(statement)
