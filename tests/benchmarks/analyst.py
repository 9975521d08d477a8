"""The script a bank's analyst writes: exports of receipts and credits, merged in pandas on whatever agrees, best sign first.

Written as well as such scripts are: references are cleaned, cheques and slips found in the narrative, slips summed, rounding allowed,
every row used once. What it cannot do is doubt.
"""

from __future__ import annotations

import pandas as pd

ROUNDING = 100  # paise
DAYS = 3
LINKS = ["collection_id", "line_id", "posting_id", "amount", "rule"]


def link(receipts: pd.DataFrame, credits: pd.DataFrame, virtual_accounts: pd.DataFrame) -> pd.DataFrame:
    """Links (LINKS) of receipts (id, agency_id, loan_no, amount, day, instrument_ref, slip_no) to credits (id, day, amount,
    customer_ref, description); `virtual_accounts`: va_no, loan_no."""
    receipts = receipts.assign(utr=cleaned(receipts["instrument_ref"]), slip=cleaned(receipts["slip_no"]))
    credits = read(credits, virtual_accounts)
    done: list[pd.DataFrame] = []

    def keep(pairs: pd.DataFrame, rule: str) -> None:
        """One to one, the nearest date first; those found leave both tables."""
        nonlocal receipts, credits
        pairs = pairs.sort_values("days", kind="stable").drop_duplicates("id_x").drop_duplicates("id_y")
        done.append(as_links(pairs, rule))
        receipts, credits = receipts[~receipts["id"].isin(pairs["id_x"])], credits[~credits["id"].isin(pairs["id_y"])]

    by_utr = receipts[receipts["utr"] != ""].merge(credits[credits["utr"] != ""], on="utr")
    keep(agreeing(by_utr), "utr")
    for column, rule in (("utr", "utr_total"), ("slip", "slip_total")):
        whole = totals(receipts, credits, column)
        done.append(as_links(whole, rule))
        receipts, credits = receipts[~receipts["id"].isin(whole["id_x"])], credits[~credits["id"].isin(whole["id_y"])]
    by_account = receipts.merge(credits[credits["loan_no"] != ""], on="loan_no")
    keep(near(agreeing(by_account)), "account_amount_date")
    keep(near(receipts.merge(credits, on=["amount", "day"]), "day", "day"), "amount_date")
    keep(nearest(receipts, credits), "amount_near_date")
    return pd.concat(done, ignore_index=True)[LINKS]


def cleaned(texts: pd.Series) -> pd.Series:
    """Upper case, nothing but letters and digits, no leading zeros."""
    return texts.fillna("").str.upper().str.replace(r"[^A-Z0-9]", "", regex=True).str.lstrip("0")


def read(credits: pd.DataFrame, virtual_accounts: pd.DataFrame) -> pd.DataFrame:
    """References, slips and loan numbers out of the narrative."""
    text = credits["description"].str.upper()
    found = text.str.extract(r"\b([A-Z]{4}[NR][A-Z0-9]{11}(?:[A-Z0-9]{6})?|\d{12})\b", expand=False)
    cheque = text.str.extract(r"(?:CHQ|DD)(?: DEP)? (\d{6})", expand=False)
    slip = text.str.extract(r"(?:SLIP(?: NO)?|DS) ([A-Z0-9-]+)$", expand=False)
    loan = text.str.extract(r"\b(PL\d{7}|402\d{9})\b", expand=False)
    virtual = text.str.extract(r"\b(PARB\d{8})\b", expand=False)
    held = virtual.map(virtual_accounts.set_index("va_no")["loan_no"]).astype("str")
    loan = loan.fillna(held).fillna("")
    utr = cleaned(found.fillna(cheque).fillna(credits["customer_ref"]))
    return credits.assign(utr=utr.where(slip.isna(), ""), slip=cleaned(slip), loan_no=loan)


def agreeing(pairs: pd.DataFrame) -> pd.DataFrame:
    pairs = pairs[(pairs["amount_x"] - pairs["amount_y"]).abs() <= ROUNDING]
    return pairs.assign(
        days=(pairs["day_y"] - pairs["day_x"]).abs(), amount=pairs[["amount_x", "amount_y"]].min(axis=1)
    )


def near(pairs: pd.DataFrame, left: str = "day_x", right: str = "day_y") -> pd.DataFrame:
    pairs = pairs.assign(days=(pairs[right] - pairs[left]).abs())
    return pairs[pairs["days"] <= DAYS]


def totals(receipts: pd.DataFrame, credits: pd.DataFrame, column: str) -> pd.DataFrame:
    """Receipts of one agency under one number whose sum is that number's credit."""
    named = receipts[receipts[column] != ""]
    sums = named.groupby(["agency_id", column], as_index=False)["amount"].sum()
    whole = sums.merge(credits[credits[column] != ""], on=column)
    whole = whole[(whole["amount_x"] - whole["amount_y"]).abs() <= ROUNDING].drop_duplicates("id")
    whole = whole.drop_duplicates(["agency_id", column])
    pairs = named.merge(whole[["agency_id", column, "id"]], on=["agency_id", column])
    return pairs.drop_duplicates("id_x")


def nearest(receipts: pd.DataFrame, credits: pd.DataFrame) -> pd.DataFrame:
    """The same amount within three days."""
    left = receipts.sort_values("day", kind="stable")
    right = credits.assign(day_y=credits["day"]).sort_values("day", kind="stable")
    pairs = pd.merge_asof(left, right, on="day", by="amount", direction="nearest", tolerance=DAYS)
    pairs = pairs[pairs["id_y"].notna()]
    return pairs.assign(days=(pairs["day"] - pairs["day_y"]).abs())


def as_links(pairs: pd.DataFrame, rule: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "collection_id": pairs["id_x"],
            "line_id": pairs["id_y"].astype("int64"),
            "posting_id": 0,
            "amount": pairs["amount"],
            "rule": rule,
        }
    )
