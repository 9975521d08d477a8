"""One rung at a time: find its claims, keep those that fit, settle rivals, weigh other signs, take the amounts off the book."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from allocations.reconciliation.matching.book import Book, families, forget_rounding, note_seen
from allocations.reconciliation.matching.bundles import filling_in, in_account_parts, in_parts, leaving_out
from allocations.reconciliation.matching.claims import Verdict, amounts, doubtful, feasible, fits, resolve, strike
from allocations.reconciliation.matching.key_index import Mask
from allocations.reconciliation.matching.meeting import account_claims, free, key_claims, posting_claims, unrejected
from allocations.reconciliation.matching.pools import pool_solutions
from allocations.reconciliation.matching.rungs import Rung
from allocations.reconciliation.matching.signs import (
    LONG,
    against,
    has_near_twin,
    has_twin,
    nearly,
    number_alone,
    second_sign,
)
from allocations.reconciliation.matching.told import merely_told

LINKED = ["collection_id", "line_id", "posting_id", "amount", "rule", "rule_version", "score", "key"]
REFUSED = ["coll", "other", "lag", "gap", "why"]
NO_LINKS = pd.DataFrame(columns=LINKED)
ACCOUNT_KEYS = ("va_key", "loan_key", "account")


def climb(book: Book, rung: Rung) -> pd.DataFrame:
    """The links of one rung, confirmed ones taken off the book."""
    if rung.side == "posting":
        return take(book, rung, posting_matches(book, rung))
    verdict = pool_verdict(book, rung) if rung.key == "pool" else bank_verdict(book, rung)
    if verdict is None:
        return NO_LINKS
    if len(verdict.struck):
        if rung.confirms:
            book.struck.append(verdict.struck)
        refuse(book, verdict.struck.assign(why=verdict.struck["told"]))
    return take(book, rung, untold(book, rung, borne_out(book, rung, verdict.accepted)))


def untold(book: Book, rung: Rung, accepted: pd.DataFrame) -> pd.DataFrame:
    """A confirming rung without what the agency merely was told of (the whole solution); a rung for just that with nothing else."""
    if accepted.empty or not (rung.confirms or rung.told):
        return accepted
    told = merely_told(book, accepted)
    if rung.told:
        return accepted[told]
    if not told.any():
        return accepted
    refuse(book, accepted.assign(why="told")[told])
    return accepted[~accepted["solution"].isin(accepted.loc[told, "solution"])]


def pool_verdict(book: Book, rung: Rung) -> Verdict:
    solutions, refused = pool_solutions(book, rung)
    refuse(book, refused)
    return resolve(solutions)


def bank_verdict(book: Book, rung: Rung) -> Verdict | None:
    """What stands of the rung's claims; None when nothing claims anything that is open."""
    claims = account_claims(book, rung) if rung.key in ACCOUNT_KEYS else key_claims(book, rung)
    if rung.name in book.plain_rungs:
        book.tried.append(claims)
    mask = live_claims(book, rung, claims)
    if not mask.any():
        return None
    live = claims[mask].reset_index(drop=True)
    if rung.direction in ("1:n", "n:m"):
        return resolved_parts(book, rung, live)
    if rung.leaves_out:
        return resolve(leaving_out(live, rung))
    if rung.fills_in:
        return resolve(numbered(book, rung, filling_in(book, live, rung)))
    return settle(book, rung, live)


def numbered(book: Book, rung: Rung, filled: pd.DataFrame) -> pd.DataFrame:
    """Of slips that were filled up: those that more than a short number ties."""
    if rung.key != "slip_key" or filled.empty:
        return filled
    alone = number_alone(book, rung, filled)
    refuse(book, filled.assign(why="number")[alone])
    return filled[~alone]


def live_claims(book: Book, rung: Rung, claims: pd.DataFrame) -> Mask:
    """Claims on something open that nobody has refused; a suggestion asks only for rows in no dispute that wait for nobody."""
    live = np.asarray((claims["coll_open"].to_numpy() > 0) & (claims["other_open"].to_numpy() > 0))
    if not live.any():
        return live
    live &= unrejected(book, claims, rung)
    if not rung.confirms:
        coll, line = free(book)
        live &= coll[claims["coll"]] & line[claims["other"]]
    return live


