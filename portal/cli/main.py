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

FEATURES = (
    "portal.cli.init",
    "portal.cli.serve",
    "portal.cli.demo",
    "portal.cli.users",
    "portal.cli.agencies",
    "portal.cli.accounts",
    "portal.cli.allocations",
    "portal.cli.collections",
    "portal.cli.bank",
    "portal.cli.reconcile",
    "portal.cli.rate_cards",
    "portal.cli.accrue",
    "portal.cli.settlements",
    "portal.cli.payouts",
    "portal.cli.trace",
)
UNEXPECTED = 70
log = logging.getLogger("portal.cli")


@click.group(cls=PortalGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="agency-partner-portal")
def portal() -> None:
    """Recovery agencies, their collections, and the commission they earn on money the bank has seen."""


def load_features() -> None:
    """Each feature's module adds its commands to `portal` with `register(portal)`."""
    for feature in FEATURES:
        if importlib.util.find_spec(feature):
            importlib.import_module(feature).register(portal)


def run(arguments: list[str] | None = None, edge: Edge | None = None) -> int:
    """Run one command; returns its exit code."""
    edge = edge or Edge()
    edge.as_json = edge.as_json or "--json" in (sys.argv[1:] if arguments is None else arguments)
    load_features()
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
    except Exception:
        reference = secrets.token_hex(4)
        log.exception("unexpected error %s", reference)
        message = f"Something unexpected happened; nothing was stored. Reference {reference}."
        return fail(edge, UNEXPECTED, message, [Problem("unexpected", message)], "unexpected")
    finally:
        edge.close()


def main() -> None:
    sys.exit(run())
