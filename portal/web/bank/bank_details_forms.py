"""Forms beside an agency's bank details."""

from __future__ import annotations

from wtforms import SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, Optional

from allocations.agencies.bank_details import FOUND
from portal.web.bank.agencies_forms import tidy, upper
from portal.web.bank_detail_story import NAME_CHECK_WORDS
from portal.web.edge import ActForm


class BankDetailForm(ActForm):
    """Where the agency wants to be paid."""

    account_no = StringField("Account number", [InputRequired("Enter the number."), Length(max=40)], filters=[tidy])
    ifsc = StringField("IFSC", [InputRequired("Enter the code."), Length(max=20)], filters=[tidy, upper])
    account_holder = StringField("Account holder", [InputRequired("Enter the name."), Length(max=200)], filters=[tidy])
    reason = StringField("Why does it change?", [Optional(), Length(max=500)], filters=[tidy])


class NameCheckForm(ActForm):
    result = SelectField(
        "What the bank said",
        choices=[SelectChoice("", "Choose"), *(SelectChoice(each, NAME_CHECK_WORDS[each][1]) for each in FOUND)],
        validators=[InputRequired("Choose what the look-up said.")],
    )
    name_at_bank = StringField(
        "Name at the bank", [Optional(), Length(max=200)], description="As the look-up shows it."
    )


class ApproveDetailForm(ActForm):
    reason = TextAreaField("Why, for the record", [Length(max=500)], id="approve-reason")


class RejectDetailForm(ActForm):
    reason = TextAreaField("Why not?", [InputRequired("Say why."), Length(min=3, max=500)], id="reject-reason")