def settle(book: Book, rung: Rung, live: pd.DataFrame) -> Verdict:
    """What stands of the live claims. Pairs that have no rival on either side are settled at once, the others by `resolve`."""
    alone = lonely(live)
    plain, others = live[alone], live[~alone]
    plain = plain.assign(gap=plain["coll_open"] - plain["other_open"], solution=-1 - plain.index.to_numpy())
    fit = fits(plain["gap"], plain["other_open"], plain["tolerance"], rung)
    refuse(book, plain[~fit].assign(why="amount"), rung)
    plain = weighed(book, rung, plain[fit])
    if others.empty:
        return Verdict(plain, plain[:0].assign(why="", told=""))
    solutions = feasible(others, rung)
    unfit = others[~others.index.isin(solutions.index)]
    refuse(book, unfit.assign(gap=unfit["coll_open"] - unfit["other_open"], why="amount"), rung)
    solutions = weighed(book, rung, solutions)
    if rung.many:
        doubts = doubtful(others, solutions, everyone=rung.key != "receipt_key")
        solutions, doubted = strike(solutions, doubts, "repeated", "doubt")
        foreign = doubted["other"].map(others.groupby("other")["agency_id"].nunique()) > 1
        doubted = doubted.assign(why=doubted["why"].mask(foreign, "contested"))
    else:
        doubted = solutions[:0].assign(why="", told="")
    verdict = resolve(solutions)
    struck = [each for each in (doubted, verdict.struck) if len(each)]
    return Verdict(
        pd.concat([plain, verdict.accepted]) if len(verdict.accepted) else plain,
        pd.concat(struck) if struck else doubted,
    )


def lonely(live: pd.DataFrame) -> Mask:
    """Claims whose receipt and whose credit have no other."""
    coll, other = live["coll"].to_numpy(), live["other"].to_numpy()
    if not len(coll):
        return np.zeros(0, dtype=bool)
    return np.asarray((np.bincount(coll)[coll] == 1) & (np.bincount(other)[other] == 1))


def weighed(book: Book, rung: Rung, solutions: pd.DataFrame) -> pd.DataFrame:
    """Without the solutions that something speaks against (account rungs ask after their rivals: see borne_out)."""
    if rung.side == "posting" or rung.key in ACCOUNT_KEYS or solutions.empty:
        return solutions
    why = against(book, rung, solutions)
    refuse(book, solutions.assign(why=why)[(why != "").to_numpy()])
    return solutions[(why == "").to_numpy()]


def resolved_parts(book: Book, rung: Rung, live: pd.DataFrame) -> Verdict:
    made = in_account_parts(book, live, rung) if rung.key == "account" else in_parts(book, live, rung)
    if rung.key == "instrument_key" and len(made):
        twin = has_near_twin(book, made)
        refuse(book, made.assign(why="twin")[twin])
        made = made[~twin]
    return Verdict(weighed(book, rung, made), made[:0].assign(why="", told=""))


def borne_out(book: Book, rung: Rung, accepted: pd.DataFrame) -> pd.DataFrame:
    """Of claims by account, once they have no rival: those that nothing speaks against and a second sign bears out."""
    if rung.key not in ACCOUNT_KEYS or rung.direction != "1:1" or accepted.empty:
        return accepted
    if rung.key != "account":
        accepted = accepted[accepted["by_va" if rung.key == "va_key" else "by_loan"].to_numpy()]
    if not rung.confirms:
        return accepted
    why = against(book, rung, accepted)
    refuse(book, accepted.assign(why=why)[(why != "").to_numpy()])
    accepted = accepted[(why == "").to_numpy()]
    if rung.second:
        agrees = second_sign(book, rung, accepted)
        refuse(book, accepted[~agrees].assign(why="second_sign"))
        accepted = accepted[agrees]
    return accepted


