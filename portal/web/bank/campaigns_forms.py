"""Forms beside the pages of campaigns."""

from __future__ import annotations

import secrets

from wtforms import DateField, IntegerField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange

from portal.web.bank.letters_forms import language_field
from portal.web.bank.segment_form import SegmentForm
from portal.web.edge import ActForm

OFFER_WORDS = {
    "reminder": "A reminder",
    "waiver": "A waiver of charges",
    "ots": "A one-time settlement",
    "step_up": "Higher instalments",
}
CHANNEL_WORDS = {"sms": "SMS", "letter": "Letter", "email": "E-mail", "call": "Call", "visit": "Visit"}


class CampaignForm(SegmentForm):
    code = StringField("Code", [InputRequired("Give it a code."), Length(max=40)])
    name = StringField("Name", [InputRequired("Give it a name."), Length(min=3, max=200)])
    offer = SelectField("Offer", choices=[SelectChoice(*each) for each in OFFER_WORDS.items()])
    channel = SelectField("By", choices=[SelectChoice(*each) for each in CHANNEL_WORDS.items()])
    from_on = DateField("From", [InputRequired("Give its first day.")])
    to_on = DateField("Through", [InputRequired("Give its last day.")])
    budget = StringField("Budget", [InputRequired("Give its budget."), Length(max=40)])
    target = StringField(
        "Target", [InputRequired("Give its target."), Length(max=40)], description="Rupees to come in."
    )
    control_percent = IntegerField(
        "Left alone, percent",
        [InputRequired("Say how many."), NumberRange(0, 50)],
        default=10,
        description="Without a control group its effect cannot be told.",
    )
    seed = StringField(
        "Seed of the draw",
        [InputRequired("Any words will do."), Length(min=4, max=80)],
        default=lambda: secrets.token_hex(6),
    )
    creative = TextAreaField(
        "Text",
        [InputRequired("Write it."), Length(max=8_000)],
        description="May name {borrower_name}, {loan_account_no}, {product}, {overdue}, {total_due}, {lender_name}.",
    )
    reason = TextAreaField("What is it for?", [InputRequired("Say what for."), Length(min=3, max=500)])


class ApproveCampaignForm(ActForm):
    reason = TextAreaField("Why, for the record", [Length(max=500)], id="accept-reason")


class RejectCampaignForm(ActForm):
    reason = TextAreaField("Why not?", [InputRequired("Say why."), Length(min=3, max=500)], id="reject-reason")


class StartForm(ActForm):
    """One click."""


class LettersForm(ActForm):
    language: SelectField = language_field()


class CancelForm(ActForm):
    reason = TextAreaField("Why?", [InputRequired("Say why."), Length(min=3, max=500)], id="cancel-reason")


class CloseForm(ActForm):
    spent = StringField("What it cost", [InputRequired("Say what it cost."), Length(max=40)])
