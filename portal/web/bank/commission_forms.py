"""Forms beside the commission pages."""

from __future__ import annotations

from wtforms import HiddenField
from wtforms.validators import InputRequired

from portal.web.edge import ActForm


class AccrueForm(ActForm):
    period = HiddenField(validators=[InputRequired()])


class CheckForm(ActForm):
    """A day computed again; the address says which."""
