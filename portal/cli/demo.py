"""`portal demo`: a bank with three agencies and four months of life, served with its logins printed."""

from __future__ import annotations

import time

import click

from portal.cli.edge import Edge, PortalCommand, with_edge
from portal.kernel.errors import Refused

PORT = 8000
ACCOUNTS = 900


@click.command("demo", cls=PortalCommand)
@click.option("--port", type=click.IntRange(1, 65535), default=PORT, show_default=True, help="Where to serve it.")
@click.option("--no-serve", is_flag=True, help="Load it and stop.")
@click.option(
    "--accounts", type=click.IntRange(30, 200_000), default=ACCOUNTS, show_default=True, help="Loan accounts."
)
@click.option("--reset", is_flag=True, help="Throw the demo away and start over.")
@with_edge
def demo(edge: Edge, port: int, no_serve: bool, accounts: int, reset: bool) -> None:
    """Load the demo bank (once) and serve it."""
    from portal.cli.serve import LOOPBACK, require_free_port, serve_together, url_of
    from portal.demo.loading import load_demo

    if edge.settings.is_production:
        raise Refused("The demo's passwords are known to everybody; it does not run in production.", code="production")
    if not no_serve:
        require_free_port(LOOPBACK, port)
    started = time.monotonic()
    loaded = load_demo(edge.settings, edge.clock, size=accounts, reset=reset, say=edge.say)
    if loaded.fresh:
        edge.say(f"The demo bank is ready after {time.monotonic() - started:.0f} s.")
    url = url_of(LOOPBACK, port)
    payload = {"url": url, "logins": loaded.logins, "periods": loaded.periods}
    if no_serve:
        edge.show(payload, words(url, loaded.logins, loaded.periods))
        return
    edge.exit_code = serve_together(
        edge, port=port, when_ready=lambda: edge.show(payload, words(url, loaded.logins, loaded.periods))
    )


def words(url: str, logins: list[dict[str, str]], periods: list[str]) -> str:
    lines = [f"Sahyadri Bank, {periods[0]} to {periods[-1]}, at {url}", ""]
    lines += [f"  {login['email']:<26}{login['role'].replace('_', ' '):<20}{login['agency']}" for login in logins]
    lines += [
        "",
        f"The password of each is {logins[0]['password']}",
        "Stop with Ctrl-C. Start over with: portal demo --reset",
    ]
    return "\n".join(lines)


def register(portal: click.Group) -> None:
    portal.add_command(demo)
