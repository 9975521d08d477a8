"""Where the command meets the services: settings, database, acting user, one commit, one JSON object, exit codes.

Exit codes (a promise): 0 done, 1 refused by a rule, 2 bad usage or invalid input, 3 done in part, 4 something we depend on is down.
"""

from __future__ import annotations

import getpass
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click
from sqlalchemy.orm import Session

from portal.access.acting import SYSTEM_EMAIL, acting_user
from portal.access.identity import Identity
from portal.access.permissions import Permission, Role
from portal.access.policy import allows
from portal.config import Settings, read_settings
from portal.kernel.audit import Actor
from portal.kernel.clock import Clock, SystemClock
from portal.kernel.db import Database, bank_scope, unit_of_work
from portal.kernel.errors import Forbidden, Invalid, Problem, Unavailable
from portal.kernel.files import FileStore
from portal.kernel.money import plain
from portal.stores import file_store_of

DONE, REFUSED, INVALID, IN_PART, DOWN = 0, 1, 2, 3, 4
F = TypeVar("F", bound=Callable[..., Any])


@dataclass
class Edge:
    """What one run of the command has: built from options and environment, opened on first use."""

    as_json: bool = False
    as_email: str | None = None
    database_url: str | None = None
    clock: Clock = field(default_factory=SystemClock)
    exit_code: int = DONE
    _settings: Settings | None = None
    _database: Database | None = None

    @property
    def settings(self) -> Settings:
        if self._settings is None:
            self._settings = read_settings()
            if self.database_url:
                self._settings = replace(
                    self._settings,
                    database_url=self.database_url,
                    agency_database_url=None,
                    owner_database_url=None,
                )
        return self._settings

    @property
    def store(self) -> FileStore:
        return file_store_of(self.settings)

    @property
    def now(self) -> datetime:
        return self.clock.now()

    @property
    def today(self) -> date:
        return self.clock.today()

    @property
    def database(self) -> Database:
        """The opened database. Unavailable when it is down or was never set up."""
        from portal.setup import current_revision, open_database

        if self._database is None:
            database = open_database(self.settings)
            if current_revision(database.bank) is None:
                database.dispose()
                raise Unavailable("This database is not set up yet. Run: portal init")
            self._database = database
        return self._database

    @contextmanager
    def unit(self) -> Iterator[Session]:
        """One unit of work in the bank's scope."""
        with self.database.session(bank_scope(self.today)) as session, unit_of_work(session):
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session to read from; nothing is committed."""
        with self.database.session(bank_scope(self.today)) as session:
            yield session

    def identity(self, session: Session, needed: Permission) -> Identity:
        """The acting user (`--as`, else the built-in one) if the policy lets them; Forbidden otherwise."""
        who = acting_user(session, self.as_email or SYSTEM_EMAIL)
        if refused := allows(who, needed):
            if who.role is Role.SYSTEM:
                raise Forbidden("This needs a person: name one with --as EMAIL.", code=refused)
            raise Forbidden(f"{who.email} ({who.role.label}) may not do this.", code=refused)
        return who

    def actor(self, session: Session, needed: Permission) -> Actor:
        """Who the audit log will name."""
        who = self.identity(session, needed)
        return Actor(who.user_id, who.email, who.role.value, who.agency_id, via="cli", os_user=os_user())

    def show(self, payload: dict[str, Any], text: str | None = None, exit_code: int = DONE) -> None:
        """The result: the payload as one JSON object, or its text for a person; and the exit code."""
        self.exit_code = exit_code
        if self.as_json:
            click.echo(json.dumps(payload, ensure_ascii=False, default=in_json))
        else:
            click.echo(text if text is not None else as_text(payload))

    def say(self, message: str) -> None:
        """Progress and asides: standard error."""
        click.echo(message, err=True)

    def close(self) -> None:
        if self._database is not None:
            self._database.dispose()


def in_json(value: Any) -> Any:
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, Problem):
        return value.as_dict()
    return str(value)


def as_text(payload: dict[str, Any], indent: str = "") -> str:
    """A result for a person when a command has no words of its own."""
    rows = []
    for key, value in payload.items():
        label = indent + key.replace("_", " ")
        if isinstance(value, dict):
            rows += [f"{label}:", as_text(value, indent + "  ")] if value else []
        elif isinstance(value, list):
            rows.append(f"{label}: {len(value) if value else 'none'}")
            rows += [indent + "  " + line_of(item) for item in value[:50]]
            rows += [f"{indent}  … {len(value) - 50} more (all of them with --json)"] if len(value) > 50 else []
        else:
            rows.append(f"{label}: {value}")
    return "\n".join(rows)


def line_of(item: Any) -> str:
    if isinstance(item, Problem):
        return str(item)
    if isinstance(item, dict):
        return "  ".join(f"{key}={value}" for key, value in item.items() if value not in (None, "", [], {}))
    return str(item)


def os_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def input_path(path: Path, limit_bytes: int = 200 * 2**20) -> Path:
    """A file named on the command line. Invalid when it is missing, a folder, unreadable, empty or too large."""
    name = path.name
    if not path.is_file():
        raise Invalid(Problem("no_such_file", f"There is no file {path}.", "Check the path.", file=name))
    try:
        with path.open("rb") as file:
            size, empty = os.fstat(file.fileno()).st_size, not file.read(4096).strip()
    except OSError as error:
        raise Invalid(Problem("unreadable", f"{name} cannot be read: {error.strerror}.", file=name)) from error
    if size > limit_bytes:
        mib = limit_bytes // 2**20
        raise Invalid(Problem("file_too_large", f"{name} is larger than {mib} MB.", "Split it.", file=name))
    if empty and size <= 4096:
        raise Invalid(Problem("empty_file", f"{name} is empty.", "Hand in a file with a header and rows.", file=name))
    return path


def read_input(path: Path, limit_bytes: int = 200 * 2**20) -> bytes:
    """The bytes of a file named on the command line. Invalid when it is missing, a folder, empty or too large."""
    data = input_path(path, limit_bytes).read_bytes()
    if not data.strip():
        cure = "Hand in a file with a header and rows."
        raise Invalid(Problem("empty_file", f"{path.name} is empty.", cure, file=path.name))
    return data


def output_file(context: click.Context, parameter: click.Parameter, value: Path | None) -> Path | None:
    """A file a command will write: bad usage before anything is done when its folder cannot take it."""
    if value is None or str(value) == "-":
        return value
    if value.is_dir() or not os.access(value if value.exists() else value.parent, os.W_OK):
        raise click.BadParameter(f"{value} cannot be written.")
    return value


def money(minor: int, currency: str) -> str:
    """Major units with the currency's decimals, for JSON."""
    return plain(minor, currency)


