"""Lower-deduction certificates: entered by one person, accepted by another, and how much of each is used."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms.fields.choices import SelectChoice

from allocations.agencies.models import Agency
from allocations.agencies.queries import agency_choices, find_agency
from allocations.agencies.service import lender
from allocations.agencies.taking_in import NO_FILE, KeptFile, take_in
from payouts.settlements import tax_certificates as certificates
from payouts.settlements.tax_certificates import Entry
from payouts.tax.packs import sections_of
from portal.access.guard import check, permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, NotFound, Problem
from portal.web.downloads import attachment
from portal.web.edge import clock, current_actor, db_session, file_store, identity_here, once, page_of
from portal.web.finance.certificates_forms import (
    AcceptCertificateForm,
    CertificateForm,
    EndCertificateForm,
    RejectCertificateForm,
    WithdrawCertificateForm,
)
from portal.web.typed import as_choices, minor_typed

bp = Blueprint("finance_certificates", __name__, url_prefix="/finance/tax/certificates")
Answer = Response | tuple[str, int]
STATUSES = ("proposed", "accepted", "rejected", "withdrawn", "ended")


@bp.get("")
@permission(Permission.TAX_READ)
def index() -> str:
    session = db_session()
    asked = {name: request.args.get(name, "").strip()[:60] for name in ("agency", "status")}
    page = page_of(
        lambda after, limit: certificates.list_certificates(session, **asked, after=after, limit=limit),
        lambda row: (row.certificate.id,),
    )
    return render_template(
        "finance/certificates/index.html",
        page=page,
        agencies=agency_choices(session),
        statuses=as_choices(STATUSES),
        today=clock().today(),
        asked=any(asked.values()),
    )


@bp.route("/new", methods=["GET", "POST"])
@permission(Permission.TAX_CERTIFICATE_PROPOSE)
def new() -> str | Answer:
    session, form = db_session(), CertificateForm()
    form.agency.choices = [SelectChoice("", "Choose"), *(SelectChoice(*each) for each in agency_choices(session))]
    sections = sections_of(lender(session).country)
    form.section.choices = [SelectChoice("", "Choose"), *(SelectChoice(each, each) for each in reversed(sections))]
    problems: list[Problem] = []
    if form.validate_on_submit():
        try:
            agency = find_agency(session, form.agency.data)
            with unit_of_work(session):
                once(form, session)
                given: dict[str, Any] = {"actor": current_actor(), "now": clock().now()}
                file = kept(form, agency, **given)
                entry = entry_in(form, agency)
                ref = certificates.propose_certificate(session, entry, agency=agency, file=file, **given).ref
            flash("The certificate is entered. It counts once another person has accepted it.", "success")
            return redirect(url_for(".show", ref=ref))
        except Invalid as wrong:
            problems = wrong.problems
    page = render_template("finance/certificates/new.html", form=form, problems=problems)
    return (page, 422) if form.errors or problems else page


def kept(form: CertificateForm, agency: Agency, **given: Any) -> KeptFile:
    upload = form.file.data
    if not upload or not upload.filename:
        return NO_FILE
    return take_in(
        db_session(),
        file_store(),
        upload.read(),
        name=upload.filename,
        agency_id=agency.id,
        kinds=("picture", "pdf"),
        **given,
    )


def entry_in(form: CertificateForm, agency: Agency) -> Entry:
    """What the form says. Invalid when a number cannot be read."""
    limit = minor_typed(form.limit.data, agency.currency) or 0
    return Entry(
        form.number.data or "",
        form.section.data,
        percent_typed(form.rate.data),
        limit,
        form.valid_from.data,
        form.valid_to.data,
    )


def percent_typed(text: str | None) -> Decimal:
    """A fraction from a percentage as people write it: 0.5, 0,5, 0.5 %."""
    try:
        rate = Decimal((text or "").replace("%", "").replace(",", ".").strip()) / 100
    except InvalidOperation:
        rate = Decimal(-1)
    if not rate.is_finite() or rate < 0:
        raise Invalid(
            Problem("bad_rate", "That is no percentage.", "Write it like 0.5.", column="rate", value=text or "")
        )
    return rate


@bp.get("/<ref>")
@permission(Permission.TAX_READ)
def show(ref: str) -> str:
    return certificate_page(ref)


def certificate_page(ref: str, **forms: Any) -> str:
    session = db_session()
    row = certificates.certificate_row(session, ref)
    acts = {
        "accept_form": AcceptCertificateForm(formdata=None),
        "reject_form": RejectCertificateForm(formdata=None),
        "withdraw_form": WithdrawCertificateForm(formdata=None),
        "end_form": EndCertificateForm(formdata=None),
    }
    return render_template(
        "finance/certificates/show.html",
        row=row,
        made=row.certificate,
        uses=certificates.uses_of(session, row.certificate),
        today=clock().today(),
        **acts | forms,
    )


@bp.get("/<ref>/file")
@permission(Permission.TAX_READ)
def file(ref: str) -> Response:
    found = certificates.certificate_row(db_session(), ref).certificate
    if not found.file_sha256:
        raise NotFound("No file was handed in with this certificate.")
    return attachment(file_store().read(found.file_sha256), found.file_name or f"{ref}.pdf", "application/octet-stream")


@bp.post("/<ref>/accept")
@permission(Permission.TAX_CERTIFICATE_DECIDE)
def accept(ref: str) -> Answer:
    return decide(ref, AcceptCertificateForm(), accept=True)


@bp.post("/<ref>/reject")
@permission(Permission.TAX_CERTIFICATE_DECIDE)
def reject(ref: str) -> Answer:
    return decide(ref, RejectCertificateForm(), accept=False)


def decide(ref: str, form: AcceptCertificateForm | RejectCertificateForm, *, accept: bool) -> Answer:
    session = db_session()
    row = certificates.certificate_row(session, ref)
    check(identity_here(), Permission.TAX_CERTIFICATE_DECIDE, row.certificate)
    if not form.validate_on_submit():
        return certificate_page(ref, **{"accept_form" if accept else "reject_form": form}), 422
    with unit_of_work(session):
        once(form, session)
        found = certificates.load_certificate(session, ref)
        given: dict[str, Any] = {"reason": form.reason.data or "", "actor": current_actor(), "now": clock().now()}
        certificates.decide_certificate(session, found, accept=accept, **given)
    said = "accepted: drafts count it from now on" if accept else "rejected"
    flash(f"Certificate {row.certificate.certificate_no} is {said}.", "success")
    return redirect(url_for(".show", ref=ref))


@bp.post("/<ref>/withdraw")
@permission(Permission.TAX_CERTIFICATE_PROPOSE)
def withdraw(ref: str) -> Answer:
    session, form = db_session(), WithdrawCertificateForm()
    certificates.certificate_row(session, ref)
    if not form.validate_on_submit():
        return certificate_page(ref), 422
    with unit_of_work(session):
        once(form, session)
        found = certificates.load_certificate(session, ref)
        certificates.withdraw_certificate(session, found, actor=current_actor(), now=clock().now())
    flash("The certificate is withdrawn.", "info")
    return redirect(url_for(".show", ref=ref))


@bp.post("/<ref>/end")
@permission(Permission.TAX_CERTIFICATE_PROPOSE)
def end(ref: str) -> Answer:
    """The tax office took it back before its last day."""
    session, form = db_session(), EndCertificateForm()
    certificates.certificate_row(session, ref)
    if not form.validate_on_submit():
        return certificate_page(ref, end_form=form), 422
    with unit_of_work(session):
        once(form, session)
        found = certificates.load_certificate(session, ref)
        given: dict[str, Any] = {"actor": current_actor(), "now": clock().now()}
        certificates.end_certificate(session, found, reason=form.reason.data or "", **given)
    flash("The certificate has ended: drafts bear the plain rate from now on.", "info")
    return redirect(url_for(".show", ref=ref))
