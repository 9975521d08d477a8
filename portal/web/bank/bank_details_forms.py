"""Forms beside an agency's bank details."""

from __future__ import annotations

from wtforms import SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, Optional

from allocations.agencies.bank_details import FOUND
from portal.web.bank.agencies_forms import tidy, upper
from portal.web.bank_detail_story import NAME_CHECK_WORDS
from portal.web.edge import ActForm

OUTCOME_WORDS = {
    "confirmed": "The agency asked for this change",
    "denied": "The agency asked for no change",
    "not_reached": "Nobody was reached",
}


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


class CallBackForm(ActForm):
    """A call to the agency about what waits."""

    outcome = SelectField(
        "What came of it",
        choices=[SelectChoice("", "Choose"), *(SelectChoice(code, word) for code, word in OUTCOME_WORDS.items())],
        validators=[InputRequired("Say what came of the call.")],
    )
    spoke_to = StringField("Whom you spoke to", [Optional(), Length(max=200)])
    number = StringField("On which number", [InputRequired("Give the number you called."), Length(max=40)])
    known_from = StringField(
        "Where that number stood before",
        [InputRequired("Say where it stood before."), Length(max=200)],
        description="The agreement, the empanelment, earlier calls: not the letter that asks for the change.",
    )
    note = StringField("What was said", [Optional(), Length(max=200)])


class ApproveDetailForm(ActForm):
    reason = TextAreaField("Why, for the record", [Length(max=500)], id="approve-reason")


class RejectDetailForm(ActForm):
    reason = TextAreaField("Why not?", [InputRequired("Say why."), Length(min=3, max=500)], id="reject-reason")
