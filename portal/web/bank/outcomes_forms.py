"""Forms beside the outcome pages."""

from __future__ import annotations

from wtforms import HiddenField
from wtforms.validators import InputRequired

from portal.web.edge import ActForm


class FreezeForm(ActForm):
    period = HiddenField(validators=[InputRequired()])
