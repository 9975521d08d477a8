"""Files both sides hand to each other beside disputes and invoices: taken in from a form, handed out as attachments."""

from __future__ import annotations

from typing import Any

from werkzeug.wrappers import Response

from allocations.agencies.taking_in import NO_FILE, KeptFile, take_in
from portal.kernel.errors import NotFound
from portal.web.downloads import attachment
from portal.web.edge import clock, current_actor, db_session, file_store
from portal.web.files_view import hardened

PAPERS = ("picture", "pdf")
ACCEPTED = "image/jpeg,image/png,image/webp,image/heic,application/pdf"
WITH_SOUND = f"{ACCEPTED},audio/*"


def kept_file(field: Any, agency_id: int | None, kinds: tuple[str, ...] = (*PAPERS, "audio")) -> KeptFile:
    """What a file field holds, looked into and kept; nothing when nothing was chosen. Invalid when we do not take it."""
    upload = field.data
    if not upload or not getattr(upload, "filename", ""):
        return NO_FILE
    given: dict[str, Any] = {"actor": current_actor(), "now": clock().now(), "kinds": kinds}
    return take_in(db_session(), file_store(), upload.read(), name=upload.filename, agency_id=agency_id, **given)


def handed_out(sha256: str | None, name: str | None) -> Response:
    """A kept file as an attachment that no browser opens as a page of ours. NotFound when it is gone."""
    try:
        data = file_store().read(sha256 or "")
    except FileNotFoundError:
        raise NotFound("There is no such file.") from None
    return hardened(attachment(data, name or "file", "application/octet-stream"))
