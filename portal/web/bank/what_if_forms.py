"""The form that asks for a what-if."""

from __future__ import annotations

from wtforms import SelectField, SelectMultipleField, TextAreaField
from wtforms.validators import Length
from wtforms.widgets import CheckboxInput, ListWidget

from portal.web.edge import ActForm


class Ticks(SelectMultipleField):
    """Several of a list, each with its own box."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class WhatIfForm(ActForm):
    version = SelectField("Terms", description="A stored version, or a text of your own below.", validate_choice=False)
    text = TextAreaField(
        "Or paste a card",
        [Length(max=500_000)],
        description="TOML or JSON. It is tried as it stands and not stored as a version.",
    )
    first = SelectField("From", validate_choice=False)
    last = SelectField("To", validate_choice=False)
    agencies = Ticks("Only these agencies", description="None ticked: all of them.", validate_choice=False)
