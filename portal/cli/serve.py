"""`portal serve`, `portal worker`, and both together as `portal demo` needs them."""

from __future__ import annotations

import logging
import socket
import sys
from collections.abc import Callable

import click

from portal.cli.edge import Edge, PortalCommand, with_edge
from portal.cli.processes import Together
from portal.kernel.embedded import EmbeddedServer
from portal.kernel.errors import Unavailable

PORT = 8000
LOOPBACK = "127.0.0.1"


@click.command("serve", cls=PortalCommand)
@click.option("--port", type=click.IntRange(1, 65535), default=PORT, show_default=True, help="The port to listen on.")
@click.option("--host", default=LOOPBACK, show_default=True, help="The address to listen on.")
@click.option("--workers", type=click.IntRange(1, 256), help="Server processes; by default from the number of cores.")
@with_edge
def serve(edge: Edge, port: int, host: str, workers: int | None) -> None:
    """Run the web server."""
    from portal.server import WebServer

    require_current_schema(edge)
    require_free_port(host, port)
    edge.show({"url": url_of(host, port)}, f"The portal is at {url_of(host, port)}")
    sys.stdout.flush()
    settings = edge.settings
    edge.close()  # the server's processes open their own connections
    WebServer(settings, host=host, port=port, workers=workers).run()


@click.command("worker", cls=PortalCommand)
@click.option("--concurrency", type=click.IntRange(1, 64), default=2, show_default=True, help="Jobs at a time.")
@click.option("--once", is_flag=True, help="Stop when the queue is empty.")
@with_edge
def worker(edge: Edge, concurrency: int, once: bool) -> None:
    """Run the job worker."""
    from portal.kernel.tables.leftovers import sweep
    from portal.worker import make_worker, quieten_libraries

    logging.basicConfig(level=edge.settings.log_level, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    quieten_libraries()
    require_current_schema(edge)
    sweep(edge.now)
    edge.say("The worker waits for jobs.")
    make_worker(edge.settings, edge.database, edge.clock).run(concurrency=concurrency, wait=not once)


def serve_together(edge: Edge, *, port: int, when_ready: Callable[[], None] | None = None) -> int:
    """Web server and worker under one manager until Ctrl-C; then the embedded database too, if nobody else is on it.

    Returns an exit code. `when_ready` runs once the first page can be fetched.
    """
    require_free_port(LOOPBACK, port)
    settings = edge.settings
    environ = {"PORTAL_HOME": str(settings.home.absolute())}
    if edge.database_url:
        environ["PORTAL_DATABASE_URL"] = edge.database_url
    edge.close()
    portal = [sys.executable, "-m", "portal"]
    both = Together([[*portal, "serve", "--port", str(port)], [*portal, "worker"]], environ)
    try:
        return both.run(is_ready=lambda: answers(port), when_ready=when_ready)
    finally:
        if settings.is_embedded:
            EmbeddedServer(settings.home).stop_if_idle()


def url_of(host: str, port: int) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}"


def answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


def require_free_port(host: str, port: int) -> None:
    """Unavailable, with the cure, when somebody listens there already or the address is not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Unavailable(
                f"Cannot listen on {host} port {port}: {error.strerror}. Choose another with --port."
            ) from error


def require_current_schema(edge: Edge) -> None:
    """Unavailable unless the database is at the revision this program was written for."""
    from portal.setup import current_revision, head_revision

    found, needed = current_revision(edge.database.bank), head_revision()
    if found != needed:
        raise Unavailable(f"The database is at revision {found}; this program needs {needed}. Run: portal init")


def register(portal: click.Group) -> None:
    portal.add_command(serve)
    portal.add_command(worker)
