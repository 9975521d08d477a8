"""What the ladder's words mean for one receipt and one credit: which keys name a payment, what speaks against a pair, what bears it out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from typing import Any

from allocations.keys import receipt_fold
from allocations.reconciliation.matching.reasons import FAMILY
from allocations.reconciliation.matching.rungs import Ladder, Rung

Row = dict[str, Any]
LONG = 9
SHARED = ("va_key", "loan_key", "agency_key", "agent_key")


def family(mode: str) -> str:
    return FAMILY.get(mode, "electronic")


def is_short(key: str, ladder: Ladder) -> bool:
    """Digits alone, and so few that the number comes round again."""
    return key.isdigit() and len(key) < ladder.season_number


def days_around(ordinal: int) -> set[str]:
    """Every day of a receipt's month and of the two beside it, as people write days in digits."""
    own = date.fromordinal(ordinal)
    written: set[str] = set()
    for step in (-1, 0, 1):
        year, month = divmod(own.year * 12 + own.month - 1 + step, 12)
        for day in range(1, 32):
            parts = f"{day:02}{month + 1:02}{year}", f"{day:02}{month + 1:02}{year % 100:02}"
            written |= {text.lstrip("0") for text in parts}
            written |= {f"{year}{month + 1:02}{day:02}", f"{year % 100:02}{month + 1:02}{day:02}"}
    return written


