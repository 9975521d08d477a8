"""Forms beside the rate card pages."""

from __future__ import annotations

from flask_wtf.file import FileField
from wtforms import HiddenField, TextAreaField
from wtforms.validators import InputRequired, Length

from portal.web.edge import ActForm


class CardForm(ActForm):
    file = FileField("Rate card file")
    text = TextAreaField("Or paste it here", [Length(max=500_000)], description="TOML or JSON, the same as the file.")


class ApproveForm(ActForm):
    expected_sha256 = HiddenField(validators=[InputRequired()])
    comment = TextAreaField("Why, for the record", [Length(max=500)])


class RejectForm(ActForm):
    expected_sha256 = HiddenField(validators=[InputRequired()])
    reason = TextAreaField("What must change?", [InputRequired("Say what must change."), Length(min=3, max=500)])


class SheetForm(ActForm):
    """The editing page: the card's text goes along, every other field is named by its place in the card."""

    source = HiddenField(validators=[InputRequired()])
