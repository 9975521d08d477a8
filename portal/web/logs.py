"""Logs: one JSON object a line on standard error. Who by number, what by route name; never names, e-mails, paths or amounts."""

from __future__ import annotations

import logging
import sys
import time

import structlog
from flask import Flask, Response, g, request

from portal.access.guard import known_identity
from portal.config import Settings
from portal.web.headers import request_id

log = structlog.get_logger("portal.web")


class StandardError:
    """Writes to whatever standard error is at the time (a daemon or a test may exchange it)."""

    def msg(self, message: str) -> None:
        print(message, file=sys.stderr, flush=True)

    log = debug = info = warning = error = critical = exception = fatal = msg


def configure_logs(settings: Settings) -> None:
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[settings.log_level]),
        logger_factory=lambda *_: StandardError(),
        cache_logger_on_first_use=False,
    )


def begin() -> None:
    g.began = time.perf_counter()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id())


def finish(response: Response) -> Response:
    identity = known_identity()
    log.info(
        "request",
        method=request.method,
        route=request.endpoint,
        status=response.status_code,
        ms=round((time.perf_counter() - g.get("began", time.perf_counter())) * 1000, 1),
        user_id=identity.user_id if identity else None,
        role=identity.role.value if identity else None,
    )
    return response


def install(app: Flask) -> None:
    app.before_request(begin)
    app.after_request(finish)