def names_payment(key: str, column: str, receipt: Row, ladder: Ladder) -> bool:
    """A branch names none, nor does an amount; a short number only a cheque, or a receipt that no cheque and no slip brought."""
    if column in SHARED:
        return key != ""
    if key in (receipt["loan_key"], receipt["va_key"]):
        return False
    if len(key) < 2 or (key.isdigit() and len(key) < ladder.shortest_number):
        return False
    if re.fullmatch(r"[A-Z]{4}0[A-Z0-9]{6}", key):
        return False
    if is_short(key, ladder) and column in ("receipt_key", "slip_key") and key in days_around(receipt["day"]):
        return False
    if not is_short(key, ladder) or column == "slip_key":
        return True
    if key in (str(receipt["amount"]), str(receipt["amount"] // 100)):
        return False
    wanted = "electronic" if column == "receipt_key" else "paper"
    return family(receipt["mode"]) == wanted


def nearly(one: str, other: str) -> bool:
    """One character wrong, missing or too many, two neighbours swapped, or letters taken for digits."""
    if one == other or (len(one) == len(other) and receipt_fold(one) == receipt_fold(other)):
        return True
    if len(one) == len(other):
        differ = [place for place, (a, b) in enumerate(zip(one, other, strict=True)) if a != b]
        swapped = len(differ) == 2 and differ[1] == differ[0] + 1 and one[differ[0]] == other[differ[1]]
        return len(differ) == 1 or (swapped and one[differ[1]] == other[differ[0]])
    longer, shorter = sorted((one, other), key=len, reverse=True)
    return len(longer) - len(shorter) == 1 and any(
        longer[:place] + longer[place + 1 :] == shorter for place in range(len(longer))
    )


def misread(one: str, other: str) -> bool:
    """Nearly the same, and not the next number of a series."""
    neighbours = len(one) == len(other) and one[:-2] == other[:-2]
    return nearly(one, other) and (not neighbours or receipt_fold(one) == receipt_fold(other))


def near_reference(receipt: Row, credit: Row) -> bool:
    own = receipt["instrument_key"]
    return len(own) >= LONG and any(nearly(own, key) for key in credit["keys"])


def built_alike(one: str, other: str) -> bool:
    """Same length, same first two characters, digits in the same places."""
    same = len(one) == len(other) >= 6 and one[:2] == other[:2]
    return same and [each.isdigit() for each in one] == [each.isdigit() for each in other]


def came_otherwise(receipt: Row, credit: Row) -> bool:
    return credit["mode"] != "" and family(credit["mode"]) != family(receipt["mode"])


def came_any_other_way(receipt: Row, credit: Row) -> bool:
    return credit["mode"] not in ("", receipt["mode"]) and not near_reference(receipt, credit)


def unlike_its_own(receipt: Row, credit: Row) -> bool:
    """Both carry a long reference, and they are not, not even nearly, the same."""
    own, numbers = receipt["instrument_key"], [each for each in (receipt["loan_key"], receipt["va_key"]) if each]
    theirs = [
        key
        for key in credit["keys"]
        if len(key) >= LONG
        and sum(letter.isdigit() for letter in key) >= LONG - 3
        and ":" not in key
        and not any(number in key for number in numbers)
    ]
    return len(own) >= LONG and bool(theirs) and not any(nearly(own, key) for key in theirs)


def has_near_twin(receipt: Row, receipts: list[Row], credits: list[Row], ladder: Ladder) -> bool:
    """Another open receipt of the amount has nearly the reference, and no credit carries that one as it is written."""
    own = receipt["instrument_key"]
    for each in receipts:
        theirs = each["instrument_key"]
        if each is receipt or not each["open"] or each["open"] != receipt["open"] or len(theirs) < LONG:
            continue
        lost = names_payment(theirs, "instrument_key", each, ladder) and not any(
            theirs in one["keys"] for one in credits
        )
        if lost and nearly(own, theirs) and (own[:4] == theirs[:4] or own[-4:] == theirs[-4:]):
            return True
    return False


def outside_term(receipt: Row) -> bool:
    return not receipt["from_day"] <= receipt["day"] <= receipt["to_day"]


def quoted_by_another(receipt: Row, credit: Row, receipts: list[Row], ladder: Ladder) -> bool:
    """The credit carries the payment reference of another receipt that is still open."""
    return any(
        each is not receipt
        and each["open"]
        and each["instrument_key"] in credit["keys"]
        and names_payment(each["instrument_key"], "instrument_key", each, ladder)
        for each in receipts
    )


def booked_as_another(receipt: Row, posting: Row) -> bool:
    """The posting names another receipt, another long reference, or another way of paying."""
    for name, least in (("receipt_key", 1), ("instrument_key", LONG)):
        mine, theirs = receipt[name], posting[name]
        if min(len(mine), len(theirs)) >= least and not nearly(mine, theirs):
            return True
    return posting["mode"] != "" and family(posting["mode"]) != family(receipt["mode"])


def has_twin(solution: list[Row], receipts: list[Row], credits: list[Row], ladder: Ladder) -> bool:
    """A receipt outside may have meant the same reference: it reads so, and no credit carries it as it is written."""

    def read(receipt: Row) -> tuple[str, str]:
        own, fold = receipt["instrument_key"], receipt["fold_key"]
        own = own if names_payment(own, "instrument_key", receipt, ladder) else ""
        return own, (fold if names_payment(fold, "fold_key", receipt, ladder) else "") or own

    for mine in solution:
        for other in receipts:
            (own, fold), (theirs, their_fold) = read(mine), read(other)
            alike = own and theirs and own != theirs and fold == their_fold
            lost = not any(theirs in credit["keys"] for credit in credits)
            if alike and lost and mine["open"] and other["open"] and not any(other is each for each in solution):
                return True
    return False


def merely_told(world: Any, pair: Any, ladder: Ladder) -> bool:
    """The agency was told of the credit before it reported the receipt, and no reference that nobody told it names the credit."""
    receipt, borne = pair.coll, pair.other["keys"]
    rows = [
        row
        for row in world.told.to_dict("records")
        if (row["line_id"], row["agency_id"]) == (pair.other["id"], receipt["agency_id"])
        and receipt["reported_at"] > row["at"]
    ]
    given = {row[name] for row in [*rows, receipt] for name in ("loan_key", "va_key")} - {""}
    given |= {"".join(filter(str.isalnum, key.removeprefix("VPA:"))) for key in borne if key.startswith("VPA:")}
    own = [
        receipt[name]
        for name in ("instrument_key", "receipt_key", "slip_key")
        if receipt[name] in borne
        and names_payment(receipt[name], name, receipt, ladder)
        and len(receipt[name]) >= ladder.weak_number
        and (name == "instrument_key" or not is_short(receipt[name], ladder))
    ]
    return bool(rows) and not any(all(key not in each and each not in key for each in given) for key in own)


def number_alone(pairs: list[tuple[Row, Row]], met: str, ladder: Ladder, rung: Rung) -> bool:
    """A short number or word, and neither a code nor an account on the credit, nor a sum that is nobody's in particular."""
    lettered = not met.isdigit() and len(met) < ladder.weak_number
    if not lettered and (rung.key == "instrument_key" or not is_short(met, ladder)):
        return False
    for receipt, credit in pairs:
        if any(receipt[name] and receipt[name] in credit["keys"] for name in SHARED) or near_reference(receipt, credit):
            return False
    receipts, credits = ({each["id"]: each for each in side} for side in zip(*pairs, strict=True))
    total = sum(each["open"] for each in receipts.values())
    first = pairs[0][0]
    is_odd = total % (10 * max(1, rung.tolerance(first["currency"]))) != 0
    many, prompt = len(receipts) > 1, all(0 <= credit["day"] - receipt["day"] <= 2 for receipt, credit in pairs)
    own = is_odd and (many or (first["emi"] > 0 and total % first["emi"] != 0))
    own = own or (rung.key == "slip_key" and many and prompt)
    return total != sum(each["open"] for each in credits.values()) or not own


def names_another(pairs: list[tuple[Row, Row]], met: str) -> bool:
    """The credit carries a loan or virtual account number built like a receipt's own, and it is no receipt's of these."""
    own, others = False, False
    for receipt, credit in pairs:
        for number in (receipt["loan_key"], receipt["va_key"]):
            for key in credit["keys"]:
                if number and built_alike(number, key):
                    own |= key == number
                    others |= key not in (number, met)
    return others and not own


def booked_elsewhere(pairs: list[tuple[Row, Row]], met: str, postings: Iterable[Row]) -> bool:
    """Core banking booked that reference and amount on another account, and nothing of it on the receipts' own."""
    own, others = False, False
    for receipt, _ in pairs:
        for each in postings:
            if each["live"] and met and each["instrument_key"] == met:
                mine = (
                    each["loan_account_id"] == receipt["loan_account_id"]
                    or each["receipt_key"] == receipt["receipt_key"]
                )
                own |= mine
                others |= not mine and each["amount"] == receipt["amount"]
    return others and not own


def second_sign(rung: Rung, receipt: Row, credit: Row, opened: tuple[int, int], payer: bool, ladder: Ladder) -> bool:
    """`opened`: what stands open on both sides; `payer`: an approved payer's credit."""
    cash = family(receipt["mode"]) == "cash"
    major = 10 * max(1, rung.tolerance(receipt["currency"]))
    odd = receipt["emi"] > 0 and receipt["amount"] % receipt["emi"] and receipt["amount"] % major
    va = receipt["va_key"]
    signs = {
        "mode": credit["mode"] == receipt["mode"] and not cash,
        "virtual_account": va != ""
        and va in credit["keys"]
        and not (va.isdigit() and len(va) < ladder.weak_number)
        and not cash,
        "odd_amount": opened[0] == opened[1] and bool(odd),
        "payer": payer and not cash,
        "near_reference": near_reference(receipt, credit),
    }
    return any(signs[name] for name in rung.second)
