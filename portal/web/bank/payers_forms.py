"""Forms beside the pages of learned payers."""

from __future__ import annotations

from wtforms import TextAreaField
from wtforms.validators import InputRequired, Length

from portal.web.edge import ActForm


class ProposePayerForm(ActForm):
    reason = TextAreaField("Why, for the record", [Length(max=500)], id="payer-reason")


class ApprovePayerForm(ActForm):
    reason = TextAreaField("Why, for the record", [Length(max=500)], id="approve-reason")


class RejectPayerForm(ActForm):
    reason = TextAreaField("Why not?", [InputRequired("Say why not."), Length(min=3, max=500)], id="reject-reason")


class RetirePayerForm(ActForm):
    reason = TextAreaField(
        "Why does it no longer hold?", [InputRequired("Say why."), Length(min=3, max=500)], id="retire-reason"
    )


class WithdrawPayerForm(ActForm):
    """One click of the person who proposed it."""