def money_or_none(minor: int | None, currency: str) -> str | None:
    """The same of what may not be there."""
    return None if minor is None else money(minor, currency)


def problems_json(problems: list[Problem]) -> list[dict[str, Any]]:
    return [problem.as_dict() for problem in problems]


def input_file(name: str = "file") -> Callable[[F], F]:
    """A FILE argument; existence is checked by `read_input`, which says it in our own words."""
    return click.argument(name, type=click.Path(path_type=Path))


def with_edge(command: F) -> F:
    """Hand the run's Edge to a command as its first argument."""

    @wraps(command)
    @click.pass_context
    def run(context: click.Context, *args: Any, **kwargs: Any) -> Any:
        return command(edge_of(context), *args, **kwargs)

    return run  # type: ignore[return-value]


def edge_of(context: click.Context) -> Edge:
    return context.find_root().ensure_object(Edge)


def _keep(attribute: str) -> Callable[[click.Context, click.Parameter, Any], Any]:
    def keep(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
        if value:
            setattr(edge_of(context), attribute, value)
        return value

    return keep


def common_options() -> list[click.Option]:
    """What every command takes, before or after its name."""
    return [
        click.Option(
            ["--json", "as_json"],
            is_flag=True,
            expose_value=False,
            callback=_keep("as_json"),
            help="Print exactly one JSON object.",
        ),
        click.Option(
            ["--as", "as_email"],
            metavar="EMAIL",
            expose_value=False,
            callback=_keep("as_email"),
            help="The acting user.",
        ),
        click.Option(
            ["--database-url"],
            metavar="URL",
            expose_value=False,
            callback=_keep("database_url"),
            help="The database to use.",
        ),
    ]


class PortalCommand(click.Command):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.extend(common_options())


class PortalGroup(click.Group):
    command_class = PortalCommand
    group_class = type  # a group within a group is of the same kind

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.extend(common_options())


def fail(edge: Edge, code: int, message: str, problems: list[Problem], kind: str) -> int:
    """Say what went wrong, as JSON on standard output or in words on standard error."""
    if edge.as_json:
        body = {"error": {"code": kind, "message": message}, "errors": problems_json(problems)}
        click.echo(json.dumps(body, ensure_ascii=False, default=in_json))
    else:
        lines = [str(problem) for problem in problems] or [message]
        click.echo("\n".join(lines), err=True)
    sys.stdout.flush()
    return code
