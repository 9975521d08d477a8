"""Forms beside the tax pages."""

from __future__ import annotations

from flask_wtf.file import FileField
from wtforms import DateField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from portal.web.edge import ActForm


class CertificateForm(ActForm):
    agency = SelectField("Agency", validators=[InputRequired("Choose the agency.")])
    number = StringField("Certificate number", [InputRequired("Copy it from the certificate."), Length(max=40)])
    section = SelectField("Section", validators=[InputRequired("Choose the section.")])
    rate = StringField(
        "Rate in per cent", [InputRequired("Say how much is deducted."), Length(max=10)], description="0 for nil."
    )
    limit = StringField(
        "For credits up to", [InputRequired("Copy the sum."), Length(max=40)], description="Fees, not tax."
    )
    valid_from = DateField("First day", [InputRequired("Give its first day.")])
    valid_to = DateField("Last day", [InputRequired("Give its last day.")])
    file = FileField("The certificate")


class AcceptCertificateForm(ActForm):
    reason = TextAreaField("Why, for the record", [Length(max=500)], id="accept-reason")


class RejectCertificateForm(ActForm):
    reason = TextAreaField("Why not?", [InputRequired("Say why."), Length(min=3, max=500)], id="reject-reason")


class WithdrawCertificateForm(ActForm):
    """One click."""


class EndCertificateForm(ActForm):
    reason = TextAreaField("Why?", [InputRequired("Say why."), Length(min=3, max=500)], id="end-reason")


class InterestForm(ActForm):
    """One click."""
