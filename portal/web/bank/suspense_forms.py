"""Forms beside the pages of suspense."""

from __future__ import annotations

from typing import Any

from wtforms import DecimalField, FieldList, Form, FormField, HiddenField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from portal.web.edge import ActForm

MOST_PARTS = 6
NOT_SEEN = SelectChoice(0, "Not seen yet: return under way")


class PartForm(Form):
    """A share of a credit for one account."""

    account = StringField("Loan account", [Length(max=60)])
    amount = DecimalField("Amount", [Optional(), NumberRange(min=0)])


class AssignForm(ActForm):
    """Whose money it is; empty rows are left out. `expected`: what was open when the page was drawn."""

    expected = HiddenField(validators=[InputRequired()])
    parts = FieldList(FormField(PartForm), min_entries=MOST_PARTS, max_entries=MOST_PARTS)
    reason = TextAreaField(
        "How is it known whose money it is?", [InputRequired("Say how."), Length(min=3, max=500)], id="assign-reason"
    )

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        first = self.parts[0].form
        for field, says in ((first.account, "Say which account."), (first.amount, "Say how much.")):
            field.validators = [
                InputRequired(says),
                *(each for each in field.validators if not isinstance(each, Optional)),
            ]
            field.flags.required, field.flags.optional = True, False


class ReturnForm(ActForm):
    """Money back to its payer; the debit that shows it may be known already."""

    expected = HiddenField(validators=[InputRequired()])
    amount = DecimalField("Amount", [InputRequired("Say how much."), NumberRange(min=0)], id="return-amount")
    debit = SelectField("Debit that shows it", coerce=int, choices=[NOT_SEEN])
    reason = TextAreaField(
        "Why does it go back?", [InputRequired("Say why."), Length(min=3, max=500)], id="return-reason"
    )


class ClaimForm(ActForm):
    """Whose receipt a contested credit pays; `expected` is what was open on receipt and credit when the page was drawn."""

    collection_id = HiddenField(validators=[InputRequired()])
    expected = HiddenField(validators=[InputRequired()])
    amount = DecimalField("Amount", [InputRequired("Say how much."), NumberRange(min=0)])
    reason = TextAreaField("Why is it theirs?", [InputRequired("Say why."), Length(min=3, max=500)])
