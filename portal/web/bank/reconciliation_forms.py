"""Forms beside the reconciliation pages."""

from __future__ import annotations

from wtforms import DecimalField, HiddenField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange

from portal.web.edge import ActForm


class DecideForm(ActForm):
    """One click on the bench: the link stands in the address, the token in the form."""


class ReasonForm(ActForm):
    reason = TextAreaField("Why?", [InputRequired("Say why."), Length(min=3, max=500)])


class LinkForm(ActForm):
    """Tie a receipt to a credit by hand; `expected` is what was open on both sides when the page was drawn."""

    collection_id = HiddenField(validators=[InputRequired()])
    bank_line_id = HiddenField(validators=[InputRequired()])
    expected = HiddenField(validators=[InputRequired()])
    amount = DecimalField("Amount", [InputRequired("Say how much."), NumberRange(min=0)])
    reason = TextAreaField("Why do they belong together?", [InputRequired("Say why."), Length(min=3, max=500)])
