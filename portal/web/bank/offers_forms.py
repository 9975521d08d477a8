"""Forms beside the pages of settlements with borrowers."""

from __future__ import annotations

from flask_wtf.file import FileField
from wtforms import BooleanField, DateField, IntegerField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from allocations.casework.offer_rules import BORROWERS
from allocations.casework.schedules import MOST_INSTALMENTS
from portal.web.edge import ActForm

WAYS = {
    "letter": "By letter",
    "in_person": "In person",
    "recorded_call": "On a recorded call",
    "message": "By message",
}


class OfferForm(ActForm):
    loan_account_no = StringField("Loan account number", [InputRequired("Which account?"), Length(max=60)])
    amount = StringField("Offer", [InputRequired("How much is offered?"), Length(max=40)])
    charges = StringField(
        "Of what is owed, charges",
        [Length(max=40)],
        description="Penal charges and fees. The rest beyond the principal counts as interest.",
    )
    from_on = DateField("From", [InputRequired("From which day?")], description="Money seen from this day on counts.")
    valid_until = DateField("Valid until", [InputRequired("How long is it valid?")])
    count = IntegerField(
        "Monthly instalments", [Optional(), NumberRange(1, MOST_INSTALMENTS, f"1 to {MOST_INSTALMENTS}.")]
    )
    first_on = DateField("First one due on", [Optional()])
    schedule = TextAreaField(
        "Or each instalment on a line",
        [Length(max=4_000)],
        description="A day and an amount, as 2026-12-05 25,000. Leave it empty for equal ones a month.",
    )
    reason = TextAreaField("Why can the borrower not pay all of it?", [InputRequired("Say why."), Length(max=500)])
    file = FileField("Evidence", description="A photo or a PDF, if there is one.")


class RecommendForm(ActForm):
    words = TextAreaField("Why should the bank take it?", [InputRequired("Say why."), Length(max=500)])
    security = StringField("Value of the security", [Length(max=40)], description="Leave it empty when there is none.")
    sanctioned_level = SelectField("Level that sanctioned the loan", coerce=int)
    sanctioned_by = StringField(
        "Who sanctioned it",
        [InputRequired("Say who sanctioned the loan."), Length(min=3, max=200)],
        description="E-mail, if they still work here: they never approve it. Otherwise name and office.",
    )
    borrower = SelectField("Wilful defaulter or fraud?", choices=[SelectChoice(*each) for each in BORROWERS.items()])
    is_restructuring = BooleanField("It counts as a restructuring: it is paid over more than the policy's months")
    without_prejudice = BooleanField("It is without prejudice to criminal action")


class ToldForm(ActForm):
    told_on = DateField("Told on", [InputRequired("On which day?")])
    how = SelectField("How", choices=[SelectChoice(*each) for each in WAYS.items()])
    proof = StringField(
        "What shows it",
        [InputRequired("Say what shows it."), Length(min=3, max=200)],
        description="The letter's number, who was there, or the recording's number.",
    )


class ApproveOfferForm(ActForm):
    reason = TextAreaField("Why, for the record", [Length(max=500)], id="accept-reason")


class RejectOfferForm(ActForm):
    reason = TextAreaField("Why not?", [InputRequired("Say why."), Length(min=3, max=500)], id="reject-reason")


class OneClickForm(ActForm):
    """One click."""


class BreachForm(ActForm):
    last_on = DateField("Last day its rates hold", [InputRequired("Give the day.")])
    reason = TextAreaField(
        "What was not kept?", [InputRequired("Say what."), Length(min=3, max=500)], id="breach-reason"
    )


class BreachNoForm(ActForm):
    reason = TextAreaField("Why does it stand?", [InputRequired("Say why."), Length(min=3, max=500)], id="no-reason")


class BreachWordForm(ActForm):
    reason = TextAreaField("Why", [InputRequired("Say why."), Length(min=3, max=500)], id="word-reason")
