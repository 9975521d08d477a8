"""Forms beside the reconciliation pages."""

from __future__ import annotations

from wtforms import DecimalField, HiddenField, SelectField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange

from portal.web.edge import ActForm


class DecideForm(ActForm):
    """One click on the bench: the link stands in the address, what was seen and the token in the form."""

    seen = HiddenField(default="")
    next = HiddenField(default="")
    back = HiddenField(default="")


class ReasonForm(ActForm):
    reason = TextAreaField("Why?", [InputRequired("Say why."), Length(min=3, max=500)])


class AssignForm(ActForm):
    """Give a break to a person; `seen` is whose it was when the page was drawn."""

    seen = HiddenField(default="")
    to = SelectField("Give it to", default="", validate_choice=False)


class LinkForm(DecideForm):
    """Tie a receipt to a credit by hand; `expected` is what was open on both sides when the page was drawn."""

    collection_id = HiddenField(validators=[InputRequired()])
    bank_line_id = HiddenField(validators=[InputRequired()])
    expected = HiddenField(validators=[InputRequired()])
    amount = DecimalField("Amount", [InputRequired("Say how much."), NumberRange(min=0)])
    reason = TextAreaField("Why do they belong together?", [InputRequired("Say why."), Length(min=3, max=500)])


class WriteOffForm(DecideForm):
    """Write off what is left of a receipt or a credit; `expected` is what was open when the page was drawn."""

    collection_id = HiddenField(default="")
    bank_line_id = HiddenField(default="")
    expected = HiddenField(validators=[InputRequired()])
    amount = DecimalField("Amount", [InputRequired("Say how much."), NumberRange(min=0)])
    reason = TextAreaField("Why is it written off?", [InputRequired("Say why."), Length(min=3, max=500)])
