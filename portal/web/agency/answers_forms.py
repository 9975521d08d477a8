"""Forms beside an agency's statement: accept it, dispute a line, hand in the tax invoice."""

from __future__ import annotations

from flask_wtf.file import FileField, FileRequired
from wtforms import DateField, HiddenField, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length

from payouts.settlements.dispute_rules import LONGEST_COMMENT, REASONS
from portal.web.edge import ActForm


class AcceptForm(ActForm):
    expected_hash = HiddenField(validators=[InputRequired()])


class DisputeForm(ActForm):
    reason = SelectField(
        "What is wrong?",
        choices=[SelectChoice("", "Choose"), *(SelectChoice(*each) for each in REASONS.items())],
        validators=[InputRequired("Choose what is wrong.")],
    )
    claimed = StringField("What should it come to?", [InputRequired("Say what it should come to."), Length(max=40)])
    comment = TextAreaField(
        "Why?",
        [InputRequired("Say why."), Length(max=LONGEST_COMMENT)],
        description="The clause, the receipt, the day: whatever lets the bank check it.",
    )
    file = FileField("Evidence", description="A photo, a PDF or a recording; it is kept exactly as you hand it in.")


class WriteForm(ActForm):
    body = TextAreaField("Your words", [Length(max=LONGEST_COMMENT)])
    file = FileField("File", description="A photo, a PDF or a recording.")


class TakeBackForm(ActForm):
    """One click."""


class InvoiceForm(ActForm):
    invoice_no = StringField("Invoice number", [InputRequired("Copy it from the invoice."), Length(max=60)])
    invoiced_on = DateField("Date", [InputRequired("Copy it from the invoice.")])
    taxable = StringField("Taxable amount", [InputRequired("Copy it from the invoice."), Length(max=40)])
    tax = StringField("Tax", [InputRequired("Write 0 where you charge none."), Length(max=40)])
    tax_id = StringField("Your GSTIN on it", [InputRequired("Copy it from the invoice."), Length(max=30)])
    reverse_charge = RadioField(
        "Does it say that tax is payable on reverse charge?",
        choices=[SelectChoice("yes", "Yes"), SelectChoice("no", "No")],
        validators=[InputRequired("Say yes or no.")],
    )
    file = FileField("The invoice", [FileRequired("Add the invoice as PDF or photo.")])
