"""The filters of a part of the portfolio, as fields of a form."""

from __future__ import annotations

from typing import Any

from wtforms import IntegerField, SelectField, SelectMultipleField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length, NumberRange, Optional

from allocations.agencies.queries import agency_choices
from allocations.agencies.service import lender
from allocations.casework.segments import Segment, read_segment
from allocations.placements import queries
from portal.web.edge import ActForm, db_session
from portal.web.typed import minor_typed

FLAG_WORDS = {
    "secured": "Secured",
    "unsecured": "Not secured",
    "npa": "An NPA",
    "not_npa": "No NPA",
    "no_agency": "With no agency",
}


class SegmentForm(ActForm):
    product = SelectField("Product", validators=[Optional()])
    bucket = SelectField("Bucket", validators=[Optional()])
    agency = SelectField("Agency", validators=[Optional()])
    state = StringField("State", [Length(max=60)])
    dpd_from = IntegerField("Days past due from", [Optional(), NumberRange(0, 100_000)])
    dpd_to = IntegerField("to", [Optional(), NumberRange(0, 100_000)])
    owed_from = StringField("Owed in all from", [Length(max=40)])
    owed_to = StringField("up to", [Length(max=40)])
    flags = SelectMultipleField(
        "And", choices=[SelectChoice(*each) for each in FLAG_WORDS.items()], description="All that are chosen hold."
    )


def with_choices(form: SegmentForm) -> None:
    """The products, buckets and agencies there are."""
    session, any_one = db_session(), SelectChoice("", "Any")
    form.product.choices = [any_one, *(SelectChoice(each, each) for each in queries.products(session))]
    form.bucket.choices = [any_one, *(SelectChoice(*each) for each in queries.bucket_choices(session))]
    form.agency.choices = [any_one, *(SelectChoice(*each) for each in agency_choices(session))]


def segment_in(form: SegmentForm) -> Segment:
    """What was chosen. Raises Invalid with everything wrong with it."""
    currency = lender(db_session()).currency
    given: dict[str, Any] = {
        "product": form.product.data,
        "bucket": form.bucket.data,
        "agency": form.agency.data,
        "state": (form.state.data or "").strip(),
        "dpd_from": form.dpd_from.data,
        "dpd_to": form.dpd_to.data,
        "owed_from_minor": minor_typed(form.owed_from.data, currency),
        "owed_to_minor": minor_typed(form.owed_to.data, currency),
        "flags": form.flags.data or [],
    }
    return read_segment(given)
