"""Money that went back, debit by debit: whole credits by reference and amount, a receipt's share of one, a part of one."""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]
BOUNCE = (-7, 60)  # days from receipt to the credit that its number leads to


def went_back(receipts: list[Row], lines: list[Row]) -> dict[int, int]:
    """Credit id → what of it went back. Sets `not_on` of receipts: credits their money was taken back from."""
    credits = [each for each in lines if each["side"] == "credit" and not each["is_reversal"]]
    debits = sorted((each for each in lines if each["side"] == "debit"), key=lambda each: (each["day"], each["ref"]))
    gone: dict[int, int] = {}
    loose = [debit for debit in debits if not whole(debit, credits, gone)]
    claims = [(debit, coll, credit) for debit in loose for coll, credit in shares(debit, receipts, credits, gone)]
    taken: dict[int, int] = {}
    for each in receipts:
        each["not_on"] = set()
    for debit, coll, credit in claims:
        alone = sum(other[0] is debit for other in claims) == 1
        if alone and sum(other[1] is coll and other[2] is credit for other in claims) == 1:
            taken[credit["id"]] = taken.get(credit["id"], 0) + debit["amount"]
            coll["not_on"].add(credit["id"])
    return {**taken, **gone}


def whole(debit: Row, credits: list[Row], gone: dict[int, int]) -> bool:
    """Undoes the latest earlier credit of the same reference and amount that is not undone yet."""
    fitting = [each for each in met(debit, credits) if each["amount"] == debit["amount"] and each["id"] not in gone]
    if fitting:
        credit = max(fitting, key=lambda each: (each["day"], each["ref"]))
        gone[credit["id"]] = credit["amount"]
    return bool(fitting)


def met(debit: Row, credits: list[Row]) -> list[Row]:
    return [
        each
        for each in credits
        if each["keys"] & debit["keys"] and each["day"] <= debit["day"] and each["currency"] == debit["currency"]
    ]


def shares(debit: Row, receipts: list[Row], credits: list[Row], gone: dict[int, int]) -> list[tuple[Row, Row]]:
    """Receipts whose number and amount a debit carries, with the credits that bear their slip, reference or number."""
    found = []
    for coll in receipts:
        own = [key for key in (coll["instrument_key"], coll["receipt_key"]) if len(key) >= 3]
        same = coll["amount"] == debit["amount"] and coll["currency"] == debit["currency"]
        if not same or debit["day"] < coll["day"] + BOUNCE[0] or not set(own) & debit["keys"]:
            continue
        numbers = {coll["slip_key"], coll["instrument_key"], coll["receipt_key"]} - {""}
        for credit in credits:
            lag = credit["day"] - coll["day"]
            fits = credit["amount"] >= debit["amount"] and credit["day"] <= debit["day"] and credit["id"] not in gone
            if (
                numbers & credit["keys"]
                and BOUNCE[0] <= lag <= BOUNCE[1]
                and fits
                and credit["currency"] == debit["currency"]
            ):
                found.append((coll, credit))
    return found
