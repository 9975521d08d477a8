"""Forms beside the placement pages."""

from __future__ import annotations

from wtforms import DateField, TextAreaField
from wtforms.validators import InputRequired, Length

from portal.web.edge import ActForm


class RecallForm(ActForm):
    """The last day an agency holds an account, and why it is taken back."""

    on = DateField(
        "Last day with the agency",
        [InputRequired("Choose a day.")],
        description="Money collected through this day stays the agency's.",
    )
    reason = TextAreaField(
        "Why is it taken back?",
        [InputRequired("Say why."), Length(min=3, max=500)],
        description="The agency that had it reads this.",
    )
