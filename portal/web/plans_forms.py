"""Forms of repayment plans and referrals, on both sides."""

from __future__ import annotations

from wtforms import DateField, IntegerField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from allocations.casework.referrals import HOLDS, KINDS
from allocations.casework.schedules import MOST_INSTALMENTS
from allocations.vocabulary import MODES
from portal.web.bank.offers_forms import WAYS
from portal.web.edge import ActForm
from portal.web.spoken import mode


class PlanForm(ActForm):
    loan_account_no = StringField("Loan account number", [InputRequired("Which account?"), Length(max=60)])
    amount = StringField(
        "To be paid in all",
        [Length(max=40)],
        description="All that is overdue at least, all that is owed at most. With lines below, they say it.",
    )
    from_on = DateField("From", [InputRequired("From which day?")], description="Money seen from this day on counts.")
    count = IntegerField(
        "Monthly instalments", [Optional(), NumberRange(1, MOST_INSTALMENTS, f"1 to {MOST_INSTALMENTS}.")]
    )
    first_on = DateField("First one due on", [Optional()])
    schedule = TextAreaField(
        "Or each instalment on a line", [Length(max=4_000)], description="A day and an amount, as 2026-12-05 25,000."
    )
    mode = SelectField("How it is paid", choices=[SelectChoice(each, mode(each)) for each in MODES])
    reason = TextAreaField("Why bit by bit?", [InputRequired("Say why."), Length(max=500)])


class ReferralForm(ActForm):
    loan_account_no = StringField("Loan account number", [InputRequired("Which account?"), Length(max=60)])
    kind = SelectField("To what", choices=[SelectChoice(*each) for each in KINDS.items()])
    partner = StringField("Who helps", [InputRequired("Say who helps."), Length(max=200)])
    consent_on = DateField("The borrower agreed on", [InputRequired("On which day?")])
    consent_how = SelectField("How", choices=[SelectChoice(*each) for each in WAYS.items()])
    reason = TextAreaField(
        "What happened?",
        [InputRequired("Say what happened."), Length(max=500)],
        description="No more about an illness than is needed.",
    )


class YesForm(ActForm):
    reason = TextAreaField("Why, for the record", [Length(max=500)], id="accept-reason")


class AcceptReferralForm(YesForm):
    hold_cause = SelectField(
        "Put the account on hold", choices=[SelectChoice("", "No"), *(SelectChoice(*each) for each in HOLDS.items())]
    )
    hold_until = DateField("Until", [Optional()], description="Leave it empty: until the referral is closed.")


class NoForm(ActForm):
    reason = TextAreaField("Why not?", [InputRequired("Say why."), Length(min=3, max=500)], id="reject-reason")


class CancelForm(ActForm):
    reason = TextAreaField("Why does it end?", [InputRequired("Say why."), Length(min=3, max=500)], id="cancel-reason")


class OutcomeForm(ActForm):
    outcome = TextAreaField("What came of it?", [InputRequired("Say what."), Length(min=3, max=500)])


class BackForm(ActForm):
    """One click."""
