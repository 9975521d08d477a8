"""The web server: gunicorn with our application in it."""

from __future__ import annotations

import os
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from portal.config import Settings

SECONDS_FOR_A_REQUEST = 120  # an upload of the largest file we take, parsed
SECONDS_TO_FINISH = 25  # less than what service managers wait before they kill


class WebServer(BaseApplication):
    """Serves the portal on one address until told to stop (SIGTERM lets running requests finish).

    Behind a reverse proxy, which shields it from slow clients, each process serves one request at a time: that was fastest. Without one,
    threads keep a browser's idle connections from holding up everybody.
    """

    def __init__(self, settings: Settings, *, host: str, port: int, workers: int | None = None) -> None:
        self.settings, self.bind = settings, f"{f'[{host}]' if ':' in host else host}:{port}"
        self.workers = workers or (2 * (os.cpu_count() or 1) + 1 if settings.proxies else 2)
        super().__init__(prog="portal serve")

    def load_config(self) -> None:
        threads = {} if self.settings.proxies else {"worker_class": "gthread", "threads": 8}
        for name, value in (self.options() | threads).items():
            self.cfg.set(name, value)

    def options(self) -> dict[str, Any]:
        return {
            "bind": self.bind,
            "workers": self.workers,
            "timeout": SECONDS_FOR_A_REQUEST,
            "graceful_timeout": SECONDS_TO_FINISH,
            "max_requests": 20_000,  # a slow leak never becomes an outage
            "max_requests_jitter": 2_000,
            "loglevel": "warning",
            "accesslog": None,  # the application logs its requests itself, without names or paths
            "forwarded_allow_ips": "",  # whom to believe is the application's own setting
            "worker_tmp_dir": "/dev/shm" if os.path.isdir("/dev/shm") else None,  # noqa: PTH112
            "control_socket_disable": True,
        }

    def load(self) -> Flask:
        from portal.app import create_app

        return create_app(self.settings)
