"""`/files/…`: evidence files, opened by a link that needs no cookie and gives none.

Everything is asked again at each opening: the person is enabled and still signed in on that browser, may read evidence, and the piece is
in their sight; for an agency's person, the account is with the agency now. Whatever does not hold answers the same bytes.
"""

from __future__ import annotations

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from allocations.agencies.queries import OFFICE, sight_of
from allocations.collections.evidence.queries import evidence_by_ref, is_open_to_agency
from allocations.collections.field_models import Evidence
from portal.access.guard import permission
from portal.access.identity import Identity
from portal.access.permissions import Permission
from portal.access.policy import may
from portal.access.sessions import identity_of_session
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.db import unit_of_work
from portal.kernel.errors import NotFound
from portal.web.downloads import attachment
from portal.web.edge import bank_session, clock, database, file_store, scope_for, settings
from portal.web.file_links import ORIGINAL, THUMBNAIL, FileLink, read_link, sha256_of

bp = Blueprint("files", __name__, url_prefix="/files")
POLICY = "default-src 'none'; sandbox; base-uri 'none'; frame-ancestors 'none'"


@bp.before_app_request
def keep_hosts_apart() -> BaseResponse | None:
    """With a host of their own, files are opened there and nothing else is, so that no page of ours shares its origin."""
    host = settings().files_host
    if host and (request.host.lower() == host) != (request.endpoint == "files.open_file"):
        return nothing()
    return None


@bp.get("/<token>")
@permission(Permission.PUBLIC)
def open_file(token: str) -> BaseResponse:
    """The file of a link, or nothing."""
    link = read_link(token, clock().now())
    who = _who(link) if link else None
    if link is None or who is None:
        return nothing()
    with database().session(scope_for(who)) as session:
        try:
            evidence, sha256 = _file(session, who, link)
            data = file_store().read(sha256)
        except (NotFound, FileNotFoundError):
            return nothing()
        if link.variant != THUMBNAIL and _begins():
            with unit_of_work(session):
                _note(session, who, evidence, link.variant, sha256)
        return _response(data, evidence, link.variant)


def nothing() -> BaseResponse:
    """The one answer for what is missing, foreign, expired or recalled."""
    return hardened(Response("There is nothing here.\n", 404, mimetype="text/plain"))


def hardened(response: BaseResponse) -> BaseResponse:
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin" if settings().files_host else "same-origin"
    return response


def _who(link: FileLink) -> Identity | None:
    """The person of the link, as they stand now: enabled, signed in, of an agency that is not shut, with a role that reads evidence."""
    with bank_session() as session:
        who = identity_of_session(session, link.session_id, now=clock().now(), idle=settings().session_idle)
    if who is None or who.user_id != link.user_id:
        return None
    needed = Permission.OWN_EVIDENCE_READ if who.is_agency else Permission.EVIDENCE_READ
    return who if may(who, needed) else None


def _file(session: Session, who: Identity, link: FileLink) -> tuple[Evidence, str]:
    """The piece and the kept file. NotFound unless this person may see it now."""
    sight = sight_of(session, _actor(who)) if who.is_agency else OFFICE
    evidence = evidence_by_ref(session, link.ref, sight)
    sha256 = sha256_of(evidence, link.variant)
    if sha256 is None or evidence.purged_at is not None:
        raise NotFound("There is no such file.")
    if who.is_agency and not is_open_to_agency(session, evidence, sight, clock().today()):
        raise NotFound("There is no such file.")
    return evidence, sha256


def _begins() -> bool:
    """Whether this request opens the file, rather than going on reading it somewhere in the middle."""
    asked = request.headers.get("Range", "")
    return not asked or asked.replace(" ", "").startswith("bytes=0-")


def _note(session: Session, who: Identity, evidence: Evidence, variant: str, sha256: str) -> None:
    record_event(
        session,
        AuditTag.EVIDENCE_READ,
        actor=_actor(who),
        subject_type="evidence",
        subject_ref=evidence.ref,
        agency_id=evidence.agency_id,
        now=clock().now(),
        data={"variant": variant, "file": sha256},
    )


def _actor(who: Identity) -> Actor:
    return Actor(who.user_id, who.email, who.role.value, who.agency_id, via="web")


def _response(data: bytes, evidence: Evidence, variant: str) -> BaseResponse:
    """Copies are shown where they stand; originals, which may be anything inside, are only ever saved."""
    if variant == ORIGINAL:
        response = attachment(data, evidence.file_name, evidence.media_type)
    else:
        response = Response(data, mimetype="image/jpeg")
    return hardened(response.make_conditional(request, accept_ranges=True, complete_length=len(data)))
