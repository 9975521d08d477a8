"""Where one's own agency is paid: every version, how long a new one rests, and a change asked for by the owner."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from allocations.agencies import bank_details
from allocations.agencies.models import Agency
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.errors import Invalid
from portal.web.agency.accounts import own_agency
from portal.web.bank.bank_details import pin, proposed
from portal.web.bank.bank_details_forms import BankDetailForm
from portal.web.bank_detail_story import told
from portal.web.edge import clock, db_session

bp = Blueprint("agency_bank_details", __name__, url_prefix="/agency/company/bank-details")


@bp.get("")
@permission(Permission.OWN_COMPANY_READ)
def index() -> str:
    return page(own_agency(), BankDetailForm(formdata=None))


def page(agency: Agency, form: BankDetailForm) -> str:
    stories = told(bank_details.versions(db_session(), agency.id), clock().now())
    return render_template(
        "agency/bank_details/index.html",
        agency=agency,
        stories=stories,
        paid_to=next((each for each in stories if each.is_paid_to), None),
        waits=any(each.detail.status == "proposed" for each in stories),
        form=form,
    )


@bp.post("")
@permission(Permission.OWN_BANK_DETAIL_PROPOSE)
def propose() -> Response | tuple[str, int]:
    """Ask the bank for other bank details; two people at the bank have a hand in it."""
    form = BankDetailForm()
    if form.validate_on_submit():
        try:
            flash(*proposed(db_session(), own_agency(), form))
            return redirect(url_for(".index"))
        except Invalid as wrong:
            pin(form, wrong.problems)
    return page(own_agency(), form), 422
