"""Regulatory class of an account on a day: SMA stages, NPA ages, loss, written off. Pure.

Source: RBI prudential norms on income recognition and asset classification (circular of 12-Nov-2021): days past due count the due day
as 1, so SMA-1 begins at 31, SMA-2 at 61 and NPA at 91. A substandard asset has been NPA for twelve months or less; doubtful runs to
24, 48 and beyond. Only the account itself is looked at: that a borrower's other accounts follow the worst one is left to the bank's
own classification, which arrives as `npa_on`.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from enum import StrEnum

SMA_1, SMA_2, NPA = 31, 61, 91
SUBSTANDARD_MONTHS, DOUBTFUL_1_MONTHS, DOUBTFUL_2_MONTHS = 12, 24, 48


class AssetClass(StrEnum):
    STANDARD = "standard"
    SMA_0 = "sma_0"
    SMA_1 = "sma_1"
    SMA_2 = "sma_2"
    SUBSTANDARD = "substandard"
    DOUBTFUL_1 = "doubtful_1"
    DOUBTFUL_2 = "doubtful_2"
    DOUBTFUL_3 = "doubtful_3"
    LOSS = "loss"
    WRITTEN_OFF = "written_off"

    @property
    def is_npa(self) -> bool:
        return self not in (AssetClass.STANDARD, AssetClass.SMA_0, AssetClass.SMA_1, AssetClass.SMA_2)


def label(code: str | None) -> str:
    """A class as people write it: SMA-1, Doubtful 2, Written off."""
    text = (code or "").replace("_", " ")
    return text.upper().replace(" ", "-") if text.startswith("sma") else text.capitalize()


def asset_class(
    as_of: date, dpd_days: int, npa_on: date | None = None, written_off_on: date | None = None, *, is_loss: bool = False
) -> AssetClass:
    """The class at the end of `as_of`. Dates after `as_of` have not happened yet; an NPA stays one until the bank clears `npa_on`."""
    if written_off_on and written_off_on <= as_of:
        return AssetClass.WRITTEN_OFF
    if is_loss:
        return AssetClass.LOSS
    since = npa_since(as_of, dpd_days, npa_on)
    if since:
        return npa_class(since, as_of)
    if dpd_days >= SMA_2:
        return AssetClass.SMA_2
    if dpd_days >= SMA_1:
        return AssetClass.SMA_1
    return AssetClass.SMA_0 if dpd_days >= 1 else AssetClass.STANDARD


def npa_since(as_of: date, dpd_days: int, npa_on: date | None) -> date | None:
    """The day the account became an NPA: as the bank says, otherwise the day its DPD reached 91; None when it is none."""
    if npa_on and npa_on <= as_of:
        return npa_on
    return as_of - timedelta(days=dpd_days - NPA) if dpd_days >= NPA else None


def npa_class(since: date, as_of: date) -> AssetClass:
    """The class of an NPA by its age; the day the twelve months are full still belongs to the lower class."""
    if as_of <= after_months(since, SUBSTANDARD_MONTHS):
        return AssetClass.SUBSTANDARD
    if as_of <= after_months(since, DOUBTFUL_1_MONTHS):
        return AssetClass.DOUBTFUL_1
    return AssetClass.DOUBTFUL_2 if as_of <= after_months(since, DOUBTFUL_2_MONTHS) else AssetClass.DOUBTFUL_3


def after_months(day: date, months: int) -> date:
    """The same day of the month that many months on; the month's last day where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
