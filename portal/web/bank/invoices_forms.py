"""Forms beside the bank's pages of tax invoices."""

from __future__ import annotations

from wtforms import TextAreaField
from wtforms.validators import InputRequired, Length

from portal.web.edge import ActForm


class AcceptInvoiceForm(ActForm):
    reason = TextAreaField("A word for the record", [Length(max=500)], id="accept-reason")


class RejectInvoiceForm(ActForm):
    reason = TextAreaField(
        "What is wrong with it?",
        [InputRequired("Say what is wrong."), Length(min=3, max=500)],
        id="reject-reason",
        description="Whoever handed it in reads it.",
    )


class RaiseForm(ActForm):
    """One click."""
