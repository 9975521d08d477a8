"""`portal backup DIR` and `portal restore DIR`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from sqlalchemy import Engine

from portal.access.acting import SYSTEM_EMAIL
from portal.access.permissions import Permission
from portal.cli.edge import DONE, IN_PART, Edge, PortalCommand, os_user, with_edge
from portal.kernel.audit import Actor, AuditTag, record_event

FOLDER = click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
NO_KEYS = "No key is in it: keep PORTAL_FILE_KEY and the signing keys elsewhere (docs/operations.md)."


@click.command("backup", cls=PortalCommand)
@FOLDER
@with_edge
def backup(edge: Edge, folder: Path) -> None:
    """Copy database and files, as they are at one instant, into a new folder; prints its hash. Nobody has to stop working.

    No private key is in it.
    """
    from portal.backups.making import make_backup
    from portal.setup import find_urls

    actor = _actor(edge, edge.database.bank)
    made = make_backup(folder, edge.settings, find_urls(edge.settings).owner, now=edge.now, say=edge.say)
    manifest, contents = made.manifest, made.manifest.contents
    head = f"{contents.audit_last_id} {contents.audit_hash}"
    data = {"hash": manifest.hash, "taken_at": manifest.taken_at, "head": head}
    counts = {"files": manifest.files, "rows": contents.rows}
    with edge.unit() as session:
        given: dict[str, Any] = {"actor": actor, "subject_type": "backup", "subject_ref": manifest.hash[:12]}
        record_event(session, AuditTag.BACKUP_MADE, now=edge.now, data=data | counts, **given)
    payload = data | {
        "folder": str(folder.absolute()),
        "logical_hash": contents.logical_hash,
        "revision": contents.revision,
        "bytes": made.bytes,
        "missing": manifest.missing,
        "keys": "not in it",
        **counts,
    }
    text = [f"{folder}: {contents.rows:,} rows, {manifest.files:,} files, {made.bytes / 2**20:,.1f} MiB."]
    text += [f"NOT in the store any more, so not in the backup either: {each}" for each in manifest.missing]
    text += [f"hash {manifest.hash}", NO_KEYS]
    edge.show(payload, "\n".join(text), IN_PART if manifest.missing else DONE)


def _actor(edge: Edge, engine: Engine) -> Actor:
    """Who makes it. A database still to be migrated may not know people as this program does: then it is the built-in user."""
    from portal.setup import current_revision, head_revision

    if edge.as_email is None and current_revision(engine) != head_revision():
        return Actor(None, SYSTEM_EMAIL, SYSTEM_EMAIL, via="cli", os_user=os_user())
    with edge.reading() as session:
        return edge.actor(session, Permission.BACKUP_MAKE)


@click.command("restore", cls=PortalCommand)
@FOLDER
@click.option("--into", metavar="NAME", default="", help="Restore into a new database of this name, beside the others.")
@click.option(
    "--replace", metavar="NAME", default="", help="Set the database of this name aside (renamed, kept whole)."
)
@click.option("--expect", metavar="HASH", default="", help="Refuse unless this is the backup of this hash.")
@click.option(
    "--send-letters", is_flag=True, help="Send the letters that waited; else they are held, as they may have gone."
)
@click.option("--check", is_flag=True, help="Only check every part of the backup; restore nothing.")
@with_edge
def restore(edge: Edge, folder: Path, into: str, replace: str, expect: str, send_letters: bool, check: bool) -> None:
    """Put a backup back. Every part is checked first, nothing that is there is deleted, and paying stays stopped afterwards."""
    from portal.backups.checking import check_backup
    from portal.backups.reading import other_database
    from portal.backups.restoring import restore as put_back
    from portal.setup import find_urls

    if check:
        manifest = check_backup(folder, edge.settings, expect)
        payload = {"hash": manifest.hash, "taken_at": manifest.taken_at, "ok": True, "files": manifest.files}
        edge.show(payload, f"Every part is what was made, {manifest.taken_at}.\nhash {manifest.hash}")
        return
    urls = find_urls(edge.settings)
    done = put_back(
        folder,
        edge.settings,
        urls,
        edge.clock,
        actor_of=lambda session: edge.actor(session, Permission.BACKUP_RESTORE),
        into=into,
        replace=replace,
        expected=expect,
        send_letters=send_letters,
        say=edge.say,
    )
    manifest, held = done.manifest, done.held
    payload = {
        "hash": manifest.hash,
        "logical_hash": manifest.contents.logical_hash,
        "taken_at": manifest.taken_at,
        "database": done.database,
        "set_aside": done.set_aside or None,
        "revision": done.revision,
        "files": manifest.files,
        "repaired": done.repaired,
        "missing": manifest.missing,
        "paying_stopped": held.stop,
        "payouts_unknown": held.payouts,
        "sessions_ended": held.sessions,
        "links_ended": held.links,
        "letters_held": held.letters,
        "jobs_again": held.jobs,
        "missing_signing_keys": held.missing_keys,
        "url": other_database(urls.bank, done.database)
        if edge.settings.is_embedded
        else None,  # there it has no password
    }
    edge.show(payload, "\n".join(_told(payload, beside=bool(into))))


def _told(done: dict[str, Any], *, beside: bool) -> list[str]:
    """What the person who restored has to know now, the next step last."""
    text = [f"The database {done['database']} is as it was at {done['taken_at']}; schema {done['revision']}."]
    if done["set_aside"]:
        text.append(f"What was there is kept whole, as the database {done['set_aside']}.")
    text.append(
        f"{done['files']:,} files are in the store. Everybody signs in again: {done['sessions_ended']} sessions ended."
    )
    if beside and done["url"]:
        text.append(f"To look at it: PORTAL_DATABASE_URL='{done['url']}'")
    if done["letters_held"]:
        text.append(f"{done['letters_held']} letters that waited are held: they may have gone.")
    if done["missing_signing_keys"]:
        text.append(f"The private signing key {done['missing_signing_keys'][0]} is not here: bring it back, or rotate.")
    text += [f"It was not in the store when the backup was made: {each}" for each in done["missing"]]
    text += [
        "PAYING IS STOPPED until every open payout has been looked up: portal payouts stops",
        "What a provider paid since the backup, and nobody here knows of: portal payouts lost",
        f"hash {done['hash']}",
    ]
    return text


def register(portal: click.Group) -> None:
    portal.add_command(backup)
    portal.add_command(restore)
