"""`portal`: the entry point. Every refusal ends here, as an exit code and the reason."""

from __future__ import annotations

import importlib
import logging
import secrets
import sys

import click
from sqlalchemy.exc import OperationalError

from portal.cli.edge import DOWN, INVALID, REFUSED, Edge, PortalGroup, fail
from portal.kernel.errors import Invalid, PortalError, Problem, Refused, Unavailable

# Where each command lives; its module is loaded when it is asked for, so that a small command starts at once.
COMMANDS = {
    "init": "init",
    "demo": "demo",
    "serve": "serve",
    "worker": "serve",
    "user": "users",
    "agencies": "agencies",
    "accounts": "accounts",
    "allocations": "allocations",
    "requests": "requests",
    "staff": "staff",
    "holds": "holds",
    "notices": "notices",
    "collections": "collections",
    "books": "books",
    "corrections": "corrections",
    "evidence": "evidence",
    "files": "files",
    "settings": "settings",
    "postings": "bank",
    "bank": "bank",
    "reconcile": "reconcile",
    "breaks": "reconcile",
    "rate-card": "rate_cards",
    "strategies": "strategies",
    "outcomes": "outcomes",
    "events": "events",
    "complaints": "complaints",
    "compromises": "compromises",
    "plans": "compromises",
    "notes": "compromises",
    "fraud": "fraud",
    "visit-audits": "visit_audits",
    "flags": "flags",
    "contacts": "contacts",
    "campaigns": "campaigns",
    "legal": "legal",
    "letters": "legal",
    "scores": "scores",
    "report": "reports",
    "audit-pack": "reports",
    "accrue": "accrue",
    "settlements": "settlements",
    "statement": "statements",
    "payouts": "payouts",
    "limits": "limits",
    "delegations": "limits",
    "tax": "taxes",
    "trace": "trace",
    "verify": "trace",
    "witness": "witness",
    "backup": "backups",
    "restore": "backups",
}
UNEXPECTED = 70
log = logging.getLogger("portal.cli")


class LazyGroup(PortalGroup):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A module adds its commands to `portal` with `register(portal)`."""
        if cmd_name in COMMANDS and cmd_name not in self.commands:
            importlib.import_module(f"portal.cli.{COMMANDS[cmd_name]}").register(self)
        return super().get_command(ctx, cmd_name)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="agency-partner-portal")
def portal() -> None:
    """Recovery agencies, their collections, and the commission they earn on money the bank has seen."""


def run(arguments: list[str] | None = None, edge: Edge | None = None) -> int:
    """Run one command; returns its exit code."""
    edge = edge or Edge()
    edge.as_json = edge.as_json or "--json" in (sys.argv[1:] if arguments is None else arguments)
    try:
        portal.main(arguments, prog_name="portal", standalone_mode=False, obj=edge)
        return edge.exit_code
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.Abort:
        return fail(edge, REFUSED, "Stopped.", [], "stopped")
    except click.UsageError as error:
        problem = Problem("usage", error.format_message(), "See: portal --help")
        return fail(edge, INVALID, error.format_message(), [problem], "usage")
    except click.ClickException as error:
        return fail(edge, INVALID, error.format_message(), [Problem("usage", error.format_message())], "usage")
    except Invalid as error:
        return fail(edge, INVALID, str(error), error.problems, "invalid")
    except Refused as error:
        return fail(edge, REFUSED, error.message, [Problem(error.code, error.message, error.cure)], error.code)
    except Unavailable as error:
        return fail(edge, DOWN, str(error), [Problem("unavailable", str(error))], "unavailable")
    except PortalError as error:
        return fail(edge, REFUSED, str(error), [Problem("not_found", str(error))], "not_found")
    except OperationalError as error:
        message = f"The database cannot be reached: {str(error.orig).strip()}"
        return fail(edge, DOWN, message, [Problem("unavailable", message)], "unavailable")
    except BrokenPipeError:
        return edge.exit_code
    except OSError as error:
        if error.filename is None:
            return unexpected(edge)
        message = f"{error.filename} cannot be used: {error.strerror}."
        return fail(
            edge, DOWN, message, [Problem("unavailable", message, "Check the path and its permissions.")], "unavailable"
        )
    except Exception:
        return unexpected(edge)
    finally:
        edge.close()


def unexpected(edge: Edge) -> int:
    """A fault of ours: the log has the whole story under a reference."""
    reference = secrets.token_hex(4)
    log.exception("unexpected error %s", reference)
    message = f"Something unexpected happened. Reference {reference}."
    return fail(edge, UNEXPECTED, message, [Problem("unexpected", message)], "unexpected")


def main() -> None:
    sys.exit(run())