def posting_matches(book: Book, rung: Rung) -> pd.DataFrame:
    claims = posting_claims(book, rung)
    if claims.empty:
        return claims
    live = claims[unrejected(book, claims, rung)].reset_index(drop=True)
    accepted = settle(book, rung, live).accepted
    if rung.needs_money:
        accepted = accepted[book.coll["open"].to_numpy()[accepted["coll"]] == 0]
    if rung.key == "account":
        return accepted[~booked_as_another(book, accepted)]
    return accepted[~has_twin(book, accepted)] if rung.key == "instrument_key" else accepted


def booked_as_another(book: Book, claims: pd.DataFrame) -> Mask:
    """The posting names a receipt or a long reference that is not the receipt's own, not even nearly, or another way of paying."""
    coll, posting = book.coll.take(claims["coll"].to_numpy()), book.posting.take(claims["other"].to_numpy())
    other = _names_other(coll["receipt_key"], posting["receipt_key"], 1)
    other |= _names_other(coll["instrument_key"], posting["instrument_key"], LONG)
    booked = families(posting["mode"])
    return np.asarray(other | ((booked != "") & (booked != coll["family"].to_numpy())))


def _names_other(mine: pd.Series[Any], theirs: pd.Series[Any], least: int) -> Mask:
    pairs = zip(mine.tolist(), theirs.tolist(), strict=True)
    return np.array([min(len(a), len(b)) >= least and not nearly(a, b) for a, b in pairs], dtype=bool)


def refuse(book: Book, claims: pd.DataFrame, rung: Rung | None = None) -> None:
    """Remembers refused pairs of receipt and credit for those who ask later why."""
    if len(claims) and (rung is None or rung.side == "bank"):
        book.refused.append(claims[REFUSED])


def take(book: Book, rung: Rung, accepted: pd.DataFrame) -> pd.DataFrame:
    """Take the accepted amounts off both sides (a suggestion reserves its rows whole) and return them as links."""
    if accepted.empty:
        return NO_LINKS
    is_bank = rung.side == "bank"
    others, column = (book.line, "open") if is_bank else (book.posting, "unposted")
    amount = linked_amounts(book, accepted)
    coll, other = accepted["coll"].to_numpy(), accepted["other"].to_numpy()
    if rung.confirms:
        left = others["open"].to_numpy(copy=True)
        np.subtract.at(left, other, amount)
        others["open"] = left
        forget_rounding(others, "open")
        left = book.coll[column].to_numpy(copy=True)
        left[coll] = 0
        book.coll[column] = left
        if is_bank:
            note_seen(book.coll, coll, book.line["day"].to_numpy()[other])
    elif is_bank:
        book.busy_coll[coll] = True
        book.busy_line[other] = True
    ids = others["id"].to_numpy()[other]
    score = rung.score - 2 * (accepted["gap"].to_numpy() != 0) - 5 * ~accepted["near"].to_numpy(dtype=bool)
    return pd.DataFrame(
        {
            "collection_id": book.coll["id"].to_numpy()[coll],
            "line_id": ids if is_bank else 0,
            "posting_id": 0 if is_bank else ids,
            "amount": amount,
            "rule": rung.name,
            "rule_version": rung.version,
            "score": np.maximum(score, 1),
            "key": accepted["key"].to_numpy(),
        }
    )


def linked_amounts(book: Book, accepted: pd.DataFrame) -> Any:
    """Minor units of each accepted claim: set by the rung, or the receipt's open amount less what exceeds the credit."""
    if "amount" in accepted:
        return accepted["amount"].to_numpy(dtype="int64")
    amount = (accepted["coll_open"] - accepted["gap"].clip(lower=0)).to_numpy(dtype="int64", copy=True)
    bundles = accepted["solution"].duplicated(keep=False).to_numpy()
    if bundles.any():
        amount[bundles] = amounts(accepted[bundles], book.coll["ref"]).to_numpy(dtype="int64")
    return amount
