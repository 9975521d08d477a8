"""Forms beside the pages of acts by hand."""

from __future__ import annotations

from wtforms import RadioField, TextAreaField
from wtforms.validators import InputRequired, Length

from portal.web.edge import ActForm


class ApproveActForm(ActForm):
    reason = TextAreaField("Why, for the record", [Length(max=500)], id="approve-reason")


class RejectActForm(ActForm):
    reason = TextAreaField("Why not?", [InputRequired("Say why not."), Length(min=3, max=500)], id="reject-reason")


class WithdrawActForm(ActForm):
    """One click: nothing was done yet."""


class UndoActForm(ActForm):
    reason = TextAreaField("Why?", [InputRequired("Say why."), Length(min=3, max=500)], id="undo-reason")


class DebitForm(ActForm):
    debit = RadioField("Which debit shows it?", [InputRequired("Choose the debit.")], coerce=int, choices=[])
