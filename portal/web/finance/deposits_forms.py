"""Forms of tax paid over to the government."""

from __future__ import annotations

from wtforms import DateField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from portal.web.edge import ActForm


class DepositForm(ActForm):
    bank_code = StringField("BSR code", [Length(max=20)], description="The branch that took it: seven digits.")
    challan_no = StringField("Number", [InputRequired("Copy it from the receipt."), Length(max=40)])
    deposited_on = DateField("Paid on", [InputRequired("Copy the day from the receipt.")])
    amount = StringField("Tax", [InputRequired("Copy the sum."), Length(max=40)])
    interest = StringField("Interest on top", [Length(max=40)], description="What being late cost; empty for none.")


class AcceptDepositForm(ActForm):
    reason = TextAreaField("Why, for the record", [Length(max=500)], id="accept-reason")


class RejectDepositForm(ActForm):
    reason = TextAreaField("Why not?", [InputRequired("Say why."), Length(min=3, max=500)], id="reject-reason")


class WithdrawDepositForm(ActForm):
    """One click."""


class KeepDepositForm(ActForm):
    reason = TextAreaField("Why does it stay?", [InputRequired("Say why."), Length(min=3, max=500)], id="keep-reason")


class CancelDepositForm(ActForm):
    reason = TextAreaField("What is wrong?", [InputRequired("Say why."), Length(min=3, max=500)], id="cancel-reason")
