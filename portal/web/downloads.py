"""Files handed to a browser: always as attachments, never sniffed."""

from __future__ import annotations

import re

from flask import Response
from werkzeug.http import dump_options_header
from werkzeug.wrappers import Response as BaseResponse


def attachment(data: bytes, name: str, media_type: str) -> BaseResponse:
    """A download under a name that cannot break out of its header."""
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:120] or "file"
    response = Response(data, mimetype=media_type)
    response.headers["Content-Disposition"] = dump_options_header("attachment", {"filename": safe})
    return response
