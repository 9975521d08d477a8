"""An event out of the form it was told in, the bank's and the agency's alike."""

from __future__ import annotations

from payouts.commission.event_rules import Told
from portal.web.bank.events_forms import EventForm
from portal.web.typed import minor_typed


def told_in(form: EventForm, currency: str) -> Told:
    """What the form says. Invalid when the money cannot be read."""
    chosen = form.event.data or ""
    if chosen == "other":
        chosen = (form.other.data or "").strip().lower().replace(" ", "_").replace("-", "_")
    assert form.occurred_on.data is not None  # the form asks for it
    return Told(
        event=chosen,
        occurred_on=form.occurred_on.data,
        loan_account_no=(form.loan_account_no.data or "").strip(),
        count=form.count.data if form.count.data is not None else 1,
        days=form.days.data if form.days.data is not None else 1,
        amount_minor=minor_typed(form.amount.data, currency),
        note=form.note.data or "",
    )
