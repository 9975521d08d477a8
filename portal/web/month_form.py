"""A button that does something about a month: the form behind it, and what it answers when it cannot."""

from __future__ import annotations

from flask import flash, redirect, url_for
from werkzeug.wrappers import Response
from wtforms import HiddenField
from wtforms.validators import InputRequired

from portal.kernel.errors import Invalid
from portal.kernel.periods import Period
from portal.web.edge import ActForm
from portal.web.typed import month_typed


class MonthForm(ActForm):
    period = HiddenField(validators=[InputRequired()])


def month_asked(form: MonthForm) -> Period | Response:
    """The month the form is about; or back to the page, with what is the matter."""
    try:
        period = month_typed(form.period.data)
    except Invalid:
        flash("Choose a month.", "error")
        return redirect(url_for(".index"))
    if not form.validate_on_submit():
        flash("This form has expired. Try again.", "error")
        return redirect(url_for(".index", period=period.label))
    return period
