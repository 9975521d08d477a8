"""Cards to begin from: a blank sheet and a few ready examples, each with its own cases in agreement."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from datetime import date
from itertools import count

HEAD = """code = "{code}"
name = "{name}"
currency = "{currency}"
effective_from = {day}
effective_by = "allocation"
rounding = "half_up"
"""

BLANK = """
[[rule]]
id = "rule-1"
earns_on = "cash"
slabs = [ {from = 0, rate = "0.05"} ]

[[case]]
name = "a lakh collected"
facts = { lines = [ {rule = "rule-1", base = "100000.00"} ] }
expect = { total = "5000.00" }
"""

BUCKET = """
[[rule]]
id = "{id}"
name = "{name}"
earns_on = "cash"
when = {{ opening_bucket = ["{bucket}"], source = ["agency"] }}
driver = "resolution_pct_pos"
driver_scope = "agency+opening_bucket"
mode = "whole"
slabs = [ {slabs} ]
"""
BUCKETS = (
    BUCKET.format(
        id="b2-cash",
        name="31 to 60 days",
        bucket="31-60",
        slabs='{from = 0, rate = "0.04"}, {from = 65, rate = "0.06"}, {from = 70, rate = "0.08"}, {from = 75, rate = "0.10"}',
    ),
    BUCKET.format(
        id="b3-cash",
        name="61 to 90 days",
        bucket="61-90",
        slabs='{from = 0, rate = "0.06"}, {from = 45, rate = "0.08"}, {from = 55, rate = "0.11"}',
    ),
)

WHOLE = (
    """
# The more of a bucket is resolved, the higher the rate on all the money collected in it."""
    + "".join(BUCKETS)
    + """
[[case]]
name = "73.5 % of 31-60 resolved"
facts = { drivers = { resolution_pct_pos = "73.5" }, lines = [ {rule = "b2-cash", base = "1840000.00"} ] }
expect = { total = "147200.00" }

[[case]]
name = "exactly 55 % of 61-90 resolved"
facts = { drivers = { resolution_pct_pos = "55" }, lines = [ {rule = "b3-cash", base = "100000.00"} ] }
expect = { total = "11000.00" }
"""
)

MARGINAL = """
# Each slab prices its own part of the month's money: nothing jumps at a boundary.
[[rule]]
id = "cash"
name = "Confirmed money"
earns_on = "cash"
driver = "confirmed_amount"
mode = "marginal"
slabs = [ {from = 0, rate = "0.06"}, {from = 1000000, rate = "0.08"}, {from = 1500000, rate = "0.10"} ]

[[case]]
name = "18,40,000 crosses both boundaries"
facts = { lines = [ {rule = "cash", base = "1840000.00"} ] }
expect = { total = "134000.00" }

[[case]]
name = "exactly at the first boundary"
facts = { lines = [ {rule = "cash", base = "1000000.00"} ] }
expect = { total = "60000.00" }
"""

VINTAGE = """
[[rule]]
id = "{id}"
name = "{name}"
when = {{ written_off_age_months = [{months}] }}
slabs = [ {{from = 0, rate = "{rate}"}} ]
lag = [ {{within_days = 1, factor = "1"}}, {{within_days = 3, factor = "0.50"}}, {{factor = "0"}} ]
"""
VINTAGES = (
    VINTAGE.format(id="wo-0-12", name="Written off up to a year ago", months="0, 12", rate="0.18"),
    VINTAGE.format(id="wo-12-36", name="One to three years ago", months="12, 36", rate="0.24"),
    VINTAGE.format(id="wo-36", name="Longer ago", months="36", rate="0.30"),
)

WRITTEN_OFF = (
    """
# The longer an account has been written off, the more its money earns; late deposits earn less."""
    + "".join(VINTAGES)
    + """
[agency]
blended_cap_rate = "0.25"

[[case]]
name = "three vintages, one banked late"
[case.facts]
lines = [
  {written_off_age_months = 11, amount = "350000.00", lag_days = 0},
  {written_off_age_months = 12, amount = "200000.00", lag_days = 2},
  {written_off_age_months = 36, amount = "80000.00", lag_days = 1},
]
[case.expect]
lines = ["63000.00", "24000.00", "24000.00"]
total = "111000.00"
"""
)

FIELD_WORK = """
# Fees for what people do, not for money.
[[rule]]
id = "visit"
name = "Accepted visit"
earns_on = "event"
when = { event = ["visit"] }
slabs = [ {from = 0, amount = "150.00"} ]

[[rule]]
id = "repossession"
name = "Vehicle brought in"
earns_on = "event"
when = { event = ["repossession"] }
slabs = [ {from = 0, amount = "3500.00"} ]

[[penalty]]
id = "complaint"
event = "complaint"
amount = "5000.00"
treatment = "fee_reduction"

[[case]]
name = "visits, vehicles and a complaint"
facts = { events = [ {event = "visit", count = 200}, {event = "repossession", count = 3}, {event = "complaint"} ] }
expect = { total = "35500.00" }
"""


@dataclass(frozen=True, slots=True)
class Start:
    key: str
    title: str
    says: str
    code: str
    body: str


STARTS = (
    Start(
        "blank", "A blank sheet", "One rule that pays five per cent of everything. Build from there.", "NEW-CARD", BLANK
    ),
    Start(
        "whole",
        "By share resolved",
        "Per bucket: the more is resolved, the higher the rate on all of it. Jumps at each slab.",
        "RETAIL",
        WHOLE,
    ),
    Start(
        "marginal",
        "Each slab its own part",
        "The month's money climbs through slabs; no jump anywhere.",
        "MARGINAL",
        MARGINAL,
    ),
    Start(
        "written-off",
        "Written-off accounts by age",
        "Older money earns more, late deposits earn less, a cap over the whole.",
        "WRITTEN-OFF",
        WRITTEN_OFF,
    ),
    Start(
        "field",
        "Visits and vehicles",
        "A fee per accepted visit or vehicle, less for complaints.",
        "FIELD",
        FIELD_WORK,
    ),
)


def starting_text(key: str, day: date, currency: str = "INR", taken: Container[str] = ()) -> str | None:
    """A starting card's text, in force from a day, under a code that is not `taken`; None when there is no such start."""
    start = next((each for each in STARTS if each.key == key), None)
    if start is None:
        return None
    codes = (f"{start.code}-{day.year}" + (f"-{number}" if number > 1 else "") for number in count(1))
    code = next(code for code in codes if code not in taken)
    head = HEAD.format(code=code, name=start.title, currency=currency, day=day.isoformat())
    return head + start.body
