"""What a row of a collections file shows by itself, a block of rows at a time: its keys, and every fault that needs no database."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from allocations.keys import normalise_references, receipt_folds, receipt_keys
from portal.kernel.tables.rows import Sheet

COMPONENTS = ["component_principal_minor", "component_interest_minor", "component_charges_minor"]


def prepare(sheet: Sheet, today: date, first_pos: int) -> pd.DataFrame:
    """The block's columns with keys beside them. `first_pos` counts the file's rows before this block."""
    frame = sheet.frame
    frame["pos"] = np.arange(first_pos, first_pos + len(frame))
    frame["row_no"] = sheet.row_no
    frame["receipt_key"] = receipt_keys(frame["receipt_no"])
    frame["receipt_fold"] = receipt_folds(frame["receipt_key"])
    frame["instrument_key"] = normalise_references(frame["instrument_ref"]).replace("", None)
    frame["slip_key"] = normalise_references(frame["deposit_slip_no"]).replace("", None)
    refuse_numbers_without_substance(sheet)
    refuse_impossible_days(sheet, today)
    refuse_components_beyond_the_amount(sheet)
    return frame


def refuse_numbers_without_substance(sheet: Sheet) -> None:
    frame = sheet.frame
    empty = ((frame["receipt_key"] == "") & frame["receipt_no"].notna()).to_numpy()
    said = "The receipt number has no letter or digit."
    sheet.reject(empty, "bad_receipt_no", said, "Give its number.", "receipt_no")


def refuse_impossible_days(sheet: Sheet, today: date) -> None:
    """Money collected tomorrow, or paid in before it was collected."""
    collected, deposited = sheet.frame["collected_on"], sheet.frame["deposited_on"]
    cure = "Correct the date, or hand it in on that day."
    said = f"It was collected after today ({today})."
    sheet.reject((collected > pd.Timestamp(today)).to_numpy(), "future_date", said, cure, "collected_on")
    early = (deposited < collected).to_numpy()
    said = "The deposit is dated before the collection."
    sheet.reject(early, "deposit_before_collection", said, "Correct one of them.", "deposited_on")


def refuse_components_beyond_the_amount(sheet: Sheet) -> None:
    frame = sheet.frame
    over = (frame[COMPONENTS].fillna(0).sum(axis=1) > frame["amount_minor"]).fillna(False).to_numpy(dtype=bool)
    said = "The components add up to more than the amount."
    sheet.reject(over, "components_exceed_amount", said, "Correct them.", "amount")
