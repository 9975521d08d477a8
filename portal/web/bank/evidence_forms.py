"""What a reviewer sends: a decision, or a legal hold."""

from __future__ import annotations

from wtforms import HiddenField, StringField
from wtforms.validators import InputRequired, Length

from allocations.collections.evidence.review import LONGEST_REASON
from portal.web.edge import ActForm


class ReviewForm(ActForm):
    """`seen` is the review as the page showed it; `next` the reference of the piece to go on to."""

    reason = StringField("What is wrong with it?", [Length(max=LONGEST_REASON)])
    seen = HiddenField()
    next = HiddenField()


class HoldForm(ActForm):
    """Why a piece is kept beyond its time, or why no longer."""

    hold_reason = StringField(
        "Reason", [InputRequired("Name the case or the order it is kept for."), Length(max=LONGEST_REASON)]
    )
